//! `gonogo compare`: two attempts side by side.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::arguments::{Format, JournalFolder};
use super::{Shared, journal};
use crate::clock;
use crate::compare::{Comparison, compare as compared};
use crate::journal::run::Run;
use crate::journal::{JournalError, Store};
use crate::report;
use crate::secret::Scrubber;
use crate::verdict::{Assessment, Exit, assess};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The earlier one: an attempt, such as `1`, or a run's id
    before: String,
    /// The later one
    now: String,
    #[command(flatten)]
    journal: JournalFolder,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) async fn compare(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let store = match journal::named(&arguments.journal, shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let found = (find(&store, &arguments.before).await, find(&store, &arguments.now).await);
    let (before, now) = match found {
        (Ok(before), Ok(now)) => (before, now),
        (Err(error), _) | (_, Err(error)) => {
            shared.terminal.error(&error.to_string(), error.help());
            let missing = matches!(error, JournalError::Missing { .. });
            return if missing { Exit::Usage } else { Exit::NotWritten };
        }
    };
    let told = compared(&assess(&before, before.latest_at), &assess(&now, now.latest_at));
    let text = match arguments.format {
        Format::Text => {
            let zone = now.outline.zone.as_deref().and_then(clock::zone);
            report::compare::render(&told, &zone.unwrap_or_else(TimeZone::system))
        }
        Format::Json => report::json::written(&told),
    };
    shared.terminal.print(&text);
    if told.is_worse() { Exit::NoGo } else { Exit::Go }
}

/// A run beside the attempt before it, for the reports; none for a first attempt. One that cannot be read is left out:
/// `gonogo compare` says why, and no verdict hangs on it.
pub(super) async fn with_attempt_before(store: &Store, told: &Assessment<'_>) -> Option<Arc<Comparison>> {
    /// Runs looked at, the newest first: a page is not worth reading a whole year.
    const MOST: usize = 50;
    let wanted = told.run.attempt.checked_sub(1).filter(|&attempt| attempt > 0)?;
    let ids = store.ids().await.ok()?;
    for id in ids.iter().rev().filter(|id| **id < told.run.id).take(MOST) {
        let Ok((before, _)) = store.load(id).await else { continue };
        if before.attempt == wanted {
            return Some(Arc::new(compared(&assess(&before, before.latest_at), told)));
        }
    }
    None
}

/// The newest run of an attempt, or the run of this id.
async fn find(store: &Store, wanted: &str) -> Result<Run, JournalError> {
    let Ok(attempt) = wanted.parse::<u32>() else { return store.load(wanted).await.map(|(run, _)| run) };
    for id in store.ids().await?.iter().rev() {
        let (run, _) = store.load(id).await?;
        if run.attempt == attempt {
            return Ok(run);
        }
    }
    let reason = format!("no run of attempt {attempt} is recorded in {}", store.place());
    Err(JournalError::Missing { reason })
}
