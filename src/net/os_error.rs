//! errno(3) told apart: what says something about the target, and what says that this host ran out of something.

use std::io;

use nix::libc;

use crate::model::fact::ConnectErrorKind;
use crate::model::fault::Fault;
use crate::model::trace::VantageError;

/// This host's own shortage, when the error is one (EMFILE, ENFILE, ENOBUFS, ENOMEM): never the target's fault.
#[must_use]
pub fn exhausted(error: &io::Error) -> Option<VantageError> {
    let what = match error.raw_os_error()? {
        libc::EMFILE => "open another socket: too many open files in this process (EMFILE, see ulimit -n)",
        libc::ENFILE => "open another socket: too many open files on this host (ENFILE)",
        libc::ENOBUFS => "open another socket: no buffer space (ENOBUFS)",
        libc::ENOMEM => "open another socket: out of memory (ENOMEM)",
        _ => return None,
    };
    Some(VantageError::Exhausted { reason: what.to_owned() })
}

/// The kind of an errno from connect(2).
#[must_use]
pub fn connect_kind(errno: Option<i32>) -> ConnectErrorKind {
    match errno {
        Some(libc::ECONNREFUSED) => ConnectErrorKind::Refused,
        Some(libc::ETIMEDOUT) => ConnectErrorKind::TimedOut,
        Some(libc::EHOSTUNREACH) => ConnectErrorKind::HostUnreachable,
        Some(libc::ENETUNREACH | libc::EAFNOSUPPORT) => ConnectErrorKind::NetworkUnreachable,
        Some(libc::EACCES | libc::EPERM) => ConnectErrorKind::Prohibited,
        Some(libc::ECONNRESET) => ConnectErrorKind::Reset,
        Some(libc::EADDRNOTAVAIL) => ConnectErrorKind::AddressUnavailable,
        _ => ConnectErrorKind::Other,
    }
}

/// The peer dropped an established connection (ECONNRESET, EPIPE, ECONNABORTED).
#[must_use]
pub fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}

/// What an error on an established connection says: that the peer dropped it, closed it, or that something on the way
/// broke it, whose errno is kept.
#[must_use]
pub fn broken(error: &io::Error, waiting_for: &str, received: u64) -> Fault {
    let during = || format!("waiting for {waiting_for}");
    if is_reset(error) {
        Fault::Reset { during: during() }
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        Fault::ClosedEarly { waiting_for: waiting_for.to_owned(), received }
    } else {
        Fault::ConnectionLost { during: during(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ended_a_connection_is_told() {
        let id = |errno| broken(&io::Error::from_raw_os_error(errno), "banner", 7).id();
        assert_eq!(id(libc::ECONNRESET), "reset");
        assert_eq!(id(libc::EPIPE), "reset");
        let lost = broken(&io::Error::from_raw_os_error(libc::EHOSTUNREACH), "banner", 7);
        assert_eq!(
            lost.to_string(),
            "connection lost while waiting for banner: No route to host (os error 113)"
        );
        let closed = broken(&io::ErrorKind::UnexpectedEof.into(), "banner", 7);
        assert_eq!(closed.id(), "closed_early");
    }
}
