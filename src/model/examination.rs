//! What is asked beyond a check itself, once it has failed, so that its cause can be named.

use std::net::SocketAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outline::VantageId;
use super::trace::Trace;

/// Why something was looked at beyond the check itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// The same probe from another place.
    Elsewhere,
    /// The same probe from the same place, once more.
    Again,
    /// The target's port, on loopback, from the target's own host.
    Loopback,
    /// A connection to the address that the baseline had.
    BaselineAddress {
        /// The address.
        address: SocketAddr,
    },
    /// A connection to another port of the same host: any answer shows that the host is there.
    OtherPort {
        /// The address.
        address: SocketAddr,
    },
    /// What the place knows of the target's name, and who told it.
    Names,
    /// What listens on the target's own host.
    Listeners,
    /// Connections that the place has to the target, and to its address of the baseline.
    Sockets,
    /// The same probe in another way, such as in clear text or without the proxy.
    Otherwise {
        /// The way, in a word, such as `plain`.
        way: String,
    },
    /// A question of a newer version.
    #[serde(other)]
    Unknown,
}

/// The ways of [`Question::Otherwise`] that more than one module knows.
pub mod ways {
    /// An HTTP request in clear text, with nothing of the check in it but its host and port.
    pub const PLAIN: &str = "plain";
    /// The same without the proxy.
    pub const NO_PROXY: &str = "no-proxy";
    /// The same as the vantage's own user and with its own environment, not as the application.
    pub const OWN_ENVIRONMENT: &str = "own-environment";
    /// A client hello up to TLS 1.2, with old cipher suites too.
    pub const HELLO: &str = "hello";
    /// The same with the suites only that are still safe.
    pub const SAFE_SUITES: &str = "safe-suites";
    /// A hello with old suites without a name (SNI).
    pub const NO_NAME: &str = "no-name";
    /// A client hello of TLS 1.1.
    pub const OLD_VERSIONS: &str = "old-versions";
    /// A handshake with TLS 1.2.
    pub const TLS_1_2: &str = "tls-1.2";
    /// A handshake with TLS 1.3.
    pub const TLS_1_3: &str = "tls-1.3";
    /// A handshake that offers HTTP/2 only.
    pub const H2: &str = "h2";
    /// A handshake at the same address, with the name that the server is known by.
    pub const BY_NAME: &str = "by-name";
    /// A handshake without our own certificate.
    pub const NO_CLIENT_CERTIFICATE: &str = "no-client-certificate";
    /// A handshake with the system's trust store.
    pub const SYSTEM_TRUST: &str = "system-trust";
}

/// What one question brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Why it was asked.
    #[serde(flatten)]
    pub question: Question,
    /// Where it was looked from.
    pub vantage: VantageId,
    /// What was seen.
    pub trace: Trace,
}

/// What a check showed when the baseline was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    /// When it was seen.
    pub at: Timestamp,
    /// What was seen.
    pub trace: Trace,
}

/// Everything that was asked about one check from one vantage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Examination {
    /// What the baseline has of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The answers, in no order that matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
}
