//! `config`: what a configuration really says, in a file or in the environment of a running process.

pub mod agree;
mod format;
pub(crate) mod process;
mod source;
mod xml;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::matcher::{Matcher, even_null};
use crate::model::fact::{Fact, Looked};
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use agree::Address;
pub use format::Format;
use source::Source;

/// Bytes a compiled regular expression may take.
const REGEX_SIZE: usize = 1 << 20;
/// Characters shown of a value.
const SHOWN: usize = 400;

/// A configuration and what it has to say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Instead of `file`: a regular expression over the command lines of running processes; `key` names a variable of
    /// their environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// How the file is written; told from its extension when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The key: dotted where the format nests (`section.key` for INI, `servers.0.host` for lists); for XML the elements
    /// from the root, `server/connector[@name='main']/@port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A regular expression over the text, `^` and `$` at each line; its first group, or all it matches, is the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What the value has to be; it has to be there when absent.
    #[serde(default, deserialize_with = "even_null", skip_serializing_if = "Option::is_none")]
    pub expect: Option<Matcher>,
    /// Instead of `expect`: the value has to be this address, written as a URL, a JDBC URL, libpq keywords, `host:port`,
    /// a host or a port. Scheme and port are compared when both say them; user, password and path are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// With `file`: a regular expression over the command lines of the processes that read it when they start. Each of
    /// them has to be younger than the file's last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded_by: Option<String>,
}

impl Probe for Config {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Vantage, Layer::Payload]
    }

    fn target(&self) -> String {
        format!("{}: {}", self.place(), self.what())
    }

    fn endpoint(&self) -> String {
        self.place()
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        for path in self.file.iter_mut().filter(|path| path.is_relative()) {
            *path = surroundings.folder.join(&path);
        }
        let mut problems = Vec::new();
        if let Some(address) = &self.address {
            if self.expect.is_some() {
                problems.push(
                    Problem::at("address", "`config` has either `expect` or `address`").help("leave out one of them"),
                );
            }
            if let Err(why) = Address::read(address) {
                problems.push(
                    Problem::at("address", format!("not an address: {why}"))
                        .help("such as `https://app2.example:8443` or `app2.example:8443`"),
                );
            }
        }
        match (&self.file, &self.process) {
            (None, None) => problems.push(Problem::at("", "`config` needs `file` or `process`").help(
                "`file: /etc/app1/app.properties`, or `process: 'java.*app1'` for the environment of what runs",
            )),
            (Some(_), Some(_)) => {
                problems.push(Problem::at("process", "`config` reads either `file` or `process`"));
            }
            (None, Some(process)) => {
                problems.extend(broken("process", process));
                if self.format.is_some() {
                    problems.push(Problem::at("format", "an environment has no format"));
                }
            }
            (Some(_), None) => {}
        }
        if let Some(pattern) = &self.loaded_by {
            problems.extend(broken("loaded_by", pattern));
            if self.file.is_none() {
                problems.push(Problem::at("loaded_by", "`loaded_by` needs `file`"));
            }
        }
        match (&self.key, &self.pattern) {
            (None, None) => problems.push(Problem::at("", "`config` needs `key` or `pattern`").help(
                "`key: app2.url` names the setting that is read; `pattern: 'url=(.*)'` finds it in a file of any format",
            )),
            (Some(_), Some(_)) => problems.push(Problem::at("pattern", "`config` has either `key` or `pattern`")),
            (None, Some(pattern)) => problems.extend(broken("pattern", pattern)),
            (Some(key), None) if key.is_empty() => problems.push(Problem::at("key", "the key is empty")),
            (Some(key), None) => {
                if let Some(file) = &self.file {
                    match self.format.or_else(|| Format::of(file)) {
                        None => problems.push(
                            Problem::at("file", "the file's extension does not tell its format")
                                .help(format!("say `format`: one of {}", Format::NAMES.join(", "))),
                        ),
                        Some(Format::Xml) => {
                            problems.extend(xml::Path::parse(key).err().map(|why| Problem::at("key", why)));
                        }
                        Some(
                            Format::Properties
                            | Format::Env
                            | Format::Yaml
                            | Format::Json
                            | Format::Toml
                            | Format::Ini,
                        ) => {}
                    }
                }
            }
        }
        problems
    }

    fn commands(&self) -> Vec<String> {
        match &self.file {
            Some(file) => vec![format!("read {}", file.display())],
            None => vec![format!("read /proc/PID/environ of {}", self.place())],
        }
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let limit = recorder.remaining();
        let source = recorder
            .layer(Layer::Vantage, limit, "configuration", async {
                let source = self.read().await?;
                Ok((Fact::Read { source: source.name.clone(), bytes: source.bytes() }, source))
            })
            .await?;
        let changed = source.changed;
        recorder
            .layer(Layer::Payload, limit, "value", async {
                let probe = self.clone();
                // A large document takes long enough to hold up every other check of this thread.
                let judging = tokio::task::spawn_blocking(move || {
                    let value = probe.find(&source)?;
                    Ok(probe.judge(&source, value.as_ref())?)
                });
                let judged: Result<_, Trouble> =
                    judging.await.map_err(|error| VantageError::Internal { reason: error.to_string() })?;
                let mut values = judged?;
                if let (Some(pattern), Some(changed)) = (&self.loaded_by, changed) {
                    values.push(loaded(&process::started(compiled(pattern)?).await?, changed)?);
                }
                Ok((Fact::Matched { values, excerpt: None }, ()))
            })
            .await
    }
}

