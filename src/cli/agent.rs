//! The hidden command `gonogo __agent`: the far side of a vantage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Shared;
use crate::agent::application::{self, Entered};
use crate::agent::far;
use crate::environment::Environment;
use crate::model::application::AsApplication;
use crate::verdict::Exit;

/// The far side of a vantage: orders on stdin, answers on stdout
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder this program was brought in, to remove at the end
    #[arg(long, value_name = "DIR")]
    remove: Option<PathBuf>,
    /// The application to look as, in base64
    #[arg(long = "as", value_name = "APPLICATION", value_parser = application::read)]
    who: Option<AsApplication>,
}

pub(super) fn agent(arguments: Arguments, shared: &Shared) -> Exit {
    let Arguments { remove: folder, who } = arguments;
    let entered = match &who {
        Some(who) => application::enter(who, &shared.environment, folder.as_deref()),
        None => Ok(Entered::Here),
    };
    let exit = match entered {
        Ok(Entered::Here) => super::on_runtime(shared, |shared| async move { serve(who, &shared).await }),
        Ok(Entered::Ended(true)) => Exit::Go,
        Ok(Entered::Ended(false)) => Exit::NoGo,
        Err(error) => {
            shared.terminal.error(&error, None);
            Exit::NoGo
        }
    };
    if let Some(folder) = &folder {
        remove(folder);
    }
    exit
}

async fn serve(who: Option<AsApplication>, shared: &Shared) -> Exit {
    let environment = match who {
        Some(_) => Arc::new(Environment::clone(&shared.environment).of_application()),
        None => Arc::clone(&shared.environment),
    };
    match far::serve(tokio::io::stdin(), tokio::io::stdout(), environment, who).await {
        Ok(()) => Exit::Go,
        Err(error) => {
            shared.terminal.error(&error.to_string(), None);
            Exit::NoGo
        }
    }
}

/// Only what was brought: the program itself, and the folder if nothing else is in it.
fn remove(folder: &Path) {
    let _ = std::fs::remove_file(folder.join("gonogo"));
    let _ = std::fs::remove_dir(folder);
}
