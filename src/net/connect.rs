//! The TCP layer: connects to every address, each with its own limit, and keeps the whole cause of each failure.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4RecvErr, Ipv6RecvErr},
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpStream, UnixStream};

use super::os_error::{connect_kind, exhausted};
use super::stream::Plain;
use crate::clock::milliseconds;
use crate::model::fact::{Attempt, ConnectError, ConnectErrorKind, Fact};
use crate::model::fault::Fault;
use crate::model::trace::{Trouble, VantageError};

/// The longest one address is waited for: above the 3.06 s after which the kernel gives up on ARP.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// Once the address that carries has answered, the others get this long: one lost SYN is sent again after 1 s.
const GRACE: Duration = Duration::from_millis(1500);
/// More addresses than this are not tried for one that answers.
pub const MOST_ADDRESSES: usize = 16;

/// An open TCP connection.
#[derive(Debug)]
pub struct Connection {
    /// The peer.
    pub address: SocketAddr,
    /// The connection.
    pub stream: TcpStream,
}

/// What came of every address, in the order given.
#[derive(Debug)]
pub struct Connected {
    /// Each attempt, for the trace.
    pub attempts: Vec<Attempt>,
    /// The connections that were made, in the same order.
    pub open: Vec<Connection>,
}

/// Connect to every address (of many the first 16) at once, and carry on with the first in order that answers.
///
/// Addresses after it that do not answer soon are recorded as timed out; happy eyeballs (RFC 8305) is not used, because
/// it hides which address is bad.
///
/// # Errors
/// `Refused`, `ConnectTimedOut`, `Unreachable` or `ConnectFailed` by the first address's errno, with every attempt;
/// `VantageError::Exhausted` when this host has no socket left.
pub async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<(Fact, Connection), Trouble> {
    let addresses = addresses.get(..MOST_ADDRESSES).unwrap_or(addresses);
    let Connected { attempts, mut open } = connect_each(addresses, limit, Some(GRACE)).await?;
    if open.is_empty() {
        return Err(fault(attempts).into());
    }
    let connection = open.swap_remove(0);
    Ok((fact(&connection, attempts)?, connection))
}

/// Connect to every address at once and wait for each.
///
/// # Errors
/// `VantageError::Exhausted` when this host has no socket left; failed attempts are not errors here.
pub async fn connect_all(addresses: &[SocketAddr], limit: Duration) -> Result<Connected, VantageError> {
    connect_each(addresses, limit, None).await
}

/// The fact of a connection that was made.
///
/// # Errors
/// A fault, when the peer has already reset it and our own end is no longer known.
pub fn fact(connection: &Connection, attempts: Vec<Attempt>) -> Result<Fact, Fault> {
    let source =
        connection.stream.local_addr().map_err(|_| Fault::Reset { during: "connecting".to_owned() })?;
    Ok(Fact::Connected { address: connection.address, source, attempts })
}

/// The fault of attempts of which none worked, by the kind of the first.
#[must_use]
pub fn fault(attempts: Vec<Attempt>) -> Fault {
    let kind = attempts.iter().find_map(|attempt| attempt.error.as_ref()).map(|error| error.kind);
    match kind {
        Some(ConnectErrorKind::Refused) => Fault::Refused { attempts },
        Some(ConnectErrorKind::TimedOut) => Fault::ConnectTimedOut { attempts },
        Some(ConnectErrorKind::HostUnreachable | ConnectErrorKind::NetworkUnreachable) => {
            Fault::Unreachable { attempts }
        }
        Some(
            ConnectErrorKind::Prohibited
            | ConnectErrorKind::Reset
            | ConnectErrorKind::AddressUnavailable
            | ConnectErrorKind::Other,
        )
        | None => Fault::ConnectFailed { attempts },
    }
}

/// Connect to a Unix socket.
///
/// # Errors
/// `SocketFailed` with the errno's text; `VantageError::Exhausted` when this host has no socket left.
pub async fn connect_unix(path: &Path) -> Result<(Fact, Plain), Trouble> {
    let shown = path.display().to_string();
    match UnixStream::connect(path).await {
        Ok(stream) => Ok((Fact::ConnectedLocally { path: shown }, Plain::Unix(stream))),
        Err(error) => Err(match exhausted(&error) {
            Some(shortage) => shortage.into(),
            None => Fault::SocketFailed { path: shown, reason: error.to_string() }.into(),
        }),
    }
}

