//! Flows against a small shop: a login with a token in its page, a cookie, an order.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::model::layer::Layer;
use crate::model::trace::Seen;
use crate::net::scripted::{response, serve_http};
use crate::probe::rehearsal::{fault, outcome, problems, run, run_within, said};

async fn shop() -> SocketAddr {
    serve_http(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let logged_in = request.contains("cookie: session=abc");
        match path {
            "/login" if request.starts_with("GET") => {
                response(200, "", r#"<input name="csrf" value="t-42">"#)
            }
            "/login" if request.ends_with("user=test1&password=s3cr3t%21&csrf=t-42") => {
                response(302, "Set-Cookie: session=abc; Path=/; HttpOnly\r\nLocation: /home\r\n", "")
            }
            "/orders" if logged_in && request.ends_with(r#"{"item":"x","note":"for ${csrf} t-42"}"#) => {
                response(201, "X-Order: 7\r\n", r#"{"order":{"id":7}}"#)
            }
            "/orders/7" if logged_in && request.contains("x-order: 7\r\n") => response(200, "", "order 7, s3cr3t!"),
            "/evil" => response(200, "", r#"{"next":"//evil.invalid/"}"#),
            _ => response(400, "", request),
        }
    })
    .await
}

fn login() -> serde_json::Value {
    json!([
        { "get": "/login", "capture": { "csrf": { "regex": "value=\"([^\"]+)\"" } } },
        { "post": "/login", "form": { "user": "test1", "password": { "env": "PASSWORD" }, "csrf": "${csrf}" },
          "capture": { "session": { "cookie": "session" } }, "expect": { "status": 302 } },
        { "post": "/orders", "json": { "item": "x", "note": "for $${csrf} ${csrf}" },
          "capture": { "id": { "json": "$.order.id" }, "order": { "header": "X-Order" } }, "expect": { "status": 201 } },
        { "get": "/orders/${id}", "headers": { "X-Order": "${order}" }, "expect": { "body": { "starts_with": "order 7" } } },
    ])
}

#[tokio::test]
async fn cookies_and_captures_are_carried() {
    let server = shop().await;
    let fields = json!({ "base_url": format!("http://{server}"), "steps": login() });
    let variables = [("PASSWORD", "s3cr3t!")];
    let trace = run_within(Duration::from_secs(5), &variables, "flow", fields).await;
    assert_eq!(outcome(&trace), "passed", "{}", serde_json::to_string_pretty(&trace).unwrap());
    assert_eq!(said(&trace, Layer::Payload), "step 4 GET /orders/${id}: 200");
    assert!(!serde_json::to_string(&trace).unwrap().contains("s3cr3t"));
}

#[tokio::test]
async fn the_broken_step_is_named() {
    let server = shop().await;
    let fields = json!({ "base_url": format!("http://{server}"), "steps": login() });
    let trace = run_within(Duration::from_secs(5), &[("PASSWORD", "wr0ng")], "flow", fields).await;
    assert_eq!(outcome(&trace), "protocol mismatch");
    assert!(said(&trace, Layer::Payload).contains("step 2 (POST /login) did not pass"), "{}", said(&trace, Layer::Payload));
    let stepped = trace.observations.iter().filter(|observation| {
        observation.layer == Layer::Payload && matches!(observation.seen, Seen::Worked(_))
    });
    assert_eq!(stepped.count(), 1);
}

#[tokio::test]
async fn a_missing_capture_breaks_its_step() {
    let server = shop().await;
    let steps = json!([{ "get": "/login", "capture": { "id": { "json": "$.id" } } }, { "get": "/login" }]);
    let trace = run("flow", json!({ "base_url": format!("http://{server}"), "steps": steps })).await;
    assert_eq!(outcome(&trace), "payload mismatch");
    assert!(fault(&trace).starts_with("capture id (json $.id): nothing"), "{}", fault(&trace));
}

#[tokio::test]
async fn a_captured_value_does_not_lead_to_another_server() {
    let server = shop().await;
    let steps = json!([{ "get": "/evil", "capture": { "next": { "json": "$.next" } } }, { "get": "${next}" }]);
    let trace = run("flow", json!({ "base_url": format!("http://{server}"), "steps": steps })).await;
    assert_eq!(outcome(&trace), "payload mismatch");
    assert!(fault(&trace).contains("http://evil.invalid"), "{}", fault(&trace));
}

#[test]
fn mistakes_are_found_without_a_network() {
    for (fields, wanted) in [
        (json!({ "base_url": "shop", "steps": [{ "get": "/" }] }), "is not a URL"),
        (json!({ "base_url": "http://shop", "steps": [] }), "at least one step"),
        (json!({ "base_url": "http://shop", "steps": [{}] }), "needs a path"),
        (json!({ "base_url": "http://shop", "steps": [{ "get": "/", "post": "/" }] }), "not several"),
        (json!({ "base_url": "http://shop", "steps": [{ "post": "/", "body": "a", "json": 1 }] }), "one of"),
        (json!({ "base_url": "http://shop", "steps": [{ "get": "/", "expect": {} }] }), "asserts nothing"),
        (json!({ "base_url": "http://shop", "steps": [{ "get": "/", "capture": { "a": { "regex": "(" } } }] }), "not a regular"),
        (json!({ "base_url": "http://shop", "steps": [{ "get": "/", "capture": { "a b": { "cookie": "c" } } }] }), "captured name"),
        (json!({ "base_url": "http://shop", "steps": [{ "get": "ftp://x/" }] }), "is not `http` or `https`"),
    ] {
        let found = problems("flow", fields.clone());
        assert!(found.iter().any(|problem| problem.message.contains(wanted)), "{fields}: {found:?}");
    }
}
