//! `names`: what a host knows of a name. Asked by diagnosis, never written in a plan.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::layer::Layer;
use crate::net::names;

/// The longest it takes: name servers are asked at the same time, each with its own limit.
const LIMIT: Duration = Duration::from_secs(4);

/// A name to know everything of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The name.
    pub name: String,
}

impl Probe for Names {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns]
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("ask each name server for {}", self.name)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let environment = std::sync::Arc::clone(&recorder.context().environment);
        let looking = async {
            let found = names::names(&self.name, &environment).await?;
            Ok((names::fact(found), ()))
        };
        recorder.layer(Layer::Dns, LIMIT, "what this host knows of the name", looking).await
    }
}
