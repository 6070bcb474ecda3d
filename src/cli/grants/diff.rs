//! `gonogo grants diff`: what a database permits against what it should, before anybody meets the difference.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Zoned;

use super::super::Shared;
use super::load;
use crate::grants::change::Change;
use crate::grants::diff::{Context, diff, judge};
use crate::grants::expect::{Expected, counterpart, renamed, transform};
use crate::grants::map::{self, Exception, Map};
use crate::grants::snapshot::{Facts, Snapshot};
use crate::plan;
use crate::report::grants::{self, Audit, Compared};
use crate::report::{Mode, replace};
use crate::verdict::Exit;

/// Compare two snapshots: every permission that is lost, opened or different, worst first
///
/// One cause is one finding, with what follows from it. A blocker is what an application that can log in could do and
/// can do no more, or what is open now to everybody. Ends with 0 when no blocker and no major is open, 1 otherwise, 2
/// when a snapshot cannot be used.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants diff before.json after.json
  gonogo grants diff shop.json billing.json --map split.yaml --target billing_db
  gonogo grants diff test.json production.json --rename app_test=app
  gonogo grants diff before.json after.json --format junit -o grants.xml")]
pub(in super::super) struct Arguments {
    /// The snapshot of the database as it was
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The snapshot of the database as it is
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// What became of BEFORE: the split map
    #[arg(long, value_name = "MAP")]
    map: Option<PathBuf>,
    /// The target of the map that AFTER is; needed when the map has several
    #[arg(long, value_name = "NAME", requires = "map")]
    target: Option<String>,
    /// A role of BEFORE that has another name in AFTER
    #[arg(long, value_name = "OLD=NEW", value_parser = rename, conflicts_with = "map")]
    rename: Vec<(String, String)>,
    /// How to tell it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write it to this file, readable by its owner only
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write it as OLD=NEW".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Exit {
    let (before, after) = match load::pair(&arguments.before, &arguments.after) {
        Ok(pair) => pair,
        Err(error) => {
            shared.terminal.error(&error.to_string(), Some(error.help()));
            return Exit::Usage;
        }
    };
    let Some(path) = &arguments.map else {
        return match under_other_names(&before.facts, &arguments.rename) {
            Ok(expected) => tell(arguments, &before, &expected, &after, &[], shared),
            Err(error) => usage(&format!("--rename: {error}"), None, shared),
        };
    };
    let Some(map) = read_map(path, shared) else { return Exit::Usage };
    let resolved = match map.resolve(&before.facts) {
        Ok(resolved) => resolved,
        Err(mistakes) => {
            shared.terminal.tell(&plan::render_all(&mistakes, shared.terminal.color_err));
            return Exit::Usage;
        }
    };
    let name = match (&arguments.target, map.targets()) {
        (Some(name), _) => name,
        (None, [only]) => &only.name,
        (None, targets) => {
            let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            let message = format!("the map has {} targets, and --target says none", targets.len());
            return usage(&message, Some(&format!("choose one: {}", names.join(", "))), shared);
        }
    };
    match map.target(name) {
        Ok(target) => {
            tell(arguments, &before, &transform(&resolved, target), &after, &map.exceptions, shared)
        }
        Err(error) => usage(&error.to_string(), None, shared),
    }
}

fn usage(message: &str, help: Option<&str>, shared: &Shared) -> Exit {
    shared.terminal.error(message, help);
    Exit::Usage
}

/// Read the map; its mistakes and warnings are told.
fn read_map(path: &Path, shared: &Shared) -> Option<Map> {
    let loaded = map::load(path, Zoned::now().date());
    let text = plan::render_all(&loaded.diagnostics, shared.terminal.color_err);
    if !text.is_empty() {
        shared.terminal.tell(&text);
    }
    loaded.map
}

/// BEFORE with other names for some roles, each of which there must be, and none of which may be taken.
fn under_other_names<'f>(before: &'f Facts, names: &[(String, String)]) -> Result<Expected<'f>, String> {
    if names.is_empty() {
        return Ok(counterpart(before));
    }
    let mut taken: BTreeSet<&str> = before.roles.iter().map(|(_, role)| role.name.as_str()).collect();
    if let Some((old, _)) = names.iter().find(|(old, _)| !taken.remove(old.as_str())) {
        return Err(format!("BEFORE has no role {old:?}, or it is named twice"));
    }
    if let Some((_, new)) = names.iter().find(|(_, new)| !taken.insert(new)) {
        return Err(format!("two roles would be named {new:?}"));
    }
    Ok(renamed(before, &names.iter().cloned().collect()))
}

fn tell(
    arguments: &Arguments,
    before: &Snapshot,
    expected: &Expected<'_>,
    after: &Snapshot,
    exceptions: &[Exception],
    shared: &Shared,
) -> Exit {
    let facts: &Facts = &expected.facts;
    let mut changes = diff(facts, &before.values, &after.facts, &after.values);
    changes.extend(expected.unmapped.iter().map(|key| Change::Unmapped { key: key.clone() }));
    let replaced =
        expected.replaced.iter().filter(|replaced| !after.facts.objects.contains_key(&replaced.by));
    let crossing = expected.crossing.iter().chain(replaced.map(|replaced| &replaced.reference));
    changes.extend(crossing.map(|reference| Change::Crossing { reference: reference.clone() }));
    let context = Context {
        expected: facts,
        actual: &after.facts,
        workload: before.workload.as_ref(),
        exceptions,
        taken_at: &after.taken_at,
        today: Zoned::now().date(),
    };
    let findings = judge(&changes, &context);
    let audit = Audit {
        before: &before.facts.server,
        after: &after.facts.server,
        gaps_before: &facts.coverage,
        gaps_after: &after.facts.coverage,
        compared: Compared::of(facts),
        findings: &findings,
    };
    let text = match arguments.format {
        Format::Text => grants::text(&audit),
        Format::Json => grants::json(&audit),
        Format::Junit => grants::junit(&audit),
    };
    let exit = if audit.is_go() { Exit::Go } else { Exit::NoGo };
    if let Some(out) = arguments.out.as_deref() {
        return write(out, &text, exit, shared);
    }
    shared.terminal.print(&text);
    exit
}

fn write(out: &Path, text: &str, exit: Exit, shared: &Shared) -> Exit {
    match replace(out, Mode::default(), text.as_bytes()) {
        Ok(()) => exit,
        Err(failure) => {
            shared.terminal.error(&failure.to_string(), None);
            exit.not_written()
        }
    }
}
