//! Blockers that fail while a stage runs, and had not failed before.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::journal::event::Expected;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, CheckId, Severity};
use crate::verdict::{Assessment, Row, Standing};

/// From a failure to the look at it: it is in the run by then, and what fails together is told together.
const PACE: Duration = Duration::from_secs(1);

/// What is known of a stage's blockers.
#[derive(Debug)]
pub(super) struct Blockers {
    /// They had failed before the round began: no news.
    old: HashSet<CheckId>,
    /// One has failed since the latest look: when the first of them did.
    failed_at: Option<Instant>,
}

impl Blockers {
    /// Before a stage begins, or goes on: a run that was killed may have died before it told anybody.
    pub(super) fn before(told: &Assessment<'_>) -> Self {
        let (new, old): (Vec<_>, Vec<_>) = failing(told).partition(|row| is_of_this_round(told, row));
        let old = old.into_iter().map(|row| row.check.id.clone()).collect();
        Self { old, failed_at: (!new.is_empty()).then(Instant::now) }
    }

    /// A check is settled.
    pub(super) fn settled(&mut self, check: &Check, judgement: &Judgement) {
        if check.severity == Severity::Blocker
            && matches!(judgement.outcome, Outcome::Fail | Outcome::Error)
            && !self.old.contains(&check.id)
        {
            self.failed_at.get_or_insert_with(Instant::now);
        }
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self) -> bool {
        self.failed_at.is_some_and(|failed_at| failed_at.elapsed() >= PACE)
    }

    /// Those that fail and are new in this round, whoever has heard of them.
    pub(super) fn new_ones(&mut self, told: &Assessment<'_>) -> Vec<CheckId> {
        self.failed_at = None;
        let mut new: Vec<CheckId> = Vec::new();
        for Row { check, .. } in failing(told) {
            if !self.old.contains(&check.id) && new.last() != Some(&check.id) {
                new.push(check.id.clone());
            }
        }
        new
    }
}

/// Blockers that were looked at and did not pass, neither waived nor owed.
fn failing<'a, 'r>(told: &'a Assessment<'r>) -> impl Iterator<Item = &'a Row<'r>> {
    told.rows.iter().filter(|row| {
        row.standing == Standing::Counts(Severity::Blocker)
            && matches!(row.judgement.outcome, Outcome::Fail | Outcome::Error)
    })
}

/// Whether it was judged in the round that goes on.
fn is_of_this_round(told: &Assessment<'_>, row: &Row<'_>) -> bool {
    let key = Expected { check: Arc::clone(&row.check.id), vantage: row.vantage.into() };
    let known = told.run.stages[row.stage].rows.get(&key);
    known.and_then(|known| known.judged_at).is_some_and(|at| at >= told.run.round_began_at)
}
