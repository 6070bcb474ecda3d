//! `gonogo clean`: old runs go away.

use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;

use super::arguments::JournalFolder;
use super::{Shared, journal, reporting};
use crate::clock;
use crate::period::Period;
use crate::secret::Scrubber;
use crate::verdict::Exit;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Keep runs that began within this time, such as `30d`; the newest is always kept
    #[arg(long, value_name = "DURATION", value_parser = days)]
    keep: Period,
    /// Only tell which would go
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    journal: JournalFolder,
}

/// A length of time, also in days.
fn days(text: &str) -> Result<Period, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(24 * 60 * 60)) {
        Some(seconds) => Ok(Period(std::time::Duration::from_secs(seconds))),
        None => text.parse(),
    }
}

pub(super) async fn clean(arguments: &Arguments, shared: &Shared) -> Exit {
    let store = match journal::named(&arguments.journal, shared, &Arc::new(Scrubber::default())) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let keep = SignedDuration::try_from(arguments.keep.0).unwrap_or(SignedDuration::MAX);
    let Ok(before) = clock::now().checked_sub(keep) else {
        shared.terminal.print("nothing is that old");
        return Exit::Go;
    };
    match store.clean(before, &reporting::actor(shared), arguments.dry_run).await {
        Ok(gone) => {
            let word = if arguments.dry_run { "would be removed" } else { "removed" };
            for id in &gone {
                shared.terminal.print(id);
            }
            shared.terminal.print(&format!("{} runs {word}", gone.len()));
            Exit::Go
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            Exit::NotWritten
        }
    }
}
