//! Every check from every place, with filters that need no server: without a script the whole table is there.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::items::is_open;
use super::section as titled;
use super::tone::Tone;
use super::words::{Cut, number};
use crate::model::outcome::Outcome;
use crate::model::outline::HERE;
use crate::report::digest::Digest;
use crate::verdict::{Row, Standing};

/// Rows from which on a browser draws a table only where somebody looks.
const LONG: usize = 300;
/// Characters of a message in the table.
const LONGEST: usize = 200;

/// The outcomes and modifiers that can be filtered by, as words.
const OUTCOMES: [(&str, &str); 10] = [
    ("open", "not passed"),
    ("pass", "pass"),
    ("fail", "fail"),
    ("error", "error"),
    ("no_answer", "no answer"),
    ("not_run", "not run"),
    ("owed", "owed"),
    ("waived", "waived"),
    ("accepted", "accepted"),
    ("flaky", "flaky"),
];

/// What did not pass first; what passed folded up, stage by stage.
pub(super) fn section(digest: &Digest<'_>) -> Markup {
    let told = digest.told;
    let open: Vec<&Row<'_>> = told.rows.iter().filter(|row| is_open(row)).collect();
    let passed: Vec<Vec<&Row<'_>>> = (0..told.outline.stages.len())
        .map(|index| told.rows.iter().filter(|row| row.stage == index && !is_open(row)).collect())
        .collect();
    let stage = |index: usize| told.outline.stages.get(index).map_or("", |stage| stage.id.as_str());
    let content = html! {
        @if told.rows.is_empty() { p { "Nothing was looked at." } } @else { (filter(digest)) }
        @if !open.is_empty() { (group(digest, &format!("Not passed: {}", number(open.len())), true, &open)) }
        @for (index, rows) in passed.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            (group(digest, &format!("Passed in {}: {}", stage(index), number(rows.len())), false, rows))
        }
        @if !told.left_out.is_empty() {
            p { "Left out by hand: " @for check in told.left_out.iter().take(50) { code { (Cut(&check.id, 100)) } " " } }
        }
    };
    let counts = told.counts;
    let about = format!(
        "Passed {} of {}. Owed {}, waived {}, accepted {}, silent {}, flaky {}, left out {}.",
        number(counts.pass),
        number(counts.total),
        counts.deferred,
        counts.waived,
        counts.accepted,
        counts.no_answer,
        counts.flaky,
        told.left_out.len()
    );
    titled("checks", &format!("Checks ({})", number(told.rows.len())), &about, &content)
}

/// Hidden until a script can make it work.
fn filter(digest: &Digest<'_>) -> Markup {
    let told = digest.told;
    let owners: BTreeSet<&str> = told.rows.iter().filter_map(|row| digest.owner(row.check)).collect();
    let stages = told.outline.stages.iter().map(|stage| stage.id.as_str());
    html! {
        form #filter hidden role="search" aria-label="Filter the checks" {
            label { "Outcome " select name="outcome" {
                option value="" { "any" }
                @for (value, word) in OUTCOMES { option value=(value) { (word) } }
            } }
            label { "Stage " select name="stage" {
                option value="" { "any" }
                @for stage in stages { option { (Cut(stage, LONGEST)) } }
            } }
            label { "Owner " select name="owner" {
                option value="" { "anybody" }
                @for owner in owners { option { (Cut(owner, LONGEST)) } }
            } }
            label { "Text " input name="text" type="search" autocomplete="off" spellcheck="false"; }
            button type="reset" { "Clear" }
            output name="shown" aria-live="polite" {}
        }
        "\n"
    }
}

fn group(digest: &Digest<'_>, title: &str, open: bool, rows: &[&Row<'_>]) -> Markup {
    html! {
        details.checks.long[rows.len() > LONG] open[open] {
            summary { (Cut(title, LONGEST)) }
            div.wide role="region" aria-label=(Cut(title, LONGEST)) tabindex="0" {
                table {
                    thead { tr { @for head in ["check", "outcome", "what", "severity", "stage", "owner"] { th scope="col" { (head) } } } }
                    tbody { @for row in rows { (line(digest, row)) "\n" } }
                }
            }
        }
    }
}

fn line(digest: &Digest<'_>, row: &Row<'_>) -> Markup {
    let (tone, word, also) = outcome(row);
    let stage = digest.told.outline.stages.get(row.stage).map_or("", |stage| stage.id.as_str());
    html! {
        tr data-is={ (row.judgement.outcome.name()) @if is_open(row) { " open" } @if !also.is_empty() { " " (also) } } {
            th scope="row" { (Cut(&row.check.id, LONGEST)) @if row.vantage != HERE { " " small { "from " (Cut(row.vantage, LONGEST)) } } }
            td class=(tone.name()) { (word) @if !also.is_empty() { ", " (also) } }
            td { (Cut(&row.judgement.message, LONGEST)) }
            td { (row.check.severity.name()) }
            td { (Cut(stage, LONGEST)) }
            td { (Cut(digest.owner(row.check).unwrap_or(""), LONGEST)) }
        }
    }
}

/// How bad it is, the word for the outcome, and the modifier.
fn outcome(row: &Row<'_>) -> (Tone, &'static str, &'static str) {
    let outcome = row.judgement.outcome;
    let word = match outcome {
        Outcome::Pass => "pass",
        Outcome::NotRun => "not run",
        Outcome::NoAnswer => "no answer",
        Outcome::Error => "error",
        Outcome::Fail => "FAIL",
    };
    let tone = if outcome == Outcome::Fail { Tone::Bad } else { Tone::Caution };
    match row.standing {
        Standing::Passed if row.flaky.is_some() => (Tone::Caution, word, "flaky"),
        Standing::Passed => (Tone::Good, word, ""),
        Standing::Owed => (Tone::Caution, word, "owed"),
        Standing::Waived => (Tone::Caution, word, "waived"),
        Standing::Accepted => (Tone::Caution, word, "accepted"),
        Standing::Awaiting => (Tone::Caution, word, "awaited"),
        Standing::Counts(_) => (tone, word, ""),
    }
}
