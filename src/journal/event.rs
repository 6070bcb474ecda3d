//! The events of a run, one JSON line each.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::edited::PlanEdited;
use super::people::{Accepted, Decided, Extended, HandedOver, Noted, Voted, Waived};
use super::rollback::{Measured, RollbackEvent};
use crate::model::examination::Examination;
use crate::model::notification::{Delivery, Notified};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{CheckId, Outline, VantageId};
use crate::model::trace::Trace;
use crate::model::verdict::{Reason, Verdict};
use crate::plan::Source;

/// The version of the journal's format, in its first line.
pub const VERSION: u32 = 1;

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Format version.
    pub gonogo_journal: u32,
    /// The run's id.
    pub run: String,
}

/// One line: an event with its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Number, from 1.
    pub seq: u64,
    /// SHA-256, in hexadecimal, of the line before, without its line break.
    pub prev: String,
    /// When it was written.
    pub at: Timestamp,
    /// The clock was set by hand: a rehearsal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clock_set: bool,
    /// It waited in a spool before it was numbered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// What happened.
    pub what: Event,
}

/// How an event came into a team's journal that could not be reached when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// When it was numbered.
    pub arrived: Timestamp,
    /// Whose spool it waited in: host, process and a random id.
    pub sender: String,
    /// Its number there.
    pub number: u64,
    /// Another run had taken the lease by then: it is kept, and does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// `gonogo run` or `retest` began a round.
    RunStarted(Box<RunStarted>),
    /// A stage began: from here on its expected set counts as unanswered.
    StageStarted {
        /// The stage's id.
        stage: String,
        /// What has to be answered.
        expected: Vec<Expected>,
        /// Checks left out by hand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<CheckId>,
    },
    /// One try of one probe.
    Seen {
        /// The stage's id.
        stage: Arc<str>,
        /// The check.
        check: CheckId,
        /// The vantage.
        vantage: VantageId,
        /// The try, from 1.
        attempt: u32,
        /// What it showed.
        trace: Trace,
    },
    /// A check is settled for this stage.
    Judged {
        /// The stage's id.
        stage: Arc<str>,
        /// The check.
        check: CheckId,
        /// The vantage.
        vantage: VantageId,
        /// The outcome, in words.
        judgement: Judgement,
        /// It passed only on this try.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaky: Option<Flaky>,
    },
    /// What was asked beyond a check, so that the cause of its failure can be named.
    Examined {
        /// The stage's id.
        stage: Arc<str>,
        /// The check.
        check: CheckId,
        /// The vantage.
        vantage: VantageId,
        /// What was asked, and what came.
        examination: Box<Examination>,
    },
    /// What was said about a stage when it ended.
    Verdict {
        /// The stage's id.
        stage: String,
        /// The decision.
        verdict: Verdict,
        /// Why.
        reasons: Vec<Reason>,
        /// Earlier stages whose provisional go this one revokes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        revokes: Vec<String>,
    },
    /// A person answered a manual check.
    Recorded(Record),
    /// The run lease passed on, or was lost, other than by an orderly end.
    Lease(LeaseChange),
    /// A person voted on a stage.
    Voted(Voted),
    /// A person took a failure upon themselves.
    Accepted(Accepted),
    /// A person granted a waiver.
    Waived(Waived),
    /// More time was asked for, or granted.
    Extended(Extended),
    /// Somebody who may decided whether the release goes on.
    Decided(Decided),
    /// The plan was edited while the run went on.
    PlanEdited(Box<PlanEdited>),
    /// The night is in other hands.
    Handover(HandedOver),
    /// A remark for the timeline.
    Note(Noted),
    /// Somebody is being told, was told, or could not be. It says nothing of the target, and nothing is judged by it.
    Notified(Notified),
    /// The way back: begun, a stage undone, done, verified.
    Rollback(RollbackEvent),
    /// The round ended by itself.
    RunFinished {
        /// The decision.
        verdict: Verdict,
        /// Somebody stopped it.
        #[serde(default)]
        interrupted: bool,
    },
    /// An event of a newer version: kept, and passed over.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Whether people care for it by itself: everything but what was looked at, of which the rows tell the latest, and what is
    /// only begun.
    #[must_use]
    pub const fn is_for_people(&self) -> bool {
        match self {
            Self::Seen { .. } | Self::Judged { .. } | Self::Examined { .. } | Self::Unknown => false,
            Self::Notified(notified) => !matches!(notified.outcome, Delivery::Begun(_)),
            Self::RunStarted(_)
            | Self::StageStarted { .. }
            | Self::Verdict { .. }
            | Self::Recorded(_)
            | Self::Lease(_)
            | Self::Voted(_)
            | Self::Accepted(_)
            | Self::Waived(_)
            | Self::Extended(_)
            | Self::Decided(_)
            | Self::PlanEdited(_)
            | Self::Handover(_)
            | Self::Note(_)
            | Self::Rollback(_)
            | Self::RunFinished { .. } => true,
        }
    }
}

