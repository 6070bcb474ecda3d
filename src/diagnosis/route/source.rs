//! What the hosts at both ends know: their connections, what they track, and the network they are on.

use std::net::IpAddr;

use super::silence::{answering_ports, silent};
use super::{BLACK_HOLE, DROPPED, HAIRPIN, LIMIT, OLD_SOURCE, TRACKING_FULL, others_connect};
use crate::diagnosis::evidence::{Evidence, Place, source, tried};
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Cause;
use crate::model::host::Toward;
use crate::model::layer::Layer;

/// Connections of the source's host to the very address that does not answer, made by others than us.
fn standing<'a>(evidence: &Evidence<'a>) -> Option<&'a Toward> {
    let address = tried(evidence.trace).next()?.address;
    evidence.sockets()?.toward.iter().find(|one| one.address == address && one.established > 0)
}

/// What looks like a firewall may be a limit, where connections stand: only the one that ends tells.
pub(super) fn or_limit(evidence: &Evidence<'_>) -> &'static [&'static Cause] {
    if standing(evidence).is_some() { &[LIMIT] } else { &[] }
}

pub(super) fn limited(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    let Toward { address, established, program, .. } = standing(evidence)?;
    let holder = program.as_ref().map_or_else(String::new, |program| format!(" ({program})"));
    let others = others_connect(evidence).unwrap_or_default();
    let count = if *established == 1 { "one connection".to_owned() } else { format!("{established} connections") };
    let contrast = format!(
        "This host has {count} open to {address}{holder}; one more is not answered. {} {others}",
        answering_ports(evidence)
    );
    let ruling = Ruling::new(LIMIT, Layer::Tcp, fault.to_string()).because(contrast).or(&[DROPPED]);
    Some(ruling.next("end one of them: if the next connection is made, it is a limit"))
}

/// Of the source's host, or of the target's.
pub(super) fn tracking_full(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    let own = evidence.sockets().and_then(|sockets| sockets.tracked).map(|tracked| (evidence.vantage, tracked));
    let theirs = evidence.all_listeners().find_map(|(vantage, facts)| Some((vantage, facts.tracked?)));
    let (vantage, tracked) = own.into_iter().chain(theirs).find(|(_, tracked)| tracked.is_full())?;
    let contrast = format!("{vantage} tracks {} connections, of {} that it can.", tracked.count, tracked.most);
    Some(Ruling::new(TRACKING_FULL, Layer::Tcp, fault.to_string()).proved(contrast).not(&[DROPPED, BLACK_HOLE]))
}

/// The network of an address, as networks of hosts mostly are: 24 bits of IPv4, 64 of IPv6.
fn network(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets()[..3].to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

/// Silent from the target's own network, and answered from others: the address that is called is none of the target's own.
pub(super) fn hairpin(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    let others = others_connect(evidence)?;
    let called = tried(evidence.trace).next()?.address.ip();
    let ours = source(evidence.trace)?;
    let (vantage, own) = evidence.all_listeners().find_map(|(vantage, facts)| {
        let near = facts.own.iter().find(|own| network(**own) == network(ours))?;
        (!facts.listeners.is_empty() && !facts.own.contains(&called)).then_some((vantage, near))
    })?;
    let passes = |place: Place<'_>| place.vantage == vantage && place.passes(Layer::Tcp);
    if network(called) == network(ours) || evidence.elsewhere().any(passes) {
        return None;
    }
    let contrast =
        format!("{ours} is on the network of {vantage} ({own}), which listens and does not have {called} itself. {others}");
    let ruling = Ruling::new(HAIRPIN, Layer::Tcp, fault.to_string()).proved(contrast);
    Some(ruling.not(&[DROPPED, BLACK_HOLE, OLD_SOURCE]))
}
