//! What the other side's kernel has not acknowledged yet of what we sent, as the kernel tells everybody (`proc_net_tcp(5)`).

use std::net::SocketAddr;

use super::listeners::{address, table};

/// Bytes sent on a connection, by its two ends, that were not acknowledged; none when the kernel does not tell.
#[must_use]
pub fn unacknowledged(ours: SocketAddr, theirs: SocketAddr) -> Option<u64> {
    let path = if ours.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    table(path).ok()?.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, _, queues, ..] = fields.as_slice() else { return None };
        if address(local)? != ours || address(remote)? != theirs {
            return None;
        }
        let (sent, _) = queues.split_once(':')?;
        u64::from_str_radix(sent, 16).ok()
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_was_received_is_acknowledged() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(host).unwrap();
            let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            stream.write_all(b"hello").unwrap();
            listener.accept().unwrap().0.read_exact(&mut [0; 5]).unwrap();
            let ends = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            assert_eq!(unacknowledged(ends.0, ends.1), Some(0));
            assert_eq!(unacknowledged(ends.0, ends.0), None);
        }
    }

    #[test]
    fn what_the_other_side_has_no_room_for_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        while stream.write(&[0; 4096]).is_ok() {}
        let ends = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert!(unacknowledged(ends.0, ends.1).unwrap() > 0);
    }
}