async fn connect_each(
    addresses: &[SocketAddr],
    limit: Duration,
    grace: Option<Duration>,
) -> Result<Connected, VantageError> {
    if let [address] = addresses {
        let (attempt, stream) = attempt(*address, limit).await?;
        let open = stream.map(|stream| Connection { address: *address, stream }).into_iter().collect();
        return Ok(Connected { attempts: vec![attempt], open });
    }
    let began = Instant::now();
    let mut results: Vec<Option<(Attempt, Option<TcpStream>)>> = addresses.iter().map(|_| None).collect();
    let mut pending: FuturesUnordered<_> = addresses
        .iter()
        .enumerate()
        .map(|(index, address)| async move { (index, attempt(*address, limit).await) })
        .collect();
    let patience = tokio::time::sleep(limit + GRACE);
    tokio::pin!(patience);
    let mut carried = false;
    loop {
        tokio::select! {
            next = pending.next() => match next {
                Some((index, result)) => {
                    if let Some(slot) = results.get_mut(index) {
                        *slot = Some(result?);
                    }
                }
                None => break,
            },
            () = &mut patience => break,
        }
        // The carrier is known once every address before it has failed.
        let settled = results.iter().map_while(Option::as_ref).find(|(_, stream)| stream.is_some());
        if let (Some(grace), Some(_), false) = (grace, settled, carried) {
            carried = true;
            patience.as_mut().reset(tokio::time::Instant::now() + grace);
        }
    }
    drop(pending);
    let waited = began.elapsed();
    let mut connected = Connected { attempts: Vec::with_capacity(addresses.len()), open: Vec::new() };
    for (address, result) in addresses.iter().zip(results) {
        let (attempt, stream) = result.unwrap_or_else(|| (timed_out(*address, waited), None));
        connected.attempts.push(attempt);
        connected.open.extend(stream.map(|stream| Connection { address: *address, stream }));
    }
    Ok(connected)
}

async fn attempt(address: SocketAddr, limit: Duration) -> Result<(Attempt, Option<TcpStream>), VantageError> {
    let began = Instant::now();
    let opened = tokio::time::timeout(limit, open(address)).await;
    let took_ms = milliseconds(began.elapsed());
    match opened {
        Ok(Ok(stream)) => Ok((Attempt { address, took_ms, error: None }, Some(stream))),
        Ok(Err(Failed { error, icmp })) => {
            if let Some(shortage) = exhausted(&error) {
                return Err(shortage);
            }
            let errno = error.raw_os_error();
            let (offender, icmp) = icmp.unzip();
            let error = ConnectError { kind: connect_kind(errno), errno, offender, icmp };
            Ok((Attempt { address, took_ms, error: Some(error) }, None))
        }
        Err(_) => Ok((timed_out(address, began.elapsed()), None)),
    }
}

fn timed_out(address: SocketAddr, waited: Duration) -> Attempt {
    let error = ConnectError { kind: ConnectErrorKind::TimedOut, errno: None, offender: None, icmp: None };
    Attempt { address, took_ms: milliseconds(waited), error: Some(error) }
}

struct Failed {
    error: io::Error,
    /// Who sent an ICMP error, with its type and code.
    icmp: Option<(IpAddr, (u8, u8))>,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self { error, icmp: None }
    }
}

async fn open(address: SocketAddr) -> Result<TcpStream, Failed> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    queue_errors(&socket, address, true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        None => {
            queue_errors(&stream, address, false)?;
            Ok(stream)
        }
        Some(error) => {
            let icmp = icmp(&stream);
            Err(Failed { error, icmp })
        }
    }
}

/// With the error queue on, ICMP errors come at once and name the host that sent them (ip(7), `IP_RECVERR`). An
/// established connection has it off: there one ICMP message would end what TCP itself carries past a passing trouble.
fn queue_errors(socket: &impl AsFd, address: SocketAddr, on: bool) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4RecvErr, &on),
        SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvErr, &on),
    }
    .map_err(io::Error::from)
}

