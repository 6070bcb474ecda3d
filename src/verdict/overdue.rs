//! What the time makes of a verdict: once the last moment to decide has passed, it is NO-GO.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{self, AGREEMENT};
use crate::journal::run::Run;
use crate::model::verdict::{Reason, ReasonId, Verdict};
use crate::period::Period;
use crate::window::{Clock, Gone, Night, State};

/// The clock of a run; none without a window. `is_up` says that every stage was run and the last one is a go.
pub(super) fn clock(run: &Run, is_up: bool, at: Timestamp) -> Option<Clock> {
    let mut night = Night::of(&run.outline)?;
    for (stage, step) in run.outline.stages.iter().zip(&mut night.steps) {
        step.measured_undo = run.measured.undo_s.get(&stage.id).map(|&seconds| Duration::from_secs(seconds));
    }
    night.measured_verify = run.measured.verify_s.map(Duration::from_secs);
    night.extensions = run.people.extensions().iter().map(|extended| extended.said.extension).collect();
    let touched = |index: usize| run.stages.get(index).is_some_and(|stage| stage.started_at.is_some());
    // What is a go now has been one since the latest event.
    let up_at = run.stages.last().filter(|_| is_up).map(|last| last.first_go_at.unwrap_or(run.latest_at));
    let mut clock = night.clock(&touched, up_at, at);
    clock.way_back = run.rollback.as_ref().map(|rollback| {
        let gone =
            Gone { started_at: rollback.started_at, undone: &rollback.undone, done_at: rollback.done_at };
        night.way_back(&touched, gone, at)
    });
    Some(clock)
}

/// Why it is no go any more, if it is not.
pub(super) fn reason(clock: &Clock) -> Option<Reason> {
    // It was decided, and so it is told how the way back goes.
    if clock.way_back.is_some() {
        return None;
    }
    match clock.state {
        State::Overdue => {}
        State::Up | State::Comfortable | State::Tight | State::DecideNow => return None,
    }
    let since = |from: Timestamp, to: Timestamp| Period(to.duration_since(from).unsigned_abs()).brief();
    let text = if let Some(up_at) = clock.up_at {
        format!("everything was up {} after the deadline", since(clock.deadline, up_at))
    } else if let Some(turn_back) = &clock.turn_back {
        let ends_at = turn_back.ends_at(clock.at);
        let ends = if ends_at > clock.deadline {
            format!("{} after the deadline", since(clock.deadline, ends_at))
        } else {
            format!("{} before the deadline, within the margin", since(ends_at, clock.deadline))
        };
        format!(
            "the last moment to decide was {} ago: turning back now would end {ends}",
            since(turn_back.decide_by, clock.at)
        )
    } else {
        format!("the deadline was {} ago, and there is no way back", since(clock.by, clock.at))
    };
    Some(Reason { id: ReasonId::Overdue, verdict: Verdict::NoGo, text, checks: Vec::new() })
}

/// Times that do not agree: what was written last counts until the clock has caught up.
pub(super) fn set_back(by: SignedDuration) -> Option<Reason> {
    (by > AGREEMENT).then(|| Reason {
        id: ReasonId::ClockSetBack,
        verdict: Verdict::GoWithIssues,
        text: format!(
            "a clock was set back by {}, or those of two machines differ: the later time counts",
            Period(by.unsigned_abs()).brief()
        ),
        checks: Vec::new(),
    })
}

/// Who sets the clock by hand rehearses, now or when the run was made: that is no go for anything.
pub(super) fn rehearsal(run: &Run) -> Option<Reason> {
    (run.clock_set || clock::is_set()).then(|| Reason {
        id: ReasonId::Rehearsal,
        verdict: Verdict::ProvisionalGo,
        text: "the clock was set by hand: this is a rehearsal".to_owned(),
        checks: Vec::new(),
    })
}
