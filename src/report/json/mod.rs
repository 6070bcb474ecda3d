//! `result.json`: everything that is known of a run, for programs. The fields are in `schema.rs`.

mod people;
mod schema;

use std::fmt::Write as _;

use serde::Serialize;

use schema::{
    Awaiting, CheckEntry, DebtEntry, Deferral, FindingEntry, FlakyEntry, PlanEntry, StageEntry, SuspectEntry,
    WaiverEntry, WaiverGiven,
};
pub use schema::{ClockEntry, ResultFile, SCHEMA, result_schema};

use super::{EarlyEnd, Options, Rendered, text};
use crate::json;
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, Counts, Row, StageAssessment, Standing};

/// The file's name.
pub(super) const NAME: &str = "result.json";

/// Tell everything as JSON.
#[must_use]
pub fn render(told: &Assessment<'_>, _: &Options) -> Vec<Rendered> {
    vec![Rendered { name: NAME.to_owned(), text: written(&of(told)) }]
}

/// Tell, as JSON, of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd) -> Vec<Rendered> {
    let file = ResultFile {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        at: end.at,
        plan: PlanEntry { name: &end.plan, sha256: None, change: None },
        attempt: 0,
        run: "",
        stage: None,
        verdict: Verdict::NoGo,
        go: false,
        reasons: std::slice::from_ref(&end.reason),
        stages: Vec::new(),
        clock: None,
        counts: Counts::default(),
        debts: Vec::new(),
        waivers: Vec::new(),
        extensions: Vec::new(),
        decision: None,
        in_charge: None,
        rollback: None,
        notifications: Vec::new(),
        left_out: Vec::new(),
        checks: Vec::new(),
        diagnostics: &end.diagnostics,
    };
    vec![Rendered { name: NAME.to_owned(), text: written(&file) }]
}

/// The content of the file.
#[must_use]
pub fn of<'a>(told: &'a Assessment<'_>) -> ResultFile<'a> {
    let outline = told.outline;
    ResultFile {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        at: told.at,
        plan: PlanEntry {
            name: &outline.name,
            sha256: Some(&outline.sha256),
            change: outline.change.as_deref(),
        },
        attempt: told.run.attempt,
        run: &told.run.id,
        stage: told.current.map(|index| &*outline.stages[index].id),
        verdict: told.verdict,
        go: told.verdict.is_go(),
        reasons: &told.reasons,
        stages: told.stages.iter().map(|one| stage(told, one)).collect(),
        clock: told.clock.as_ref().map(|clock| ClockEntry::of(clock, outline)),
        counts: told.counts,
        debts: told.debts.iter().map(|debt| debt_entry(told, debt)).collect(),
        waivers: told
            .waivers
            .iter()
            .map(|used| WaiverEntry {
                check: &used.waiver.check,
                until: used.waiver.until,
                by: &used.waiver.by,
                because: &used.waiver.because,
                state: used.state,
            })
            .collect(),
        extensions: people::extensions(told.run),
        decision: people::decision(told.run),
        in_charge: people::in_charge(told.run),
        rollback: people::rollback(told),
        notifications: people::notifications(told.run),
        left_out: told.left_out.iter().map(|check| &*check.id).collect(),
        checks: told.rows.iter().map(|row| check(told, row)).collect(),
        diagnostics: &[],
    }
}

fn stage<'a>(told: &'a Assessment<'_>, stage: &'a StageAssessment<'_>) -> StageEntry<'a> {
    StageEntry {
        id: &stage.stage.id,
        title: stage.stage.title.as_deref(),
        owner: stage.stage.owner.as_deref(),
        verdict: stage.verdict,
        reasons: &stage.reasons,
        started_at: stage.started_at,
        ended_at: stage.ended_at,
        votes: people::votes(told.run, stage.stage),
        open_debts: &stage.open,
        revoked_by: &stage.revoked_by,
        settled: stage.settled,
    }
}

fn debt_entry<'a>(told: &'a Assessment<'_>, debt: &'a crate::verdict::Debt<'_>) -> DebtEntry<'a> {
    DebtEntry {
        check: &debt.check.id,
        due: &told.outline.stages[debt.due].id,
        because: debt.because,
        severity: debt.check.severity,
        owner: debt.check.owner.as_deref(),
    }
}

fn check<'a>(told: &'a Assessment<'_>, row: &'a Row<'_>) -> CheckEntry<'a> {
    let stages = &told.outline.stages;
    let check = row.check;
    let (findings, findings_left_out) = row.findings();
    CheckEntry {
        id: &check.id,
        vantage: row.vantage,
        title: check.title.as_deref(),
        kind: &check.kind,
        target: &check.target,
        stage: &stages[check.stage].id,
        seen_in: &stages[row.stage].id,
        severity: check.severity,
        owner: check.owner.as_deref(),
        outcome: row.judgement.outcome,
        seen_at: row.seen_at,
        took_ms: (row.took_ms() * 1000.0).round() / 1000.0,
        deferred: row.deferred_until.map(|until| Deferral {
            until: &stages[until].id,
            because: check.defer.as_ref().map_or("", |defer| &defer.because),
        }),
        waived: row.waiver.map(|waiver| WaiverGiven {
            until: waiver.until,
            by: &waiver.by,
            because: &waiver.because,
        }),
        accepted: people::accepted(row),
        suspect: row
            .suspect
            .as_ref()
            .map(|suspicion| SuspectEntry { other: suspicion.other, shared: &suspicion.shared }),
        awaiting: (row.standing == Standing::Awaiting).then_some(Awaiting::Person),
        flaky: row.flaky.map(|flaky| FlakyEntry { attempt: flaky.attempt, first: &flaky.first }),
        layers: row.layers(),
        decided_by: row.judgement.layer,
        message: &row.judgement.message,
        expected: row.judgement.expected.as_deref(),
        got: row.judgement.got.as_deref(),
        findings: row
            .diagnoses
            .iter()
            .map(FindingEntry::Cause)
            .chain(findings.iter().map(FindingEntry::Permission))
            .collect(),
        findings_left_out,
        changed: row.changed(),
        examined: row.examination,
    }
}

/// As text: a check a line, and safe to show in a terminal or a CI log without changing what it means.
pub(crate) fn written(file: &impl Serialize) -> String {
    // Every key is a string and every value serializes, so this cannot fail; an empty file would be no result at all.
    let json = json::lines(file)
        .unwrap_or_else(|error| format!("{{\"verdict\": \"no_go\", \"go\": false, \"error\": \"{error}\"}}"));
    let mut safe = tamed(&json).unwrap_or(json);
    safe.push('\n');
    safe
}

/// Hidden characters and the brackets of CI commands as JSON escapes: they stand only within strings.
fn tamed(json: &str) -> Option<String> {
    let hidden = |c: char| text::is_hidden(c) && c != '\n';
    let commands = json.contains("##");
    if json.is_ascii() && !json.contains('\x7f') && !commands {
        return None;
    }
    let mut safe = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if hidden(c) {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else if c == '#' && safe.ends_with('#') {
            safe.push_str("\\u0023");
        } else {
            safe.push(c);
        }
    }
    Some(safe)
}
