//! The lease that says who may probe.

use std::fs::File;
use std::time::Duration;

use super::team::Held;

/// The right to probe, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lease {
    pub(super) holding: Holding,
    /// Who had it, when it was taken from a run that went on.
    pub taken_from: Option<String>,
}

/// What the right hangs on.
#[derive(Debug)]
pub(super) enum Holding {
    /// A lock on it.
    File { _lock: File },
    /// The session with the database; none once the writer has it.
    Team(Option<Box<Held>>),
}

impl Lease {
    pub(super) fn take(&mut self) -> Option<Held> {
        match &mut self.holding {
            Holding::File { .. } => None,
            Holding::Team(held) => held.take().map(|held| *held),
        }
    }
}

/// A program that is just being started holds our open files for an instant (until its `exec`, flock(2)): a run that has
/// ended may seem to go on for that long.
pub(super) fn patiently(file: &File) -> Result<(), std::fs::TryLockError> {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..10 {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            locked => return locked,
        }
    }
    file.try_lock()
}
