//! `gonogo grants diff`: what a database permits against what it should, before anybody meets the difference.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Zoned;

use super::super::Shared;
use super::load;
use crate::grants::diff::{Context, diff, judge, rename_roles};
use crate::grants::snapshot::{Facts, Snapshot};
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
  gonogo grants diff test.json production.json --rename app_test=app
  gonogo grants diff before.json after.json --format junit -o grants.xml")]
pub(in super::super) struct Arguments {
    /// The snapshot of the database as it was
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The snapshot of the database as it is
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// A role of BEFORE that has another name in AFTER
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
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
    let renamed = if arguments.rename.is_empty() {
        None
    } else {
        match rename_roles(&before.facts, &arguments.rename) {
            Ok(facts) => Some(facts),
            Err(error) => {
                shared.terminal.error(&format!("--rename: {error}"), None);
                return Exit::Usage;
            }
        }
    };
    tell(arguments, &before, renamed.as_ref().unwrap_or(&before.facts), &after, shared)
}

fn tell(
    arguments: &Arguments,
    before: &Snapshot,
    expected: &Facts,
    after: &Snapshot,
    shared: &Shared,
) -> Exit {
    let changes = diff(expected, &before.values, &after.facts, &after.values);
    let context = Context {
        expected,
        actual: &after.facts,
        workload: before.workload.as_ref(),
        exceptions: &[],
        taken_at: &after.taken_at,
        today: Zoned::now().date(),
    };
    let findings = judge(&changes, &context);
    let audit = Audit {
        before: &expected.server,
        after: &after.facts.server,
        gaps_before: &expected.coverage,
        gaps_after: &after.facts.coverage,
        compared: Compared::of(expected),
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
