//! The rules for one stage. The worst reason wins; there are no scores.

use super::rows::{Row, Rows, Standing};
use super::{Debt, StageAssessment, people, verdict_of};
use crate::journal::run::Run;
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, Severity};
use crate::model::verdict::{Reason, ReasonId, Verdict};

/// Judge one stage.
pub(super) fn assess<'a>(run: &'a Run, rows: &Rows<'a>, index: usize) -> StageAssessment<'a> {
    let state = &run.stages[index];
    let stage_rows = rows.stage(index).to_vec();
    let begun = state.started_at.is_some();
    let mut reasons = Vec::new();
    if begun {
        reasons = row_reasons(&stage_rows);
        reasons.extend(minors(run, &stage_rows));
        reasons.extend(people::votes(run, index));
        reasons.extend(selection_reasons(run, index, &stage_rows));
        reasons.extend(past_due(run, index));
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    }
    let mut owed: Vec<&'a Check> =
        stage_rows.iter().filter(|row| row.standing == Standing::Owed).map(|row| row.check).collect();
    // One check is owed from several places.
    owed.dedup_by_key(|check| &check.id);
    let mut open = Vec::new();
    let mut revoked_by = Vec::new();
    for check in &owed {
        match payment(rows, check, index) {
            Payment::Paid => {}
            Payment::Open => open.push(&*check.id),
            Payment::Refused => revoked_by.push(&*check.id),
        }
    }
    let settled = !owed.is_empty() && open.is_empty() && revoked_by.is_empty();
    StageAssessment {
        index,
        stage: &run.outline.stages[index],
        verdict: begun.then(|| verdict_of(&reasons)),
        reasons,
        rows: stage_rows,
        started_at: state.started_at,
        ended_at: state.ended_at,
        open,
        revoked_by,
        settled,
    }
}

/// What became of a debt.
enum Payment {
    /// It came due and every vantage passed, or is covered.
    Paid,
    /// It has not come due.
    Open,
    /// It came due and did not pass.
    Refused,
}

fn payment(rows: &Rows<'_>, check: &Check, index: usize) -> Payment {
    let latest = rows.latest_of(&check.id);
    if latest.iter().any(|row| row.stage <= index || row.standing == Standing::Owed) {
        return Payment::Open;
    }
    let paid =
        |row: &Row<'_>| matches!(row.standing, Standing::Passed | Standing::Waived | Standing::Accepted);
    if !latest.is_empty() && latest.iter().all(paid) { Payment::Paid } else { Payment::Refused }
}

/// What the rows say, by severity and standing.
fn row_reasons(rows: &[Row<'_>]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut group = |id, verdict, text: &dyn Fn(usize) -> String, wanted: &dyn Fn(&Row<'_>) -> bool| {
        let checks = names(rows.iter().filter(|row| wanted(row)));
        if !checks.is_empty() {
            reasons.push(Reason { id, verdict, text: text(checks.len()), checks });
        }
    };
    for (outcome, id, word) in [
        (Outcome::Fail, ReasonId::BlockerFailed, "failed"),
        (Outcome::Error, ReasonId::BlockerErrored, "could not be looked at"),
        (Outcome::NoAnswer, ReasonId::BlockerSilent, "gave no answer"),
        (Outcome::NotRun, ReasonId::BlockerNotRun, "was not run"),
    ] {
        group(id, Verdict::NoGo, &|count| counted(count, "blocker", word), &|row| {
            row.standing == Standing::Counts(Severity::Blocker) && row.judgement.outcome == outcome
        });
    }
    group(
        ReasonId::MajorNotPassed,
        Verdict::NoGo,
        &|count| counted(count, "major", "did not pass"),
        &|row| row.standing == Standing::Counts(Severity::Major),
    );
    group(
        ReasonId::AwaitingPerson,
        Verdict::Hold,
        &|count| {
            if count == 1 {
                "1 manual check is not recorded".to_owned()
            } else {
                format!("{count} manual checks are not recorded")
            }
        },
        &awaited,
    );
    group(
        ReasonId::DebtsOpen,
        Verdict::ProvisionalGo,
        &|count| {
            if count == 1 {
                "1 check is owed at a later stage".to_owned()
            } else {
                format!("{count} checks are owed at later stages")
            }
        },
        &|row| row.standing == Standing::Owed && row.check.severity != Severity::Info,
    );
    group(
        ReasonId::Suspect,
        Verdict::ProvisionalGo,
        &|count| format!("{} suspect", plural(count, "minor failure is", "minor failures are")),
        &|row| row.suspect.is_some(),
    );
    group(
        ReasonId::Waived,
        Verdict::GoWithIssues,
        &|count| {
            counted(
                count,
                "failure",
                if count == 1 { "is covered by a waiver" } else { "are covered by waivers" },
            )
        },
        &|row| row.standing == Standing::Waived && row.check.severity != Severity::Info,
    );
    group(
        ReasonId::Accepted,
        Verdict::GoWithIssues,
        &|count| {
            counted(count, "failure", if count == 1 { "is accepted by name" } else { "are accepted by name" })
        },
        &|row| row.standing == Standing::Accepted,
    );
    reasons
}

