//! Reading a snapshot from its place on disk, within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Snapshot, SnapshotError, read};

/// The largest file that is read: 5,000 tables with 200,000 grants take 30 MB.
const LARGEST: u64 = 1 << 30;

/// Why a file gives no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system says no.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is what no snapshot is.
    #[error("{} is larger than {} MiB, which no snapshot is", path.display(), LARGEST >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no snapshot, or no longer what was written.
    #[error("{}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
}

impl LoadError {
    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name two files that `gonogo grants snapshot` wrote",
            Self::TooLarge { .. } | Self::Unusable { .. } => {
                "take it again: gonogo grants snapshot URL -o FILE"
            }
        }
    }
}

/// Read one snapshot.
pub fn load(path: &Path) -> Result<Snapshot, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    read(&text).map_err(|source| LoadError::Unusable { path: path.to_owned(), source })
}
