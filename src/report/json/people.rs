//! What people said, in `result.json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::people::{At, Decision, Speaker, Vote};
use crate::journal::rollback::Verification;
use crate::journal::run::Run;
use crate::model::notification::{Delivery, Notified};
use crate::model::outline::Stage;
use crate::verdict::{Assessment, Row};

/// What a person said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SaidEntry<'a> {
    /// When.
    pub at: Timestamp,
    /// The name given: a log, not authentication.
    pub by: &'a str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'a str>,
}

/// A vote that a stage asks for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VoteEntry<'a> {
    /// Whose, by id.
    pub voter: &'a str,
    /// The word; null while it is awaited.
    pub vote: Option<Vote>,
    /// When, by whom (a deputy may speak for the voter), and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidEntry<'a>>,
}

/// More time, asked for or granted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExtensionEntry<'a> {
    /// By when everything must be up instead.
    pub until: Timestamp,
    /// Granted; else only asked for, which moves nothing.
    pub granted: bool,
    /// When, by whom and why.
    pub said: SaidEntry<'a>,
}

/// The decision of somebody who may.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DecisionEntry<'a> {
    /// What.
    pub decision: Decision,
    /// When, by whom and why.
    pub said: SaidEntry<'a>,
}

/// Somebody who was told, or could not be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NotificationEntry<'a> {
    /// When it came to an end.
    pub at: Timestamp,
    /// Who: the kind, with a number from the second of a kind on.
    pub to: &'a str,
    /// What they were told.
    pub of: &'a str,
    /// What happened, as one word.
    pub key: &'a str,
    /// Tries made.
    pub tries: u32,
    /// Whether it was taken.
    pub sent: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// The way back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RollbackEntry<'a> {
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub by: &'a str,
    /// Stages that are undone, with the seconds each took.
    pub undone: Vec<UndoneEntry<'a>>,
    /// When somebody said that all of it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// When all of it is done, as it was or as it looks now; none without a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Seconds after the deadline; negative before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_s: Option<i64>,
    /// What looking again at everything that was green before came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<&'a Verification>,
}

/// A stage that is undone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UndoneEntry<'a> {
    /// The stage's id.
    pub stage: &'a str,
    /// Seconds it took.
    pub took_s: u64,
}

fn said<'a>(at: Timestamp, speaker: &'a Speaker, because: Option<&'a str>) -> SaidEntry<'a> {
    SaidEntry { at, by: &speaker.by, because }
}

/// Who accepted a row.
pub(super) fn accepted<'a>(row: &'a Row<'_>) -> Option<SaidEntry<'a>> {
    let At { at, said: accepted } = row.accepted?;
    Some(said(*at, &accepted.speaker, Some(&accepted.because)))
}

/// The votes that a stage asks for.
pub(super) fn votes<'a>(run: &'a Run, stage: &'a Stage) -> Vec<VoteEntry<'a>> {
    let entry = |voter: &'a String| {
        let vote = run.people.vote(&stage.id, voter);
        VoteEntry {
            voter,
            vote: vote.map(|vote| vote.said.vote),
            said: vote.map(|vote| said(vote.at, &vote.said.speaker, vote.said.because.as_deref())),
        }
    };
    stage.votes.iter().map(entry).collect()
}

/// More time, asked for or granted.
pub(super) fn extensions(run: &Run) -> Vec<ExtensionEntry<'_>> {
    let extensions = run.people.extensions().iter();
    let entries = extensions.map(|At { at, said: extended }| ExtensionEntry {
        until: extended.extension.until,
        granted: extended.extension.granted,
        said: said(*at, &extended.speaker, extended.because.as_deref()),
    });
    entries.collect()
}

/// The latest decision.
pub(super) fn decision(run: &Run) -> Option<DecisionEntry<'_>> {
    let At { at, said: decided } = run.people.decision()?;
    let said = said(*at, &decided.speaker, decided.because.as_deref());
    Some(DecisionEntry { decision: decided.decision, said })
}

/// Who is in charge, once the night was handed over.
pub(super) fn in_charge(run: &Run) -> Option<&str> {
    Some(&run.people.in_charge()?.said.to)
}

/// The way back.
pub(super) fn rollback<'a>(told: &'a Assessment<'_>) -> Option<RollbackEntry<'a>> {
    let run = told.run;
    let rollback = run.rollback.as_ref()?;
    let way_back = told.clock.as_ref().and_then(|clock| clock.way_back.as_ref());
    let undone = |(stage, took_s): (usize, u64)| {
        let stage = run.outline.stages.get(stage)?;
        Some(UndoneEntry { stage: &stage.id, took_s })
    };
    Some(RollbackEntry {
        started_at: rollback.started_at,
        by: &rollback.by,
        undone: rollback.took_s().into_iter().filter_map(undone).collect(),
        done_at: rollback.done_at,
        ends_at: way_back.map(|back| back.ends_at),
        late_s: way_back.map(|back| back.late.as_secs()),
        verified: rollback.verified.as_ref().map(|(_, verified)| verified),
    })
}

/// Who was told.
pub(super) fn notifications(run: &Run) -> Vec<NotificationEntry<'_>> {
    let entries = run.notified.ended.iter().filter_map(|(at, notified)| {
        let Notified { key, to, of, checks: _, tries, outcome } = notified;
        let reason = match outcome {
            Delivery::Begun(_) => return None,
            Delivery::Sent => None,
            Delivery::Failed(reason) => Some(reason.as_str()),
        };
        Some(NotificationEntry { at: *at, to, of, key, tries: *tries, sent: reason.is_none(), reason })
    });
    entries.collect()
}
