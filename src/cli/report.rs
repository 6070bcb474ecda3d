//! `gonogo report`: any report again, from the journal, and several runs told as one; runs nothing and reads no plan.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::arguments::{JournalFolder, JunitDialect, JunitMinor};
use super::{Shared, compare, journal, reporting};
use crate::journal::run::Run;
use crate::journal::{JournalError, Store};
use crate::model::verdict::ReasonId;
use crate::report::{self, Merged, Mode, Rendered};
use crate::secret::Scrubber;
use crate::verdict::{Assessment, Exit, assess};

/// Runs named to somebody who named one that is not there.
const KNOWN: usize = 10;

/// The names of the reports, with the one each stands for.
fn report_names() -> impl TypedValueParser<Value = report::Format> {
    let names =
        report::Format::ALL.iter().map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(names.collect::<Vec<_>>())
        .try_map(|name| report::Format::named(&name).ok_or("there is no such report"))
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which report to print
    #[arg(long, value_name = "NAME", default_value = "summary", value_parser = report_names())]
    format: report::Format,
    /// Which run; the newest when absent. Several are told as one, and it ends as the worst verdict says
    #[arg(long, value_name = "ID")]
    run: Vec<String>,
    /// Write every report here, instead of printing one
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Where runs are recorded: a folder, or the `postgres://` URL of a team's database; else as the plan says, or .gonogo.
    /// Of several, the newest run of each is told, or the runs named by --run
    #[arg(long, value_name = "DIR|URL")]
    journal: Vec<String>,
    /// End as the worst verdict says of a single run too: for jobs that do not know how many there are
    #[arg(long)]
    merge: bool,
    /// Which JUnit dialect to write
    #[arg(long, value_enum, default_value = "wide", value_name = "DIALECT")]
    junit: JunitDialect,
    /// Write minor failures as skipped, where red must mean NO-GO
    #[arg(long, value_enum, default_value = "failure", value_name = "AS")]
    junit_minor: JunitMinor,
    /// Permissions of the reports, in octal
    #[arg(long, value_name = "MODE", default_value = "600")]
    mode: Mode,
}

pub(super) async fn report(arguments: &Arguments, shared: &Shared) -> Exit {
    let stores = match stores(arguments, shared) {
        Ok(stores) => stores,
        Err(exit) => return exit,
    };
    let runs = match runs(arguments, &stores, shared).await {
        Ok(runs) => runs,
        Err(exit) => return exit,
    };
    let told: Vec<Assessment<'_>> = runs.iter().map(judged).collect();
    match &told[..] {
        [one] if !arguments.merge => tell_one(one, arguments, &stores, shared).await,
        several => tell_merged(&Merged::new(several), arguments, shared),
    }
}

async fn tell_one(told: &Assessment<'_>, arguments: &Arguments, stores: &[Store], shared: &Shared) -> Exit {
    let mut options = reporting::options(arguments.junit, arguments.junit_minor);
    for store in stores {
        if options.before.is_none() {
            options.before = compare::with_attempt_before(store, told).await;
        }
    }
    if let Some(out) = &arguments.out {
        return reporting::write(out, arguments.mode, &report::kept(told, &options), Exit::Go, shared);
    }
    print(arguments.format.render(told, &options), shared);
    Exit::Go
}

fn tell_merged(merged: &Merged<'_>, arguments: &Arguments, shared: &Shared) -> Exit {
    let options = reporting::options(arguments.junit, arguments.junit_minor);
    let exit = Exit::of(merged.verdict());
    if let Some(out) = &arguments.out {
        for name in merged.untold(&options).iter().filter(|name| out.join(name).exists()) {
            let left = out.join(name);
            shared.terminal.tell(&format!(
                "note: {} is of an earlier, single run, and is left as it is",
                left.display()
            ));
        }
        return reporting::write(out, arguments.mode, &merged.every(&options), exit, shared);
    }
    let Some(rendered) = merged.render(arguments.format, &options) else {
        let name = arguments.format.name();
        let help = "several runs are told by --format summary, json and junit";
        shared.terminal.error(&format!("`{name}` tells one run at a time"), Some(help));
        return Exit::Usage;
    };
    print(rendered, shared);
    exit
}

