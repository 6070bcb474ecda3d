//! Our own certificate, and the files that a client needs.

use super::super::evidence::{Evidence, Place, facts, listed};
use super::super::registry::Ruling;
use super::{
    CLIENT_EXPIRED, CLIENT_ISSUER, KEY_MISMATCH, NO_CLIENT_CERTIFICATE, TRUST_FILE, chain, speaks_tls,
};
use crate::model::cause::{Cause, Confidence};
use crate::model::examination::ways;
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::{Distrust, Fault, Mismatch};
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Trace, VantageError};
use crate::net::tls::SYSTEM_STORE;

/// The certificate that a client cannot use is its own trouble: the server answers without it.
fn by_a_file(
    evidence: &Evidence<'_>,
    cause: &'static Cause,
    error: &VantageError,
    way: &str,
) -> Option<Ruling> {
    let without = evidence.otherwise(way)?;
    let before = if evidence.before.is_some() { " With the files of the baseline it passed." } else { "" };
    let ruling = Ruling::new(cause, Layer::Tls, error.to_string());
    Some(if speaks_tls(without) {
        ruling.proved(format!("Nothing was sent; without the file the server answers a handshake.{before}"))
    } else {
        ruling.because(format!("Nothing was sent.{before}"))
    })
}

pub(super) fn trust_file(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Ended::Blind(error) = &evidence.trace.ended else { return None };
    if let VantageError::Setting { setting, .. } = error {
        // Of the application alone: SSL_CERT_FILE or SSL_CERT_DIR of its environment.
        let own = evidence.own_environment().filter(|trace| setting == SYSTEM_STORE && speaks_tls(trace))?;
        let works = if own.broken().is_none() { "works" } else { "goes on" };
        let contrast = format!(
            "With the vantage's own trust store it {works}: what SSL_CERT_FILE or SSL_CERT_DIR of the application names cannot be used."
        );
        return Some(Ruling::new(TRUST_FILE, Layer::Tls, error.to_string()).proved(contrast));
    }
    if !matches!(error, VantageError::Unreadable { .. }) {
        return None;
    }
    by_a_file(evidence, TRUST_FILE, error, ways::SYSTEM_TRUST)
}

pub(super) fn key_mismatch(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Ended::Blind(error @ VantageError::KeyMismatch { .. }) = &evidence.trace.ended else { return None };
    by_a_file(evidence, KEY_MISMATCH, error, ways::NO_CLIENT_CERTIFICATE)
}

fn refused(trace: &Trace) -> Option<(&Fault, Option<&Certificate>, &[Distrust])> {
    let (_, fault @ Fault::ClientCertificateRefused { ours, dates, .. }) = trace.broken()? else {
        return None;
    };
    Some((fault, ours.as_deref(), dates))
}

/// Whether the server asked for a client certificate, as far as a trace tells.
fn asked(trace: &Trace) -> Option<bool> {
    facts(trace).find_map(|fact| {
        if let Fact::Secured { client_certificate_asked, .. } = fact {
            Some(*client_certificate_asked)
        } else {
            None
        }
    })
}

/// Other places that are refused alike, and whether the server asked before.
fn refused_elsewhere(evidence: &Evidence<'_>) -> Option<String> {
    let places: Vec<Place<'_>> =
        evidence.elsewhere().filter(|place| refused(place.trace).is_some()).collect();
    let mut told = Vec::new();
    if !places.is_empty() {
        told.push(format!("It refuses {} too.", listed(places.iter().map(Place::name))));
    }
    match evidence.before.and_then(asked) {
        Some(false) => told.push("In the baseline it did not ask for one.".to_owned()),
        Some(true) => told.push("In the baseline it asked for one too.".to_owned()),
        None => {}
    }
    (!told.is_empty()).then(|| told.join(" "))
}

fn proved_or_not(ruling: Ruling, contrast: Option<String>) -> Ruling {
    match contrast {
        Some(contrast) => ruling.proved(contrast),
        None => ruling.because("No other place was asked, and there is no baseline."),
    }
}

pub(super) fn missing(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, ..) = refused(evidence.trace)?;
    let Fault::ClientCertificateRefused { sent: false, acceptable_issuers, .. } = fault else { return None };
    let ruling = Ruling::new(NO_CLIENT_CERTIFICATE, Layer::Tls, fault.to_string());
    let ruling = proved_or_not(ruling, refused_elsewhere(evidence));
    Some(match acceptable_issuers.as_slice() {
        [] => ruling,
        some => {
            ruling.next(format!("it has to be issued by {}", listed(some.iter().take(4).map(String::as_str))))
        }
    })
}

