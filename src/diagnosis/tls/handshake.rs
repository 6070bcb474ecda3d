//! Handshakes that end before any certificate is judged: versions, suites, names, and silence.

use super::super::evidence::{Evidence, Place, facts, listed, passes};
use super::super::registry::Ruling;
use super::super::{route, tcp};
use super::{
    CLIENT_TOO_OLD, NAME_UNKNOWN, NO_CIPHER, ONLY_H2, SERVER_TOO_OLD, SWALLOWED, address, chain, chosen,
    finished_elsewhere, speaks_tls,
};
use crate::model::cause::Confidence;
use crate::model::examination::ways;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;

/// The server refused what we offered, by an alert or by an answer that the library does not take.
fn refused<'a>(evidence: &Evidence<'a>) -> Option<&'a Fault> {
    evidence
        .broken_at(Layer::Tls)
        .filter(|fault| matches!(fault, Fault::AlertReceived { .. } | Fault::HandshakeFailed { .. }))
}

fn alert(fault: &Fault) -> Option<&str> {
    if let Fault::AlertReceived { alert } = fault { Some(alert) } else { None }
}

/// What the server chose of a hello in this way.
fn chose<'a>(evidence: &Evidence<'a>, way: &str) -> Option<(&'a str, &'a str)> {
    evidence.otherwise(way).and_then(chosen)
}

pub(super) fn name_unknown(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tls)?;
    let ended = matches!(
        fault,
        Fault::AlertReceived { .. }
            | Fault::HandshakeFailed { .. }
            | Fault::Reset { .. }
            | Fault::ClosedEarly { .. }
    );
    if !ended || !finished_elsewhere(evidence).is_empty() {
        return None;
    }
    let by_name = alert(fault) == Some("unrecognized_name");
    let ruling = Ruling::new(NAME_UNKNOWN, Layer::Tls, fault.to_string());
    let nameless = chose(evidence, ways::NO_NAME).is_some();
    // The same hello with the name has to fail, or it is not about the name.
    let named_fails = evidence.otherwise(ways::HELLO).is_some_and(|trace| trace.broken().is_some());
    if nameless && named_fails {
        return Some(
            ruling
                .proved("The same hello without the name (SNI) is answered.")
                .not(&[tcp::CLOSED, tcp::RESET_ON_ACCEPT]),
        );
    }
    if !by_name {
        return None;
    }
    let known = evidence.before.is_some_and(|before| chain(before).is_some());
    Some(if known {
        ruling.proved("In the baseline it had a certificate for this call. Without a name it refuses too.")
    } else {
        ruling.because("The alert is the one for a name that is not known.")
    })
}

/// A version that the check does not offer is agreed.
pub(super) fn client_too_old(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let newer = [ways::TLS_1_3, ways::TLS_1_2].into_iter().find(|way| {
        evidence.otherwise(way).is_some_and(|trace| {
            speaks_tls(trace) && !matches!(trace.broken(), Some((_, Fault::AlertReceived { .. })))
        })
    })?;
    let agreed = newer.to_ascii_uppercase().replace('-', " ");
    Some(
        Ruling::new(CLIENT_TOO_OLD, Layer::Tls, fault.to_string())
            .proved(format!("Offered {agreed}, the server agrees.")),
    )
}

pub(super) fn server_too_old(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let (version, _) = chose(evidence, ways::OLD_VERSIONS)?;
    // A server that answers a hello of TLS 1.2 with TLS 1.2 has another reason.
    if chose(evidence, ways::HELLO).is_some_and(|(version, _)| version == "TLSv1.2") {
        return None;
    }
    let contrast = format!(
        "Offered TLS 1.1 and 1.0 only, the server chooses {version}; of what is newer it takes nothing."
    );
    Some(Ruling::new(SERVER_TOO_OLD, Layer::Tls, fault.to_string()).proved(contrast))
}

