//! nginx in front of application 2, and answers that are not what HTTP allows.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::super::Lab;
use super::super::fault::Fault;
use super::super::fault::Shows::{Breaks, Passes};
use super::super::fault::VERSION;
use super::super::network::Host;
use super::super::proxies::{Nginx, healthy_nginx, other_nginx};
use super::super::server::{Server, answer, healthy, http, identity, json};

const FRONT: &str =
    "http: { url: 'http://app2.corp.test:8081/api/version', expect: { json: { '$.version': '4.2.0' } } }";
const SECURED: &str = "http: { url: 'https://app2.corp.test:8443/api/version', ca: LAB/ca.pem }";
const POST: &str = "http: { url: 'http://app2.corp.test:8081/api/orders', method: POST, headers: { Content-Type: application/json }, body: '{\"note\": \"FILLER\"}', expect: { status: 201 } }";
const TOKEN: &str =
    "http: { url: 'http://app2.corp.test:8081/api/version', headers: { Authorization: 'Bearer FILLER' } }";
const TENANT: &str = "http: { url: 'http://app2.corp.test:8081/api/version', headers: { x_tenant: acme } }";
const THRICE: &str = "http: { url: 'http://app2.corp.test:8081/api/version', repeat: 6 }";
const PROMPT: &str =
    "http: { url: 'http://app2.corp.test:8080/api/version', expect: { status: 200, max_ms: 1500 } }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("http-502-upstream-down", FRONT, Breaks("protocol"), Lab::stop_app2),
    Fault::new("http-502-upstream-reset", FRONT, Breaks("protocol"), |lab| {
        lab.app2("0.0.0.0:8080", |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        });
    }),
    Fault::new("http-502-upstream-protocol", FRONT, Breaks("protocol"), |lab| {
        front(lab, "location / { proxy_pass http://127.0.0.1:9443; }");
        let good = lab.pki.good();
        let bind = format!("  bind 127.0.0.1:9443 ssl crt {}", good.both);
        super::super::proxies::haproxy(lab, &bind, "  server app2 127.0.0.1:8080");
        lab.undo(|lab| {
            lab.daemons.borrow_mut().remove("haproxy");
        });
    }),
    Fault::new("http-502-upstream-tls-wrong-version", FRONT, Breaks("protocol"), |lab| {
        front(lab, "location / { proxy_pass https://127.0.0.1:8080; }");
    }),
    Fault::new("http-502-header-too-big", FRONT, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("200 OK", &format!("Set-Cookie: sso={}\n", "x".repeat(32_000)), "{}")));
    }),
    Fault::new("http-504-upstream-timeout", FRONT, Breaks("protocol"), |lab| {
        front(lab, "location / { proxy_pass http://127.0.0.1:8080; proxy_read_timeout 1s; }");
        says(lab, |_| {
            std::thread::sleep(Duration::from_secs(2));
            None
        });
    }),
    Fault::new("http-504-upstream-unreachable", FRONT, Breaks("protocol"), |lab| {
        front(lab, "location / { proxy_pass http://203.0.113.99:8080; proxy_connect_timeout 1s; }");
    }),
    Fault::new("http-proxy-stale-upstream-ip", FRONT, Breaks("protocol"), |lab| {
        // nginx asks once, when it starts: the zone is right again afterwards.
        lab.dns("host-record=app2.corp.test,203.0.113.99\n");
        front(lab, "location / { proxy_pass http://app2.corp.test:8080; proxy_connect_timeout 1s; }");
        super::super::dns::start(lab, super::super::dns::HEALTHY);
    })
    .or(&["http-504-upstream-unreachable", "http-502-upstream-down"]),
    Fault::new("http-413-body-too-large", POST, Breaks("protocol"), |lab| {
        front(lab, "client_max_body_size 1k; location / { proxy_pass http://127.0.0.1:8080; }");
    }),
    Fault::new("http-431-header-too-large", TOKEN, Breaks("protocol"), |lab| {
        front(lab, "large_client_header_buffers 2 1k; location / { proxy_pass http://127.0.0.1:8080; }");
    }),
    Fault::new("http-wrong-vhost-default-page", FRONT, Breaks("payload"), |lab| {
        vhost(
            lab,
            "default_type text/html; return 200 '<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>';",
        );
    }),
    Fault::new("http-404-vhost", FRONT, Breaks("protocol"), |lab| {
        vhost(lab, "return 404 'default backend - 404';");
    }),
    Fault::new("http-underscore-header-dropped", TENANT, Breaks("protocol"), |lab| {
        front(lab, "underscores_in_headers off; location / { proxy_pass http://127.0.0.1:8080; }");
        needs_tenant(lab, "x_tenant");
    }),
    Fault::new("http-proxy-strips-path", FRONT, Breaks("protocol"), |lab| {
        front(lab, "location /api/ { proxy_pass http://127.0.0.1:8080/; }");
    }),
    Fault::new("http-403-ip", FRONT, Breaks("auth"), |lab| {
        front(
            lab,
            "location / { allow 192.0.2.0/24; allow 203.0.113.0/24; allow 127.0.0.0/8; deny all; proxy_pass http://127.0.0.1:8080; }",
        );
    }),
    Fault::new("http-429", THRICE, Breaks("protocol"), |lab| {
        let limit = "limit_req_zone $binary_remote_addr zone=calls:1m rate=30r/m; limit_req_status 429;";
        let plain = "server { listen 8081; location / { limit_req zone=calls burst=2 nodelay; add_header Retry-After 30 always; proxy_pass http://127.0.0.1:8080; } }";
        other_nginx(lab, &Nginx { plain, more: limit, ..Nginx::default() });
    }),
    Fault::new("proxy-captive-login", VERSION, Breaks("payload"), |lab| {
        // The router sends what is for application 2 to a page of its own.
        let page = "<html><head><title>Sign in to the network</title></head></html>";
        let login = http(move |_| answer("200 OK", "Content-Type: text/html\n", page));
        lab.keep(Server::start(lab.at(Host::Router), "0.0.0.0:3129", login));
        lab.nft(Host::Router, "nat prerouting", "ip saddr 198.51.100.10 tcp dport 8080 redirect to :3129");
    }),
    Fault::new("http-truncated-body", VERSION, Breaks("protocol"), |lab| {
        raw(lab, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"application\":\"app2\"");
    }),
    Fault::new("http-content-length-short", VERSION, Breaks("payload"), |lab| {
        let body = identity("4.2.0", "production", "a");
        raw(
            lab,
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{body}")
                .as_bytes(),
        );
    }),
    Fault::new("http-chunked-illegal", VERSION, Breaks("protocol"), |lab| {
        raw(lab, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{\"application\":\"app2\"}");
    }),
    Fault::new("http-chunked-cut", VERSION, Breaks("protocol"), |lab| {
        raw(lab, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"application\":\"\r\n");
    }),
    Fault::new("http-gzip-broken", VERSION, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("200 OK", "Content-Encoding: gzip\n", "{\"application\":\"app2\"}")));
    }),
    Fault::new("http-gzip-unasked", VERSION, Breaks("payload"), |lab| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(identity("4.2.0", "production", "a").as_bytes()).expect("memory");
        let packed = packed.finish().expect("memory");
        let mut all = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        )
        .into_bytes();
        all.extend(packed);
        raw(lab, &all);
    }),
    Fault::new("http-slow-first-byte", PROMPT, Breaks("payload"), |lab| {
        says(lab, |_| {
            std::thread::sleep(Duration::from_millis(2500));
            None
        });
    }),
    Fault::new("http-slow-first-byte", VERSION, Breaks("protocol"), |lab| {
        says(lab, |request| {
            if request.path == "/api/version" {
                std::thread::sleep(Duration::from_secs(12));
            }
            None
        });
    })
    .or(&["tcp-process-hung"]),
    Fault::new("http-401", FRONT, Breaks("auth"), |lab| {
        let users = lab.file("users", "app1:{PLAIN}app1-secret\n");
        front(
            lab,
            &format!(
                "auth_basic app2; auth_basic_user_file {users}; location / {{ proxy_pass http://127.0.0.1:8080; }}"
            ),
        );
    }),
    Fault::new("http-403-ip", FRONT, Breaks("auth"), |lab| {
        front(lab, "location / { deny all; proxy_pass http://127.0.0.1:8080; }");
    })
    .or(&["http-403-scope"]),
    Fault::new("app-maintenance-503", FRONT, Breaks("protocol"), |lab| {
        front(lab, "default_type text/plain; return 503 'down for maintenance until 04:00';");
    }),
    Fault::new("http-redirect-internal-host", FOLLOW, Breaks("tcp"), |lab| {
        front(lab, "return 302 http://localhost:9/api/version;");
    }),
    Fault::new("http-redirect-internal-host", FOLLOW, Breaks("dns"), |lab| {
        front(lab, "return 302 http://app2-node1:8080/api/version;");
    }),
    Fault::new("http-drip-body", VERSION, Breaks("protocol"), |lab| {
        lab.app2("0.0.0.0:8080", |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(300));
            }
        });
    }),
    Fault::new("http-404-context-path", VERSION, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let inner = request.path.strip_prefix("/app2-4.2.0").map(str::to_owned);
            let page = "<html><head><title>HTTP Status 404 - Not Found</title></head><body><h3>Apache Tomcat/9.0.43</h3></body></html>";
            match inner {
                Some(path) if path == "/api/version" => {
                    Some(json("200 OK", &identity("4.2.0", "production", "a")))
                }
                _ => Some(answer("404 Not Found", "Content-Type: text/html\n", page)),
            }
        });
    }),
    Fault::new("http-405", POST_DIRECT, Breaks("protocol"), |lab| {
        says(lab, |request| {
            (request.method == "POST").then(|| answer("405 Method Not Allowed", "Allow: GET, PUT\n", ""))
        });
    }),
    Fault::new("http-406", ACCEPT, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let asked = request.header("accept") == Some("application/vnd.corp.v1+json");
            asked.then(|| answer("406 Not Acceptable", "", "application/vnd.corp.v2+json"))
        });
    }),
    Fault::new("http-415", POST_DIRECT, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let body = request.method == "POST";
            body.then(|| {
                answer("415 Unsupported Media Type", "Accept-Post: application/vnd.corp.v2+json\n", "")
            })
        });
    }),
    Fault::new("http-421-misdirected", VERSION, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("421 Misdirected Request", "", "")));
    }),
    Fault::new("http-426", VERSION, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("426 Upgrade Required", "Upgrade: TLS/1.2, HTTP/1.1\n", "use https")));
    }),
    Fault::new("http-redirect-to-http", SECURED, Breaks("protocol"), |lab| {
        let secured =
            "if ($request_uri = /api/version) { return 301 http://app2.corp.test:8080/api/version/; }";
        other_nginx(lab, &Nginx { secured, ..Nginx::default() });
    }),
    Fault::new("http-redirect-internal-host", VERSION, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("302 Found", "Location: http://localhost:8080/api/v2/version\n", "")));
    }),
    Fault::new("http-redirect-loop", FOLLOW, Breaks("protocol"), |lab| {
        front(lab, "return 302 http://app2.corp.test:8081$request_uri;");
    }),
    Fault::new("http-301-post-becomes-get", POST_FOLLOW, Breaks("protocol"), |lab| {
        says(lab, |request| match (request.method.as_str(), request.path.as_str()) {
            (_, "/api/orders") => Some(answer("301 Moved Permanently", "Location: /api/orders/\n", "")),
            ("POST", "/api/orders/") => Some(json("201 Created", "{}")),
            (_, "/api/orders/") => Some(answer("405 Method Not Allowed", "Allow: POST\n", "")),
            _ => None,
        });
    }),
    Fault::new("http-wrong-content-type", TYPED, Breaks("protocol"), |lab| {
        says(lab, |_| {
            Some(answer("200 OK", "Content-Type: text/plain\n", &identity("4.2.0", "production", "a")))
        });
    }),
    Fault::configured(
        "http-h2-cleartext-mismatch",
        VERSION,
        "http: { url: 'http://app2.corp.test:8080/api/version', http_version: '2' }",
        Breaks("protocol"),
    )
    .or(&["http-grpc-through-h1-proxy"]),
    Fault::configured(
        "http-grpc-through-h1-proxy",
        FRONT,
        "http: { url: 'http://app2.corp.test:8081/api/version', http_version: '2' }",
        Breaks("protocol"),
    )
    .or(&["http-h2-cleartext-mismatch"]),
    Fault::new("app-server-clock-wrong", VERSION, Passes, |lab| {
        says(lab, |request| {
            (request.path == "/api/version").then(|| {
                answer(
                    "200 OK",
                    "Date: Tue, 01 Jan 2019 00:00:00 GMT\nContent-Type: application/json\n",
                    &identity("4.2.0", "production", "a"),
                )
            })
        });
    }),
];

