//! The fields of `result.json`. Other programs rely on them: a field may be added, none taken away or renamed.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::people::{DecisionEntry, ExtensionEntry, NotificationEntry, RollbackEntry, SaidEntry, VoteEntry};
use crate::model::cause::{Change, Diagnosis};
use crate::model::examination::Examination;
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::{Outline, Severity};
use crate::model::permission::{Counts, Finding};
use crate::model::trace::Observation;
use crate::model::verdict::{Reason, Verdict};
use crate::verdict::{Counts as Checks, WaiverState};
use crate::window::{Clock, State};

/// The name of this format.
pub const SCHEMA: &str = "gonogo.result/1";

/// A run, as programs read it. `go` is true only for GO and GO WITH ISSUES: a naive reader fails closed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResultFile<'a> {
    /// Always `gonogo.result/1`.
    pub schema: &'static str,
    /// The version of gonogo that wrote it.
    pub version: &'static str,
    /// When the run was judged.
    pub at: Timestamp,
    /// The plan.
    pub plan: PlanEntry<'a>,
    /// The attempt, from 1; 0 when the run died before there was one.
    pub attempt: u32,
    /// The run's id; empty when the run died before it had one.
    pub run: &'a str,
    /// The stage begun last; null before the first.
    pub stage: Option<&'a str>,
    /// The decision.
    pub verdict: Verdict,
    /// Whether one may go on.
    pub go: bool,
    /// Why: the worst first.
    pub reasons: &'a [Reason],
    /// Every stage, in order.
    pub stages: Vec<StageEntry<'a>>,
    /// The clock; null without a window.
    pub clock: Option<ClockEntry<'a>>,
    /// The checks counted, one for each vantage.
    pub counts: Checks,
    /// Checks owed at a later stage.
    pub debts: Vec<DebtEntry<'a>>,
    /// Every waiver of the plan, and what it did.
    pub waivers: Vec<WaiverEntry<'a>>,
    /// More time, asked for or granted, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub extensions: Vec<ExtensionEntry<'a>>,
    /// The latest decision of somebody who may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionEntry<'a>>,
    /// Who is in charge, once the night was handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_charge: Option<&'a str>,
    /// The way back, once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackEntry<'a>>,
    /// Who was told beside the reports, or could not be, oldest first. It decides nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub notifications: Vec<NotificationEntry<'a>>,
    /// Checks left out by hand.
    pub left_out: Vec<&'a str>,
    /// Every check that was due, once for each vantage, as it was seen last.
    pub checks: Vec<CheckEntry<'a>>,
    /// Mistakes that kept the run from beginning.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schemars(default)]
    pub diagnostics: &'a [String],
}

/// The clock at one moment. Times of a rollback are in seconds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClockEntry<'a> {
    /// How the night stands.
    pub state: State,
    /// The moment the state is about: decide-by; before the first stage, start-by; without a way back, the deadline.
    pub by: Timestamp,
    /// When everything must be up: as planned, or the latest granted extension.
    pub deadline: Timestamp,
    /// The deadline is a granted extension.
    pub extended: bool,
    /// The latest extension that is asked for and not granted; it does not count.
    pub asked: Option<Timestamp>,
    /// Turning back now; null before the first stage, and when there is no way back.
    pub turn_back: Option<TurnBackEntry>,
    /// The stage from which there is no way back.
    pub no_way_back: Option<&'a str>,
    /// What comes next; null after the last stage.
    pub next: Option<NextEntry<'a>>,
    /// When the last stage was a go.
    pub up_at: Option<Timestamp>,
}

/// What turning back takes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TurnBackEntry {
    /// The last moment to decide on it.
    pub decide_by: Timestamp,
    /// When everything would be up again if it began now, without the margin.
    pub ends_at: Timestamp,
    /// Seconds of the undo steps, those that can go on at once at once.
    pub rollback_s: u64,
    /// Seconds kept in hand.
    pub margin_s: u64,
    /// Seconds of the checks after it.
    pub verify_s: u64,
}

/// The stage that comes next.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NextEntry<'a> {
    /// Its id.
    pub stage: &'a str,
    /// When it has to begin at the latest.
    pub start_by: Timestamp,
    /// The last moment to decide on turning back once it is touched; null when there is no way back from it.
    pub decide_by: Option<Timestamp>,
}

impl<'a> ClockEntry<'a> {
    /// A clock for programs.
    #[must_use]
    pub fn of(clock: &Clock, outline: &'a Outline) -> Self {
        let id = |stage: usize| outline.stages[stage].id.as_str();
        Self {
            state: clock.state,
            by: clock.by,
            deadline: clock.deadline,
            extended: clock.extended,
            asked: clock.asked,
            turn_back: clock.turn_back.map(|back| TurnBackEntry {
                decide_by: back.decide_by,
                ends_at: back.ends_at(clock.at),
                rollback_s: back.rollback.as_secs(),
                margin_s: back.margin.as_secs(),
                verify_s: back.verify.as_secs(),
            }),
            no_way_back: clock.no_way_back.map(id),
            next: clock.next.as_ref().map(|next| NextEntry {
                stage: id(next.stage),
                start_by: next.start_by,
                decide_by: next.then.map(|then| then.decide_by),
            }),
            up_at: clock.up_at,
        }
    }
}

