//! `kubectl`: a container of a pod, or of every pod with some labels, by the site's own `kubectl`, contexts and credentials.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quote::name;
use super::{Beside, Set, Vantage};
use crate::agent::wire::MARK;
use crate::probe::Problem;

/// What a container of ours does beside a pod: wait until it is told to end, or for half a day. Where the processes of the
/// application are shared its own number is not known, and process 1 is the application's: a file tells it.
const WAIT: &str = "n=0; while [ ! -e /tmp/gonogo.end ] && [ $n -lt 43200 ]; do sleep 1; n=$((n + 1)); done";

/// Which pods of a selector are looked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pods {
    /// Every one; a check is as good as what the worst of them shows.
    #[default]
    Each,
    /// Any one.
    One,
}

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
    /// Instead of `pod`: labels, such as `app=checkout`; which pods have them is asked when it is looked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// With `selector`: look from `each` pod, which is the default, or from any `one`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// The container; else the pod's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The namespace; else the context's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The context; else the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// An image with a shell, for a container whose own has none: it is looked from an ephemeral container of this image,
    /// beside the pod's own, in which the pod's network is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_image: Option<String>,
    /// Where gonogo is in it; it is brought when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

impl Kubectl {
    fn kubectl(&self) -> Vec<String> {
        let mut command = vec!["kubectl".to_owned()];
        for (option, value) in [("--context", &self.context), ("--namespace", &self.namespace)] {
            if let Some(value) = value {
                command.push(format!("{option}={value}"));
            }
        }
        command
    }
}

impl Vantage for Kubectl {
    fn command(&self, words: &[String], _: &Path) -> Vec<String> {
        let mut command = self.kubectl();
        command.extend(["exec".to_owned(), "-i".to_owned()]);
        if let Some(container) = &self.container {
            command.push(format!("--container={container}"));
        }
        let pod = self.pod.clone();
        let deployment = || self.deployment.as_ref().map(|name| format!("deployment/{name}"));
        // Of a selector, only its members have a command.
        command.extend(pod.or_else(deployment));
        command.push("--".to_owned());
        command.extend_from_slice(words);
        command
    }

    fn set(&self) -> Option<Set> {
        let selector = self.selector.as_ref()?;
        // Pods that have ended are kept for their logs, and those that are being deleted no longer serve; any other one
        // counts, also when it cannot be looked from.
        let named = format!(
            "{{range .items[*]}}{{\"\\n\"}}{MARK}member {{.metadata.name}} {{.metadata.deletionTimestamp}}{{end}}{{\"\\n\"}}{MARK}listed{{\"\\n\"}}"
        );
        let mut list = self.kubectl();
        list.extend(["get", "pods"].map(ToOwned::to_owned));
        list.extend([
            format!("--selector={selector}"),
            "--field-selector=status.phase!=Succeeded,status.phase!=Failed".to_owned(),
            format!("--output=jsonpath={named}"),
        ]);
        let one = self.pods == Some(Pods::One);
        Some(Set { list, one, what: format!("pod with the labels `{selector}`") })
    }

    fn member(&self, name: &str) -> Self {
        Self { pod: Some(name.to_owned()), selector: None, pods: None, ..self.clone() }
    }

    fn beside(&self, name: &str) -> Option<Beside<Self>> {
        let (image, pod) = (self.debug_image.as_ref()?, self.pod.as_ref()?);
        let (mut make, mut state) = (self.kubectl(), self.kubectl());
        make.extend([
            "debug".to_owned(),
            "--quiet".to_owned(),
            format!("--image={image}"),
            format!("--container={name}"),
        ]);
        // Its processes, too, where the cluster can share them.
        make.extend(self.container.as_ref().map(|container| format!("--target={container}")));
        make.extend([pod.as_str(), "--", "sh", "-c", WAIT].map(ToOwned::to_owned));
        let named = format!(
            "{{\"\\n\"}}{MARK}state {{.status.ephemeralContainerStatuses[?(@.name==\"{name}\")].state}}{{\"\\n\"}}"
        );
        state.extend(["get".to_owned(), "pod".to_owned(), pod.clone(), format!("--output=jsonpath={named}")]);
        let place = Self { container: Some(name.to_owned()), debug_image: None, ..self.clone() };
        Some(Beside { make, state, end: vec!["touch".to_owned(), "/tmp/gonogo.end".to_owned()], place })
    }

    fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }

    fn problems(&self) -> Vec<Problem> {
        let keys = [
            ("pod", &self.pod),
            ("deployment", &self.deployment),
            ("selector", &self.selector),
            ("container", &self.container),
            ("namespace", &self.namespace),
            ("context", &self.context),
            ("debug_image", &self.debug_image),
        ];
        let names = keys.into_iter().filter_map(|(key, value)| name(key, value.as_deref()?));
        let whose = [&self.pod, &self.deployment, &self.selector].iter().filter(|key| key.is_some()).count();
        let one = (whose != 1)
            .then(|| Problem::at("", "`kubectl` needs one of `pod`, `deployment` and `selector`, and not more"));
        let alone = (self.pods.is_some() && self.selector.is_none())
            .then(|| Problem::at("pods", "`pods` says which pods of a `selector`, and there is none"));
        let deployment = (self.debug_image.is_some() && self.deployment.is_some()).then(|| {
            Problem::at("debug_image", "an ephemeral container is put beside a pod, not beside a deployment")
                .help("name the pods of the deployment by their labels: `selector: app=checkout`")
        });
        names.chain(one).chain(alone).chain(deployment).collect()
    }
}
