//! The name was found, and leads elsewhere than it should: other sources, other views, old records.

use std::net::IpAddr;

use super::{
    FIRST_DEAD, HOSTS, ONE_DEAD, SEARCHED, SPLIT_HORIZON, STALE, STALE_DEAD, V6_BLACK_HOLE, V6_ONLY, WRONG_ENVIRONMENT,
    WRONG_SEARCH, is_short, resolving, seen, servers,
};
use crate::diagnosis::evidence::{Evidence, Place, listed, passes, resolved, tried};
use crate::diagnosis::registry::Ruling;
use crate::diagnosis::{route, tcp};
use crate::model::cause::Cause;
use crate::model::fact::{Attempt, ConnectErrorKind};
use crate::model::fault::Fault;
use crate::model::host::{NameFacts, Said, ServerSaid};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

/// Addresses as the name servers give them.
fn of_servers(names: &NameFacts) -> Vec<IpAddr> {
    let records = names.servers.iter().flat_map(|server| &server.records);
    records
        .filter(|record| matches!(record.record_type.as_str(), "A" | "AAAA"))
        .filter_map(|record| record.data.parse().ok())
        .collect()
}

/// Another address than before by DNS: not by the hosts file, of which something else is told.
fn moved_in_dns(evidence: &Evidence<'_>) -> Option<(IpAddr, IpAddr)> {
    moved(evidence).filter(|(_, now)| evidence.names().is_none_or(|names| !names.hosts.contains(now)))
}

/// Another address than before for the same name; another name is another question.
fn moved(evidence: &Evidence<'_>) -> Option<(IpAddr, IpAddr)> {
    let (name, now) = evidence.resolved()?;
    let (before, was) = resolved(evidence.before?)?;
    if !name.eq_ignore_ascii_case(before) {
        return None;
    }
    now.iter().all(|address| !was.contains(address)).then_some((*was.first()?, *now.first()?))
}

/// Many hosts have their names from the hosts file alone, or from there what DNS says too: that is no fault. It is one where
/// a name server says otherwise, or where the line is new; and never where the same address worked before.
pub(super) fn hosts(evidence: &Evidence<'_>) -> Option<Ruling> {
    let names = evidence.names()?;
    let (_, now) = evidence.resolved()?;
    let told = of_servers(names);
    let overridden = now.iter().find(|address| names.hosts.contains(address) && !told.contains(address))?;
    let moved = moved(evidence);
    let worked = |before: &Trace| {
        before.broken().is_none() && resolved(before).is_some_and(|(_, was)| was.contains(overridden))
    };
    if (moved.is_none() && evidence.broken().is_none()) || evidence.before.is_some_and(worked) {
        return None;
    }
    let otherwise = match (told.first(), moved) {
        (Some(address), _) => format!("DNS says {address}"),
        (None, Some((was, _))) => format!("before, the name led to {was}"),
        (None, None) => return None,
    };
    let contrast = format!("/etc/hosts says {overridden}; {otherwise}.");
    Some(Ruling::new(HOSTS, Layer::Dns, format!("{} is {overridden}", names.name)).proved(contrast))
}

pub(super) fn wrong_search(evidence: &Evidence<'_>) -> Option<Ruling> {
    let names = evidence.names()?;
    let (was, now) = moved(evidence)?;
    let by = names.servers.iter().find(|server| {
        server.said == Said::Addresses && server.records.iter().any(|record| record.data == now.to_string())
    })?;
    is_short(&names.name).then(|| {
        let contrast = format!("It is completed to {}; before, it was {was}.", by.name);
        Ruling::new(WRONG_SEARCH, Layer::Dns, format!("{} is {now}", names.name)).proved(contrast)
    })
}

/// Values of the answer that name an environment.
fn names_environment(evidence: &Evidence<'_>) -> Option<String> {
    let Some((Layer::Payload, Fault::Mismatch { mismatches, .. })) = evidence.broken() else { return None };
    let told = mismatches.iter().find(|one| {
        let what = one.what.to_lowercase();
        what.ends_with("env") || what.contains("environment")
    })?;
    Some(format!("{} is {}", told.what, told.got))
}

