//! `gonogo grants snapshot`: all that decides who may do what in a database, in one file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::super::{Shared, signals};
use super::connect::{Place, log_in};
use crate::grants::postgres::PostgresReader;
use crate::grants::reader::{Reader as _, Request};
use crate::grants::snapshot::{Kind, Snapshot, write};
use crate::period::Period;
use crate::report::text;
use crate::report::{Mode, replace};
use crate::secret::Scrubber;
use crate::verdict::Exit;

/// Columns of what is told.
const WIDTH: usize = 80;

/// Read who may do what in a database, into one file
///
/// Roles, memberships, owners, grants, row security, default privileges, settings: everything by name, in one read-only
/// transaction that locks nothing anybody waits for. Any role that can log in will do. What it may not read is listed,
/// with the right that would help, and is never taken for equal later; `pg_monitor` and `pg_read_all_data` see
/// most.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants snapshot postgres://dba@db.example/shop -o before.json --workload
  gonogo grants snapshot --database orders -f night.yaml -o after.json
  gonogo grants snapshot 'service=shop sslmode=verify-full' -o - | less")]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Where to write it, readable by its owner only; `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Also the statements the applications ran, from `pg_stat_statements`: they decide what is a blocker
    #[arg(long)]
    workload: bool,
    /// Leave out what depends on what: a split map will not tell which references cross the cut
    #[arg(long)]
    no_references: bool,
    /// The longest it may take
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    timeout: Period,
}

pub(super) async fn snapshot(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let cancel = signals::cancelled_by_signals();
    let session = match log_in(&arguments.place, shared, &scrubber, &cancel).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let request = Request {
        workload: arguments.workload,
        references: !arguments.no_references,
        limit: arguments.timeout.0,
    };
    let began = Instant::now();
    let mut reader = PostgresReader(session);
    let read = tokio::select! {
        biased;
        () = cancel.cancelled() => return Exit::Interrupted,
        read = reader.snapshot(&request) => read,
    };
    let snapshot = match read {
        Ok(snapshot) => snapshot,
        Err(error) => {
            shared.terminal.error(&scrubber.text(&error.to_string()), error.help());
            return Exit::NoGo;
        }
    };
    reader.0.close().await;
    let took = began.elapsed().as_secs_f64();
    shared.terminal.tell(&scrubber.text(&told(&snapshot, took)));
    save(&arguments.out, &write(&snapshot), shared)
}

fn save(place: &Path, text: &[u8], shared: &Shared) -> Exit {
    let failure = if place == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(text)
            .and_then(|()| out.flush())
            .err()
            .map(|error| format!("cannot write to stdout: {error}"))
    } else {
        replace(place, Mode::default(), text).err().map(|failure| failure.to_string())
    };
    match failure {
        None => Exit::Go,
        Some(failure) => {
            shared.terminal.error(&failure, Some("nothing was written"));
            Exit::NotWritten
        }
    }
}

/// What was read, and what was not.
fn told(snapshot: &Snapshot, took: f64) -> String {
    let facts = &snapshot.facts;
    let (major, minor) = (facts.server.major(), facts.server.version_num % 10_000);
    let reader = if facts.reader.superuser { " (superuser)" } else { "" };
    let columns: usize = facts.objects.values().map(|object| object.columns.len()).sum();
    let of = |acl: &Option<crate::grants::acl::Acl>| acl.as_ref().map_or(0, |acl| acl.items().len());
    let grants: usize = facts
        .objects
        .values()
        .map(|object| of(&object.acl) + object.columns.values().map(of).sum::<usize>())
        .sum();
    let relations = facts.objects.keys().filter(|key| key.kind.is_relation()).count();
    let routines = facts.objects.keys().filter(|key| key.kind.is_routine()).count();
    let schemas = facts.objects.keys().filter(|key| key.kind == Kind::Schema).count();
    let mut read = format!(
        "read {} of PostgreSQL {major}.{minor} as {}{reader} in {took:.2} s: {} roles, {schemas} schemas, \
         {relations} relations with {columns} columns, {routines} routines, {} objects in all, {grants} grants",
        text::line(&facts.server.database),
        text::line(&facts.reader.role),
        facts.roles.len(),
        facts.objects.len(),
    );
    if let Some(references) = &facts.references {
        let _ = write!(read, ", {} references", references.len());
    }
    if let Some(workload) = &snapshot.workload {
        let _ = write!(read, ", {} statements", workload.statements.len());
    }
    let mut out = text::wrap(&read, WIDTH).join("\n");
    if !facts.coverage.is_empty() {
        out.push_str("\nnot read, and so never taken for equal:");
    }
    for gap in &facts.coverage {
        let _ = write!(out, "\n  - {}", text::line(&gap.why));
    }
    out
}
