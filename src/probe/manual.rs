//! `manual`: a check only a person can answer, with `gonogo record`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::layer::Layer;
use crate::model::trace::VantageError;

/// What a person is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// The steps, in order.
    #[schemars(length(min = 1))]
    pub steps: Vec<String>,
    /// What to note when recording, such as an order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Probe for Manual {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Payload]
    }

    fn target(&self) -> String {
        self.steps.join(", ")
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        if self.steps.is_empty() {
            return vec![Problem::at("steps", "a manual check needs at least one step")];
        }
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        self.steps.iter().map(|step| format!("a person: {step}")).collect()
    }

    /// The runner never asks: the answer comes from `gonogo record`.
    async fn run(&self, _: &mut Recorder) -> Result<(), Stop> {
        Err(Stop::Blind(VantageError::Setting {
            setting: "manual".to_owned(),
            reason: "only a person can answer this check: gonogo record CHECK pass|fail --by NAME".to_owned(),
        }))
    }
}
