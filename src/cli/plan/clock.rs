//! The clock of a plan: when each stage has to begin, until when it can be undone, and whether there is time at all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::file::diagnostic::{Diagnostic, Gravity};
use crate::model::outline::Outline;
use crate::period::Period;
use crate::report::clock::Wall;
use crate::window::{Night, TurnBack};

/// The line of the window.
pub(super) fn window(outline: &Outline, night: &Night) -> String {
    let window = &night.window;
    let wall = Wall::of(outline, window.start);
    let seconds = |seconds| Period(Duration::from_secs(seconds));
    let verify = match window.verify_s {
        0 => String::new(),
        verify => format!(", {} of checks after a rollback", seconds(verify)),
    };
    format!(
        "window  {} to {}, margin {} % or {}{verify}\n",
        wall.moment(window.start),
        wall.moment(window.must_be_up_by),
        window.margin.percent,
        seconds(window.margin.at_least_s),
    )
}

/// The line of a stage.
pub(super) fn stage(outline: &Outline, night: &Night, index: usize) -> String {
    let wall = Wall::of(outline, night.window.start);
    let back = match touched(night, index) {
        Some(back) => format!("decide by {}", wall.moment(back.decide_by)),
        None => "there is no way back".to_owned(),
    };
    format!("  start by {}; once touched, {back}\n", wall.moment(night.start_by(index)))
}

/// The same for programs.
pub(super) fn json(outline: &Outline, night: &Night) -> Value {
    let stages = outline.stages.iter().enumerate().map(|(index, stage)| {
        let decide_by = touched(night, index).map(|back| back.decide_by);
        json!({ "stage": stage.id, "start_by": night.start_by(index), "decide_by": decide_by })
    });
    stages.collect()
}

/// Turning back once a stage and those listed before it are touched.
fn touched(night: &Night, index: usize) -> Option<TurnBack> {
    night.turn_back(&|stage| stage <= index)
}

/// The mistake of a window that is too short for its plan. It is arithmetic over the plan, whatever time it is, and no
/// error of loading: a run in the middle of the night is not refused for it.
pub(in crate::cli) fn cannot_work(outline: &Outline) -> Option<Diagnostic> {
    let night = Night::of(outline)?;
    let short = Period(night.short_by()?);
    let place = &night.window.place;
    let first = (0..night.steps.len()).map(|stage| night.start_by(stage)).min()?;
    let wall = Wall::of(outline, night.window.start);
    Some(Diagnostic {
        severity: Gravity::Error,
        message: format!(
            "this window cannot work: it is {short} too short (line {}): to be undone in time, the first stage has to begin by {}, and the window starts at {}",
            place.line,
            wall.moment(first),
            wall.moment(night.window.start),
        ),
        file: Some(place.file.to_string()),
        place: None,
        help: Some(
            "start earlier, have `must_be_up_by` moved, shorten stages, or let some go on at once: `after`"
                .to_owned(),
        ),
    })
}
