//! The night as a timeline: one line an event that people care for, in the plan's zone, for the post-mortem.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::text;
use crate::clock::AGREEMENT;
use crate::journal::event::{Change, Event, LeaseChange, Line, Record, RunStarted};
use crate::journal::people::{Decision, Speaker, Vote, Voted};
use crate::journal::rollback::Step;
use crate::journal::run::Run;
use crate::model::notification::{Delivery, Notified};
use crate::model::outline::Severity;
use crate::period::Period;
use crate::verdict::{Row, Standing, assess};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// The same in the plan's zone, as `Sun 23 Sep 02:00:00`.
    pub local: String,
    /// Its number in the journal; that of the verdict for a failure; 0 while it waits to be sent.
    pub seq: u64,
    /// What happened, in words.
    pub text: String,
}

/// Tells the events of a run one after the other.
#[derive(Debug)]
pub struct Timeline {
    run: Option<Run>,
    id: String,
    zone: TimeZone,
    all: bool,
}

impl Timeline {
    /// The timeline of a run: of every event, or of those that people care for.
    #[must_use]
    pub fn new(id: &str, all: bool) -> Self {
        Self { run: None, id: id.to_owned(), zone: TimeZone::UTC, all }
    }

    /// The run as far as it was told.
    #[must_use]
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// What one event adds.
    ///
    /// # Errors
    /// A sentence, when the line cannot begin a run.
    pub fn tell(&mut self, line: Line) -> Result<Vec<Entry>, String> {
        let (at, seq) = (line.at, line.seq);
        let counts = !line.late.as_ref().is_some_and(|late| late.superseded);
        let late = self.late(&line, self.run.as_ref().map(|run| run.latest_at));
        let said = self.said(&line.what);
        let is_verdict = counts && matches!(line.what, Event::Verdict { .. });
        if let Some(run) = &mut self.run {
            run.apply(line);
        } else {
            let run = Run::begin(&self.id, line)?;
            let zone = run.outline.zone.as_deref().and_then(crate::clock::zone);
            self.zone = zone.unwrap_or_else(TimeZone::system);
            self.run = Some(run);
        }
        let mut entries = if is_verdict { self.failures(seq) } else { Vec::new() };
        entries.extend(said.map(|said| self.entry(at, seq, &format!("{said}{late}"))));
        Ok(entries)
    }

    /// The timeline of a run from what it remembers: without the failures that stood behind each verdict.
    #[must_use]
    pub fn of(run: &Run) -> Vec<Entry> {
        let zone = run.outline.zone.as_deref().and_then(crate::clock::zone);
        let timeline = Self { zone: zone.unwrap_or_else(TimeZone::system), ..Self::new(&run.id, false) };
        let mut latest: Option<Timestamp> = None;
        let told = run.history.iter().filter_map(|line| {
            let late = timeline.late(line, latest);
            latest = latest.max(Some(line.at));
            let said = timeline.said(&line.what)?;
            Some(timeline.entry(line.at, line.seq, &format!("{said}{late}")))
        });
        told.collect()
    }

    /// How a line came late, or was written by a clock that is behind what was written before.
    fn late(&self, line: &Line, latest: Option<Timestamp>) -> String {
        match &line.late {
            Some(late) if late.superseded => {
                " (came after another run had the lease: does not count)".to_owned()
            }
            Some(late) if line.seq == 0 => {
                format!(" (waits to be sent, number {} of {})", late.number, late.sender)
            }
            Some(late) => format!(" (arrived {})", self.local(late.arrived)),
            None => latest.map(|latest| ran_back(latest, line.at)).unwrap_or_default(),
        }
    }

