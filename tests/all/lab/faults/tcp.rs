//! Listeners that are not there, or take connections and say nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::super::fault::{Fault, VERSION};
use super::super::network::Host;
use super::super::server::{app2, http, json, unattended};

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault {
        cause: "tcp-not-listening",
        or: &[],
        check: VERSION,
        breaks: Some("tcp"),
        inject: super::super::Lab::stop_app2,
    },
    Fault {
        cause: "tcp-loopback-only",
        or: &[],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| lab.app2("127.0.0.1:8080", app2("4.2.0", "production", "a")),
    },
    Fault {
        cause: "tcp-wrong-port",
        or: &["tcp-not-listening"],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| lab.app2("0.0.0.0:8081", app2("4.2.0", "production", "a")),
    },
    Fault {
        cause: "tcp-other-address-only",
        or: &["tcp-not-listening"],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| lab.app2("203.0.113.21:8080", app2("4.2.0", "production", "a")),
    },
    Fault {
        cause: "tcp-v6-only-listener",
        or: &["tcp-not-listening"],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| lab.app2("[::]:8080", app2("4.2.0", "production", "a")),
    },
    Fault {
        cause: "tcp-backlog-full",
        or: &[],
        check: VERSION,
        breaks: Some("tcp"),
        inject: |lab| {
            lab.stop_app2();
            lab.keep(unattended(lab.at(Host::App2), "0.0.0.0:8080", 1));
            let filling = lab.at(Host::App2).inside(|| {
                let address = "203.0.113.20:8080".parse().expect("an address");
                (0..4)
                    .filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
                    .collect::<Vec<_>>()
            });
            lab.keep(filling);
        },
    },
    Fault {
        cause: "tcp-process-hung",
        or: &[],
        check: VERSION,
        breaks: Some("protocol"),
        inject: |lab| {
            lab.stop_app2();
            lab.keep(unattended(lab.at(Host::App2), "0.0.0.0:8080", 128));
        },
    },
    Fault {
        cause: "tcp-rst-on-accept",
        or: &[],
        check: VERSION,
        breaks: Some("protocol"),
        inject: |lab| {
            lab.app2("0.0.0.0:8080", |stream| {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            });
        },
    },
    Fault {
        cause: "tcp-rst-by-ips",
        or: &[],
        check: VERSION,
        breaks: Some("protocol"),
        // The first four bytes of a request for /api: "GET ", and of its path "/api".
        inject: |lab| {
            lab.nft(
                Host::Router,
                "forward",
                "ip saddr 198.51.100.10 tcp dport 8080 @ih,0,32 0x47455420 @ih,32,32 0x2f617069 reject with tcp reset",
            );
        },
    },
    Fault {
        cause: "tcp-close-no-data",
        or: &[],
        check: VERSION,
        breaks: Some("protocol"),
        inject: |lab| {
            lab.app2("0.0.0.0:8080", |mut stream| {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
            });
        },
    },
    Fault {
        cause: "tcp-other-service-on-port",
        or: &[],
        check: VERSION,
        breaks: Some("protocol"),
        inject: |lab| {
            lab.app2("0.0.0.0:8080", |mut stream| {
                let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
                let mut rest = [0; 4096];
                while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
            });
        },
    },
    Fault {
        cause: "tcp-proxy-protocol-expected",
        or: &["tcp-close-no-data"],
        check: VERSION,
        breaks: Some("protocol"),
        inject: |lab| {
            let behind = http(|_| json("200 OK", "{}"));
            lab.app2("0.0.0.0:8080", move |stream| {
                let mut head = [0; 6];
                if stream.peek(&mut head).is_ok_and(|read| head.get(..read) == Some(b"PROXY ")) {
                    behind(stream);
                }
            });
        },
    },
];
