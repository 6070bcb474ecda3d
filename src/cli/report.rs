//! `gonogo report`: any report again, from the journal; runs nothing and reads no plan.

use super::arguments::Report as Arguments;
use super::{Shared, reporting};
use crate::journal::Store;
use crate::model::verdict::ReasonId;
use crate::report;
use crate::verdict::{Exit, assess};

pub(super) fn report(arguments: &Arguments, shared: &Shared) -> Exit {
    let store = Store::new(&arguments.journal.journal);
    let loaded = match &arguments.run {
        Some(id) => store.load(id).map(Some),
        None => store.newest(),
    };
    let (run, reading) = match loaded {
        Ok(Some(loaded)) => loaded,
        Ok(None) => {
            let folder = arguments.journal.journal.display();
            shared.terminal.error(&format!("no run is recorded in {folder}"), Some("start one: gonogo run"));
            return Exit::Usage;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), None);
            return Exit::NotWritten;
        }
    };
    if reading.torn > 0 {
        shared.terminal.tell("note: the last line of the journal was never completed; it is left out");
    }
    let mut assessment = assess(&run, run.latest_at);
    if !run.finished {
        let text = "the run has not finished: it is going on, or it was killed".to_owned();
        assessment.fail(ReasonId::Interrupted, text);
    }
    let options = reporting::options(arguments.junit, arguments.junit_minor);
    if let Some(out) = &arguments.out {
        return reporting::write(out, arguments.mode, &report::kept(&assessment, &options), Exit::Go, shared);
    }
    let rendered = arguments.format.render(&assessment, &options);
    shared.terminal.print(&rendered.into_iter().next().map(|rendered| rendered.text).unwrap_or_default());
    Exit::Go
}
