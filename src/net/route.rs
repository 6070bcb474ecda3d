//! The route layer: does the kernel have a way to the address, and from which source address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::libc;
use socket2::{Domain, Socket, Type};

use super::os_error::{connect_kind, exhausted};
use crate::model::fact::{Attempt, ConnectError, Fact};
use crate::model::fault::Fault;
use crate::model::trace::Trouble;

/// Ask the kernel by connecting a UDP socket (ip(7)): no packet is sent, and it takes microseconds.
///
/// # Errors
/// `NoRoute` for ENETUNREACH, `Prohibited` for EACCES and EPERM, `Unreachable` for EHOSTUNREACH, else `ConnectFailed`;
/// `VantageError::Exhausted` when this host has no socket left.
pub fn route(address: IpAddr) -> Result<(Fact, IpAddr), Trouble> {
    /// connect(2) of a datagram socket needs a port, and any will do; this is discard (RFC 863).
    const DISCARD: u16 = 9;
    let target = SocketAddr::new(address, DISCARD);
    let source = Socket::new(Domain::for_address(target), Type::DGRAM, None)
        .and_then(|socket| {
            socket.connect(&target.into())?;
            socket.local_addr()
        })
        .map_err(|error| trouble(address, &error))?
        .as_socket()
        .map_or(address, |source| source.ip());
    Ok((Fact::Routed { address, source }, source))
}

/// Routes found a moment ago: a thousand probes of one server need not ask a thousand times.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    known: Mutex<HashMap<IpAddr, (Instant, Fact)>>,
}

impl Routes {
    /// The same as [`route`], or its answer of at most a second ago. Troubles are always asked about again.
    pub(crate) fn route(&self, address: IpAddr) -> Result<Fact, Trouble> {
        const MOMENT: Duration = Duration::from_secs(1);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, fact)) = known.get(&address).filter(|(asked, _)| asked.elapsed() < MOMENT) {
            return Ok(fact.clone());
        }
        let (fact, _) = route(address)?;
        known.insert(address, (Instant::now(), fact.clone()));
        Ok(fact)
    }
}

fn trouble(address: IpAddr, error: &std::io::Error) -> Trouble {
    if let Some(shortage) = exhausted(error) {
        return shortage.into();
    }
    let errno = error.raw_os_error();
    let attempts = || {
        let error = ConnectError { kind: connect_kind(errno), errno, offender: None, icmp: None };
        vec![Attempt { address: SocketAddr::new(address, 0), took_ms: 0.0, error: Some(error) }]
    };
    match errno {
        // EAFNOSUPPORT: the address family is switched off, so there is no route either.
        Some(errno @ (libc::ENETUNREACH | libc::EAFNOSUPPORT)) => {
            Fault::NoRoute { address: address.to_string(), errno }.into()
        }
        Some(errno @ (libc::EACCES | libc::EPERM)) => {
            Fault::Prohibited { address: address.to_string(), errno }.into()
        }
        Some(libc::EHOSTUNREACH) => Fault::Unreachable { attempts: attempts() }.into(),
        _ => Fault::ConnectFailed { attempts: attempts() }.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        let (_, source) = route(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert_eq!(source, IpAddr::from(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn errnos_are_told_apart() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let id = |errno| match trouble(address, &std::io::Error::from_raw_os_error(errno)) {
            Trouble::Fault(fault) => fault.id(),
            Trouble::Blind(_) => "blind",
        };
        assert_eq!(id(libc::ENETUNREACH), "no_route");
        assert_eq!(id(libc::EACCES), "prohibited");
        assert_eq!(id(libc::EHOSTUNREACH), "unreachable");
        assert_eq!(id(libc::EINVAL), "connect_failed");
        assert_eq!(id(libc::EMFILE), "blind");
    }
}