/// How a mismatch of a process that is older than its file begins.
pub const LOADED: &str = "start of process";

/// Every process is younger than the file's last change; the times of both are those of one kernel.
fn loaded(started: &[(u32, Timestamp)], changed: Timestamp) -> Result<Looked, Fault> {
    /// Processes start in hundredths of a second, and `/proc/uptime` has no more of them either.
    const SLACK: SignedDuration = SignedDuration::from_millis(50);
    let old = started.iter().filter(|(_, at)| *at + SLACK < changed);
    let shown = |at: Timestamp| format!("{at:.0}");
    let mismatches: Vec<Mismatch> = old
        .map(|(id, at)| Mismatch {
            what: format!("{LOADED} {id}"),
            expected: format!("after the file's last change at {}", shown(changed)),
            got: shown(*at),
        })
        .collect();
    if mismatches.is_empty() {
        let got = format!("after the file's last change at {}", shown(changed));
        return Ok(Looked { what: LOADED.to_owned(), got });
    }
    Err(Fault::Mismatch { mismatches, excerpt: None })
}

impl Config {
    fn place(&self) -> String {
        match (&self.file, &self.process) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(process)) => format!("process /{process}/"),
            (None, None) => String::new(),
        }
    }

    fn what(&self) -> &str {
        self.key.as_deref().or(self.pattern.as_deref()).unwrap_or_default()
    }

    async fn read(&self) -> Result<Source, VantageError> {
        match (&self.file, &self.process) {
            (Some(file), _) => Source::of_file(file).await,
            (None, Some(process)) => process::environment(compiled(process)?).await,
            (None, None) => {
                Err(VantageError::Internal { reason: "the probe names neither file nor process".to_owned() })
            }
        }
    }

    fn find(&self, source: &Source) -> Result<Option<Value>, Trouble> {
        if let Some(pattern) = &self.pattern {
            let pattern = compiled(pattern)?;
            let text = source.text();
            let found = pattern.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
            return Ok(found.map(|found| Value::from(found.as_str())));
        }
        let key = self.key.as_deref().unwrap_or_default();
        let format = match &self.file {
            None => Format::Env,
            Some(file) => self.format.or_else(|| Format::of(file)).ok_or_else(|| VantageError::Setting {
                setting: "format".to_owned(),
                reason: "the file's extension does not tell it".to_owned(),
            })?,
        };
        if self.file.is_none() {
            return Ok(source.variable(key).map(Value::from));
        }
        format.find(&source.content, key).map_err(|reason| {
            // No excerpt: configuration files are where passwords are.
            Fault::BadProtocol { expected: format.name().to_owned(), reason, head: String::new() }.into()
        })
    }

    /// Values are shown only when they are compared: others may be secrets.
    fn judge(&self, source: &Source, value: Option<&Value>) -> Result<Vec<Looked>, Fault> {
        let what = self.what();
        let missing = || Fault::KeyMissing { source: source.name.clone(), key: what.to_owned() };
        if let Some(meant) = &self.address {
            return agreed(what, meant, &text(value.ok_or_else(missing)?));
        }
        let got = match (&self.expect, value) {
            (None, None) => return Err(missing()),
            (None, Some(_)) => "there".to_owned(),
            (Some(expect), value) => match (expect.mismatch(what, value), value) {
                (None, value) => value.map_or_else(|| "nothing".to_owned(), text),
                (Some(_), None) => return Err(missing()),
                (Some(mismatch), Some(_)) => {
                    let mismatch = Mismatch { got: shown(&mismatch.got), ..mismatch };
                    return Err(Fault::Mismatch { mismatches: vec![mismatch], excerpt: None });
                }
            },
        };
        Ok(vec![Looked { what: what.to_owned(), got: shown(&got) }])
    }
}

/// Only the address is shown of a value: beside it may stand a password.
fn agreed(what: &str, meant: &str, value: &str) -> Result<Vec<Looked>, Fault> {
    let (read, meant) = (Address::read(value), Address::read(meant));
    let got = match &read {
        Ok(address) => shown(&address.to_string()),
        Err(why) => format!("no address: {why}"),
    };
    let hidden = agree::unseen(value).map(|letter| format!("{got}, {} (U+{:04X})", agree::UNSEEN, u32::from(letter)));
    let is_hidden = hidden.is_some();
    let got = hidden.unwrap_or(got);
    if let (Ok(read), Ok(meant), false) = (&read, &meant, is_hidden)
        && read.agrees(meant)
    {
        return Ok(vec![Looked { what: what.to_owned(), got }]);
    }
    let expected = meant.map_or_else(str::to_owned, |address| address.to_string());
    let mismatch = Mismatch { what: what.to_owned(), expected, got };
    Err(Fault::Mismatch { mismatches: vec![mismatch], excerpt: None })
}

fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).multi_line(true).size_limit(REGEX_SIZE).build()
}

pub(crate) fn broken(path: &str, pattern: &str) -> Option<Problem> {
    let error = regex(pattern).err()?.to_string();
    // The last line of the library's message says what is wrong; those before it draw the pattern.
    let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let help = "a backslash before one of `\\ . + * ? ( ) [ ] { } ^ $ |` takes it as it is";
    Some(Problem::at(path, format!("not a regular expression: {reason}")).help(help))
}

fn compiled(pattern: &str) -> Result<Regex, VantageError> {
    regex(pattern).map_err(|error| VantageError::Setting {
        setting: format!("the pattern `{pattern}`"),
        reason: error.to_string(),
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
