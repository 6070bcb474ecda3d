//! `kubectl`: a container of a pod, by the site's own `kubectl`, contexts and credentials.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Vantage;
use super::quote::name;
use crate::probe::Problem;

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubectl {
    /// The pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Instead of `pod`: a deployment, of which any pod will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The container; else the pod's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The namespace; else the context's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The context; else the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where gonogo is in it; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Vantage for Kubectl {
    fn command(&self, words: &[String], _: &Path) -> Vec<String> {
        let mut command = vec!["kubectl".to_owned()];
        for (option, value) in [("--context", &self.context), ("--namespace", &self.namespace)] {
            if let Some(value) = value {
                command.push(format!("{option}={value}"));
            }
        }
        command.extend(["exec".to_owned(), "-i".to_owned()]);
        if let Some(container) = &self.container {
            command.push(format!("--container={container}"));
        }
        match (&self.pod, &self.deployment) {
            (Some(pod), _) => command.push(pod.clone()),
            (None, Some(deployment)) => command.push(format!("deployment/{deployment}")),
            (None, None) => {}
        }
        command.push("--".to_owned());
        command.extend_from_slice(words);
        command
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        let keys = [
            ("pod", &self.pod),
            ("deployment", &self.deployment),
            ("container", &self.container),
            ("namespace", &self.namespace),
            ("context", &self.context),
        ];
        let names = keys.into_iter().filter_map(|(key, value)| name(key, value.as_deref()?));
        let one = (self.pod.is_some() == self.deployment.is_some())
            .then(|| Problem::at("", "`kubectl` needs `pod` or `deployment`, and not both"));
        names.chain(one).collect()
    }
}