pub(super) fn no_cipher(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence)?;
    let about_suites =
        alert(fault).is_none_or(|alert| matches!(alert, "handshake_failure" | "insufficient_security"));
    if !about_suites {
        return None;
    }
    let ruling = Ruling::new(NO_CIPHER, Layer::Tls, fault.to_string());
    let safe_fail = evidence.otherwise(ways::SAFE_SUITES).is_some_and(|trace| trace.broken().is_some());
    match chose(evidence, ways::HELLO) {
        // The same hello without the old suites has to fail, or it is not about the suites.
        Some(("TLSv1.2", cipher)) if safe_fail => Some(ruling.proved(format!(
            "Offered old suites too, the server chooses {cipher}; offered ECDHE with AEAD only, it refuses."
        ))),
        Some(_) => None,
        None if alert(fault).is_none() || chose(evidence, ways::NO_NAME).is_some() => None,
        // No suite at all fits the server's own key, or the alert stands for something else.
        None => Some(
            ruling
                .because("Old suites are refused too, with and without a name (SNI).")
                .sure(Confidence::Low)
                .or(&[super::NO_CLIENT_CERTIFICATE, NAME_UNKNOWN])
                .next(
                    "read the target's log: it says why it refused; do its suites fit the kind of its key?",
                ),
        ),
    }
}

pub(super) fn only_h2(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = refused(evidence).filter(|fault| alert(fault) == Some("no_application_protocol"))?;
    let agreed = facts(evidence.otherwise(ways::H2)?)
        .any(|fact| matches!(fact, Fact::Secured { alpn: Some(alpn), .. } if alpn == "h2"));
    agreed
        .then(|| Ruling::new(ONLY_H2, Layer::Tls, fault.to_string()).proved("Offered h2, the server agrees."))
}

/// The bytes of a small hello that were not acknowledged, of how many.
fn unacknowledged(evidence: &Evidence<'_>) -> Option<(u64, u64)> {
    facts(evidence.otherwise(ways::HELLO)?).find_map(|fact| {
        if let Fact::Sent { bytes, unacknowledged } = fact { Some((*unacknowledged, *bytes)) } else { None }
    })
}

/// Not even the kernel at the other end sees the client hello, though it makes the connection, and other bytes arrive.
pub(super) fn swallowed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::TimedOut { .. } = evidence.broken_at(Layer::Tls)? else { return None };
    let (lost, bytes) = unacknowledged(evidence).filter(|(lost, _)| *lost > 0)?;
    let each_time = evidence.again().all(|trace| passes(trace, Layer::Tcp) && trace.broken().is_some());
    if !each_time {
        return None;
    }
    let places = finished_elsewhere(evidence);
    let plain = evidence.otherwise(ways::PLAIN).is_some_and(|trace| {
        facts(trace).any(|fact| matches!(fact, Fact::Responded(_)))
            || trace
                .broken()
                .is_some_and(|(layer, fault)| layer > Layer::Tcp && !matches!(fault, Fault::TimedOut { .. }))
    });
    let mut told = vec![format!(
        "{} connects, and of a client hello of {bytes} bytes {lost} are never acknowledged.",
        address(evidence.trace)
    )];
    if plain {
        told.push("A plain request on the same port is answered.".to_owned());
    }
    if !places.is_empty() {
        told.push(format!("The handshake ends well from {}.", listed(places.iter().map(Place::name))));
    }
    let ruling = Ruling::new(SWALLOWED, Layer::Tls, fault.to_string());
    let told = told.join(" ");
    Some(match (plain, places.is_empty()) {
        (true, _) => ruling.proved(told).not(&[route::MTU, tcp::HUNG]),
        (false, false) => ruling.because(told).or(&[route::LOSS]).not(&[route::MTU, tcp::HUNG]),
        (false, true) => ruling.because(told).sure(Confidence::Low).or(&[route::LOSS]).not(&[tcp::HUNG]),
    })
}
