//! Reading a snapshot's file: what was cut, changed or is newer is told, and never taken for a database.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::wire::{NoSuchRole, WireFacts};
use super::write::{Parts, sum};
use super::{FORMAT, Key, Snapshot, Values, Workload};

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

#[derive(Deserialize)]
struct Head {
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    format: String,
    #[serde(borrow)]
    taken_at: &'a RawValue,
    digest: String,
    seal: String,
    #[serde(borrow)]
    facts: &'a RawValue,
    #[serde(borrow)]
    sequences: &'a RawValue,
    #[serde(borrow)]
    populated: &'a RawValue,
    #[serde(borrow)]
    workload: &'a RawValue,
}

/// Read a file's text.
///
/// # Errors
/// When it is not what `write` wrote, whole and unchanged.
pub fn read(text: &[u8]) -> Result<Snapshot, SnapshotError> {
    let envelope: Envelope<'_> = serde_json::from_slice(text).map_err(|error| explain(text, error))?;
    if envelope.format != FORMAT {
        return Err(SnapshotError::OtherFormat(envelope.format));
    }
    let bytes = |raw: &RawValue| raw.get().as_bytes().to_vec();
    let parts = Parts {
        taken_at: bytes(envelope.taken_at),
        facts: sum(&[envelope.facts.get().as_bytes()]),
        sequences: bytes(envelope.sequences),
        populated: bytes(envelope.populated),
        workload: bytes(envelope.workload),
    };
    if parts.facts != envelope.digest {
        return Err(SnapshotError::Changed { part: "`facts`", sum: "digest" });
    }
    if parts.seal() != envelope.seal {
        return Err(SnapshotError::Changed { part: "what surrounds `facts`", sum: "seal" });
    }
    let facts: WireFacts<'_> = part(envelope.facts)?;
    let sequences: BTreeMap<Key, i64> = part(envelope.sequences)?;
    let populated: BTreeMap<Key, bool> = part(envelope.populated)?;
    let workload: Option<Workload> = part(envelope.workload)?;
    Ok(Snapshot {
        taken_at: part(envelope.taken_at)?,
        facts: facts.into_facts().map_err(|NoSuchRole(name)| SnapshotError::NoSuchRole(name))?,
        values: Values { sequences, populated },
        workload,
    })
}

fn part<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, SnapshotError> {
    serde_json::from_str(raw.get()).map_err(SnapshotError::NotASnapshot)
}

/// A newer format may have other parts: its name is looked for before its parts are called wrong.
fn explain(text: &[u8], error: serde_json::Error) -> SnapshotError {
    // A number that ends too early is called invalid, at the very end.
    let last = text.rsplit(|&byte| byte == b'\n').next().map_or(0, <[u8]>::len);
    let lines = text.split(|&byte| byte == b'\n').count();
    let at_end = error.line() == lines && error.column() >= last;
    if (error.classify() == Category::Eof || at_end) && text.first() == Some(&b'{') {
        return SnapshotError::CutShort { line: error.line(), column: error.column() };
    }
    match serde_json::from_slice::<Head>(text) {
        Ok(Head { format: Some(format) }) if format != FORMAT => SnapshotError::OtherFormat(format),
        Ok(_) | Err(_) => SnapshotError::NotASnapshot(error),
    }
}
