//! The way to the server: its port, its address, its TLS.

use super::{DISTRUSTED, LOCALHOST_ONLY, NO_TLS, PORT_REFUSED, admitted, seen};
use crate::diagnosis::evidence::{Evidence, Place, facts, listed, refused_as, tried};
use crate::diagnosis::registry::Ruling;
use crate::diagnosis::tcp;
use crate::model::fact::{ConnectErrorKind, Fact};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::Trace;

/// The kinds of checks that log in to PostgreSQL.
pub(super) fn is_database(evidence: &Evidence<'_>) -> bool {
    matches!(evidence.check.kind.as_str(), "postgres" | "grants")
}

fn was_refused(evidence: &Evidence<'_>) -> bool {
    is_database(evidence)
        && evidence.broken_at(Layer::Tcp).is_some()
        && refused_as(evidence.trace) == Some(ConnectErrorKind::Refused)
}

/// Whether a PostgreSQL server spoke: it asked for a password, let the role in, or refused it in its own words.
fn is_postgres(trace: &Trace) -> bool {
    let greeted = facts(trace).any(|fact| matches!(fact, Fact::Greeted { protocol, .. } if protocol == "postgres"));
    greeted || admitted(trace) || matches!(trace.broken(), Some((Layer::Auth, Fault::LoginRefused(_))))
}

pub(super) fn port_refused(evidence: &Evidence<'_>) -> Option<Ruling> {
    let other = evidence.otherwise("port").filter(|_| was_refused(evidence)).filter(|trace| is_postgres(trace))?;
    let address = tried(other).next()?.address;
    let contrast = format!("A PostgreSQL server answers at {address}.");
    let ruling = Ruling::new(PORT_REFUSED, Layer::Tcp, seen(evidence)).proved(contrast);
    Some(ruling.not(&[tcp::WRONG_PORT, tcp::NOT_LISTENING]))
}

pub(super) fn localhost_only(evidence: &Evidence<'_>) -> Option<Ruling> {
    let own = evidence.target().find(|place| !place.passes(Layer::Tcp)).filter(|_| was_refused(evidence))?;
    let (_, _) = evidence.loopback().find(|(_, place)| place.passes(Layer::Tcp))?;
    let sockets: Vec<String> = evidence
        .listeners()
        .flat_map(|(_, facts)| &facts.listeners)
        .map(|one| format!("{} listens on {}", one.program.as_deref().unwrap_or("a program"), one.address))
        .collect();
    let sockets = listed(sockets.iter().map(String::as_str));
    let sockets = if sockets.is_empty() { sockets } else { format!(" There, {sockets}.") };
    let contrast = format!("On {} loopback connects, its own address refuses.{sockets}", own.vantage);
    let ruling = Ruling::new(LOCALHOST_ONLY, Layer::Tcp, seen(evidence)).proved(contrast);
    Some(ruling.not(&[tcp::LOOPBACK_ONLY]))
}

pub(super) fn no_tls(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::TlsNotOffered { .. } = evidence.broken_at(Layer::Tls).filter(|_| is_database(evidence))? else {
        return None;
    };
    let before = evidence.before.is_some_and(|before| facts(before).any(|fact| matches!(fact, Fact::Secured { .. })));
    let same: Vec<_> = evidence
        .elsewhere()
        .filter(|place| matches!(place.trace.broken(), Some((Layer::Tls, Fault::TlsNotOffered { .. }))))
        .collect();
    let ruling = Ruling::new(NO_TLS, Layer::Tls, fault.to_string());
    let same_words = listed(same.iter().map(Place::name));
    Some(match (before, same.is_empty()) {
        (true, true) => ruling.proved("In the baseline it had TLS."),
        (true, false) => ruling.proved(format!("In the baseline it had TLS. It is the same from {same_words}.")),
        (false, false) => ruling.proved(format!("It is the same from {same_words}.")),
        (false, true) => ruling
            .because("No other place was asked.")
            .next("ask from another place too: something between may have taken the offer of TLS away"),
    })
}

pub(super) fn distrusted(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tls).filter(|_| is_database(evidence))?;
    let Fault::Distrusted { chain, verifier, .. } = fault else { return None };
    let ruling = Ruling::new(DISTRUSTED, Layer::Tls, fault.to_string());
    let now = chain.first()?;
    let before = evidence.before.and_then(|before| {
        facts(before).find_map(|fact| if let Fact::Secured { chain, .. } = fact { chain.first() } else { None })
    });
    let is_new = before.is_some_and(|was| was.sha256 != now.sha256);
    let sent = format!("It sends {} of {}, judged by {verifier}.", now.subject, now.issuer);
    Some(match before.filter(|_| is_new) {
        Some(was) => ruling.proved(format!("{sent} In the baseline it sent {} of {}.", was.subject, was.issuer)),
        None => ruling.because(sent),
    })
}
