//! `gonogo grants fix`: the SQL that makes AFTER what it should be, printed, or run and looked at again.

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::super::arguments::PlanFiles;
use super::super::{Shared, signals};
use super::connect::{Place, log_in};
use super::sides::{Sides, usage};
use crate::grants::change::Change;
use crate::grants::comparison::Comparison;
use crate::grants::diff::diff;
use crate::grants::finding::{Finding, Severity};
use crate::grants::fix::{self, Step};
use crate::grants::postgres::PostgresReader;
use crate::grants::reader::{Reader as _, Request};
use crate::grants::snapshot::{Facts, Snapshot};
use crate::net::stream::Stream;
use crate::period::Period;
use crate::report::grants::{self, Audit};
use crate::report::{Mode, replace, text};
use crate::secret::Scrubber;
use crate::verdict::Exit;

/// Print the SQL that repairs what `diff` finds; with --apply, run it and compare again
///
/// The statements stand in the order in which they work, in one transaction, with every name in quotes. Tables,
/// functions and other objects that are missing are not made: no snapshot holds their definition. Passwords are not set.
/// Texts of policies and settings come from BEFORE and are trusted as its database was.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants fix before.json after.json
  gonogo grants fix shop.json billing.json --map split.yaml --target billing_db -o repair.sql
  gonogo grants fix before.json after.json --undo -o undo.sql
  gonogo grants fix before.json after.json --apply postgres://dba@db.example/billing")]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    sides: Sides,
    /// Write the SQL to this file, readable by its owner only
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The SQL that takes the repair back
    #[arg(long, conflicts_with = "apply")]
    undo: bool,
    /// Run it here, unless the database is no longer as AFTER says; then read it again and compare
    #[arg(long, value_name = "URL")]
    apply: Option<String>,
    /// With --apply: the longest one statement, or reading the database again, may take
    #[arg(long, value_name = "DURATION", default_value = "5m", requires = "apply")]
    timeout: Period,
    /// With --apply: do not ask
    #[arg(long, requires = "apply")]
    yes: bool,
}

pub(super) async fn run(arguments: &Arguments, shared: &Shared) -> Exit {
    fixed(arguments, shared).await.unwrap_or_else(|exit| exit)
}

async fn fixed(arguments: &Arguments, shared: &Shared) -> Result<Exit, Exit> {
    let read = arguments.sides.read(shared)?;
    let resolved = read.resolved(shared)?;
    let comparison = arguments.sides.comparison(&read, resolved.as_ref(), shared)?;
    let changes = comparison.changes();
    let findings = comparison.findings(&changes);
    let expected: &Facts = &comparison.expected.facts;
    let sides = fix::Sides { expected, actual: &read.after.facts };
    let again =
        |expected: &Facts, actual: &Facts| diff(expected, &read.before.values, actual, &read.after.values);
    let mut steps = fix::plan(sides, &changes, again);
    let meant = meant(&findings);
    steps.retain(|step| !meant.contains(step.repair.sql.as_str()));
    left(&findings, &meant, shared);
    let server = &read.after.facts.server;
    let reader = &read.after.facts.reader.role;
    let Some(url) = &arguments.apply else {
        let write = if arguments.undo { fix::undo_script } else { fix::script };
        return Ok(save(arguments.out.as_deref(), &write(&steps, &server.database, reader), shared));
    };
    if let Some(out) = &arguments.out {
        let exit = save(Some(out), &fix::script(&steps, &server.database, reader), shared);
        if exit != Exit::Go {
            return Err(exit);
        }
    }
    apply(url, arguments, &comparison, &steps, shared).await
}

/// Statements of findings that an exception covers: what is meant is not repaired away.
fn meant(findings: &[Finding]) -> BTreeSet<&str> {
    let meant = findings.iter().filter(|finding| finding.expected.is_some());
    meant.flat_map(|finding| finding.fix.iter().map(|repair| repair.sql.as_str())).collect()
}

/// Tell what no statement here repairs: none does, or it would take back what is meant too.
fn left(findings: &[Finding], meant: &BTreeSet<&str>, shared: &Shared) {
    let is_left = |finding: &&Finding| {
        finding.expected.is_none()
            && finding.severity >= Severity::Major
            && finding.fix.iter().all(|repair| meant.contains(repair.sql.as_str()))
    };
    let left: Vec<String> = findings
        .iter()
        .filter(is_left)
        .map(|finding| format!("  - {}", text::line(&finding.message)))
        .collect();
    if !left.is_empty() {
        shared.terminal.tell(&format!("not repaired by SQL, for people to do:\n{}", left.join("\n")));
    }
}

