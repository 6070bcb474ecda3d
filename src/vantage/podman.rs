//! `podman`: a running container.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vantage;
use super::docker::exec_in;
use super::quote::name;
use crate::probe::Problem;

/// A running container of Podman.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Podman {
    /// Its name or id.
    pub container: String,
    /// The user in it; else the container's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where gonogo is in it; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Vantage for Podman {
    fn command(&self, words: &[String], _: &Path) -> Vec<String> {
        let mut command = vec!["podman".to_owned()];
        command.extend(exec_in(&self.container, self.user.as_deref(), words));
        command
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        let user = self.user.as_deref().and_then(|user| name("user", user));
        name("container", &self.container).into_iter().chain(user).collect()
    }
}
