//! The window of a release: from when, until when, and how much time is kept in hand.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outline::Place;

/// The time a release has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// When the first stage may begin.
    pub start: Timestamp,
    /// When everything must be up, either way: the deadline, unless an extension is granted.
    pub must_be_up_by: Timestamp,
    /// What is kept in hand for a rollback that takes longer than planned.
    pub margin: Margin,
    /// Planned seconds of the checks after a rollback.
    #[serde(default)]
    pub verify_s: u64,
    /// Where it is written.
    pub place: Place,
}

/// Time kept in hand: the larger of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Margin {
    /// Percent of the rollback.
    pub percent: u8,
    /// Seconds.
    pub at_least_s: u64,
}

/// More time, asked for or granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extension {
    /// When everything must be up instead.
    pub until: Timestamp,
    /// Somebody who may has said yes; what is only asked for never counts.
    pub granted: bool,
}
