//! Nothing fails, and what comes is not what was expected: rows that are hidden, another table, another database.

use super::{ROWS_HIDDEN, SHADOW, STALE_COPY, STALLED, WRONG_SIDE, catalog, identity, seen};
use crate::diagnosis::evidence::{Evidence, listed};
use crate::diagnosis::registry::Ruling;
use crate::grants::quote::Quoted;
use crate::model::cause::Confidence;
use crate::model::database::RelationFacts;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;

fn mismatches<'a>(evidence: &Evidence<'a>) -> Option<&'a [Mismatch]> {
    let Fault::Mismatch { mismatches, .. } = evidence.broken_at(Layer::Payload)? else { return None };
    Some(mismatches)
}

pub(super) fn rows_hidden(evidence: &Evidence<'_>) -> Option<Ruling> {
    mismatches(evidence)?;
    let facts = catalog(evidence)?;
    let hides = |relation: &&RelationFacts| relation.row_security && relation.policies == 0;
    let table = (0..facts.named.len()).filter_map(|of| facts.meant(of)).find(hides)?;
    let contrast = format!(
        "Row level security of {}.{} is on for {}, and no policy lets it see a row.",
        table.schema, table.name, facts.role
    );
    Some(Ruling::new(ROWS_HIDDEN, Layer::Payload, seen(evidence)).proved(contrast))
}

pub(super) fn shadow(evidence: &Evidence<'_>) -> Option<Ruling> {
    mismatches(evidence)?;
    let facts = catalog(evidence)?;
    let bare = facts.named.iter().enumerate().filter(|(_, named)| named.schema.is_none());
    let (first, hidden) = bare.filter_map(|(of, _)| Some((of, facts.meant(of)?))).find_map(|(of, first)| {
        let hidden = facts.found(of).find(|one| {
            one.position.is_some() && one.schema != first.schema && one.is_empty == Some(false)
        })?;
        (first.is_empty == Some(true)).then_some((first, hidden))
    })?;
    let names = [format!("{}.{}", first.schema, first.name), format!("{}.{}", hidden.schema, hidden.name)];
    let contrast = format!(
        "search_path is {}: the name means {}, which is empty; {} is not.",
        facts.search_path, names[0], names[1]
    );
    Some(Ruling::new(SHADOW, Layer::Payload, seen(evidence)).proved(contrast))
}

/// A table that is filled by logical replication, whose worker does not run.
pub(super) fn stalled(evidence: &Evidence<'_>) -> Option<Ruling> {
    mismatches(evidence)?;
    let facts = catalog(evidence)?;
    let meant = (0..facts.named.len()).filter_map(|of| facts.meant(of));
    let (table, one) = meant.flat_map(|table| table.subscriptions.iter().map(move |one| (table, one))).find(|(_, one)| !one.enabled || !one.works)?;
    let how = if one.enabled { "is enabled, and its worker is not there" } else { "is disabled" };
    let contrast = format!("{}.{} is filled by the subscription {}, which {how}.", table.schema, table.name, one.name);
    let next = format!("alter subscription {} enable", Quoted(&one.name));
    let ruling = Ruling::new(STALLED, Layer::Payload, seen(evidence)).proved(contrast);
    // A worker that fails is started again every few seconds: it may have been looked for in between.
    Some(if one.enabled { ruling.sure(Confidence::Medium) } else { ruling.next(next) })
}

/// Another database than in the baseline: the other half when what it says of itself differs, the old copy when what it
/// holds is less.
pub(super) fn another(evidence: &Evidence<'_>) -> Option<Ruling> {
    let told = mismatches(evidence)?;
    let (before, now) = evidence.before.and_then(identity).zip(identity(evidence.trace))?;
    let pairs = [
        ("database", Some(&before.database), Some(&now.database)),
        ("system identifier", before.system_identifier.as_ref(), now.system_identifier.as_ref()),
        ("server address", before.server_address.as_ref(), now.server_address.as_ref()),
    ];
    let differs: Vec<String> = pairs
        .into_iter()
        .filter_map(|(what, was, is)| was.zip(is).filter(|(was, is)| was != is).map(|(was, is)| format!("{what} {is}, was {was}")))
        .collect();
    if differs.is_empty() {
        return None;
    }
    let is_less = told.iter().all(|one| one.got.trim_matches('"').parse::<f64>().is_ok() || one.got == "nothing");
    let (cause, other) = if is_less { (STALE_COPY, WRONG_SIDE) } else { (WRONG_SIDE, STALE_COPY) };
    let contrast = format!("Against the baseline: {}.", listed(differs.iter().map(String::as_str)));
    let ruling = Ruling::new(cause, Layer::Payload, seen(evidence)).proved(contrast).or(&[other]);
    // A planned move changes these too: that it is the wrong one is told by what came, not by the move.
    Some(ruling.sure(Confidence::Medium))
}