pub(super) fn wrong_environment(evidence: &Evidence<'_>) -> Option<Ruling> {
    let told = names_environment(evidence)?;
    let (was, now) = moved(evidence)?;
    let contrast = format!("The name was {was} in the baseline and is {now} now.");
    Some(Ruling::new(WRONG_ENVIRONMENT, Layer::Dns, told).proved(contrast))
}

pub(super) fn v6_only(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (name, addresses) = evidence.resolved()?;
    let fault = evidence.broken_at(Layer::Route).or_else(|| evidence.broken_at(Layer::Tcp))?;
    let (Fault::NoRoute { .. } | Fault::Unreachable { .. }) = fault else { return None };
    addresses.iter().all(IpAddr::is_ipv6).then(|| {
        let works = evidence.elsewhere().find(|place| place.passes(Layer::Tcp));
        let contrast = works.map_or_else(
            || format!("{name} has no IPv4 address."),
            |place| format!("{name} has no IPv4 address; it connects from {}.", place.name()),
        );
        // To the kernel it is a missing route, to the baseline another address.
        Ruling::new(V6_ONLY, Layer::Dns, seen(fault)).proved(contrast).not(&[STALE_DEAD, route::NO_ROUTE])
    })
}

/// Addresses that answered and those that did not, of one name.
fn halves(evidence: &Evidence<'_>) -> Option<(Vec<IpAddr>, Vec<IpAddr>)> {
    let (_, addresses) = evidence.resolved()?;
    let attempts: Vec<_> = tried(evidence.trace).collect();
    let ip = |good: bool| {
        let some = attempts.iter().filter(move |attempt| attempt.error.is_none() == good);
        some.map(|attempt| attempt.address.ip()).collect::<Vec<_>>()
    };
    let (good, bad) = (ip(true), ip(false));
    (addresses.len() > 1 && !good.is_empty() && !bad.is_empty()).then_some((good, bad))
}

fn told((good, bad): &(Vec<IpAddr>, Vec<IpAddr>)) -> (String, String) {
    let words = |addresses: &[IpAddr]| {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        listed(texts.iter().map(String::as_str))
    };
    (format!("{} did not connect", words(bad)), format!("{} connected at the same time.", words(good)))
}

fn timed_out(attempt: &Attempt) -> bool {
    attempt.error.as_ref().is_some_and(|error| error.kind == ConnectErrorKind::TimedOut)
}

pub(super) fn one_family(evidence: &Evidence<'_>) -> Option<Ruling> {
    let halves = halves(evidence)?;
    // One that is refused at once costs nobody any time.
    let waits = tried(evidence.trace).filter(|attempt| attempt.address.is_ipv6()).all(timed_out);
    let by_family = waits && halves.0.iter().all(IpAddr::is_ipv4) && halves.1.iter().all(IpAddr::is_ipv6);
    let (seen, contrast) = told(&halves);
    by_family.then(|| Ruling::new(V6_BLACK_HOLE, Layer::Tcp, seen).proved(contrast).beside_unless_late(evidence))
}

pub(super) fn one_dead(evidence: &Evidence<'_>) -> Option<Ruling> {
    let halves = halves(evidence)?;
    let same_family = halves.0.iter().any(|good| halves.1.iter().any(|bad| bad.is_ipv4() == good.is_ipv4()));
    let (seen, contrast) = told(&halves);
    same_family.then(|| {
        let ruling = Ruling::new(ONE_DEAD, Layer::Tcp, seen).proved(contrast);
        // With every address looked at, it is the dead one that broke the check.
        if evidence.broken_at(Layer::Tcp).is_some() { ruling } else { ruling.beside_unless_late(evidence) }
    })
}

pub(super) fn stale_dead(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (was, now) = moved_in_dns(evidence)?;
    let fault = evidence.broken_at(Layer::Tcp).or_else(|| evidence.broken_at(Layer::Route))?;
    let (address, _) = evidence.baseline_address().filter(|(_, trace)| passes(trace, Layer::Tcp))?;
    let (or, same) = view(evidence, now);
    let contrast = format!("The name was {was} in the baseline, and {address} still connects. {same}");
    let ruling = Ruling::new(STALE_DEAD, Layer::Dns, seen(fault)).or(or);
    // A move that was meant looks the same while the new host is not ready.
    Some(match evidence.is_of_target(now) {
        Some(true) => return None,
        Some(false) => ruling.proved(format!("{contrast} No host of the target has {now}.")),
        None => ruling.because(contrast).or(&[tcp::NOT_LISTENING, route::HOST_DOWN]),
    })
}

