//! Names that do not resolve, or resolve to something else.

use super::super::daemon::Daemon;
use super::super::dns;
use super::super::fault::{Fault, VERSION};
use super::super::network::Host;
use super::super::{Lab, server::Server, server::app2};

const SHORT: &str =
    "http: { url: 'http://app2:8080/api/version', expect: { json: { '$.version': '4.2.0' } } }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault { cause: "dns-nxdomain", or: &[], check: VERSION, breaks: Some("dns"), inject: |lab| lab.dns("") },
    Fault {
        cause: "dns-nodata",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| lab.dns("txt-record=app2.corp.test,moved\n"),
    },
    Fault {
        cause: "dns-servfail",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        // The zone's file is not there.
        inject: |lab| {
            unbound(
                lab,
                "",
                "auth-zone:\n  name: \"corp.test.\"\n  zonefile: \"missing.zone\"\n  fallback-enabled: no\n",
            );
        },
    },
    Fault {
        cause: "dns-refused-rcode",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| {
            unbound(
                lab,
                "  access-control: 198.51.100.0/24 refuse\n  local-zone: \"corp.test.\" static\n  local-data: \"app2.corp.test. A 203.0.113.20\"\n",
                "",
            );
        },
    },
    Fault {
        cause: "dns-resolver-timeout",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| {
            lab.nft(
                Host::Router,
                "forward",
                "ip saddr 198.51.100.10 meta l4proto { tcp, udp } th dport 53 drop",
            )
        },
    },
    Fault {
        cause: "dns-resolver-down",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| {
            dns::stop(lab);
            lab.undo(|lab| dns::start(lab, dns::HEALTHY));
        },
    },
    Fault {
        cause: "dns-first-resolver-dead",
        or: &[],
        check: VERSION,
        breaks: None,
        inject: |lab| {
            lab.nft(Host::Dns, "input", "ip daddr 192.0.2.54 drop");
            resolv(
                lab,
                "nameserver 192.0.2.54\nnameserver 192.0.2.53\nsearch corp.test\noptions timeout:1 attempts:2\n",
            );
        },
    },
    Fault {
        cause: "dns-stale-record",
        or: &[],
        check: VERSION,
        breaks: Some("payload"),
        inject: |lab| lab.dns("host-record=app2.corp.test,203.0.113.22\n"),
    },
    Fault {
        cause: "dns-stale-record-dead",
        or: &[],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| lab.dns("host-record=app2.corp.test,203.0.113.99\n"),
    },
    Fault {
        cause: "dns-wrong-env-record",
        or: &[],
        check: VERSION,
        breaks: Some("payload"),
        inject: |lab| {
            let test = Server::start(lab.at(Host::Old), "0.0.0.0:8081", app2("4.2.0", "test", "t"));
            lab.keep(test);
            lab.nft(Host::Old, "nat prerouting", "tcp dport 8080 redirect to :8081");
            lab.dns("host-record=app2.corp.test,203.0.113.22\n");
        },
    },
    Fault {
        cause: "dns-short-name-no-search",
        or: &[],
        check: SHORT,
        breaks: Some("dns"),
        inject: |lab| resolv(lab, "nameserver 192.0.2.53\noptions timeout:1 attempts:2\n"),
    },
    Fault {
        cause: "dns-wrong-search-domain",
        or: &[],
        check: SHORT,
        breaks: Some("payload"),
        inject: |lab| {
            lab.dns(
                "host-record=app2.corp.test,203.0.113.20\nhost-record=app2.test.corp.test,203.0.113.22\n",
            );
            resolv(
                lab,
                "nameserver 192.0.2.53\nsearch test.corp.test corp.test\noptions timeout:1 attempts:2\n",
            );
        },
    },
    Fault {
        cause: "dns-split-horizon",
        or: &[],
        check: VERSION,
        breaks: Some("payload"),
        inject: |lab| {
            let other = "local=/corp.test/\nhost-record=app2.corp.test,203.0.113.22\n";
            lab.keep(dns::dnsmasq(lab, "192.0.2.55", "other", other));
            resolv(lab, "nameserver 192.0.2.55\nsearch corp.test\noptions timeout:1 attempts:2\n");
        },
    },
    Fault {
        cause: "dns-v6-only-answer-no-route",
        or: &[],
        check: VERSION,
        breaks: Some("route"),
        inject: |lab| lab.dns("host-record=app2.corp.test,2001:db8:113::20\n"),
    },
    Fault {
        cause: "dns-v6-preferred-blackhole",
        or: &[],
        check: VERSION,
        breaks: None,
        inject: |lab| {
            lab.at(Host::App1).ip("addr add 2001:db8:100::10/64 dev eth0 nodad");
            lab.ip(
                Host::App1,
                "route add 2001:db8:113::/64 dev eth0",
                "addr del 2001:db8:100::10/64 dev eth0",
            );
            lab.nft(Host::App1, "output", "ip6 daddr 2001:db8:113::20 drop");
            lab.dns("host-record=app2.corp.test,203.0.113.20,2001:db8:113::20\n");
        },
    },
    Fault {
        cause: "dns-hosts-override",
        or: &[],
        check: VERSION,
        breaks: Some("payload"),
        inject: |lab| lab.etc(Host::App1, "hosts", "127.0.0.1 localhost\n203.0.113.22 app2.corp.test\n"),
    },
    Fault {
        cause: "dns-nsswitch-no-dns",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| lab.etc(Host::App1, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    },
    Fault {
        cause: "dns-cname-dangling",
        or: &[],
        check: VERSION,
        breaks: Some("dns"),
        inject: |lab| {
            let zone = lab.file(
                "corp.zone",
                "$ORIGIN corp.test.\n@ 60 SOA ns hostmaster 1 60 60 60 60\n@ 60 NS ns\nns 60 A 192.0.2.53\napp2 60 CNAME app2-v24\n",
            );
            unbound(lab, "", &format!("auth-zone:\n  name: \"corp.test.\"\n  zonefile: \"{zone}\"\n"));
        },
    },
    Fault {
        cause: "dns-round-robin-one-dead",
        or: &[],
        check: VERSION,
        breaks: None,
        inject: |lab| {
            lab.dns("host-record=app2.corp.test,203.0.113.20\nhost-record=app2.corp.test,203.0.113.99\n");
        },
    },
];

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
