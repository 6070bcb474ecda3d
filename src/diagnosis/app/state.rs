//! What an application says of its own state, and of what it needs.

use super::{
    API_GONE, DEPENDENCY, EXCEPTION, FEATURE, MAINTENANCE, POOL, SOAP_FAULT, TENANT, WARMING,
};
use crate::diagnosis::answer::{Answer, calls, response, well};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::response::BodyKind;

/// Words of maintenance; Apache's own 503 of a dead back end has them too, and means something else.
pub(super) fn is_maintenance(answer: &Answer<'_>) -> bool {
    const WORDS: &[&str] = &["maintenance", "maintenance_mode", "be back soon", "be right back", "wartung", "scheduled downtime", "planned outage"];
    answer.says(WORDS) && !answer.says(&["maintenance downtime or capacity problems"])
}

/// Words of an application that starts.
const STARTING: &[&str] = &[
    "starting", "startup", "warming", "warm-up", "initializ", "initialis", "not ready", "loading", "booting", "bootstrapping", "deploying",
];

pub(super) fn maintenance(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500, 503]).filter(is_maintenance)?;
    let ruling = answer.tell(MAINTENANCE);
    Some(match answer.response.header("retry-after") {
        Some(after) => ruling.next(format!("Retry-After says {after}")),
        None => ruling,
    })
}

pub(super) fn warming(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[503]).filter(|answer| answer.says(STARTING) && !is_maintenance(answer))?;
    Some(answer.tell(WARMING).or(&[MAINTENANCE]))
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
    let ruling = answer.tell(POOL);
    Some(match calls(evidence) {
        Some((broken, all)) => ruling.proved(format!("{broken} of {all} calls from the same place fail; the others pass.")),
        None => ruling,
    })
}

pub(super) fn soap(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::Xml) || answer.is(BodyKind::Html))?;
    let envelope = answer.says(&["schemas.xmlsoap.org/soap/envelope", "www.w3.org/2003/05/soap-envelope"]);
    let fault = answer.says(&[":fault>", "<fault>", ":fault ", "<fault "]);
    let succeeded = (200..300).contains(&answer.response.status);
    (envelope && fault && succeeded && well(evidence).is_none()).then(|| {
        let said = element(&answer.text, "faultstring").or_else(|| element(&answer.text, "text"));
        let ruling = answer.tell(SOAP_FAULT);
        ruling.saying(&format!("It says: {}.", said.unwrap_or("nothing more")))
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
    Some(answer.tell(FEATURE))
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
        Some(link) => ruling.next(format!("the answer points to {link}")),
        None => ruling,
    })
}

/// Words of an application that cannot reach something.
const UNREACHED: &[&str] = &[
    "connection refused", "econnrefused", "could not connect", "cannot connect", "can't connect", "unable to connect", "failed to connect",
    "connect timed out", "connection timed out", "etimedout", "enotfound", "unknownhostexception", "no route to host", "cannot reach",
    "unreachable", "is down", "connection reset by", "broken pipe", "dependency", "downstream", "could not open connection",
    "cannot open database connection", "sqltransientconnection", "communications link failure", "no connection to", "cannot log on to",
    "connection to the database", "database connection", "sqlstate", "ora-0", "ora-1", "password authentication failed",
];

/// Whether the application itself names something that it cannot reach; a proxy's page does not count.
pub(in crate::diagnosis) fn names_dependency(answer: &Answer<'_>) -> bool {
    let of_proxy = answer.says(&["upstream connect error", "no server is available", "no healthy upstream", "proxy server", "<hr><center>"]);
    !of_proxy && answer.says(UNREACHED)
}

pub(super) fn dependency(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500, 502, 503, 504]).filter(names_dependency)?;
    if names_pool(evidence) || is_maintenance(&answer) || names_feature(&answer) {
        return None;
    }
    let said: String = answer.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    Some(answer.tell(DEPENDENCY).saying(&format!("It says: {said}.")))
}

pub(super) fn exception(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[500])?;
    let told = names_pool(evidence) || is_maintenance(&answer) || names_dependency(&answer);
    if told {
        return None;
    }
    let ruling = answer.tell(EXCEPTION);
    Some(if well(evidence).is_some() { ruling.sure(Confidence::Medium) } else { ruling })
}
