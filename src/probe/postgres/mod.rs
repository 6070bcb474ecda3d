//! `postgres`: a login to a PostgreSQL server, who it is, and one statement inside a transaction.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::Matcher;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::period::Period;
use crate::secret::SecretRef;

/// A login, and a statement.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// A libpq connection URL or keyword string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Instead of `url`: one of the plan's `databases`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// With `database`: one of its `users`. With `url`: the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The role's password; found as libpq finds it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// Certificates to trust, in PEM form, instead of `sslrootcert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// One statement, run inside a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The transaction is `READ ONLY`; otherwise it may write and is rolled back, unless `commit` is true.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub read_only: bool,
    /// Keep what the statement wrote; needs `read_only: false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub commit: bool,
    /// The server stops the statement after this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_timeout: Option<Period>,
    /// What has to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

const fn yes() -> bool {
    true
}

/// What has to come.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Matcher>,
    /// The first column of the first row, as text; null when it is NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Matcher>,
    /// The names of the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Matcher>,
    /// Which server has to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ExpectServer>,
}

/// Which server has to answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectServer {
    /// `pg_is_in_recovery()`: true on a standby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_recovery: Option<Matcher>,
    /// `transaction_read_only` before we ask for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<Matcher>,
    /// `current_database()`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Matcher>,
    /// `server_version`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Matcher>,
}

impl Probe for Postgres {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns, Layer::Route, Layer::Tcp, Layer::Tls, Layer::Auth, Layer::Payload]
    }

    fn target(&self) -> String {
        String::new()
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        self.query.iter().cloned().collect()
    }

    async fn run(&self, _: &mut Recorder) -> Result<(), Stop> {
        Err(Stop::Blind(VantageError::Internal { reason: "the postgres probe is not there yet".to_owned() }))
    }
}
