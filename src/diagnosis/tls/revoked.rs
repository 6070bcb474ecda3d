//! Certificates that were revoked, or of which nobody is told that they were not.

use super::super::evidence::{Evidence, facts};
use super::super::registry::Ruling;
use super::certificate::{distrusted, judged, only_here};
use super::{NOT_STAPLED, REVOKED};
use crate::model::cause::Confidence;
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::Distrust;
use crate::model::trace::Trace;

pub(super) fn revoked(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    (reasons.contains(&Distrust::Revoked) && !only_here(evidence)).then(|| judged(evidence, REVOKED, fault))
}

/// The leaf that requires an OCSP answer and came without.
fn alone(trace: &Trace) -> Option<&Certificate> {
    facts(trace).find_map(|fact| {
        let Fact::Secured { chain, stapled: None, .. } = fact else { return None };
        chain.first().filter(|leaf| leaf.must_staple)
    })
}

/// Told of checks that pass: gonogo does not refuse it, and others do. A server that was just started may not have its
/// answer yet, so that another look decides.
pub(super) fn not_stapled(evidence: &Evidence<'_>) -> Option<Ruling> {
    let leaf = alone(evidence.trace)?;
    let again = evidence.elsewhere().map(|place| place.trace).filter(|trace| alone(trace).is_some()).count();
    let seen = format!("{} requires a stapled OCSP answer, and none came", leaf.subject);
    let ruling = judged(evidence, NOT_STAPLED, seen);
    Some(if again > 0 { ruling } else { ruling.sure(Confidence::Low) })
}
