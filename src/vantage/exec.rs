//! `exec`: any words that run a program somewhere else, such as `ip netns exec edge` or `sudo -n -u app1`.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vantage;
use crate::probe::Problem;

/// Any words that run a program somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The words, each as it is: no shell splits them.
    pub prefix: Vec<String>,
    /// Where gonogo is there; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Vantage for Exec {
    fn command(&self, words: &[String], _: &Path) -> Vec<String> {
        self.prefix.iter().chain(words).cloned().collect()
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        match self.prefix.first() {
            Some(program) if !program.is_empty() => Vec::new(),
            Some(_) | None => vec![
                Problem::at("prefix", "names no program")
                    .help("write the words as a list: [ip, netns, exec, edge]"),
            ],
        }
    }
}
