//! The clock: until when turning back still meets the deadline, and until when the next stage may begin. Arithmetic
//! over plain data: who asks says what time it is.
//!
//! ```text
//! rollback  = critical path over the undo steps of the stages touched so far: measured last time, else planned
//! margin    = the larger of at_least and percent of the rollback
//! verify    = time of the checks after a rollback: measured last time, else planned
//! decide by = deadline - rollback - margin - verify     deadline = must_be_up_by, or the latest granted extension
//! start by  = decide by with every stage touched - everything still to do
//! ```

mod back;
mod path;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::model::outline::{Outline, Stage};
use crate::model::window::{Extension, Window};
pub use back::{Gone, WayBack};
use path::{heaviest, heaviest_from};

/// With less left than this, time is tight.
const TIGHT: SignedDuration = SignedDuration::from_hours(1);
/// With no more left than this, it has to be decided now.
const DECIDE_NOW: SignedDuration = SignedDuration::from_mins(10);

/// What the clock is computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The time there is.
    pub window: Window,
    /// The stages, in order.
    pub steps: Vec<Step>,
    /// What the checks after a rollback took last time.
    pub measured_verify: Option<Duration>,
    /// More time, asked for or granted.
    pub extensions: Vec<Extension>,
}

/// The times of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Indexes of the stages that come before it, and are undone after it.
    pub after: Vec<usize>,
    /// Planned: the work, and letting it settle.
    pub work: Duration,
    /// Planned: the sanity test.
    pub sanity: Duration,
    /// Planned: undoing it.
    pub undo: Duration,
    /// What undoing it took last time.
    pub measured_undo: Option<Duration>,
    /// It cannot be undone.
    pub irreversible: bool,
}

impl Step {
    fn of(stage: &Stage) -> Self {
        let time = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(0));
        Self {
            after: stage.after.clone(),
            work: time(stage.duration_s).saturating_add(time(stage.wait_s)),
            sanity: time(stage.sanity_s),
            undo: time(stage.undo_s),
            measured_undo: None,
            irreversible: stage.irreversible,
        }
    }

    /// From its beginning until it is known to be well.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.work.saturating_add(self.sanity)
    }

    fn undone_in(&self) -> Duration {
        self.measured_undo.unwrap_or(self.undo)
    }
}

/// How a night stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything was up, and the last stage a go, before the deadline.
    Up,
    /// An hour or more is left.
    Comfortable,
    /// Less than an hour is left.
    Tight,
    /// Ten minutes or less are left.
    DecideNow,
    /// Nothing is left.
    Overdue,
}

impl State {
    /// As it is read aloud.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Comfortable => "COMFORTABLE",
            Self::Tight => "TIGHT",
            Self::DecideNow => "DECIDE NOW",
            Self::Overdue => "OVERDUE",
        }
    }

    fn with_left(left: SignedDuration) -> Self {
        if left <= SignedDuration::ZERO {
            Self::Overdue
        } else if left <= DECIDE_NOW {
            Self::DecideNow
        } else if left < TIGHT {
            Self::Tight
        } else {
            Self::Comfortable
        }
    }
}

/// What turning back takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnBack {
    /// The undo steps, those that can go on at once at once.
    pub rollback: Duration,
    /// Kept in hand.
    pub margin: Duration,
    /// The checks after it.
    pub verify: Duration,
    /// The last moment to decide on it.
    pub decide_by: Timestamp,
}

impl TurnBack {
    /// When everything would be up again if it began at `now`, without the margin.
    #[must_use]
    pub fn ends_at(&self, now: Timestamp) -> Timestamp {
        later(later(now, self.rollback), self.verify)
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Index of the first stage that is not touched.
    pub stage: usize,
    /// When it has to begin at the latest.
    pub start_by: Timestamp,
    /// Turning back once it is touched; none when there is no way back from it.
    pub then: Option<TurnBack>,
    /// Indexes of the stages still to do, those that others have to wait for.
    pub to_do: Vec<usize>,
}

/// The clock at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The moment.
    pub at: Timestamp,
    /// When everything must be up, with what is granted.
    pub deadline: Timestamp,
    /// The deadline is a granted extension.
    pub extended: bool,
    /// The latest extension that is asked for and not granted: it does not count.
    pub asked: Option<Timestamp>,
    /// How the night stands.
    pub state: State,
    /// The moment the state is about: decide-by; before the first stage, start-by; without a way back, the deadline.
    pub by: Timestamp,
    /// Turning back now; none before the first stage, and without a way back.
    pub turn_back: Option<TurnBack>,
    /// Index of the stage from which there is no way back.
    pub no_way_back: Option<usize>,
    /// What comes next; none after the last stage.
    pub next: Option<Next>,
    /// The way back, once it is gone: then nothing else is ahead.
    pub way_back: Option<WayBack>,
    /// When the last stage was a go.
    pub up_at: Option<Timestamp>,
}

impl Night {
    /// The night as planned; none without a window.
    #[must_use]
    pub fn of(outline: &Outline) -> Option<Self> {
        Some(Self {
            window: outline.window.clone()?,
            steps: outline.stages.iter().map(Step::of).collect(),
            measured_verify: None,
            extensions: Vec::new(),
        })
    }