pub(super) fn stale(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (was, now) = moved_in_dns(evidence)?;
    // What passes at another address than before was moved: that is told as a change.
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer > Layer::Tcp)?;
    let (or, same) = view(evidence, now);
    let contrast = format!("The name was {was} in the baseline and is {now} now. {same}");
    let ruling = Ruling::new(STALE, Layer::Dns, seen(fault)).or(or);
    // Only what it says of itself shows that another host answers: an error may be the right host's own.
    let is_another = layer == Layer::Payload && matches!(fault, Fault::Mismatch { .. });
    Some(match evidence.is_of_target(now) {
        Some(true) => return None,
        Some(false) if is_another => ruling.proved(format!("{contrast} No host of the target has {now}.")),
        None if is_another => ruling.proved(contrast),
        Some(false) | None => ruling.because(contrast).beside(),
    })
}

/// Whether other places get the same address, in words, with what that leaves open.
fn view(evidence: &Evidence<'_>, now: IpAddr) -> (&'static [&'static Cause], String) {
    let same: Vec<Place<'_>> = resolving(evidence)
        .into_iter()
        .filter(|place| resolved(place.trace).is_some_and(|(_, addresses)| addresses.contains(&now)))
        .collect();
    if same.is_empty() {
        return (&[SPLIT_HORIZON], String::new());
    }
    (&[], format!("It is the same from {}.", listed(same.iter().map(Place::name))))
}

pub(super) fn split_horizon(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (name, here) = evidence.resolved()?;
    let names = evidence.names()?;
    let (layer, fault) = evidence.broken()?;
    if !names.hosts.is_empty() || layer == Layer::Dns {
        return None;
    }
    let other = resolving(evidence).into_iter().find_map(|place| {
        let (_, there) = resolved(place.trace)?;
        let differs = there.iter().all(|address| !here.contains(address)) && place.passes(Layer::Tcp);
        Some((place, *there.first()?)).filter(|_| differs)
    });
    let (place, there) = other?;
    let contrast = format!("{name} is {} here and {there} from {}, where it connects.", here.first()?, place.name());
    Some(Ruling::new(SPLIT_HORIZON, Layer::Dns, seen(fault)).proved(contrast))
}

/// What of a name that was found took so long: a resolver's timeout is a second at the least (resolv.conf(5)).
fn waited(evidence: &Evidence<'_>) -> Option<String> {
    let took_ms = evidence.trace.observations.iter().find(|seen| seen.layer == Layer::Dns)?.took_ms;
    (evidence.resolved().is_some() && took_ms >= 900.0).then(|| format!("the name took {:.1} s", took_ms / 1000.0))
}

pub(super) fn first_dead(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (names, waited) = (evidence.names()?, waited(evidence)?);
    let dead = names.servers.first()?.said == Said::Silence && names.said(Said::Addresses).next().is_some();
    dead.then(|| {
        let contrast = format!("Asked one by one: {}.", servers(names));
        Ruling::new(FIRST_DEAD, Layer::Dns, waited).proved(contrast).beside_unless_late(evidence)
    })
}

pub(super) fn searched(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (names, waited) = (evidence.names()?, waited(evidence)?);
    let itself = names.servers.first().filter(|server| server.said == Said::Addresses)?;
    let late = names.searched.iter().find(|one| matches!(one.said, Said::Silence | Said::ServerFailure) && one.took_ms >= 900.0)?;
    let name = |said: &ServerSaid| said.name.trim_end_matches('.').to_owned();
    let contrast = format!(
        "{} answers for {} within {:.0} ms, and for {}, which is tried before it, says {} after {:.1} s.",
        itself.server, name(itself), itself.took_ms, name(late), late.said.name(), late.took_ms / 1000.0
    );
    Some(Ruling::new(SEARCHED, Layer::Dns, waited).proved(contrast).beside_unless_late(evidence))
}
