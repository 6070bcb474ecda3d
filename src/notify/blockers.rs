//! Blockers that fail while a stage runs, and had not failed before.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, CheckId, Severity};
use crate::verdict::{Assessment, Row, Standing};

/// From a failure to the look at it: it is in the run by then, and what fails together is told together.
const PACE: Duration = Duration::from_secs(1);

/// What is known of a stage's blockers.
#[derive(Debug)]
pub(super) struct Blockers {
    known: HashSet<CheckId>,
    /// One has failed since the latest look: when the first of them did.
    failed_at: Option<Instant>,
}

impl Blockers {
    /// Before a stage begins: what fails already is no news.
    pub(super) fn before(told: &Assessment<'_>) -> Self {
        Self { known: failing(told).collect(), failed_at: None }
    }

    /// A check is settled.
    pub(super) fn settled(&mut self, check: &Check, judgement: &Judgement) {
        if check.severity == Severity::Blocker
            && matches!(judgement.outcome, Outcome::Fail | Outcome::Error)
            && !self.known.contains(&check.id)
        {
            self.failed_at.get_or_insert_with(Instant::now);
        }
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self) -> bool {
        self.failed_at.is_some_and(|failed_at| failed_at.elapsed() >= PACE)
    }

    /// Whether there is anything to look for.
    pub(super) const fn is_open(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Those that are new; they are known from now on.
    pub(super) fn fresh(&mut self, told: &Assessment<'_>) -> Vec<CheckId> {
        self.failed_at = None;
        let mut fresh = Vec::new();
        for check in failing(told) {
            if self.known.insert(check.clone()) {
                fresh.push(check);
            }
        }
        fresh
    }
}

/// Blockers that were looked at and did not pass, neither waived nor owed.
fn failing<'a>(told: &'a Assessment<'_>) -> impl Iterator<Item = CheckId> + use<'a> {
    let fails = |row: &&Row<'_>| {
        row.standing == Standing::Counts(Severity::Blocker)
            && matches!(row.judgement.outcome, Outcome::Fail | Outcome::Error)
    };
    told.rows.iter().filter(fails).map(|row| row.check.id.clone())
}
