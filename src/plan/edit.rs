//! What differs between the plan that a run began with and the plan as it is now.

use std::collections::{HashMap, HashSet};

use imara_diff::{Algorithm, Diff, InternedInput};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Plan, Source};
use crate::json;
use crate::model::outline::{Check, CheckId, Outline};
use crate::secret::{STARS, Scrubber};

/// Lines of a difference that are kept: more is another plan.
const MOST_LINES: usize = 60;
/// Characters of each.
const WIDEST: usize = 240;

/// What the answers of each check hang on, in the order of the plan: 64 bits, in hexadecimal, of the SHA-256 of its probe
/// and limits, of the places it looks from and of what its answer decides. A check in which a secret is written out has an
/// empty one: with stars in its place nobody can tell whether it is the same.
#[must_use]
pub fn definitions(plan: &Plan, scrubber: &Scrubber) -> Vec<String> {
    let checks = plan.outline.checks.iter().zip(&plan.jobs);
    let defined = checks.map(|(check, job)| {
        let stage = |index: usize| plan.outline.stages.get(index).map(|stage| stage.id.as_str());
        let from: Vec<_> = check.from.iter().map(|id| (id, plan.vantages.get(&**id))).collect();
        let decides = (check.severity, &check.needs, check.expect_break, check.again, check.manual);
        let due = (stage(check.stage), stage(check.due()));
        let how = (&job.probe, &job.as_application, job.timeout, job.retry);
        let Ok(text) = json::line(&(how, from, decides, due)) else { return String::new() };
        let text = scrubber.text(&text);
        if text.contains(STARS) {
            return String::new();
        }
        let digest = Sha256::digest(text.as_bytes());
        let bits = digest.iter().take(8).fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        format!("{bits:016x}")
    });
    defined.collect()
}

/// How a plan was edited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Edit {
    /// Checks that were not there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<CheckId>,
    /// Checks that are no longer there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<CheckId>,
    /// Checks that look at something else, otherwise, from elsewhere, or whose answer decides something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<CheckId>,
    /// Parts of the plan beside its checks, such as `window`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// The lines that differ, each with `-` or `+` before it, under a line that names the file and the line number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// One of the two plans.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What is looked at when.
    pub outline: &'a Outline,
    /// What each check hangs on: [`definitions`].
    pub definitions: &'a [String],
    /// Its files.
    pub sources: &'a [Source],
}

impl Edit {
    /// Compare two plans. A check without a definition counts as changed; where nothing that differs can be seen, every
    /// check does.
    #[must_use]
    pub fn between(before: Side<'_>, after: Side<'_>) -> Self {
        let old: HashMap<&CheckId, &String> = defined(before).collect();
        let new: HashSet<&CheckId> = after.outline.checks.iter().map(|check| &check.id).collect();
        let ids = |checks: Vec<&CheckId>| checks.into_iter().cloned().collect::<Vec<CheckId>>();
        let mut edit = Self {
            added: ids(defined(after).map(|(id, _)| id).filter(|id| !old.contains_key(id)).collect()),
            removed: ids(defined(before).map(|(id, _)| id).filter(|id| !new.contains(id)).collect()),
            changed: ids(defined(after)
                .filter(|(id, new)| old.get(id).is_some_and(|old| old != new || new.is_empty()))
                .map(|(id, _)| id)
                .collect()),
            parts: parts(before.outline, after.outline),
            lines: lines(before.sources, after.sources),
        };
        if edit == Self::default() && before.outline.sha256 != after.outline.sha256 {
            edit.changed = after.outline.checks.iter().map(|check| check.id.clone()).collect();
            edit.parts = vec!["a variable, or a value that is starred".to_owned()];
        }
        edit
    }

    /// The checks whose answers no longer count.
    #[must_use]
    pub fn undone(&self) -> HashSet<CheckId> {
        [&self.added, &self.removed, &self.changed].into_iter().flatten().cloned().collect()
    }

    /// Whether less may be asked for than before.
    #[must_use]
    pub fn may_loosen(&self) -> bool {
        !(self.removed.is_empty() && self.changed.is_empty() && self.parts.is_empty())
    }

    /// In words, such as `1 check added: app2-login; the window changed`.
    #[must_use]
    pub fn told(&self) -> String {
        let checks = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let mut told: Vec<String> = checks
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(word, ids)| {
                let shown: Vec<&str> = ids.iter().take(8).map(|id| &**id).collect();
                let more = ids.len() - shown.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let checks = if ids.len() == 1 { "check" } else { "checks" };
                format!("{} {checks} {word}: {}{more}", ids.len(), shown.join(", "))
            })
            .collect();
        if !self.parts.is_empty() {
            told.push(format!("changed besides: {}", self.parts.join(", ")));
        }
        if told.is_empty() {
            told.push("only words that decide nothing".to_owned());
        }
        told.join("; ")
    }
}

fn defined(side: Side<'_>) -> impl Iterator<Item = (&CheckId, &String)> {
    side.outline.checks.iter().map(|check: &Check| &check.id).zip(side.definitions)
}

/// What differs beside the checks, by the key it is written under.
fn parts(before: &Outline, after: &Outline) -> Vec<String> {
    let places_apart = |outline: &Outline| {
        let mut window = outline.window.clone();
        if let (Some(window), Some(known)) = (&mut window, &before.window) {
            window.place = known.place.clone();
        }
        window
    };
    let differs = [
        ("name", before.name != after.name || before.change != after.change),
        ("timezone", before.zone != after.zone),
        ("window", places_apart(before) != places_apart(after)),
        ("max_minor", before.max_minor != after.max_minor),
        ("people", before.people != after.people),
        ("stages", before.stages != after.stages),
        ("waivers", before.waivers != after.waivers),
    ];
    differs.into_iter().filter(|&(_, differs)| differs).map(|(part, _)| part.to_owned()).collect()
}

fn lines(before: &[Source], after: &[Source]) -> Vec<String> {
    let text = |sources: &[Source], file: &str| {
        sources
            .iter()
            .find(|source| source.file == file)
            .map(|source| source.text.clone())
            .unwrap_or_default()
    };
    let gone = before.iter().filter(|old| after.iter().all(|new| new.file != old.file));
    let mut lines = Vec::new();
    for file in after.iter().chain(gone).map(|source| source.file.as_str()) {
        let (old, new) = (text(before, file), text(after, file));
        let both = InternedInput::new(old.as_str(), new.as_str());
        let difference = Diff::compute(Algorithm::Histogram, &both);
        for hunk in difference.hunks() {
            lines.push(format!("{file}:{}", hunk.after.start + 1));
            let removed = hunk.before.map(|line| ('-', both.before[line as usize]));
            let added = hunk.after.map(|line| ('+', both.after[line as usize]));
            let told = removed.chain(added).map(|(sign, line)| (sign, both.interner[line].trim_end()));
            lines.extend(told.map(|(sign, line)| format!("{sign} {}", cut(line))));
        }
    }
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("... and {more} more lines"));
    }
    lines
}

fn cut(line: &str) -> &str {
    line.char_indices().nth(WIDEST).map_or(line, |(end, _)| &line[..end])
}
