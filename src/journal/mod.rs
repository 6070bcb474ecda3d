//! The append-only record of a run: JSON lines, version first, each line with the hash of the one before.

mod baseline;
pub mod edited;
pub mod event;
mod folder;
pub mod follow;
#[cfg(test)]
mod generated;
mod id;
mod lease;
pub mod notifications;
pub mod people;
#[cfg(test)]
mod properties;
mod read;
pub mod rollback;
pub mod run;
mod store;
mod tail;
mod team;
#[cfg(test)]
mod tests;
mod write;

pub use baseline::{Baseline, Recorded};
pub use lease::Lease;
pub use read::{Reading, read};
pub use store::Store;
pub use team::{Team, Tell};
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
    /// The lease was lost to another run: what this one sees no longer counts.
    #[error("the run lease was taken by {holder}")]
    Superseded {
        /// Who has it.
        holder: String,
    },
    /// The team's database cannot be reached now.
    #[error("the team's journal {place} cannot be reached: {reason}")]
    Away {
        /// The database.
        place: String,
        /// What came back.
        reason: String,
    },
    /// The team's database answers, and cannot be used as it is.
    #[error("the team's journal {place} cannot be used: {reason}")]
    Refused {
        /// The database.
        place: String,
        /// What came back.
        reason: String,
        /// What to do.
        help: String,
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
    /// What to do about it, when that is known.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Io { .. } => Some("name a folder that can be written: --journal DIR"),
            Self::Newer { .. } => Some("use a newer gonogo, or another --journal"),
            Self::Corrupt { .. } => {
                Some("keep the file for the post-mortem; gonogo run --fresh begins a new run")
            }
            Self::Leased { .. } => Some(
                "wait for it, or end it; when it hangs on a machine that nobody reaches, and the journal is a \
                 database: gonogo run --take-over YOUR-NAME",
            ),
            Self::Superseded { .. } => {
                Some("nothing more is recorded here: see what they find with gonogo report")
            }
            Self::Away { .. } => {
                Some("wait until it is back; or go on alone, with a journal of this machine: --journal DIR")
            }
            Self::Refused { help, .. } => Some(help),
            Self::Missing { .. } | Self::Closed => None,
        }
    }

    fn io(action: &'static str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), reason: error.to_string() }
    }
}
