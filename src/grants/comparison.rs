//! What a database should be against what it is, from snapshots to findings: the one way that commands and the probe go.

use jiff::civil::Date;

use super::change::Change;
use super::diff::{Context, diff, judge};
use super::expect::Expected;
use super::finding::Finding;
use super::map::Exception;
use super::neighbours::Neighbours;
use super::snapshot::Snapshot;

/// The two sides of a comparison.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The database as it was.
    pub before: &'a Snapshot,
    /// What the other one should be.
    pub expected: Expected<'a>,
    /// The database as it is.
    pub after: &'a Snapshot,
    /// Differences that are meant.
    pub exceptions: &'a [Exception],
    /// The day on which exceptions must still hold.
    pub today: Date,
}

impl Comparison<'_> {
    /// Every difference, what the map leaves open included.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let Expected { facts, unmapped, crossing, replaced, renamed: _ } = &self.expected;
        let mut changes = diff(facts, &self.before.values, &self.after.facts, &self.after.values);
        if let Some(neighbours) = Neighbours::of(&self.before.facts, facts, &self.after.facts) {
            changes.retain(|change| !neighbours.concerns(change));
        }
        changes.extend(unmapped.iter().map(|key| Change::Unmapped { key: key.clone() }));
        let open = replaced.iter().filter(|replaced| !self.after.facts.objects.contains_key(&replaced.by));
        let crossing = crossing.iter().chain(open.map(|replaced| &replaced.reference));
        changes.extend(crossing.map(|reference| Change::Crossing { reference: reference.clone() }));
        changes
    }

    /// What these differences mean, worst first.
    #[must_use]
    pub fn findings(&self, changes: &[Change]) -> Vec<Finding> {
        let context = Context {
            expected: &self.expected.facts,
            actual: &self.after.facts,
            workload: self.before.workload.as_ref(),
            renamed: &self.expected.renamed,
            exceptions: self.exceptions,
            taken_at: &self.after.taken_at,
            today: self.today,
        };
        judge(changes, &context)
    }
}
