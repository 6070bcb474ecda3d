//! Names that do not resolve, or resolve to something else.

use super::super::daemon::Daemon;
use super::super::dns;
use super::super::fault::Shows::{Breaks, Passes};
use super::super::fault::{Fault, VERSION};
use super::super::network::Host;
use super::super::{Lab, server::Server, server::app2};

const SHORT: &str =
    "http: { url: 'http://app2:8080/api/version', expect: { json: { '$.version': '4.2.0' } } }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("dns-nxdomain", VERSION, Breaks("dns"), |lab| lab.dns("")),
    Fault::new("dns-nodata", VERSION, Breaks("dns"), |lab| lab.dns("txt-record=app2.corp.test,moved\n")),
    // The server behind it does not know the zone.
    Fault::new("dns-servfail", VERSION, Breaks("dns"), |lab| {
        lab.keep(dns::dnsmasq(lab, "192.0.2.55", "other", ""));
        unbound(lab, "", FORWARD);
    }),
    // The answer is longer than the 512 bytes of UDP, and TCP is not open.
    Fault::new("dns-truncated-tcp-blocked", VERSION, Breaks("dns"), |lab| {
        let records = (100..140).map(|last| format!("host-record=app2.corp.test,203.0.113.{last}"));
        let records = records.collect::<Vec<_>>().join("\n") + "\n";
        lab.dns(&records);
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 53 drop");
    }),
    // The zone is not signed, though the resolver has been told that it is.
    Fault::new("dns-dnssec-bogus", VERSION, Breaks("dns"), |lab| {
        let anchor = "  trust-anchor: \"corp.test. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"\n";
        lab.keep(dns::dnsmasq(
            lab,
            "192.0.2.55",
            "other",
            "local=/corp.test/\nhost-record=app2.corp.test,203.0.113.20\n",
        ));
        unbound(lab, anchor, FORWARD);
    }),
    Fault::new("dns-refused-rcode", VERSION, Breaks("dns"), |lab| {
        unbound(
            lab,
            "  access-control: 198.51.100.0/24 refuse\n  local-zone: \"corp.test.\" static\n  local-data: \"app2.corp.test. A 203.0.113.20\"\n",
            "",
        );
    }),
    Fault::new("dns-resolver-timeout", VERSION, Breaks("dns"), |lab| {
        lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 meta l4proto { tcp, udp } th dport 53 drop");
    }),
    Fault::new("dns-resolver-down", VERSION, Breaks("dns"), |lab| {
        dns::stop(lab);
        lab.undo(|lab| dns::start(lab, dns::HEALTHY));
    }),
    Fault::new("dns-first-resolver-dead", VERSION, Passes, |lab| {
        lab.nft(Host::Dns, "input", "ip daddr 192.0.2.54 drop");
        resolv(
            lab,
            "nameserver 192.0.2.54\nnameserver 192.0.2.53\nsearch corp.test\noptions timeout:1 attempts:2\n",
        );
    }),
    // Nobody answers for a domain of the search list, which is tried first.
    Fault::new("dns-ndots-storm", VERSION, Passes, |lab| {
        lab.nft(Host::Dns, "input", "ip daddr 192.0.2.54 drop");
        lab.dns("host-record=app2.corp.test,203.0.113.20\nserver=/old.test/192.0.2.54\n");
        resolv(
            lab,
            "nameserver 192.0.2.53\nsearch old.test corp.test\noptions ndots:5 timeout:1 attempts:2\n",
        );
    }),
    Fault::new("dns-stale-record", VERSION, Breaks("payload"), |lab| {
        lab.dns("host-record=app2.corp.test,203.0.113.22\n");
    }),
    Fault::new("dns-stale-record-dead", VERSION, Breaks("tcp"), |lab| {
        lab.dns("host-record=app2.corp.test,203.0.113.99\n");
    }),
    Fault::new("dns-wrong-env-record", VERSION, Breaks("payload"), |lab| {
        let test = Server::start(lab.at(Host::Old), "0.0.0.0:8081", app2("4.2.0", "test", "t"));
        lab.keep(test);
        lab.nft(Host::Old, "nat prerouting", "tcp dport 8080 redirect to :8081");
        lab.dns("host-record=app2.corp.test,203.0.113.22\n");
    }),
    Fault::new("dns-short-name-no-search", SHORT, Breaks("dns"), |lab| {
        resolv(lab, "nameserver 192.0.2.53\noptions timeout:1 attempts:2\n");
    }),
    Fault::new("dns-wrong-search-domain", SHORT, Breaks("payload"), |lab| {
        lab.dns("host-record=app2.corp.test,203.0.113.20\nhost-record=app2.test.corp.test,203.0.113.22\n");
        resolv(lab, "nameserver 192.0.2.53\nsearch test.corp.test corp.test\noptions timeout:1 attempts:2\n");
    }),
    Fault::new("dns-split-horizon", VERSION, Breaks("payload"), |lab| {
        let other = "local=/corp.test/\nhost-record=app2.corp.test,203.0.113.22\n";
        lab.keep(dns::dnsmasq(lab, "192.0.2.55", "other", other));
        resolv(lab, "nameserver 192.0.2.55\nsearch corp.test\noptions timeout:1 attempts:2\n");
    }),
    Fault::new("dns-v6-only-answer-no-route", VERSION, Breaks("route"), |lab| {
        lab.dns("host-record=app2.corp.test,2001:db8:113::20\n");
    }),
    Fault::new("dns-v6-preferred-blackhole", VERSION, Passes, |lab| {
        lab.at(Host::App1).ip("addr add 2001:db8:100::10/64 dev eth0 nodad");
        lab.ip(Host::App1, "route add 2001:db8:113::/64 dev eth0", "addr del 2001:db8:100::10/64 dev eth0");
        lab.nft(Host::App1, "output", "ip6 daddr 2001:db8:113::20 drop");
        lab.dns("host-record=app2.corp.test,203.0.113.20,2001:db8:113::20\n");
    }),
    Fault::new("dns-hosts-override", VERSION, Breaks("payload"), |lab| {
        lab.etc(Host::App1, "hosts", "127.0.0.1 localhost\n203.0.113.22 app2.corp.test\n");
    }),
    Fault::new("dns-nsswitch-no-dns", VERSION, Breaks("dns"), |lab| {
        lab.etc(Host::App1, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
    }),
    Fault::new("dns-cname-dangling", VERSION, Breaks("dns"), |lab| {
        recursor(lab, "", "app2 60 CNAME app2-v24\n");
    }),
    Fault::new("dns-negative-cache", VERSION, Breaks("dns"), |lab| {
        let zone = |records: &str| format!("local=/corp.test/\n{records}");
        let missing = dns::dnsmasq(lab, "192.0.2.54", "zone", &zone(""));
        unbound(lab, "", "forward-zone:\n  name: \"corp.test.\"\n  forward-addr: 192.0.2.54\n");
        // Somebody asks before the record is there.
        let asked = lab.at(Host::App1).command("getent").args(["ahosts", "app2.corp.test"]).output();
        assert!(!asked.expect("getent").status.success(), "the record is not there yet");
        drop(missing);
        lab.keep(dns::dnsmasq(lab, "192.0.2.54", "zone", &zone(dns::HEALTHY)));
    })
    .or(&["dns-nxdomain"]),
    Fault::new("dns-round-robin-one-dead", VERSION, Passes, |lab| {
        lab.dns("host-record=app2.corp.test,203.0.113.20\nhost-record=app2.corp.test,203.0.113.99\n");
    }),
];

/// unbound that asks another server for the zone.
const FORWARD: &str = "forward-zone:\n  name: \"corp.test.\"\n  forward-addr: 192.0.2.55\n";

fn resolv(lab: &Lab, text: &str) {
    lab.etc(Host::App1, "resolv.conf", text);
}

/// unbound answers in the place of dnsmasq.
fn unbound(lab: &Lab, server: &str, clauses: &str) {
    dns::stop(lab);
    let daemon: Daemon = dns::unbound(lab, server, clauses);
    lab.daemons.borrow_mut().insert("dns", daemon);
    lab.undo(|lab| dns::start(lab, dns::HEALTHY));
}

/// unbound that resolves the zone for others, as it would from the zone's own servers.
fn recursor(lab: &Lab, server: &str, records: &str) {
    let zone = format!(
        "$ORIGIN corp.test.\n@ 60 SOA ns hostmaster 1 60 60 60 60\n@ 60 NS ns\nns 60 A 192.0.2.53\n{records}"
    );
    let file = lab.file("corp.zone", &zone);
    let clause = format!(
        "auth-zone:\n  name: \"corp.test.\"\n  zonefile: \"{file}\"\n  for-downstream: no\n  for-upstream: yes\n"
    );
    unbound(lab, server, &clause);
}
