//! `sockets`: connections that this host has to some addresses. Asked by diagnosis, never written in a plan.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::sockets;

/// A host with very many processes takes a while.
const LIMIT: Duration = Duration::from_secs(4);

/// Addresses that this host may have connections to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sockets {
    /// The addresses.
    pub to: Vec<SocketAddr>,
}

impl Probe for Sockets {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Tcp]
    }

    fn target(&self) -> String {
        let addresses: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        format!("connections to {}", addresses.join(", "))
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("read /proc/net/tcp for {}", self.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let to = self.to.clone();
        let looking = async move {
            // Files of /proc, and possibly many.
            let found = tokio::task::spawn_blocking(move || sockets::toward(&to)).await;
            let found = found.map_err(|error| VantageError::Internal { reason: error.to_string() });
            found.map(|facts| (Fact::Sockets(facts), ())).map_err(Trouble::Blind)
        };
        recorder.layer(Layer::Tcp, LIMIT, "list of connections", looking).await
    }
}
