//! What one probe showed from one vantage, layer by layer.

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::fault::Fault;
use super::layer::Layer;
use super::permission::{Counts, Finding};
use super::response::Response;

/// What one layer showed, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The layer.
    pub layer: Layer,
    /// Milliseconds spent in this layer, with microseconds as decimals.
    pub took_ms: f64,
    /// Which address it is about, when a probe carries several through its layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// What it showed.
    #[serde(flatten)]
    pub seen: Seen,
    /// The answer that broke it, when one came at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<Response>>,
}

/// A layer worked or broke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It worked, and showed this.
    Worked(Fact),
    /// It broke, like this.
    Broke(Fault),
}

/// The observations of one probe from one vantage, in the order they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// What each layer showed.
    pub observations: Vec<Observation>,
    /// How the probe ended.
    pub ended: Ended,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It ran to its end, or to the layer that broke.
    Complete,
    /// We stopped it.
    Cancelled,
    /// We could not look: says nothing about the target.
    Blind(VantageError),
}

/// Why we could not look. Never a fault of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum VantageError {
    /// A secret could not be had.
    #[error("secret {secret} is not available: {reason}")]
    Secret {
        /// The secret's address, such as `env ORDERS_PASSWORD`.
        secret: String,
        /// Why.
        reason: String,
    },
    /// A file the probe needs could not be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {reason}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// Our own certificate and private key are no pair.
    #[error("the private key {key} does not belong to the certificate {certificate}")]
    KeyMismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
    /// A local setting is unusable.
    #[error("{setting} is unusable: {reason}")]
    Setting {
        /// The setting, such as `sslrootcert` or `~/.pgpass`.
        setting: String,
        /// Why.
        reason: String,
    },
    /// This host is out of something: file descriptors, memory, ports.
    #[error("this host cannot: {reason}")]
    Exhausted {
        /// What is missing.
        reason: String,
    },
    /// The vantage itself cannot be used: its words do not start our program there, or it cannot be put there.
    #[error("vantage {vantage} cannot be used: {reason}")]
    Unusable {
        /// The vantage's id.
        vantage: String,
        /// Why, and what was said on the way.
        reason: String,
    },
    /// The vantage was lost while it was looking.
    #[error("vantage {vantage} was lost before it answered: {reason}")]
    Lost {
        /// The vantage's id.
        vantage: String,
        /// Why, and what was said on the way.
        reason: String,
    },
    /// The far side does not understand what it is asked: it is older, or newer.
    #[error("vantage {vantage} refuses: {reason}")]
    Refused {
        /// The vantage's id.
        vantage: String,
        /// Why.
        reason: String,
    },
    /// Our own defect; the probe is abandoned, the run goes on.
    #[error("internal error: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
    /// An error of a newer version.
    #[error("an error this version does not know")]
    #[serde(other)]
    Unknown,
}

impl Trace {
    /// The first broken observation, which is the lowest broken layer.
    #[must_use]
    pub fn broken(&self) -> Option<(Layer, &Fault)> {
        self.observations.iter().find_map(|observation| match &observation.seen {
            Seen::Broke(fault) => Some((observation.layer, fault)),
            Seen::Worked(_) => None,
        })
    }

    /// Only a shell's own commands looked, which see less than our program.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        let reduced = |observation: &Observation| {
            matches!(&observation.seen, Seen::Worked(Fact::LookedFrom { reduced: Some(_), .. }))
        };
        self.observations.first().is_some_and(reduced)
    }

    /// The HTTP answer that broke it, else its last.
    #[must_use]
    pub fn answer(&self) -> Option<&Response> {
        let mut last = None;
        for observation in &self.observations {
            match &observation.seen {
                Seen::Worked(Fact::Responded(response)) => last = Some(&**response),
                // What was answered before the rest is not what came after it.
                Seen::Worked(Fact::Idled { .. }) => last = None,
                Seen::Worked(_) => {}
                Seen::Broke(_) => return observation.answer.as_deref().or(last),
            }
        }
        last
    }

    /// Permissions that differ, whether it matters or not, and how many open ones are not in that list.
    #[must_use]
    pub fn findings(&self) -> (&[Finding], Counts) {
        let found = self.observations.iter().rev().find_map(|observation| match &observation.seen {
            Seen::Broke(Fault::PermissionsDiffer { findings, left_out })
            | Seen::Worked(Fact::Permitted { findings, left_out, .. }) => {
                Some((findings.as_slice(), *left_out))
            }
            Seen::Broke(_) | Seen::Worked(_) => None,
        });
        found.unwrap_or_default()
    }

    /// A probe that could not look at all.
    #[must_use]
    pub const fn blind(error: VantageError) -> Self {
        Self { observations: Vec::new(), ended: Ended::Blind(error) }
    }
}

/// What a step can come to, when it does not work.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The target's fault.
    Fault(Fault),
    /// Ours.
    Blind(VantageError),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<VantageError> for Trouble {
    fn from(error: VantageError) -> Self {
        Self::Blind(error)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worked(fact) => write!(f, "{fact}"),
            Self::Broke(fault) => write!(f, "{fault}"),
        }
    }
}
