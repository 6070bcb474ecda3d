//! The words for a decision, worst last, and why it was taken.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The decision about a stage or a run, ordered by gravity: the worst is `max()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that decides has passed.
    Go,
    /// Only minors did not pass, or somebody named answers for the rest.
    GoWithIssues,
    /// Nothing that decides has failed, but something is owed or was left out.
    ProvisionalGo,
    /// A person's word is awaited.
    Hold,
    /// Turn back, or repair and look again.
    NoGo,
}

impl Verdict {
    /// The word in results: `go`, `go_with_issues`, `provisional_go`, `hold`, `no_go`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::GoWithIssues => "go_with_issues",
            Self::ProvisionalGo => "provisional_go",
            Self::Hold => "hold",
            Self::NoGo => "no_go",
        }
    }

    /// The word as it is read aloud.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::GoWithIssues => "GO WITH ISSUES",
            Self::ProvisionalGo => "PROVISIONAL GO",
            Self::Hold => "HOLD",
            Self::NoGo => "NO-GO",
        }
    }

    /// Whether one may go on: only for GO and GO WITH ISSUES, so that a naive reader fails closed.
    #[must_use]
    pub const fn is_go(self) -> bool {
        matches!(self, Self::Go | Self::GoWithIssues)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.spoken())
    }
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which rule spoke; `gonogo explain` knows it.
    pub id: ReasonId,
    /// The verdict this reason alone would give.
    pub verdict: Verdict,
    /// One sentence.
    pub text: String,
    /// The checks it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
}

macro_rules! reason_ids {
    ($($(#[doc = $doc:literal])+ $Variant:ident = $name:literal,)+) => {
        /// The rules that give a verdict.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ReasonId {
            $($(#[doc = $doc])+ $Variant,)+
        }

        impl ReasonId {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$Variant),+];

            /// The identifier used in results and by `gonogo explain`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)+ }
            }
        }
    };
}

reason_ids! {
    /// A blocker failed.
    BlockerFailed = "blocker_failed",
    /// We could not look at a blocker.
    BlockerErrored = "blocker_errored",
    /// No answer about a blocker.
    BlockerSilent = "blocker_silent",
    /// A blocker was not run.
    BlockerNotRun = "blocker_not_run",
    /// A major did not pass.
    MajorNotPassed = "major_not_passed",
    /// More minors did not pass than the plan allows.
    TooManyMinors = "too_many_minors",
    /// Some minors did not pass.
    MinorsNotPassed = "minors_not_passed",
    /// A failure is covered by a waiver.
    Waived = "waived",
    /// A minor failure shares its endpoint or system with an open debt or a failing blocker.
    Suspect = "suspect",
    /// A failure is accepted by name.
    Accepted = "accepted",
    /// A voter of the stage says no-go.
    VotedNoGo = "voted_no_go",
    /// A voter of the stage has not voted.
    AwaitingVote = "awaiting_vote",
    /// Somebody who may decided to roll back.
    DecidedRollback = "decided_rollback",
    /// It is being rolled back, or was.
    RolledBack = "rolled_back",
    /// A person has to record a manual check.
    AwaitingPerson = "awaiting_person",
    /// Checks are owed at a later stage.
    DebtsOpen = "debts_open",
    /// A check owed by now was not looked at.
    DebtPastDue = "debt_past_due",
    /// The last moment to decide has passed.
    Overdue = "overdue",
    /// A clock ran back while the run went on, or is behind what was written.
    ClockSetBack = "clock_set_back",
    /// The clock was set by hand.
    Rehearsal = "rehearsal",
    /// Checks were left out by `--only`, `--skip` or `--tag`.
    LeftOut = "left_out",
    /// An earlier stage was not run in this attempt.
    StageSkipped = "stage_skipped",
    /// An earlier stage of this attempt is not a go.
    EarlierStage = "earlier_stage",
    /// Nothing was selected.
    NothingSelected = "nothing_selected",
    /// Nothing was executed.
    NothingExecuted = "nothing_executed",
    /// The run was interrupted.
    Interrupted = "interrupted",
    /// A stage was asked for before those that come before it had a go.
    OutOfOrder = "out_of_order",
    /// The plan was edited while the run went on.
    PlanEdited = "plan_edited",
    /// The plan could not be loaded.
    PlanError = "plan_error",
    /// The journal could not be written or read.
    JournalError = "journal_error",
}
