//! Two runs side by side, by rule and not by eye: which checks turned, which permissions differ, what stages really took.
//! Pure; the text is made by `report/compare.rs`.

use std::collections::HashMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::rollback::Rollback;
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, Row, StageAssessment};

/// The name of this format.
pub const SCHEMA: &str = "gonogo.comparison/1";

/// Two runs compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Always `gonogo.comparison/1`.
    pub schema: &'static str,
    /// The earlier one.
    pub before: Side,
    /// The later one.
    pub now: Side,
    /// Checks from their places that are not as they were, in the order of the later plan; gone ones last.
    pub checks: Vec<Turned>,
    /// How many are as they were.
    pub same: usize,
    /// Permissions that differ, and did not before; and the other way round.
    pub permissions: Vec<Permission>,
    /// What stages took.
    pub stages: Vec<Times>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Side {
    /// The run's id.
    pub run: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How it stood at its end.
    pub verdict: Verdict,
}

/// How a check moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// It passed, and does not now.
    GreenToRed,
    /// It is new, and does not pass.
    NewAndRed,
    /// It does not pass, in another way than before.
    OtherwiseRed,
    /// It is gone: nothing looks at it any more, or nothing has looked yet.
    Gone,
    /// It did not pass, and does now.
    RedToGreen,
    /// It is new, and passes.
    NewAndGreen,
}

impl Move {
    /// Whether it is worse than before. A check that is gone is: nobody knows any more.
    #[must_use]
    pub const fn is_worse(self) -> bool {
        match self {
            Self::GreenToRed | Self::NewAndRed | Self::Gone => true,
            Self::OtherwiseRed | Self::RedToGreen | Self::NewAndGreen => false,
        }
    }
}

/// A check from one place that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Turned {
    /// The check.
    pub check: String,
    /// Where it is looked at from.
    pub vantage: String,
    /// How much it decides.
    pub severity: Severity,
    /// How it moved.
    pub moved: Move,
    /// What was seen before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Seen>,
    /// What is seen now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Seen>,
}

/// What was seen of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Seen {
    /// The outcome.
    pub outcome: Outcome,
    /// In one sentence.
    pub message: String,
}

/// A permission that differs in one of the runs only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Permission {
    /// The check that found it.
    pub check: String,
    /// The rule that found it.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// Who gains or loses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grantee: Option<String>,
    /// What is gained or lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privilege: Option<String>,
    /// It was there before and is not now; else it is new.
    pub repaired: bool,
}

/// Seconds a stage took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Times {
    /// The stage's id.
    pub stage: String,
    /// As planned, and as it was.
    pub work: Spent,
    /// Its checks.
    pub sanity: Spent,
    /// Undoing it.
    pub undo: Spent,
}

/// Planned and real seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spent {
    /// As the later plan has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_s: Option<u64>,
    /// In the earlier run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_s: Option<u64>,
    /// In the later run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now_s: Option<u64>,
}

impl Spent {
    /// What it really took, the latest time it was done.
    #[must_use]
    pub fn real_s(self) -> Option<u64> {
        self.now_s.or(self.before_s)
    }
}

impl Comparison {
    /// Whether anything is worse than before.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.checks.iter().any(|turned| turned.moved.is_worse())
            || self.permissions.iter().any(|permission| !permission.repaired)
    }
}

/// Compare a run with an earlier one.
#[must_use]
pub fn compare(before: &Assessment<'_>, now: &Assessment<'_>) -> Comparison {
    let (checks, same) = turned(before, now);
    Comparison {
        schema: SCHEMA,
        before: side(before),
        now: side(now),
        checks,
        same,
        permissions: permissions(before, now),
        stages: times(before, now),
    }
}

fn side(told: &Assessment<'_>) -> Side {
    let run = told.run;
    Side { run: run.id.clone(), attempt: run.attempt, started_at: run.started_at, verdict: told.verdict }
}

fn turned(before: &Assessment<'_>, now: &Assessment<'_>) -> (Vec<Turned>, usize) {
    let key = |row: &Row<'_>| (row.check.id.to_string(), row.vantage.to_owned());
    let mut known: IndexMap<(String, String), &Row<'_>> =
        before.rows.iter().map(|row| (key(row), row)).collect();
    let mut checks = Vec::new();
    let mut same = 0;
    for row in &now.rows {
        let old = known.shift_remove(&key(row));
        match moved(old, row) {
            Some(moved) => checks.push(told(row, moved, old.map(seen), Some(seen(row)))),
            None => same += 1,
        }
    }
    let gone = known.into_values().map(|row| told(row, Move::Gone, Some(seen(row)), None));
    checks.extend(gone);
    (checks, same)
}

