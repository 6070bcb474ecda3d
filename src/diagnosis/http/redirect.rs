//! Redirects that lead elsewhere than they should.

use url::{Host, Url};

use super::{INTERNAL, LOOP, METHOD, POST_TO_GET, TO_HTTP};
use crate::diagnosis::answer::{Answer, asked_again};
use crate::diagnosis::auth;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;

/// A redirect that was not expected: what was called, and where it leads.
pub(in crate::diagnosis) fn redirect<'a>(evidence: &'a Evidence<'a>) -> Option<(Answer<'a>, Url, Url)> {
    let answer = Answer::with_status(evidence, &[301, 302, 303, 307, 308])?;
    let called = answer.response.redirects.last().map_or(evidence.check.target.as_str(), String::as_str);
    let called = Url::parse(called).ok()?;
    let to = called.join(answer.response.header("location")?).ok()?;
    Some((answer, called, to))
}

pub(super) fn post_to_get(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::with_status(evidence, &[404, 405])?;
    let allows = answer.response.header("allow").is_none_or(|allow| allow.to_ascii_uppercase().contains("POST"));
    let was_turned = answer.sent().is_some_and(|sent| sent.method == "GET") && !answer.response.redirects.is_empty();
    (allows && was_turned && !asked_again(evidence)).then(|| {
        let followed = answer.response.redirects.join(", then ");
        let ruling = answer.tell(POST_TO_GET);
        ruling.saying(&format!("It was redirected to {followed}.")).or(&[METHOD]).next(format!("call {followed} itself"))
    })
}

/// Without what may differ from one time to the next.
fn page(url: &Url) -> &str {
    url[..url::Position::AfterPath].trim_end_matches('/')
}

pub(super) fn looped(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, called, to) = redirect(evidence)?;
    let mut followed = answer.response.redirects.iter().filter_map(|text| Url::parse(text).ok());
    let first = Url::parse(&evidence.check.target).ok();
    let again = page(&called) == page(&to) || first.is_some_and(|first| page(&first) == page(&to)) || followed.any(|one| page(&one) == page(&to));
    let same_scheme = called.scheme() == to.scheme() || answer.response.redirects.len() > 1;
    (again && same_scheme).then(|| {
        let count = answer.response.redirects.len();
        let ruling = answer.tell(LOOP);
        ruling.saying(&format!("After {count} redirects Location is {} again.", page(&to)))
    })
}

pub(super) fn to_http(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, called, to) = redirect(evidence)?;
    let downgraded = called.scheme() == "https" && to.scheme() == "http" && called.host() == to.host();
    downgraded.then(|| located(&answer, TO_HTTP, &to))
}

/// Where Location leads, as the contrast to what was called.
fn located(answer: &Answer<'_>, cause: &'static crate::model::cause::Cause, to: &Url) -> Ruling {
    let ruling = answer.tell(cause);
    ruling.saying(&format!("It leads to {}.", page(to))).next(format!("see who writes Location: {}", page(to)))
}

/// Whether only the host itself, or its own network, knows this name.
fn is_internal(url: &Url) -> bool {
    const ENDS: [&str; 6] = [".local", ".internal", ".svc", ".localdomain", ".intra", ".lan"];
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || !name.contains('.') || ENDS.iter().any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local() || address.is_unspecified(),
        None => false,
    }
}

pub(super) fn internal(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, called, to) = redirect(evidence)?;
    let moved = called.host() != to.host() && is_internal(&to) && !is_internal(&called);
    (moved && !auth::is_login(&to)).then(|| located(&answer, INTERNAL, &to))
}
