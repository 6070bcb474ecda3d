//! What a program's end means: exit code and outputs as expected, or the Monitoring Plugins' four states.

use serde_json::Value;

use super::{Command, Expect};
use crate::matcher::Matcher;
use crate::model::fault::{Fault, Mismatch};
use crate::model::trace::VantageError;
use crate::probe::Trouble;
use crate::process::{Finished, KEPT, Output};

/// Characters of an output shown beside a mismatch.
const SHOWN: usize = 400;

impl Command {
    pub(super) fn judge(&self, finished: &Finished) -> Result<(), Trouble> {
        let mut mismatches = Vec::new();
        if self.nagios {
            mismatches.extend(self.state(finished)?);
        }
        let expect = self.expect.clone().unwrap_or_default();
        if !self.nagios {
            mismatches.extend(exit(&expect, finished));
        }
        for (what, matcher, output) in
            [("stdout", &expect.stdout, &finished.stdout), ("stderr", &expect.stderr, &finished.stderr)]
        {
            if let Some(matcher) = matcher {
                mismatches.extend(self.written(what, matcher, output)?);
            }
        }
        if mismatches.is_empty() {
            return Ok(());
        }
        // Why a program failed is mostly on its standard error.
        let said = [finished.stderr.text(), finished.stdout.text()];
        let excerpt = said.into_iter().find(|text| !text.trim().is_empty()).map(shortened);
        let excerpt = excerpt.filter(|_| !self.quiet);
        Err(Fault::Mismatch { mismatches, excerpt }.into())
    }

    /// The plugin's state. UNKNOWN, and any code that is no state, says that the plugin could not look.
    ///
    /// Monitoring Plugins Development Guidelines, "Plugin Return Codes": 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    fn state(&self, finished: &Finished) -> Result<Option<Mismatch>, VantageError> {
        let text = finished.stdout.text();
        let line = self.shown(text.lines().next().unwrap_or_default().to_owned());
        let state = match finished.code() {
            Some(0) => return Ok(None),
            Some(1) => "WARNING",
            Some(2) => "CRITICAL",
            Some(3) => return Err(self.blind(&format!("it says UNKNOWN: {line}"))),
            Some(code) => return Err(self.blind(&format!("exit code {code} is no plugin state: {line}"))),
            None => return Err(self.blind(&ended(finished))),
        };
        Ok(Some(Mismatch {
            what: "state".to_owned(),
            expected: "OK".to_owned(),
            got: if line.contains(state) { line } else { format!("{state}: {line}") },
        }))
    }

    /// A matcher is only asked about a whole output: `not: {contains: ERROR}` must not pass on the first half.
    fn written(&self, what: &str, matcher: &Matcher, output: &Output) -> Result<Option<Mismatch>, Fault> {
        if output.cut {
            return Err(Fault::TooLarge { what: what.to_owned(), limit: KEPT as u64 });
        }
        let mismatch = matcher.mismatch(what, Some(&Value::from(output.text())));
        Ok(mismatch.map(|mismatch| Mismatch { got: self.shown(mismatch.got), ..mismatch }))
    }

    fn shown(&self, text: String) -> String {
        if self.quiet { "something else (quiet)".to_owned() } else { shortened(text) }
    }

    fn blind(&self, reason: &str) -> VantageError {
        VantageError::Setting {
            setting: self.argv.first().cloned().unwrap_or_default(),
            reason: reason.to_owned(),
        }
    }
}

fn exit(expect: &Expect, finished: &Finished) -> Option<Mismatch> {
    let Some(code) = finished.code() else {
        let expected =
            expect.exit.as_ref().and_then(|matcher| matcher.mismatch("exit", None)).map_or_else(
                || "an exit code".to_owned(),
                |mismatch| mismatch.expected,
            );
        return Some(Mismatch { what: "exit".to_owned(), expected, got: ended(finished) });
    };
    match &expect.exit {
        Some(matcher) => matcher.mismatch("exit", Some(&Value::from(code))),
        None => (code != 0).then(|| Mismatch {
            what: "exit".to_owned(),
            expected: "0".to_owned(),
            got: code.to_string(),
        }),
    }
}

fn ended(finished: &Finished) -> String {
    finished.signal().map_or_else(
        || "ended without an exit code".to_owned(),
        |signal| format!("ended by signal {signal}"),
    )
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
