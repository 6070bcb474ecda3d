//! Answers of web servers, proxies and frameworks as they come with their defaults, and what is told of each.

use serde_json::{Value, json};

use super::{Evidence, diagnose};
use crate::model::cause::{Confidence, Diagnosis};
use crate::model::examination::Answer;
use crate::model::outline::{Check, Outline};
use crate::model::trace::Trace;

/// A trace of a call that was answered: well, or not.
fn trace(broke: Option<(&str, Value)>, answer: &Value) -> Trace {
    let worked = |layer: &str, fact: Value| json!({ "layer": layer, "took_ms": 1.0, "worked": fact });
    let connected = json!({ "fact": "connected", "address": "203.0.113.20:8080", "source": "198.51.100.10:4000", "attempts": [] });
    let mut responded = answer.clone();
    responded["fact"] = json!("responded");
    let mut seen = vec![worked("tcp", connected)];
    match broke {
        Some(("protocol", fault)) => {
            seen.push(json!({ "layer": "protocol", "took_ms": 1.0, "broke": fault, "answer": answer }));
        }
        Some((layer, fault)) => {
            seen.push(worked("protocol", responded));
            seen.push(json!({ "layer": layer, "took_ms": 1.0, "broke": fault }));
        }
        None => seen.push(worked("protocol", responded)),
    }
    serde_json::from_value(json!({ "observations": seen, "ended": "complete" })).unwrap()
}

/// What a server answered, as the probe records it.
fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Value {
    let kind = if body.is_empty() {
        "empty"
    } else if serde_json::from_str::<Value>(body).is_ok() {
        "json"
    } else if body.to_lowercase().contains("<html") {
        "html"
    } else {
        "text"
    };
    let title =
        body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title);
    let keys: Vec<String> = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|tree| Some(tree.as_object()?.keys().cloned().collect()))
        .unwrap_or_default();
    let sent: Vec<&str> =
        headers.iter().filter_map(|(name, value)| (*name == "sent").then_some(*value)).collect();
    let headers: Vec<_> = headers.iter().filter(|(name, _)| *name != "sent").collect();
    let begins = matches!(status, 401 | 403 | 407).then_some(body);
    json!({
        "status": status, "version": "HTTP/1.1", "headers": headers, "first_byte_ms": 3.0,
        "body": { "kind": kind, "bytes": body.len(), "keys": keys, "title": title, "begins": begins },
        "sent": { "method": "GET", "headers": sent, "head_bytes": 80, "body_bytes": 0 },
    })
}

/// The first cause that is told of an answer, after a baseline in which all was well, with the causes it does not exclude.
fn told(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let answer = answer(status, headers, body);
    let (layer, fault) = match status {
        401 => {
            let offered: Vec<&str> = headers
                .iter()
                .filter(|(name, _)| *name == "www-authenticate")
                .map(|(_, value)| *value)
                .collect();
            ("auth", json!({ "fault": "unauthorized", "status": 401, "offered": offered }))
        }
        403 => ("auth", json!({ "fault": "forbidden", "status": 403 })),
        200 => {
            let mismatch = json!({ "what": "body", "expected": "JSON", "got": "no JSON" });
            ("payload", json!({ "fault": "mismatch", "mismatches": [mismatch], "excerpt": body }))
        }
        _ => {
            let mismatch = json!({ "what": "status", "expected": "2xx", "got": status.to_string() });
            ("protocol", json!({ "fault": "mismatch", "mismatches": [mismatch], "excerpt": body }))
        }
    };
    first(&trace(Some((layer, fault)), &answer), &[])
}

fn first(now: &Trace, answers: &[Answer]) -> String {
    told_beside(now, answers, None).map_or_else(|| "-".to_owned(), |told| told.id.to_string())
}

