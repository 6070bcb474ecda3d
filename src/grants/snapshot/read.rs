//! Reading a snapshot's file: what was cut, changed or is newer is told, and never taken for a database.

use serde_json::error::Category;

use super::wire::{NoSuchRole, WireFile};
use super::write::{Ends, seal, sum};
use super::{FORMAT, Snapshot};

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not JSON, or JSON of something else.
    #[error("this is no permission snapshot: {0}")]
    NotASnapshot(serde_json::Error),
    /// The end is missing.
    #[error("the snapshot is cut short: it ends at line {line}, column {column}")]
    CutShort {
        /// The last line there is.
        line: usize,
        /// The last column there is.
        column: usize,
    },
    /// Another format.
    #[error("the snapshot has the format {0:?}, and this program reads {FORMAT:?}")]
    OtherFormat(String),
    /// The parts do not match their sums.
    #[error("the snapshot was changed after it was taken: {part} does not match its {sum}")]
    Changed {
        /// Which part.
        part: &'static str,
        /// `digest` or `seal`.
        sum: &'static str,
    },
    /// It names a role it does not list.
    #[error("the snapshot names the role {0:?} and does not list it")]
    NoSuchRole(String),
}

/// Read a file's text.
///
/// # Errors
/// When it is not what `write` wrote, whole and unchanged.
pub fn read(text: &[u8]) -> Result<Snapshot, SnapshotError> {
    let ends: Ends<'_> = serde_json::from_slice(text).map_err(|error| explain(text, error))?;
    if let Some(format) = ends.format.as_ref().filter(|format| format.0 != FORMAT) {
        return Err(SnapshotError::OtherFormat(format.0.clone().into_owned()));
    }
    if let (Some(facts), Some(digest)) = (ends.facts(text), &ends.digest)
        && sum(&[facts]) != digest.0
    {
        return Err(SnapshotError::Changed { part: "what it says of the database", sum: "digest" });
    }
    let file: WireFile<'_> = serde_json::from_slice(text).map_err(SnapshotError::NotASnapshot)?;
    if seal(&file) != file.volatile.seal.0 {
        return Err(SnapshotError::Changed { part: "its time, a sequence or the workload", sum: "seal" });
    }
    file.into_snapshot().map_err(|NoSuchRole(name)| SnapshotError::NoSuchRole(name))
}

/// Where a file ends in the middle, that is what is wrong with it.
fn explain(text: &[u8], error: serde_json::Error) -> SnapshotError {
    // A number that ends too early is called invalid, at the very end.
    let last = text.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len);
    let lines = text.split(|&byte| byte == b'\n').count();
    let at_end = error.line() == lines && error.column() >= last;
    if (error.classify() == Category::Eof || at_end) && text.first() == Some(&b'{') {
        return SnapshotError::CutShort { line: error.line(), column: error.column() };
    }
    SnapshotError::NotASnapshot(error)
}
