//! What a GitHub workflow is told when the run happens inside one.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::Shared;
use crate::report::{self, Options};
use crate::verdict::{Assessment, Exit};

/// Annotations, step summary and outputs, when `GITHUB_ACTIONS=true`.
pub(super) fn publish(assessment: &Assessment<'_>, options: &Options, exit: Exit, shared: &Shared) -> Exit {
    if shared.environment.get("GITHUB_ACTIONS") != Some("true") {
        return exit;
    }
    shared.terminal.tell(&report::github::annotations(assessment));
    let delimiter = match report::github::delimiter() {
        Ok(delimiter) => delimiter,
        Err(error) => {
            shared
                .terminal
                .error(&format!("no random delimiter for $GITHUB_OUTPUT can be had: {error}"), None);
            return exit.not_written();
        }
    };
    let mut exit = exit;
    let summary =
        shared.environment.filled("GITHUB_STEP_SUMMARY").and_then(|path| std::fs::metadata(path).ok());
    let there = summary.map_or(0, |file| file.len());
    for (variable, text) in [
        ("GITHUB_STEP_SUMMARY", report::github::step_summary(assessment, options, there)),
        ("GITHUB_OUTPUT", report::github::outputs(assessment, &delimiter)),
    ] {
        let Some(path) = shared.environment.filled(variable) else { continue };
        let opened = OpenOptions::new().append(true).create(true).open(path);
        if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            shared.terminal.error(&format!("cannot append to ${variable} ({path}): {error}"), None);
            exit = exit.not_written();
        }
    }
    exit
}
