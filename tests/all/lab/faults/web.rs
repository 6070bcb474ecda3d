//! What goes over HTTP and is more than a request and an answer: upgrades, gRPC, WSDL, connections that are used again.

use std::time::Duration;

use super::super::Lab;
use super::super::fault::Fault;
use super::super::fault::Shows::{Breaks, Passes};
use super::super::network::forget_idle;
use super::super::proxies::{Nginx, PLAIN, other_nginx};
use super::super::server::{answer, wsdl};
use super::http::says;

const SOCKET: &str = "http: { url: 'http://app2.corp.test:8081/ws', headers: { Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: '13', Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ== }, expect: { status: 101 } }";
const EXPECTING: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', method: POST, headers: { Expect: 100-continue }, json: { note: one }, expect: { status: 201 } }";
const WSDL: &str = "http: { url: 'http://app2.corp.test:8080/services/orders?wsdl' }";
const GRPC: &str = "http: { url: 'http://app2.corp.test:8083/grpc.health.v1.Health/Check', http_version: '2', method: POST, headers: { Content-Type: application/grpc, TE: trailers }, body: \"\\0\\0\\0\\0\\0\", expect: { headers: { grpc-status: '0' } } }";

/// As a pool that keeps its connections for three seconds.
const REUSED: &str = "http: { url: 'http://app2.corp.test:8081/api/version', reuse_after: 3s }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("ws-upgrade-blocked", SOCKET, Breaks("protocol"), |lab| {
        let plain = PLAIN.replace("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;", "");
        assert_ne!(plain, PLAIN);
        other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
    }),
    Fault::new("http-expect-100-hang", EXPECTING, Breaks("protocol"), |lab| {
        says(lab, |request| {
            if request.header("expect").is_some() {
                std::thread::sleep(Duration::from_secs(12));
            }
            None
        });
    }),
    Fault::new("http-expect-100-hang", EXPECTING, Breaks("protocol"), |lab| {
        says(lab, |request| request.header("expect").map(|_| answer("417 Expectation Failed", "", "")));
    }),
    Fault::new("app-wsdl-endpoint-internal", WSDL, Passes, |lab| {
        serve(lab, "http://app2-node1.internal:8080/services/orders");
    }),
    Fault::new("grpc-unimplemented", GRPC, Breaks("protocol"), |lab| {
        ends(lab, "12", "unknown service grpc.health.v1.Health");
    }),
    Fault::new("grpc-unavailable", GRPC, Breaks("protocol"), |lab| ends(lab, "14", "connection refused")),
    Fault::new("grpc-unauthenticated-permission", GRPC, Breaks("protocol"), |lab| {
        ends(lab, "16", "token has expired");
    }),
    Fault::new("grpc-unauthenticated-permission", GRPC, Breaks("protocol"), |lab| {
        ends(lab, "7", "role orders.read is missing");
    }),
    Fault::new("grpc-deadline", GRPC, Breaks("protocol"), |lab| ends(lab, "4", "Deadline Exceeded")),
    Fault::new("grpc-resource-exhausted", GRPC, Breaks("protocol"), |lab| {
        ends(lab, "8", "grpc: received message larger than max (5242880 vs. 4194304)");
    }),
    Fault::new("keepalive-race", REUSED, Breaks("protocol"), |lab| {
        let plain = PLAIN.replace("listen 8081;", "listen 8081; keepalive_timeout 1s;");
        assert_ne!(plain, PLAIN);
        other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
    }),
    Fault::new("fw-idle-drop", REUSED, Breaks("protocol"), |lab| forget_idle(lab, "8081", "drop")),
    Fault::new("fw-idle-drop", REUSED, Breaks("protocol"), |lab| {
        forget_idle(lab, "8081", "reject with tcp reset");
    }),
    Fault::new("grpc-trailers-missing", GRPC, Breaks("protocol"), |lab| {
        let plain = PLAIN.replace("add_trailer grpc-status 0;", "");
        assert_ne!(plain, PLAIN);
        other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
    }),
];

pub(in super::super) use super::http::prepare;

/// The gRPC server ends the call so, in the head of its answer: that is all there is of it.
fn ends(lab: &Lab, code: &str, message: &str) {
    let ends = format!("add_header grpc-status {code}; add_header grpc-message '{message}'; return 200 '';");
    let plain = format!(
        "server {{ listen 8081; }} server {{ listen 8083 http2; default_type application/grpc; location / {{ {ends} }} }}"
    );
    other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
}

/// The WSDL names this address.
fn serve(lab: &Lab, address: &'static str) {
    says(lab, move |request| (request.path == "/services/orders?wsdl").then(|| wsdl(address)));
}
