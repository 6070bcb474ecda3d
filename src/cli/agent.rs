//! The hidden command `gonogo __agent`: the far side of a vantage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Shared;
use crate::agent::far;
use crate::verdict::Exit;

/// The far side of a vantage: orders on stdin, answers on stdout
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder this program was brought in, to remove at the end
    #[arg(long, value_name = "DIR")]
    remove: Option<PathBuf>,
}

pub(super) async fn agent(arguments: &Arguments, shared: &Shared) -> Exit {
    let served = far::serve(tokio::io::stdin(), tokio::io::stdout(), Arc::clone(&shared.environment)).await;
    if let Some(folder) = &arguments.remove {
        remove(folder);
    }
    match served {
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
