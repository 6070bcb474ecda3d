//! `command`: a program that is run, without a shell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::layer::Layer;

/// A program to run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments; no shell reads them.
    pub argv: Vec<String>,
}

impl Probe for Command {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Vantage, Layer::Payload]
    }

    fn target(&self) -> String {
        self.argv.join(" ")
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![self.argv.join(" ")]
    }

    async fn run(&self, _: &mut Recorder) -> Result<(), Stop> {
        Err(Stop::Cancelled)
    }
}
