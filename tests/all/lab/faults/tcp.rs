//! Listeners that are not there, or take connections and say nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::super::fault::Shows::Breaks;
use super::super::fault::{Fault, VERSION};
use super::super::network::Host;
use super::super::server::{app2, http, json, unattended};

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("tcp-not-listening", VERSION, Breaks("tcp"), super::super::Lab::stop_app2),
    Fault::new("tcp-loopback-only", VERSION, Breaks("tcp"), |lab| {
        lab.app2("127.0.0.1:8080", app2("4.2.0", "production", "a"));
    }),
    Fault::new("tcp-wrong-port", VERSION, Breaks("tcp"), |lab| {
        lab.app2("0.0.0.0:8081", app2("4.2.0", "production", "a"));
    })
    .or(&["tcp-not-listening"]),
    Fault::new("tcp-other-address-only", VERSION, Breaks("tcp"), |lab| {
        lab.app2("203.0.113.21:8080", app2("4.2.0", "production", "a"));
    })
    .or(&["tcp-not-listening"]),
    Fault::new("tcp-v6-only-listener", VERSION, Breaks("tcp"), |lab| {
        lab.app2("[::]:8080", app2("4.2.0", "production", "a"));
    })
    .or(&["tcp-not-listening"]),
    Fault::new("tcp-backlog-full", VERSION, Breaks("tcp"), |lab| {
        lab.stop_app2();
        lab.keep(unattended(lab.at(Host::App2), "0.0.0.0:8080", 1));
        let filling = lab.at(Host::App2).inside(|| {
            let address = "203.0.113.20:8080".parse().expect("an address");
            (0..4)
                .filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
                .collect::<Vec<_>>()
        });
        lab.keep(filling);
    }),
    Fault::new("tcp-process-hung", VERSION, Breaks("protocol"), |lab| {
        lab.stop_app2();
        lab.keep(unattended(lab.at(Host::App2), "0.0.0.0:8080", 128));
    }),
    Fault::new("tcp-rst-on-accept", VERSION, Breaks("protocol"), |lab| {
        lab.app2("0.0.0.0:8080", |stream| {
            // Not before the caller has seen that it is connected.
            std::thread::sleep(Duration::from_millis(50));
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        });
    }),
    // The first four bytes of a request for /api: "GET ", and of its path "/api".
    Fault::new("tcp-rst-by-ips", VERSION, Breaks("protocol"), |lab| {
        lab.nft(
                Host::Router,
                "forward",
                "ip saddr 198.51.100.10 tcp dport 8080 @ih,0,32 0x47455420 @ih,32,32 0x2f617069 reject with tcp reset",
            );
    }),
    Fault::new("tcp-close-no-data", VERSION, Breaks("protocol"), |lab| {
        lab.app2("0.0.0.0:8080", |mut stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
        });
    }),
    Fault::new("tcp-other-service-on-port", VERSION, Breaks("protocol"), |lab| {
        lab.app2("0.0.0.0:8080", |mut stream| {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
            let mut rest = [0; 4096];
            while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
        });
    }),
    Fault::new("tcp-proxy-protocol-expected", VERSION, Breaks("protocol"), |lab| {
        let behind = http(|_| json("200 OK", "{}"));
        lab.app2("0.0.0.0:8080", move |stream| {
            let mut head = [0; 6];
            if stream.peek(&mut head).is_ok_and(|read| head.get(..read) == Some(b"PROXY ")) {
                behind(stream);
            }
        });
    })
    .or(&["tcp-close-no-data"]),
];
