//! `docker`: a running container.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vantage;
use super::quote::name;
use crate::probe::Problem;

/// A running container of a Docker engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// Its name or id.
    pub container: String,
    /// The user in it; else the container's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A context of the docker command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where gonogo is in it; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Vantage for Docker {
    fn command(&self, words: &[String], _: &Path) -> Vec<String> {
        let mut command = vec!["docker".to_owned()];
        if let Some(context) = &self.context {
            command.extend(["--context".to_owned(), context.clone()]);
        }
        command.extend(exec_in(&self.container, self.user.as_deref(), words));
        command
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        let user = self.user.as_deref().and_then(|user| name("user", user));
        let context = self.context.as_deref().and_then(|context| name("context", context));
        name("container", &self.container).into_iter().chain(user).chain(context).collect()
    }
}

/// The words of `exec` of the docker command, which podman shares.
pub(super) fn exec_in(container: &str, user: Option<&str>, words: &[String]) -> Vec<String> {
    let mut command = vec!["exec".to_owned(), "-i".to_owned()];
    if let Some(user) = user {
        command.extend(["--user".to_owned(), user.to_owned()]);
    }
    // Neither command knows `--` here: the name cannot be an option, see `problems`.
    command.push(container.to_owned());
    command.extend_from_slice(words);
    command
}
