//! The hosts of the lab, their addresses and the wires between them.

use super::Lab;
use super::namespace::Namespace;

/// A host of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// Between all the others.
    Router,
    /// Where the application that calls runs.
    App1,
    /// Where the application that is called runs, and the proxies in front of it.
    App2,
    /// The old host of application 2, still running the old version.
    Old,
    /// The database server.
    Db,
    /// Where the release team's runner is.
    Runner,
    /// The name servers.
    Dns,
}

impl Host {
    pub(super) const ALL: [Self; 7] =
        [Self::Router, Self::App1, Self::App2, Self::Old, Self::Db, Self::Runner, Self::Dns];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::App1 => "app1",
            Self::App2 => "app2",
            Self::Old => "old",
            Self::Db => "db",
            Self::Runner => "runner",
            Self::Dns => "dns",
        }
    }

    /// Its addresses; the first is the one it leaves with.
    pub(super) const fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::Router => &["198.51.100.1", "203.0.113.1", "192.0.2.1"],
            Self::App1 => &["198.51.100.10"],
            Self::App2 => &["203.0.113.20", "203.0.113.21"],
            Self::Old => &["203.0.113.22"],
            Self::Db => &["192.0.2.40"],
            Self::Runner => &["192.0.2.30"],
            Self::Dns => &["192.0.2.53", "192.0.2.54", "192.0.2.55"],
        }
    }

    /// The switch of the router that it hangs on.
    const fn switch(self) -> Option<&'static str> {
        match self {
            Self::Router => None,
            Self::App1 => Some("front"),
            Self::App2 | Self::Old => Some("back"),
            Self::Db | Self::Runner | Self::Dns => Some("core"),
        }
    }
}

/// The router's switches with its own address on each: the gateway of the hosts there.
const SWITCHES: [(&str, &str); 3] =
    [("front", "198.51.100.1"), ("back", "203.0.113.1"), ("core", "192.0.2.1")];

/// The hosts, wired and addressed, in the order of [`Host::ALL`].
pub(super) fn build(lab: usize) -> Vec<Namespace> {
    let hosts: Vec<Namespace> = Host::ALL.iter().map(|host| Namespace::new(lab, host.name())).collect();
    let (router, others) = hosts.split_first().expect("the router");
    // Errors of ICMP tell one fault from another: they are not to be rationed.
    for (name, value) in [
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv4.icmp_ratelimit", "0"),
        ("net.ipv4.conf.all.send_redirects", "0"),
        ("net.ipv4.conf.default.send_redirects", "0"),
    ] {
        router.sysctl(name, value);
    }
    for (switch, address) in SWITCHES {
        router.ip(&format!("link add {switch} type bridge"));
        router.ip(&format!("addr add {address}/24 dev {switch}"));
        router.ip(&format!("link set {switch} up"));
    }
    for (host, namespace) in Host::ALL.iter().skip(1).zip(others) {
        let Some(switch) = host.switch() else { continue };
        let port = format!("p-{}", host.name());
        router.ip(&format!("link add {port} type veth peer name eth0 netns {}", namespace.name));
        router.ip(&format!("link set {port} master {switch} up"));
        for address in host.addresses() {
            namespace.ip(&format!("addr add {address}/24 dev eth0"));
        }
        namespace.ip("link set eth0 up");
        namespace.ip(&format!("route add default via {}", gateway(*host)));
    }
    hosts
}

/// The router forgets connections to a port that were idle for a second, and does this with what comes on them afterwards.
pub(super) fn forget_idle(lab: &Lab, port: &str, verdict: &str) {
    lab.sysctl(Host::Router, "net.netfilter.nf_conntrack_tcp_timeout_established", "1");
    let is_no_first = "ct state new,invalid tcp flags & (syn | ack) != syn";
    lab.nft(Host::Router, "forward", &format!("tcp dport {port} {is_no_first} {verdict}"));
}

/// The router's address on a host's own network.
pub(super) fn gateway(host: Host) -> &'static str {
    SWITCHES.iter().find(|(switch, _)| Some(*switch) == host.switch()).map_or("", |(_, address)| address)
}
