//! Proxies: what the caller's environment puts between it and the target, and what puts itself there.

use super::evidence::{Evidence, Place, facts, listed, tried};
use super::registry::{Rule, Ruling, causes};
use super::tls::{issuer_here_and_there, leaf};
use crate::model::examination::ways;
use crate::model::fact::Fact;
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

causes! { Proxy:
    DEAD = "proxy-env-dead" at Source,
        "The call goes to a proxy that does not answer.",
        "The address that refuses or is silent is the proxy's, not the target's; without the proxy the target answers.",
        ["put the target into NO_PROXY of the source, or take the proxy out of its environment", "is the proxy up?"];
    UNRESOLVABLE = "proxy-unresolvable" at Source,
        "The name of the proxy does not resolve.",
        "The name that is not found is the proxy's, not the target's.",
        ["correct the proxy's name in the environment of the source, or take it out", "put the target into NO_PROXY"];
    CREDENTIALS = "proxy-407" at Source,
        "The proxy wants credentials.",
        "407 always comes from a proxy, never from the target.",
        ["put the target into NO_PROXY of the source, or give the proxy its user and password"];
    DENIED = "proxy-403-connect" at Proxy,
        "The proxy's policy denies the target.",
        "The refusal comes from the proxy; the target has seen nothing, and its log is empty.",
        ["put the target into NO_PROXY of the source", "else ask for an entry in the proxy's access list"];
    NO_PROXY_MISSING = "proxy-no-proxy-missing" at Source,
        "An internal call goes through a proxy that cannot reach the target.",
        "The error is the proxy's own; without the proxy the target answers, and its log is empty.",
        ["put the target into NO_PROXY of the source"];
    NO_PROXY_SYNTAX = "proxy-no-proxy-syntax" at Source,
        "NO_PROXY names the target in a form that is not understood, so that the call goes through the proxy.",
        "NO_PROXY is set and has the target's name or domain in it; without the proxy the target answers.",
        ["write names, or domains as .example.com, with commas between them",
         "a JVM reads http.nonProxyHosts instead: *.example.com with | between them"];
    UPPERCASE = "proxy-uppercase-ignored" at Source,
        "The application goes through the proxy of HTTP_PROXY; curl and others ignore that variable in capitals.",
        "The call fails through the proxy, and works from the same place for whoever does not take HTTP_PROXY.",
        ["put the target into NO_PROXY of the source, or take HTTP_PROXY out of its environment",
         "set http_proxy in its place, which all understand, so that a test on the host goes the same way"];
    LOGIN_PAGE = "proxy-captive-login" at Network,
        "Something on the way answers with a page of its own instead of the target.",
        "Another type of content than from other places, at the same address; the target's log is empty.",
        ["exempt the source from the network's login", "look at the page: it names who sends it"];
    INTERCEPTED = "proxy-tls-intercept" at Network,
        "Something on the way opens the TLS connection and signs it again with a certificate of its own.",
        "The same address sends another issuer's certificate to other places.",
        ["exempt the target from TLS inspection", "else put the inspection's authority into the trust store of the source"];
}

pub(super) const RULES: &[Rule] =
    &[no_proxy_syntax, uppercase, unresolvable, dead, credentials, denied, no_proxy_missing, intercepted, login_page];

/// The proxy that is connected, and who named it.
fn proxied(trace: &Trace) -> Option<(&str, &str)> {
    facts(trace).find_map(|fact| {
        if let Fact::Proxied { proxy, named_by } = fact {
            Some((proxy.as_str(), named_by.as_str()))
        } else {
            None
        }
    })
}

/// Whether what broke is the way to the proxy, or what the proxy does: then no other family has a say.
pub(super) fn is_to_blame(evidence: &Evidence<'_>) -> bool {
    let Some((layer, _)) = evidence.broken().filter(|_| proxied(evidence.trace).is_some()) else {
        return false;
    };
    layer <= Layer::Tcp || passes_without(evidence)
}

/// Whether it fails through the proxy each time, and works without it.
fn passes_without(evidence: &Evidence<'_>) -> bool {
    evidence.otherwise(ways::NO_PROXY).is_some_and(works)
        && evidence.again().all(|trace| trace.broken().is_some())
}

