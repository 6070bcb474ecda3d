//! Redirects that lead elsewhere than they should.

use url::{Host, Url};

use super::{INTERNAL, LOOP, METHOD, POST_TO_GET, TO_HTTP};
use crate::diagnosis::answer::{Answer, asked_again, contrasted, responses};
use crate::diagnosis::{auth, dns, route, tcp};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::layer::Layer;

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
        ruling.saying(&format!("It was redirected to {followed}.")).or(&[METHOD]).not(&[METHOD]).next(format!("call {followed} itself"))
    })
}

/// Without what may differ from one time to the next.
fn page(url: &Url) -> &str {
    url[..url::Position::AfterPath].trim_end_matches('/')
}

/// The very same address again, or again and again the same page with another query.
pub(super) fn looped(evidence: &Evidence<'_>) -> Option<Ruling> {
    /// Redirects to one page that are no coincidence.
    const OFTEN: usize = 3;
    let (answer, called, to) = redirect(evidence)?;
    let first = Url::parse(&evidence.check.target).ok();
    let followed: Vec<Url> = answer.response.redirects.iter().filter_map(|text| Url::parse(text).ok()).collect();
    let before = || followed.iter().chain(&first).chain([&called]);
    let same = before().any(|one| one[..url::Position::AfterQuery] == to[..url::Position::AfterQuery]);
    let often = before().filter(|one| page(one) == page(&to)).count() > OFTEN;
    (same || often).then(|| {
        let count = followed.len();
        answer.tell(LOOP).saying(&format!("After {count} redirects Location is {} again.", page(&to)))
    })
}

/// A redirect that was followed, and what it leads to does not answer.
pub(super) fn led_away(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer < Layer::Protocol)?;
    let mut last = responses(evidence.trace).collect::<Vec<_>>();
    let answer = last.pop().filter(|answer| (300..400).contains(&answer.status))?;
    let called = answer.redirects.last().map_or(evidence.check.target.as_str(), String::as_str);
    let called = Url::parse(called).ok()?;
    let to = called.join(answer.header("location")?).ok()?;
    let cause = if called.scheme() == "https" && to.scheme() == "http" && called.host() == to.host() {
        TO_HTTP
    } else if called.host() != to.host() && is_internal(&to) && !is_internal(&called) {
        INTERNAL
    } else {
        return None;
    };
    let seen = format!("redirected to {}: {fault}", page(&to));
    // What is asked about the target says nothing of where the redirect leads.
    let ruling = Ruling::new(cause, layer, seen).not(dns::CAUSES).not(route::CAUSES).not(tcp::CAUSES);
    Some(contrasted(evidence, ruling).saying(&format!("{} answers with this redirect.", page(&called))))
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
