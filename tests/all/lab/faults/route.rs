//! Routes, firewalls and the wire.

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Shows::{Breaks, Passes};
use super::super::fault::{Fault, VERSION};
use super::super::network::Host;

const LARGE: &str = "http: { url: 'http://app2.corp.test:8080/api/large', expect: { status: 200 } }";
const UPLOAD: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', method: POST, body: FILLER, expect: { status: 201 } }";
const QUICK: &str = "http: { url: 'http://app2.corp.test:8080/api/version', expect: { max_ms: 600 } }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("route-none-on-source", VERSION, Breaks("route"), |lab| {
        lab.at(Host::App1).ip("route add 192.0.2.0/24 via 198.51.100.1");
        lab.ip(Host::App1, "route del default", "route add default via 198.51.100.1");
        lab.undo(|lab| lab.at(Host::App1).ip("route del 192.0.2.0/24"));
    }),
    Fault::new("route-unreachable-icmp", VERSION, Breaks("tcp"), |lab| {
        route(lab, Host::Router, "add unreachable 203.0.113.20/32");
    }),
    Fault::new("route-prohibit-icmp", VERSION, Breaks("tcp"), |lab| {
        route(lab, Host::Router, "add prohibit 203.0.113.20/32");
    }),
    Fault::new("route-local-prohibit", VERSION, Breaks("route"), |lab| {
        route(lab, Host::App1, "add prohibit 203.0.113.20/32");
    }),
    Fault::new("route-blackhole", VERSION, Breaks("tcp"), |lab| {
        route(lab, Host::Router, "add blackhole 203.0.113.20/32");
    }),
    // The next hop sends it back: it forwards, and its own way there is the router.
    Fault::new("route-loop", VERSION, Breaks("tcp"), |lab| {
        lab.sysctl(Host::Db, "net.ipv4.ip_forward", "1");
        lab.sysctl(Host::Db, "net.ipv4.conf.all.send_redirects", "0");
        lab.sysctl(Host::Db, "net.ipv4.conf.eth0.send_redirects", "0");
        route(lab, Host::Router, "add 203.0.113.20/32 via 192.0.2.40");
    }),
    Fault::new("host-down", VERSION, Breaks("tcp"), |lab| {
        lab.ip(Host::Router, "link set p-app2 down", "link set p-app2 up");
        lab.at(Host::Router).ip("neigh flush dev back");
    }),
    Fault::new("fw-drop-port", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 8080 drop");
    }),
    Fault::new("fw-drop-all-sources", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::Router, "forward", "ip daddr 203.0.113.20 tcp dport 8080 drop");
    })
    .or(&["fw-host-drop"]),
    Fault::new("fw-host-drop", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::App2, "input", "iifname eth0 tcp dport 8080 drop");
    })
    .or(&["fw-drop-all-sources"]),
    Fault::new("fw-reject-icmp-port", VERSION, Breaks("tcp"), |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 198.51.100.10 tcp dport 8080 reject with icmp type port-unreachable",
        );
    }),
    Fault::new("fw-reject-rst", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 8080 reject with tcp reset");
    }),
    Fault::new("fw-reject-admin", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::App2, "input", "iifname eth0 tcp dport 8080 reject with icmp type host-prohibited");
    }),
    Fault::new("fw-egress-source", VERSION, Breaks("tcp"), |lab| {
        lab.nft(Host::App1, "output", "tcp dport 8080 drop");
    })
    .or(&["fw-drop-port"]),
    Fault::new("fw-acl-old-source-ip", VERSION, Breaks("tcp"), |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 198.51.100.0/24 ip saddr != 198.51.100.10 tcp dport 8080 drop",
        );
        lab.ip(Host::App1, "addr add 198.51.100.60/24 dev eth0", "addr del 198.51.100.60/24 dev eth0");
        lab.ip(
            Host::App1,
            "route replace default via 198.51.100.1 src 198.51.100.60",
            "route replace default via 198.51.100.1",
        );
    }),
    Fault::new("route-one-way-no-return", VERSION, Breaks("tcp"), |lab| {
        lab.at(Host::App2).ip("route add 192.0.2.0/24 via 203.0.113.1");
        lab.ip(Host::App2, "route del default", "route add default via 203.0.113.1");
        lab.undo(|lab| lab.at(Host::App2).ip("route del 192.0.2.0/24"));
    }),
    // Application 2 has another way to application 1 than the one its packets come by.
    Fault::new("route-rp-filter", VERSION, Breaks("tcp"), |lab| {
        lab.ip(Host::App2, "link add side type veth peer name far", "link del side");
        lab.at(Host::App2).ip("link set far up");
        lab.at(Host::App2).ip("link set side up");
        lab.at(Host::App2).ip("route add 198.51.100.0/24 dev side");
        lab.sysctl(Host::App2, "net.ipv4.conf.all.rp_filter", "1");
        lab.sysctl(Host::App2, "net.ipv4.conf.eth0.rp_filter", "1");
    }),
    Fault::new("mtu-blackhole-response", LARGE, Breaks("protocol"), |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 203.0.113.20 ip daddr 198.51.100.10 meta length > 1200 drop",
        );
    }),
    Fault::new("mtu-blackhole-request", UPLOAD, Breaks("protocol"), |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 198.51.100.10 ip daddr 203.0.113.20 meta length > 1200 drop",
        );
    }),
    Fault::new("conn-limit-device", VERSION, Breaks("tcp"), |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 198.51.100.10 tcp dport 8080 tcp flags syn / syn,ack ct count over 3 drop",
        );
        let held = lab.at(Host::App1).inside(|| {
            let connect = |_| std::net::TcpStream::connect("203.0.113.20:8080").expect("within the limit");
            (0..3).map(connect).collect::<Vec<_>>()
        });
        lab.keep(held);
    })
    .or(&["fw-drop-port"]),
    // Every other SYN is lost: the one sent again after a second arrives.
    Fault::new("net-loss", VERSION, Passes, |lab| {
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr 198.51.100.10 tcp dport 8080 tcp flags syn / syn,ack numgen inc mod 2 < 1 drop",
        );
    }),
    // What comes from application 1 takes another way, on which it arrives later.
    Fault::new("net-latency", QUICK, Breaks("payload"), |lab| {
        later(lab, 400);
        let router = lab.at(Host::Router);
        router.ip("link set later up");
        lab.sysctl(Host::Router, "net.ipv4.conf.later.rp_filter", "0");
        router.ip("route add 203.0.113.20/32 dev later table 100");
        lab.ip(
            Host::Router,
            "rule add iif front to 203.0.113.20 table 100",
            "rule del iif front to 203.0.113.20 table 100",
        );
    }),
    Fault::new("net-slow-link", LARGE, Passes, |lab| {
        super::super::namespace::run(
            lab.at(Host::App2)
                .command("tc")
                .args("qdisc add dev eth0 root tbf rate 160kbit burst 3k latency 2s".split(' ')),
        );
        lab.undo(|lab| {
            super::super::namespace::run(
                lab.at(Host::App2).command("tc").args("qdisc del dev eth0 root".split(' ')),
            );
        });
    }),
    Fault::new("ephemeral-ports-exhausted", VERSION, Breaks("tcp"), |lab| {
        lab.sysctl(Host::App1, "net.ipv4.ip_local_port_range", "50000 50003");
        let held = lab.at(Host::App1).inside(|| {
            (0..8).filter_map(|_| std::net::TcpStream::connect("203.0.113.20:8080").ok()).collect::<Vec<_>>()
        });
        lab.keep(held);
    }),
];

/// A device of the router, `later`, that gives back each packet after so many milliseconds.
fn later(lab: &Lab, milliseconds: u32) {
    let (source, program) = (lab.file("later.c", include_str!("later.c")), lab.folder.path().join("later"));
    super::super::namespace::run(std::process::Command::new("cc").arg("-o").arg(&program).arg(source));
    let log = lab.folder.path().join("later.log");
    let words = [program.display().to_string(), "later".to_owned(), milliseconds.to_string()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    lab.keep(Daemon::start(lab.at(Host::Router), &log, &words));
    super::super::namespace::wait_until("the device is there", || {
        let shown = lab.at(Host::Router).command("ip").args(["link", "show", "later"]).output();
        shown.expect("ip").status.success()
    });
}

fn route(lab: &Lab, host: Host, forth: &'static str) {
    let back = format!("route del {}", forth.trim_start_matches("add "));
    lab.at(host).ip(&format!("route {forth}"));
    lab.undo(move |lab| lab.at(host).ip(&back));
}