/// What is seen of the same without our certificate.
fn without(evidence: &Evidence<'_>) -> Option<String> {
    let trace = evidence.otherwise(ways::NO_CLIENT_CERTIFICATE)?;
    match trace.broken() {
        None if chain(trace).is_some() => Some("Without a client certificate the server goes on.".to_owned()),
        Some((_, Fault::ClientCertificateRefused { alert, sent: false, .. })) => {
            Some(format!("Without one, the answer is {alert}: this is about the one we sent."))
        }
        Some(_) | None => None,
    }
}

fn of_ours(ours: Option<&Certificate>) -> String {
    ours.map_or_else(String::new, |ours| {
        format!("Ours is {}, issued by {}, until {}.", ours.subject, ours.issuer, ours.not_after)
    })
}

pub(super) fn expired(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, ours, dates) = refused(evidence.trace)?;
    let Fault::ClientCertificateRefused { sent: true, alert, .. } = fault else { return None };
    let over = dates.iter().any(|reason| matches!(reason, Distrust::Expired { .. }));
    let ruling = Ruling::new(CLIENT_EXPIRED, Layer::Tls, fault.to_string());
    if over {
        let told = format!("{} By our own clock too it is over.", of_ours(ours));
        return Some(match alert.as_str() {
            "certificate_expired" => ruling.proved(told).not(&[CLIENT_ISSUER]),
            // The authority is a matter of its own.
            "unknown_ca" => ruling.because(told).or(&[CLIENT_ISSUER]),
            _ => ruling.because(told).not(&[CLIENT_ISSUER]),
        });
    }
    // In date by our clock: the server's may be wrong.
    (alert == "certificate_expired").then(|| {
        ruling
            .because(format!("{} By our own clock it is still valid.", of_ours(ours)))
            .sure(Confidence::Low)
            .not(&[CLIENT_ISSUER])
            .next("compare the clock of the target, and the dates of the authorities sent along")
    })
}

pub(super) fn issuer(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, ours, _) = refused(evidence.trace)?;
    let Fault::ClientCertificateRefused { sent: true, alert, acceptable_issuers, .. } = fault else {
        return None;
    };
    let unlisted =
        ours.filter(|ours| !acceptable_issuers.is_empty() && !acceptable_issuers.contains(&ours.issuer));
    let ruling = Ruling::new(CLIENT_ISSUER, Layer::Tls, fault.to_string());
    let told = [
        of_ours(ours),
        without(evidence).unwrap_or_default(),
        refused_elsewhere(evidence).unwrap_or_default(),
    ];
    let told: Vec<&str> = told.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let ruling = match (alert.as_str(), unlisted) {
        ("unknown_ca", _) if told.len() > 1 => ruling.proved(told.join(" ")),
        ("unknown_ca", _) | (_, Some(_)) => ruling.because(told.join(" ")),
        (_, None) => ruling
            .because(told.join(" "))
            .sure(Confidence::Low)
            .next("read the target's log: it says what it dislikes"),
    };
    Some(match (unlisted, acceptable_issuers.as_slice()) {
        (Some(_), [_, ..]) => {
            let some = listed(acceptable_issuers.iter().take(4).map(String::as_str));
            ruling.saying(&format!("It names as accepted {some}."))
        }
        (Some(_) | None, _) => ruling,
    })
}

/// Some servers finish the handshake and refuse by a page: nginx with 400, IIS with 403.
pub(super) fn refused_by_page(evidence: &Evidence<'_>) -> Option<Ruling> {
    if asked(evidence.trace) != Some(true) {
        return None;
    }
    let fault @ Fault::Mismatch { mismatches, excerpt: Some(page) } = evidence.broken_at(Layer::Protocol)?
    else {
        return None;
    };
    let bad_request = |one: &Mismatch| one.what == "status" && one.got == "400";
    let page = page.to_ascii_lowercase();
    if !mismatches.iter().any(bad_request) || !page.contains("ssl certificate") {
        return None;
    }
    let places: Vec<Place<'_>> =
        evidence.elsewhere().filter(|place| place.trace.broken().is_some()).collect();
    let mut told = vec!["The server asked for a client certificate, and its page speaks of it.".to_owned()];
    if evidence.before.and_then(asked) == Some(false) {
        told.push("In the baseline it did not ask for one.".to_owned());
    }
    if !places.is_empty() {
        told.push(format!("It refuses {} too.", listed(places.iter().map(Place::name))));
    }
    let compared = told.len() > 1;
    let told = told.join(" ");
    let none_sent = page.contains("no required ssl certificate");
    let ruling = Ruling::new(
        if none_sent { NO_CLIENT_CERTIFICATE } else { CLIENT_ISSUER },
        Layer::Protocol,
        fault.to_string(),
    );
    let ruling = if none_sent { ruling } else { ruling.or(&[CLIENT_EXPIRED]) };
    Some(if none_sent && compared { ruling.proved(told) } else { ruling.because(told) })
}
