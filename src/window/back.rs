//! The way back while it is gone: when it will end, and how late that is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::path::heaviest;
use super::{Night, later};

/// How far the way back is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// When it began.
    pub started_at: Timestamp,
    /// Stages that have to be undone.
    pub stages: usize,
    /// Those that are.
    pub undone: usize,
    /// When all of it was done; none while it goes on.
    pub done_at: Option<Timestamp>,
    /// When all of it is done, the checks after it left out: as it was, or as it looks now.
    pub ends_at: Timestamp,
    /// How long after the deadline that is; negative before it.
    pub late: SignedDuration,
}

/// What is known of a way back.
#[derive(Debug, Clone, Copy)]
pub struct Gone<'a> {
    /// When it began.
    pub started_at: Timestamp,
    /// Stages that are undone, by index, with when.
    pub undone: &'a [(usize, Timestamp)],
    /// When all of it was done.
    pub done_at: Option<Timestamp>,
}

impl Night {
    /// When a way back ends, at a moment: what is still to be undone begins where the latest step ended, and does not end
    /// in the past.
    #[must_use]
    pub fn way_back(&self, touched: &dyn Fn(usize) -> bool, gone: Gone<'_>, at: Timestamp) -> WayBack {
        let is_undone = |index: usize| gone.undone.iter().any(|&(known, _)| known == index);
        let weight = |index: usize| {
            let open = touched(index) && !is_undone(index);
            if open { self.steps[index].undone_in() } else { Duration::ZERO }
        };
        let latest = gone.undone.iter().map(|&(_, at)| at).max().unwrap_or(gone.started_at);
        let ends_at = gone.done_at.unwrap_or_else(|| later(latest, heaviest(&self.steps, &weight)).max(at));
        let has_undo = |index: &usize| touched(*index) && !self.steps[*index].undone_in().is_zero();
        WayBack {
            started_at: gone.started_at,
            stages: (0..self.steps.len()).filter(has_undo).count(),
            undone: (0..self.steps.len()).filter(has_undo).filter(|&index| is_undone(index)).count(),
            done_at: gone.done_at,
            ends_at,
            late: ends_at.duration_since(self.deadline()),
        }
    }
}
