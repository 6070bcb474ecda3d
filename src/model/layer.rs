//! The layers a probe passes, ordered by depth: the lowest broken one is the one to repair.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step on the way from a vantage to an answer, ordered by depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Our own access to the place the probe runs from.
    Vantage,
    /// From a name to addresses.
    Dns,
    /// From an address to a local source address and device.
    Route,
    /// The three-way handshake.
    Tcp,
    /// The TLS handshake and the judgement of the certificates.
    Tls,
    /// The application protocol: framing, status, headers.
    Protocol,
    /// Who we are and what we may do.
    Auth,
    /// What the target answered.
    Payload,
}

impl Layer {
    /// Every layer, shallowest first.
    pub const ALL: [Self; 8] = [
        Self::Vantage,
        Self::Dns,
        Self::Route,
        Self::Tcp,
        Self::Tls,
        Self::Protocol,
        Self::Auth,
        Self::Payload,
    ];

    /// The word used in plans and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vantage => "vantage",
            Self::Dns => "dns",
            Self::Route => "route",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Auth => "auth",
            Self::Payload => "payload",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