const POST_DIRECT: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', method: POST, json: { note: one }, expect: { status: 201 } }";
const POST_FOLLOW: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', method: POST, json: { note: one }, redirects: 3, expect: { status: 201 } }";
const ACCEPT: &str = "http: { url: 'http://app2.corp.test:8080/api/version', headers: { Accept: application/vnd.corp.v1+json } }";
const FOLLOW: &str = "http: { url: 'http://app2.corp.test:8081/api/version', redirects: 5 }";
const TYPED: &str = "http: { url: 'http://app2.corp.test:8080/api/version', expect: { headers: { Content-Type: { starts_with: application/json } } } }";

/// What the family needs beside the lab itself.
pub(in super::super) fn prepare(lab: &Lab) {
    healthy_nginx(lab);
}

/// Application 2 answers this where it answers at all; else what is healthy.
pub(in super::super) fn says(
    lab: &Lab,
    answer: impl Fn(&super::super::server::Request) -> Option<Vec<u8>> + Send + Sync + 'static,
) {
    let identity = identity("4.2.0", "production", "a");
    lab.app2(
        "0.0.0.0:8080",
        http(move |request| answer(request).unwrap_or_else(|| healthy(request, &identity))),
    );
}

/// Application 2 that wants a header.
pub(super) fn needs_tenant(lab: &Lab, header: &'static str) {
    says(lab, move |request| {
        let body = format!(r#"{{"error":"header {header} is required"}}"#);
        request.header(header).is_none().then(|| json("400 Bad Request", &body))
    });
}

/// These bytes, whatever is asked.
fn raw(lab: &Lab, bytes: &[u8]) {
    let bytes = bytes.to_vec();
    lab.app2("0.0.0.0:8080", move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&bytes);
    });
}

/// The plain nginx with other lines in its server.
fn front(lab: &Lab, lines: &str) {
    let plain = format!("server {{ listen 8081; server_name app2.corp.test; {lines} }}");
    other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
}

/// The server of application 2 has another name, and a default server answers.
fn vhost(lab: &Lab, default: &str) {
    let plain = format!(
        "server {{ listen 8081 default_server; location / {{ {default} }} }} server {{ listen 8081; server_name app2.example.test; location / {{ proxy_pass http://127.0.0.1:8080; }} }}"
    );
    other_nginx(lab, &Nginx { plain: &plain, ..Nginx::default() });
}
