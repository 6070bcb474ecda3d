//! The audit for a tired reader: worst first, one cause a paragraph, one sentence at the end.

use std::fmt::Write as _;

use super::Audit;
use crate::grants::finding::{Finding, Severity};
use crate::grants::snapshot::Gap;
use crate::report::findings::{more_consequences, more_statements};
use crate::report::text::{ascii_exact, wrap};

/// Columns.
const WIDTH: usize = 80;
/// Consequences shown of one cause; JSON has more.
const SHOWN: usize = 5;

/// Tell an audit in 80 columns of ASCII.
#[must_use]
pub fn render(audit: &Audit<'_>) -> String {
    let mut out = String::new();
    for severity in Severity::WORST_FIRST {
        let open: Vec<&Finding> = audit
            .findings
            .iter()
            .filter(|finding| finding.expected.is_none() && finding.severity == severity)
            .collect();
        if open.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{} ({})", severity.name().to_uppercase(), open.len());
        for (number, finding) in (1..).zip(open) {
            if severity == Severity::Info {
                line(&mut out, "  - ", "    ", &finding.message);
            } else {
                paragraph(&mut out, number, finding);
            }
        }
        out.push('\n');
    }
    let expected: Vec<&Finding> =
        audit.findings.iter().filter(|finding| finding.expected.is_some()).collect();
    if !expected.is_empty() {
        let _ = writeln!(out, "EXPECTED ({})  these count no more", expected.len());
        for finding in expected {
            let why = finding.expected.as_deref().unwrap_or_default();
            line(&mut out, "  - ", "    ", &format!("{}: {why}", finding.message));
        }
        out.push('\n');
    }
    coverage(&mut out, audit);
    for part in wrap(&sentence(audit), WIDTH) {
        let _ = writeln!(out, "{part}");
    }
    out
}

fn paragraph(out: &mut String, number: usize, finding: &Finding) {
    line(out, &format!("  {number}. "), "     ", &finding.message);
    let mut detail = |word: &str, text: &str| line(out, &format!("     {word:<6} "), "            ", text);
    if let Some(error) = &finding.app_error {
        detail("error", &format!("{}: {}", error.sqlstate, error.message));
    }
    if let Some(used) = finding.used.filter(|used| used.statements > 0) {
        detail("used", &format!("{} statements recorded, run {} times", used.statements, used.calls));
    }
    let shown = if finding.consequences.len() == SHOWN + 1 { SHOWN + 1 } else { SHOWN };
    for consequence in finding.consequences.iter().take(shown) {
        detail("also", &consequence.message);
    }
    if let Some(more) = more_consequences(finding, shown) {
        detail("also", &more);
    }
    for repair in finding.fix.iter().take(SHOWN) {
        detail("fix", &format!("{};", repair.sql));
    }
    if let Some(more) = more_statements(finding, SHOWN) {
        detail("fix", &more);
    }
    detail("key", &finding.key);
    detail("rule", &format!("{} (gonogo explain {})", finding.id, finding.id));
}

pub(super) fn line(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut indent = first;
    for part in wrap(&ascii_exact(text), WIDTH - rest.len()) {
        let _ = writeln!(out, "{indent}{part}");
        indent = rest;
    }
}

fn coverage(out: &mut String, audit: &Audit<'_>) {
    let compared = audit.compared;
    let text = format!(
        "{} objects, {} roles and {} grants of {} (PostgreSQL {}) against {} (PostgreSQL {})",
        compared.objects,
        compared.roles,
        compared.grants,
        audit.before.database,
        audit.before.major(),
        audit.after.database,
        audit.after.major()
    );
    line(out, "COMPARED  ", "          ", &text);
    for (side, gaps) in [("before", audit.gaps_before), ("after", audit.gaps_after)] {
        for Gap { why, .. } in gaps {
            line(out, "NOT READ  ", "          ", &format!("{side}: {why}"));
        }
    }
    out.push('\n');
}

/// The sentence to read aloud.
fn sentence(audit: &Audit<'_>) -> String {
    let open = audit.open();
    let counts: Vec<String> = Severity::WORST_FIRST
        .iter()
        .map(|&severity| (open.get(severity), severity))
        .filter(|&(count, _)| count > 0)
        .map(|(count, severity)| match (count, severity) {
            (count, Severity::Info) => format!("{count} info"),
            (1, severity) => format!("1 {}", severity.name()),
            (count, severity) => format!("{count} {}s", severity.name()),
        })
        .collect();
    let counts = if counts.is_empty() { "no finding".to_owned() } else { counts.join(", ") };
    let expected = match audit.expected() {
        0 => String::new(),
        count => format!(", {count} expected"),
    };
    let (before, after) = (ascii_exact(&audit.before.database), ascii_exact(&audit.after.database));
    if audit.is_go() {
        format!("GO: {after} permits what {before} permitted ({counts}{expected}).")
    } else {
        format!(
            "NO-GO: {after} does not permit what {before} permitted, or permits more ({counts}{expected})."
        )
    }
}
