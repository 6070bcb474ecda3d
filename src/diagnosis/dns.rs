//! Names: what the resolver of the source said, what each name server says by itself, and what other places get.

mod asked;
mod found;

use super::evidence::{Evidence, Place, listed, passes, resolved};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::Confidence;
use crate::model::fault::Fault;
use crate::model::host::{NameFacts, Said, ServerSaid};
use crate::model::layer::Layer;

causes! { Dns:
    NXDOMAIN = "dns-nxdomain" at Dns,
        "The name does not exist in DNS.",
        "NXDOMAIN from every place; a connection to the address of the baseline still works.",
        ["create or restore the record", "until then, use the address of the baseline"];
    TYPO = "dns-typo-name" at Source,
        "The name asked for never existed: it differs by a letter from the one of the baseline.",
        "NXDOMAIN, and the name of the baseline resolves.",
        ["correct the host name in the configuration"];
    NODATA = "dns-nodata" at Dns,
        "The name exists and has no address.",
        "NOERROR without an answer, rather than NXDOMAIN.",
        ["add the A record, or the target of the alias"];
    SERVFAIL = "dns-servfail" at Dns,
        "The name server is broken, not the record: it answers SERVFAIL.",
        "Only the rcode tells it from a missing name: its upstream, its zone or DNSSEC is broken.",
        ["call those who run the name server", "ask the server of the zone directly: gonogo probe dns:NAME"];
    REFUSED = "dns-refused-rcode" at Dns,
        "The name server refuses to answer this host.",
        "REFUSED: its access list does not have this client; another place gets an answer.",
        ["add the source's network to the name server's access list, or use the right name server"];
    SILENT = "dns-resolver-timeout" at Network,
        "The name server does not answer this host.",
        "It fails after the resolver's timeout and not at once, while another place resolves the name.",
        ["open UDP and TCP port 53 from the source to the name server", "check /etc/resolv.conf there"];
    DOWN = "dns-resolver-down" at Dns,
        "No name server runs where this host asks.",
        "It fails at once: the host of the name server answers that nothing listens there.",
        ["start the name server, or use the other one"];
    FIRST_DEAD = "dns-first-resolver-dead" at Source,
        "The first name server of this host is dead, and every lookup waits for it.",
        "The name is found, but only after a whole resolver timeout; asked by itself, the first server says nothing.",
        ["take the dead name server out of /etc/resolv.conf, or put it last"];
    SHORT_NAME = "dns-short-name-no-search" at Source,
        "This host has no search domain that completes the short name.",
        "The short name fails here, while places with a search list resolve it.",
        ["use the whole name in the configuration, or add the search domain to /etc/resolv.conf"];
    WRONG_SEARCH = "dns-wrong-search-domain" at Source,
        "The search list completes the short name to another host.",
        "The same short name gives another address in each place; the whole names differ.",
        ["use the whole name with a dot at its end, or correct the search list"];
    SPLIT_HORIZON = "dns-split-horizon" at Dns,
        "This host's name server gives another address than others do.",
        "Two places ask different name servers and get different addresses for one name.",
        ["let the source use the right view, or publish the same record there"];
    NEGATIVE_CACHE = "dns-negative-cache" at Dns,
        "The name server still remembers that the name did not exist.",
        "NXDOMAIN here with a time to live that counts down, while the name resolves elsewhere.",
        ["flush the cache of the name server (rndc flushname, resolvectl flush-caches), or wait for its time to live"];
    HOSTS = "dns-hosts-override" at Source,
        "/etc/hosts of this host says something else than DNS.",
        "What applications get differs from what every name server answers, on the same host.",
        ["remove the line from /etc/hosts on the source"];
    SWITCH = "dns-nsswitch-no-dns" at Source,
        "This host does not ask DNS for host names.",
        "Its name servers know the name; getaddrinfo does not find it: the name service switch.",
        ["write `hosts: files dns` into /etc/nsswitch.conf on the source"];
    DANGLING = "dns-cname-dangling" at Dns,
        "The name is an alias of a name that does not exist.",
        "The answer holds a CNAME together with NXDOMAIN.",
        ["create the name it points to, or point the alias elsewhere"];
    STALE = "dns-stale-record" at Dns,
        "The name leads to another host than before.",
        "Everything connects; only the address and what the answer says of itself differ.",
        ["correct the record and flush the caches", "lower its time to live before the next attempt"];
    STALE_DEAD = "dns-stale-record-dead" at Dns,
        "The name leads to an address that does not answer; the one of the baseline does.",
        "The address is another one than before, and connecting to the one before works: not the network.",
        ["correct the record"];
    WRONG_ENVIRONMENT = "dns-wrong-env-record" at Dns,
        "The name leads to another environment.",
        "The answer names another environment, and its address is another one than before.",
        ["stop writing at once", "correct the record", "look for data written there"];
    V6_ONLY = "dns-v6-only-answer-no-route" at Dns,
        "The name has only an IPv6 address, and this host has no way to IPv6.",
        "Only AAAA records; the kernel says at once that there is no route.",
        ["publish an A record, or give the source IPv6"];
    V6_BLACK_HOLE = "dns-v6-preferred-blackhole" at Dns,
        "The IPv6 address of the name is not reached: clients wait for it before they try the other one.",
        "The addresses one by one: IPv6 times out, IPv4 connects.",
        ["remove the AAAA record, or repair the IPv6 way"];
    ONE_DEAD = "dns-round-robin-one-dead" at Dns,
        "One of the addresses behind the name is dead.",
        "The addresses one by one: some connect, some do not; most clients hide it.",
        ["take the dead address out of DNS, or repair that node"];
    BOGUS = "dns-dnssec-bogus" at Dns,
        "The zone's DNSSEC signatures do not hold: a validating name server refuses to answer.",
        "SERVFAIL, and the same server answers once it is asked not to check (CD, RFC 4035).",
        ["sign the zone again, or correct the DS record of its parent", "delv NAME tells what does not hold"];
    CUT_OFF = "dns-truncated-tcp-blocked" at Network,
        "Answers that are too long for UDP are lost: TCP port 53 of the name server is not reached.",
        "The answer by UDP is cut off (TC), and no connection by TCP is made.",
        ["open TCP port 53 to the name server, beside UDP (RFC 7766)"];
    SEARCHED = "dns-ndots-storm" at Source,
        "The search list is tried before the name itself (ndots), and one of its domains is answered late or never.",
        "Written with a dot at its end the name is found at once; the same name with a search domain waits for its name server.",
        ["write the name with a dot at its end, or options ndots:2 into resolv.conf (dnsConfig of a pod)", "or take the domain that is not answered out of the search list"];
}

