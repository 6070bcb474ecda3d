//! The append-only record of a run: JSON lines, version first, each line with the hash of the one before.

mod baseline;
pub mod event;
mod read;
pub mod run;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use baseline::{Baseline, Recorded};
pub use read::{Reading, read};
pub use store::{Lease, Store};
pub use write::Journal;

use std::path::PathBuf;

/// Why a journal could not be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("cannot {action} {}: {reason}", path.display())]
    Io {
        /// What we were doing, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It is of a newer format.
    #[error("{} is a journal of format {found}; this gonogo reads format {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A line is not what was written.
    #[error("{}:{line}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another run holds the lease.
    #[error("another run is going on: {holder}")]
    Leased {
        /// Who holds it, as they wrote it.
        holder: String,
    },
    /// There is no such run.
    #[error("{reason}")]
    Missing {
        /// What was looked for, and what to do.
        reason: String,
    },
    /// The writer has ended.
    #[error("the journal was closed by an earlier error")]
    Closed,
}

impl JournalError {
    fn io(action: &'static str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), reason: error.to_string() }
    }
}
