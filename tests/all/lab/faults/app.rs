//! What the application itself answers, and who it takes us for: scripted answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::fault::Shows::Breaks;
use super::super::fault::{Fault, VERSION};
use super::super::server::{answer, identity, json};
use super::http::{needs_tenant, says};

const ORDERS: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', expect: { json: { '$.orders': { count: { at_least: 1 } } } } }";
const CITY: &str =
    "http: { url: 'http://app2.corp.test:8080/api/city', expect: { json: { '$.city': 'Z\u{fc}rich' } } }";
const HEALTH: &str = "http: { url: 'http://app2.corp.test:8080/health' }";
const BEARER: &str =
    "http: { url: 'http://app2.corp.test:8080/api/orders', headers: { Authorization: 'Bearer x.y.z' } }";
const BASIC: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', headers: { Authorization: 'Basic YXBwMTpvbGQ=' } }";
const TENANT: &str = "http: { url: 'http://app2.corp.test:8080/api/orders' }";
const TWICE: &str = "http: { url: 'http://app2.corp.test:8080/api/orders', repeat: 4 }";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("http-401", ORDERS, Breaks("auth"), |lab| {
        says(lab, |request| {
            request.header("authorization").is_none().then(|| challenge(r#"Basic realm="app2""#))
        });
    }),
    Fault::new("auth-token-expired", BEARER, Breaks("auth"), |lab| {
        says(lab, |_| {
            Some(challenge(
                r#"Bearer error="invalid_token", error_description="The token expired at 2026-11-22T20:00:00Z""#,
            ))
        });
    }),
    Fault::new("auth-wrong-audience", BEARER, Breaks("auth"), |lab| {
        says(lab, |_| {
            Some(challenge(
                r#"Bearer error="invalid_token", error_description="The audience is invalid: app2-test""#,
            ))
        });
    }),
    Fault::new("auth-token-not-yet-valid", BEARER, Breaks("auth"), |lab| {
        says(lab, |_| {
            Some(challenge(
                r#"Bearer error="invalid_token", error_description="The token is not valid before 2026-11-24T20:00:00Z (nbf)""#,
            ))
        });
    }),
    Fault::new("auth-signature-key-rotated", BEARER, Breaks("auth"), |lab| {
        says(lab, |_| {
            Some(challenge(
                r#"Bearer error="invalid_token", error_description="Signing key not found: kid 2026-11""#,
            ))
        });
    }),
    Fault::new("auth-credentials-rotated", BASIC, Breaks("auth"), |lab| {
        says(lab, |request| {
            let new = request.header("authorization") == Some("Basic YXBwMTpuZXc=");
            (!new).then(|| challenge(r#"Basic realm="app2""#))
        });
    }),
    Fault::new("http-403-scope", BEARER, Breaks("auth"), |lab| {
        says(lab, |_| {
            let scope = "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"orders.read\"\nContent-Type: application/json\n";
            Some(answer("403 Forbidden", scope, r#"{"error":"role orders.read is missing"}"#))
        });
    }),
    Fault::new("http-redirect-login", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| {
            (request.path != "/login").then(|| answer("302 Found", "Location: /login?next=/api/orders\n", ""))
        });
    }),
    Fault::new("http-500", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |_| {
            Some(json("500 Internal Server Error", r#"{"error":"java.lang.NullPointerException"}"#))
        });
    }),
    Fault::new("app-maintenance-503", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |_| Some(answer("503 Service Unavailable", "Retry-After: 3600\n", "Down for maintenance")));
    }),
    Fault::new("app-maintenance-200", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(html(
                "<html><head><title>Maintenance</title></head><body>We will be back soon</body></html>",
            ))
        });
    }),
    Fault::new("app-warming-up", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |_| {
            Some(answer(
                "503 Service Unavailable",
                "Retry-After: 5\nContent-Type: application/json\n",
                r#"{"status":"starting","uptime_s":4}"#,
            ))
        });
    })
    .or(&["app-maintenance-503"]),
    Fault::new("app-200-error-body", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(json("200 OK", r#"{"status":"error","message":"cannot log on to database orders"}"#))
        });
    }),
    Fault::new("app-200-html-error", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(html(
                "<html><head><title>Error</title></head><body>An unexpected error has occurred</body></html>",
            ))
        });
    }),
    Fault::new("app-200-wrong-app", VERSION, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(json(
                "200 OK",
                r#"{"application":"app9","version":"1.0.0","environment":"production","node":"x"}"#,
            ))
        });
    }),
    Fault::new("app-wrong-env", VERSION, Breaks("payload"), |lab| {
        says(lab, |_| Some(json("200 OK", &identity("4.2.0", "test", "a"))));
    }),
    Fault::new("app-old-version", VERSION, Breaks("payload"), |lab| {
        says(lab, |_| Some(json("200 OK", &identity("4.1.9", "production", "a"))));
    }),
    Fault::new("app-schema-mismatch", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| Some(json("200 OK", r#"{"items":[{"id":1},{"id":2}]}"#)));
    }),
    Fault::new("app-api-version-gone", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| match request.path.as_str() {
            "/api/v2/orders" => Some(json("200 OK", r#"{"orders":[]}"#)),
            _ => Some(answer("410 Gone", "Link: </api/v2/orders>; rel=\"successor-version\"\n", "")),
        });
    }),
    Fault::new("app-missing-tenant-header", TENANT, Breaks("protocol"), |lab| needs_tenant(lab, "X-Tenant")),
    Fault::new("app-feature-flag-off", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| {
            (request.path == "/api/orders")
                .then(|| json("404 Not Found", r#"{"error":"feature orders is disabled"}"#))
        });
    }),
    Fault::new("app-empty-result", ORDERS, Breaks("payload"), |lab| {
        says(lab, |request| (request.path == "/api/orders").then(|| json("200 OK", r#"{"orders":[]}"#)));
    }),
    Fault::new("app-soap-fault-200", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            let fault = "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring>cannot reach DB2</faultstring></soap:Fault></soap:Body></soap:Envelope>";
            Some(answer("200 OK", "Content-Type: text/xml\n", fault))
        });
    }),
    Fault::new("app-health-ok-dependency-down", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let down = r#"{"error":"dependency db-billing:5432 is down"}"#;
            (request.path == "/api/orders").then(|| json("503 Service Unavailable", down))
        });
    }),
    Fault::new("app-health-ok-dependency-down", HEALTH, Breaks("protocol"), |lab| {
        says(lab, |_| {
            let report = r#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"org.springframework.jdbc.CannotGetJdbcConnectionException"}},"diskSpace":{"status":"UP"}}}"#;
            Some(json("503 Service Unavailable", report))
        });
    }),
    Fault::new("app-health-ok-dependency-down", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let refused = r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"ERROR: permission denied for table orders (SQLSTATE 42501)"}"#;
            let problem = "Content-Type: application/problem+json\n";
            (request.path == "/api/orders").then(|| answer("500 Internal Server Error", problem, refused))
        });
    }),
    Fault::new("app-200-error-body", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(json("200 OK", r#"{"data":null,"errors":[{"message":"orders: not available"}]}"#))
        });
    }),
    Fault::new("http-redirect-login", ORDERS, Breaks("payload"), |lab| {
        says(lab, |_| {
            Some(html(
                "<html><head><title>Sign in</title></head><body><form method=post><input name=user><input type=\"password\"></form></body></html>",
            ))
        });
    }),
    Fault::new("app-circuit-breaker-open", ORDERS, Breaks("protocol"), |lab| {
        says(lab, |request| {
            let open = r#"{"error":"CircuitBreaker 'billing' is OPEN and does not permit further calls"}"#;
            (request.path == "/api/orders").then(|| json("503 Service Unavailable", open))
        });
    })
    .or(&["app-health-ok-dependency-down"]),
    Fault::new("app-locale-charset", CITY, Breaks("payload"), |lab| {
        says(lab, |request| {
            let latin = "Content-Type: application/json;charset=ISO-8859-1\n";
            (request.path == "/api/city").then(|| answer("200 OK", latin, "{\"city\":\"Z?rich\"}"))
        });
    }),
    Fault::new("app-pool-exhausted", TWICE, Breaks("protocol"), |lab| {
        let calls = AtomicUsize::new(0);
        says(lab, move |_| {
            let exhausted =
                r#"{"error":"HikariPool-1 - Connection is not available, request timed out after 250ms"}"#;
            (calls.fetch_add(1, Ordering::SeqCst) % 3 == 2)
                .then(|| json("500 Internal Server Error", exhausted))
        });
    }),
];

fn challenge(words: &str) -> Vec<u8> {
    answer("401 Unauthorized", &format!("WWW-Authenticate: {words}\n"), "")
}

fn html(page: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/html\n", page)
}
