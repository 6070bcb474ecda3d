//! What an application says of its own state, and of what it needs.

use super::{
    API_GONE, BREAKER, CALLBACK, DEPENDENCY, EXCEPTION, FEATURE, MAINTENANCE, POOL, SOAP_FAULT, TENANT, WARMING,
};
use crate::diagnosis::answer::{Answer, calls, response, well};
use crate::diagnosis::evidence::{Evidence, listed};
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::layer::Layer;
use crate::model::response::BodyKind;

/// Words of maintenance. Apache's own 503 of a dead back end has them too, and means something else; a page may have them in
/// a menu, so there its title counts, or a whole phrase.
pub(super) fn is_maintenance(answer: &Answer<'_>) -> bool {
    const WORDS: &[&str] = &["maintenance", "wartung"];
    const PHRASES: &[&str] =
        &["under maintenance", "maintenance mode", "be back soon", "be right back", "scheduled downtime", "planned outage"];
    let title = answer.response.body.as_ref().and_then(|body| body.title.as_deref()).unwrap_or_default().to_lowercase();
    let says = if answer.is(BodyKind::Html) { WORDS.iter().any(|word| title.contains(word)) } else { answer.says(WORDS) };
    (says || answer.says(PHRASES)) && !answer.says(&["maintenance downtime or capacity problems"])
}

/// Words of an application that starts, Spring's readiness among them.
const STARTING: &[&str] = &[
    "starting", "startup", "starting up", "warming", "warm-up", "initializ", "initialis", "not ready", "booting", "bootstrapping",
    "out_of_service", "refusing_traffic",
];

fn says_it_starts(answer: &Answer<'_>) -> bool {
    answer.response.status == 503 && !answer.is(BodyKind::Html) && answer.says(STARTING) && !is_maintenance(answer)
}

/// Whether the application says that it starts.
pub(in crate::diagnosis) fn is_starting(evidence: &Evidence<'_>) -> bool {
    Answer::of(evidence).is_some_and(|answer| says_it_starts(&answer))
}

pub(super) fn maintenance(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500, 503]).filter(is_maintenance)?;
    let ruling = answer.quote(MAINTENANCE);
    Some(match answer.response.header("retry-after") {
        Some(after) => ruling.saying(&format!("Retry-After is {after}.")),
        None => ruling,
    })
}

/// Some calls may already pass.
pub(super) fn warming(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::of(evidence).filter(says_it_starts)?;
    Some(answer.quote(WARMING).or(&[MAINTENANCE]))
}

/// Words of pools that have no connection left: `HikariCP`, Tomcat, DBCP, ADO.NET, `SQLAlchemy`, node-postgres, sidecars of databases.
const POOLS: &[&str] = &[
    "connection is not available, request timed out",
    "pool exhausted",
    "pool is exhausted",
    "exhausted pool",
    "connection pool",
    "obtaining a connection from the pool",
    "from the pool",
    "queuepool limit",
    "timeout waiting for idle object",
    "unable to acquire jdbc connection",
    "too many clients already",
    "too many connections",
    "timeout exceeded when trying to connect",
    "hikaripool",
];

/// Whether an answer speaks of a pool of connections.
pub(in crate::diagnosis) fn names_pool(evidence: &Evidence<'_>) -> bool {
    Answer::of(evidence).is_some_and(|answer| answer.response.status >= 500 && answer.says(POOLS))
}

pub(super) fn pool(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::of(evidence).filter(|_| names_pool(evidence))?;
    let ruling = answer.quote(POOL);
    Some(match calls(evidence) {
        Some((broken, all)) => ruling.saying(&format!("{broken} of {all} calls from the same place fail; the others pass.")).sure(Confidence::High),
        None => ruling,
    })
}

pub(super) fn soap(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::Xml) || answer.is(BodyKind::Html))?;
    let envelope = answer.says(&["schemas.xmlsoap.org/soap/envelope", "www.w3.org/2003/05/soap-envelope"]);
    let fault = answer.says(&[":fault>", "<fault>", ":fault ", "<fault "]);
    let succeeded = (200..300).contains(&answer.response.status);
    (envelope && fault && succeeded && well(evidence).is_none()).then(|| {
        let said = element(&answer.said, "faultstring").or_else(|| element(&answer.said, "text"));
        let ruling = answer.tell(SOAP_FAULT);
        ruling.saying(&said.map_or_else(String::new, |said| format!("It says \"{said}\".")))
    })
}

/// The text of the first element of this name, whatever its prefix.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let begin = text.find(&format!("{name}>")).or_else(|| text.find(&format!("{name} ")))?;
    let rest = text.get(begin..)?;
    let rest = rest.get(rest.find('>')? + 1..)?;
    rest.get(..rest.find('<')?).filter(|said| !said.trim().is_empty())
}

/// Words that stand beside a header's name when it is missed: Spring, ASP.NET, Express, Go, gateways.
const MISSED: &[&str] = &["required", "missing", "is not present", "must be", "not provided", "expected header", "no tenant"];

/// The name of a header that an answer misses, when it was not sent.
fn missed_header(answer: &Answer<'_>) -> Option<String> {
    if !answer.says(MISSED) {
        return None;
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words: Vec<&str> = answer.text.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let custom = words.iter().find(|word| word.starts_with("x-") && word.len() > 2);
    let named = words.windows(2).find_map(|pair| match pair {
        ["header", name] | [name, "header"] if name.contains('-') => Some(name),
        _ => None,
    });
    let name = custom.or(named)?;
    (!answer.has_sent(name)).then(|| (*name).to_owned())
}

pub(in crate::diagnosis) fn tenant(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[400, 401, 403, 412, 422, 428])?;
    let name = missed_header(&answer)?;
    let ruling = answer.tell(TENANT);
    Some(ruling.saying(&format!("The answer asks for {name}, which was not sent.")))
}

