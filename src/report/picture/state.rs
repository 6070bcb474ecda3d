//! How each link stands, in words: from the rows of its parts, as the judge left them.

use std::collections::HashMap;

use crate::model::outcome::Outcome;
use crate::model::outline::{Check, LinkPart, Severity};
use crate::report::html::tone::Tone;
use crate::report::layers::broken;
use crate::verdict::{Assessment, Row, Standing};

/// How a link, or a part of it, stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct LinkState {
    /// How bad that is.
    pub(in crate::report) tone: Tone,
    /// The same in words, such as `BREAKS at tcp TIMEOUT`; not cleaned.
    pub(in crate::report) words: String,
    /// How many places agree, such as `from 2 of 3 places`; nothing of a single one.
    pub(in crate::report) places: String,
}

impl LinkState {
    const fn new(tone: Tone, words: String) -> Self {
        Self { tone, words, places: String::new() }
    }
}

/// The parts of every link that has any, in the order of the plan.
pub(in crate::report) fn links<'a>(told: &'a Assessment<'a>) -> HashMap<&'a str, Vec<(LinkPart, LinkState)>> {
    let mut links: HashMap<&str, Vec<(LinkPart, LinkState)>> = HashMap::new();
    let mut rows: HashMap<&str, Vec<&Row<'_>>> = HashMap::new();
    for row in told.rows.iter().filter(|row| row.check.link.is_some()) {
        rows.entry(&row.check.id).or_default().push(row);
    }
    for check in &told.outline.checks {
        let Some(link) = check.link.as_deref() else { continue };
        let own = rows.get(&*check.id).map_or(&[][..], Vec::as_slice);
        links.entry(&link.id).or_default().push((link.part, part(told, check, own)));
    }
    links
}

/// How a part stands: as the worst of its rows, with how many places agree.
fn part(told: &Assessment<'_>, check: &Check, rows: &[&Row<'_>]) -> LinkState {
    let stage = |index: usize| told.outline.stages.get(index).map_or("", |stage| stage.id.as_str());
    let states = rows.iter().map(|row| of(row, &stage));
    let Some(worst) = states.clone().max_by_key(|state| state.tone) else {
        let left_out = told.left_out.iter().any(|left_out| left_out.id == check.id);
        return if left_out {
            LinkState::new(Tone::Caution, "left out by hand".to_owned())
        } else {
            LinkState::new(Tone::Idle, format!("due at {}", stage(check.due())))
        };
    };
    let same = states.filter(|state| *state == worst).count();
    if rows.len() < 2 {
        return worst;
    }
    let places = if same == rows.len() {
        format!("from {same} places")
    } else {
        format!("from {same} of {} places", rows.len())
    };
    LinkState { places, ..worst }
}

fn of<'a>(row: &Row<'_>, stage: &impl Fn(usize) -> &'a str) -> LinkState {
    let how = || match row.judgement.outcome {
        Outcome::Pass => "works".to_owned(),
        Outcome::Fail => broken(row).map_or_else(|| "FAILS".to_owned(), |at| format!("BREAKS at {at}")),
        Outcome::Error => "could not look".to_owned(),
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::NotRun => "not run".to_owned(),
    };
    let (tone, words) = match row.standing {
        Standing::Passed if row.flaky.is_some() => (Tone::Good, "works, after retries".to_owned()),
        Standing::Passed => (Tone::Good, how()),
        Standing::Owed => (Tone::Caution, format!("owed until {}", row.deferred_until.map_or("", stage))),
        Standing::Waived => (Tone::Caution, format!("{}, waived", how())),
        Standing::Accepted => (Tone::Caution, format!("{}, accepted", how())),
        Standing::Awaiting => (Tone::Caution, "awaits a person".to_owned()),
        Standing::Counts(severity) => (of_failure(row.judgement.outcome, severity), how()),
    };
    LinkState::new(tone, words)
}

const fn of_failure(outcome: Outcome, severity: Severity) -> Tone {
    match (outcome, severity) {
        (Outcome::Fail, Severity::Blocker | Severity::Major) => Tone::Bad,
        (Outcome::Fail, Severity::Minor | Severity::Info)
        | (Outcome::Pass | Outcome::Error | Outcome::NoAnswer | Outcome::NotRun, _) => Tone::Caution,
    }
}