fn save(out: Option<&Path>, sql: &str, shared: &Shared) -> Exit {
    let Some(out) = out else {
        shared.terminal.print(sql);
        return Exit::Go;
    };
    match replace(out, Mode::default(), sql.as_bytes()) {
        Ok(()) => Exit::Go,
        Err(failure) => {
            shared.terminal.error(&failure.to_string(), None);
            Exit::NotWritten
        }
    }
}

async fn apply(
    url: &str,
    arguments: &Arguments,
    comparison: &Comparison<'_>,
    steps: &[Step],
    shared: &Shared,
) -> Result<Exit, Exit> {
    let limit = arguments.timeout.0;
    let scrubber = Arc::new(Scrubber::default());
    let cancel = signals::cancelled_by_signals();
    let place = Place { url: Some(url.to_owned()), database: None, user: None, plan: PlanFiles::default() };
    let mut reader = PostgresReader(log_in(&place, shared, &scrubber, &cancel).await?);
    let now = read_again(&mut reader, limit, &cancel, shared).await?;
    if let Some(reason) = moved(comparison.after, &now) {
        return Err(usage(&reason, Some("take AFTER again: gonogo grants snapshot URL -o FILE"), shared));
    }
    let server = &now.facts.server;
    if steps.is_empty() {
        shared.terminal.tell("there is nothing to run");
    } else if !arguments.yes && !confirmed(steps.len(), &server.database, shared)? {
        shared.terminal.tell("nothing was run");
        return Ok(Exit::NoGo);
    }
    let applied = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            shared.terminal.tell("interrupted: take AFTER again and compare, to see whether anything was changed");
            return Err(Exit::Interrupted);
        }
        applied = fix::apply(&mut reader.0, steps, &now.facts.reader.role, limit) => applied,
    };
    if let Err(error) = applied {
        shared.terminal.error(&scrubber.text(&error.to_string()), Some(error.help()));
        return Ok(Exit::NoGo);
    }
    shared.terminal.tell(&format!("{} statements were run in {}", steps.len(), text::line(&server.database)));
    let after = read_again(&mut reader, limit, &cancel, shared).await?;
    reader.0.close().await;
    let Comparison { before, expected, exceptions, today, .. } = comparison;
    let result =
        Comparison { before, expected: expected.borrowed(), after: &after, exceptions, today: *today };
    let findings = result.findings(&result.changes());
    let audit = Audit::of(&result, &findings);
    shared.terminal.print(&grants::text(&audit));
    Ok(if audit.is_go() { Exit::Go } else { Exit::NoGo })
}

async fn read_again(
    reader: &mut PostgresReader<Stream>,
    limit: Duration,
    cancel: &CancellationToken,
    shared: &Shared,
) -> Result<Snapshot, Exit> {
    let request = Request { workload: false, references: false, limit };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Exit::Interrupted),
        read = reader.snapshot(&request) => read.map_err(|error| {
            shared.terminal.error(&error.to_string(), error.help());
            Exit::NoGo
        }),
    }
}

/// Why this is not the database AFTER was taken from, or not as it was then.
fn moved(after: &Snapshot, now: &Snapshot) -> Option<String> {
    let (then, here) = (&after.facts.server, &now.facts.server);
    if then.database != here.database {
        return Some(format!(
            "this is the database {:?}, and AFTER was taken from {:?}",
            here.database, then.database
        ));
    }
    match (&then.system_identifier, &here.system_identifier) {
        (Some(then), Some(here)) if then == here => {}
        (Some(then), Some(here)) => {
            return Some(format!("this is the server {here}, and AFTER was taken from the server {then}"));
        }
        _ => return Some("whether this is the server AFTER was taken from cannot be told".to_owned()),
    }
    let changes = diff(&after.facts, &after.values, &now.facts, &after.values);
    // What this role could not read then, it cannot read now: the repair is not about it.
    let changes = changes.iter().filter(|change| !matches!(change, Change::Unreadable { .. })).count();
    (changes > 0).then(|| format!("the database has changed since AFTER was taken: {changes} differences"))
}

/// Ask; without somebody to ask, it is a no with a reason.
fn confirmed(count: usize, database: &str, shared: &Shared) -> Result<bool, Exit> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(usage(
            "nobody can be asked whether to run it",
            Some("--yes runs it without asking"),
            shared,
        ));
    }
    shared.terminal.tell(&format!("run {count} statements in the database {}? [y/N]", text::line(database)));
    let mut answer = String::new();
    let _ = stdin.lock().take(100).read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
