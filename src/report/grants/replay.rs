//! What comes of trying the recorded statements, for a tired reader: the worst first, then how much was seen.

use std::fmt::Write as _;

use super::text::line;
use crate::grants::replay::{Class, Report, Tried};
use crate::report::text::cut;

/// Statements listed of each class; all are in the JSON.
const SHOWN: usize = 50;
/// Characters shown of a statement.
const QUERY: usize = 160;
/// Characters shown of what is said of one.
const WORDS: usize = 400;

/// Tell it in 80 columns of ASCII.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for &class in Class::ALL {
        let found: Vec<&Tried> = report.statements.iter().filter(|tried| tells(tried, class)).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{} ({})", class.as_str().to_uppercase(), found.len());
        for tried in found.iter().take(SHOWN) {
            one(&mut out, tried);
        }
        if found.len() > SHOWN {
            let _ = writeln!(out, "  ... and {} more: --format json lists all", found.len() - SHOWN);
        }
        out.push('\n');
    }
    if !report.functions.is_empty() {
        let functions = report.functions.join(", ");
        let text = format!("functions of the database that may run while planning: {functions}");
        line(&mut out, "", "  ", &cut(&text, 5 * WORDS));
    }
    seen(&mut out, report);
    out
}

/// A statement that is permitted is told about only when there is something to tell.
fn tells(tried: &Tried, class: Class) -> bool {
    tried.class == class
        && match class {
            Class::Denied | Class::Broken | Class::NotProvable => true,
            Class::Permitted => tried.reason.is_some(),
            Class::Elsewhere => false,
        }
}

fn one(out: &mut String, tried: &Tried) {
    let calls = if tried.calls == 1 { "call" } else { "calls" };
    let query = tried.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let head = format!("{}, {} {calls}: {}", tried.role, tried.calls, cut(&query, QUERY));
    line(out, "  ", "    ", &head);
    if let (Some(sqlstate), Some(message)) = (&tried.sqlstate, &tried.message) {
        line(out, "      ", "      ", &format!("{sqlstate} {}", cut(message, WORDS)));
    }
    if let Some(reason) = &tried.reason {
        line(out, "      ", "      ", &cut(reason, WORDS));
    }
}

fn seen(out: &mut String, report: &Report) {
    let (counts, stats) = (&report.counts, &report.stats);
    let since = stats.since.as_deref().unwrap_or("a time the server did not tell");
    let evicted = stats.evictions.map_or("an unknown number".to_owned(), |evictions| evictions.to_string());
    let recorded = format!(
        "recorded since {since}; {evicted} forgotten to make room, {} hidden from the reader",
        stats.hidden
    );
    line(out, "", "  ", &recorded);
    let classes = Class::ALL.iter().map(|&class| format!("{} {}", counts.get(class), class.as_str()));
    let classes = classes.collect::<Vec<_>>().join(", ");
    line(out, "", "  ", &format!("{} statements: {classes}", counts.statements));
    out.push('\n');
    let sentence = if report.passes() {
        "GO: nothing that was tried will be refused. Permitted at top level is no proof of what functions and \
         data decide."
    } else if counts.denied + counts.broken > 0 {
        "NO-GO: statements that really run will be refused."
    } else {
        "NO-GO: no statement could be judged, and nothing is known."
    };
    line(out, "", "", sentence);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::replay::{Counts, FORMAT, Stats};

    fn report(query: &str, class: Class) -> Report {
        let mut counts = Counts { statements: 1, ..Counts::default() };
        match class {
            Class::Denied => counts.denied = 1,
            Class::Broken => counts.broken = 1,
            Class::NotProvable => counts.not_provable = 1,
            Class::Permitted => counts.permitted = 1,
            Class::Elsewhere => counts.elsewhere = 1,
        }
        let tried = Tried {
            role: "app".to_owned(),
            query: query.to_owned(),
            calls: 7,
            class,
            reason: None,
            sqlstate: Some("42501".to_owned()),
            message: Some("permission denied for table t".to_owned()),
            relation: None,
        };
        Report {
            schema: FORMAT,
            counts,
            stats: Stats { since: None, evictions: None, hidden: 3 },
            statements: vec![tried],
            used: Vec::new(),
            functions: vec!["shop.price(integer)".repeat(9)],
        }
    }

    #[test]
    fn only_what_was_judged_and_permitted_is_go() {
        for &class in Class::ALL {
            let report = report("select", class);
            let told = render(&report);
            assert_eq!(told.contains("\nGO: "), class == Class::Permitted, "{told}");
            assert_eq!(told.contains("\nGO: "), report.passes());
        }
    }

    #[test]
    fn no_text_of_a_statement_drives_a_terminal() {
        let query = format!("select '\u{1b}[2J\u{202e}::error::x' /*\n*/ {}", "from t ".repeat(100));
        let told = render(&report(&query, Class::Denied));
        assert!(
            told.contains("app, 7 calls: select") && told.contains("42501 permission denied for table t")
        );
        assert!(told.is_ascii() && !told.contains('\u{1b}') && !told.contains("::error::"), "{told}");
        assert!(told.lines().all(|line| line.len() <= 80), "{told}");
    }
}
