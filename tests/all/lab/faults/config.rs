//! What the caller itself is configured with, its proxy included.

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Shows::Breaks;
use super::super::fault::{Fault, VERSION};
use super::super::network::Host;
use super::super::pki::leaf;
use super::super::proxies::healthy_nginx;

const SECURED: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem }";
/// Through the proxy of the company, which is HAProxy on the runner's host.
const PROXIED: &str =
    "http: { url: 'http://app2.corp.test:8080/api/version', proxy: 'http://192.0.2.30:3128' }";
const TUNNELLED: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem, proxy: 'http://192.0.2.30:3128' }";

/// What the application reads, and what it is to find there.
const SETTING: &str =
    "config: { file: LAB/app1.properties, key: app2.host, address: 'http://app2.corp.test:8080' }";
const CONFIGURED: &str = "app2.host=app2.corp.test:8080\n";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::configured(
        "dns-typo-name",
        VERSION,
        "http: { url: 'http://ap2.corp.test:8080/api/version' }",
        Breaks("dns"),
    )
    .or(&["dns-nxdomain"]),
    Fault::configured(
        "cfg-old-host",
        VERSION,
        "http: { url: 'http://app2-old.corp.test:8080/api/version', expect: { json: { '$.application': app2, '$.version': '4.2.0' } } }",
        Breaks("payload"),
    )
    .or(&["app-old-version"]),
    Fault::new("cfg-old-host", SETTING, Breaks("payload"), |lab| configured(lab, "app2-old.corp.test:8080")),
    Fault::new("cfg-env-var-empty", SETTING, Breaks("payload"), |lab| configured(lab, "")),
    // A line of a properties file ends where it ends: a space before that is part of the value.
    Fault::new("cfg-trailing-space-host", SETTING, Breaks("payload"), |lab| configured(lab, "app2.corp.test:8080 ")),
    Fault::configured("proxy-env-dead", VERSION, PROXIED, Breaks("tcp")),
    // The proxy is there, and its firewall drops.
    Fault::configured_and("proxy-env-dead", VERSION, PROXIED, Breaks("tcp"), |lab| {
        lab.nft(Host::Runner, "input", "tcp dport 3128 drop");
    }),
    Fault::configured_and("proxy-407", SECURED, TUNNELLED, Breaks("tcp"), |lab| {
        proxy(lab, "  http-request return status 407 hdr Proxy-Authenticate 'Basic realm=\"proxy\"'");
    }),
    Fault::configured_and("proxy-no-proxy-missing", SECURED, TUNNELLED, Breaks("tcp"), |lab| proxy(lab, "")),
    Fault::configured(
        "proxy-unresolvable",
        VERSION,
        "http: { url: 'http://app2.corp.test:8080/api/version', proxy: 'http://proxy.corp.test:3128' }",
        Breaks("dns"),
    ),
    Fault::configured_and("proxy-407", VERSION, PROXIED, Breaks("auth"), |lab| {
        proxy(lab, "  http-request return status 407 hdr Proxy-Authenticate 'Basic realm=\"proxy\"'");
    }),
    Fault::configured_and("proxy-403-connect", SECURED, TUNNELLED, Breaks("tcp"), |lab| {
        proxy(lab, "  http-request deny if METH_CONNECT");
    }),
    // The proxy knows nobody inside: it answers 503 for itself.
    Fault::configured_and("proxy-no-proxy-missing", VERSION, PROXIED, Breaks("protocol"), |lab| {
        proxy(lab, "  http-after-response set-header Via '1.1 proxy.corp.test'");
    }),
    Fault::new("proxy-tls-intercept", SECURED, Breaks("tls"), |lab| {
        let own = lab.pki.issue("bad", &lab.pki.inspection, &leaf(&["app2.corp.test"], "app2.corp.test"));
        let log = lab.folder.path().join("inspection.log");
        let words = ["openssl", "s_server", "-accept", "8444", "-www", "-quiet", "-cert", &own.chain, "-key", &own.key];
        let mut daemon = Daemon::start(lab.at(Host::Router), &log, &words);
        daemon.wait_for(lab.at(Host::Router), "198.51.100.1:8444");
        lab.keep(daemon);
        lab.nft(Host::Router, "nat prerouting", "ip saddr 198.51.100.10 tcp dport 8443 redirect to :8444");
    }),
];

/// What the family needs beside the lab itself.
pub(in super::super) fn prepare(lab: &Lab) {
    healthy_nginx(lab);
    lab.file("app1.properties", CONFIGURED);
}

/// What the file of application 1 says of application 2, until the fault is taken back.
fn configured(lab: &Lab, address: &str) {
    lab.file("app1.properties", &format!("app2.host={address}\n"));
    lab.undo(|lab| drop(lab.file("app1.properties", CONFIGURED)));
}

/// HAProxy as the company's proxy, with this rule, and nothing behind it.
fn proxy(lab: &Lab, rule: &str) {
    let text = format!(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 10s\n  timeout server 5s\nfrontend proxy\n  bind 192.0.2.30:3128\n{rule}\n"
    );
    let file = lab.file("proxy.cfg", &text);
    let log = lab.folder.path().join("proxy.log");
    let mut daemon = Daemon::start(lab.at(Host::Runner), &log, &["haproxy", "-db", "-f", &file]);
    daemon.wait_for(lab.at(Host::Runner), "192.0.2.30:3128");
    lab.keep(daemon);
}