fn moved(old: Option<&Row<'_>>, row: &Row<'_>) -> Option<Move> {
    let green = row.judgement.outcome == Outcome::Pass;
    let Some(old) = old else { return Some(if green { Move::NewAndGreen } else { Move::NewAndRed }) };
    match (old.judgement.outcome == Outcome::Pass, green) {
        (true, true) => None,
        (true, false) => Some(Move::GreenToRed),
        (false, true) => Some(Move::RedToGreen),
        (false, false) => {
            let way = |row: &Row<'_>| (row.judgement.outcome, row.judgement.layer);
            (way(old) != way(row)).then_some(Move::OtherwiseRed)
        }
    }
}

fn told(row: &Row<'_>, moved: Move, before: Option<Seen>, now: Option<Seen>) -> Turned {
    let (check, vantage) = (row.check.id.to_string(), row.vantage.to_owned());
    Turned { check, vantage, severity: row.check.severity, moved, before, now }
}

fn seen(row: &Row<'_>) -> Seen {
    Seen { outcome: row.judgement.outcome, message: row.judgement.message.clone() }
}

/// Permissions by what tells them apart: check, rule, subject, who and what.
fn permissions(before: &Assessment<'_>, now: &Assessment<'_>) -> Vec<Permission> {
    let all = |told: &Assessment<'_>, repaired: bool| -> IndexMap<[String; 5], Permission> {
        let found = told.rows.iter().flat_map(|row| {
            let check = row.check.id.to_string();
            row.findings().0.iter().map(move |finding| Permission {
                check: check.clone(),
                id: finding.id.to_string(),
                subject: finding.subject.clone(),
                grantee: finding.grantee.clone(),
                privilege: finding.privilege.clone(),
                repaired,
            })
        });
        let key = |one: &Permission| {
            let (grantee, privilege) = (one.grantee.clone(), one.privilege.clone());
            let words = [
                Some(one.check.clone()),
                Some(one.id.clone()),
                Some(one.subject.clone()),
                grantee,
                privilege,
            ];
            words.map(Option::unwrap_or_default)
        };
        found.map(|one| (key(&one), one)).collect()
    };
    let (old, new) = (all(before, true), all(now, false));
    let news = new.iter().filter(|(key, _)| !old.contains_key(*key)).map(|(_, one)| one.clone());
    let repaired = old.iter().filter(|(key, _)| !new.contains_key(*key)).map(|(_, one)| one.clone());
    news.chain(repaired).collect()
}

fn times(before: &Assessment<'_>, now: &Assessment<'_>) -> Vec<Times> {
    let (old, new) = (real(before), real(now));
    let stages = now.outline.stages.iter().map(|stage| {
        let (old, new) = (old.get(stage.id.as_str()), new.get(stage.id.as_str()));
        let spent = |planned_s, of: fn(&Real) -> Option<u64>| Spent {
            planned_s,
            before_s: old.and_then(of),
            now_s: new.and_then(of),
        };
        Times {
            stage: stage.id.clone(),
            work: spent(stage.duration_s, |real| real.work),
            sanity: spent(stage.sanity_s, |real| real.sanity),
            undo: spent(stage.undo_s, |real| real.undo),
        }
    });
    let any = |spent: Spent| spent.real_s().is_some();
    stages.filter(|times| any(times.work) || any(times.sanity) || any(times.undo)).collect()
}

/// What a stage took in one run.
#[derive(Debug, Default)]
struct Real {
    /// Seconds, as all of it.
    work: Option<u64>,
    sanity: Option<u64>,
    undo: Option<u64>,
}

/// A stage's work is done between the verdict before it (or the beginning of the window) and its first check.
fn real<'a>(told: &'a Assessment<'_>) -> HashMap<&'a str, Real> {
    let seconds = |from: Option<Timestamp>, to: Option<Timestamp>| {
        u64::try_from(to?.duration_since(from?).as_secs()).ok()
    };
    let mut free = told.outline.window.as_ref().map(|window| window.start);
    let mut times: HashMap<&'a str, Real> = HashMap::new();
    for StageAssessment { stage, started_at, ended_at, .. } in &told.stages {
        let (work, sanity) = (seconds(free, *started_at), seconds(*started_at, *ended_at));
        times.insert(&stage.id, Real { work, sanity, undo: None });
        free = ended_at.or(free);
    }
    for (stage, took_s) in told.run.rollback.iter().flat_map(Rollback::took_s) {
        if let Some(stage) = told.outline.stages.get(stage) {
            times.entry(&stage.id).or_default().undo = Some(took_s);
        }
    }
    times
}
