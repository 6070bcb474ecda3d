//! The `tcp` probe: ports that answer, refuse, stay silent, or say something.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::model::layer::Layer;
use crate::net::scripted::{closed_port, full_queue, serve};
use crate::probe::rehearsal::{fault, outcome, problems, run, run_within, said};

#[tokio::test]
async fn banners_are_read_until_they_match() {
    let server = serve(|mut stream| async move {
        for piece in ["SSH-2.0-", "Open", "SSH_9.7\r\n"] {
            let _ = stream.write_all(piece.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
    })
    .await;
    for (banner, wanted) in [
        (json!("SSH-2.0-OpenSSH_9.7"), "passed"),
        (json!({ "starts_with": "SSH-2.0-" }), "passed"),
        (json!({ "contains": "OpenSSH" }), "passed"),
        (json!({ "contains": "dropbear" }), "payload mismatch"),
        (json!({ "not": { "contains": "OpenSSH_9.7" } }), "payload mismatch"),
        (json!({ "all_of": [{ "starts_with": "SSH" }, { "not": { "ends_with": "9.7" } }] }), "payload mismatch"),
        (json!({ "not": { "contains": "dropbear" } }), "passed"),
    ] {
        let fields = json!({ "address": server.to_string(), "expect": { "banner": banner } });
        let trace = run_within(Duration::from_secs(1), &[], "tcp", fields).await;
        assert_eq!(outcome(&trace), wanted, "{banner}: {}", fault(&trace));
    }
}

#[tokio::test]
async fn what_is_sent_is_answered() {
    let server = serve(|mut stream| async move {
        let mut word = [0; 4];
        if stream.read_exact(&mut word).await.is_ok() {
            let _ = stream.write_all(&word).await;
        }
    })
    .await;
    let fields = json!({ "address": server.to_string(), "send": "ping", "expect": { "banner": "ping" } });
    assert_eq!(outcome(&run("tcp", fields).await), "passed");
}

#[tokio::test]
async fn a_port_needs_no_banner() {
    let server = serve(|_| async {}).await;
    let trace = run("tcp", json!({ "address": server.to_string() })).await;
    assert_eq!(outcome(&trace), "passed");
    assert!(said(&trace, Layer::Tcp).starts_with(&format!("connected to {server}")));
}

#[tokio::test]
async fn troubles_are_told_apart() {
    let closed = closed_port().await;
    assert_eq!(outcome(&run("tcp", json!({ "address": closed.to_string() })).await), "tcp refused");
    let (_socket, _fillers, full) = full_queue().await;
    let fields = json!({ "address": full.to_string() });
    let trace = run_within(Duration::from_millis(600), &[], "tcp", fields).await;
    assert_eq!(outcome(&trace), "tcp connect_timed_out");

    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let endless = serve(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} }).await;
    let closing = serve(|_| async {}).await;
    for (server, wanted) in
        [(silent, "payload timed_out"), (endless, "payload mismatch"), (closing, "payload closed_early")]
    {
        let fields = json!({ "address": server.to_string(), "expect": { "banner": "hello" } });
        let trace = run_within(Duration::from_millis(600), &[], "tcp", fields).await;
        assert_eq!(outcome(&trace), wanted, "{}", fault(&trace));
        assert!(serde_json::to_string(&trace).unwrap().len() < 10_000);
    }
}

#[tokio::test]
async fn names_that_do_not_exist_break_the_dns_layer() {
    let trace = run("tcp", json!({ "address": "no-such-host.invalid:80" })).await;
    assert!(outcome(&trace).starts_with("dns "), "{}", outcome(&trace));
}

#[test]
fn mistakes_are_found_without_a_network() {
    for (fields, wanted) in [
        (json!({ "address": "host" }), "is not `host:port`"),
        (json!({ "address": "host:99999" }), "is not a port"),
        (json!({ "address": "host:1", "expect": {} }), "asserts nothing"),
    ] {
        let found = problems("tcp", fields.clone());
        assert!(found.iter().any(|problem| problem.message.contains(wanted)), "{fields}: {found:?}");
    }
}