/// Whether the application says that a feature is turned off.
pub(in crate::diagnosis) fn names_feature(answer: &Answer<'_>) -> bool {
    let off = answer.says(&["disabled", "not enabled", "turned off", "switched off", "is off", "not available in this environment"]);
    let feature = answer.says(&["feature", "flag", "toggle", "module", "function"]);
    off && feature && !answer.is(BodyKind::Html)
}

pub(super) fn feature(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[403, 404, 501, 503]).filter(names_feature)?;
    Some(answer.quote(FEATURE))
}

/// Whether the path of another version is answered.
pub(in crate::diagnosis) fn has_successor(evidence: &Evidence<'_>) -> bool {
    let answered = evidence.otherwise("successor").and_then(response);
    answered.is_some_and(|response| response.status < 400 || matches!(response.status, 401 | 403 | 405))
}

pub(super) fn gone(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[404, 410])?;
    let successor = has_successor(evidence);
    if (answer.response.status == 404 && !successor) || well(evidence).is_some() {
        return None;
    }
    let ruling = answer.tell(API_GONE);
    if successor {
        return Some(ruling.saying("The path of the next version is answered.").sure(Confidence::High));
    }
    Some(match answer.response.header("link") {
        Some(link) => ruling.saying(&format!("The answer points to {link}.")),
        None => ruling,
    })
}

/// Words of an application that cannot reach something, or that is refused by it.
const UNREACHED: &[&str] = &[
    "connection refused", "econnrefused", "could not connect", "cannot connect", "can't connect", "unable to connect", "failed to connect",
    "connect timed out", "connection timed out", "etimedout", "enotfound", "unknownhostexception", "no route to host", "cannot reach",
    "could not reach", "dependency", "downstream", "could not open connection", "cannot open database connection",
    "communications link failure", "network-related or instance-specific error", "no connection to", "cannot log on to", "connection to the database", "database connection",
    "sqlstate", "ora-", "password authentication failed", "permission denied for", "login failed for user",
];

/// Whether the application itself names something that fails it; a proxy's page does not count.
pub(in crate::diagnosis) fn names_dependency(answer: &Answer<'_>) -> bool {
    let of_proxy = answer.says(&["upstream connect error", "no server is available", "no healthy upstream", "proxy server", "<hr><center>"]);
    !of_proxy && (answer.says(UNREACHED) || !parts_down(answer).is_empty())
}

/// Parts that a health report has as down: Spring's `components`, ASP.NET's `entries`, `checks` and `details` of others.
fn parts_down(answer: &Answer<'_>) -> Vec<String> {
    let Some(tree) = answer.json() else { return Vec::new() };
    let parts = ["components", "entries", "checks", "details", "dependencies"].into_iter().find_map(|name| tree.get(name)?.as_object());
    let is_down = |part: &serde_json::Value| {
        let status = part.get("status").or(Some(part)).and_then(serde_json::Value::as_str);
        status.is_some_and(|status| matches!(status, "down" | "unhealthy" | "fail" | "error"))
    };
    parts.into_iter().flatten().filter(|(_, part)| is_down(part)).map(|(name, _)| name.clone()).take(8).collect()
}

/// Words of breakers that are open: Resilience4j, Hystrix, Polly, opossum, Envoy.
const BREAKERS: &[&str] = &[
    "circuit breaker", "circuitbreaker", "circuit_breaker", "short-circuited", "circuit short-circuited", "breaker is open",
    "brokencircuitexception", "circuit is open", "circuit is now open",
];

fn names_breaker(answer: &Answer<'_>) -> bool {
    answer.says(BREAKERS) && answer.says(&["open", "short-circuit", "broken"])
}

pub(super) fn breaker(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500, 502, 503, 504]).filter(names_breaker)?;
    Some(answer.quote(BREAKER).or(&[DEPENDENCY]))
}

pub(super) fn dependency(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500, 502, 503, 504]).filter(names_dependency)?;
    if names_pool(evidence) || is_maintenance(&answer) || names_feature(&answer) || names_breaker(&answer) {
        return None;
    }
    let down = parts_down(&answer);
    if !down.is_empty() {
        let names = listed(down.iter().map(String::as_str));
        return Some(answer.tell(DEPENDENCY).saying(&format!("It reports as down: {names}.")));
    }
    Some(answer.quote(DEPENDENCY))
}

/// A call that was made and failed, while the plan's own path in the other direction does not even connect.
pub(super) fn callback(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer >= Layer::Protocol)?;
    let (link, at, why) = evidence.back.iter().find_map(|(link, trace)| {
        let (at, why) = trace.broken().filter(|(at, _)| *at <= Layer::Tls)?;
        Some((link, at, why))
    })?;
    let ruling = Ruling::new(CALLBACK, layer, fault.to_string()).or(&[DEPENDENCY]);
    Some(ruling.because(format!("The link {link}, in the other direction, is broken at {at}: {why}.")))
}

pub(super) fn exception(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500])?;
    let told = names_pool(evidence) || is_maintenance(&answer) || names_dependency(&answer) || names_breaker(&answer);
    if told {
        return None;
    }
    let ruling = answer.quote(EXCEPTION);
    Some(if well(evidence).is_some() { ruling.sure(Confidence::Medium) } else { ruling })
}
