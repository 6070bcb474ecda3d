//! The report for people: the worst first, then how much was seen.

use std::fmt::Write as _;

use super::outcome::{Class, Report, Tried};

/// Statements listed of each class; all are in the JSON.
const SHOWN: usize = 50;
/// Characters shown of a statement.
const QUERY: usize = 160;

/// The report as text, for a terminal. Names and texts come as the server gave them, control characters made visible.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    for &class in Class::ALL {
        let found: Vec<&Tried> = report.statements.iter().filter(|tried| tried.class == class).collect();
        let listed: Vec<&&Tried> = match class {
            Class::Denied | Class::Broken | Class::NotProvable => found.iter().collect(),
            // A permitted statement is told about only when there is something to tell.
            Class::Permitted => found.iter().filter(|tried| tried.reason.is_some()).collect(),
            Class::Elsewhere => Vec::new(),
        };
        if listed.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{} ({})", class.as_str().to_uppercase(), listed.len());
        for tried in listed.iter().take(SHOWN) {
            one(&mut out, tried);
        }
        if listed.len() > SHOWN {
            let _ = writeln!(out, "  ... and {} more: --format json lists all", listed.len() - SHOWN);
        }
        out.push('\n');
    }
    if !report.functions.is_empty() {
        let _ = writeln!(
            out,
            "functions of the database that may run while planning: {}",
            line(&report.functions.join(", "), 2000)
        );
    }
    seen(&mut out, report);
    out
}

fn one(out: &mut String, tried: &Tried) {
    let _ =
        writeln!(out, "  {} (calls: {}): {}", line(&tried.role, 63), tried.calls, line(&tried.query, QUERY));
    if let (Some(sqlstate), Some(message)) = (&tried.sqlstate, &tried.message) {
        let _ = writeln!(out, "      {sqlstate} {}", line(message, 400));
    }
    if let Some(reason) = &tried.reason {
        let _ = writeln!(out, "      {}", line(reason, 400));
    }
}

fn seen(out: &mut String, report: &Report) {
    let (counts, stats) = (&report.counts, &report.stats);
    let since = stats.since.as_deref().unwrap_or("a time the server did not tell");
    let evictions =
        stats.evictions.map_or("an unknown number of".to_owned(), |evictions| evictions.to_string());
    let _ = writeln!(
        out,
        "recorded since {}; {evictions} evictions (statements forgotten to make room); {} hidden from the reader",
        line(since, 64),
        stats.hidden
    );
    let classes = Class::ALL.iter().map(|&class| format!("{} {}", counts.get(class), class.as_str()));
    let _ = writeln!(out, "{} statements: {}", counts.statements, classes.collect::<Vec<_>>().join(", "));
    let sentence = if report.passes() {
        "nothing that was tried will be refused: permitted at top level, which is no proof of what functions and data decide"
    } else if counts.denied + counts.broken > 0 {
        "statements that really run will be refused"
    } else {
        "no statement could be judged: nothing is known"
    };
    let _ = writeln!(out, "{sentence}");
}

/// One line, without control characters, of at most so many characters.
fn line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = words
        .chars()
        .take(most)
        .map(|character| if character.is_control() { '?' } else { character })
        .collect();
    if words.chars().nth(most).is_some() { plain + "..." } else { plain }
}
