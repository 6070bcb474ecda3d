//! What broke: facts about the target, never about us (that is a `VantageError`).
//! A new fault is a variant here, a line in `words.rs` and an entry in `explain/faults.rs` (a test asks for it).

mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Attempt, Certificate};
use super::permission::{Counts, Finding};

/// What one layer showed when it broke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The name does not exist (NXDOMAIN, RFC 8020; `EAI_NONAME`).
    NameNotFound {
        /// The name asked for.
        name: String,
        /// Who said so.
        by: String,
    },
    /// The name exists but has no record of the type asked for (NODATA, RFC 2308; `EAI_NODATA`).
    NoRecord {
        /// The name asked for.
        name: String,
        /// The record type.
        record_type: String,
        /// Who said so.
        by: String,
    },
    /// The name server answered SERVFAIL (RFC 1035 section 4.1.1), or `EAI_AGAIN`.
    ServerFailure {
        /// The name asked for.
        name: String,
        /// Who said so.
        by: String,
    },
    /// The name server refused to answer (REFUSED, RFC 1035 section 4.1.1).
    QueryRefused {
        /// The name asked for.
        name: String,
        /// Who said so.
        by: String,
    },
    /// Any other resolver failure, with its code.
    ResolverFailed {
        /// The name asked for.
        name: String,
        /// The EAI code or rcode, with its text.
        code: String,
    },
    /// ENETUNREACH: this host has no route to the address.
    NoRoute {
        /// The address.
        address: String,
        /// The errno.
        errno: i32,
    },
    /// A route or local rule prohibits the address (EACCES, EPERM).
    Prohibited {
        /// The address.
        address: String,
        /// The errno.
        errno: i32,
    },
    /// ECONNREFUSED on the address that decides.
    Refused {
        /// Every address that was tried.
        attempts: Vec<Attempt>,
    },
    /// No answer to SYN.
    ConnectTimedOut {
        /// Every address that was tried.
        attempts: Vec<Attempt>,
    },
    /// EHOSTUNREACH or ENETUNREACH while connecting.
    Unreachable {
        /// Every address that was tried.
        attempts: Vec<Attempt>,
    },
    /// Any other errno from connect(2).
    ConnectFailed {
        /// Every address that was tried.
        attempts: Vec<Attempt>,
    },
    /// The Unix socket could not be connected.
    SocketFailed {
        /// The socket's path.
        path: String,
        /// The errno's text.
        reason: String,
    },
    /// ECONNRESET or EPIPE after the connection was made.
    Reset {
        /// What we were doing.
        during: String,
    },
    /// Any other errno after the connection was made, such as EHOSTUNREACH from a router on the way.
    ConnectionLost {
        /// What we were doing.
        during: String,
        /// The errno's text.
        reason: String,
    },
    /// The peer closed the connection before its answer was complete.
    ClosedEarly {
        /// What we were waiting for.
        waiting_for: String,
        /// Bytes received by then.
        received: u64,
    },
    /// Nothing, or not enough, came within the limit.
    TimedOut {
        /// What we were waiting for.
        waiting_for: String,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The certificates are not trusted; every reason found.
    Distrusted {
        /// Every reason, worst first.
        reasons: Vec<Distrust>,
        /// The chain as sent, leaf first.
        chain: Vec<Certificate>,
        /// Who judged it, and against what.
        verifier: String,
    },
    /// The peer sent a TLS alert (RFC 8446 section 6).
    AlertReceived {
        /// The alert's registered name.
        alert: String,
    },
    /// The server asked for a client certificate and ended without one, or refused ours.
    ClientCertificateRefused {
        /// The alert, or how the connection ended.
        alert: String,
        /// We had sent one.
        sent: bool,
        /// Issuers the server accepts, as distinguished names.
        acceptable_issuers: Vec<String>,
        /// The certificate we had sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ours: Option<Box<Certificate>>,
        /// What is wrong with its dates, by our own clock.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dates: Vec<Distrust>,
    },
    /// The peer does not speak TLS.
    NotTls {
        /// The first bytes of its answer.
        head: String,
    },
    /// The peer speaks its protocol but offers no TLS.
    TlsNotOffered {
        /// What it said.
        said: String,
    },
    /// No protocol version or cipher suite in common, or a broken handshake.
    HandshakeFailed {
        /// The reason.
        reason: String,
        /// The chain as sent, leaf first, as far as the handshake came to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chain: Vec<Certificate>,
    },
    /// The peer does not speak the expected protocol.
    BadProtocol {
        /// The protocol expected.
        expected: String,
        /// What is wrong with the answer.
        reason: String,
        /// The first bytes of the answer.
        head: String,
    },
    /// A compressed body could not be unpacked.
    BadCompression {
        /// The content coding.
        encoding: String,
        /// The reason.
        reason: String,
    },
    /// The answer is larger than we read.
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The proxy refused to connect us.
    ProxyRefused {
        /// The proxy's status code.
        status: u16,
    },
    /// 401 or 407, or a login refused before any SQL.
    Unauthorized {
        /// Status code.
        status: u16,
        /// The challenges offered (RFC 9110 section 11.6).
        offered: Vec<String>,
    },
    /// 403.
    Forbidden {
        /// Status code.
        status: u16,
    },
    /// The database refused the login (SQLSTATE class 28, 3D000, 42501 and 53300 on connect, 57P03).
    LoginRefused(Box<ServerError>),
    /// The database refused a statement.
    StatementFailed(Box<ServerError>),
    /// What came differs from what was expected.
    Mismatch {
        /// Each difference.
        mismatches: Vec<Mismatch>,
        /// The first bytes of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        excerpt: Option<String>,
    },
    /// The permissions are not what they should be.
    PermissionsDiffer {
        /// What differs, worst first.
        findings: Vec<Finding>,
        /// Open findings that are not in the list: it is bounded, as a journal is read by people.
        #[serde(default, skip_serializing_if = "Counts::is_empty")]
        left_out: Counts,
    },
    /// A configuration key is missing.
    KeyMissing {
        /// The file or process.
        source: String,
        /// The key or pattern.
        key: String,
    },
    /// A person recorded a fail.
    RecordedFail {
        /// Who said so.
        by: String,
        /// What they saw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// A fault of a newer version.
    #[serde(other)]
    Unknown,
}

/// One reason not to trust a chain of certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Distrust {
    /// The validity has ended.
    Expired {
        /// End of validity, RFC 3339 in UTC.
        not_after: String,
    },
    /// The validity has not begun.
    NotYetValid {
        /// Start of validity, RFC 3339 in UTC.
        not_before: String,
    },
    /// No name in the certificate matches (RFC 9525).
    NameMismatch {
        /// The name we asked for.
        wanted: String,
        /// The names it carries.
        names: Vec<String>,
    },
    /// The leaf signed itself and is not in the trust store.
    SelfSigned,
    /// The chain ends at an issuer that is not in the trust store.
    UnknownIssuer {
        /// The last issuer of the chain as sent.
        issuer: String,
    },
    /// The leaf is not self-signed and came without the certificate that signed it.
    MissingIntermediate {
        /// The issuer that is missing.
        issuer: String,
    },
    /// The certificate is not made for a server (extended key usage, RFC 5280 section 4.2.1.12).
    WrongUse {
        /// What it is made for, such as `client authentication`.
        uses: Vec<String>,
    },
    /// A certificate of the chain is signed in a way that is no longer accepted, such as with SHA-1.
    WeakSignature {
        /// The algorithm.
        signature: String,
    },
    /// The certificate was revoked.
    Revoked,
    /// Anything else the verifier found.
    Other {
        /// The verifier's words.
        said: String,
    },
}

