//! The way back: begun, each stage undone, done, and verified against what was recorded before the first change.

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::people::Speaker;
use super::run::Run;
use crate::model::outline::Outline;

/// One step of the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackEvent {
    /// Which.
    pub step: Step,
    /// Who said so.
    pub speaker: Speaker,
}

/// Steps of the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It began.
    Started,
    /// A stage is undone.
    Undone {
        /// The stage's id.
        stage: String,
    },
    /// Every stage is undone, as somebody says.
    Done,
    /// What was green before the first change was looked at again.
    Verified(Verification),
}

/// What looking again after a rollback came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// Checks from their places that were green, and are again.
    pub same: usize,
    /// Those that were not green before: they prove nothing, whatever they show now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub were_red: usize,
    /// Those that are not, or could not be looked at, in words.
    pub differs: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Verification {
    /// Whether everything that was green is again; where nothing was, nothing is known.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.differs.is_empty() && self.same > 0
    }
}

/// The way back, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub by: String,
    /// Stages that are undone, by index, with when; in the order of time.
    pub undone: Vec<(usize, Timestamp)>,
    /// When somebody said that all of it is done.
    pub done_at: Option<Timestamp>,
    /// The latest look at what was green before.
    pub verified: Option<(Timestamp, Verification)>,
}

/// What the way back really took in an earlier attempt: it replaces what was planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Seconds that undoing took, by stage.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub undo_s: IndexMap<String, u64>,
    /// Seconds from the end of the rollback until it was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_s: Option<u64>,
}

impl Measured {
    /// What is known after a run: what it measured, else what was known before it.
    #[must_use]
    pub fn after(run: &Run) -> Self {
        let mut known = run.measured.clone();
        let Some(rollback) = &run.rollback else { return known };
        for (stage, took_s) in rollback.took_s() {
            if let Some(stage) = run.outline.stages.get(stage) {
                known.undo_s.insert(stage.id.clone(), took_s);
            }
        }
        if let (Some(done_at), Some((at, _))) = (rollback.done_at, &rollback.verified) {
            known.verify_s = u64::try_from(at.duration_since(done_at).as_secs()).ok().or(known.verify_s);
        }
        known
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Rollback {
    pub(super) fn apply(known: &mut Option<Self>, at: Timestamp, event: RollbackEvent, outline: &Outline) {
        let by = event.speaker.by;
        // A journal of which the beginning was lost still tells that a rollback went on.
        let begun =
            || Self { started_at: at, by: by.clone(), undone: Vec::new(), done_at: None, verified: None };
        let rollback = known.get_or_insert_with(begun);
        match event.step {
            // Said on two machines that did not hear of each other: it began when the first of them said so.
            Step::Started if at < rollback.started_at => (rollback.started_at, rollback.by) = (at, by),
            Step::Started => {}
            Step::Undone { stage } => {
                if let Some(index) = outline.stage(&stage)
                    && rollback.undone.iter().all(|&(known, _)| known != index)
                {
                    // What waited in a spool was undone before what was heard of since.
                    let place = rollback.undone.partition_point(|&(_, known)| known <= at);
                    rollback.undone.insert(place, (index, at));
                }
            }
            Step::Done => rollback.done_at = rollback.done_at.max(Some(at)),
            Step::Verified(found) => {
                if rollback.verified.as_ref().is_none_or(|&(known, _)| known <= at) {
                    rollback.verified = Some((at, found));
                }
            }
        }
    }

    /// Seconds each undone stage took: from the moment that the stages which stand on it were undone, or the rollback
    /// began, to its own.
    #[must_use]
    pub fn took_s(&self) -> Vec<(usize, u64)> {
        let mut begun = self.started_at;
        let mut took = Vec::with_capacity(self.undone.len());
        for &(stage, at) in &self.undone {
            took.push((stage, u64::try_from(at.duration_since(begun).as_secs()).unwrap_or_default()));
            begun = at;
        }
        took
    }
}
