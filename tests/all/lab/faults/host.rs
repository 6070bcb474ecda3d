//! What the hosts at both ends tell: open files, connections, the network they are on.

use std::time::Duration;

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Shows::{Breaks, Passes};
use super::super::fault::{Fault, VERSION};
use super::super::namespace::{run, wait_until};
use super::super::network::Host;
use super::super::proxies::{healthy_nginx, stop_nginx};

const FRONT: &str = "http: { url: 'http://app2.corp.test:8081/api/version' }";
/// The address of application 2 on the network of the runner, which the router translates.
const PUBLIC: &str = "http: { url: 'http://192.0.2.80:8080/api/version' }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("tcp-fd-exhausted", FRONT, Breaks("protocol"), |lab| {
        // Once all is over, one that has its own limit again.
        stop_nginx(lab);
        healthy_nginx(lab);
        let worker = nginx_worker(lab);
        let open = std::fs::read_dir(format!("/proc/{worker}/fd")).expect("its files").count();
        run(std::process::Command::new("prlimit")
            .arg(format!("--pid={worker}"))
            .arg(format!("--nofile={}", open + 3)));
        let held = lab.at(Host::Runner).inside(|| {
            let connect = |_| std::net::TcpStream::connect("203.0.113.20:8081").expect("the kernel connects");
            (0..6).map(connect).collect::<Vec<_>>()
        });
        lab.keep(held);
        wait_until("nginx has no file left", || {
            std::fs::read_dir(format!("/proc/{worker}/fd")).expect("its files").count() >= open + 3
        });
    }),
    Fault::new("dns-app-cached-address", VERSION, Passes, |lab| {
        holds(lab);
        lab.dns("host-record=app2.corp.test,203.0.113.21\n");
    }),
    Fault::new("dns-app-cached-address", VERSION, Passes, |lab| {
        lab.nft(Host::Router, "forward", "ip daddr 203.0.113.20 tcp dport 8080 drop");
        holds(lab);
        lab.dns("host-record=app2.corp.test,203.0.113.21\n");
    }),
    // Application 1 was moved to the network of application 2.
    Fault::new("nat-hairpin", PUBLIC, Breaks("tcp"), |lab| {
        // Where a bridge's packets are seen by the firewall, the way back is translated all the same.
        if std::path::Path::new("/proc/sys/net/bridge").exists() {
            lab.sysctl(Host::Router, "net.bridge.bridge-nf-call-iptables", "0");
        }
        let app1 = lab.at(Host::App1);
        lab.at(Host::Router).ip("link set p-app1 master back");
        app1.ip("addr add 203.0.113.10/24 dev eth0");
        app1.ip("addr del 198.51.100.10/24 dev eth0");
        app1.ip("route replace default via 203.0.113.1");
        lab.undo(|lab| {
            let app1 = lab.at(Host::App1);
            lab.at(Host::Router).ip("link set p-app1 master front");
            app1.ip("addr add 198.51.100.10/24 dev eth0");
            app1.ip("addr del 203.0.113.10/24 dev eth0");
            app1.ip("route replace default via 198.51.100.1");
        });
        // Its new neighbours learn where it is.
        std::thread::sleep(Duration::from_millis(200));
    }),
];

/// What the family needs beside the lab itself: nginx, and the address that the router translates.
pub(in super::super) fn prepare(lab: &Lab) {
    healthy_nginx(lab);
    lab.at(Host::Router).ip("addr add 192.0.2.80/24 dev core");
    lab.at(Host::Router).nft(
        "add table ip public\nadd chain ip public c { type nat hook prerouting priority -100 ; policy accept ; }\nadd rule ip public c ip daddr 192.0.2.80 tcp dport 8080 dnat to 203.0.113.20:8080\n",
    );
}

/// A process of application 1 with a connection that it made before, or still asks for.
fn holds(lab: &Lab) {
    let log = lab.folder.path().join("pool.log");
    let words = [
        "bash",
        "-c",
        "exec 3<>/dev/tcp/203.0.113.20/8080; while :; do read -t 1 < /dev/null; sleep 1; done",
    ];
    lab.keep(Daemon::start(lab.at(Host::App1), &log, &words));
    std::thread::sleep(Duration::from_millis(300));
}

/// The only worker of nginx.
fn nginx_worker(lab: &Lab) -> String {
    let pid = std::fs::read_to_string(lab.folder.path().join("nginx.pid")).expect("nginx runs");
    let pid = pid.trim();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("its children");
    children.split_whitespace().next().expect("a worker").to_owned()
}
