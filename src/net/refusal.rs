//! What a name server says when it does not answer: an ICMP error, or a bare refusal. A resolver's library drops both, the
//! one because its sockets are not connected, the other because it repeats no question.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::net::UdpSocket;

/// A server that answers has done so by then, and is not asked twice.
const PATIENCE: Duration = Duration::from_millis(300);
/// Bytes of a message's header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;

/// Ask once more over a connected socket, and wait for a refusal alone: it never ends without one.
pub(super) async fn refusal(server: SocketAddr, name: &Name, record_type: RecordType) -> NetError {
    tokio::time::sleep(PATIENCE).await;
    match knock(server, name, record_type).await {
        Ok(code) => NetError::Dns(DnsError::ResponseCode(code)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => NetError::Io(Arc::new(error)),
        // Anything else says nothing that the library does not see.
        Err(_) => std::future::pending().await,
    }
}

/// What the head of an answer by UDP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plainly {
    /// It is cut off (TC).
    pub(super) cut_off: bool,
    /// It has records.
    pub(super) answered: bool,
}

/// Ask once as a stub resolver does that knows no EDNS, so that 512 bytes are all there is room for (RFC 1035 section 2.3.4);
/// unchecked with CD (RFC 4035 section 3.2.2).
pub(super) async fn plainly(server: SocketAddr, name: &Name, unchecked: bool) -> Option<Plainly> {
    const TC: u8 = 0x02;
    const CD: u8 = 0x10;
    let socket = connected(server).await.ok()?;
    let id = socket.local_addr().ok()?.port().to_be_bytes();
    let mut question = question(id, name, RecordType::A);
    if unchecked {
        *question.get_mut(3)? |= CD;
    }
    socket.send(&question).await.ok()?;
    let mut answer = [0; 512];
    let length = tokio::time::timeout(3 * PATIENCE, socket.recv(&mut answer)).await.ok()?.ok()?;
    let header = answer.get(..length)?.get(..HEADER)?;
    let is_answer = header[..2] == id && header[2] & 0x80 != 0;
    is_answer.then_some(Plainly { cut_off: header[2] & TC != 0, answered: header[6..8] != [0, 0] })
}

/// Connected, only this server's datagrams and ICMP errors come in (udp(7)).
async fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let own: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn knock(server: SocketAddr, name: &Name, record_type: RecordType) -> io::Result<ResponseCode> {
    let socket = connected(server).await?;
    let id = socket.local_addr()?.port().to_be_bytes();
    let question = question(id, name, record_type);
    let mut answer = [0; 512];
    loop {
        // Again and again: a host sends few ICMP errors a second to any other (icmp_ratelimit, icmp(7)).
        socket.send(&question).await?;
        let Ok(received) = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await else { continue };
        let length = received?;
        if let Some(code) = answer.get(..length).and_then(|answer| refused(id, answer)) {
            return Ok(code);
        }
    }
}

/// A query with recursion desired, as a stub resolver sends it (RFC 1035 section 4.1).
fn question(id: [u8; 2], name: &Name, record_type: RecordType) -> Vec<u8> {
    let mut message = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name {
        // A label has 63 bytes at most.
        message.extend(u8::try_from(label.len()));
        message.extend(label);
    }
    message.push(0);
    message.extend(u16::from(record_type).to_be_bytes());
    // Internet
    message.extend([0, 1]);
    message
}

/// The code of an answer that is one and holds nothing else.
fn refused(id: [u8; 2], answer: &[u8]) -> Option<ResponseCode> {
    let header = answer.get(..HEADER)?;
    let (is_answer, code) = (header[2] & 0x80 != 0, header[3] & 0x0f);
    (header[..2] == id && is_answer && code != 0).then(|| ResponseCode::from_low(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_written_as_the_protocol_says() {
        let name = Name::from_ascii("app2.corp.test.").unwrap();
        let message = question([0xab, 0xcd], &name, RecordType::A);
        assert_eq!(message[..HEADER], [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[HEADER..], *b"\x04app2\x04corp\x04test\x00\x00\x01\x00\x01");
    }

    #[test]
    fn only_an_answer_to_the_question_refuses_it() {
        let refusal = [1, 2, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(refused([1, 2], &refusal), Some(ResponseCode::Refused));
        assert_eq!(refused([1, 3], &refusal), None);
        assert_eq!(refused([1, 2], &[1, 2, 0x01, 0x85, 0, 0, 0, 0, 0, 0, 0, 0]), None, "a question");
        assert_eq!(refused([1, 2], &[1, 2, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]), None, "no error");
        assert_eq!(refused([1, 2], &refusal[..11]), None);
    }

    #[tokio::test]
    async fn nobody_listening_is_told_by_the_kernel() {
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let error = refusal(address, &Name::from_ascii("x.").unwrap(), RecordType::A).await;
        assert!(matches!(error, NetError::Io(_)), "{error}");
    }
}
