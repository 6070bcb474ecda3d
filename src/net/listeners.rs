//! What listens on this host, as the kernel tells everybody (`proc_net_tcp(5)`).

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::model::host::{Listener, ListenerFacts, OpenFiles, Tracked};
use crate::model::trace::VantageError;

/// Bytes read of a table of sockets.
const LARGEST: u64 = 32 * 1024 * 1024;
/// Other ports told at most.
const OTHERS: usize = 64;
/// The state of a listening socket, `TCP_LISTEN` of `tcp_states.h`.
const LISTEN: &str = "0A";

/// The listening sockets of a port, and the other ports that something listens on.
///
/// # Errors
/// `Unreadable` where there is no `/proc/net/tcp`.
pub fn listeners(port: u16) -> Result<ListenerFacts, VantageError> {
    let sockets = sockets()?;
    let wanted: Vec<&Socket> = sockets.iter().filter(|socket| socket.address.port() == port).collect();
    let programs = programs(&wanted.iter().map(|socket| socket.inode.as_str()).collect());
    let others: BTreeSet<u16> =
        sockets.iter().map(|socket| socket.address.port()).filter(|&other| other != port).collect();
    Ok(ListenerFacts {
        port,
        listeners: wanted
            .into_iter()
            .map(|socket| Listener {
                address: socket.address,
                waiting: socket.waiting,
                program: programs.get(&socket.inode).map(|holder| holder.name.clone()),
                open_files: programs.get(&socket.inode).and_then(|holder| holder.open_files),
            })
            .collect(),
        others: others.into_iter().take(OTHERS).collect(),
        overflows: table("/proc/net/netstat").ok().and_then(|text| counter(&text, "ListenOverflows")),
        tracked: tracked(),
        own: own(),
    })
}

/// This host's own addresses (getifaddrs(3)).
fn own() -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten().filter_map(|one| one.address);
    let addresses = all.filter_map(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
    });
    addresses.filter(|address| !address.is_loopback()).take(OTHERS).collect()
}

/// What connection tracking has and may have; none where it is not in use, or not told.
pub(super) fn tracked() -> Option<Tracked> {
    let read = |name: &str| {
        table(&format!("/proc/sys/net/netfilter/nf_conntrack_{name}")).ok()?.trim().parse::<u64>().ok()
    };
    Some(Tracked { count: read("count")?, most: read("max")? })
}

/// A counter of `/proc/net/netstat`: a line of names, and below it one of numbers, each pair with a prefix of its own.
fn counter(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
        if let Some(place) = names.split_whitespace().position(|one| one == name) {
            return numbers.split_whitespace().nth(place)?.parse().ok();
        }
    }
    None
}

/// Every other listening socket, one for each port, with the program that holds it when we may see that.
///
/// # Errors
/// `Unreadable` where there is no `/proc/net/tcp`.
pub fn others(port: u16) -> Result<Vec<(SocketAddr, Option<String>)>, VantageError> {
    let mut sockets = sockets()?;
    sockets.retain(|socket| socket.address.port() != port);
    sockets.sort_by_key(|socket| (socket.address.port(), socket.address.is_ipv6()));
    sockets.dedup_by_key(|socket| socket.address.port());
    let mut programs = programs(&sockets.iter().map(|socket| socket.inode.as_str()).collect());
    let name = |socket: &Socket| programs.remove(&socket.inode).map(|holder| holder.name);
    Ok(sockets.iter().map(name).zip(&sockets).map(|(name, socket)| (socket.address, name)).collect())
}

fn sockets() -> Result<Vec<Socket>, VantageError> {
    let path = "/proc/net/tcp";
    let v4 = table(path)
        .map_err(|error| VantageError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let v6 = table("/proc/net/tcp6").unwrap_or_default();
    Ok(v4.lines().chain(v6.lines()).filter_map(Socket::read).collect())
}

pub(super) fn table(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

struct Socket {
    address: SocketAddr,
    waiting: u32,
    inode: String,
}

impl Socket {
    /// A line of the table, if it is of a listening socket.
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, queues, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
        if *state != LISTEN {
            return None;
        }
        let (_, waiting) = queues.split_once(':')?;
        let waiting = u32::from_str_radix(waiting, 16).ok()?;
        Some(Self { address: address(local)?, waiting, inode: (*inode).to_owned() })
    }
}

/// `0100007F:1F90`: words of four bytes in the host's own order.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = host
        .as_bytes()
        .chunks(8)
        .map(|word| Some(u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?.to_ne_bytes()))
        .collect::<Option<_>>()?;
    let ip = match words.as_slice() {
        [word] => IpAddr::from(Ipv4Addr::from(*word)),
        [_, _, _, _] => {
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// A process that holds a socket.
pub(super) struct Holder {
    pub(super) name: String,
    /// It is a gonogo, such as this one or another vantage on the same host.
    pub(super) is_ours: bool,
    pub(super) open_files: Option<OpenFiles>,
}

impl Holder {
    fn of(process: &Path) -> Option<Self> {
        let named =
            |process: &Path| fs::read_to_string(process.join("comm")).ok().map(|name| name.trim().to_owned());
        let name = named(process)?;
        let is_ours = named(Path::new("/proc/self")).is_some_and(|own| own == name);
        let limits = fs::read_to_string(process.join("limits")).unwrap_or_default();
        // `unlimited` is no number, and never reached.
        let most = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
        let count = fs::read_dir(process.join("fd")).ok().map(|files| files.count() as u64);
        let open_files = count.zip(most).map(|(count, most)| OpenFiles { count, most });
        Some(Self { name, is_ours, open_files })
    }

    /// Files that can still be opened: workers run out, the process that started them does not.
    fn left(&self) -> u64 {
        self.open_files.map_or(u64::MAX, |files| files.most.saturating_sub(files.count))
    }
}

/// Who holds these sockets, by inode, as far as we may look into other processes (`proc_pid_fd(5)`); of several the one that
/// is nearest to its limit of open files.
pub(super) fn programs(inodes: &BTreeSet<&str>) -> HashMap<String, Holder> {
    let mut found = HashMap::new();
    let Ok(processes) = fs::read_dir("/proc") else { return found };
    for process in processes.flatten().filter(|_| !inodes.is_empty()) {
        let is_process =
            process.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.flatten().filter(|_| is_process) {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let inode = target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'));
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode))
                && let Some(holder) = Holder::of(&process.path())
                && found.get(inode).is_none_or(|other: &Holder| holder.left() < other.left())
            {
                found.insert(inode.to_owned(), holder);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text =
            "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 0 7\nIpExt: InOctets ListenDrops\nIpExt: 5 x\n";
        assert_eq!(counter(text, "ListenOverflows"), Some(7));
        assert_eq!(counter(text, "InOctets"), Some(5));
        assert_eq!(counter(text, "ListenDrops"), None, "no number");
        assert_eq!(counter(text, "TcpExt:"), None);
        assert_eq!(counter("TcpExt: ListenOverflows", "ListenOverflows"), None, "cut off");
        assert!(listeners(1).unwrap().overflows.is_some());
    }

    #[test]
    fn a_listening_socket_is_found_with_its_program_and_its_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _waiting = std::net::TcpStream::connect(address).unwrap();
        let found = listeners(address.port()).unwrap();
        let [one] = found.listeners.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.address, one.waiting), (address, 1));
        assert!(one.program.is_some());
        let other = TcpListener::bind("[::1]:0").unwrap();
        let port = other.local_addr().unwrap().port();
        assert_eq!(listeners(port).unwrap().listeners[0].address, other.local_addr().unwrap());
    }
}