/// Minors that did not pass: an issue, or too many of them.
pub(super) fn minors(run: &Run, rows: &[Row<'_>]) -> Option<Reason> {
    let most = run.outline.max_minor;
    let minors = rows.iter().filter(|row| row.standing == Standing::Counts(Severity::Minor));
    let number = minors.clone().count();
    let checks = names(minors);
    if checks.is_empty() {
        return None;
    }
    let told = counted(checks.len(), "minor", "did not pass");
    Some(if number > most {
        let text = format!("{told}, more than the {most} that max_minor allows");
        Reason { id: ReasonId::TooManyMinors, verdict: Verdict::NoGo, text, checks }
    } else {
        Reason { id: ReasonId::MinorsNotPassed, verdict: Verdict::GoWithIssues, text: told, checks }
    })
}

/// What was left out, and whether anything was looked at at all.
fn selection_reasons(run: &Run, index: usize, rows: &[Row<'_>]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let left_out = &run.stages[index].left_out;
    if !left_out.is_empty() {
        reasons.push(Reason {
            id: ReasonId::LeftOut,
            verdict: Verdict::ProvisionalGo,
            text: format!("{} left out by hand", plural(left_out.len(), "check was", "checks were")),
            checks: left_out.iter().map(ToString::to_string).collect(),
        });
    }
    let stage = &run.outline.stages[index].id;
    if rows.is_empty() {
        let text = format!("nothing was selected in stage {stage}: no check is due there");
        reasons.push(Reason {
            id: ReasonId::NothingSelected,
            verdict: Verdict::NoGo,
            text,
            checks: Vec::new(),
        });
    } else if !rows.iter().any(executed) {
        let text = format!("nothing that decides was executed in stage {stage}");
        let verdict = if rows.iter().any(awaited) { Verdict::Hold } else { Verdict::NoGo };
        reasons.push(Reason { id: ReasonId::NothingExecuted, verdict, text, checks: Vec::new() });
    }
    reasons
}

/// A person's word is awaited, and it decides something.
fn awaited(row: &Row<'_>) -> bool {
    row.standing == Standing::Awaiting && row.check.severity != Severity::Info
}

/// A probe was made, or a person answered, and the answer decides something.
fn executed(row: &Row<'_>) -> bool {
    match row.judgement.outcome {
        Outcome::Pass | Outcome::Fail => row.check.severity != Severity::Info,
        Outcome::Error | Outcome::NoAnswer | Outcome::NotRun => false,
    }
}

/// Checks put off from an earlier stage that are due by this one and have no row here or later.
fn past_due(run: &Run, index: usize) -> Option<Reason> {
    let overdue = run.outline.checks.iter().filter(|check| {
        let left_out = || run.stages[index].left_out.contains(&check.id);
        check.defer.is_some()
            && check.due() <= index
            && run.stages[check.stage].started_at.is_some()
            && run.latest(&check.id, index).is_none_or(|(seen_in, _)| seen_in < check.due())
            && !left_out()
    });
    let checks: Vec<String> = overdue.map(|check| check.id.to_string()).collect();
    (!checks.is_empty()).then(|| Reason {
        id: ReasonId::DebtPastDue,
        verdict: Verdict::NoGo,
        text: format!("{} owed by now and not looked at", plural(checks.len(), "check is", "checks are")),
        checks,
    })
}

/// What is still owed after the current stage.
pub(super) fn debts<'a>(run: &'a Run, rows: &Rows<'a>, current: Option<usize>) -> Vec<Debt<'a>> {
    let Some(current) = current else { return Vec::new() };
    let owed = run.outline.checks.iter().filter_map(|check| {
        let defer = check.defer.as_ref()?;
        let seen = rows.latest_of(&check.id).iter().any(|row| row.stage >= defer.until);
        let open = check.stage <= current && !seen;
        open.then_some(Debt { check, due: defer.until, because: &defer.because })
    });
    owed.collect()
}

/// Checks left out by hand in any stage that was run, in the order of the plan.
pub(super) fn left_out(run: &Run) -> Vec<&Check> {
    let left_out: std::collections::HashSet<&str> =
        run.stages.iter().flat_map(|stage| &stage.left_out).map(|id| &**id).collect();
    run.outline.checks.iter().filter(|check| left_out.contains(&*check.id)).collect()
}

fn names<'r, 'a: 'r>(rows: impl Iterator<Item = &'r Row<'a>>) -> Vec<String> {
    let mut names: Vec<String> = rows.map(|row| row.check.id.to_string()).collect();
    names.dedup();
    names
}

fn counted(count: usize, noun: &str, verb: &str) -> String {
    format!("{count} {noun}{} {verb}", if count == 1 { "" } else { "s" })
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
