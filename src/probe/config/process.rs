//! The environment a running process was started with, found by its command line (proc(5)).

use std::path::{Path, PathBuf};

use regex::Regex;

use super::source::{Source, read};
use crate::model::trace::VantageError;

/// The variables of the processes whose command line matches. Several are fine, workers of one application, say, as long
/// as they were all started with the same variables: otherwise nobody could say whose was read.
pub(super) async fn environment(pattern: Regex) -> Result<Source, VantageError> {
    let trouble = |reason: String| VantageError::Unreadable {
        path: format!("the environment of process /{pattern}/"),
        reason,
    };
    let processes = matching(&pattern).await.map_err(|error| trouble(error.to_string()))?;
    let mut found: Option<Source> = None;
    let mut ids = Vec::new();
    for (id, folder) in processes {
        let path = folder.join("environ");
        let content = match read(&path).await {
            Ok(content) => content,
            // It ended between the two looks.
            Err(_) if !folder.exists() => continue,
            Err(reason) => return Err(VantageError::Unreadable { path: path.display().to_string(), reason }),
        };
        ids.push(id.to_string());
        match &found {
            None => found = Some(Source { name: format!("process {id}"), content }),
            Some(first) if sorted(&first.content) == sorted(&content) => {}
            Some(_) => {
                return Err(trouble(format!("processes {} match and differ", ids.join(", "))));
            }
        }
    }
    found.ok_or_else(|| trouble("no process of this host has such a command line".to_owned()))
}

fn sorted(environment: &[u8]) -> Vec<&[u8]> {
    let mut variables: Vec<&[u8]> = environment.split(|&byte| byte == 0).collect();
    variables.sort_unstable();
    variables
}

/// Every other process whose command line, words joined by spaces, matches.
async fn matching(pattern: &Regex) -> std::io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    let mut entries = tokio::fs::read_dir("/proc").await?;
    while let Some(entry) = entries.next_entry().await? {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Our own command line may well hold the pattern.
        if id == std::process::id() {
            continue;
        }
        let line = command_line(&entry.path()).await;
        if line.is_some_and(|line| pattern.is_match(&line)) {
            found.push((id, entry.path()));
        }
    }
    Ok(found)
}

/// None for kernel threads, which have no command line, and for processes that have ended.
async fn command_line(folder: &Path) -> Option<String> {
    let bytes = read(&folder.join("cmdline")).await.ok()?;
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let line = String::from_utf8_lossy(words).replace('\0', " ");
    (!line.is_empty()).then_some(line)
}