    /// When everything must be up: as planned, or the latest granted extension.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let granted = self.extensions.iter().filter(|extension| extension.granted);
        granted.map(|extension| extension.until).fold(self.window.must_be_up_by, Timestamp::max)
    }

    /// Turning back once the stages for which `touched` is true have begun; none when one of them cannot be undone.
    #[must_use]
    pub fn turn_back(&self, touched: &dyn Fn(usize) -> bool) -> Option<TurnBack> {
        if self.steps.iter().enumerate().any(|(index, step)| step.irreversible && touched(index)) {
            return None;
        }
        let weight = |index: usize| {
            if touched(index) { self.steps[index].undone_in() } else { Duration::ZERO }
        };
        let rollback = heaviest(&self.steps, &weight);
        let margin = self.margin(rollback);
        let verify = self.measured_verify.unwrap_or(Duration::from_secs(self.window.verify_s));
        let decide_by = [rollback, margin, verify].into_iter().fold(self.deadline(), earlier);
        Some(TurnBack { rollback, margin, verify, decide_by })
    }

    fn margin(&self, rollback: Duration) -> Duration {
        let share = rollback.saturating_mul(u32::from(self.window.margin.percent)) / 100;
        share.max(Duration::from_secs(self.window.margin.at_least_s))
    }

    /// When a stage has to begin at the latest, so that all that waits for it can be done and undone again. A stage that
    /// cannot be undone has to begin while what is done before it still can, and to be done by the deadline.
    #[must_use]
    pub fn start_by(&self, stage: usize) -> Timestamp {
        self.latest_start(stage, &|_| false).0
    }

    /// With the stages that wait for it, and that others have to wait for.
    fn latest_start(&self, stage: usize, touched: &dyn Fn(usize) -> bool) -> (Timestamp, Vec<usize>) {
        let lasts = |index: usize| if touched(index) { Duration::ZERO } else { self.steps[index].lasts() };
        let (time, path) = heaviest_from(&self.steps, stage, &lasts);
        let start_by = earlier(self.all_done_by(), time);
        let last_chance = self.steps.iter().position(|step| step.irreversible);
        let last_chance = last_chance.filter(|&index| index >= stage && !touched(index));
        let Some((last_chance, back)) =
            last_chance.and_then(|index| Some((index, self.turn_back(&|other| other < index)?)))
        else {
            return (start_by, path);
        };
        let until_then = |index: usize| if index < last_chance { lasts(index) } else { Duration::ZERO };
        let (time, _) = heaviest_from(&self.steps, stage, &until_then);
        (start_by.min(earlier(back.decide_by, time)), path)
    }

    fn all_done_by(&self) -> Timestamp {
        match self.turn_back(&|_| true) {
            Some(turn_back) => turn_back.decide_by,
            None => earlier(self.deadline(), self.margin(Duration::ZERO)),
        }
    }

    /// How much the window is too short for the plan; none when it is long enough.
    #[must_use]
    pub fn short_by(&self) -> Option<Duration> {
        let first = (0..self.steps.len()).map(|stage| self.start_by(stage)).min()?;
        let short = self.window.start.duration_since(first);
        short.is_positive().then(|| short.unsigned_abs())
    }

    /// The clock at a moment, with the stages for which `touched` is true begun. `up_at` is when the last stage was a go.
    #[must_use]
    pub fn clock(&self, touched: &dyn Fn(usize) -> bool, up_at: Option<Timestamp>, at: Timestamp) -> Clock {
        let deadline = self.deadline();
        let mut stages = 0..self.steps.len();
        let no_way_back = stages.clone().find(|&index| self.steps[index].irreversible && touched(index));
        let turn_back = if stages.clone().any(touched) { self.turn_back(touched) } else { None };
        let next = stages.find(|&index| !touched(index)).map(|stage| self.next(stage, touched));
        let by = match (turn_back, &next, no_way_back) {
            (Some(turn_back), ..) => turn_back.decide_by,
            (None, Some(next), None) => next.start_by,
            (None, _, Some(_)) | (None, None, None) => deadline,
        };
        let state = match up_at {
            Some(up_at) if up_at <= deadline => State::Up,
            _ => State::with_left(by.duration_since(at)),
        };
        let asked = self.extensions.iter().filter(|extension| !extension.granted);
        let asked = asked.map(|extension| extension.until).filter(|&until| until > deadline).max();
        let extended = deadline > self.window.must_be_up_by;
        Clock {
            at,
            deadline,
            extended,
            asked,
            state,
            by,
            turn_back,
            no_way_back,
            next,
            way_back: None,
            up_at,
        }
    }

    fn next(&self, stage: usize, touched: &dyn Fn(usize) -> bool) -> Next {
        let open = (stage..self.steps.len()).filter(|&index| !touched(index));
        let first = open.map(|index| self.latest_start(index, touched)).min_by_key(|(start_by, _)| *start_by);
        let (start_by, path) = first.unwrap_or_else(|| (self.all_done_by(), Vec::new()));
        Next {
            stage,
            start_by,
            then: self.turn_back(&|index| index == stage || touched(index)),
            to_do: path.into_iter().filter(|&index| !touched(index)).collect(),
        }
    }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