pub(super) const RULES: &[Rule] = &[
    asked::cut_off, asked::bogus, switch, typo, dangling, short_name, negative_cache, no_name, no_data, server_failure, refused, down, silent,
    found::hosts, found::wrong_search, found::wrong_environment, found::v6_only, found::one_family, found::one_dead,
    found::split_horizon, found::stale_dead, found::stale, found::first_dead, found::searched,
];

/// How the name was not found; none when it was.
fn unresolved<'a>(evidence: &Evidence<'a>) -> Option<&'a Fault> {
    evidence.broken_at(Layer::Dns)
}

fn seen(fault: &Fault) -> String {
    fault.to_string()
}

/// Each server with its answer.
fn servers(names: &NameFacts) -> String {
    let told: Vec<String> =
        names.servers.iter().map(|one| format!("{} says {} of {}", one.server, one.said.name(), one.name.trim_end_matches('.'))).collect();
    listed(told.iter().map(String::as_str))
}

/// Places where the name resolves.
fn resolving<'a>(evidence: &Evidence<'a>) -> Vec<Place<'a>> {
    evidence.elsewhere().filter(|place| place.passes(Layer::Dns)).collect()
}

fn elsewhere_found(evidence: &Evidence<'_>) -> Option<String> {
    let places = resolving(evidence);
    let first = resolved(places.first()?.trace).and_then(|(_, addresses)| addresses.first().copied());
    let to = first.map_or_else(String::new, |address| format!(" to {address}"));
    Some(format!("It resolves{to} from {}.", listed(places.iter().map(Place::name))))
}

/// All servers that were asked for the name itself said this; false when none was asked.
fn all_say(names: &NameFacts, said: Said) -> bool {
    !names.servers.is_empty() && names.servers.iter().all(|server| server.said == said)
}

fn switch(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let asks = names.switch.is_empty() || names.switch.iter().any(|source| source == "dns" || source == "resolve");
    let knows = names.said(Said::Addresses).next()?;
    if asks || !names.addresses.is_empty() {
        return None;
    }
    let contrast = format!(
        "The name server {} knows the name; `hosts:` of /etc/nsswitch.conf has only {}.",
        knows.server,
        listed(names.switch.iter().map(String::as_str))
    );
    Some(Ruling::new(SWITCH, Layer::Dns, seen(fault)).proved(contrast))
}

fn typo(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = unresolved(evidence)?;
    let (Fault::NameNotFound { name, .. } | Fault::NoRecord { name, .. }) = fault else { return None };
    let (was, _) = resolved(evidence.before?)?;
    (was != name && crate::suggest::closest(name, [was]).is_some()).then(|| {
        Ruling::new(TYPO, Layer::Dns, seen(fault)).proved(format!("The baseline asked for {was}."))
    })
}

fn dangling(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let says = |server: &&ServerSaid| matches!(server.said, Said::NoName | Said::NoData | Said::ServerFailure);
    let alias = names.servers.iter().filter(says).find_map(|server| {
        server.records.iter().find(|record| record.record_type == "CNAME").map(|record| (server, record))
    });
    let (server, record) = alias?;
    let contrast = format!("{} says that {} is an alias of {}, and {} of that.", server.server, server.name, record.data, server.said.name());
    Some(Ruling::new(DANGLING, Layer::Dns, seen(fault)).proved(contrast))
}

fn is_short(name: &str) -> bool {
    !name.contains('.')
}

