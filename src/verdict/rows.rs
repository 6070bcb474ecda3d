//! Rows: one check from one vantage, with its outcome, its modifiers and how it stands in the verdict.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::suspect::{Concerns, Suspicion};
use super::{WaiverState, WaiverUse};
use crate::diagnosis::diagnose_stage;
use crate::journal::event::Flaky;
use crate::journal::people::{Accepted, At, Way};
use crate::journal::run::{RowState, Run};
use crate::model::cause::{Change, Diagnosis};
use crate::model::change::changes;
use crate::model::examination::Examination;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, Severity, Waiver};
use crate::model::permission::{Counts, Finding};
use crate::model::trace::{Ended, Observation, Seen, Trace};

/// How a row stands in the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It passed.
    Passed,
    /// It is owed at a later stage.
    Owed,
    /// A waiver covers it.
    Waived,
    /// A person took it upon themselves: a major.
    Accepted,
    /// A person has to record it.
    Awaiting,
    /// It did not pass, and counts by its severity.
    Counts(Severity),
}

/// One check from one vantage.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The check.
    pub check: &'a Check,
    /// The vantage.
    pub vantage: &'a str,
    /// Index of the stage it was looked at in.
    pub stage: usize,
    /// The outcome, in words.
    pub judgement: Cow<'a, Judgement>,
    /// How it stands in the verdict.
    pub standing: Standing,
    /// It passed only after retries.
    pub flaky: Option<&'a Flaky>,
    /// Index of the stage it is owed at.
    pub deferred_until: Option<usize>,
    /// The waiver that covers it.
    pub waiver: Option<&'a Waiver>,
    /// Who accepted that it does not pass in this way.
    pub accepted: Option<&'a At<Accepted>>,
    /// It is minor and fails, and shares something with what is not known or with a failing blocker.
    pub suspect: Option<Suspicion<'a>>,
    /// What the latest try showed; for a manual check, what a person recorded.
    pub trace: Option<Cow<'a, Trace>>,
    /// When it was seen.
    pub seen_at: Option<Timestamp>,
    /// What was asked beyond it, and what the baseline has of it when that is another.
    pub examination: Option<&'a Examination>,
    /// What explains it, best first.
    pub diagnoses: Vec<Diagnosis>,
}

impl Row<'_> {
    /// Milliseconds the latest try took.
    #[must_use]
    pub fn took_ms(&self) -> f64 {
        self.trace
            .as_ref()
            .map_or(0.0, |trace| trace.observations.iter().map(|observation| observation.took_ms).sum())
    }

    /// Who it is and from where, such as `app2-status from app1-a`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} from {}", self.check.id, self.vantage)
    }

    /// Permissions that differ, by the latest try, and how many open ones are not in that list.
    #[must_use]
    pub fn findings(&self) -> (&[Finding], Counts) {
        self.trace.as_ref().map(|trace| trace.findings()).unwrap_or_default()
    }

    /// What is not as it was when the baseline was recorded, whatever the outcome.
    #[must_use]
    pub fn changed(&self) -> Vec<Change> {
        let before = self.examination.and_then(|examination| examination.before.as_ref());
        let pair = before.zip(self.trace.as_deref());
        pair.map(|(before, now)| changes(&before.trace, now)).unwrap_or_default()
    }

    /// The layers the latest try showed.
    #[must_use]
    pub fn layers(&self) -> &[Observation] {
        self.trace.as_ref().map_or(&[], |trace| &trace.observations)
    }
}

/// The rows of every stage.
pub(super) struct Rows<'a> {
    run: &'a Run,
    by_stage: Vec<Vec<Row<'a>>>,
    /// One row for each check and vantage, the latest stage's, in the order of the plan.
    latest: Vec<Row<'a>>,
    /// Where the rows of each check stand in `latest`.
    places: HashMap<&'a str, Range<usize>>,
    today: jiff::civil::Date,
}

impl<'a> Rows<'a> {
    pub(super) fn new(run: &'a Run, at: Timestamp) -> Self {
        let zone = run.outline.zone.as_deref().and_then(crate::clock::zone);
        let today = at.to_zoned(zone.unwrap_or_else(TimeZone::system)).date();
        let mut waivers: HashMap<&str, Vec<&Waiver>> = HashMap::new();
        for waiver in every_waiver(run).filter(|waiver| waiver.until >= today) {
            waivers.entry(&waiver.check).or_default().push(waiver);
        }
        let by_stage = run.stages.iter().enumerate().map(|(index, state)| {
            let mut diagnoses = diagnose_stage(run, state);
            let known = state.rows.iter().filter_map(|(expected, row)| {
                let check = run.outline.checks.get(run.check_index(&expected.check)?)?;
                let waivers = waivers.get(&*check.id).map_or(&[][..], Vec::as_slice);
                let mut row = row_of(run, check, &expected.vantage, index, row, waivers);
                row.diagnoses = diagnoses.remove(expected).unwrap_or_default();
                Some(row)
            });
            known.collect()
        });
        let mut by_stage: Vec<Vec<Row<'a>>> = by_stage.collect();
        let mut latest = latest(run, &by_stage);
        let concerns = Concerns::of(&latest);
        for row in by_stage.iter_mut().flatten().chain(&mut latest) {
            row.suspect = concerns.suspicion(row);
        }
        let mut places: HashMap<&'a str, Range<usize>> = HashMap::with_capacity(latest.len());
        for (place, row) in latest.iter().enumerate() {
            places.entry(&row.check.id).or_insert(place..place).end = place + 1;
        }
        Self { run, by_stage, latest, places, today }
    }

