//! No answer at all: a firewall, a host that is not there, or a way that swallows everything.

use super::source::or_limit;
use super::{
    BLACK_HOLE, DROPPED, DROPPED_FROM_ALL, EGRESS, HOST_DOWN, HOST_DROPS, NO_RETURN, RP_FILTER, others, others_connect,
};
use crate::diagnosis::evidence::{Evidence, Place, listed, passes, refused_as, tried};
use crate::diagnosis::registry::Ruling;
use crate::diagnosis::tcp;
use crate::model::cause::Confidence;
use crate::model::fact::ConnectErrorKind;
use crate::model::fault::Fault;
use crate::model::layer::Layer;

/// Whether the connection timed out at the tcp layer.
pub(super) fn silent<'a>(evidence: &Evidence<'a>) -> Option<&'a Fault> {
    evidence.broken_at(Layer::Tcp).filter(|_| refused_as(evidence.trace) == Some(ConnectErrorKind::TimedOut))
}

/// Whether any other port of the host answered, be it with a refusal; none when none was asked.
fn host_answers(evidence: &Evidence<'_>) -> Option<bool> {
    let mut asked = evidence.other_ports().peekable();
    asked.peek()?;
    Some(asked.any(|trace| passes(trace, Layer::Tcp) || refused_as(trace) == Some(ConnectErrorKind::Refused)))
}

pub(super) fn answering_ports(evidence: &Evidence<'_>) -> String {
    let answers = evidence.other_ports().filter(|trace| passes(trace, Layer::Tcp) || refused_as(trace) == Some(ConnectErrorKind::Refused));
    let ports: Vec<String> = answers.filter_map(|trace| Some(tried(trace).next()?.address.port().to_string())).collect();
    match ports.as_slice() {
        [] => "No other port of the host answers.".to_owned(),
        [one] => format!("Port {one} of the same host answers."),
        several => format!("Ports {} of the same host answer.", listed(several.iter().map(String::as_str))),
    }
}

/// Silent here on this port, while other places connect.
pub(super) fn dropped(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    let contrast = others_connect(evidence)?;
    let ports = answering_ports(evidence);
    match host_answers(evidence) {
        Some(true) => Some(Ruling::new(DROPPED, Layer::Tcp, fault.to_string()).proved(format!("{contrast} {ports}")).or(&[EGRESS]).or(or_limit(evidence))),
        Some(false) => Some(
            Ruling::new(BLACK_HOLE, Layer::Route, fault.to_string())
                .proved(format!("{contrast} {ports}"))
                .or(&[NO_RETURN, RP_FILTER, DROPPED]),
        ),
        None => Some(Ruling::new(DROPPED, Layer::Tcp, fault.to_string()).because(contrast).or(&[BLACK_HOLE])),
    }
}

/// Silent from every place elsewhere.
pub(super) fn silent_everywhere(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    if evidence.others().any(|place| place.passes(Layer::Tcp)) {
        return None;
    }
    let own: Vec<Place<'_>> = evidence.target().filter(|place| place.passes(Layer::Tcp)).collect();
    let others = others(evidence).map_or_else(
        || "no other place was asked".to_owned(),
        |others| format!("from {others} it does not connect either"),
    );
    if let Some(first) = own.first().filter(|_| host_answers(evidence) == Some(false)) {
        let contrast = format!("{} itself connects; {others}. {}", first.vantage, answering_ports(evidence));
        let ruling = Ruling::new(BLACK_HOLE, Layer::Route, fault.to_string());
        return Some(ruling.because(contrast).or(&[NO_RETURN, RP_FILTER, DROPPED_FROM_ALL, HOST_DROPS]));
    }
    if let Some(first) = own.first() {
        let contrast = format!("{} itself connects; {others}. {}", first.vantage, answering_ports(evidence));
        let surer = if evidence.others().next().is_some() { Confidence::High } else { Confidence::Medium };
        return Some(Ruling::new(DROPPED_FROM_ALL, Layer::Tcp, fault.to_string()).because(contrast).sure(surer).or(&[HOST_DROPS]));
    }
    if evidence.target().next().is_some() || evidence.loopback().next().is_some() || host_answers(evidence) != Some(true) {
        return None;
    }
    let contrast = format!("{}; {others}.", answering_ports(evidence).trim_end_matches('.'));
    Some(
        Ruling::new(DROPPED_FROM_ALL, Layer::Tcp, fault.to_string())
            .because(contrast)
            .sure(Confidence::Low)
            .or(&[HOST_DROPS, DROPPED, tcp::BACKLOG])
            .next("look from the target's own host: gonogo probe TARGET --from ssh:HOST tells which it is"),
    )
}

/// No port answers, from nowhere.
pub(super) fn vanished(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = silent(evidence)?;
    let nowhere = !evidence.elsewhere().any(|place| place.passes(Layer::Tcp));
    if !nowhere || host_answers(evidence) != Some(false) {
        return None;
    }
    let ports = answering_ports(evidence);
    let ruling = Ruling::new(BLACK_HOLE, Layer::Route, fault.to_string());
    // The target's own host is there and hears nothing either, not even from its name server: it is cut off.
    let cut_off = evidence.target().find(|place| place.trace.broken().is_some_and(|(layer, _)| layer == Layer::Dns));
    let listens = evidence.loopback().any(|(_, place)| place.passes(Layer::Tcp));
    if let (Some(own), true) = (cut_off, listens) {
        let others = others(evidence)
            .map_or_else(String::new, |others| format!(" From {others} it does not connect either."));
        let contrast = format!("{ports}{others} On {} loopback connects, and no name server answers it.", own.vantage);
        return Some(ruling.proved(contrast).or(&[NO_RETURN]));
    }
    if evidence.target().next().is_some() || listens {
        return None;
    }
    Some(ruling.because(ports).or(&[HOST_DOWN, NO_RETURN, DROPPED_FROM_ALL]).sure(Confidence::Low))
}
