//! A plan that was edited while its run went on, and somebody stood for it.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Expected;
use super::people::Speaker;
use super::run::{RowState, Run, StageState};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, CheckId, Outline};
use crate::plan::{Edit, Source};

/// The plan as it is from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanEdited {
    /// What differs from the plan before.
    pub edit: Edit,
    /// The plan.
    pub outline: Arc<Outline>,
    /// What each check hangs on: [`crate::plan::definitions`].
    pub definitions: Arc<[String]>,
    /// Its files, secrets starred.
    pub sources: Arc<[Source]>,
    /// Who stands for it.
    pub speaker: Speaker,
}

impl Run {
    /// As it would stand under the edited plan.
    #[must_use]
    pub fn as_edited(&self, edited: PlanEdited) -> Self {
        let mut run = self.clone();
        run.edited(edited);
        run
    }

    /// Go on under another plan. What was seen of checks that are the same still counts, and so does what people said;
    /// checks that are new or have changed have not answered, in every stage that was begun.
    pub(super) fn edited(&mut self, edited: PlanEdited) {
        let PlanEdited { edit, outline, definitions, sources, speaker } = edited;
        let undone = edit.undone();
        let before = Arc::clone(&self.outline);
        let known = std::mem::take(&mut self.stages);
        let mut known: Vec<Option<StageState>> = known.into_iter().map(Some).collect();
        let stages = outline.stages.iter().enumerate().map(|(index, stage)| {
            let state = before.stage(&stage.id).and_then(|was| known.get_mut(was)?.take());
            let mut state = state.unwrap_or_default();
            if state.started_at.is_some() {
                carry_over(&mut state, &outline, index, &undone);
            }
            state
        });
        self.stages = stages.collect();
        self.records.retain(|check, _| !undone.contains(check));
        self.people.forget_accepted(|check| undone.contains(check));
        self.edits.push((edit, speaker));
        self.follow(outline, definitions, sources);
    }
}

fn carry_over(state: &mut StageState, outline: &Outline, index: usize, undone: &HashSet<CheckId>) {
    let mut known = std::mem::take(&mut state.rows);
    let left_out = &state.left_out;
    let mut is_settled = true;
    for check in &outline.checks {
        let undone = undone.contains(&check.id);
        for vantage in &check.from {
            let row = Expected { check: check.id.clone(), vantage: vantage.clone() };
            let now = match known.swap_remove(&row) {
                Some(seen) if !undone => seen,
                Some(_) => unanswered(),
                None if undone && belongs(check, index) && !left_out.contains(&check.id) => unanswered(),
                None => continue,
            };
            is_settled &= now.judged_at.is_some();
            state.rows.insert(row, now);
        }
    }
    if !is_settled {
        state.said = None;
    }
}

fn belongs(check: &Check, stage: usize) -> bool {
    check.stage == stage || check.due() == stage
}

fn unanswered() -> RowState {
    let message = "the plan was edited: this is new, or has changed, and was not looked at since";
    let judgement = Judgement::plain(Outcome::NoAnswer, message);
    RowState { judgement: Some(judgement), ..RowState::default() }
}