/// A plan.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// SHA-256 of its files, variables and settings; null when it could not be loaded.
    pub sha256: Option<&'a str>,
    /// The change it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<&'a str>,
}

/// A stage.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StageEntry<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    /// Who owns it, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    /// The decision; null when it was not begun.
    pub verdict: Option<Verdict>,
    /// Why: the worst first.
    pub reasons: &'a [Reason],
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When its verdict was said.
    pub ended_at: Option<Timestamp>,
    /// The votes it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub votes: Vec<VoteEntry<'a>>,
    /// Checks put off here that have not come due.
    pub open_debts: &'a [&'a str],
    /// Its provisional go is revoked: these came due and did not pass.
    pub revoked_by: &'a [&'a str],
    /// It was provisional, and every debt has been paid since.
    pub settled: bool,
}

/// A check owed at a later stage.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DebtEntry<'a> {
    /// The check.
    pub check: &'a str,
    /// The stage it is due at.
    pub due: &'a str,
    /// Why it was put off.
    pub because: &'a str,
    /// How much it decides.
    pub severity: Severity,
    /// Who owns it, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
}

/// A waiver of the plan.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaiverEntry<'a> {
    /// The check it is for.
    pub check: &'a str,
    /// The last day it holds.
    pub until: Date,
    /// Who granted it.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
    /// What became of it.
    pub state: WaiverState,
}

/// One check from one vantage.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckEntry<'a> {
    /// The check.
    pub id: &'a str,
    /// Where it was looked at from.
    pub vantage: &'a str,
    /// What it asks, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    /// The kind of its probe.
    pub kind: &'a str,
    /// What is looked at.
    pub target: &'a str,
    /// The stage that owns it.
    pub stage: &'a str,
    /// The stage it was looked at last.
    pub seen_in: &'a str,
    /// How much it decides.
    pub severity: Severity,
    /// Who owns it, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    /// The outcome.
    pub outcome: Outcome,
    /// When it was seen; null when nothing was looked at.
    pub seen_at: Option<Timestamp>,
    /// Milliseconds the latest try took.
    pub took_ms: f64,
    /// It is owed at a later stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferral<'a>>,
    /// A waiver covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<WaiverGiven<'a>>,
    /// Somebody took it upon themselves: a major that did not pass, or a minor that was suspect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<SaidEntry<'a>>,
    /// It is minor and fails, and this check, which is owed or a failing blocker, is about the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspect: Option<SuspectEntry<'a>>,
    /// Whose word is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
    /// It passed only after retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaky: Option<FlakyEntry<'a>>,
    /// What each layer showed in the latest try.
    pub layers: &'a [Observation],
    /// The layer that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Layer>,
    /// The outcome in one sentence.
    pub message: &'a str,
    /// What was expected, when a comparison failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// What came, when a comparison failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<&'a str>,
    /// The causes of what was seen, best first; of a `grants` check, permissions that differ, worst first.
    pub findings: Vec<FindingEntry<'a>>,
    /// Open ones that are not in that list, which is bounded.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    #[schemars(default)]
    pub findings_left_out: Counts,
    /// What is not as it was when the baseline was recorded, whatever the outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub changed: Vec<Change>,
    /// What was asked beyond it to find the cause, and what the baseline has of it when that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examined: Option<&'a Examination>,
}

/// What was found out beyond the outcome.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FindingEntry<'a> {
    /// A cause.
    Cause(&'a Diagnosis),
    /// A permission that differs.
    Permission(&'a Finding),
}

/// Why and until when a check is put off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Deferral<'a> {
    /// The stage it is due at.
    pub until: &'a str,
    /// Why.
    pub because: &'a str,
}

/// The waiver that covers a check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaiverGiven<'a> {
    /// The last day it holds.
    pub until: Date,
    /// Who granted it.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
}

/// Why a minor failure is suspect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SuspectEntry<'a> {
    /// The open debt, or the failing blocker.
    pub other: &'a str,
    /// What both are about: an endpoint or a system.
    pub shared: &'a str,
}

/// Whose word is awaited.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    /// A person has to record a manual check.
    Person,
}

/// A pass that took more than one try.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FlakyEntry<'a> {
    /// The try that passed, from 2.
    pub attempt: u32,
    /// What the first try showed.
    pub first: &'a str,
}

/// The JSON Schema of `result.json`.
#[must_use]
pub fn result_schema() -> serde_json::Value {
    crate::model::printed::schema::<ResultFile<'static>>(SCHEMA)
}