fn short_name(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let contrast = elsewhere_found(evidence)?;
    if !is_short(&names.name) {
        return None;
    }
    let list = if names.search.iter().all(|domain| domain == ".") { "is empty".to_owned() } else { format!("has {}", listed(names.search.iter().map(String::as_str))) };
    Some(Ruling::new(SHORT_NAME, Layer::Dns, seen(fault)).proved(format!("{contrast} The search list here {list}.")))
}

/// A negative answer out of a cache: its SOA has less to live than the zone says (RFC 2308 section 5).
fn negative_cache(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let contrast = elsewhere_found(evidence)?;
    let (server, left) = names.said(Said::NoName).find_map(|server| {
        let soa = server.records.iter().find(|record| record.record_type == "SOA")?;
        let minimum: u32 = soa.data.split_whitespace().next_back()?.parse().ok()?;
        (soa.ttl < minimum).then_some((server, soa.ttl))
    })?;
    let contrast = format!("{contrast} {} says NXDOMAIN for another {left} s.", server.server);
    Some(Ruling::new(NEGATIVE_CACHE, Layer::Dns, seen(fault)).proved(contrast).or(&[SPLIT_HORIZON]))
}

fn no_name(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = unresolved(evidence)?;
    let said = evidence.names().is_some_and(|names| names.said(Said::NoName).next().is_some());
    if !matches!(fault, Fault::NameNotFound { .. }) && !said {
        return None;
    }
    if let Some(contrast) = elsewhere_found(evidence) {
        return Some(Ruling::new(SPLIT_HORIZON, Layer::Dns, seen(fault)).because(contrast).or(&[NEGATIVE_CACHE]));
    }
    let ruling = not_elsewhere(evidence, Ruling::new(NXDOMAIN, Layer::Dns, seen(fault)));
    if evidence.before.is_some() {
        return Some(ruling);
    }
    // It may never have been there: the plan may be wrong.
    let sure = ruling.confidence.min(Confidence::Medium);
    Some(ruling.sure(sure).next("is the name in the plan right? there is no baseline in which it was found"))
}

/// The same from every place that was asked; surer with the address of the baseline still there.
fn not_elsewhere(evidence: &Evidence<'_>, ruling: Ruling) -> Ruling {
    let same: Vec<Place<'_>> = evidence.elsewhere().collect();
    let mut contrast = match same.as_slice() {
        [] => "No other place was asked.".to_owned(),
        places => format!("It is the same from {}.", listed(places.iter().map(Place::name))),
    };
    if let Some((address, _)) = evidence.baseline_address().filter(|(_, trace)| passes(trace, Layer::Tcp)) {
        contrast = format!("{contrast} {address}, as in the baseline, connects.");
    }
    if same.is_empty() { ruling.because(contrast) } else { ruling.proved(contrast) }
}

fn no_data(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = unresolved(evidence)?;
    let said = evidence.names().is_some_and(|names| all_say(names, Said::NoData));
    if !matches!(fault, Fault::NoRecord { .. }) && !said {
        return None;
    }
    match elsewhere_found(evidence) {
        Some(contrast) => Some(Ruling::new(SPLIT_HORIZON, Layer::Dns, seen(fault)).because(contrast).or(&[NODATA])),
        None => Some(not_elsewhere(evidence, Ruling::new(NODATA, Layer::Dns, seen(fault)))),
    }
}

fn server_failure(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = unresolved(evidence)?;
    let said = evidence.names().and_then(|names| names.said(Said::ServerFailure).next());
    if !matches!(fault, Fault::ServerFailure { .. }) && said.is_none() {
        return None;
    }
    let ruling = Ruling::new(SERVFAIL, Layer::Dns, seen(fault));
    let elsewhere = elsewhere_found(evidence).unwrap_or_default();
    Some(match evidence.names() {
        Some(names) => ruling.proved(format!("Asked one by one: {}. {elsewhere}", servers(names))),
        None if elsewhere.is_empty() => ruling.because("The name servers were not asked one by one."),
        None => ruling.because(elsewhere),
    })
}

fn refused(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = unresolved(evidence)?;
    let said = evidence.names().and_then(|names| names.said(Said::Refused).next());
    if !matches!(fault, Fault::QueryRefused { .. }) && said.is_none() {
        return None;
    }
    let ruling = Ruling::new(REFUSED, Layer::Dns, seen(fault));
    Some(match elsewhere_found(evidence) {
        Some(contrast) => ruling.proved(contrast),
        None => not_elsewhere(evidence, ruling).sure(Confidence::Medium),
    })
}

fn down(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    all_say(names, Said::Unreachable).then(|| {
        let contrast = format!("Asked one by one: {}. {}", servers(names), elsewhere_found(evidence).unwrap_or_default());
        Ruling::new(DOWN, Layer::Dns, seen(fault)).proved(contrast)
    })
}

fn silent(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    if !all_say(names, Said::Silence) {
        return None;
    }
    let ruling = Ruling::new(SILENT, Layer::Dns, seen(fault));
    let asked = format!("Asked one by one: {}.", servers(names));
    Some(match elsewhere_found(evidence) {
        Some(contrast) => ruling.proved(format!("{asked} {contrast}")),
        None => ruling.because(asked),
    })
}
