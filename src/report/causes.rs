//! Causes, as every report tells them: what proves it, how sure it is, what to do and who does it.

use super::digest::{Item, Telling};
use super::text;
use crate::model::cause::{Change, Diagnosis};
use crate::model::outline::Outline;
use crate::verdict::Row;

/// Characters of one line.
const LONGEST: usize = 1000;

/// The best cause of a row.
pub(super) fn best<'r>(row: &'r Row<'_>) -> Option<&'r Diagnosis> {
    row.diagnoses.first()
}

/// What explains a check, as [`told`]; without a cause, what is not as it was; nothing when another one tells its cause.
pub(super) fn of(outline: &Outline, item: &Item<'_>) -> Vec<(&'static str, String)> {
    if item.same_as.is_some() {
        return Vec::new();
    }
    if !item.tells.is_empty() {
        let several = item.tells.len() > 1;
        let tell = |telling| {
            let from = |telling: &Telling<'_>| ("FROM", telling.from.to_owned());
            several.then(|| from(telling)).into_iter().chain(all(outline, telling))
        };
        return item.tells.iter().flat_map(tell).collect();
    }
    let changed = item.rows.iter().map(|row| row.changed()).find(|changed| !changed.is_empty());
    changed.map(|changed| vec![since(&changed)]).unwrap_or_default()
}

/// The same of what passes, whose message says nothing; what has changed is told by itself.
pub(super) fn of_a_pass(outline: &Outline, item: &Item<'_>) -> Vec<(&'static str, String)> {
    let tell = |telling: &Telling<'_>| {
        let mut lines = all(outline, telling);
        lines.retain(|(word, _)| *word != "SINCE");
        lines.insert(0, ("SEEN", seen(telling.cause)));
        lines
    };
    item.tells.iter().flat_map(tell).collect()
}

/// What was seen, of what a diagnosis says: its cause follows.
fn seen(cause: &Diagnosis) -> String {
    cause.says.strip_suffix(&cause.cause).unwrap_or(&cause.says).trim_end().to_owned()
}

/// The lines of [`lines`] for what passes.
pub(super) fn lines_of_a_pass(outline: &Outline, cause: &Diagnosis) -> Vec<String> {
    let seen = text::line(&seen(cause)).into_owned();
    [format!("seen {}", text::cut(&seen, LONGEST))].into_iter().chain(lines(outline, cause)).collect()
}

fn all(outline: &Outline, telling: &Telling<'_>) -> Vec<(&'static str, String)> {
    let mut lines = told(outline, telling.cause);
    lines.retain(|(word, _)| *word != "ALSO");
    lines.extend((!telling.also.is_empty()).then(|| ("ALSO", telling.also.join(", "))));
    lines
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
    let line = |(word, told): (&str, String)| {
        let told = text::line(&told).into_owned();
        format!("{word} {}", text::cut(&told, LONGEST))
    };
    told(outline, cause).into_iter().map(|(word, told)| line((&word.to_lowercase(), told))).collect()
}