/// The same with what is known of the path, when the call goes through the source application.
fn told_beside(now: &Trace, answers: &[Answer], path: Option<&Trace>) -> Option<Diagnosis> {
    let before = trace(None, &self::answer(200, &[("server", "nginx")], r#"{"orders":[{"id":1}]}"#));
    let check: Check = serde_json::from_value(json!({
        "id": "orders", "kind": "http", "target": "http://app2.corp.test:8080/api/orders", "layers": ["tcp", "protocol", "auth", "payload"],
        "from": ["app1"], "severity": "blocker", "stage": 0, "again": false, "place": { "file": "gonogo.yaml", "line": 1 },
    }))
    .unwrap();
    let outline: Outline = serde_json::from_value(json!({
        "name": "night", "sha256": "", "max_minor": 5, "stages": [{ "id": "app2" }], "checks": [check],
    }))
    .unwrap();
    let evidence = Evidence {
        outline: &outline,
        check: &check,
        vantage: "app1",
        trace: now,
        seen_at: None,
        before: Some(&before),
        answers,
        beside: Vec::new(),
        back: Vec::new(),
        path,
    };
    diagnose(&evidence).into_iter().next()
}

/// Java's own store is the cause where our probe of the same path trusts the certificate, and only there.
#[test]
fn java_has_a_trust_store_of_its_own() {
    let said = "PKIX path building failed: unable to find valid certification path to requested target";
    let mismatch = json!({ "what": "status", "expected": "2xx", "got": "500" });
    let fault = json!({ "fault": "mismatch", "mismatches": [mismatch], "excerpt": said });
    let now = trace(Some(("protocol", fault)), &answer(500, &[], said));
    let path = |seen: Value| -> Trace {
        serde_json::from_value(json!({ "observations": [seen], "ended": "complete" })).unwrap()
    };
    let trusted =
        path(json!({ "layer": "tls", "took_ms": 1.0, "worked": { "fact": "secured", "version": "TLSv1.3",
        "cipher": "x", "chain": [], "verifier": "the system's store", "client_certificate_asked": false } }));
    let refused =
        path(json!({ "layer": "tls", "took_ms": 1.0, "broke": { "fault": "alert_received", "alert": "x" } }));
    let told = |path| {
        let told = told_beside(&now, &[], path).unwrap();
        (told.id.to_string(), told.confidence, told.or.len())
    };
    assert_eq!(told(Some(&trusted)), ("tls-truststore-jvm-not-os".to_owned(), Confidence::High, 0));
    assert_eq!(told(None), ("tls-truststore-jvm-not-os".to_owned(), Confidence::Medium, 2));
    assert_ne!(told(Some(&refused)).0, "tls-truststore-jvm-not-os");
}

#[test]
fn answers_of_proxies_and_load_balancers() {
    let nginx = [("server", "nginx/1.26.0"), ("content-type", "text/html")];
    let aws = [("server", "awselb/2.0"), ("content-type", "text/html")];
    let apache = [("server", "Apache/2.4.62 (Debian)")];
    let envoy = [("server", "envoy")];
    for (status, headers, body, expected) in [
        (
            502,
            &nginx[..],
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.26.0</center>",
            "http-502-upstream-down",
        ),
        (
            504,
            &nginx,
            "<html><head><title>504 Gateway Time-out</title></head><body><hr><center>nginx</center>",
            "http-504-upstream-timeout",
        ),
        (
            502,
            &aws,
            "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>",
            "http-502-upstream-down",
        ),
        (
            503,
            &aws,
            "<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>",
            "lb-no-healthy-backend",
        ),
        (
            503,
            &apache,
            "<html><head><title>503 Service Unavailable</title></head><body><p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\nproblems. Please try again later.</p>",
            "http-502-upstream-down",
        ),
        (503, &envoy, "no healthy upstream", "lb-no-healthy-backend"),
        (
            503,
            &envoy,
            "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
            "http-502-upstream-down",
        ),
        (
            503,
            &envoy,
            "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
            "http-502-upstream-reset",
        ),
        (
            503,
            &envoy,
            "upstream connect error or disconnect/reset before headers. reset reason: overflow",
            "lb-maxconn-queue",
        ),
        (504, &envoy, "upstream request timeout", "http-504-upstream-timeout"),
        (503, &[], "no available server", "lb-no-healthy-backend"),
        (
            503,
            &[],
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
            "lb-no-healthy-backend",
        ),
        (404, &nginx, "default backend - 404", "http-404-vhost"),
        (404, &envoy, "", "http-404-vhost"),
        (
            400,
            &nginx,
            "<html><head><title>400 Request Header Or Cookie Too Large</title></head><body><hr><center>nginx</center>",
            "http-431-header-too-large",
        ),
        // Of the way to a server that wants TLS, others tell; and a proxy of the caller's own is none in front of the target.
        (
            400,
            &nginx,
            "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head><body>",
            "-",
        ),
        (
            503,
            &[("server", "squid/5.7")],
            "<html><head><title>ERROR: The requested URL could not be retrieved</title></head>",
            "-",
        ),
        (502, &[("via", "1.1 proxy (squid/5.7)")], "<html>", "-"),
    ] {
        assert_eq!(told(status, headers, body), expected, "{status} {body}");
    }
}

#[test]
fn answers_of_applications_and_their_frameworks() {
    let json = [("content-type", "application/json")];
    for (status, headers, body, expected) in [
        (
            500,
            &json[..],
            r#"{"timestamp":"2026-11-23T01:00:00Z","status":500,"error":"Internal Server Error","path":"/api/orders"}"#,
            "http-500",
        ),
        (
            500,
            &[],
            "<html><head><title>Error</title></head><body><h1>Whitelabel Error Page</h1>There was an unexpected error (type=Internal Server Error, status=500).",
            "http-500",
        ),
        (
            500,
            &json,
            r#"{"title":"An error occurred","detail":"A network-related or instance-specific error occurred while establishing a connection to SQL Server."}"#,
            "app-health-ok-dependency-down",
        ),
        (500, &json, r#"{"message":"connect ECONNREFUSED 10.0.0.5:5432"}"#, "app-health-ok-dependency-down"),
        (
            500,
            &json,
            r#"{"detail":"QueuePool limit of size 5 overflow 10 reached, connection timed out"}"#,
            "app-pool-exhausted",
        ),
        (503, &json, r#"{"status":"OUT_OF_SERVICE"}"#, "app-warming-up"),
        (503, &[], "<html><head><title>Down for maintenance</title></head><body>", "app-maintenance-503"),
        (
            404,
            &[],
            "<html><head><title>HTTP Status 404 - Not Found</title></head><body><h3>Apache Tomcat/10.1.30</h3>",
            "http-404-context-path",
        ),
        (
            404,
            &json,
            r#"{"timestamp":"2026-11-23T01:00:00Z","status":404,"error":"Not Found","path":"/api/orders"}"#,
            "http-404-context-path",
        ),
        (410, &[], "", "app-api-version-gone"),
        (
            400,
            &json,
            r#"{"status":400,"detail":"Required header 'X-Tenant' is not present."}"#,
            "app-missing-tenant-header",
        ),
        (
            400,
            &json,
            r#"{"errors":{"X-Tenant":["The X-Tenant field is required."]},"status":400}"#,
            "app-missing-tenant-header",
        ),
        (400, &json, r#"{"status":400,"detail":"quantity must be positive"}"#, "-"),
        (429, &json, "{}", "http-429"),
        (200, &json, r#"{"data":null,"errors":[{"message":"x"}]}"#, "app-200-error-body"),
        (200, &json, r#"{"orders":[],"errors":[]}"#, "-"),
        (
            200,
            &[],
            "<html><head><title>Orders</title></head><body><div id=root></div><nav>Maintenance</nav><script src=/app.js></script>",
            "-",
        ),
        (
            200,
            &[],
            "<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1>",
            "http-wrong-vhost-default-page",
        ),
        (
            200,
            &[],
            "<html><head><title>IIS Windows Server</title></head><body>",
            "http-wrong-vhost-default-page",
        ),
        (
            200,
            &[],
            "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Your support ID is: 1</body></html>",
            "-",
        ),
    ] {
        assert_eq!(told(status, headers, body), expected, "{status} {body}");
    }
}

#[test]
fn refusals_of_who_we_are() {
    let bearer = |words: &'static str| [("www-authenticate", words), ("sent", "authorization")];
    let rest: [(&str, &str); 0] = [];
    for (status, headers, body, expected) in [
        (401, vec![("www-authenticate", "Basic realm=\"x\"")], "", "http-401"),
        (401, bearer(r#"Bearer error="invalid_token", error_description="The token expired at '11/22/2026 20:00:00'""#).to_vec(), "", "auth-token-expired"),
        (401, bearer(r#"Bearer error="invalid_token", error_description="Jwt expired at 2026-11-22T20:00:00Z""#).to_vec(), "", "auth-token-expired"),
        (401, bearer(r#"Bearer error="invalid_token", error_description="The iss claim is not valid""#).to_vec(), "", "auth-wrong-audience"),
        (401, bearer(r#"Bearer error="invalid_token", error_description="The token is not valid before '11/24/2026'""#).to_vec(), "", "auth-token-not-yet-valid"),
        (401, bearer(r#"Bearer error="invalid_token", error_description="Signed JWT rejected: Another algorithm expected, or no matching key(s) found""#).to_vec(), "", "auth-signature-key-rotated"),
        (401, bearer("Bearer").to_vec(), r#"{"message":"jwt expired"}"#, "auth-token-expired"),
        (401, bearer("Basic realm=\"x\"").to_vec(), "", "auth-credentials-rotated"),
        (403, rest.to_vec(), r#"{"timestamp":"x","status":403,"error":"Forbidden","message":"Access Denied"}"#, "http-403-scope"),
        (403, rest.to_vec(), "<html><head><title>403 Forbidden</title></head><body><hr><center>nginx</center>", "http-403-ip"),
        (403, rest.to_vec(), r#"{"message":"Missing Authentication Token"}"#, "-"),
        (302, vec![("location", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize")], "", "http-redirect-login"),
        (302, vec![("location", "/signin?returnUrl=%2Fapi")], "", "http-redirect-login"),
        (302, vec![("location", "/lesson/1")], "", "-"),
        (301, vec![("location", "/api/orders/")], "", "-"),
        (301, vec![("location", "/api/orders")], "", "http-redirect-loop"),
        (302, vec![("location", "http://app2-node1:8080/api/orders")], "", "http-redirect-internal-host"),
        (302, vec![("location", "https://app2.example.com/api/orders")], "", "-"),
    ] {
        assert_eq!(told(status, &headers, body), expected, "{status} {headers:?} {body}");
    }
}

/// The same call again, well or not.
fn again(fault: Option<u16>) -> Answer {
    let good = trace(None, &answer(200, &[], r#"{"orders":[{"id":1}]}"#));
    let bad = |status: u16| {
        let mismatch = json!({ "what": "status", "expected": "2xx", "got": status.to_string() });
        trace(
            Some(("protocol", json!({ "fault": "mismatch", "mismatches": [mismatch] }))),
            &answer(status, &[], "{}"),
        )
    };
    Answer {
        question: crate::model::examination::Question::Again,
        vantage: "app1".into(),
        trace: fault.map_or(good, bad),
    }
}

#[test]
fn one_node_of_several_shows_when_the_same_is_asked_again() {
    let now = again(Some(500)).trace;
    assert_eq!(first(&now, &[again(Some(500)), again(Some(500))]), "http-500");
    assert_eq!(first(&now, &[again(None), again(Some(500)), again(None)]), "lb-one-bad-node");
    let limited = again(Some(429)).trace;
    assert_eq!(first(&limited, &[again(None)]), "http-429");
}
