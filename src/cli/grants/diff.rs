//! `gonogo grants diff`: what a database permits against what it should, before anybody meets the difference.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::Shared;
use super::sides::Sides;
use crate::report::grants::{self, Audit};
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
    #[command(flatten)]
    sides: Sides,
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

pub(super) fn run(arguments: &Arguments, shared: &Shared) -> Exit {
    compared(arguments, shared).unwrap_or_else(|exit| exit)
}

fn compared(arguments: &Arguments, shared: &Shared) -> Result<Exit, Exit> {
    let read = arguments.sides.read(shared)?;
    let resolved = read.resolved(shared)?;
    let comparison = arguments.sides.comparison(&read, resolved.as_ref(), shared)?;
    let findings = comparison.findings(&comparison.changes());
    let audit = Audit::of(&comparison, &findings);
    let text = match arguments.format {
        Format::Text => grants::text(&audit),
        Format::Json => grants::json(&audit),
        Format::Junit => grants::junit(&audit),
    };
    let exit = if audit.is_go() { Exit::Go } else { Exit::NoGo };
    if let Some(out) = arguments.out.as_deref() {
        return Ok(write(out, &text, exit, shared));
    }
    shared.terminal.print(&text);
    Ok(exit)
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
