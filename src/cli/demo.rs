//! `gonogo demo`: a release night in miniature; and the two applications it deploys.

use super::Shared;
use super::arguments::{App as AppArguments, Demo as Arguments};
use crate::demo::{self, DemoError};
use crate::verdict::Exit;

pub(super) async fn demo(arguments: &Arguments, shared: &Shared) -> Exit {
    match demo::run(&arguments.out, &shared.environment).await {
        Ok(true) => Exit::Go,
        Ok(false) => {
            shared.terminal.error("the night did not go as told", Some("read the summaries above"));
            Exit::NoGo
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), None);
            match error {
                DemoError::Interrupted => Exit::Interrupted,
                DemoError::NoPostgres
                | DemoError::Program { .. }
                | DemoError::NotUp { .. }
                | DemoError::Database { .. }
                | DemoError::Write { .. }
                | DemoError::System { .. } => Exit::NoGo,
            }
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
