//! HAProxy with three nodes behind it.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use super::super::Lab;
use super::super::fault::Fault;
use super::super::fault::Shows::Breaks;
use super::super::network::Host;
use super::super::proxies::{BACKEND, NODES, healthy_haproxy, healthy_nodes, node, other_haproxy};
use super::super::server::{answer, app2, http, identity, json};

const ONCE: &str =
    "http: { url: 'http://app2.corp.test:8082/api/version', expect: { json: { '$.version': '4.2.0' } } }";
const REPEATED: &str = "http: { url: 'http://app2.corp.test:8082/api/version', repeat: 9, expect: { json: { '$.version': '4.2.0' } } }";
const SESSION: &str = "flow: { base_url: 'http://app2.corp.test:8082', steps: [ { get: /login, capture: { session: { header: X-Session } } }, { get: /session, headers: { X-Session: '${session}' } }, { get: /session, headers: { X-Session: '${session}' } } ] }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("lb-no-healthy-backend", ONCE, Breaks("protocol"), |lab| {
        lab.undo(|lab| wait_until_it_says(lab, "app2"));
        for each in NODES {
            node(lab, each, http(|_| json("503 Service Unavailable", r#"{"status":"down"}"#)));
        }
        wait_until_it_says(lab, "No server is available");
    }),
    Fault::new("lb-health-check-wrong-path", ONCE, Breaks("protocol"), |lab| {
        other_haproxy(lab, "", &BACKEND.replace("/health", "/status/old"));
        wait_until_it_says(lab, "No server is available");
    })
    .or(&["lb-no-healthy-backend"]),
    Fault::new("lb-no-healthy-backend", ONCE, Breaks("protocol"), |lab| {
        // It does not look at its nodes, and none of them listens.
        other_haproxy(lab, "", "  server a 127.0.0.1:9091\n  server b 127.0.0.1:9092\n");
    })
    .or(&["http-502-upstream-down"]),
    Fault::new("http-502-upstream-reset", ONCE, Breaks("protocol"), |lab| {
        for each in NODES {
            node(lab, each, |mut stream: TcpStream| {
                let _ = stream.read(&mut [0; 4096]);
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            });
        }
        other_haproxy(lab, "", "  server a 127.0.0.1:9001\n  server b 127.0.0.1:9002\n");
    })
    .or(&["http-502-upstream-tls-wrong-version", "http-502-upstream-protocol"]),
    Fault::new("lb-one-bad-node", REPEATED, Breaks("protocol"), |lab| {
        let [_, b, _] = NODES;
        node(
            lab,
            b,
            http(|request| match request.path.as_str() {
                "/health" => json("200 OK", "{}"),
                _ => json("500 Internal Server Error", r#"{"error":"no connection to db","node":"b"}"#),
            }),
        );
        std::thread::sleep(SETTLED);
    }),
    Fault::new("lb-one-old-version-node", REPEATED, Breaks("payload"), |lab| {
        let [_, b, _] = NODES;
        node(lab, b, app2("4.1.9", "production", "b"));
        std::thread::sleep(SETTLED);
    }),
    Fault::new("lb-sticky-session-lost", SESSION, Breaks("auth"), |lab| {
        let forgets = BACKEND.lines().filter(|line| !line.contains("stick")).collect::<Vec<_>>().join("\n");
        other_haproxy(lab, "", &forgets);
    }),
    Fault::new("lb-maxconn-queue", ONCE, Breaks("protocol"), |lab| {
        other_haproxy(lab, "", "  timeout queue 1s\n  server a 127.0.0.1:9001 maxconn 1\n");
        let [a, ..] = NODES;
        node(lab, a, |mut stream: TcpStream| {
            let _ = stream.read(&mut [0; 4096]);
            std::thread::sleep(Duration::from_secs(8));
        });
        let holding = lab.at(Host::Runner).inside(|| {
            use std::io::Write as _;
            let mut stream = TcpStream::connect("203.0.113.20:8082").expect("HAProxy");
            stream.write_all(b"GET /hold HTTP/1.1\r\nHost: app2\r\n\r\n").expect("a request");
            stream
        });
        lab.keep(holding);
        std::thread::sleep(Duration::from_millis(200));
    }),
    Fault::new("tcp-proxy-protocol-unexpected", ONCE, Breaks("protocol"), |lab| {
        let sends = "  server a 127.0.0.1:9001 send-proxy\n";
        other_haproxy(lab, "", sends);
        let [a, ..] = NODES;
        node(
            lab,
            a,
            http(|request| match request.method.as_str() {
                "GET" => json("200 OK", &identity("4.2.0", "production", "a")),
                _ => answer("400 Bad Request", "", "bad request line"),
            }),
        );
    }),
];

/// What the family needs beside the lab itself: nodes that know only the sessions they began.
pub(in super::super) fn prepare(lab: &Lab) {
    healthy_nodes(lab);
    healthy_haproxy(lab);
}

/// Until `HAProxy` answers with this, as it does once it has looked at its nodes.
fn wait_until_it_says(lab: &Lab, wanted: &'static str) {
    super::super::namespace::wait_until("HAProxy has looked at its nodes", || {
        lab.at(Host::App2).inside(move || {
            use std::io::Write as _;
            let Ok(mut stream) = TcpStream::connect("127.0.0.1:8082") else { return false };
            let _ = stream.write_all(b"GET /api/version HTTP/1.0\r\n\r\n");
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said);
            said.contains(wanted)
        })
    });
}

/// Time for `HAProxy` to look at its nodes twice: one that was away for a moment is back.
const SETTLED: Duration = Duration::from_millis(600);