/// The text for a pipe comes first.
fn print(rendered: Vec<Rendered>, shared: &Shared) {
    shared.terminal.print(&rendered.into_iter().next().map(|rendered| rendered.text).unwrap_or_default());
}

fn judged(run: &Run) -> Assessment<'_> {
    let mut assessment = assess(run, run.latest_at);
    if !run.finished {
        let text = "the run has not finished: it is going on, or it was killed".to_owned();
        assessment.fail(ReasonId::Interrupted, text);
    }
    assessment
}

fn stores(arguments: &Arguments, shared: &Shared) -> Result<Vec<Store>, Exit> {
    let mut named: Vec<Option<&String>> = arguments.journal.iter().map(Some).collect();
    if named.is_empty() {
        named.push(None);
    }
    let scrubber = Arc::new(Scrubber::default());
    let open = |place: Option<&String>| {
        journal::named(&JournalFolder { journal: place.cloned() }, shared, &scrubber)
    };
    named.into_iter().map(open).collect()
}

/// The runs named, in that order; else the newest of each journal.
async fn runs(arguments: &Arguments, stores: &[Store], shared: &Shared) -> Result<Vec<Run>, Exit> {
    let mut runs: Vec<Run> = Vec::new();
    if arguments.run.is_empty() {
        for store in stores {
            runs.push(newest(store, shared).await?);
        }
    }
    for id in &arguments.run {
        runs.push(named(id, stores, shared).await?);
    }
    for (index, run) in runs.iter().enumerate() {
        if runs[..index].iter().any(|earlier| earlier.id == run.id) {
            let message = format!("run {} is named twice", run.id);
            shared.terminal.error(&message, Some("name each run, or its journal, once"));
            return Err(Exit::Usage);
        }
    }
    Ok(runs)
}

async fn newest(store: &Store, shared: &Shared) -> Result<Run, Exit> {
    match store.newest().await {
        Ok(Some((run, reading))) => {
            journal::tell_behind(&reading, shared);
            Ok(run)
        }
        Ok(None) => {
            let place = store.place();
            shared.terminal.error(&format!("no run is recorded in {place}"), Some("start one: gonogo run"));
            Err(Exit::Usage)
        }
        Err(error) => Err(unreadable(&error, shared)),
    }
}

/// The run of this id, in the first journal that has it.
async fn named(id: &str, stores: &[Store], shared: &Shared) -> Result<Run, Exit> {
    let mut missing = Vec::new();
    for store in stores {
        match store.load(id).await {
            Ok((run, reading)) => {
                journal::tell_behind(&reading, shared);
                return Ok(run);
            }
            Err(error @ JournalError::Missing { .. }) => missing.push(error.to_string()),
            Err(error) => return Err(unreadable(&error, shared)),
        }
    }
    let mut known = Vec::new();
    for store in stores {
        known.extend(store.ids().await.unwrap_or_default());
    }
    shared.terminal.error(&missing.join("; "), Some(&told_known(&known)));
    Err(Exit::Usage)
}

/// The newest runs there are, the newest first: ids begin with their time.
fn told_known(known: &[String]) -> String {
    if known.is_empty() {
        return "no run is recorded there; start one: gonogo run".to_owned();
    }
    let shown: Vec<&str> = known.iter().rev().take(KNOWN).map(String::as_str).collect();
    let more = known.len().saturating_sub(KNOWN);
    let more = if more > 0 { format!(" and {more} older") } else { String::new() };
    format!("known are {}{more}", shown.join(", "))
}

fn unreadable(error: &JournalError, shared: &Shared) -> Exit {
    shared.terminal.error(&error.to_string(), error.help());
    Exit::NotWritten
}
