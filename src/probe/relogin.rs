//! `relogin`: the same login in another way, over TLS or at another port. Asked by diagnosis, never written in a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::postgres::Postgres;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::layer::Layer;

/// A login, and what is different about it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relogin {
    /// The login as it is made by the check.
    pub login: Box<Postgres>,
    /// Over TLS, whatever `sslmode` says; the certificate is not judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// At this port of the same host. The password goes nowhere it was not meant to: only SCRAM, which does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl Probe for Relogin {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Auth]
    }

    fn target(&self) -> String {
        self.login.target()
    }

    fn endpoint(&self) -> String {
        self.login.endpoint()
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        self.login.bind(surroundings)
    }

    fn harmless(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn commands(&self) -> Vec<String> {
        let way = if self.tls { " over TLS" } else { "" };
        let port = self.port.map_or_else(String::new, |port| format!(" at port {port}"));
        vec![format!("{}: log in{way}{port}", self.login.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        self.login.log_in_otherwise(self.tls, self.port, recorder).await?.close().await;
        Ok(())
    }
}
