//! Errors of ICMP and connections, as the kernel hands them on, where the lab has no such router.

use serde_json::{Value, json};

use super::{Evidence, diagnose};
use crate::model::cause::{Confidence, Diagnosis};
use crate::model::examination::Answer;
use crate::model::outline::{Check, Outline};
use crate::model::trace::Trace;

const TARGET: &str = "[2001:db8:113::20]:8080";

/// A trace whose connection failed like this, and at which address.
fn failed(address: &str, fault: &str, error: &Value) -> Value {
    let attempts = json!([{ "address": address, "took_ms": 1.0, "error": error }]);
    let routed = json!({ "fact": "routed", "address": "2001:db8:113::20", "source": "2001:db8:100::10" });
    json!({ "ended": "complete", "observations": [
        { "layer": "route", "took_ms": 0.1, "worked": routed },
        { "layer": "tcp", "took_ms": 1.0, "broke": { "fault": fault, "attempts": attempts } },
    ] })
}

fn told(now: &Value, answers: &[Answer]) -> Diagnosis {
    said(now, answers).into_iter().next().unwrap()
}

fn said(now: &Value, answers: &[Answer]) -> Vec<Diagnosis> {
    let check: Check = serde_json::from_value(json!({
        "id": "orders", "kind": "http", "target": format!("http://{TARGET}/"), "layers": ["route", "tcp", "protocol"],
        "from": ["app1"], "severity": "blocker", "stage": 0, "again": false, "place": { "file": "gonogo.yaml", "line": 1 },
    }))
    .unwrap();
    let outline: Outline = serde_json::from_value(json!({
        "name": "night", "sha256": "", "max_minor": 5, "stages": [{ "id": "app2" }], "checks": [check],
    }))
    .unwrap();
    let trace: Trace = serde_json::from_value(now.clone()).unwrap();
    let evidence = Evidence {
        outline: &outline,
        check: &check,
        vantage: "app1",
        trace: &trace,
        seen_at: None,
        before: None,
        answers,
        beside: Vec::new(),
        back: Vec::new(),
        path: None,
    };
    diagnose(&evidence)
}

fn other_port(port: u16, fault: &str, error: &Value) -> Answer {
    let address = format!("[2001:db8:113::20]:{port}");
    let trace = failed(&address, fault, error);
    serde_json::from_value(
        json!({ "question": "other_port", "address": address, "vantage": "app1", "trace": trace }),
    )
    .unwrap()
}

/// Linux gives EACCES for three ICMP errors of IPv6: a router's word, not the source's own firewall.
#[test]
fn what_a_router_says_by_icmpv6_is_the_router_s() {
    let error = |code: u8| json!({ "kind": "prohibited", "errno": 13, "offender": "2001:db8:100::1", "icmp": [1, code] });
    for code in [1, 5, 6] {
        let now = failed(TARGET, "connect_failed", &error(code));
        let same = [other_port(22, "connect_failed", &error(code))];
        assert_eq!(told(&now, &same).id, "route-prohibit-icmp", "{code}");
        let answers = [other_port(22, "refused", &json!({ "kind": "refused", "errno": 111 }))];
        assert_eq!(told(&now, &answers).id, "fw-reject-admin", "{code}");
        assert!(
            told(&now, &answers).says.contains("prohibited, told by 2001:db8:100::1"),
            "{:#?}",
            told(&now, &answers)
        );
    }
    let own = json!({ "kind": "prohibited", "errno": 1 });
    assert_eq!(told(&failed(TARGET, "connect_failed", &own), &[]).id, "fw-egress-source");
}

/// Routers send only so many errors: a port of which nothing came disproves nothing.
#[test]
fn of_ports_that_got_no_error_nothing_is_concluded() {
    let error =
        json!({ "kind": "host_unreachable", "errno": 113, "offender": "2001:db8:100::1", "icmp": [3, 1] });
    let silence = json!({ "kind": "timed_out" });
    let now = failed(TARGET, "unreachable", &error);
    let some = [other_port(22, "unreachable", &error), other_port(443, "connect_timed_out", &silence)];
    let one = told(&now, &some);
    assert_eq!((&*one.id, one.confidence), ("route-unreachable-icmp", Confidence::High), "{one:#?}");
    let none =
        [other_port(22, "connect_timed_out", &silence), other_port(443, "connect_timed_out", &silence)];
    let one = told(&now, &none);
    assert_eq!((&*one.id, one.confidence), ("route-unreachable-icmp", Confidence::Medium), "{one:#?}");
    assert_eq!(one.or, ["fw-reject-admin"]);
}

/// A redirect to a host that refuses: what is asked about the one that redirected tells nothing of it.
#[test]
fn where_a_redirect_leads_is_another_host() {
    let refused = json!({ "kind": "refused", "errno": 111 });
    let mut now = failed("[2001:db8:113::99]:81", "refused", &refused);
    let connected = json!({ "fact": "connected", "address": TARGET, "source": "[2001:db8:100::10]:4000", "attempts": [] });
    let responded = json!({ "fact": "responded", "status": 302, "version": "HTTP/1.1", "headers": [], "first_byte_ms": 1.0 });
    let seen = now["observations"].as_array_mut().unwrap();
    seen.insert(0, json!({ "layer": "protocol", "took_ms": 1.0, "worked": responded }));
    seen.insert(0, json!({ "layer": "tcp", "took_ms": 1.0, "worked": connected }));
    let silence = json!({ "kind": "timed_out" });
    let mut dropped = now.clone();
    dropped["observations"][3]["broke"] =
        failed(TARGET, "connect_timed_out", &silence)["observations"][1]["broke"].clone();
    let ports = [other_port(22, "refused", &refused)];
    assert_ne!(said(&dropped, &ports).first().map(|one| &*one.id), Some("fw-drop-port"));
    for one in said(&now, &ports) {
        assert_ne!(one.confidence, Confidence::High, "{one:#?}");
    }
}
