//! What the runner and a far side say to each other: one JSON value a line.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::trace::{Trace, VantageError};
use crate::secret::{Carried, SecretRef};

/// The protocol of this version; it is in [`MARK`], too.
pub const PROTOCOL: u32 = 1;
/// What an answer's line begins with. Anything else on stdout is noise, such as a login banner.
pub const MARK: &str = "gonogo/1 ";
/// How often the near side says that it is there, when it has no other order.
pub const ALIVE: Duration = Duration::from_secs(5);
/// A far side that has heard nothing for so long is alone, and ends: about as long as ssh waits here for a host that is silent.
pub const SILENCE: Duration = Duration::from_secs(20);
/// Longer lines are refused by both sides, in bytes.
pub const LONGEST: usize = 64 * 1024 * 1024;
/// Bytes of a file of the runner's that is sent along at most: in base64 it has to fit into a line.
pub const LARGEST_FILE: u64 = 40 * 1024 * 1024;

/// What the runner orders.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Say who you are, and what time it is there.
    Hello,
    /// Look once.
    Look(Look),
    /// Stop looking.
    Cancel {
        /// Which look.
        id: u64,
    },
    /// The answer to [`Reply::Ask`].
    Secret {
        /// Which question.
        ask: u64,
        /// The value, or why there is none.
        found: Result<Carried, VantageError>,
    },
}

/// One probe to run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Look {
    /// The number its answer bears.
    pub id: u64,
    /// The probe, as [`crate::secret::carry`] writes it. Read late: a far side refuses what it does not know.
    pub probe: Value,
    /// The longest it may take, in milliseconds.
    pub limit_ms: u64,
    /// Files of the runner's that it names.
    pub files: Vec<SentFile>,
}

/// A file of the runner's.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentFile {
    /// Where it is on the runner, as the probe names it.
    pub path: PathBuf,
    /// What is in it, in base64.
    pub content: String,
}

/// What a far side answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Who it is.
    Hello(Hello),
    /// What a look showed.
    Looked {
        /// Which look.
        id: u64,
        /// What was seen.
        trace: Trace,
    },
    /// It needs a secret to go on.
    Ask {
        /// The number the answer has to bear.
        ask: u64,
        /// Which one.
        secret: SecretRef,
    },
    /// It is in the place of an application that has other variables by now: another far side has to look.
    Outdated {
        /// Which look.
        id: u64,
    },
    /// It does not understand an order.
    Refused {
        /// Which look, when it is about one.
        id: Option<u64>,
        /// Why.
        reason: String,
    },
}

/// Who a far side is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The program's version.
    pub version: String,
    /// [`PROTOCOL`] there.
    pub protocol: u32,
    /// The user it runs as, by name or number.
    pub user: String,
    /// The host's own name.
    pub host: String,
    /// The time there, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: i64,
}
