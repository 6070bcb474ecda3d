//! Certificates for other names than the one called.

use std::net::IpAddr;

use super::super::evidence::{Evidence, listed};
use super::super::registry::Ruling;
use super::certificate::{distrusted, judged, only_here};
use super::{BY_ADDRESS, COMMON_NAME, DEFAULT_VHOST, WRONG_NAME, compared, leaf, same};
use crate::model::examination::ways;
use crate::model::fact::Certificate;
use crate::model::fault::Distrust;
use crate::model::layer::Layer;

fn mismatch<'a>(evidence: &Evidence<'a>) -> Option<(&'a str, &'a Certificate, String)> {
    let (reasons, chain, fault) = distrusted(evidence)?;
    let wanted = reasons.iter().find_map(|reason| {
        if let Distrust::NameMismatch { wanted, .. } = reason { Some(wanted.as_str()) } else { None }
    })?;
    (!only_here(evidence)).then_some((wanted, chain.first()?, fault))
}

pub(super) fn by_address(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (wanted, leaf, fault) = mismatch(evidence)?;
    let is_name = |name: &&String| name.parse::<IpAddr>().is_err();
    if wanted.parse::<IpAddr>().is_err() || !leaf.names.iter().any(|name| is_name(&name)) {
        return None;
    }
    let ruling = Ruling::new(BY_ADDRESS, Layer::Tls, fault);
    let by_name = evidence.otherwise(ways::BY_NAME).filter(|trace| super::passes(trace, Layer::Tls));
    let Some(trusted) = by_name.and_then(super::leaf) else {
        let names = listed(leaf.names.iter().map(String::as_str));
        return Some(ruling.because(format!("The certificate is for {names}.")).or(&[WRONG_NAME]));
    };
    let names = listed(trusted.names.iter().map(String::as_str));
    Some(
        ruling
            .proved(format!("Called by name, the same address is trusted: its certificate is for {names}.")),
    )
}

pub(super) fn common_name(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (wanted, leaf, fault) = mismatch(evidence)?;
    let own_name = leaf
        .subject
        .split(',')
        .map(str::trim)
        .any(|part| part.strip_prefix("CN=").is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    (leaf.names.is_empty() && own_name).then(|| judged(evidence, COMMON_NAME, fault))
}

pub(super) fn wrong_name(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (wanted, own, fault) = mismatch(evidence)?;
    if wanted.parse::<IpAddr>().is_ok() || common_name(evidence).is_some() {
        return None;
    }
    let ruling = Ruling::new(WRONG_NAME, Layer::Tls, fault);
    let compared = compared(evidence).unwrap_or_default();
    Some(match evidence.otherwise(ways::NO_NAME).and_then(leaf) {
        // It chooses by name, and has this one for the name called.
        Some(default) if !same(default, own) => {
            let contrast = format!(
                "Without a name (SNI) it sends {}: it has this one for the name called. {compared}",
                default.subject
            );
            ruling.proved(contrast)
        }
        Some(_) => {
            let contrast = format!("It sends the same without a name (SNI). {compared}");
            ruling
                .because(contrast)
                .or(&[DEFAULT_VHOST])
                .next(format!("does the target's configuration have a host {wanted}?"))
        }
        None => ruling.because(compared).or(&[DEFAULT_VHOST]),
    })
}