/// The host that sent the ICMP error, and what it said, from the socket's error queue.
fn icmp(stream: &TcpStream) -> Option<(IpAddr, (u8, u8))> {
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let mut payload = [0; 64];
    let mut parts = [IoSliceMut::new(&mut payload)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(stream.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
    let mut found = None;
    for control in message.cmsgs().ok()? {
        if let ControlMessageOwned::Ipv4RecvErr(error, Some(address)) = &control
            && i32::from(address.sin_family) == libc::AF_INET
        {
            let offender = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into();
            found = Some((offender, (error.ee_type, error.ee_code)));
        } else if let ControlMessageOwned::Ipv6RecvErr(error, Some(address)) = &control
            && i32::from(address.sin6_family) == libc::AF_INET6
        {
            let offender = Ipv6Addr::from(address.sin6_addr.s6_addr).into();
            found = Some((offender, (error.ee_type, error.ee_code)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::scripted::{closed_port, full_queue, serve};

    const SHORT: Duration = Duration::from_millis(400);

    fn kinds(attempts: &[Attempt]) -> Vec<Option<ConnectErrorKind>> {
        attempts.iter().map(|attempt| attempt.error.as_ref().map(|error| error.kind)).collect()
    }

    #[tokio::test]
    async fn the_first_in_order_that_answers_carries() {
        let (one, two) = (serve(|_| async {}).await, serve(|_| async {}).await);
        let closed = closed_port().await;
        let (_socket, _fillers, full) = full_queue().await;
        for (addresses, carrier, wanted) in [
            (vec![one, two], one, vec![None, None]),
            (vec![closed, two, one], two, vec![Some(ConnectErrorKind::Refused), None, None]),
            (vec![full, one], one, vec![Some(ConnectErrorKind::TimedOut), None]),
            (vec![one, full], one, vec![None, Some(ConnectErrorKind::TimedOut)]),
        ] {
            let (fact, connection) = connect(&addresses, SHORT).await.unwrap();
            assert_eq!(connection.address, carrier);
            let Fact::Connected { address, attempts, .. } = fact else { panic!() };
            assert_eq!(address, carrier);
            assert_eq!(kinds(&attempts), wanted, "{addresses:?}");
        }
    }

    #[tokio::test]
    async fn an_address_that_carries_is_not_held_up_for_long_by_a_dead_one() {
        let one = serve(|_| async {}).await;
        let (_socket, _fillers, full) = full_queue().await;
        let began = Instant::now();
        connect(&[one, full], CONNECT_LIMIT).await.unwrap();
        assert!(began.elapsed() < 2 * GRACE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn failures_keep_their_errno() {
        let closed = closed_port().await;
        let Err(Trouble::Fault(Fault::Refused { attempts })) = connect(&[closed, closed], SHORT).await else {
            panic!()
        };
        assert_eq!(attempts.len(), 2);
        assert_eq!(attempts[0].error.as_ref().unwrap().errno, Some(libc::ECONNREFUSED));
        assert_eq!(attempts[0].error.as_ref().unwrap().offender, None);
        let (_socket, _fillers, full) = full_queue().await;
        let Err(Trouble::Fault(fault)) = connect(&[full], SHORT).await else { panic!() };
        assert_eq!(fault.id(), "connect_timed_out");
        let connected = connect_all(&[closed, full], SHORT).await.unwrap();
        assert!(connected.open.is_empty());
        assert_eq!(
            kinds(&connected.attempts),
            [Some(ConnectErrorKind::Refused), Some(ConnectErrorKind::TimedOut)]
        );
    }

    #[tokio::test]
    async fn unix_sockets_are_connected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let Err(Trouble::Fault(fault)) = connect_unix(&path).await else { panic!() };
        assert_eq!(fault.id(), "socket_failed");
        let _listener = tokio::net::UnixListener::bind(&path).unwrap();
        assert!(connect_unix(&path).await.is_ok());
    }
}
