//! The only judge: a run in, an assessment out. Pure. The rules are in `stage.rs`; exit codes in `exit.rs`.

mod exit;
mod order;
mod overdue;
mod people;
mod rows;
mod stage;
mod suspect;

use jiff::Timestamp;

pub use exit::Exit;
pub use order::out_of_order;
pub use rows::{Row, Standing};
pub use suspect::Suspicion;

use crate::journal::run::Run;
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, Outline, Severity, Stage, Waiver};
use crate::model::verdict::{Reason, ReasonId, Verdict};
use crate::window::Clock;

/// A judged run: everything reports print.
#[derive(Debug, Clone)]
pub struct Assessment<'a> {
    /// The run.
    pub run: &'a Run,
    /// The plan.
    pub outline: &'a Outline,
    /// When it was judged.
    pub at: Timestamp,
    /// The decision about the run as far as it has come.
    pub verdict: Verdict,
    /// Why: the worst first.
    pub reasons: Vec<Reason>,
    /// Every stage of the plan, in order.
    pub stages: Vec<StageAssessment<'a>>,
    /// The stage begun last; none before the first.
    pub current: Option<usize>,
    /// One row for each check and vantage: what was seen last, in the order of the plan.
    pub rows: Vec<Row<'a>>,
    /// The rows counted.
    pub counts: Counts,
    /// Checks owed at a later stage.
    pub debts: Vec<Debt<'a>>,
    /// Waivers that cover a failure, and those nobody needs.
    pub waivers: Vec<WaiverUse<'a>>,
    /// Checks left out by hand in a stage that was run.
    pub left_out: Vec<&'a Check>,
    /// The clock; none without a window.
    pub clock: Option<Clock>,
}

/// A judged stage.
#[derive(Debug, Clone)]
pub struct StageAssessment<'a> {
    /// Its place in the plan, from 0.
    pub index: usize,
    /// The stage.
    pub stage: &'a Stage,
    /// The decision; none when it was not begun.
    pub verdict: Option<Verdict>,
    /// Why: the worst first.
    pub reasons: Vec<Reason>,
    /// Its rows, in the order of the plan.
    pub rows: Vec<Row<'a>>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When its verdict was said.
    pub ended_at: Option<Timestamp>,
    /// Checks put off here that have not come due yet.
    pub open: Vec<&'a str>,
    /// Its provisional go was revoked: these debts came due and did not pass.
    pub revoked_by: Vec<&'a str>,
    /// It was provisional, and every debt has since been paid.
    pub settled: bool,
}

impl StageAssessment<'_> {
    fn add(&mut self, reason: Reason) {
        self.reasons.push(reason);
        self.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        self.verdict = Some(verdict_of(&self.reasons));
    }
}

/// A check owed at a later stage.
#[derive(Debug, Clone)]
pub struct Debt<'a> {
    /// The check.
    pub check: &'a Check,
    /// Index of the stage it is due at.
    pub due: usize,
    /// Why it was put off.
    pub because: &'a str,
}

/// A waiver, and what it did.
#[derive(Debug, Clone)]
pub struct WaiverUse<'a> {
    /// The waiver.
    pub waiver: &'a Waiver,
    /// What became of it.
    pub state: WaiverState,
}

/// What became of a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// It covers a failure.
    Covers,
    /// Its check passed: it is not needed.
    Unneeded,
    /// Its check failed in another way than it names.
    DoesNotCover,
    /// Its last day has passed: it is no waiver.
    Expired,
    /// Its check has not been looked at.
    Unseen,
}

/// Rows counted by outcome and modifier.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Counts {
    /// All rows.
    pub total: usize,
    /// Outcome pass.
    pub pass: usize,
    /// Outcome fail.
    pub fail: usize,
    /// Outcome error: we could not look.
    pub error: usize,
    /// Outcome `no_answer`.
    pub no_answer: usize,
    /// Outcome `not_run`.
    pub not_run: usize,
    /// Passed after a retry.
    pub flaky: usize,
    /// Owed at a later stage.
    pub deferred: usize,
    /// Covered by a waiver.
    pub waived: usize,
    /// Accepted by name.
    pub accepted: usize,
}

impl Counts {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut counts = Self { total: rows.len(), ..Self::default() };
        for row in rows {
            match row.judgement.outcome {
                Outcome::Pass => counts.pass += 1,
                Outcome::Fail => counts.fail += 1,
                Outcome::Error => counts.error += 1,
                Outcome::NoAnswer => counts.no_answer += 1,
                Outcome::NotRun => counts.not_run += 1,
            }
            counts.flaky += usize::from(row.flaky.is_some());
            counts.deferred += usize::from(row.deferred_until.is_some());
            counts.waived += usize::from(row.standing == Standing::Waived);
            counts.accepted += usize::from(row.standing == Standing::Accepted);
        }
        counts
    }
}