    /// A moment in the plan's zone.
    fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M:%S").to_string()
    }

    fn entry(&self, at: Timestamp, seq: u64, said: &str) -> Entry {
        Entry { at, local: self.local(at), seq, text: text::line(said).into_owned() }
    }

    fn said(&self, what: &Event) -> Option<String> {
        match what {
            Event::RunStarted(started) => Some(self.began(started)),
            Event::StageStarted { stage, expected, left_out } => {
                let left = if left_out.is_empty() {
                    String::new()
                } else {
                    format!(", {} left out by hand", left_out.len())
                };
                Some(format!("stage {stage} began: {} to be answered{left}", expected.len()))
            }
            Event::Verdict { stage, verdict, reasons, revokes } => {
                let why = reasons.first().map(|reason| format!(": {}", reason.text)).unwrap_or_default();
                let revoked = if revokes.is_empty() {
                    String::new()
                } else {
                    format!("; the provisional go of {} is REVOKED", revokes.join(", "))
                };
                Some(format!("stage {stage} is {verdict}{why}{revoked}"))
            }
            Event::Recorded(record) => Some(recorded(record)),
            Event::Lease(change) => Some(lease(change)),
            Event::Voted(said) => Some(voted(said)),
            Event::Accepted(said) => {
                Some(by(&said.speaker, &format!("{} is accepted as it is", said.check), Some(&said.because)))
            }
            Event::Waived(said) => {
                let waiver = &said.waiver;
                let told = format!("{} is waived until {}", waiver.check, waiver.until);
                Some(by(&said.speaker, &told, Some(&waiver.because)))
            }
            Event::Extended(said) => {
                let word = if said.extension.granted { "granted" } else { "asked for, not granted" };
                let told = format!("more time is {word}, until {}", self.local(said.extension.until));
                Some(by(&said.speaker, &told, said.because.as_ref()))
            }
            Event::Decided(said) => {
                let word = match said.decision {
                    Decision::Go => "GO: it goes on",
                    Decision::Rollback => "ROLLBACK: it is taken back",
                };
                Some(by(&said.speaker, &format!("decided: {word}"), said.because.as_ref()))
            }
            Event::PlanEdited(edited) => {
                let told = format!("the plan was edited: {}", edited.edit.told());
                Some(by(&edited.speaker, &told, None))
            }
            Event::Handover(said) => Some(by(
                &said.speaker,
                &format!("{} is in charge from now on", said.to),
                said.because.as_ref(),
            )),
            Event::Notified(notified) => told(notified, self.all),
            Event::Note(said) => Some(by(&said.speaker, &format!("note: {}", said.text), None)),
            Event::Rollback(event) => Some(by(&event.speaker, &rollback(&event.step), None)),
            Event::RunFinished { verdict, interrupted } => {
                Some(format!("the round ended{}: {verdict}", if *interrupted { ", interrupted" } else { "" }))
            }
            Event::Seen { stage, check, vantage, attempt, trace } => self.all.then(|| {
                let broke = trace
                    .broken()
                    .map(|(layer, fault)| format!(": {layer} broke, {fault}"))
                    .unwrap_or_default();
                format!("{stage}: looked at {check} from {vantage}, try {attempt}{broke}")
            }),
            Event::Judged { stage, check, vantage, judgement, flaky } => self.all.then(|| {
                let flaky =
                    flaky.as_ref().map(|flaky| format!(" on try {}", flaky.attempt)).unwrap_or_default();
                format!(
                    "{stage}: {check} from {vantage} is {}{flaky}: {}",
                    judgement.outcome, judgement.message
                )
            }),
            Event::Examined { stage, check, vantage, examination } => self.all.then(|| {
                format!("{stage}: {check} from {vantage}: {} more questions asked", examination.answers.len())
            }),
            Event::Unknown => self.all.then(|| "an event of a newer gonogo".to_owned()),
        }
    }

    fn began(&self, started: &RunStarted) -> String {
        let again = if started.selection.retest { "a retest" } else { "a round" };
        let stages = match started.selection.stages.as_slice() {
            [] => String::new(),
            stages => format!(" of {}", stages.join(", ")),
        };
        let plan = started
            .outline
            .as_ref()
            .map(|outline| format!("; the plan is {}", outline.name))
            .unwrap_or_default();
        let order = started
            .out_of_order
            .as_ref()
            .map(|begun| format!(", OUT OF ORDER ({}) because {}", begun.before.join("; "), begun.because));
        let order = order.unwrap_or_default();
        format!(
            "{again}{stages} began{order}: round {} of attempt {}, by {}, run {}{plan}",
            started.round, started.attempt, started.actor, self.id
        )
    }

    /// The blockers and majors that did not pass in the stage that just ended, each with its cause.
    fn failures(&self, seq: u64) -> Vec<Entry> {
        let Some(run) = &self.run else { return Vec::new() };
        let at = run.latest_at;
        let assessment = assess(run, at);
        let ended = assessment.stages.iter().filter(|stage| stage.ended_at == Some(at));
        let rows = ended.flat_map(|stage| &stage.rows);
        let grave =
            rows.filter(|row| matches!(row.standing, Standing::Counts(Severity::Blocker | Severity::Major)));
        grave.map(|row| self.entry(row.seen_at.unwrap_or(at), seq, &failed(row))).collect()
    }
}

