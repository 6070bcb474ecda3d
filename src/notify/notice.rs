//! What happened, in words that are safe to show: `gonogo.notification/1`. Pure, from a judged run.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::event::Event;
use crate::journal::run::Run;
use crate::model::layer::Layer;
use crate::model::notification::Occasion;
use crate::model::outcome::Outcome;
use crate::model::outline::{CheckId, Outline, Severity};
use crate::model::verdict::{Reason, Verdict};
use crate::report::clock::{Told, Wall};
use crate::report::{self, text};
use crate::verdict::{Assessment, Row, Standing};
use crate::window::{Clock, State};

/// The name of this format.
pub const SCHEMA: &str = "gonogo.notification/1";
/// Checks told; the others are counted.
pub(super) const MOST: usize = 10;
/// Characters of one text.
const LONGEST: usize = 400;
/// A clock that ran out longer ago than this is nobody's news: the night is over.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// What happened. Texts are one line each, with nothing in them that drives a terminal or hides.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Notice {
    /// Always `gonogo.notification/1`.
    pub schema: &'static str,
    /// The same for every try and every sender of it: take it once.
    pub id: String,
    /// What kind of news it is.
    pub of: Occasion,
    /// When the run was judged.
    pub at: Timestamp,
    /// It in a few words, such as `NO-GO: stage 2 of 4: app2`.
    pub headline: String,
    /// It to read aloud.
    pub say: String,
    /// The clock was set by hand, or it is a test: nothing of it is real.
    pub rehearsal: bool,
    /// The plan's name.
    pub plan: String,
    /// The change it belongs to.
    pub change: Option<String>,
    /// The run's id; empty in a test.
    pub run: String,
    /// The attempt, from 1; 0 in a test.
    pub attempt: u32,
    /// The stage begun last; null before the first.
    pub stage: Option<String>,
    /// The decision about the run as far as it has come; null while the stage still runs.
    pub verdict: Option<Verdict>,
    /// Whether one may go on.
    pub go: bool,
    /// What did not pass, the worst first.
    pub failures: Vec<Failure>,
    /// More that did not pass.
    pub failures_left_out: usize,
    /// Checks owed at a later stage.
    pub owed: usize,
    /// How the night stands; null without a window.
    pub clock: Option<Night>,
    #[serde(skip)]
    pub(super) key: String,
    /// The new blockers it tells of.
    #[serde(skip)]
    pub(super) blockers: Vec<CheckId>,
}

/// One check that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The check.
    pub check: String,
    /// Where it was looked at from.
    pub from: Vec<String>,
    /// How much it decides.
    pub severity: Severity,
    /// What came of it.
    pub outcome: Outcome,
    /// The layer that broke, when one did.
    pub layer: Option<Layer>,
    /// What was seen.
    pub message: String,
    /// Why, as far as is known.
    pub cause: Option<String>,
    /// What to do.
    #[serde(rename = "do")]
    pub next: Option<String>,
    /// Who owns it.
    pub owner: Option<String>,
}

/// How the night stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Night {
    /// The word for it.
    pub state: State,
    /// The moment it is about: the last one to decide, once a stage has begun.
    pub by: Timestamp,
    /// When everything must be up.
    pub deadline: Timestamp,
    /// The same in words, in the plan's zone.
    pub told: String,
}

/// JSON Schema (draft 2020-12) of a notification.
#[must_use]
pub fn notification_schema() -> serde_json::Value {
    crate::model::printed::schema::<Notice>(SCHEMA)
}

impl Notice {
    /// A stage has ended. A stage that comes out the same when it is looked at again is no news.
    pub(super) fn of_stage(told: &Assessment<'_>, index: usize) -> Self {
        let id = &told.outline.stages[index].id;
        let round = since(told.run, id);
        let headline = format!("{}: {}", told.verdict, place(told, index));
        let key = format!("stage:{id}:{round}:{}", told.verdict.name());
        let (failures, left_out) = failures(told, |_| true);
        Self {
            verdict: Some(told.verdict),
            go: told.verdict.is_go(),
            failures,
            failures_left_out: left_out,
            ..Self::new(told, Occasion::Stage, key, &headline, &report::sentence(told))
        }
    }

