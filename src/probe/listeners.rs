//! `listeners`: what listens on a port of this host. Asked by diagnosis, never written in a plan.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::listeners;

/// A host with very many processes takes a while.
const LIMIT: Duration = Duration::from_secs(4);

/// A port of this host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listeners {
    /// The port.
    pub port: u16,
}

impl Probe for Listeners {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Tcp]
    }

    fn target(&self) -> String {
        format!("port {}", self.port)
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("read /proc/net/tcp for port {}", self.port)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let port = self.port;
        let looking = async move {
            // Files of /proc, and possibly many.
            let found = tokio::task::spawn_blocking(move || listeners::listeners(port)).await;
            let found = found.map_err(|error| VantageError::Internal { reason: error.to_string() }).flatten();
            found.map(|facts| (Fact::Listening(facts), ())).map_err(Trouble::Blind)
        };
        recorder.layer(Layer::Tcp, LIMIT, "list of listening sockets", looking).await
    }
}
