//! `hello`: what a TLS server chooses of a client hello with old versions and suites in it, and whether the hello arrives at
//! all. Asked by diagnosis, never written in a plan.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::HostPort;
use super::reach::reach;
use super::tcp::address;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::queue::unacknowledged;
use crate::net::tls::hello::{Offer, choice, client_hello};

/// Half of the time a question has: a server that is there answers at once.
const LIMIT: Duration = Duration::from_secs(2);

/// A client hello.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// The name sent as SNI; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// What it offers.
    pub offer: Offer,
}

impl Probe for Hello {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns, Layer::Route, Layer::Tcp, Layer::Tls]
    }

    fn target(&self) -> String {
        self.address.clone()
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn harmless(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("TLS client hello to {}", self.address)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let HostPort { host, port } = address(&self.address)?;
        let mut stream = reach(recorder, &host, port).await?.stream;
        let hello = client_hello(self.offer, self.server_name.as_deref());
        let hello = hello.map_err(|reason| VantageError::Internal { reason })?;
        let limit = LIMIT.min(recorder.remaining());
        let began = Instant::now();
        let chosen = recorder.waiting(tokio::time::timeout(limit, choice(&mut stream, &hello))).await?;
        let took = began.elapsed();
        let fault = match chosen {
            Ok(Ok(fact)) => {
                recorder.worked(Layer::Tls, took, fact);
                return Ok(());
            }
            Ok(Err(fault)) => fault,
            Err(_) => {
                let ends = stream.local_addr().and_then(|ours| Ok((ours, stream.peer_addr()?))).ok();
                if let Some(unacknowledged) = ends.and_then(|(ours, theirs)| unacknowledged(ours, theirs)) {
                    let bytes = hello.len() as u64;
                    recorder.worked(Layer::Tcp, took, Fact::Sent { bytes, unacknowledged });
                }
                let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                Fault::TimedOut { waiting_for: "server hello".to_owned(), limit_ms }
            }
        };
        Err(recorder.broke(Layer::Tls, took, fault))
    }
}
