//! `gonogo grants replay`: will the statements that really run be permitted on the new database?

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::super::arguments::Format;
use super::super::{Shared, signals};
use super::connect::{Place, log_in, log_in_as};
use super::read;
use super::sides::choose;
use crate::grants::replay::{Foretold, Identity, Report, Request, Sessions, Split, identity, replay as run};
use crate::grants::snapshot::Snapshot;
use crate::json;
use crate::net::stream::Stream;
use crate::period::Period;
use crate::report::{grants, text};
use crate::secret::Scrubber;
use crate::suggest::closest;
use crate::verdict::Exit;

/// Try the recorded statements on the new database, without executing any
///
/// Each statement of the snapshot's workload is planned by EXPLAIN as the role that ran it, in a transaction that only
/// reads; what no plan tells is looked up in the catalogs. Log in as a role without much power that is a member of the
/// application roles, or give the logins of the roles themselves: code of the application runs while planning, and a
/// superuser's session does not try what reaches such code. The verdict is "permitted at top level", never "proved".
/// Ends with 0 when nothing is denied or broken, with 1 otherwise and when nothing could be judged.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants replay before.json postgres://auditor@db.example/orders
  gonogo grants replay before.json postgres://auditor@db.example/orders --login shop_app=service=shop_app
  gonogo grants replay before.json postgres://auditor@db.example/orders --role shop_app --format json")]
pub(in super::super) struct Arguments {
    /// The snapshot before, taken with --workload
    #[arg(value_name = "SNAPSHOT")]
    snapshot: PathBuf,
    #[command(flatten)]
    place: Place,
    /// A snapshot of the new database: refuse unless the URL leads to the database it was taken from
    #[arg(long, value_name = "SNAPSHOT")]
    after: Option<PathBuf>,
    /// What became of SNAPSHOT: the split map
    #[arg(long, value_name = "MAP")]
    map: Option<PathBuf>,
    /// The target of the map that the URL leads to; needed when the map has several
    #[arg(long, value_name = "NAME", requires = "map")]
    target: Option<String>,
    /// Only statements of this role, by its name in the snapshot
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// A login of the role itself, or of one that may act as it
    #[arg(long, value_name = "ROLE=URL", value_parser = login)]
    login: Vec<(String, String)>,
    /// Let functions of the application run while planning, even where they could do harm
    #[arg(long)]
    allow_functions: bool,
    /// The longest to wait for one answer of the server
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    timeout: Period,
    /// How to print the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

fn login(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((role, url)) if !role.is_empty() && !url.is_empty() => Ok((role.to_owned(), url.to_owned())),
        _ => Err("write it as ROLE=URL".to_owned()),
    }
}

pub(super) async fn replay(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let cancel = signals::cancelled_by_signals();
    tokio::select! {
        biased;
        () = cancel.cancelled() => Exit::Interrupted,
        ended = tried(arguments, shared, &scrubber, &cancel) => match ended {
            Ok(report) => {
                let shown = match arguments.format {
                    Format::Text => grants::replay(&report),
                    Format::Json => json::line(&report).unwrap_or_default(),
                };
                shared.terminal.print(&scrubber.text(&shown));
                if report.passes() { Exit::Go } else { Exit::NoGo }
            }
            Err(exit) => exit,
        },
    }
}

