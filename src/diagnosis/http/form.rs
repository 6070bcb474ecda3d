//! Requests that are refused for their form: too large, too many, or in a way that is not offered.

use super::{
    CONTEXT_PATH, HEAD_TOO_LARGE, MEDIA_TYPE, METHOD, MISDIRECTED, NOT_ACCEPTABLE, NO_UPGRADE, NO_VHOST, PROXY_PROTOCOL,
    RATE, STRIPPED, TOO_LARGE, UPGRADE,
};
use crate::diagnosis::answer::{Answer, behind, response};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::{Cause, Confidence};
use crate::model::host::BehindSaid;

/// Whether the same without its own headers is answered otherwise; none when that was not asked.
fn bare(evidence: &Evidence<'_>, status: u16) -> Option<(bool, u16)> {
    let got = response(evidence.otherwise("bare")?)?.status;
    Some((got != status && got < 500, got))
}

pub(super) fn limited(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::of(evidence).filter(|answer| answer.response.status == 429)?;
    let ruling = answer.tell(RATE);
    Some(match answer.response.header("retry-after") {
        Some(after) => ruling.next(format!("Retry-After says {after}: do not call before")),
        None => ruling,
    })
}

pub(super) fn too_large(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[413])?;
    let ruling = answer.tell(TOO_LARGE);
    Some(match answer.sent() {
        Some(sent) => ruling.next(format!("{} bytes were sent; a small body tells whether it is the size", sent.body_bytes)),
        None => ruling,
    })
}

/// Words of servers that answer 400 to a head that is too large: nginx, IIS, Apache.
const HEAD_WORDS: &[&str] = &[
    "request header or cookie too large",
    "request header fields too large",
    "size of a request header field exceeds server limit",
    "request too long",
    "header too long",
];

/// No server refuses a smaller head as too large, unless it is told to.
const LARGE_HEAD: u64 = 4000;

pub(super) fn head_too_large(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[400, 414, 431, 494])?;
    let bytes = answer.sent().map_or(0, |sent| sent.head_bytes);
    // Tomcat and HAProxy answer 400 and say nothing of the size.
    let by_size = bytes >= LARGE_HEAD && bare(evidence, answer.response.status).is_some_and(|(differs, _)| differs);
    if matches!(answer.response.status, 400 | 414) && !answer.says(HEAD_WORDS) && !by_size {
        return None;
    }
    let ruling = answer.tell(HEAD_TOO_LARGE);
    let ruling = ruling.saying(&format!("The headers that were sent have {bytes} bytes."));
    Some(match bare(evidence, answer.response.status) {
        Some((true, got)) => ruling.saying(&format!("The same without its own headers is answered {got}.")).sure(Confidence::High),
        Some((false, _)) | None => ruling,
    })
}

pub(super) fn not_acceptable(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[406])?;
    let ruling = answer.tell(NOT_ACCEPTABLE);
    Some(match bare(evidence, 406) {
        Some((true, got)) => ruling.saying(&format!("The same without its own Accept is answered {got}.")).sure(Confidence::High),
        Some((false, _)) | None => ruling,
    })
}

pub(super) fn media_type(evidence: &Evidence<'_>) -> Option<Ruling> {
    offering(evidence, 415, MEDIA_TYPE, "accept-post", "Accept-Post")
}

pub(super) fn method(evidence: &Evidence<'_>) -> Option<Ruling> {
    offering(evidence, 405, METHOD, "allow", "Allow")
}

pub(super) fn misdirected(evidence: &Evidence<'_>) -> Option<Ruling> {
    Answer::with_status(evidence, &[421]).map(|answer| answer.tell(MISDIRECTED))
}

pub(super) fn upgrade(evidence: &Evidence<'_>) -> Option<Ruling> {
    offering(evidence, 426, UPGRADE, "upgrade", "Upgrade")
}

/// A handshake of WebSocket (RFC 6455 section 4.1) that is answered as if it were any request.
pub(super) fn no_upgrade(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.has_sent("upgrade"))?;
    answer.mismatches().iter().find(|one| one.what == "status" && one.expected.contains("101"))?;
    let switches = behind(evidence).into_iter().find(|port| matches!(port.said, BehindSaid::Answered { status: 101, .. }));
    let ruling = answer.tell(NO_UPGRADE).not(&[UPGRADE, PROXY_PROTOCOL, CONTEXT_PATH, NO_VHOST, STRIPPED]);
    if let Some(port) = switches {
        return Some(ruling.saying(&super::upstream::directly(port)).sure(Confidence::High));
    }
    let sure = ruling.confidence.less();
    Some(ruling.sure(sure).next("ask the application directly, past the proxy"))
}

/// A status that comes with a header of what would be taken.
fn offering(evidence: &Evidence<'_>, status: u16, cause: &'static Cause, header: &str, name: &str) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[status])?;
    let ruling = answer.tell(cause);
    let sent = answer.sent().map(|sent| sent.method.as_str()).unwrap_or_default();
    Some(match answer.response.header(header) {
        Some(offered) => ruling.next(format!("{name} says {offered}; a {sent} was sent")),
        None => ruling,
    })
}
