//! Findings of the permission audit in, texts out: for a tired reader, for programs, for CI systems.

mod json;
mod junit;
mod replay;
mod text;

pub use json::{AuditFile, SCHEMA, render as json, schema};
pub use junit::render as junit;
pub use replay::render as replay;
pub use text::render as text;

use crate::grants::comparison::Comparison;
use crate::grants::finding::{Counts, Finding, open};
use crate::grants::snapshot::{Facts, Gap, Server};

/// What two snapshots and their findings come to.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The server of BEFORE.
    pub before: &'a Server,
    /// The server of AFTER.
    pub after: &'a Server,
    /// What could not be read of BEFORE.
    pub gaps_before: &'a [Gap],
    /// What could not be read of AFTER.
    pub gaps_after: &'a [Gap],
    /// What was compared: objects of BEFORE, roles, grants.
    pub compared: Compared,
    /// The findings, worst first.
    pub findings: &'a [Finding],
}

/// How much was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Objects that should be there.
    pub objects: usize,
    /// Roles that should be there.
    pub roles: usize,
    /// Grants that should be there.
    pub grants: usize,
}

impl Compared {
    /// What there is in these facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let lists = facts
            .objects
            .values()
            .flat_map(|object| object.acl.iter().chain(object.columns.values().flatten()));
        Self {
            objects: facts.objects.len(),
            roles: facts.roles.len(),
            grants: lists.map(|acl| acl.items().len()).sum(),
        }
    }
}

impl<'a> Audit<'a> {
    /// The audit of a comparison.
    #[must_use]
    pub fn of(comparison: &'a Comparison<'_>, findings: &'a [Finding]) -> Self {
        Self {
            before: &comparison.before.facts.server,
            after: &comparison.after.facts.server,
            gaps_before: &comparison.expected.facts.coverage,
            gaps_after: &comparison.after.facts.coverage,
            compared: Compared::of(&comparison.expected.facts),
            findings,
        }
    }

    /// How many findings of each severity are open.
    #[must_use]
    pub fn open(&self) -> Counts {
        Counts::of(open(self.findings))
    }

    /// Whether nothing of blocker or major severity is open.
    #[must_use]
    pub fn is_go(&self) -> bool {
        let Counts { blocker, major, .. } = self.open();
        blocker == 0 && major == 0
    }

    fn expected(&self) -> usize {
        self.findings.iter().filter(|finding| finding.expected.is_some()).count()
    }
}
