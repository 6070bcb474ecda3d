//! The `tls` probe against servers made on the spot, with and without clear words before the handshake.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::model::layer::Layer;
use crate::net::scripted::serve;
use crate::net::tls::pki::{Pki, tls_server};
use crate::probe::rehearsal::{fault, outcome, problems, run, run_within, said};

#[tokio::test]
async fn expectations_are_judged_after_trust() {
    let pki = Pki::new();
    let server = tls_server(pki.server("localhost")).await;
    let fields = |expect: serde_json::Value| {
        json!({ "address": format!("localhost:{}", server.port()), "ca": pki.root_file(), "alpn": ["http/1.1"], "expect": expect })
    };
    for (expect, wanted) in [
        (json!({ "days_left": { "at_least": 30 } }), "passed"),
        (json!({ "days_left": { "at_most": 30 } }), "tls mismatch"),
        (json!({ "names": { "contains": "localhost" } }), "passed"),
        (json!({ "names": ["other"] }), "tls mismatch"),
        (json!({ "issuer": "CN=Test Intermediate" }), "passed"),
        (json!({ "issuer": { "contains": "Let's Encrypt" } }), "tls mismatch"),
        (json!({ "version": "1.3" }), "passed"),
        (json!({ "version": "1.2" }), "tls mismatch"),
    ] {
        let trace = run("tls", fields(expect.clone())).await;
        assert_eq!(outcome(&trace), wanted, "{expect}: {}", fault(&trace));
    }
    let other = json!({ "address": format!("localhost:{}", server.port()), "ca": pki.root_file(),
        "server_name": "other.example", "expect": { "version": "1.3" } });
    assert_eq!(outcome(&run("tls", other).await), "tls distrusted");
    let only = json!({ "address": format!("localhost:{}", server.port()), "ca": pki.root_file(), "versions": ["1.2"] });
    assert_eq!(outcome(&run("tls", only).await), "tls alert_received");
}

#[tokio::test]
async fn starttls_is_spoken_in_smtp_and_postgres() {
    let pki = Pki::new();
    let config = pki.server("localhost");
    let smtp = {
        let config = Arc::clone(&config);
        serve(move |stream| {
            let config = Arc::clone(&config);
            async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                stream.write_all(b"220-mail.example\r\n220 ready\r\n").await.unwrap();
                stream.read_line(&mut line).await.unwrap();
                assert!(line.starts_with("EHLO "), "{line}");
                stream.write_all(b"250-mail.example\r\n250-SIZE 100\r\n250 STARTTLS\r\n").await.unwrap();
                line.clear();
                stream.read_line(&mut line).await.unwrap();
                assert_eq!(line, "STARTTLS\r\n");
                stream.write_all(b"220 go\r\n").await.unwrap();
                let _ = TlsAcceptor::from(config).accept(stream.into_inner()).await;
            }
        })
        .await
    };
    let postgres = serve(move |mut stream| {
        let config = Arc::clone(&config);
        async move {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
            stream.write_all(b"S").await.unwrap();
            let _ = TlsAcceptor::from(config).accept(stream).await;
        }
    })
    .await;
    for (server, protocol) in [(smtp, "smtp"), (postgres, "postgres")] {
        let fields = json!({ "address": format!("localhost:{}", server.port()), "ca": pki.root_file(), "starttls": protocol });
        let trace = run("tls", fields).await;
        assert_eq!(outcome(&trace), "passed", "{protocol}: {}", fault(&trace));
        assert!(said(&trace, Layer::Tls).starts_with("TLSv1.3"));
    }
}

#[tokio::test]
async fn servers_without_starttls_are_told_apart() {
    for (protocol, answer, wanted) in [
        ("postgres", &b"N"[..], "tls tls_not_offered"),
        ("postgres", b"E\0\0\0", "tls bad_protocol"),
        ("postgres", b"HTTP/1.1 400\r\n", "tls bad_protocol"),
        ("postgres", b"", "tls closed_early"),
        ("smtp", b"220 hello\r\n250 nothing here\r\n", "tls tls_not_offered"),
        ("smtp", b"554 go away\r\n", "tls bad_protocol"),
        ("smtp", b"SSH-2.0-OpenSSH\r\n", "tls bad_protocol"),
    ] {
        let server = serve(move |mut stream: TcpStream| async move {
            for line in answer.split_inclusive(|byte| *byte == b'\n') {
                let _ = stream.write_all(line).await;
                let mut chunk = [0; 512];
                if stream.read(&mut chunk).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let _ = stream.shutdown().await;
        })
        .await;
        let fields = json!({ "address": server.to_string(), "starttls": protocol });
        let trace = run_within(Duration::from_secs(3), &[], "tls", fields).await;
        assert_eq!(outcome(&trace), wanted, "{protocol} {answer:?}: {}", fault(&trace));
    }
}

#[tokio::test]
async fn a_silent_server_ends_with_the_check() {
    let server = serve(|stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    for starttls in [json!(null), json!("smtp"), json!("postgres")] {
        let fields = json!({ "address": server.to_string(), "starttls": starttls });
        let trace = run_within(Duration::from_millis(300), &[], "tls", fields).await;
        assert_eq!(outcome(&trace), "tls timed_out", "{starttls}");
    }
}

#[test]
fn mistakes_are_found_without_a_network() {
    for (fields, wanted) in [
        (json!({ "address": "host" }), "is not `host:port`"),
        (json!({ "address": "host:443", "expect": {} }), "asserts nothing"),
        (json!({ "address": "host:443", "alpn": [""] }), "1 to 255"),
    ] {
        let found = problems("tls", fields.clone());
        assert!(found.iter().any(|problem| problem.message.contains(wanted)), "{fields}: {found:?}");
    }
}