    pub(super) fn stage(&self, index: usize) -> &[Row<'a>] {
        self.by_stage.get(index).map_or(&[], Vec::as_slice)
    }

    /// One row for each check and vantage, the latest stage's, in the order of the plan.
    pub(super) fn latest(&self) -> &[Row<'a>] {
        &self.latest
    }

    pub(super) fn into_latest(self) -> Vec<Row<'a>> {
        self.latest
    }

    /// The latest rows of one check, one a vantage.
    pub(super) fn latest_of(&self, check: &str) -> &[Row<'a>] {
        self.places.get(check).map_or(&[], |place| &self.latest[place.clone()])
    }

    pub(super) fn waivers(&self) -> Vec<WaiverUse<'a>> {
        let state = |waiver: &Waiver| {
            if waiver.until < self.today {
                return WaiverState::Expired;
            }
            let rows = self.latest_of(&waiver.check);
            if rows.is_empty() {
                return WaiverState::Unseen;
            }
            let covers = |row: &Row<'_>| row.waiver.is_some_and(|used| std::ptr::eq(used, waiver));
            if rows.iter().any(covers) {
                WaiverState::Covers
            } else if rows.iter().any(|row| matches!(row.standing, Standing::Counts(_))) {
                WaiverState::DoesNotCover
            } else if rows.iter().all(|row| row.standing == Standing::Passed) {
                WaiverState::Unneeded
            } else {
                WaiverState::Unseen
            }
        };
        every_waiver(self.run).map(|waiver| WaiverUse { waiver, state: state(waiver) }).collect()
    }
}

/// The plan's waivers, then those granted while the run went on.
fn every_waiver(run: &Run) -> impl Iterator<Item = &Waiver> {
    run.outline.waivers.iter().chain(run.people.waivers())
}

fn latest<'a>(run: &Run, by_stage: &[Vec<Row<'a>>]) -> Vec<Row<'a>> {
    let mut latest: HashMap<(&str, &str), &Row<'a>> =
        HashMap::with_capacity(by_stage.iter().map(Vec::len).max().unwrap_or_default());
    for row in by_stage.iter().flatten() {
        latest.insert((&row.check.id, row.vantage), row);
    }
    let mut rows: Vec<Row<'a>> = latest.into_values().cloned().collect();
    rows.sort_by_cached_key(|row| (run.check_index(&row.check.id), vantage_place(row)));
    rows
}

fn vantage_place(row: &Row<'_>) -> Option<usize> {
    row.check.from.iter().position(|vantage| &**vantage == row.vantage)
}

fn row_of<'a>(
    run: &'a Run,
    check: &'a Check,
    vantage: &'a str,
    stage: usize,
    known: &'a RowState,
    waivers: &[&'a Waiver],
) -> Row<'a> {
    let deferred_until = check.defer.as_ref().map(|defer| defer.until).filter(|&until| stage < until);
    let record = if check.manual && deferred_until.is_none() { run.records.get(&check.id) } else { None };
    let mut row = Row {
        check,
        vantage,
        stage,
        judgement: Cow::Owned(Judgement::plain(Outcome::NoAnswer, "no answer came")),
        standing: Standing::Counts(check.severity),
        flaky: known.flaky.as_ref(),
        deferred_until,
        waiver: None,
        accepted: None,
        suspect: None,
        trace: known.trace.as_ref().map(Cow::Borrowed),
        seen_at: known.seen_at,
        examination: known.examination.as_deref(),
        diagnoses: Vec::new(),
    };
    if let Some((at, record)) = record {
        let trace = recorded(&record.by, record.evidence.as_deref(), record.outcome);
        row.judgement = Cow::Owned(Judgement::of(&trace, &check.layers, None));
        row.trace = Some(Cow::Owned(trace));
        row.seen_at = Some(*at);
    } else if let Some(judgement) = &known.judgement {
        row.judgement = Cow::Borrowed(judgement);
    }
    row.standing = match row.judgement.outcome {
        Outcome::Pass => Standing::Passed,
        _ if deferred_until.is_some() => Standing::Owed,
        outcome @ (Outcome::Fail | Outcome::Error | Outcome::NoAnswer | Outcome::NotRun) => {
            match waivers.iter().find(|waiver| covers(waiver, outcome, row.judgement.layer)) {
                Some(waiver) => {
                    row.waiver = Some(waiver);
                    Standing::Waived
                }
                None if check.manual && record.is_none() && outcome == Outcome::NotRun => Standing::Awaiting,
                None => {
                    let way = Way { outcome, layer: row.judgement.layer };
                    row.accepted = run.people.acceptance(&check.id, way);
                    match (check.severity, row.accepted) {
                        (Severity::Major, Some(_)) => Standing::Accepted,
                        (severity, _) => Standing::Counts(severity),
                    }
                }
            }
        }
    };
    row
}

fn covers(waiver: &Waiver, outcome: Outcome, layer: Option<Layer>) -> bool {
    waiver.outcome.is_none_or(|wanted| wanted == outcome)
        && waiver.layer.is_none_or(|wanted| layer == Some(wanted))
}

/// What a person recorded, as a trace, so that reports need no second path.
fn recorded(by: &str, evidence: Option<&str>, outcome: Outcome) -> Trace {
    let (by, evidence) = (by.to_owned(), evidence.map(ToOwned::to_owned));
    let seen = if outcome == Outcome::Pass {
        Seen::Worked(Fact::Recorded { by, evidence })
    } else {
        Seen::Broke(Fault::RecordedFail { by, evidence })
    };
    let observation = Observation { layer: Layer::Payload, took_ms: 0.0, address: None, seen, answer: None };
    Trace { observations: vec![observation], ended: Ended::Complete }
}
