//! Reading a database's permissions, whatever its dialect: another dialect is one more `Reader`.

use std::time::Duration;

use super::snapshot::Snapshot;
use crate::model::fault::{Fault, ServerError};
use crate::model::trace::VantageError;

/// What a snapshot is to hold beside the permissions themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The statements the applications ran.
    pub workload: bool,
    /// What depends on what.
    pub references: bool,
    /// The longest it may take; the server stops each statement by then.
    pub limit: Duration,
}

/// A session that reads.
pub trait Reader {
    /// Read everything, as of one moment.
    ///
    /// # Errors
    /// When anything that everybody may read cannot be read. What needs a right the reader lacks is a gap instead.
    fn snapshot(&mut self, request: &Request) -> impl Future<Output = Result<Snapshot, ReadError>> + Send;
}

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The server says no.
    #[error("the server refuses to tell {reading}: {error}")]
    Refused {
        /// What was being read.
        reading: &'static str,
        /// Its words.
        error: Box<ServerError>,
    },
    /// The session broke.
    #[error("the session broke while reading {reading}: {fault}")]
    Broke {
        /// What was being read.
        reading: &'static str,
        /// How.
        fault: Fault,
    },
    /// The trouble is ours.
    #[error("cannot read {reading}: {error}")]
    Ours {
        /// What was being read.
        reading: &'static str,
        /// What it is.
        error: VantageError,
    },
    /// A catalog holds something that no version known here does.
    #[error("cannot read {reading}: the server answers {got}, which this program does not understand")]
    Unknown {
        /// What was being read.
        reading: &'static str,
        /// What came.
        got: String,
    },
    /// A version whose catalogs are not known.
    #[error("the server is PostgreSQL {major}; permissions are read from PostgreSQL 13 on")]
    TooOld {
        /// Its major version.
        major: u32,
    },
}

impl ReadError {
    /// The same, while reading this.
    #[must_use]
    pub fn while_reading(mut self, what: &'static str) -> Self {
        match &mut self {
            Self::Refused { reading, .. }
            | Self::Broke { reading, .. }
            | Self::Ours { reading, .. }
            | Self::Unknown { reading, .. } => *reading = what,
            Self::TooOld { .. } => {}
        }
        self
    }

    /// What to do about it, by SQLSTATE ("PostgreSQL Error Codes"), when that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Refused { error, .. } => match error.sqlstate.as_str() {
                "55P03" => Some(
                    "another session holds a lock on it: try again when its ALTER or VACUUM FULL is done",
                ),
                "57014" => Some(
                    "the statement took too long, or somebody cancelled it: try again, or give --timeout",
                ),
                "57P01" | "57P02" | "57P03" => Some("the server goes down: try again when it is up"),
                "40001" => Some(
                    "a standby had to replay what this needed: try again, or read the primary, or raise \
                     max_standby_streaming_delay",
                ),
                "53200" | "53100" | "53300" => {
                    Some("the server is short of something: try again when it is not")
                }
                "42P01" | "42704" | "XX000" => Some("something was dropped meanwhile: try again"),
                _ => None,
            },
            Self::Broke { .. } => Some("nothing was written: try again"),
            Self::Ours { .. } | Self::Unknown { .. } | Self::TooOld { .. } => None,
        }
    }
}
