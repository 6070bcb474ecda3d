//! `gonogo clock`: the clock in one line, of the newest run or, before there is one, of the plan.

use std::sync::Arc;

use super::arguments::{Clock as Arguments, Format};
use super::{Shared, journal, load};
use crate::clock::now;
use crate::model::outline::Outline;
use crate::report::clock::{Told, Wall};
use crate::report::json::{ClockEntry, written};
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess};
use crate::window::{Clock, Night, State};

pub(super) async fn clock(arguments: &Arguments, shared: &Shared) -> Exit {
    let at = now();
    let scrubber = Arc::new(Scrubber::default());
    let store = match journal::named(&arguments.journal, shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    match store.newest().await {
        Ok(Some((run, reading))) => {
            journal::tell_behind(&reading, shared);
            let told = assess(&run, at);
            show(told.clock.as_ref(), told.outline, arguments.format, shared)
        }
        Ok(None) => {
            let Ok(plan) = load::usable(&arguments.files, shared, &scrubber) else { return Exit::Usage };
            let clock = Night::of(&plan.outline).map(|night| night.clock(&|_| false, None, at));
            show(clock.as_ref(), &plan.outline, arguments.format, shared)
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            Exit::NotWritten
        }
    }
}

fn show(clock: Option<&Clock>, outline: &Outline, format: Format, shared: &Shared) -> Exit {
    let Some(clock) = clock else {
        let help = "give it one: `window: { start: 2007-09-22 22:00, must_be_up_by: 2007-09-23 07:00 }`";
        shared.terminal.error(&format!("`{}` has no window, so there is no clock", outline.name), Some(help));
        return Exit::Usage;
    };
    let shown = match format {
        Format::Text => Told { clock, outline, wall: &Wall::of(outline, clock.at) }.line(),
        Format::Json => written(&ClockEntry::of(clock, outline)).trim_end().to_owned(),
    };
    shared.terminal.print(&shown);
    match clock.state {
        State::Overdue => Exit::NoGo,
        State::Up | State::Comfortable | State::Tight | State::DecideNow => Exit::Go,
    }
}
