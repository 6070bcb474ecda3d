//! Which checks a stage has to answer, computed before anything is probed.

use crate::journal::event::{Expected, Selection};
use crate::journal::run::Run;
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, CheckId, Severity};

/// What a stage has to answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Each check from each of its vantages, in the order of the plan.
    pub expected: Vec<Expected>,
    /// Checks of the stage that were left out by hand.
    pub left_out: Vec<CheckId>,
}

/// What stage `stage` has to answer: its own checks (those it puts off are expected as owed), the debts due by now,
/// and the blockers that were green at an earlier stage.
#[must_use]
pub fn due(run: &Run, stage: usize, selection: &Selection) -> Due {
    let mut due = Due::default();
    for check in run.outline.checks.iter().filter(|check| belongs(run, check, stage)) {
        if selection.wants(&check.id, &check.tags) {
            due.expected.extend(
                check
                    .from
                    .iter()
                    .map(|vantage| Expected { check: check.id.clone(), vantage: vantage.clone() }),
            );
        } else {
            due.left_out.push(check.id.clone());
        }
    }
    due
}

fn belongs(run: &Run, check: &Check, stage: usize) -> bool {
    if check.stage == stage || check.due() == stage {
        return true;
    }
    let earlier = check.due() < stage;
    let probed_again = check.again && !check.manual && check.severity == Severity::Blocker;
    earlier
        && probed_again
        && run
            .latest(&check.id, stage.saturating_sub(1))
            .is_some_and(|(seen_in, outcome)| seen_in >= check.due() && outcome == Outcome::Pass)
}
