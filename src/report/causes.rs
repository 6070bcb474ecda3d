//! Causes, as every report tells them: what proves it, how sure it is, what to do and who does it.

use super::text;
use crate::model::cause::{Change, Diagnosis};
use crate::model::outline::Outline;
use crate::verdict::Row;

/// The best cause of a row.
pub(super) fn best<'r>(row: &'r Row<'_>) -> Option<&'r Diagnosis> {
    row.diagnoses.first()
}

/// What explains the rows of a check, as [`told`]; without a cause, what is not as it was.
pub(super) fn of(outline: &Outline, rows: &[&Row<'_>]) -> Vec<(&'static str, String)> {
    if let Some(cause) = rows.iter().find_map(|row| best(row)) {
        return told(outline, cause);
    }
    let changed = rows.iter().map(|row| row.changed()).find(|changed| !changed.is_empty());
    changed.map(|changed| vec![since(&changed)]).unwrap_or_default()
}

/// What is not as it was.
fn since(changed: &[Change]) -> (&'static str, String) {
    let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
    ("SINCE", changed.join("; "))
}

/// A word and what it leads, in the order they are read aloud; not cleaned.
#[must_use]
pub fn told(outline: &Outline, cause: &Diagnosis) -> Vec<(&'static str, String)> {
    let or = match cause.or.as_slice() {
        [] => String::new(),
        or => format!("; or {}", or.join(", ")),
    };
    let mut lines = vec![
        ("CAUSE", format!("{} [{}, {}{or}]", cause.cause, cause.id, cause.confidence)),
        ("PROOF", cause.contrast.trim().to_owned()),
    ];
    lines.push(since(&cause.changed));
    let owner =
        cause.owner.as_deref().map(|owner| format!("{}: ", outline.person(owner))).unwrap_or_default();
    lines.push(("DO", cause.next.first().map(|step| format!("{owner}{step}")).unwrap_or_default()));
    lines.push(("ALSO", cause.explains.join(", ")));
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

/// The same as lines of plain text, none longer than a reader takes; cleaned.
pub(super) fn lines(outline: &Outline, cause: &Diagnosis) -> Vec<String> {
    /// Characters of one line.
    const LONGEST: usize = 1000;
    let line = |(word, told): (&str, String)| {
        let told = text::line(&told).into_owned();
        format!("{word} {}", text::cut(&told, LONGEST))
    };
    told(outline, cause).into_iter().map(|(word, told)| line((&word.to_lowercase(), told))).collect()
}