async fn tried(
    arguments: &Arguments,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
    cancel: &CancellationToken,
) -> Result<Report, Exit> {
    let before = read::snapshot(&arguments.snapshot, shared)?;
    let after = arguments.after.as_deref().map(|path| read::snapshot(path, shared)).transpose()?;
    check(arguments, &before, shared)?;
    let map = match &arguments.map {
        Some(path) => Some(read::map(path, shared)?),
        None => None,
    };
    let mut split = None;
    let mut database = None;
    if let Some(map) = &map {
        let resolved = read::resolve(map, &before.facts, shared)?;
        let target = choose(map, arguments.target.as_deref(), shared)?;
        database = Some(resolved.target(target).database.clone());
        split = Some(Split::of(&resolved, target));
    }
    let mut main = log_in(&arguments.place, shared, scrubber, cancel).await?;
    let wrong = |message: &str, help: &str| {
        shared.terminal.error(&scrubber.text(message), Some(help));
        Exit::Usage
    };
    let failed = |error: &crate::grants::replay::ReplayError| {
        shared.terminal.error(&scrubber.text(&error.to_string()), error.help());
        Exit::NoGo
    };
    let here = identity(&mut main, arguments.timeout.0).await.map_err(|error| failed(&error))?;
    if let Some(after) = &after {
        let server = &after.facts.server;
        let expected = Identity {
            database: server.database.clone(),
            system_identifier: server.system_identifier.clone(),
        };
        if let Some(message) = differs(&here, &expected) {
            return Err(wrong(&message, "give the URL that --after was taken from, or take it again"));
        }
    }
    if let Some(database) = database.filter(|database| *database != here.database) {
        let message =
            format!("the URL leads to database {:?}, and the map's target is {database:?}", here.database);
        return Err(wrong(&message, "give the URL of the target, or choose it by --target"));
    }
    let mut sessions = Sessions { main, own: BTreeMap::new() };
    for (role, url) in &arguments.login {
        let mut own = log_in_as(url, shared, scrubber, cancel).await?;
        if let Ok(session) = &mut own {
            let there = identity(session, arguments.timeout.0).await.map_err(|error| failed(&error))?;
            if let Some(message) = differs(&there, &here) {
                return Err(wrong(&message, "every --login has to lead to the database of the URL"));
            }
        }
        sessions.own.insert(role.clone(), own);
    }
    let request = Request {
        snapshot: &before,
        split,
        role: arguments.role.as_deref(),
        allow_functions: arguments.allow_functions,
        limit: arguments.timeout.0,
    };
    let tell = |functions: &Foretold| foretell(functions, scrubber, shared);
    let report = run(&mut sessions, &request, tell).await.map_err(|error| failed(&error));
    close(sessions).await;
    report
}

/// What will run on the server is told before it does.
fn foretell(functions: &Foretold, scrubber: &Scrubber, shared: &Shared) {
    let list = |names: &BTreeSet<String>| {
        names.iter().fold(String::new(), |list, name| format!("{list}\n  - {}", text::line(name)))
    };
    for (what, names) in [
        ("functions of the database that may run while statements are planned:", &functions.run),
        ("functions that are kept from running (--allow-functions lets them):", &functions.kept),
    ] {
        if !names.is_empty() {
            shared.terminal.tell(&scrubber.text(&format!("{what}{}", list(names))));
        }
    }
}

async fn close(sessions: Sessions<Stream>) {
    sessions.main.close().await;
    for session in sessions.own.into_values().flatten() {
        session.close().await;
    }
}

/// What cannot be tried is told before anybody logs in.
fn check(arguments: &Arguments, before: &Snapshot, shared: &Shared) -> Result<(), Exit> {
    let roles: BTreeSet<&str> = before
        .workload
        .iter()
        .flat_map(|workload| &workload.statements)
        .map(|statement| statement.role.as_str())
        .collect();
    if roles.is_empty() {
        let help =
            "take it with `gonogo grants snapshot --workload`, from a database with pg_stat_statements";
        shared
            .terminal
            .error(&format!("{} holds no recorded statements", arguments.snapshot.display()), Some(help));
        return Err(Exit::Usage);
    }
    if let Some(role) = arguments.role.as_deref().filter(|role| !roles.contains(role)) {
        let help = closest(role, roles.iter().copied()).map_or_else(
            || format!("there are {}", roles.iter().copied().collect::<Vec<_>>().join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        shared.terminal.error(&format!("no statement of role {role:?} is recorded"), Some(&help));
        return Err(Exit::Usage);
    }
    Ok(())
}

/// Why a session is in another database than is meant; an identifier that nobody may read tells nothing.
fn differs(here: &Identity, meant: &Identity) -> Option<String> {
    if here.database != meant.database {
        return Some(format!("the URL leads to database {:?}, not to {:?}", here.database, meant.database));
    }
    match (&here.system_identifier, &meant.system_identifier) {
        (Some(here), Some(meant)) if here != meant => {
            Some(format!("the URL leads to server {here} (system identifier), not to {meant}"))
        }
        _ => None,
    }
}