fn works(trace: &Trace) -> bool {
    trace.broken().is_none() && !trace.observations.is_empty()
}

/// With what is seen without the proxy, or what was seen before there was one.
fn told(evidence: &Evidence<'_>, ruling: Ruling) -> Option<Ruling> {
    let (proxy, named_by) = proxied(evidence.trace)?;
    let clean = evidence.own_environment().is_some_and(|own| works(own) && proxied(own).is_none());
    let clean = if clean { " The vantage's own environment names none, and there it works." } else { "" };
    let who = format!("{proxy} is a proxy, named by {named_by}.{clean}");
    let direct = evidence.before.is_some_and(|before| works(before) && proxied(before).is_none());
    let before = if direct { " In the baseline the call went without it." } else { "" };
    Some(match evidence.otherwise(ways::NO_PROXY).and_then(Trace::broken) {
        None if evidence.otherwise(ways::NO_PROXY).is_some_and(works) => {
            ruling.proved(format!("{who} Without it the target answers.{before}"))
        }
        None if direct => ruling.proved(format!("{who}{before}")),
        None => ruling.because(who).next("try it without the proxy: gonogo probe TARGET --from VANTAGE"),
        Some((layer, _)) if layer <= Layer::Tcp => ruling.because(format!(
            "{who} Without it the target is not reached either: it breaks at {layer}.{before}"
        )),
        Some((layer, _)) => ruling
            .proved(format!("{who} Without it the target itself answers, and breaks at {layer}.{before}")),
    })
}

/// Whether an entry of `NO_PROXY` is meant for a host, however it is written.
fn is_meant_for(entry: &str, host: &str) -> bool {
    let entry = entry.rsplit_once("://").map_or(entry, |(_, rest)| rest);
    let entry = entry.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_ascii_lowercase();
    let inside = entry.contains('.') && host.strip_suffix(&*entry).is_some_and(|rest| rest.ends_with('.'));
    host == entry || inside
}

fn no_proxy_syntax(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    proxied(evidence.trace)?;
    let names = evidence.names().filter(|_| passes_without(evidence))?;
    let host = names.name.trim_end_matches('.').to_ascii_lowercase();
    let list = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("no_proxy");
    let (name, list) = names.proxies.iter().find(list)?;
    let mut entries = list.split([',', ';', '|', ' ']).filter(|entry| !entry.is_empty());
    let entry = entries.find(|entry| is_meant_for(entry, &host))?;
    let contrast = format!("{name} is {list}: {entry} is meant for {host}, and does not keep it from the proxy.");
    let told = told(evidence, Ruling::new(NO_PROXY_SYNTAX, layer, fault.to_string()))?;
    let whole = format!("{contrast} {}", told.contrast);
    Some(told.proved(whole).or(&[NO_PROXY_MISSING]))
}

/// `HTTP_PROXY` is taken of an application's environment only.
fn uppercase(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    proxied(evidence.trace).filter(|(_, named_by)| *named_by == "HTTP_PROXY")?;
    if !passes_without(evidence) {
        return None;
    }
    let proxy_is_silent = layer <= Layer::Tcp && !matches!(fault, Fault::ProxyRefused { .. });
    let other = if proxy_is_silent { DEAD } else { NO_PROXY_MISSING };
    told(evidence, Ruling::new(UPPERCASE, layer, fault.to_string()).or(&[other]))
}

fn unresolvable(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Dns)?;
    proxied(evidence.trace)?;
    told(evidence, Ruling::new(UNRESOLVABLE, Layer::Dns, fault.to_string()))
}

fn dead(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer @ (Layer::Route | Layer::Tcp), fault) = evidence.broken()? else { return None };
    proxied(evidence.trace)?;
    if matches!(fault, Fault::ProxyRefused { .. }) {
        return None;
    }
    told(evidence, Ruling::new(DEAD, layer, fault.to_string()))
}

