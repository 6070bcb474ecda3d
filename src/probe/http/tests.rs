//! Calls against real sockets: good servers, refusing ones, and hostile ones.

use std::io::Write;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::model::layer::Layer;
use crate::net::scripted::{closed_port, full_queue, read_request, response, serve, serve_http};
use crate::probe::rehearsal::{fault, outcome, problems, run, run_within, said};

#[tokio::test]
async fn a_good_answer_passes_every_layer() {
    let server = serve_http(|request| {
        assert!(request.starts_with("GET /health?a=b HTTP/1.1\r\n"), "{request}");
        response(200, "Server: small\r\nContent-Type: application/json\r\n", r#"{"version":"4.2.0","n":3}"#)
    })
    .await;
    let trace = run(
        "http",
        json!({ "url": format!("http://{server}/health?a=b"), "record_body": true,
            "expect": { "status": 200, "headers": { "server": "small" }, "body": { "contains": "4.2" },
                "json": { "$.version": "4.2.0", "$.n": { "at_least": 3 } }, "max_ms": 5000 } }),
    )
    .await;
    assert_eq!(outcome(&trace), "passed");
    let layers: Vec<Layer> = trace.observations.iter().map(|observation| observation.layer).collect();
    assert_eq!(layers, [Layer::Dns, Layer::Route, Layer::Tcp, Layer::Protocol, Layer::Auth, Layer::Payload]);
    assert!(said(&trace, Layer::Payload).contains("$.version 4.2.0"), "{}", said(&trace, Layer::Payload));
}

#[tokio::test]
async fn each_difference_breaks_its_own_layer() {
    let server = serve_http(|request| {
        if request.starts_with("GET /gone") {
            response(404, "", "not here")
        } else {
            response(200, "Server: small\r\n", r#"{"version":"4.1.9"}"#)
        }
    })
    .await;
    for (path, expect, wanted) in [
        ("/gone", json!({ "body": "not here" }), "protocol mismatch"),
        ("/gone", json!({ "status": 404 }), "passed"),
        ("/", json!({ "status": [201, 204] }), "protocol mismatch"),
        ("/", json!({ "headers": { "server": "large" } }), "protocol mismatch"),
        ("/", json!({ "headers": { "via": { "exists": true } } }), "protocol mismatch"),
        ("/", json!({ "body": { "contains": "4.2" } }), "payload mismatch"),
        ("/", json!({ "json": { "$.version": "4.2.0" } }), "payload mismatch"),
        ("/", json!({ "json": { "$.absent": { "exists": true } } }), "payload mismatch"),
        ("/gone", json!({ "status": 404, "json": { "$.version": "4.2.0" } }), "payload mismatch"),
    ] {
        let trace = run("http", json!({ "url": format!("http://{server}{path}"), "expect": expect })).await;
        assert_eq!(outcome(&trace), wanted, "{path} {expect}: {}", fault(&trace));
    }
    let trace = run("http", json!({ "url": format!("http://{server}/gone") })).await;
    assert_eq!(fault(&trace), "status: 404, want 2xx");
}

#[tokio::test]
async fn refusals_break_the_auth_layer() {
    let server = serve_http(|request| {
        let authorized = request.contains("authorization: Basic YXBwMTpzM2NyM3Q=");
        if request.starts_with("GET /forbidden") {
            response(403, "", "")
        } else if authorized {
            response(200, "", "s3cr3t welcome YXBwMTpzM2NyM3Q=")
        } else {
            response(401, "WWW-Authenticate: Basic realm=\"orders\"\r\n", "")
        }
    })
    .await;
    let url = |path: &str| format!("http://{server}{path}");
    let trace = run("http", json!({ "url": url("/") })).await;
    assert_eq!(outcome(&trace), "auth unauthorized");
    assert!(fault(&trace).contains("Basic realm=\"orders\""), "{}", fault(&trace));
    assert_eq!(outcome(&run("http", json!({ "url": url("/forbidden") })).await), "auth forbidden");
    let wanted = json!({ "url": url("/"), "expect": { "status": 401 } });
    assert_eq!(outcome(&run("http", wanted).await), "passed");

    let auth = json!({ "basic": { "user": "app1", "password": { "env": "APP1_PASSWORD" } } });
    let fields = json!({ "url": url("/"), "auth": auth, "record_body": true });
    let variables = [("APP1_PASSWORD", "s3cr3t")];
    let trace = run_within(Duration::from_secs(5), &variables, "http", fields.clone()).await;
    assert_eq!(outcome(&trace), "passed");
    assert!(said(&trace, Layer::Auth).contains("app1 admitted (basic)"));
    let written = serde_json::to_string(&trace).unwrap();
    assert!(!written.contains("s3cr3t") && !written.contains("YXBwMTpzM2NyM3Q="), "{written}");

    let trace = run("http", fields).await;
    assert!(outcome(&trace).starts_with("blind: secret env APP1_PASSWORD"), "{}", outcome(&trace));
}

#[tokio::test]
async fn tcp_troubles_are_told_apart() {
    let closed = closed_port().await;
    let trace = run("http", json!({ "url": format!("http://{closed}/") })).await;
    assert_eq!(outcome(&trace), "tcp refused");
    let (_socket, _fillers, full) = full_queue().await;
    let trace = run_within(Duration::from_secs(1), &[], "http", json!({ "url": format!("http://{full}/") })).await;
    assert_eq!(outcome(&trace), "tcp connect_timed_out");
}

#[tokio::test]
async fn hostile_servers_are_faults_within_the_limit() {
    for (name, answer, wanted) in [
        ("not HTTP", &b"220 mail.example ESMTP\r\n"[..], "protocol bad_protocol"),
        ("ANSI in a header", b"HTTP/1.1 200 OK\r\nX: \x1b[31mred\r\n\r\n", "protocol bad_protocol"),
        ("NUL in a header", b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "protocol bad_protocol"),
        ("short body", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "protocol closed_early"),
        ("no answer", b"", "protocol closed_early"),
        ("bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", "protocol bad_protocol"),
        ("bad gzip", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "protocol bad_compression"),
        ("announced size", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "protocol too_large"),
    ] {
        let server = serve_http(move |_| answer.to_vec()).await;
        let trace = run("http", json!({ "url": format!("http://{server}/") })).await;
        assert_eq!(outcome(&trace), wanted, "{name}: {}", fault(&trace));
        let written = serde_json::to_string(&trace).unwrap();
        assert!(!written.contains("\\u001b") && !written.contains("\\u0000"), "{name}: {written}");
    }
}

#[tokio::test]
async fn silence_and_drips_end_with_the_check() {
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let dripping = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for server in [silent, dripping] {
        let began = std::time::Instant::now();
        let fields = json!({ "url": format!("http://{server}/") });
        let trace = run_within(Duration::from_millis(500), &[], "http", fields).await;
        assert_eq!(outcome(&trace), "protocol timed_out");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn endless_heads_and_bodies_and_bombs_are_too_large() {
    let endless_body = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    let endless_head = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-More: and more\r\n").await.is_ok() {}
    })
    .await;
    let bomb = serve_http(|_| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 30_000_000]).unwrap();
        let packed = encoder.finish().unwrap();
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        )
        .into_bytes();
        answer.extend(packed);
        answer
    })
    .await;
    for server in [endless_body, endless_head, bomb] {
        let trace = run("http", json!({ "url": format!("http://{server}/") })).await;
        assert_eq!(outcome(&trace), "protocol too_large", "{}", fault(&trace));
    }
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked() {
    let server = serve_http(|request| {
        if request.starts_with("GET /loop") {
            response(302, "Location: /loop\r\n", "")
        } else if request.starts_with("GET /end") {
            response(200, "", "arrived")
        } else {
            response(301, "Location: /end\r\n", "")
        }
    })
    .await;
    let url = |path: &str| format!("http://{server}{path}");
    assert_eq!(outcome(&run("http", json!({ "url": url("/start") })).await), "protocol mismatch");
    let arrived = json!({ "url": url("/start"), "redirects": 1, "expect": { "body": "arrived" } });
    let trace = run("http", arrived).await;
    assert_eq!(outcome(&trace), "passed");
    assert!(said(&trace, Layer::Protocol).ends_with("after 1 redirects"), "{}", said(&trace, Layer::Protocol));
    let trace = run("http", json!({ "url": url("/loop"), "redirects": 3 })).await;
    assert_eq!(outcome(&trace), "protocol mismatch");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    let other = serve_http(|request| {
        let leaked = ["t0ken", "s3cr3t", "wr1tten"].iter().any(|secret| request.contains(secret));
        response(if leaked { 500 } else { 200 }, "", "")
    })
    .await;
    let server = serve_http(move |request| {
        assert!(request.contains("Bearer t0ken") || request.contains("authorization: Bearer t0ken"), "{request}");
        response(307, &format!("Location: http://{other}/\r\n"), "")
    })
    .await;
    let fields = json!({ "url": format!("http://{server}/"), "redirects": 1, "auth": { "bearer": { "env": "TOKEN" } },
        "headers": { "X-Key": { "env": "KEY" }, "X-Api-Key": "wr1tten" } });
    let variables = [("TOKEN", "t0ken"), ("KEY", "s3cr3t")];
    let trace = run_within(Duration::from_secs(5), &variables, "http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
}

#[tokio::test]
async fn a_bad_node_shows_as_some_of_the_calls() {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let server = serve_http(move |_| {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        response(if call % 3 == 2 { 500 } else { 200 }, "", "")
    })
    .await;
    let trace = run("http", json!({ "url": format!("http://{server}/"), "repeat": 6 })).await;
    assert_eq!(outcome(&trace), "protocol mismatch");
    assert_eq!(said(&trace, Layer::Payload), "calls: 2 of 6 calls failed, want none failed");
}

/// Answers so many requests on one connection, each 100 ms at most after the one before; then closes, or only says nothing.
async fn keeps(stream: &mut tokio::net::TcpStream, requests: usize, closes: bool) {
    for _ in 0..requests {
        let reading = tokio::time::timeout(Duration::from_millis(400), read_request(stream));
        let Ok(request) = reading.await else { return };
        assert!(request.contains("connection: keep-alive\r\n"), "{request}");
        let _ = stream.write_all(&response(200, "", "ok")).await;
    }
    if !closes {
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_it_was_idle() {
    for (requests, closes, idle, wanted) in [
        (2, true, "50ms", "passed"),
        (1, true, "50ms", "idle connection: closed by the server"),
        (2, true, "1s", "idle connection: closed by the server after 0.4s, want still open after 1s"),
        (1, false, "50ms", "no complete HTTP response on the connection that was idle"),
    ] {
        let server = serve(move |mut stream| async move { keeps(&mut stream, requests, closes).await }).await;
        let node = json!({ "url": format!("http://{server}/"), "reuse_after": idle });
        let trace = run_within(Duration::from_secs(3), &[], "http", node).await;
        let got = if outcome(&trace) == "passed" { "passed".to_owned() } else { fault(&trace) };
        assert!(got.starts_with(wanted), "{requests} {closes} {idle}: {got}");
    }
    let server = serve_http(|_| response(200, "Connection: close\r\n", "ok")).await;
    let trace = run("http", json!({ "url": format!("http://{server}/"), "reuse_after": "50ms" })).await;
    assert_eq!(fault(&trace), "idle connection: closed by the server with its answer, want still open after 50ms");
}

#[tokio::test]
async fn every_address_is_carried_when_asked() {
    let server = serve_http(|_| response(200, "", "ok")).await;
    let fields = json!({ "url": format!("http://localhost:{}/", server.port()), "addresses": "all" });
    let trace = run("http", fields).await;
    let addresses: Vec<_> = trace.observations.iter().filter_map(|observation| observation.address).collect();
    assert!(addresses.contains(&server), "{addresses:?}");
    // The server listens on 127.0.0.1 only: where localhost is ::1 too, one node is bad.
    let both = tokio::net::lookup_host("localhost:1").await.unwrap().any(|address| address.is_ipv6());
    assert_eq!(outcome(&trace), if both { "tcp refused" } else { "passed" });
}

#[tokio::test]
async fn requests_carry_what_was_written() {
    let server = serve_http(|request| {
        let ok = request.starts_with("POST /orders HTTP/1.1\r\n")
            && request.contains("content-type: application/json\r\n")
            && request.contains("x-trace: 7\r\n")
            && request.contains("host: orders.example\r\n")
            && request.ends_with(r#"{"item":"x"}"#);
        response(if ok { 201 } else { 400 }, "", request)
    })
    .await;
    let fields = json!({ "url": "http://orders.example/orders", "connect_to": server.to_string(),
        "json": { "item": "x" }, "headers": { "X-Trace": 7 }, "expect": { "status": 201 } });
    let trace = run("http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", serde_json::to_string(&trace).unwrap());
}

#[tokio::test]
async fn a_redirect_to_another_server_leaves_the_detour() {
    let other = serve_http(|_| response(200, "", "other")).await;
    let server = serve_http(move |_| response(302, &format!("Location: http://{other}/\r\n"), "")).await;
    let fields = json!({ "url": "http://shop.example/", "connect_to": server.to_string(), "redirects": 1,
        "expect": { "body": "other" } });
    let trace = run("http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));
}

#[tokio::test]
async fn proxies_forward_and_are_told_from_their_targets() {
    let proxy = serve_http(|request| {
        let ok = request.starts_with("GET http://shop.invalid/x HTTP/1.1\r\n")
            && request.contains("proxy-authorization: Basic dXNlcjpwYXNzd29yZA==");
        response(if ok { 200 } else { 400 }, "", "")
    })
    .await;
    let fields = json!({ "url": "http://shop.invalid/x", "proxy": "environment" });
    let url = format!("http://user:password@{proxy}");
    let variables = [("http_proxy", url.as_str())];
    let trace = run_within(Duration::from_secs(5), &variables, "http", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", fault(&trace));

    let refusing = serve_http(|request| {
        assert!(request.starts_with("CONNECT shop.invalid:443 HTTP/1.1\r\nHost: shop.invalid:443\r\n"));
        response(407, "Proxy-Authenticate: Basic\r\n", "")
    })
    .await;
    let fields = json!({ "url": "https://shop.invalid/", "proxy": format!("http://{refusing}") });
    assert_eq!(outcome(&run("http", fields).await), "tcp proxy_refused");
}

#[test]
fn mistakes_are_found_without_a_network() {
    for (fields, wanted) in [
        (json!({ "url": "shop.example" }), "is not a URL"),
        (json!({ "url": "ftp://shop.example/" }), "is not `http` or `https`"),
        (json!({ "url": "http://a:b@shop.example/" }), "holds no user and password"),
        (json!({ "url": "http://x/", "body": "a", "json": 1 }), "not both"),
        (json!({ "url": "http://x/", "headers": { "a b": "c" } }), "is not a header name"),
        (json!({ "url": "http://x/", "headers": { "a": "c\nd" } }), "control character"),
        (json!({ "url": "http://x/", "expect": {} }), "asserts nothing"),
        (json!({ "url": "http://x/", "expect": { "body": { "starts_with": "" } } }), "asserts nothing"),
        (json!({ "url": "http://x/", "method": "G T" }), "is not a method"),
        (json!({ "url": "http://x/", "method": "HEAD", "expect": { "body": "x" } }), "has no body"),
        (json!({ "url": "http://x/", "proxy": "socks5://p:1" }), "is not supported"),
        (json!({ "url": "http://x/", "proxy": "http://u:p@p:1" }), "holds no user and password"),
        (json!({ "url": "http://x/", "connect_to": "x" }), "is not `host:port`"),
        (json!({ "url": "http://x/", "connect_to": "y:1", "proxy": "http://p:1" }), "connects where the URL says"),
        (json!({ "url": "http://x/", "repeat": 0 }), "1 to 100"),
        (json!({ "url": "http://x/", "reuse_after": "0s" }), "left idle for more than nothing"),
        (json!({ "url": "http://x/", "reuse_after": "2h" }), "an hour at most"),
        (json!({ "url": "http://x/", "reuse_after": "1m", "repeat": 2 }), "one connection"),
        (json!({ "url": "http://x/", "reuse_after": "1m", "addresses": "all" }), "one connection"),
        (json!({ "url": "http://x/", "reuse_after": "1m", "body": "x" }), "made twice"),
        (json!({ "url": "http://x/", "redirects": 21 }), "at most 20"),
    ] {
        let found = problems("http", fields.clone());
        assert!(found.iter().any(|problem| problem.message.contains(wanted)), "{fields}: {found:?}");
    }
    assert!(problems("http", json!({ "url": "https://x/", "expect": { "status": 200 } })).is_empty());
}
