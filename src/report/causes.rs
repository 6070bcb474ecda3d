//! Causes, as every report tells them: what proves it, how sure it is, what to do and who does it.

use super::text;
use crate::model::cause::Diagnosis;
use crate::verdict::{Assessment, Row};

/// The best cause of a row.
pub(super) fn best<'r>(row: &'r Row<'_>) -> Option<&'r Diagnosis> {
    row.diagnoses.first()
}

/// A word and what it leads, in the order they are read aloud; not cleaned.
pub(super) fn told(told: &Assessment<'_>, cause: &Diagnosis) -> Vec<(&'static str, String)> {
    let or = match cause.or.as_slice() {
        [] => String::new(),
        or => format!("; or {}", or.join(", ")),
    };
    let mut lines = vec![
        ("CAUSE", format!("{} [{}, {}{or}]", cause.cause, cause.id, cause.confidence)),
        ("PROOF", cause.contrast.trim().to_owned()),
    ];
    let changed: Vec<String> = cause.changed.iter().map(ToString::to_string).collect();
    lines.push(("SINCE", changed.join("; ")));
    let owner =
        cause.owner.as_deref().map(|owner| format!("{}: ", told.outline.person(owner))).unwrap_or_default();
    lines.push(("DO", cause.next.first().map(|step| format!("{owner}{step}")).unwrap_or_default()));
    lines.push(("ALSO", cause.explains.join(", ")));
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

/// The same as lines of plain text, none longer than a reader takes; cleaned.
pub(super) fn lines(assessment: &Assessment<'_>, cause: &Diagnosis) -> Vec<String> {
    /// Characters of one line.
    const LONGEST: usize = 1000;
    let line = |(word, told): (&str, String)| {
        let told = text::line(&told).into_owned();
        format!("{word} {}", text::cut(&told, LONGEST))
    };
    told(assessment, cause).into_iter().map(|(word, told)| line((&word.to_lowercase(), told))).collect()
}
