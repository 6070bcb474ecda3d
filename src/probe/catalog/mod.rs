//! `catalog`: what the catalogs of a database say of the names in a statement that failed, as the role it failed for.
//! Asked by diagnosis, never written in a plan. Only `pg_catalog` is read, and of tables no more than whether they are
//! empty.

mod read;
mod search_path;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::postgres::Postgres;
use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::grants::replay::mentioned;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::postgres::session::SessionError;

/// The longest all questions may take together.
const LIMIT: Duration = Duration::from_secs(4);

/// A statement whose names are looked up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The login, with the statement.
    pub login: Box<Postgres>,
}

impl Probe for Catalog {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Payload]
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
        vec![format!("{}: read pg_catalog for the names in the statement", self.login.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let mut session = self.login.log_in(recorder).await?;
        let names = mentioned(self.login.query.as_deref().unwrap_or_default());
        let asking = async {
            let facts = read::read(&mut session, &names).await.map_err(trouble)?;
            Ok((Fact::Catalog(Box::new(facts)), ()))
        };
        recorder.layer(Layer::Payload, LIMIT, "answer of the catalogs", asking).await?;
        session.close().await;
        Ok(())
    }
}

fn trouble(error: SessionError) -> Trouble {
    match error {
        SessionError::Server(error) => Fault::StatementFailed(error).into(),
        SessionError::Peer(fault) => fault.into(),
        SessionError::Ours(error) => error.into(),
        SessionError::PasswordNeeded { method } => Fault::BadProtocol {
            expected: "PostgreSQL".to_owned(),
            reason: format!("it asks for a password ({method}) after the login"),
            head: String::new(),
        }
        .into(),
    }
}
