//! Connections that this host has to some addresses, as the kernel tells everybody (`proc_net_tcp(5)`).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::listeners::{address, programs, table, tracked};
use crate::model::host::{SocketFacts, Toward};

/// States of `tcp_states.h`: `TCP_ESTABLISHED`, `TCP_SYN_SENT`.
const ESTABLISHED: &str = "01";
const SYN_SENT: &str = "02";

/// Connections to these addresses, whoever made them but a gonogo: what probes ask for tells nothing of the applications.
#[must_use]
pub fn toward(addresses: &[SocketAddr]) -> SocketFacts {
    let first = tables();
    let sockets: Vec<_> = sockets(&first).filter(|(to, ..)| addresses.contains(to)).collect();
    let inodes: BTreeSet<&str> = sockets.iter().map(|(.., inode)| *inode).collect();
    let programs = programs(&inodes);
    // What was closed meanwhile has no holder any more, and may have been a probe's.
    let then = tables();
    let still: BTreeSet<&str> = self::sockets(&then).map(|(.., inode)| inode).collect();
    let of_others = |inode: &str| match programs.get(inode) {
        Some(holder) => !holder.is_ours,
        None => still.contains(inode),
    };
    let each = addresses.iter().filter_map(|&address| {
        let found: Vec<_> =
            sockets.iter().filter(|(to, _, inode)| *to == address && of_others(inode)).collect();
        let count = |made: bool| {
            u32::try_from(found.iter().filter(|(_, is, _)| *is == made).count()).unwrap_or(u32::MAX)
        };
        let program = found.iter().find_map(|(_, _, inode)| Some(programs.get(*inode)?.name.clone()));
        (!found.is_empty()).then(|| Toward {
            address,
            established: count(true),
            asked: count(false),
            program,
        })
    });
    SocketFacts { toward: each.collect(), tracked: tracked() }
}

fn tables() -> [String; 2] {
    ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| table(path).unwrap_or_default())
}

fn sockets(tables: &[String; 2]) -> impl Iterator<Item = (SocketAddr, bool, &str)> {
    tables.iter().flat_map(|text| text.lines()).filter_map(socket)
}

/// The other end of a connection, whether it is made, and its inode; of an IPv6 socket that carries IPv4 the latter.
fn socket(line: &str) -> Option<(SocketAddr, bool, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, _, remote, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
    let made = match *state {
        ESTABLISHED => true,
        SYN_SENT => false,
        _ => return None,
    };
    let to = address(remote)?;
    Some((SocketAddr::new(to.ip().to_canonical(), to.port()), made, inode))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn connections_are_counted_by_where_they_lead_and_not_our_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _ours = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        assert_eq!(toward(&[address]).toward, []);
        let port = address.port();
        let holds = format!("exec 3<>/dev/tcp/127.0.0.1/{port} 4<>/dev/tcp/127.0.0.1/{port}; echo; read x");
        let mut other = Command::new("bash")
            .args(["-c", &holds])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let found = toward(&[address]);
        drop(other.stdin.take());
        other.wait().unwrap();
        let [one] = found.toward.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.address, one.established, one.asked), (address, 2, 0));
        assert_eq!(one.program.as_deref(), Some("bash"));
    }
}
