//! `gonogo demo`: a release night in miniature; and the two applications it deploys.

use super::Shared;
use super::arguments::{App as AppArguments, Demo as Arguments};
use crate::demo::{self, DemoError, Play};
use crate::verdict::Exit;

pub(super) async fn demo(arguments: &Arguments, shared: &Shared) -> Exit {
    let play = Play { out: &arguments.out, faults: &arguments.faults, inside: arguments.inside };
    match demo::run(&play, &shared.environment).await {
        Ok(true) => Exit::Go,
        Ok(false) => {
            shared.terminal.error(
                "not every verdict or cause was the one of the story",
                Some("read the summaries above"),
            );
            Exit::NoGo
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            if matches!(error, DemoError::Interrupted) { Exit::Interrupted } else { Exit::NoGo }
        }
    }
}

/// Serve one of the demo's applications until the process is ended.
pub(super) async fn app(arguments: &AppArguments, shared: &Shared) -> Exit {
    match demo::app::serve(arguments.app, &arguments.settings).await {
        Ok(()) => Exit::Go,
        Err(error) => {
            shared.terminal.error(&error.to_string(), None);
            Exit::NoGo
        }
    }
}
