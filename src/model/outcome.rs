//! Outcomes of a check, and how a trace becomes one.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, Mismatch};
use super::layer::Layer;
use super::trace::{Ended, Trace};

/// The result of one check from one vantage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A working vantage saw what was expected.
    Pass,
    /// Not probed: a need did not pass, deferred, time was up, or a person has not recorded it.
    NotRun,
    /// The vantage went silent; every expected check begins like this.
    NoAnswer,
    /// We could not look.
    Error,
    /// A working vantage saw the target answer wrongly or not at all.
    Fail,
}

impl Outcome {
    /// The word used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotRun => "not_run",
            Self::NoAnswer => "no_answer",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An outcome with the words that explain it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The outcome.
    pub outcome: Outcome,
    /// The layer that decided, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// One sentence.
    pub message: String,
    /// What was expected, when a comparison failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came, when a comparison failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

impl Judgement {
    /// A judgement without a comparison.
    #[must_use]
    pub fn plain(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, layer: None, message: message.into(), expected: None, got: None }
    }

    /// Judge one trace. `layers` are those the probe has; `expect_break` names the one that must stop it.
    #[must_use]
    pub fn of(trace: &Trace, layers: &[Layer], expect_break: Option<Layer>) -> Self {
        let mut judgement = Self::judged(trace, layers, expect_break);
        if trace.is_reduced() {
            judgement.message.push_str("; only shell commands looked (reduced)");
        }
        judgement
    }

    fn judged(trace: &Trace, layers: &[Layer], expect_break: Option<Layer>) -> Self {
        match &trace.ended {
            Ended::Blind(error) => return Self::plain(Outcome::Error, error.to_string()),
            Ended::Cancelled => {
                return Self::plain(Outcome::NotRun, "stopped before an answer came");
            }
            Ended::Complete => {}
        }
        match (trace.broken(), expect_break) {
            (None, None) => Self::complete(trace, layers),
            (Some((layer, fault)), None) => Self::failed(layer, fault),
            (Some((layer, fault)), Some(wanted)) if layer == wanted => Self {
                layer: Some(layer),
                ..Self::plain(Outcome::Pass, format!("stopped as expected: {fault}"))
            },
            (Some((layer, fault)), Some(wanted)) => Self {
                expected: Some(format!("a break at {wanted}")),
                got: Some(format!("a break at {layer}")),
                layer: Some(layer),
                ..Self::plain(Outcome::Fail, format!("broke at {layer}, not at {wanted}: {fault}"))
            },
            (None, Some(wanted)) => Self {
                expected: Some(format!("a break at {wanted}")),
                got: Some("nothing stopped it".to_owned()),
                layer: Some(wanted),
                ..Self::plain(Outcome::Fail, format!("nothing stopped it, want a break at {wanted}"))
            },
        }
    }

    /// A trace without a break passes only when it reached its last layer: silence is not a pass.
    fn complete(trace: &Trace, layers: &[Layer]) -> Self {
        let reached = trace.observations.iter().map(|observation| observation.layer).max();
        let Some((reached, last)) = reached.zip(trace.observations.last()) else {
            return Self::plain(Outcome::NoAnswer, "the probe showed nothing");
        };
        match layers.last() {
            Some(&wanted) if reached < wanted => Self {
                layer: Some(reached),
                ..Self::plain(Outcome::NoAnswer, format!("the probe ended at {reached}, before {wanted}"))
            },
            _ => Self { layer: Some(reached), ..Self::plain(Outcome::Pass, last.seen.to_string()) },
        }
    }

    fn failed(layer: Layer, fault: &Fault) -> Self {
        let (expected, got) = if let Fault::Mismatch { mismatches, .. } = fault {
            (
                Some(texts(mismatches, |mismatch| &mismatch.expected)),
                Some(texts(mismatches, |mismatch| &mismatch.got)),
            )
        } else {
            (None, None)
        };
        Self { outcome: Outcome::Fail, layer: Some(layer), message: fault.to_string(), expected, got }
    }
}

fn texts(mismatches: &[Mismatch], field: impl Fn(&Mismatch) -> &String) -> String {
    match mismatches {
        [only] => field(only).clone(),
        several => several
            .iter()
            .map(|mismatch| format!("{}: {}", mismatch.what, field(mismatch)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}