/// Judge a run as it stands at `at`.
#[must_use]
pub fn assess(run: &Run, at: Timestamp) -> Assessment<'_> {
    let behind = run.latest_at.duration_since(at);
    let at = run.time(at);
    let outline = &*run.outline;
    let rows = rows::Rows::new(run, at);
    let current = run.current_stage();
    let mut stages: Vec<StageAssessment<'_>> =
        (0..outline.stages.len()).map(|index| stage::assess(run, &rows, index)).collect();
    let debts = stage::debts(run, &rows, current);
    let left_out = stage::left_out(run);
    let mut reasons = run_reasons(run, &stages, rows.latest(), current);
    let is_up = current.is_some_and(|index| index + 1 == stages.len()) && verdict_of(&reasons).is_go();
    let clock = overdue::clock(run, is_up, at);
    if let Some(stage) = current.and_then(|index| stages.get_mut(index)) {
        let of_run = [
            clock.as_ref().and_then(overdue::reason),
            overdue::rehearsal(run),
            overdue::set_back(run.set_back.max(behind)),
            people::edits(run),
        ];
        for reason in of_run.into_iter().flatten() {
            // It is said of the stage as well: who reads only that must not read a go.
            stage.add(reason.clone());
            reasons.push(reason);
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    }
    Assessment {
        run,
        outline,
        at,
        verdict: verdict_of(&reasons),
        reasons,
        current,
        counts: Counts::of(rows.latest()),
        debts,
        waivers: rows.waivers(),
        left_out,
        clock,
        stages,
        rows: rows.into_latest(),
    }
}

/// Judge the newest run as it stands at `at`, for whoever follows it: one that goes on is no go, and so is one of which we may
/// not know everything, with why not in `trouble`.
#[must_use]
pub fn assess_live<'a>(run: &'a Run, at: Timestamp, trouble: Option<&str>) -> Assessment<'a> {
    let mut told = assess(run, at);
    if !run.finished {
        let text = "a run is going on, or it was killed: not every check has answered".to_owned();
        told.fail(ReasonId::Interrupted, text);
    }
    if let Some(trouble) = trouble {
        told.fail(ReasonId::JournalError, format!("what is known may be old: {trouble}"));
    }
    told
}

/// The worst verdict among reasons; GO when there is none.
#[must_use]
pub fn verdict_of(reasons: &[Reason]) -> Verdict {
    reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Go)
}

impl Assessment<'_> {
    /// Whether its run goes on and nothing that decides has failed so far: no go yet, and called a NO-GO once something has.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let decides = |row: &Row<'_>| {
            matches!(row.standing, Standing::Counts(Severity::Blocker | Severity::Major))
                && row.judgement.outcome == Outcome::Fail
        };
        !self.run.finished && !self.rows.iter().any(decides)
    }

    /// Our own trouble makes it a NO-GO, whatever was seen.
    pub fn fail(&mut self, id: ReasonId, text: String) {
        self.reasons.insert(0, Reason { id, verdict: Verdict::NoGo, text, checks: Vec::new() });
        self.verdict = Verdict::NoGo;
    }
}

/// The reasons of the current stage, then what earlier stages add.
fn run_reasons(
    run: &Run,
    stages: &[StageAssessment<'_>],
    latest: &[Row<'_>],
    current: Option<usize>,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if run.interrupted {
        let text = "the run was interrupted before every check had answered".to_owned();
        reasons.push(Reason { id: ReasonId::Interrupted, verdict: Verdict::NoGo, text, checks: Vec::new() });
    }
    reasons.extend(people::turned_back(run));
    let Some(current) = current else {
        let text = "no stage was run".to_owned();
        reasons.push(Reason {
            id: ReasonId::NothingExecuted,
            verdict: Verdict::NoGo,
            text,
            checks: Vec::new(),
        });
        return reasons;
    };
    let because = run.out_of_order.as_ref().map(|begun| format!(" (out of order: {})", begun.because));
    let because = because.unwrap_or_default();
    for stage in stages.iter().take(current + 1) {
        if stage.index == current {
            reasons.extend(stage.reasons.iter().cloned());
            continue;
        }
        let id = &stage.stage.id;
        match stage.verdict {
            None => reasons.push(Reason {
                id: ReasonId::StageSkipped,
                verdict: Verdict::ProvisionalGo,
                text: format!("stage {id} comes earlier and was not run in this attempt{because}"),
                checks: Vec::new(),
            }),
            // Debts of an earlier stage are judged where they come due.
            Some(Verdict::ProvisionalGo)
                if stage.reasons.iter().all(|reason| {
                    matches!(reason.id, ReasonId::DebtsOpen | ReasonId::Suspect)
                        || reason.verdict < Verdict::ProvisionalGo
                }) =>
            {
                let counts = |reason: &&Reason| reason.id != ReasonId::DebtsOpen || !stage.open.is_empty();
                reasons.extend(stage.reasons.iter().filter(counts).cloned());
            }
            Some(Verdict::Go) => {}
            Some(Verdict::GoWithIssues) => reasons.extend(stage.reasons.iter().cloned()),
            Some(verdict @ (Verdict::ProvisionalGo | Verdict::Hold | Verdict::NoGo)) => {
                reasons.push(Reason {
                    id: ReasonId::EarlierStage,
                    verdict,
                    text: format!("stage {id} is {verdict}"),
                    checks: stage.reasons.iter().flat_map(|reason| reason.checks.clone()).collect(),
                });
            }
        }
    }
    // Each stage may stay within the limit while the run does not.
    if !reasons.iter().any(|reason| reason.id == ReasonId::TooManyMinors) {
        reasons.extend(stage::minors(run, latest).filter(|reason| reason.verdict == Verdict::NoGo));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    reasons
}
