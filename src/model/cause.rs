//! What diagnosis says: the cause of a failure, the contrast that proves it, and what to do.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layer::Layer;

/// What kind of thing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Names and what answers for them.
    Dns,
    /// The way between two hosts: routes, firewalls, packet sizes.
    Route,
    /// The end of a connection: what listens, and how.
    Tcp,
    /// A proxy on the way.
    Proxy,
    /// Certificates, versions, ciphers.
    Tls,
    /// The protocol of the web.
    Http,
    /// A load balancer, or one node behind it.
    Lb,
    /// Who we are, and what we may do.
    Auth,
    /// The application that answers.
    App,
    /// What an application is configured with.
    Config,
    /// A database.
    Db,
    /// A message broker, as the application that uses it tells of it.
    Mq,
}

impl Family {
    /// The word used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Route => "route",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Lb => "lb",
            Self::Auth => "auth",
            Self::App => "app",
            Self::Config => "config",
            Self::Db => "db",
            Self::Mq => "mq",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where the repair is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The host or the application that calls.
    Source,
    /// The network between the two.
    Network,
    /// Name servers and what they are told.
    Dns,
    /// A proxy or a load balancer on the way.
    Proxy,
    /// The host or the application that is called.
    Target,
    /// Something that the called one needs.
    Dependency,
}

impl Blame {
    /// The word used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Network => "network",
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Target => "target",
            Self::Dependency => "dependency",
        }
    }
}

/// How sure a diagnosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A place that would decide was not looked from.
    Low,
    /// What was seen fits this best.
    Medium,
    /// What was seen fits nothing else that is known.
    High,
}

impl Confidence {
    /// One step less.
    #[must_use]
    pub const fn less(self) -> Self {
        match self {
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }

    /// The word used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A known cause: what is always true of it. Its rule is beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its name, such as `dns-nxdomain`.
    pub id: &'static str,
    /// What kind of thing is broken.
    pub family: Family,
    /// Where the repair is made.
    pub blame: Blame,
    /// One sentence.
    pub what: &'static str,
    /// What tells it from what looks the same.
    pub tells: &'static str,
    /// What to do next, the likeliest first.
    pub next: &'static [&'static str],
}

/// Something that is not as it was when the baseline was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What, such as `address`, `certificate` or `server header`.
    pub what: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub now: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: was {}, is {}", self.what, self.before, self.now)
    }
}

/// The cause of what one check showed from one vantage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The cause, such as `dns-nxdomain`: `gonogo explain` tells about it.
    pub id: Cow<'static, str>,
    /// What kind of thing is broken.
    pub family: Family,
    /// The layer that broke, or that tells.
    pub layer: Layer,
    /// Other causes that what was seen does not exclude.
    pub or: Vec<Cow<'static, str>>,
    /// Who to whom, at which layer, and what was seen; then the cause.
    pub says: String,
    /// The cause alone, in one sentence.
    pub cause: String,
    /// What was seen elsewhere, or before, that proves it.
    pub contrast: String,
    /// What is not as it was, whether it is the cause or not.
    pub changed: Vec<Change>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where the repair is made.
    pub blame: Blame,
    /// Who is called: a person's id.
    pub owner: Option<String>,
    /// What to do next, the likeliest first.
    #[serde(rename = "do")]
    pub next: Vec<String>,
    /// Other checks that fail for the same cause.
    pub explains: Vec<String>,
}
