//! `gonogo report`: any report again, from the journal; runs nothing and reads no plan.

use std::sync::Arc;

use super::arguments::Report as Arguments;
use super::{Shared, compare, journal, reporting};
use crate::model::verdict::ReasonId;
use crate::report::{self, Options};
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess};

pub(super) async fn report(arguments: &Arguments, shared: &Shared) -> Exit {
    let store = match journal::named(&arguments.journal, shared, &Arc::new(Scrubber::default())) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let loaded = match &arguments.run {
        Some(id) => store.load(id).await.map(Some),
        None => store.newest().await,
    };
    let (run, reading) = match loaded {
        Ok(Some(loaded)) => loaded,
        Ok(None) => {
            let place = store.place();
            shared.terminal.error(&format!("no run is recorded in {place}"), Some("start one: gonogo run"));
            return Exit::Usage;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            return Exit::NotWritten;
        }
    };
    journal::tell_behind(&reading, shared);
    let mut assessment = assess(&run, run.latest_at);
    if !run.finished {
        let text = "the run has not finished: it is going on, or it was killed".to_owned();
        assessment.fail(ReasonId::Interrupted, text);
    }
    let before = compare::with_attempt_before(&store, &assessment).await;
    let options = Options { before, ..reporting::options(arguments.junit, arguments.junit_minor) };
    if let Some(out) = &arguments.out {
        return reporting::write(out, arguments.mode, &report::kept(&assessment, &options), Exit::Go, shared);
    }
    let rendered = arguments.format.render(&assessment, &options);
    shared.terminal.print(&rendered.into_iter().next().map(|rendered| rendered.text).unwrap_or_default());
    Exit::Go
}
