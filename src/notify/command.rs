//! A program that is told: no shell, `gonogo.notification/1` on its standard input. It is started once: what it does twice,
//! nobody knows.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::notice::Notice;
use super::{Sent, Tries};
use crate::json;
use crate::model::notification::Command;
use crate::model::trace::Trouble;
use crate::net::Context;
use crate::process::{Finished, Process, Start, inherited};
use crate::report::text;
use crate::secret::Text;

/// The longest it may take: less than a command waits for it at its end.
const LIMIT: Duration = Duration::from_secs(20);
/// Characters of what it said that are told.
const SHOWN: usize = 200;

pub(super) async fn send(command: &Command, notice: &Notice, context: &Context, tries: &Tries) -> Sent {
    tries.begin();
    let ended = tokio::time::timeout(LIMIT, run(command, notice, context)).await;
    ended.unwrap_or_else(|_| Err(format!("it did not end within {} s, and was killed", LIMIT.as_secs())))
}

async fn run(command: &Command, notice: &Notice, context: &Context) -> Result<(), String> {
    let body = json::line(notice).map_err(|error| error.to_string())?;
    let start = Start {
        argv: command.argv.clone(),
        environment: environment(command, context).await?,
        directory: None,
        stdin: Some(body),
    };
    let process = Process::start(&start).map_err(|error| error.to_string())?;
    let finished = process.finish(start.stdin.as_ref()).await.map_err(|trouble| match trouble {
        Trouble::Fault(fault) => fault.to_string(),
        Trouble::Blind(error) => error.to_string(),
    })?;
    if finished.code() == Some(0) { Ok(()) } else { Err(told(&finished, context)) }
}

async fn environment(command: &Command, context: &Context) -> Result<Vec<(String, String)>, String> {
    let mut environment = inherited(&context.environment);
    for (name, value) in &command.environment {
        let value = match value {
            Text::Plain(text) => text.clone(),
            Text::Secret(secret) => {
                let found = context.vault.get(secret).await.map_err(|error| error.to_string())?;
                found.expose().to_owned()
            }
        };
        environment.push((name.clone(), value));
    }
    Ok(environment)
}

fn told(finished: &Finished, context: &Context) -> String {
    let how = match (finished.code(), finished.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it did not end by itself".to_owned(),
    };
    // Scrubbed before it is cut: half a secret is one too.
    let said = finished.stderr.text();
    let said = context.vault.scrubber().text(said.trim()).into_owned();
    if said.is_empty() { how } else { format!("{how}: {}", text::cut(&text::line(&said), SHOWN)) }
}

/// Whether the program is there to be started.
pub(super) fn is_there(command: &Command, context: &Context) -> Result<(), String> {
    let program = command.argv.first().map_or("", String::as_str);
    let can_be_run = |path: &Path| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let folders = context.environment.get("PATH").unwrap_or_default();
    let is_there = if program.contains('/') {
        can_be_run(Path::new(program))
    } else {
        std::env::split_paths(folders).any(|folder| can_be_run(&folder.join(program)))
    };
    if is_there { Ok(()) } else { Err(format!("{program} is no program that can be run here")) }
}
