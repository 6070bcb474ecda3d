//! A proxy answers that what is behind it did not: 502, 503 and 504 (RFC 9110 section 15.6).

use super::{
    NO_H2C, OLD_HTTP, UPSTREAM_DOWN, UPSTREAM_HEAD, UPSTREAM_PLAIN, UPSTREAM_RESET, UPSTREAM_SECURED, UPSTREAM_SLOW,
    UPSTREAM_UNREACHABLE,
};
use crate::diagnosis::answer::{Answer, behind, contrasted, well_behind};
use crate::diagnosis::app;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::lb::STALE_UPSTREAM;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::fault::Fault;
use crate::model::host::{Behind, BehindSaid};
use crate::model::layer::Layer;
use crate::model::response::BodyKind;

/// Words of a proxy's own 503 about one server that it could not connect: Apache, Envoy, HAProxy, IIS.
const NOT_CONNECTED: &[&str] = &[
    "temporarily unable to service your request due to maintenance downtime or capacity problems",
    "reset reason: connection failure",
    "reset reason: remote connection failure",
    "connection refused",
];

/// What a port answers when it is asked directly.
pub(in crate::diagnosis) fn directly(port: &Behind) -> String {
    format!("Asked directly on the target's own host, {port}.")
}

/// Whether a proxy speaks for itself: an application that answers 502 of its own names what it misses.
fn is_of_proxy(answer: &Answer<'_>) -> bool {
    !answer.is(BodyKind::Json) || !app::names_dependency(answer)
}

/// The head of an answer that is larger than proxies take as they come (nginx: one page).
const LARGE_HEAD: u64 = 4000;

/// The program that holds the port that was called.
fn front<'a>(evidence: &'a Evidence<'a>) -> Option<&'a str> {
    evidence.listeners().find_map(|(_, found)| found.listeners.iter().find_map(|one| one.program.as_deref()))
}

/// What is behind did not answer, or not what the proxy understands.
pub(super) fn failed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[502, 503]).filter(is_of_proxy)?;
    if answer.says(&["reset reason: connection termination", "reset reason: protocol error"]) {
        return Some(answer.tell(UPSTREAM_RESET).or(&[UPSTREAM_SECURED]));
    }
    if answer.response.status == 503 && !answer.says(NOT_CONNECTED) {
        return None;
    }
    let ports = behind(evidence);
    let large = |port: &&&Behind| matches!(port.said, BehindSaid::Answered { status: ..300, head_bytes: LARGE_HEAD.. });
    if let Some(port) = ports.iter().find(large) {
        return Some(answer.tell(UPSTREAM_HEAD).saying(&directly(port)).sure(Confidence::High));
    }
    if let Some(port) = well_behind(evidence) {
        return Some(misunderstood(&answer, port, &ports));
    }
    // Other services of the host may be silent or close, too: this one is not known to be behind the proxy.
    if let Some(port) = ports.iter().find(|port| matches!(port.said, BehindSaid::Reset | BehindSaid::Closed)) {
        let ruling = answer.tell(UPSTREAM_RESET).saying(&directly(port));
        return Some(ruling.sure(Confidence::Medium).or(&[UPSTREAM_DOWN]));
    }
    let ruling = answer.tell(UPSTREAM_DOWN);
    if evidence.behind().next().is_none() {
        let asked = "the proxy's error log tells which: refused while connecting, reset while reading, or a TLS error";
        let or = &[UPSTREAM_RESET, UPSTREAM_SECURED, UPSTREAM_PLAIN, UPSTREAM_HEAD, STALE_UPSTREAM];
        let sure = ruling.confidence.less();
        return Some(ruling.sure(sure).or(or).next(asked));
    }
    let ruling = ruling.saying("On the target's own host nothing else answers as it should.");
    Some(ruling.sure(Confidence::Medium).or(&[STALE_UPSTREAM]))
}

/// The application answers, and the proxy does not understand it.
fn misunderstood(answer: &Answer<'_>, port: &Behind, ports: &[&Behind]) -> Ruling {
    let own = front(answer.evidence);
    let foreign = |other: &Behind| other.program.is_some() && other.program.as_deref() != own;
    let secured = ports.iter().find(|other| other.said == BehindSaid::Secured && foreign(other));
    let other = [UPSTREAM_HEAD, STALE_UPSTREAM];
    match secured {
        Some(secured) => answer
            .tell(UPSTREAM_SECURED)
            .saying(&format!("{} {}", directly(port), directly(secured)))
            .sure(Confidence::Medium)
            .or(&[UPSTREAM_PLAIN])
            .or(&other),
        None => answer
            .tell(UPSTREAM_PLAIN)
            .saying(&directly(port)).sure(Confidence::Medium)
            .or(&[UPSTREAM_SECURED, UPSTREAM_DOWN])
            .or(&other)
            .next("compare the port and the scheme in the proxy's configuration with what answers"),
    }
}

/// The proxy waited in vain.
pub(super) fn silent(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[504]).filter(is_of_proxy)?;
    let waited = answer.response.first_byte_ms;
    if let Some(port) = well_behind(evidence) {
        let told = |cause| answer.tell(cause).saying(&directly(port)).sure(Confidence::High);
        return Some(if port.took_ms >= waited {
            told(UPSTREAM_SLOW)
        } else {
            told(UPSTREAM_UNREACHABLE).or(&[STALE_UPSTREAM])
        });
    }
    if let Some(port) = behind(evidence).into_iter().find(|port| port.said == BehindSaid::Silent) {
        let ruling = answer.tell(UPSTREAM_SLOW).saying(&directly(port));
        return Some(ruling.sure(Confidence::Medium).or(&[UPSTREAM_UNREACHABLE]));
    }
    let ruling = answer.tell(UPSTREAM_SLOW);
    let sure = ruling.confidence.less();
    let asked = "the proxy's error log tells which: timed out while connecting, or while reading";
    Some(ruling.sure(sure).or(&[UPSTREAM_UNREACHABLE, STALE_UPSTREAM]).next(asked))
}

/// HTTP/2 is refused and HTTP/1.1 is not.
pub(super) fn old_http(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer == Layer::Protocol)?;
    let old = evidence.otherwise("http1").filter(|trace| {
        crate::diagnosis::answer::response(trace).is_some_and(|response| response.status < 400)
    })?;
    let status = crate::diagnosis::answer::response(old).map_or(0, |response| response.status);
    let (Fault::BadProtocol { .. } | Fault::ClosedEarly { .. } | Fault::Reset { .. } | Fault::TimedOut { .. }) = fault else {
        return None;
    };
    let ruling = contrasted(evidence, Ruling::new(NO_H2C, layer, fault.to_string()));
    let ruling = ruling.saying(&format!("The same in HTTP/1.1 is answered {status}."));
    Some(ruling.sure(Confidence::High).or(&[OLD_HTTP]))
}
