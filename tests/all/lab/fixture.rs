//! Evidence of injected faults, kept: `UPDATE_FIXTURES=1` writes what the lab showed, so that rules are held to it without a lab.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Lab;
use super::fault::Fault;
use crate::support::program::Program;

/// Where they are kept.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/evidence")
}

/// What the last run showed of a fault's check.
pub(super) fn of(lab: &Lab, program: &Program, fault: &Fault) -> Option<(&'static str, Value)> {
    let name = nix::unistd::gethostname().expect("a name");
    let journal = program
        .journal()
        .replace(&lab.folder.path().display().to_string(), "/lab")
        .replace(&format!(r#""host":"{}""#, name.display()), r#""host":"lab""#);
    let read = |line| {
        let mut line: Value = serde_json::from_str(line).ok()?;
        let mut event = line["what"].take();
        event.as_object_mut()?.insert("at".to_owned(), line["at"].take());
        Some(event)
    };
    let events: Vec<Value> = journal.lines().filter_map(read).collect();
    let last = |kind: &str| events.iter().rev().find(|event| event["event"] == kind);
    let started = last("run_started")?;
    let (seen, examined) = (last("seen")?, last("examined")?);
    let evidence = json!({
        "cause": fault.cause,
        "alike": fault.or,
        "source": "lab",
        "outline": started["outline"],
        "vantage": seen["vantage"],
        "at": seen["at"],
        "trace": seen["trace"],
        "examination": examined["examination"],
    });
    Some((fault.cause, evidence))
}

/// Keep what is new of a table of faults; what was kept of others stays.
pub(super) fn keep(table: &str, recorded: &[(&'static str, Value)]) {
    let path = folder().join(format!("{table}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let is_new = |line: &&str| {
        let known: Value = serde_json::from_str(line).expect("what we wrote");
        recorded.iter().all(|(cause, _)| known["cause"] != **cause)
    };
    let mut lines: Vec<String> = text.lines().filter(is_new).map(str::to_owned).collect();
    lines.extend(recorded.iter().map(|(_, evidence)| evidence.to_string()));
    lines.sort_unstable();
    std::fs::create_dir_all(folder()).expect("a folder");
    std::fs::write(path, lines.join("\n") + "\n").expect("a file");
}
