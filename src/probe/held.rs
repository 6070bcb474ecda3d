//! `held`: whether a vantage has a secret that is `on: vantage`; its value stays there. Asked by `gonogo doctor`, never written in
//! a plan.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::secret::SecretRef;

/// A secret to be found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Where it is found.
    pub secret: SecretRef,
}

impl Probe for Held {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Vantage]
    }

    fn target(&self) -> String {
        self.secret.to_string()
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("find {}", self.secret)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let began = Instant::now();
        recorder.secret(&self.secret).await?;
        // Not even its length leaves the vantage.
        recorder.worked(Layer::Vantage, began.elapsed(), Fact::Matched { values: Vec::new(), excerpt: None });
        Ok(())
    }
}
