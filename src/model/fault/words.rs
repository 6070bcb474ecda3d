//! Faults in one sentence each, for people.

use std::fmt;

use super::{Distrust, Fault, Mismatch, ServerError};
use crate::model::fact::{Attempt, ConnectErrorKind};
use crate::model::permission::sentence;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNotFound { name, by } => write!(f, "{name} does not exist (says {by})"),
            Self::NoRecord { name, record_type, by } => {
                write!(f, "{name} has no {record_type} record (says {by})")
            }
            Self::ServerFailure { name, by } => write!(f, "{by} failed to answer for {name}"),
            Self::QueryRefused { name, by } => write!(f, "{by} refuses to answer for {name}"),
            Self::ResolverFailed { name, code } => write!(f, "{name} does not resolve: {code}"),
            Self::NoRoute { address, .. } => write!(f, "no route to {address} (ENETUNREACH)"),
            Self::Prohibited { address, errno } => {
                write!(f, "a local rule prohibits {address} (errno {errno})")
            }
            Self::Refused { attempts } => attempted(f, "refused", "ECONNREFUSED", attempts),
            Self::ConnectTimedOut { attempts } => attempted(f, "no answer from", "timeout", attempts),
            Self::Unreachable { attempts } => attempted(f, "cannot reach", "unreachable", attempts),
            Self::ConnectFailed { attempts } => {
                let kind = attempts.iter().find_map(|attempt| attempt.error.as_ref()).map(|error| error.kind);
                let why = match kind {
                    Some(ConnectErrorKind::Prohibited) => "prohibited",
                    Some(ConnectErrorKind::Reset) => "ECONNRESET",
                    Some(ConnectErrorKind::AddressUnavailable) => "EADDRNOTAVAIL",
                    Some(
                        ConnectErrorKind::Refused
                        | ConnectErrorKind::TimedOut
                        | ConnectErrorKind::HostUnreachable
                        | ConnectErrorKind::NetworkUnreachable
                        | ConnectErrorKind::Other,
                    )
                    | None => "failed",
                };
                attempted(f, "cannot connect to", why, attempts)
            }
            Self::SocketFailed { path, reason } => write!(f, "{path}: {reason}"),
            Self::Reset { during } => write!(f, "connection reset while {during}"),
            Self::ConnectionLost { during, reason } => write!(f, "connection lost while {during}: {reason}"),
            Self::ClosedEarly { waiting_for, received } => {
                write!(f, "closed after {received} bytes, while waiting for {waiting_for}")
            }
            Self::TimedOut { waiting_for, limit_ms } => {
                write!(f, "no {waiting_for} within {}", seconds(*limit_ms))
            }
            Self::Distrusted { reasons, .. } => joined(f, reasons),
            Self::AlertReceived { alert } => write!(f, "the server sent TLS alert {alert}"),
            Self::ClientCertificateRefused { alert, sent: true, .. } => {
                write!(f, "the server refused our client certificate ({alert})")
            }
            Self::ClientCertificateRefused { alert, sent: false, .. } => {
                write!(f, "the server wants a client certificate and none is given ({alert})")
            }
            Self::NotTls { head } => write!(f, "the answer is not TLS: {head}"),
            Self::TlsNotOffered { said } => write!(f, "the server offers no TLS: {said}"),
            Self::HandshakeFailed { reason, .. } => write!(f, "TLS handshake failed: {reason}"),
            Self::BadProtocol { expected, reason, .. } => write!(f, "not {expected}: {reason}"),
            Self::BadCompression { encoding, reason } => write!(f, "broken {encoding}: {reason}"),
            Self::TooLarge { what, limit } => write!(f, "{what} is larger than {limit} bytes"),
            Self::ProxyRefused { status } => write!(f, "the proxy answered {status} to CONNECT"),
            Self::Unauthorized { status, offered } if offered.is_empty() => {
                write!(f, "{status}: credentials are missing or refused")
            }
            Self::Unauthorized { status, offered } => {
                write!(f, "{status}: credentials are missing or refused (wants ")?;
                joined(f, offered)?;
                f.write_str(")")
            }
            Self::Forbidden { status } => write!(f, "{status}: known, but not allowed"),
            Self::LoginRefused(error) | Self::StatementFailed(error) => write!(f, "{error}"),
            Self::Mismatch { mismatches, .. } => joined(f, mismatches),
            Self::PermissionsDiffer { findings, left_out } => f.write_str(&sentence(findings, *left_out)),
            Self::KeyMissing { source, key } => write!(f, "{source} has no {key}"),
            Self::RecordedFail { by, evidence } => {
                write!(f, "{by} recorded a fail")?;
                match evidence {
                    Some(evidence) => write!(f, ": {evidence}"),
                    None => Ok(()),
                }
            }
            Self::Unknown => f.write_str("a fault this version does not know"),
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { not_after } => write!(f, "certificate expired {not_after}"),
            Self::NotYetValid { not_before } => write!(f, "certificate not valid before {not_before}"),
            Self::NameMismatch { wanted, names } => {
                write!(f, "certificate is not for {wanted} but for ")?;
                if names.is_empty() { f.write_str("no name") } else { joined_by(f, names, ", ") }
            }
            Self::SelfSigned => f.write_str("self-signed certificate that is not in the trust store"),
            Self::UnknownIssuer { issuer } => write!(f, "unknown issuer {issuer}"),
            Self::MissingIntermediate { issuer } => {
                write!(f, "the server does not send the certificate of its issuer {issuer} along")
            }
            Self::WrongUse { uses } => {
                f.write_str("certificate is not for a server")?;
                if uses.is_empty() {
                    return Ok(());
                }
                f.write_str(" but for ")?;
                joined_by(f, uses, ", ")
            }
            Self::WeakSignature { signature } => {
                write!(f, "certificate signed with {signature}, which is not accepted")
            }
            Self::Revoked => f.write_str("certificate revoked"),
            Self::Other { said } => f.write_str(said),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sqlstate, self.message)?;
        for (word, part) in [("detail", &self.detail), ("hint", &self.hint)] {
            if let Some(part) = part {
                write!(f, "; {word}: {part}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, want {}", self.what, self.got, self.expected)
    }
}

fn attempted(f: &mut fmt::Formatter<'_>, verb: &str, why: &str, attempts: &[Attempt]) -> fmt::Result {
    write!(f, "{verb} ")?;
    joined_by(f, attempts.iter().map(|attempt| attempt.address), ", ")?;
    write!(f, " ({why}")?;
    if let Some(offender) =
        attempts.iter().find_map(|attempt| attempt.error.as_ref().and_then(|error| error.offender))
    {
        write!(f, ", told by {offender}")?;
    }
    let total: f64 = attempts.iter().map(|attempt| attempt.took_ms).sum();
    if total >= 100.0 {
        write!(f, " after {:.1} s", total / 1000.0)?;
    }
    f.write_str(")")
}

fn joined<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    joined_by(f, items, "; ")
}

fn joined_by<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn seconds(milliseconds: u64) -> String {
    if milliseconds.is_multiple_of(1000) {
        format!("{} s", milliseconds / 1000)
    } else {
        format!("{milliseconds} ms")
    }
}