    /// Blockers have failed that had not failed before, in a stage that runs, or has just ended.
    pub(super) fn of_blockers(told: &Assessment<'_>, index: usize, fresh: &[CheckId]) -> Self {
        let id = &told.outline.stages[index].id;
        let count = fresh.len();
        let (noun, names) = (if count == 1 { "blocker" } else { "blockers" }, names(fresh));
        let headline = format!("{count} new {noun} in {}: {names}", place(told, index));
        let say = if told.run.stages[index].ended_at.is_some() {
            format!("{count} {noun} failed in stage {id}, which has ended: {names}.")
        } else {
            format!("{count} {noun} failed while stage {id} still runs: {names}.")
        };
        let first = fresh.first().map_or("", |first| first);
        let key = format!("blocker:{id}:{}:{first}:{count}", told.run.rounds);
        let (failures, left_out) = failures(told, |row| fresh.contains(&row.check.id));
        Self {
            failures,
            failures_left_out: left_out,
            blockers: fresh.to_vec(),
            ..Self::new(told, Occasion::Blocker, key, &headline, &say)
        }
    }

    /// The time has run out, or is about to; none when it has not, or when nothing hangs on it any more.
    pub(super) fn of_clock(told: &Assessment<'_>) -> Option<Self> {
        // Before the first stage there is nothing to turn back.
        let (clock, index) = (told.clock.as_ref()?, told.current?);
        let of = match clock.state {
            State::Up | State::Comfortable | State::Tight => return None,
            State::DecideNow => Occasion::DecideNow,
            State::Overdue => Occasion::Overdue,
        };
        let is_decided = told.run.people.decision().is_some() && of == Occasion::DecideNow;
        if clock.way_back.is_some() || is_decided || told.at.duration_since(clock.by) > NEWS {
            return None;
        }
        let headline = format!("{}: {}", clock.state.spoken(), place(told, index));
        let key = format!("{}:{}", of.name(), clock.by.as_second());
        let say = format!("The clock says {}.", night(told, clock).told);
        let verdict = told.run.finished.then_some(told.verdict);
        let (failures, left_out) = failures(told, |_| told.run.finished);
        Some(Self {
            verdict,
            go: verdict.is_some_and(Verdict::is_go),
            failures,
            failures_left_out: left_out,
            ..Self::new(told, of, key, &headline, &say)
        })
    }

    /// Nothing has happened: it is sent to see whether it arrives.
    pub(super) fn of_nothing(outline: &Outline) -> Self {
        let at = crate::clock::now();
        let key = format!("test:{}", at.as_second());
        Self {
            schema: SCHEMA,
            id: key.clone(),
            of: Occasion::Stage,
            at,
            headline: clean(&format!("TEST of {}: nothing has happened", outline.name)),
            say: "This is a test: nothing has happened, and there is nothing to do.".to_owned(),
            rehearsal: true,
            plan: clean(&outline.name),
            change: outline.change.as_deref().map(clean),
            run: String::new(),
            attempt: 0,
            stage: None,
            verdict: None,
            go: false,
            failures: Vec::new(),
            failures_left_out: 0,
            owed: 0,
            clock: None,
            key,
            blockers: Vec::new(),
        }
    }

    fn new(told: &Assessment<'_>, of: Occasion, key: String, headline: &str, say: &str) -> Self {
        let rehearsal = told.run.clock_set || crate::clock::is_set();
        let lead = if rehearsal { "REHEARSAL: " } else { "" };
        Self {
            schema: SCHEMA,
            id: format!("{}:{key}", told.run.id),
            of,
            at: told.at,
            headline: clean(&format!("{lead}{headline}")),
            // It is longer than the others, and the first thing that is read.
            say: text::cut(&text::line(&format!("{lead}{say}")), 4 * LONGEST).into_owned(),
            rehearsal,
            plan: clean(&told.outline.name),
            change: told.outline.change.as_deref().map(clean),
            run: told.run.id.clone(),
            attempt: told.run.attempt,
            stage: told.current.map(|index| told.outline.stages[index].id.clone()),
            verdict: None,
            go: false,
            failures: Vec::new(),
            failures_left_out: 0,
            owed: told.debts.len(),
            clock: told.clock.as_ref().map(|clock| night(told, clock)),
            key,
            blockers: Vec::new(),
        }
    }

    /// What stands at the end of every message: where to look.
    pub(super) fn foot(&self) -> String {
        let change = self.change.as_ref().map(|change| format!(", {change}")).unwrap_or_default();
        let owed = match self.owed {
            0 => String::new(),
            1 => "; 1 check is owed".to_owned(),
            owed => format!("; {owed} checks are owed"),
        };
        let clock = self.clock.as_ref().map(|clock| format!("; clock: {}", clock.told)).unwrap_or_default();
        let run = if self.run.is_empty() {
            String::new()
        } else {
            format!(", run {} attempt {}", self.run, self.attempt)
        };
        format!("{}{change}{run}{owed}{clock}", self.plan)
    }

