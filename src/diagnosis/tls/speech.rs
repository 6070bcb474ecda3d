//! Ports that speak something else than the caller: plain HTTP and TLS taken for each other, and other protocols.

use super::super::evidence::{Evidence, Place, facts, listed};
use super::super::registry::Ruling;
use super::super::tcp;
use super::{OTHER_PROTOCOL, PLAIN_TO_TLS, TLS_TO_PLAIN, chosen, speaks_tls};
use crate::model::examination::ways;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

/// Whether a plain request brought an HTTP answer, of any status.
fn speaks_http(trace: &Trace) -> bool {
    let responded = facts(trace).any(|fact| matches!(fact, Fact::Responded(_)));
    let by_status = |one: &Mismatch| one.what == "status";
    responded
        || trace.broken().is_some_and(|(_, fault)| {
            if let Fault::Mismatch { mismatches, .. } = fault {
                mismatches.iter().any(by_status)
            } else {
                false
            }
        })
}

/// A client hello is answered on a port that does not like plain HTTP.
pub(super) fn plain_to_tls(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Protocol)?;
    let bad_request = |one: &Mismatch| one.what == "status" && one.got == "400";
    let (disliked, said) = if let Fault::Mismatch { mismatches, excerpt } = fault {
        // nginx, Apache, Go and Tomcat say it in these words, among others.
        let page = excerpt.as_deref().unwrap_or_default().to_ascii_lowercase();
        (mismatches.iter().any(bad_request), ["https", "ssl", "tls"].iter().any(|word| page.contains(word)))
    } else {
        let ended = matches!(
            fault,
            Fault::BadProtocol { .. }
                | Fault::ClosedEarly { .. }
                | Fault::Reset { .. }
                | Fault::TimedOut { .. }
        );
        (ended, ended)
    };
    // A port that answers others in clear text speaks both, or it is the way that differs.
    let elsewhere = evidence.elsewhere().any(|place| place.passes(Layer::Protocol));
    let hello =
        evidence.otherwise(ways::HELLO).filter(|trace| disliked && !elsewhere && speaks_tls(trace))?;
    let answer = chosen(hello).map_or_else(
        || "A client hello is answered there with a TLS alert.".to_owned(),
        |(version, cipher)| format!("A client hello is answered there with {version} {cipher}."),
    );
    let ruling = Ruling::new(PLAIN_TO_TLS, Layer::Protocol, fault.to_string()).not(&[
        tcp::CLOSED,
        tcp::RESET_ON_ACCEPT,
        tcp::RESET_BY_CONTENT,
        tcp::HUNG,
    ]);
    Some(if said { ruling.proved(answer) } else { ruling.because(answer) })
}

/// A plain request is answered on a port that does not answer TLS.
pub(super) fn tls_to_plain(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault = evidence.broken_at(Layer::Tls)?;
    let ended = matches!(
        fault,
        Fault::NotTls { .. }
            | Fault::ClosedEarly { received: 0, .. }
            | Fault::Reset { .. }
            | Fault::TimedOut { .. }
    );
    let plain = evidence.otherwise(ways::PLAIN).filter(|trace| ended && speaks_http(trace))?;
    let not_tls = matches!(fault, Fault::NotTls { .. });
    let elsewhere = evidence.elsewhere().any(|place| speaks_tls(place.trace));
    // Silence and resets may also come from the way: then other places are answered.
    if !not_tls && (elsewhere || talks_of_tls(plain)) {
        return None;
    }
    let ruling = Ruling::new(TLS_TO_PLAIN, Layer::Tls, fault.to_string());
    let contrast = "A plain HTTP request on the same port is answered.";
    Some(if not_tls {
        ruling.proved(contrast)
    } else {
        ruling.because(contrast).not(&[tcp::CLOSED, tcp::RESET_ON_ACCEPT, tcp::HUNG])
    })
}

/// A server of TLS answers plain HTTP too, to say that it is one.
fn talks_of_tls(plain: &Trace) -> bool {
    plain.broken().is_some_and(|(_, fault)| {
        let Fault::Mismatch { mismatches, .. } = fault else { return false };
        mismatches.iter().any(|one| one.what == "status" && one.got == "400")
    })
}

/// Neither TLS nor HTTP, by the server's own words.
pub(super) fn other_protocol(evidence: &Evidence<'_>) -> Option<Ruling> {
    let fault @ Fault::NotTls { head } = evidence.broken_at(Layer::Tls)? else { return None };
    let plain = evidence.otherwise(ways::PLAIN)?;
    if head.starts_with("HTTP/") || speaks_http(plain) {
        return None;
    }
    let ruling = Ruling::new(OTHER_PROTOCOL, Layer::Tls, fault.to_string()).not(&[tcp::OTHER_SERVICE]);
    let alike: Vec<Place<'_>> = evidence
        .elsewhere()
        .filter(|place| place.trace.broken().is_some_and(|(_, fault)| matches!(fault, Fault::NotTls { .. })))
        .collect();
    let contrast = "A plain HTTP request is not answered with HTTP either.";
    Some(if alike.is_empty() {
        ruling.because(contrast)
    } else {
        ruling.proved(format!("{contrast} It says the same to {}.", listed(alike.iter().map(Place::name))))
    })
}