/// That a clock is behind what was written before.
fn ran_back(latest: Timestamp, at: Timestamp) -> String {
    let behind = latest.duration_since(at);
    if behind <= AGREEMENT {
        return String::new();
    }
    format!(" (by a clock {} behind what was written before)", Period(behind.unsigned_abs()).brief())
}

fn failed(row: &Row<'_>) -> String {
    let cause = row.diagnoses.first().map(|cause| format!("; cause: {} [{}]", cause.cause, cause.id));
    format!(
        "{} {} from {}: {}: {}{}",
        row.check.severity,
        row.check.id,
        row.vantage,
        row.judgement.outcome,
        row.judgement.message,
        cause.unwrap_or_default()
    )
}

fn recorded(record: &Record) -> String {
    let evidence = record.evidence.as_ref().map(|evidence| format!(": {evidence}")).unwrap_or_default();
    format!(
        "{} is {}, says {}{evidence} (typed by {})",
        record.check, record.outcome, record.by, record.actor
    )
}

/// What somebody said, why, and who typed it.
fn by(speaker: &Speaker, told: &str, because: Option<&String>) -> String {
    let because = because.map(|because| format!(", because {because}")).unwrap_or_default();
    format!("{told}, says {}{because} (typed by {})", speaker.by, speaker.actor)
}

fn told(notified: &Notified, all: bool) -> Option<String> {
    let Notified { to, of, tries, outcome, .. } = notified;
    match outcome {
        Delivery::Begun(_) => all.then(|| format!("{to} is being told: {of}")),
        Delivery::Sent => Some(format!("{to} was told: {of}")),
        Delivery::Failed(reason) => Some(format!("{to} could NOT be told: {of}: {reason} (tries: {tries})")),
    }
}

fn voted(said: &Voted) -> String {
    let vote = match said.vote {
        Vote::Go => "GO",
        Vote::NoGo => "NO-GO",
    };
    by(&said.speaker, &format!("{} votes {vote} on {}", said.voter, said.stage), said.because.as_ref())
}

fn rollback(step: &Step) -> String {
    match step {
        Step::Started => "the way back begins".to_owned(),
        Step::Undone { stage } => format!("stage {stage} is undone"),
        Step::Done => "the rollback is done".to_owned(),
        Step::Verified(found) if found.is_good() => {
            format!("the rollback is verified: {} checks are as they were", found.same)
        }
        Step::Verified(found) => format!(
            "the rollback is NOT as before: {} checks are as they were; {}",
            found.same,
            found.differs.join("; ")
        ),
    }
}

fn lease(change: &LeaseChange) -> String {
    let LeaseChange { change, before, actor, by } = change;
    match change {
        Change::Expired => format!("the run lease had expired: {before} was gone, and {actor} has it now"),
        Change::TakenOver => format!(
            "the run lease was taken from {before} by {}: {actor} has it now",
            by.as_deref().unwrap_or("nobody named")
        ),
        Change::Regained => format!("{actor} was cut off from the journal, and has the run lease again"),
        Change::Lost => format!("{actor} was cut off from the journal, and lost the run lease to {before}"),
    }
}
