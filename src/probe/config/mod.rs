//! `config`: what a configuration file really says, where the application reads it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::Matcher;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;

/// A configuration file and what it has to say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file.
    pub file: PathBuf,
    /// How it is written; told from the file's extension when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The key, dotted where the format nests; for XML the elements from the root, then `@attribute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A regular expression over the text; its first group, or all it matches, is the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What the value has to be; the key has to be there when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Matcher>,
}

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Java properties.
    Properties,
    /// `NAME=value` lines.
    Env,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// INI with sections.
    Ini,
    /// XML.
    Xml,
}

impl Probe for Config {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Vantage, Layer::Payload]
    }

    fn target(&self) -> String {
        let what = self.key.as_deref().or(self.pattern.as_deref()).unwrap_or_default();
        format!("{}: {what}", self.file.display())
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        if self.file.is_relative() {
            self.file = surroundings.folder.join(&self.file);
        }
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("read {}", self.file.display())]
    }

    async fn run(&self, _: &mut Recorder) -> Result<(), Stop> {
        Err(Stop::Blind(VantageError::Internal { reason: "the config probe is not there yet".to_owned() }))
    }
}
