//! What people say into the journal of the newest run: the words are `people`'s, read from the command line here.

use std::sync::Arc;

use super::arguments::JournalFolder;
use super::{Shared, journal, reporting};
use crate::clock;
use crate::people::{NotTaken, Taken, Word, rollback, take_down};
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess};

/// A word, and where runs are recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Said<W: clap::Args> {
    #[command(flatten)]
    word: W,
    #[command(flatten)]
    journal: JournalFolder,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Rollback {
    /// It begins now
    Start(Said<rollback::Start>),
    /// A stage is undone: its time is measured from here for the next attempt
    Undone(Said<rollback::Undone>),
    /// Everything is undone
    Done(Said<rollback::Done>),
    /// Look at everything that was green in the baseline: it must be green again
    Verify(super::rollback_verify::Arguments),
}

pub(super) async fn roll_back(arguments: &Rollback, shared: &Shared) -> Exit {
    match arguments {
        Rollback::Start(said) => take(said, shared).await,
        Rollback::Undone(said) => take(said, shared).await,
        Rollback::Done(said) => take(said, shared).await,
        Rollback::Verify(arguments) => super::rollback_verify::verify(arguments, shared).await,
    }
}

/// Take down what was said.
pub(super) async fn take<W: Word + Sync + clap::Args>(said: &Said<W>, shared: &Shared) -> Exit {
    say(&said.journal, shared, &said.word).await
}

/// Take down a word about the newest run, and tell how the run stands then.
pub(super) async fn say(journal: &JournalFolder, shared: &Shared, word: &(dyn Word + Sync)) -> Exit {
    let terminal = &shared.terminal;
    let store = match journal::named(journal, shared, &Arc::new(Scrubber::default())) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let Taken { line, run, reading, journal } = match take_down(&store, &reporting::actor(shared), word).await
    {
        Ok(taken) => taken,
        Err(NotTaken::NoRun) => {
            let message = format!("no run is recorded in {}", store.place());
            terminal.error(&message, Some("start one first: gonogo run"));
            return Exit::Usage;
        }
        Err(NotTaken::Refused(refusal, reading)) => {
            journal::tell_behind(&reading, shared);
            terminal.error(&refusal.message, Some(&refusal.help));
            return refusal.exit;
        }
        Err(NotTaken::Journal(error)) => {
            terminal.error(&error.to_string(), error.help().or(Some("nothing was recorded")));
            return Exit::NotWritten;
        }
    };
    journal::tell_behind(&reading, shared);
    terminal.print(&line);
    reporting::settle_once(&journal, shared).await;
    if run.finished {
        let assessment = assess(&run, clock::now());
        terminal.print(&format!("run {} stands at {}: gonogo status", run.id, assessment.verdict));
    }
    Exit::Go
}
