//! nginx and HAProxy in front of application 2, on its host.

use std::fmt::Write as _;

use super::Lab;
use super::daemon::Daemon;
use super::network::Host;
use super::pki::Certificate;
use super::server::{Server, answer, healthy, http, identity, json};

/// The nginx of the lab: TLS at 8443, plain at 8081, both in front of application 2 at 8080.
pub(super) struct Nginx<'a> {
    /// What the TLS server sends.
    pub(super) certificate: Option<&'a Certificate>,
    /// Its port.
    pub(super) port: u16,
    /// The TLS server's name.
    pub(super) name: &'a str,
    /// Directives of the TLS server.
    pub(super) secured: &'a str,
    /// The plain server, whole.
    pub(super) plain: &'a str,
    /// Servers before these.
    pub(super) more: &'a str,
}

impl Default for Nginx<'_> {
    fn default() -> Self {
        Self {
            certificate: None,
            port: 8443,
            name: "app2.corp.test",
            secured: SECURED,
            plain: PLAIN,
            more: "",
        }
    }
}

/// The TLS server's directives.
const SECURED: &str = "ssl_protocols TLSv1.2 TLSv1.3;";

/// The plain server, and one that answers gRPC.
pub(super) const PLAIN: &str = "server { listen 8081; server_name app2.corp.test; underscores_in_headers on; location / { proxy_pass http://127.0.0.1:8080; } \
    location /ws { proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } \
    server { listen 8083 http2; default_type application/grpc; location / { add_trailer grpc-status 0; return 200 'ok'; } }";

/// Put nginx with this configuration in the place of the one that runs.
pub(super) fn nginx(lab: &Lab, nginx: &Nginx<'_>) {
    lab.daemons.borrow_mut().remove("nginx");
    let good;
    let certificate = if let Some(certificate) = nginx.certificate {
        certificate
    } else {
        good = lab.pki.good();
        &good
    };
    let folder = lab.folder.path().display();
    let mut text = format!(
        "daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.error info;\nevents {{}}\nhttp {{\naccess_log off; "
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = write!(text, "{kind}_temp_path {folder}/nginx-{kind}; ");
    }
    let Certificate { chain, key, .. } = certificate;
    let Nginx { port, name, secured, plain, more, .. } = nginx;
    let _ = write!(
        text,
        "\n{more}\nserver {{ listen {port} ssl; server_name {name}; ssl_certificate {chain}; ssl_certificate_key {key}; {secured} location / {{ proxy_pass http://127.0.0.1:8080; }} }}\n{plain}\n}}\n"
    );
    let file = lab.file("nginx.conf", &text);
    let log = lab.folder.path().join("nginx.log");
    let mut daemon = Daemon::start(lab.at(Host::App2), &log, &["nginx", "-c", &file]);
    daemon.wait_for(lab.at(Host::App2), "203.0.113.20:8081");
    lab.daemons.borrow_mut().insert("nginx", daemon);
}

/// The healthy nginx.
pub(super) fn healthy_nginx(lab: &Lab) {
    nginx(lab, &Nginx::default());
}

/// Nobody listens on nginx's ports: something else is to.
pub(super) fn stop_nginx(lab: &Lab) {
    lab.daemons.borrow_mut().remove("nginx");
    lab.undo(healthy_nginx);
}

/// The three nodes behind the load balancer, at 9001 to 9003 of application 2's host.
pub(super) fn healthy_nodes(lab: &Lab) {
    for node in NODES {
        healthy_node(lab, node);
    }
}

/// The nodes.
pub(super) const NODES: [(&str, &str); 3] =
    [("a", "127.0.0.1:9001"), ("b", "127.0.0.1:9002"), ("c", "127.0.0.1:9003")];

fn healthy_node(lab: &Lab, (node, address): (&'static str, &str)) {
    lab.servers.borrow_mut().remove(node);
    let identity = identity("4.2.0", "production", node);
    // A node knows only the sessions it began.
    let serve = http(move |request| match request.path.as_str() {
        "/login" => answer("200 OK", &format!("X-Session: {node}\n"), ""),
        "/session" if request.header("x-session") == Some(node) => json("200 OK", r#"{"user":"app1"}"#),
        "/session" => json("401 Unauthorized", r#"{"error":"unknown session"}"#),
        _ => healthy(request, &identity),
    });
    let server = Server::start(lab.at(Host::App2), address, serve);
    lab.servers.borrow_mut().insert(node, server);
}

/// Another server in the place of a node.
pub(super) fn node(
    lab: &Lab,
    node: (&'static str, &'static str),
    serve: impl Fn(std::net::TcpStream) + Send + Sync + 'static,
) {
    lab.servers.borrow_mut().remove(node.0);
    let server = Server::start(lab.at(Host::App2), node.1, serve);
    lab.servers.borrow_mut().insert(node.0, server);
    lab.undo(move |lab| healthy_node(lab, node));
}

/// The backend of the load balancer as it should be.
pub(super) const BACKEND: &str = "  balance roundrobin\n  stick-table type string len 32 size 1k expire 1m\n  stick match req.hdr(X-Session)\n  stick store-response res.hdr(X-Session)\n  option httpchk GET /health\n  default-server check inter 200 fall 1 rise 1\n  server a 127.0.0.1:9001\n  server b 127.0.0.1:9002\n  server c 127.0.0.1:9003\n";

/// Put HAProxy, at 8082 of application 2's host, in the place of the one that runs.
pub(super) fn haproxy(lab: &Lab, frontend: &str, backend: &str) {
    lab.daemons.borrow_mut().remove("haproxy");
    let text = format!(
        "global\n  maxconn 200\n  ssl-server-verify none\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 5s\nfrontend app2\n  bind 0.0.0.0:8082\n{frontend}\n  default_backend nodes\nbackend nodes\n{backend}\n"
    );
    let file = lab.file("haproxy.cfg", &text);
    let log = lab.folder.path().join("haproxy.log");
    let mut daemon = Daemon::start(lab.at(Host::App2), &log, &["haproxy", "-db", "-f", &file]);
    daemon.wait_for(lab.at(Host::App2), "203.0.113.20:8082");
    lab.daemons.borrow_mut().insert("haproxy", daemon);
}

/// The healthy HAProxy.
pub(super) fn healthy_haproxy(lab: &Lab) {
    haproxy(lab, "", BACKEND);
}

/// Another HAProxy until the fault is taken back.
pub(super) fn other_haproxy(lab: &Lab, frontend: &str, backend: &str) {
    haproxy(lab, frontend, backend);
    lab.undo(healthy_haproxy);
}

/// Another nginx until the fault is taken back.
pub(super) fn other_nginx(lab: &Lab, other: &Nginx<'_>) {
    nginx(lab, other);
    lab.undo(healthy_nginx);
}
