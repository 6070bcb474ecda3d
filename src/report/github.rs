//! GitHub Actions: annotations for the log, outputs for later steps, the Markdown for the step's page.
//! The rules are those of "Workflow commands for GitHub Actions"; the command-line program writes the texts.

use std::fmt::Write as _;

use super::causes;
use super::digest::{Digest, Item};
use super::findings::{self, Told};
use super::{Options, Rendered, markdown, text};
use crate::model::outline::Severity;
use crate::verdict::{Assessment, Row};

/// Annotations told one by one; GitHub shows ten a step and drops the others without a word.
const MOST: usize = 9;
/// Differences of permissions told of one check.
const FINDINGS: usize = 3;
/// Longest summary of a step, in bytes: GitHub takes one MiB, and drops the whole of a longer one.
const LONGEST_SUMMARY: usize = 900 * 1024;

/// The annotations, one a line.
#[must_use]
pub fn render(told: &Assessment<'_>, _: &Options) -> Vec<Rendered> {
    vec![Rendered { name: "annotations.txt".to_owned(), text: annotations(told) }]
}

/// `::error file=,line=,title=::message` for what failed or is not known, the gravest first.
#[must_use]
pub fn annotations(told: &Assessment<'_>) -> String {
    let digest = Digest::of(told);
    let due = digest.unknown.iter().filter(|item| item.rows.iter().all(|row| row.deferred_until.is_none()));
    let mut items: Vec<&Item<'_>> =
        digest.blockers.iter().chain(&digest.majors).chain(due).chain(&digest.issues).collect();
    items.retain(|item| item.check.severity != Severity::Info);
    items.sort_by_key(|item| std::cmp::Reverse(item.check.severity));
    let mut lines = String::new();
    for item in items.iter().take(MOST) {
        lines.push_str(&annotation(&digest, item));
    }
    if items.len() > MOST {
        let more = items.len() - MOST;
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "::error title=gonogo::and {more} more: see result.json");
    }
    lines
}

fn annotation(digest: &Digest<'_>, item: &Item<'_>) -> String {
    let check = item.check;
    let level = match check.severity {
        Severity::Blocker | Severity::Major => "error",
        Severity::Minor | Severity::Info => "warning",
    };
    let from = item.vantages().map_or(String::new(), |vantages| format!(" from {vantages}"));
    let title = format!("{} {}{from}", check.severity, check.id);
    let what = item.rows.first().map_or("left out by hand", |row| &row.judgement.message);
    let owner = digest.owner(check).map_or(String::new(), |owner| format!(" (owner {owner})"));
    let what = data(&text::cut(&format!("{what}{owner}"), 500));
    let findings = item.rows.first().map_or(String::new(), |row| findings_below(row));
    let cause = item.rows.iter().find_map(|row| causes::best(row));
    let cause = cause.map_or(String::new(), |cause| below(&causes::lines(digest.told.outline, cause)));
    format!(
        "::{level} file={},line={},title={}::{what}{cause}{findings}\n",
        property(&check.place.file),
        check.place.line,
        property(&title),
    )
}

/// The worst differences of permissions, each on a line of its own (`%0A`) with what to do.
fn findings_below(row: &Row<'_>) -> String {
    let Some(told) = Told::of(row, FINDINGS) else { return String::new() };
    let mut lines = Vec::new();
    for finding in &told.shown {
        lines.push(format!("{}: {}", finding.severity, findings::heading(finding)));
        lines.extend(findings::more_consequences(finding, 0).map(|more| format!("  {more}")));
        lines.extend(findings::first_step(finding).map(|step| format!("  fix: {step}")));
    }
    lines.extend(told.rest());
    below(&lines)
}

/// Lines under an annotation's first one.
fn below(lines: &[String]) -> String {
    let mut below = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        let _ = write!(below, "%0A{}", data(&text::cut(line, 300)));
    }
    below
}

/// The lines for `$GITHUB_OUTPUT`: `verdict`, `go`, `run` and, while there is a way back, `decide_by`. `delimiter` must be one nobody can guess.
#[must_use]
pub fn outputs(told: &Assessment<'_>, delimiter: &str) -> String {
    let go = told.verdict.is_go().to_string();
    let values = [("verdict", told.verdict.name()), ("go", go.as_str()), ("run", told.run.id.as_str())];
    let turn_back = told.clock.as_ref().and_then(|clock| clock.turn_back);
    let decide_by = turn_back.map(|back| back.decide_by.to_string());
    let decide_by = decide_by.as_deref().map(|at| ("decide_by", at));
    let mut lines = String::new();
    for (name, value) in values.into_iter().chain(decide_by) {
        let _ = write!(lines, "{name}<<{delimiter}\n{}\n{delimiter}\n", text::line(value));
    }
    lines
}

/// A delimiter that no output can contain, for it is drawn afterwards.
///
/// # Errors
/// When the system has no random numbers.
pub fn delimiter() -> Result<String, getrandom::Error> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)?;
    Ok(format!("gonogo_{:032x}", u128::from_ne_bytes(random)))
}

/// The text to append to `$GITHUB_STEP_SUMMARY`, which holds `there` bytes already.
#[must_use]
pub fn step_summary(told: &Assessment<'_>, options: &Options, there: u64) -> String {
    let mut page: String = markdown::render(told, options).into_iter().map(|report| report.text).collect();
    let room = LONGEST_SUMMARY.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
    if page.len() > room {
        let mut end = room;
        while !page.is_char_boundary(end) {
            end -= 1;
        }
        page.truncate(page[..end].rfind('\n').map_or(0, |at| at + 1));
        page.push_str("\n_cut: see result.json_\n");
    }
    page
}

fn data(value: &str) -> String {
    text::line(value).replace('%', "%25")
}

/// `:` and `,` end a property.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}
