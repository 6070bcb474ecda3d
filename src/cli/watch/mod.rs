//! `gonogo watch`: the newest run on the screen until it is quit; as plain lines where there is no screen. It reads the journal
//! and nothing else. `follow` follows the journal, `report::screen` says what is shown, `screen` shows it on a terminal, which
//! `tty` sets up and gives back and `paint` writes to; `lines` is what a pipe gets.

mod follow;
mod keys;
mod lines;
mod paint;
mod screen;
mod tty;

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::arguments::{Format, JournalFolder};
use super::terminal::Terminal;
use super::{Shared, journal};
use crate::clock;
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess_live};
use follow::{Follower, Known};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    journal: JournalFolder,
    /// Lines of text, or of JSON; with `json` there is no full screen
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) async fn watch(arguments: &Arguments, shared: &Shared) -> Exit {
    let is_full = shared.terminal.full && arguments.format == Format::Text;
    // Notes on stderr would be written across the screen; what they are about is in the timeline.
    let shared = &Shared { terminal: Terminal { notes: !is_full, ..shared.terminal }, ..shared.clone() };
    let store = match journal::named(&arguments.journal, shared, &Arc::new(Scrubber::default())) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let kept = if is_full { follow::LATEST } else { usize::MAX };
    let follower = Arc::new(Follower::new(store, kept));
    let stopped = match followed(&follower) {
        Ok(stopped) => stopped,
        Err(error) => {
            shared.terminal.error(&format!("cannot follow the journal: {error}"), None);
            return Exit::NotWritten;
        }
    };
    let showing = async {
        if is_full {
            screen::watch(&follower, shared).await
        } else {
            lines::watch(&follower, arguments.format).await
        }
    };
    tokio::select! {
        exit = showing => exit,
        // It ends only by a panic, and then nothing that is shown can be believed.
        _ = stopped => {
            let help = "please report this; the verdict is NO-GO";
            shared.terminal.error("internal error: the journal is not followed any more", Some(help));
            Exit::NoGo
        }
    }
}

/// Follow on a thread of its own, with a runtime of its own: a file system that hangs must stop neither the clock nor the
/// keys, and the end of the program waits for neither. What comes back hears of its end.
fn followed(follower: &Arc<Follower>) -> std::io::Result<oneshot::Receiver<Infallible>> {
    let (alive, stopped) = oneshot::channel();
    let follower = Arc::clone(follower);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("follow".to_owned()).spawn(move || {
        let _alive = alive;
        match runtime.block_on(follower.follow()) {}
    })?;
    Ok(stopped)
}

/// As `status` ends: by what was known last.
fn exit(known: &Known) -> Exit {
    let trouble = known.trouble();
    match known.run() {
        Some(_) | None if trouble.is_some() => Exit::NotWritten,
        Some(run) => Exit::of(assess_live(run, clock::now(), None).verdict),
        None => Exit::Usage,
    }
}