/// An error of a PostgreSQL server, with every field it sends that helps (protocol section 55.8).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ServerError {
    /// SQLSTATE, five characters.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// Detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The schema, table, column or constraint named by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The routine in the server's source that raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routine: Option<String>,
}

/// One difference between what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// What was looked at, such as `status`, `$.version` or `rows`.
    pub what: String,
    /// What was expected, in words.
    pub expected: String,
    /// What came, as text; `nothing` when it was not there.
    pub got: String,
}

impl Mismatch {
    /// What was looked at when a connection was left idle.
    pub const IDLE_CONNECTION: &str = "idle connection";
}

impl Fault {
    /// What makes two breaks at one server the same: the name, with what a database or a comparison said.
    #[must_use]
    pub fn way(&self) -> String {
        if let Self::LoginRefused(error) | Self::StatementFailed(error) = self {
            return format!("{} {} {}", self.id(), error.sqlstate, error.message);
        }
        if let Self::Mismatch { mismatches, excerpt } = self {
            let told: Vec<String> =
                mismatches.iter().map(|one| format!("{} {}", one.what, one.got)).collect();
            // One status has many causes; times and numbers of requests are no difference.
            let begins = excerpt.as_deref().unwrap_or_default().chars();
            let begins: String = begins.filter(|letter| !letter.is_ascii_digit()).take(200).collect();
            return format!("{} {} {begins}", self.id(), told.join(", "));
        }
        if let Self::Unauthorized { status, offered } = self {
            return format!("{} {status} {}", self.id(), offered.join(", "));
        }
        self.id().to_owned()
    }

    /// The identifier used in results and by `gonogo explain`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::NameNotFound { .. } => "name_not_found",
            Self::NoRecord { .. } => "no_record",
            Self::ServerFailure { .. } => "server_failure",
            Self::QueryRefused { .. } => "query_refused",
            Self::ResolverFailed { .. } => "resolver_failed",
            Self::NoRoute { .. } => "no_route",
            Self::Prohibited { .. } => "prohibited",
            Self::Refused { .. } => "refused",
            Self::ConnectTimedOut { .. } => "connect_timed_out",
            Self::Unreachable { .. } => "unreachable",
            Self::ConnectFailed { .. } => "connect_failed",
            Self::SocketFailed { .. } => "socket_failed",
            Self::Reset { .. } => "reset",
            Self::ConnectionLost { .. } => "connection_lost",
            Self::ClosedEarly { .. } => "closed_early",
            Self::TimedOut { .. } => "timed_out",
            Self::Distrusted { .. } => "distrusted",
            Self::AlertReceived { .. } => "alert_received",
            Self::ClientCertificateRefused { .. } => "client_certificate_refused",
            Self::NotTls { .. } => "not_tls",
            Self::TlsNotOffered { .. } => "tls_not_offered",
            Self::HandshakeFailed { .. } => "handshake_failed",
            Self::BadProtocol { .. } => "bad_protocol",
            Self::BadCompression { .. } => "bad_compression",
            Self::TooLarge { .. } => "too_large",
            Self::ProxyRefused { .. } => "proxy_refused",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::LoginRefused(_) => "login_refused",
            Self::StatementFailed(_) => "statement_failed",
            Self::Mismatch { .. } => "mismatch",
            Self::PermissionsDiffer { .. } => "permissions_differ",
            Self::KeyMissing { .. } => "key_missing",
            Self::RecordedFail { .. } => "recorded_fail",
            Self::Unknown => "unknown",
        }
    }
}
