//! Checks that other checks need.

use crate::model::outcome::{Judgement, Outcome};

/// A needed check in progress.
pub(super) struct Needed {
    /// Rows of it that are not settled.
    pub(super) open: usize,
    /// The worst outcome so far.
    pub(super) worst: Outcome,
    /// Rows that wait for it.
    pub(super) waiting: Vec<usize>,
}

/// Of a check whose need did not pass.
pub(super) fn lacking(need: &str, outcome: Option<Outcome>) -> Judgement {
    let why = match outcome {
        None => "was not looked at",
        Some(Outcome::Pass) => "passed",
        Some(Outcome::Fail) => "failed",
        Some(Outcome::Error) => "could not be looked at",
        Some(Outcome::NoAnswer) => "gave no answer",
        Some(Outcome::NotRun) => "was not run",
    };
    Judgement::plain(Outcome::NotRun, format!("it needs {need}, which {why}"))
}
