//! What every command that reports shares: the options, the writing, and who we are.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Shared;
use super::arguments::{JunitDialect, JunitMinor};
use crate::journal::Journal;
use crate::journal::event::Actor;
use crate::report::{self, Dialect, Mode, Options, Rendered};
use crate::verdict::Exit;

/// The options reports are rendered with.
pub(super) fn options(junit: JunitDialect, minor: JunitMinor) -> Options {
    Options {
        junit_dialect: match junit {
            JunitDialect::Wide => Dialect::Wide,
            JunitDialect::XunitPlugin => Dialect::XunitPlugin,
        },
        junit_minor: match minor {
            JunitMinor::Failure => report::JunitMinor::Failure,
            JunitMinor::Skipped => report::JunitMinor::Skipped,
        },
        hostname: hostname(),
        ..Options::default()
    }
}

/// The options of a report that is only printed.
pub(super) fn plain() -> Options {
    options(JunitDialect::Wide, JunitMinor::Failure)
}

/// Write reports; what cannot be written is told, and changes the exit.
pub(super) fn write(out: &Path, mode: Mode, rendered: &[Rendered], exit: Exit, shared: &Shared) -> Exit {
    let failures = report::write(out, mode, rendered);
    for failure in &failures {
        shared.terminal.error(&failure.to_string(), None);
    }
    if failures.is_empty() { exit } else { exit.not_written() }
}

/// The longest that a command waits for a team's journal that is away, before it leaves the sending to the next one.
const LIMIT: Duration = Duration::from_secs(5);

/// Give the events of a run that wait for a team's journal some time to arrive, and tell how many do not.
pub(super) async fn settle(journal: &Journal, shared: &Shared) -> u64 {
    let began = Instant::now();
    let mut waiting = journal.waiting();
    while waiting > 0 && began.elapsed() < LIMIT {
        waiting = journal.settle(LIMIT.saturating_sub(began.elapsed())).await;
    }
    tell_waiting(waiting, shared);
    waiting
}

/// The same for what a person said: they wait no longer than it takes to hear that it is away.
pub(super) async fn settle_once(journal: &Journal, shared: &Shared) {
    tell_waiting(journal.settle(LIMIT).await, shared);
}

fn tell_waiting(waiting: u64, shared: &Shared) {
    if waiting > 0 {
        shared.terminal.tell(&format!(
            "note: {waiting} events wait on this machine until the team's journal is back; the next command here sends them"
        ));
    }
}

/// Who runs this, as the operating system knows them.
pub(super) fn actor(shared: &Shared) -> Actor {
    let uid = nix::unistd::getuid();
    let named = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    let user = named.or_else(|| shared.environment.filled("USER").map(ToOwned::to_owned));
    Actor {
        user: user.unwrap_or_else(|| uid.to_string()),
        host: hostname(),
        pid: std::process::id(),
        page: None,
    }
}

/// This host's name.
fn hostname() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "localhost".to_owned())
}