    /// How many failures are not told.
    pub(super) fn more(&self, shown: usize) -> Option<String> {
        let more = self.failures.len().saturating_sub(shown) + self.failures_left_out;
        (more > 0).then(|| format!("and {more} more: gonogo status"))
    }
}

impl Failure {
    /// It in lines: what, why, and what to do.
    pub(super) fn lines(&self) -> Vec<String> {
        let layer = self.layer.map(|layer| format!(" ({layer})")).unwrap_or_default();
        let owner = self.owner.as_ref().map(|owner| format!(" [owner {owner}]")).unwrap_or_default();
        let from = self.from.join(", ");
        let what = format!("{} {} from {from}{layer}: {}{owner}", self.severity, self.check, self.message);
        let cause = self.cause.as_ref().map(|cause| format!("cause: {cause}"));
        let next = self.next.as_ref().map(|next| format!("do: {next}"));
        [Some(what), cause, next].into_iter().flatten().collect()
    }
}

pub(super) fn clean(words: &str) -> String {
    text::cut(&text::line(words), LONGEST).into_owned()
}

fn place(told: &Assessment<'_>, index: usize) -> String {
    let stages = &told.outline.stages;
    format!("stage {} of {}: {}", index + 1, stages.len(), stages[index].id)
}

fn names(checks: &[CheckId]) -> String {
    /// Names told.
    const NAMED: usize = 5;
    let named = checks.iter().take(NAMED).map(|check| &**check).collect::<Vec<_>>().join(", ");
    match checks.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn night(told: &Assessment<'_>, clock: &Clock) -> Night {
    let wall = Wall::of(told.outline, told.at);
    let line = Told { clock, outline: told.outline, wall: &wall }.line();
    Night { state: clock.state, by: clock.by, deadline: clock.deadline, told: clean(&line) }
}

/// What did not pass and decides, the worst first; and how many more.
fn failures(told: &Assessment<'_>, wanted: impl Fn(&Row<'_>) -> bool) -> (Vec<Failure>, usize) {
    let counts = |row: &&Row<'_>| match row.standing {
        Standing::Counts(severity) => severity != Severity::Info && wanted(row),
        Standing::Passed | Standing::Owed | Standing::Waived | Standing::Accepted | Standing::Awaiting => {
            false
        }
    };
    let mut by_check: Vec<Vec<&Row<'_>>> = Vec::new();
    for row in told.rows.iter().filter(counts) {
        match by_check.last_mut() {
            Some(rows) if rows[0].check.id == row.check.id => rows.push(row),
            _ => by_check.push(vec![row]),
        }
    }
    let saw_it = |rows: &[&Row<'_>]| rows.iter().any(|row| row.judgement.outcome == Outcome::Fail);
    by_check.sort_by_key(|rows| std::cmp::Reverse((rows[0].check.severity, saw_it(rows))));
    let left_out = by_check.len().saturating_sub(MOST);
    (by_check.iter().take(MOST).map(|rows| failure(told, rows)).collect(), left_out)
}

fn failure(told: &Assessment<'_>, rows: &[&Row<'_>]) -> Failure {
    let (first, check) = (rows[0], rows[0].check);
    let cause = rows.iter().find_map(|row| row.diagnoses.first());
    Failure {
        check: check.id.to_string(),
        from: rows.iter().take(MOST).map(|row| clean(row.vantage)).collect(),
        severity: check.severity,
        outcome: first.judgement.outcome,
        layer: first.judgement.layer,
        message: clean(&first.judgement.message),
        cause: cause.map(|cause| clean(&format!("{} [{}]", cause.cause, cause.id))),
        next: cause.and_then(|cause| cause.next.first()).map(|next| clean(next)),
        owner: check.owner.as_deref().map(|owner| clean(told.outline.person(owner))),
    }
}

/// The round since which the same is said of a stage.
fn since(run: &Run, stage: &str) -> u32 {
    let mut round = 0;
    let mut said: Option<(Verdict, &[Reason], u32)> = None;
    for line in run.history.iter().filter(|line| !line.late.as_ref().is_some_and(|late| late.superseded)) {
        if let Event::RunStarted(started) = &line.what {
            round = started.round;
        }
        let Event::Verdict { stage: of, verdict, reasons, .. } = &line.what else { continue };
        let is_same = said.is_some_and(|(known, why, _)| known == *verdict && why == reasons.as_slice());
        if of == stage && !is_same {
            said = Some((*verdict, reasons, round));
        }
    }
    said.map_or(round, |(.., round)| round)
}
