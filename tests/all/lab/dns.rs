//! The name servers of the lab: dnsmasq, and unbound where an access list or validation is needed.

use super::Lab;
use super::daemon::Daemon;
use super::network::Host;

/// The address that hosts ask.
pub(super) const SERVER: &str = "192.0.2.53";

/// `resolv.conf` of every host.
pub(super) const RESOLV: &str = "nameserver 192.0.2.53\nsearch corp.test\noptions timeout:1 attempts:2\n";

/// The zone as it should be.
pub(super) const HEALTHY: &str = "host-record=app2.corp.test,203.0.113.20\n";

/// The rest of the zone.
const ZONE: &str = "local=/corp.test/
host-record=app1.corp.test,198.51.100.10
host-record=db.corp.test,192.0.2.40
host-record=app2-old.corp.test,203.0.113.22
";

/// Start dnsmasq with these records, in the place of the one that runs.
pub(super) fn start(lab: &Lab, records: &str) {
    stop(lab);
    let daemon = dnsmasq(lab, SERVER, "zone", &format!("{ZONE}{records}"));
    lab.daemons.borrow_mut().insert("dns", daemon);
}

/// Nobody answers on the name server's port.
pub(super) fn stop(lab: &Lab) {
    lab.daemons.borrow_mut().remove("dns");
}

/// Another dnsmasq on the name servers' host.
pub(super) fn dnsmasq(lab: &Lab, address: &str, name: &str, settings: &str) -> Daemon {
    let settings = format!(
        "keep-in-foreground\nno-resolv\nno-hosts\nno-daemon\nbind-interfaces\nexcept-interface=lo\nlisten-address={address}\npid-file=\nuser=root\ncache-size=1000\nneg-ttl=60\n{settings}"
    );
    let file = lab.file(&format!("{name}.dnsmasq"), &settings);
    let log = lab.folder.path().join(format!("{name}.log"));
    let words = ["dnsmasq", &format!("--conf-file={file}")];
    let mut daemon = Daemon::start(lab.at(Host::Dns), &log, &words);
    daemon.wait_for(lab.at(Host::Dns), &format!("{address}:53"));
    daemon
}

/// unbound in the place of dnsmasq, with these lines in its `server:` clause and these clauses after it.
pub(super) fn unbound(lab: &Lab, server: &str, clauses: &str) -> Daemon {
    let folder = lab.folder.path().display();
    let settings = format!(
        "server:\n  interface: {SERVER}\n  port: 53\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  access-control: 0.0.0.0/0 allow\n  do-not-query-localhost: no\n  local-zone: \"test.\" nodefault\n{server}\nremote-control:\n  control-enable: no\n{clauses}\n"
    );
    let file = lab.file("unbound.conf", &settings);
    let log = lab.folder.path().join("unbound.log");
    let mut daemon = Daemon::start(lab.at(Host::Dns), &log, &["unbound", "-d", "-c", &file]);
    daemon.wait_for(lab.at(Host::Dns), &format!("{SERVER}:53"));
    daemon
}
