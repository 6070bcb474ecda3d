//! `command`: a program that is run without a shell, within bounds, and ended with everything it started.

mod judge;

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::matcher::Matcher;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::process::{Process, Start, inherited};
use crate::secret::Text;

/// A program to run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    pub argv: Vec<String>,
    /// What it reads on standard input; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Text>,
    /// Variables added to `PATH`, `HOME`, the locale, the zone and the user.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub environment: IndexMap<String, Text>,
    /// The folder it runs in; where gonogo runs when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// It speaks the Monitoring Plugins' language: exit 0 is OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nagios: bool,
    /// Nothing of what it prints is kept or shown, whatever comes of it: for what may hold secrets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// What it has to come to; exit code 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// What a program has to come to.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Its exit code; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Matcher>,
    /// Its standard output, less one trailing line break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Matcher>,
    /// Its standard error, less one trailing line break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Matcher>,
}

impl Probe for Command {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Vantage, Layer::Payload]
    }

    fn target(&self) -> String {
        self.line()
    }

    /// Programs share no server.
    fn endpoint(&self) -> String {
        self.argv.first().cloned().unwrap_or_default()
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        match self.argv.first_mut() {
            None => problems.push(Problem::at("argv", "`argv` needs at least a program")),
            Some(program) if program.is_empty() => {
                problems.push(Problem::at("argv", "the program's name is empty"));
            }
            // `execvp(3)` looks for a name with a slash from the working folder, and `directory` changes that.
            Some(program) if program.starts_with("./") || program.starts_with("../") => {
                let path = program.strip_prefix("./").unwrap_or(program);
                *program = surroundings.folder.join(path).to_string_lossy().into_owned();
            }
            Some(_) => {}
        }
        if self.argv.iter().any(|word| word.contains('\0')) {
            problems.push(Problem::at("argv", "an argument cannot hold a NUL byte"));
        }
        if let Some(directory) = &mut self.directory
            && directory.is_relative()
        {
            *directory = surroundings.folder.join(&directory);
        }
        for (name, value) in &mut self.environment {
            if name.is_empty() || name.contains(['=', '\0']) {
                problems.push(Problem::at("environment", format!("`{name}` cannot name a variable")));
            }
            value.anchor(surroundings.folder);
        }
        if let Some(stdin) = &mut self.stdin {
            stdin.anchor(surroundings.folder);
        }
        match &self.expect {
            Some(Expect { exit: None, stdout: None, stderr: None }) => {
                problems.push(Problem::at("expect", "`expect` asserts nothing").help(
                    "name `exit`, `stdout` or `stderr`; without `expect` the exit code has to be 0",
                ));
            }
            Some(Expect { exit: Some(_), .. }) if self.nagios => {
                problems.push(
                    Problem::at("expect.exit", "`nagios: true` already says what each exit code means")
                        .help("leave out one of the two"),
                );
            }
            Some(_) | None => {}
        }
        problems
    }

    fn commands(&self) -> Vec<String> {
        vec![self.line()]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let start = self.start(recorder).await?;
        let limit = recorder.remaining();
        let program = start.argv.first().cloned().unwrap_or_default();
        let process = recorder
            .layer(Layer::Vantage, limit, "start of the program", async {
                let process = Process::start(&start).map_err(Trouble::Blind)?;
                Ok((Fact::Started { program }, process))
            })
            .await?;
        let limit = recorder.remaining();
        let context = recorder.context().clone();
        recorder
            .layer(Layer::Payload, limit, "end of the program", async {
                let finished = process.finish(start.stdin.as_ref()).await?;
                self.judge(&finished)?;
                let shown = if self.quiet { finished.without_outputs() } else { finished };
                Ok((shown.fact(context.vault.scrubber()), ()))
            })
            .await
    }
}

impl Command {
    /// The words as a shell would need them, for people only.
    fn line(&self) -> String {
        let plain = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(&byte))
        };
        let quoted = self.argv.iter().map(|word| {
            if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    async fn start(&self, recorder: &Recorder) -> Result<Start, Stop> {
        let mut environment = inherited(&recorder.context().environment);
        for (name, value) in &self.environment {
            environment.push((name.clone(), recorder.text(value).await?));
        }
        let stdin = match &self.stdin {
            Some(stdin) => Some(recorder.text(stdin).await?),
            None => None,
        };
        Ok(Start { argv: self.argv.clone(), environment, directory: self.directory.clone(), stdin })
    }
}

#[cfg(test)]
mod tests;
