//! From a snapshot of now to a fact or a fault.

use std::path::Path;


use crate::grants::comparison::Comparison;
use crate::grants::declared::{self, Rule};
use crate::grants::expect::{counterpart, transform};
use crate::grants::map;
use crate::grants::snapshot::{Aspect, Snapshot, load};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::permission::{Class, Counts, Finding, Severity, open};
use crate::model::trace::{Trouble, VantageError};

/// Findings that are kept: a journal is read by people.
const KEPT: usize = 200;

pub(super) fn against_snapshot(
    path: &Path,
    map: Option<&Path>,
    target: Option<&str>,
    now: &Snapshot,
) -> Result<Fact, Trouble> {
    let today = crate::clock::today();
    let before = load(path).map_err(|error| unusable(path, &error.to_string()))?;
    let read = match map {
        Some(path) => Some(read_map(path, today)?),
        None => None,
    };
    let resolved = match &read {
        Some(map) => Some(map.resolve(&before.facts).map_err(|mistakes| {
            unusable(path, &mistakes.first().map(|mistake| mistake.message.clone()).unwrap_or_default())
        })?),
        None => None,
    };
    let expected = match (&read, &resolved, target) {
        (Some(map), Some(resolved), Some(name)) => {
            let target = map.target(name).map_err(|error| unusable(path, &error.to_string()))?;
            transform(resolved, target)
        }
        _ => counterpart(&before.facts),
    };
    let (objects, roles) = (count(expected.facts.objects.len()), count(expected.facts.roles.len()));
    let exceptions = read.as_ref().map_or(&[][..], |map| &map.exceptions);
    let comparison = Comparison { before: &before, expected, after: now, exceptions, today };
    let findings = comparison.findings(&comparison.changes());
    ended(findings, objects, roles)
}

pub(super) fn against_rules(
    role: &str,
    may: &[Rule],
    may_not: &[Rule],
    now: &Snapshot,
) -> Result<Fact, Trouble> {
    if let Some(gap) = now.facts.coverage.iter().find(|gap| gap.aspect == Aspect::AclItems) {
        return Err(unusable(Path::new("the database's permissions"), &gap.why));
    }
    let declared = declared::judge(&now.facts, role, may, may_not);
    ended(declared.findings, declared.objects, 1)
}

/// Nothing of blocker or major severity may be open. What could not be read is no fault of the database, and no pass.
fn ended(mut findings: Vec<Finding>, objects: u64, roles: u64) -> Result<Fact, Trouble> {
    let decides = |finding: &&Finding| finding.expected.is_none() && finding.severity >= Severity::Major;
    let differs = findings.iter().filter(decides).any(|finding| finding.class != Class::Unreadable);
    let unreadable = findings.iter().find(|finding| decides(finding) && finding.class == Class::Unreadable);
    if let (false, Some(finding)) = (differs, unreadable) {
        return Err(unusable(Path::new("the database's permissions"), &finding.message));
    }
    let left_out = Counts::of(open(findings.get(KEPT..).unwrap_or_default()));
    findings.truncate(KEPT);
    if differs {
        return Err(Fault::PermissionsDiffer { findings, left_out }.into());
    }
    Ok(Fact::Permitted { objects, roles, findings, left_out })
}

fn read_map(path: &Path, today: jiff::civil::Date) -> Result<map::Map, Trouble> {
    let loaded = map::load(path, today);
    let mistake = loaded.diagnostics.into_iter().next().map(|mistake| mistake.message);
    loaded.map.ok_or_else(|| unusable(path, &mistake.unwrap_or_default()))
}

fn unusable(path: &Path, reason: &str) -> Trouble {
    VantageError::Unreadable { path: path.display().to_string(), reason: reason.to_owned() }.into()
}

fn count(number: usize) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rule finds on a role that is not there: a blocker.
    fn findings(number: usize) -> Vec<Finding> {
        let facts = crate::grants::snapshot::tests::facts(&["boss"]);
        let found = declared::judge(&facts, "app", &[], &[]).findings;
        found.into_iter().cycle().take(number).collect()
    }

    #[test]
    fn what_a_journal_leaves_out_is_counted() {
        let Err(Trouble::Fault(Fault::PermissionsDiffer { findings: kept, left_out })) = ended(findings(KEPT + 7), 1, 1)
        else {
            panic!("a blocker is no pass");
        };
        assert_eq!((kept.len(), left_out), (KEPT, Counts { blocker: 7, ..Counts::default() }));
        let told = Fault::PermissionsDiffer { findings: kept, left_out }.to_string();
        assert!(told.starts_with("permissions differ (207 blocker): ") && told.ends_with("; and 204 more"), "{told}");
    }
}
