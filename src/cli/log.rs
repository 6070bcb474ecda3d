//! `gonogo log`: the timeline of a run, its chain verified on the way.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::arguments::{Format, JournalFolder};
use super::{Shared, journal};
use crate::journal::{JournalError, Store};
use crate::report::timeline::{Entry, Timeline};
use crate::secret::Scrubber;
use crate::verdict::Exit;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which run; the newest when absent
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Every event, each look too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    journal: JournalFolder,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) async fn log(arguments: &Arguments, shared: &Shared) -> Exit {
    let store = match journal::named(&arguments.journal, shared, &Arc::new(Scrubber::default())) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let mut timeline: Option<Timeline> = None;
    let mut entries = Vec::new();
    let read = store
        .lines(arguments.run.as_deref(), |id, line| {
            let timeline = timeline.get_or_insert_with(|| Timeline::new(id, arguments.all));
            entries.extend(timeline.tell(line)?);
            Ok(())
        })
        .await;
    match read {
        Ok(Some(reading)) => {
            print(&entries, reading.seq, None, arguments.format, shared);
            journal::tell_behind(&reading, shared);
            Exit::Go
        }
        Ok(None) => nothing(&store, shared),
        Err(error) => {
            if let JournalError::Corrupt { .. } = error {
                print(&entries, 0, Some(&error), arguments.format, shared);
            }
            shared.terminal.error(&error.to_string(), error.help());
            Exit::NotWritten
        }
    }
}

fn nothing(store: &Store, shared: &Shared) -> Exit {
    shared.terminal.error(&format!("no run is recorded in {}", store.place()), Some("start one: gonogo run"));
    Exit::Usage
}

/// What is sound of it, and whether that is everything.
fn print(entries: &[Entry], events: u64, broken: Option<&JournalError>, format: Format, shared: &Shared) {
    let text = match format {
        Format::Text => {
            let told = entries.iter().map(|entry| format!("{}  {}\n", entry.local, entry.text));
            let end = match broken {
                None => format!("chain: {events} events, each follows the one before\n"),
                Some(error) => format!("chain: BROKEN here, and nothing after this is believed: {error}\n"),
            };
            told.chain([end]).collect()
        }
        Format::Json => {
            let chain = json!({
                "verified": broken.is_none(),
                "events": events,
                "error": broken.map(ToString::to_string),
            });
            json!({ "timeline": entries, "chain": chain }).to_string()
        }
    };
    shared.terminal.print(&text);
}
