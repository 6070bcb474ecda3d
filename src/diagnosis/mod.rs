//! Evidence in, causes out: pure rules over what was seen, elsewhere, before, and on asking further.
//!
//! Each family of causes is one file here, with its causes and their rules side by side, and one line in `families!` below.
//! The lowest broken layer is explained first; a cause is never told from one observation alone.

mod answer;
mod evidence;
mod quoted;
mod registry;
mod stage;
#[cfg(test)]
mod tests_net;
#[cfg(test)]
mod tests_web;

pub use evidence::Evidence;
pub use stage::{Diagnoses, diagnose_stage};

use std::borrow::Cow;

use registry::{Ruling, families};

use crate::model::cause::{Cause, Confidence, Diagnosis};
use crate::model::change::changes;
use crate::model::layer::Layer;
use crate::model::trace::Ended;

// Of what is found at one layer, what the server itself answered comes first.
families! {
    config, db, proxy, tls, mq, lb, http, auth, app, dns, route, tcp,
}

/// Causes told of one check from one vantage.
const MOST: usize = 3;

/// What explains the evidence, best first; nothing when no rule knows it.
#[must_use]
pub fn diagnose(evidence: &Evidence<'_>) -> Vec<Diagnosis> {
    let mut found: Vec<Ruling> = Vec::new();
    // What a proxy does says nothing of the target behind it.
    let rules: &[&[registry::Rule]] = if proxy::is_to_blame(evidence) {
        &[proxy::RULES]
    } else if config::is_the_application_s(evidence) {
        &[proxy::RULES, tls::RULES, config::RULES]
    } else if tcp::idle::is_to_blame(evidence) {
        &[tcp::idle::RULES]
    } else if evidence.check.kind == "command" {
        // What a program does on the network is its own: only what it prints tells.
        &[config::RULES, db::RULES, tls::RULES, mq::RULES, auth::RULES, app::RULES]
    } else {
        RULES
    };
    for ruling in rules.iter().copied().flatten().filter_map(|rule| rule(evidence)) {
        if found.iter().all(|known| known.cause.id != ruling.cause.id) {
            found.push(ruling);
        }
    }
    let excluded: Vec<&str> = found.iter().flat_map(|ruling| ruling.excludes.iter().copied()).collect();
    found.retain(|ruling| !excluded.contains(&ruling.cause.id));
    // Stable: rules of one layer keep their order, which is from the particular to the general.
    found.sort_by_key(|ruling| (ruling.beside, ruling.layer, std::cmp::Reverse(ruling.confidence)));
    found.truncate(MOST);
    let changed = evidence.before.map(|before| changes(before, evidence.trace)).unwrap_or_default();
    // What tells the cause may be a lower layer than the one that broke.
    let broke = evidence.broken().map(|(layer, _)| layer);
    let how = match (evidence.broken(), &evidence.trace.ended) {
        (Some(_), _) => "broken at",
        (None, Ended::Complete) => "works, but at",
        (None, Ended::Cancelled | Ended::Blind(_)) => "not tried, because at",
    };
    let over = evidence.is_over();
    let idle = tcp::idle::is_to_blame(evidence);
    let told = found.into_iter().map(|ruling| {
        let Ruling { cause, layer, seen, contrast, confidence, or, next, excludes: _, beside } = ruling;
        let seen = match evidence.broken() {
            Some((_, fault)) if beside => format!("{fault}; beside it, at {layer}, {seen}"),
            Some(_) | None => seen,
        };
        let (contrast, confidence) = match over {
            Some(calls) if !idle => {
                let again = if calls == 1 {
                    "a call passes".to_owned()
                } else {
                    format!("{calls} calls in a row pass")
                };
                (
                    format!("{contrast} It works again: {again} from the same place.").trim().to_owned(),
                    confidence.min(Confidence::Medium),
                )
            }
            Some(_) | None => (contrast, confidence),
        };
        let confidence = if beside { confidence.min(Confidence::Medium) } else { confidence };
        let also = db::also(evidence, cause).map(|other| other.id);
        let general = cause.next.iter().map(|step| (*step).to_owned());
        Diagnosis {
            id: Cow::Borrowed(cause.id),
            family: cause.family,
            layer,
            or: or.into_iter().chain(also).map(Cow::Borrowed).collect(),
            // What a server says may end in a full stop of its own.
            says: format!(
                "{} {how} {}: {}. {}",
                evidence.way(),
                broke.unwrap_or(layer),
                seen.trim_end_matches('.'),
                cause.what
            ),
            cause: cause.what.to_owned(),
            contrast,
            changed: changed.clone(),
            confidence,
            blame: cause.blame,
            owner: evidence.owner(cause.blame),
            next: next.into_iter().chain(general).collect(),
            explains: Vec::new(),
        }
    });
    told.collect()
}