/// The beginning of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The round of this journal, from 1.
    pub round: u32,
    /// The program's version.
    pub version: String,
    /// Who ran it, by operating system.
    pub actor: Actor,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// What was asked for.
    pub selection: Selection,
    /// Stages of the round that come before others had a go, and why they were begun all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<OutOfOrder>,
    /// What the way back took in an earlier attempt, in a journal's first round.
    #[serde(default, skip_serializing_if = "Measured::is_empty")]
    pub measured: Measured,
    /// The plan, in a journal's first round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Arc<Outline>>,
    /// The plan's files, secrets starred, in a journal's first round.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub sources: Arc<[Source]>,
    /// What each check hangs on, so that an edited plan can be told from this one: [`crate::plan::definitions`].
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub definitions: Arc<[String]>,
}

/// A stage was begun though what comes before it has no go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfOrder {
    /// What comes before and has no go, in words.
    pub before: Vec<String>,
    /// Why.
    pub because: String,
}

/// A check and a place it has to be looked at from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expected {
    /// The check.
    pub check: CheckId,
    /// The vantage.
    pub vantage: VantageId,
}

/// A pass that took more than one try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaky {
    /// The try that passed, from 2.
    pub attempt: u32,
    /// What the first try showed.
    pub first: String,
}

/// A manual check, as a person recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The check.
    pub check: CheckId,
    /// `pass` or `fail`.
    pub outcome: Outcome,
    /// The name given.
    pub by: String,
    /// What they saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Who typed it, by operating system.
    pub actor: Actor,
}

/// What became of the run lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseChange {
    /// How.
    pub change: Change,
    /// Who held it before.
    pub before: String,
    /// Who tells: who has it now, or, once it is lost, who had it.
    pub actor: Actor,
    /// The name given, when it was taken from a run that went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// How the run lease passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its holder was gone: killed, or cut off.
    Expired,
    /// It was taken from a run that went on.
    TakenOver,
    /// Its holder was cut off, and came back before anybody else took it.
    Regained,
    /// Its holder was cut off, and somebody else took it meanwhile.
    Lost,
}

/// Who acted, as the operating system knows them: a log, not authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Operating system user.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// The address of whoever said it on a page that this process served; a name given there is as they stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<IpAddr>,
}

/// What a round was asked to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// Stage ids; empty for all of them.
    pub stages: Vec<String>,
    /// `--only`: check ids or globs.
    pub only: Vec<String>,
    /// `--skip`: check ids or globs.
    pub skip: Vec<String>,
    /// `--tag`: tags.
    pub tags: Vec<String>,
    /// A `retest`: looks at some checks of a stage that was already run.
    #[serde(default)]
    pub retest: bool,
}

impl Selection {
    /// Whether the plan's own choice is narrowed by hand.
    #[must_use]
    pub fn narrows(&self) -> bool {
        !(self.only.is_empty() && self.skip.is_empty() && self.tags.is_empty())
    }

    /// Whether a check is wanted.
    #[must_use]
    pub fn wants(&self, id: &str, tags: &[String]) -> bool {
        let named = |patterns: &[String]| {
            patterns.iter().any(|pattern| {
                pattern == id || glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(id))
            })
        };
        (self.only.is_empty() || named(&self.only))
            && !named(&self.skip)
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(address) = self.page {
            write!(f, "the page at {address}, served by ")?;
        }
        write!(f, "{} on {} (process {})", self.user, self.host, self.pid)
    }
}
