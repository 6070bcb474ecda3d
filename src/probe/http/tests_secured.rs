//! Calls over TLS, through proxies, and against a real nginx with HTTP/2 and client certificates.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::model::layer::Layer;
use crate::net::scripted::{read_request, response, serve};
use crate::net::tls::pki::{Pki, params, tls_serve};
use crate::probe::rehearsal::{fault, outcome, run, said};

#[tokio::test]
async fn https_has_its_own_layer() {
    let pki = Pki::new();
    let server = tls_serve(pki.server("app.example"), |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response(200, "", "over TLS")).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let fields = |url: &str| json!({ "url": url, "connect_to": server.to_string(), "ca": pki.root_file(), "expect": { "body": "over TLS" } });
    let trace = run("http", fields("https://app.example/")).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
    assert!(said(&trace, Layer::Tls).starts_with("TLSv1.3"));
    let trace = run("http", fields("https://other.example/")).await;
    assert_eq!(outcome(&trace), "tls distrusted");
    let trace = run("http", json!({ "url": format!("https://{server}/") })).await;
    assert!(["tls distrusted", "blind: the system's trust store"].iter().any(|wanted| outcome(&trace).starts_with(wanted)));
}

#[tokio::test]
async fn plain_http_asked_for_tls_is_not_tls() {
    let server = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let pki = Pki::new();
    let fields = json!({ "url": format!("https://{server}/"), "ca": pki.root_file() });
    assert_eq!(outcome(&run("http", fields).await), "tls not_tls");
}

#[tokio::test]
async fn a_tunnel_leads_through_a_proxy() {
    let pki = Pki::new();
    let server = tls_serve(pki.server("app.example"), |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response(200, "", "through")).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let proxy = serve(move |mut stream| async move {
        let request = read_request(&mut stream).await;
        assert!(request.starts_with("CONNECT app.example:443 HTTP/1.1\r\n"), "{request}");
        let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        let mut onward = tokio::net::TcpStream::connect(server).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let fields = json!({ "url": "https://app.example/", "proxy": format!("http://{proxy}"), "ca": pki.root_file(),
        "expect": { "body": "through" } });
    let trace = run("http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
    assert!(said(&trace, Layer::Tcp).contains("200 Connection established"), "{}", said(&trace, Layer::Tcp));
}

/// A running nginx, stopped when it is dropped.
struct Nginx {
    process: Child,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Start nginx with these servers; none when it is not installed.
fn nginx(folder: &Path, servers: &str) -> Option<Nginx> {
    let text = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{ }}\n\
         http {{ access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;\n\
         uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi; {servers} }}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let Some(program) = program else {
        assert!(std::env::var("GONOGO_REQUIRE").is_err(), "GONOGO_REQUIRE is set and nginx is not installed");
        eprintln!("SKIPPED: nginx is not installed");
        return None;
    };
    let mut command = Command::new(program);
    command.arg("-c").arg(&file).arg("-p").arg(folder).stdin(Stdio::null()).stderr(Stdio::null());
    Some(Nginx { process: command.spawn().unwrap() })
}

/// A port that is free now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn listening(port: u16) {
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nginx does not listen on port {port}");
}

#[tokio::test]
async fn nginx_speaks_every_version_and_asks_for_certificates() {
    let pki = Pki::new();
    let (leaf, key) = pki.leaf(&params("server", &["localhost"]));
    let pem = |der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let chain = pki.file("chain.pem", &format!("{}{}", pem(leaf.as_ref()), pki.intermediate.pem()));
    let key = pki.file("server.key", &key.serialize_pem());
    let (both, mutual, clear) = (free_port(), free_port(), free_port());
    let certificate = format!("ssl_certificate {}; ssl_certificate_key {};", chain.display(), key.display());
    let servers = format!(
        "server {{ listen 127.0.0.1:{both} ssl http2; {certificate} location / {{ return 200 \"$server_protocol\"; }} }}\n\
         server {{ listen 127.0.0.1:{mutual} ssl; {certificate} ssl_client_certificate {}; ssl_verify_client on;\n\
         ssl_verify_depth 3; location / {{ return 200 \"$ssl_client_s_dn\"; }} }}\n\
         server {{ listen 127.0.0.1:{clear}; location / {{ return 200 \"$http_host $http_connection\"; }} }}\n",
        pki.root_file().display()
    );
    let Some(_nginx) = nginx(pki.folder.path(), &servers) else { return };
    listening(clear).await;

    let url = format!("https://localhost:{both}/");
    for (version, body) in [(json!(null), "HTTP/2.0"), (json!("2"), "HTTP/2.0"), (json!("1.1"), "HTTP/1.1")] {
        let fields = json!({ "url": url, "connect_to": format!("127.0.0.1:{both}"), "ca": pki.root_file(),
            "http_version": version, "expect": { "body": body } });
        let trace = run("http", fields).await;
        assert_eq!(outcome(&trace), "passed", "{version}: {}", fault(&trace));
    }

    let url = format!("https://localhost:{mutual}/");
    let fields = json!({ "url": url, "connect_to": format!("127.0.0.1:{mutual}"), "ca": pki.root_file() });
    // nginx lets the handshake through and answers 400.
    assert_eq!(outcome(&run("http", fields.clone()).await), "protocol mismatch");
    let client = pki.client();
    let mut known = fields;
    known["client_certificate"] = json!({ "cert": client.certificate, "key": client.key });
    known["expect"] = json!({ "body": { "contains": "CN=client" } });
    let trace = run("http", known).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));

    let url = format!("http://127.0.0.1:{clear}/");
    let fields = json!({ "url": url, "expect": { "body": format!("127.0.0.1:{clear} close") } });
    let trace = run("http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
}