fn credentials(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    let (Fault::ProxyRefused { status: 407 } | Fault::Unauthorized { status: 407, .. }) = fault else {
        return None;
    };
    let ruling = Ruling::new(CREDENTIALS, layer, fault.to_string());
    if proxied(evidence.trace).is_some() {
        return told(evidence, ruling);
    }
    Some(ruling.because("No proxy is configured here: one stands on the way by itself.").or(&[DENIED]))
}

fn denied(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    proxied(evidence.trace)?;
    let refused = matches!(fault, Fault::ProxyRefused { status: 400..=406 | 408..=499 });
    let forbidden = matches!(fault, Fault::Forbidden { .. }) && passes_without(evidence);
    if !refused && !forbidden {
        return None;
    }
    told(evidence, Ruling::new(DENIED, layer, fault.to_string()))
}

/// The proxy's own error, or whatever else it makes of a call that works without it.
fn no_proxy_missing(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    proxied(evidence.trace)?;
    let own = matches!(fault, Fault::ProxyRefused { status: 500..=599 });
    let refusal = matches!(fault, Fault::Forbidden { .. } | Fault::Unauthorized { status: 407, .. });
    let distrusted = matches!(fault, Fault::Distrusted { .. });
    if !own && (layer <= Layer::Tcp || refusal || distrusted || !passes_without(evidence)) {
        return None;
    }
    told(evidence, Ruling::new(NO_PROXY_MISSING, layer, fault.to_string()))
}

/// Another issuer's certificate at the same address, from here only.
fn intercepted(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::Distrusted { reasons, .. } = evidence.broken_at(Layer::Tls)? else { return None };
    let unknown = |reason: &Distrust| matches!(reason, Distrust::UnknownIssuer { .. } | Distrust::SelfSigned);
    if !reasons.iter().any(unknown) {
        return None;
    }
    let ruling = Ruling::new(INTERCEPTED, Layer::Tls, fault.to_string());
    let own = leaf(evidence.trace)?;
    if let Some((proxy, _)) = proxied(evidence.trace) {
        let direct = leaf(evidence.otherwise(ways::NO_PROXY)?)?;
        let signed = format!("Through {proxy} the issuer is {}, without it {}.", own.issuer, direct.issuer);
        return (direct.issuer != own.issuer).then(|| ruling.proved(signed));
    }
    let (places, there) = issuer_here_and_there(evidence)?;
    let contrast = format!(
        "Here the issuer is {}; from {} the same address sends a certificate of {there}.",
        own.issuer,
        listed(places.iter().map(Place::name))
    );
    Some(ruling.proved(contrast))
}

fn content_type(trace: &Trace) -> Option<&str> {
    facts(trace).find_map(|fact| {
        let Fact::Responded(response) = fact else { return None };
        let found = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        // Without its parameters (RFC 9110 section 8.3.1).
        found.map(|(_, value)| value.split(';').next().unwrap_or(value).trim())
    })
}

/// A page instead of what every other place gets at the same address, each time.
fn login_page(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Payload)?;
    // A page inside TLS that is trusted comes from the target.
    if facts(evidence.trace).any(|fact| matches!(fact, Fact::Secured { .. })) {
        return None;
    }
    let own = content_type(evidence.trace).filter(|kind| kind.eq_ignore_ascii_case("text/html"))?;
    let address = tried(evidence.trace).next()?.address;
    let mut again = evidence.again().peekable();
    again.peek()?;
    let each_time = again.all(|trace| content_type(trace) == Some(own));
    let places: Vec<Place<'_>> = evidence.elsewhere().collect();
    let other = |place: &Place<'_>| {
        works(place.trace)
            && content_type(place.trace).is_some_and(|kind| kind != own)
            && tried(place.trace).next().is_some_and(|attempt| attempt.address == address)
    };
    let there = content_type(places.first()?.trace)?;
    (each_time && places.iter().all(other)).then(|| {
        let names = listed(places.iter().map(Place::name));
        let contrast = format!("Here {address} answers with {own}, from {names} with {there} as it should.");
        Ruling::new(LOGIN_PAGE, Layer::Payload, fault.to_string()).proved(contrast)
    })
}
