//! `postgres`: a login to a PostgreSQL server, who it is, and one statement inside a transaction.

mod bind;
mod identify;
mod reach;
mod statement;
mod ways;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::{Matcher, even_null};
use crate::clock::milliseconds;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::period::Period;
use crate::net::stream::Stream;
use crate::postgres::session::Session;
use crate::postgres::settings::{
    Beside, DEFAULT_PORT, Place, RequiredAuth, Settings, SslMode, Trust, Written,
};
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
    /// Leave the connection idle for this long and run the statement again on it, as the pool of an application does; neither
    /// the server nor a firewall on the way may have given it up. Comes on top of `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_after: Option<Period>,
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
    #[serde(default, deserialize_with = "even_null", skip_serializing_if = "Option::is_none")]
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
    /// Unix sockets and clear text have fewer. What the environment or a service adds is not known here, so that the
    /// layers of TCP and TLS are listed unless the connection string rules them out.
    fn layers(&self) -> Vec<Layer> {
        let written = self.written();
        let local = written
            .get("host")
            .is_some_and(|hosts| hosts.split(',').all(|host| host.starts_with(['/', '@'])));
        let clear = local || written.get("sslmode") == Some(SslMode::Disable.name());
        let mut layers = Vec::with_capacity(6);
        if !local {
            layers.extend([Layer::Dns, Layer::Route]);
        }
        layers.push(Layer::Tcp);
        if !clear {
            layers.push(Layer::Tls);
        }
        layers.push(Layer::Auth);
        if self.query.is_some() || self.expect.is_some() {
            layers.push(Layer::Payload);
        }
        layers
    }

    fn target(&self) -> String {
        self.written().to_string()
    }

    /// Host and port; those of the first host when there are several.
    fn endpoint(&self) -> String {
        let written = self.written();
        let first = |name: &str| written.get(name).and_then(|list| list.split(',').next());
        let host = first("host").or_else(|| first("hostaddr")).unwrap_or("localhost");
        let port = first("port").filter(|port| !port.is_empty()).map_or(DEFAULT_PORT.to_string(), str::to_owned);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        self.bound(surroundings)
    }

    fn harmless(&self) -> Option<Self> {
        Some(Self { commit: false, ..self.clone() })
    }

    fn rests(&self) -> Duration {
        self.reuse_after.map_or(Duration::ZERO, |period| period.0)
    }

    fn commands(&self) -> Vec<String> {
        let at = self.target();
        let mut commands = vec![format!("{at}: {}", identify::IDENTITY)];
        if let Some(query) = &self.query {
            let query = query.trim().trim_end_matches(';');
            commands.push(format!("{at}: {}; {query}; {}", self.begin(), self.end()));
        }
        commands
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let settings = self.settings(recorder).await?;
        let mut session = ways::log_in(&settings, recorder).await?;
        if self.query.is_some() || self.expect.is_some() {
            self.payload(&mut session, recorder).await?;
        }
        if let Some(Period(idle)) = self.reuse_after {
            recorder.waiting(tokio::time::sleep(idle)).await?;
            recorder.worked(Layer::Payload, idle, Fact::Idled { idle_ms: milliseconds(idle) });
            self.payload(&mut session, recorder).await?;
        }
        session.session.close().await;
        Ok(())
    }
}

impl Postgres {
    /// A login alone, by `url` or by `database`.
    #[must_use]
    pub const fn to(url: Option<String>, database: Option<String>, user: Option<String>) -> Self {
        Self {
            url,
            database,
            user,
            password: None,
            ca: None,
            query: None,
            read_only: true,
            commit: false,
            statement_timeout: None,
            reuse_after: None,
            expect: None,
        }
    }

    /// The same login, and nothing that is done once it is in.
    #[must_use]
    pub fn login(&self) -> Self {
        let alone = Self::to(self.url.clone(), self.database.clone(), self.user.clone());
        Self { password: self.password.clone(), ca: self.ca.clone(), ..alone }
    }

    /// Log in as the probe does, for work of one's own; its layers are recorded.
    ///
    /// # Errors
    /// `Stop`, once what stopped it is recorded.
    pub async fn log_in(&self, recorder: &mut Recorder) -> Result<Session<Stream>, Stop> {
        let settings = self.settings(recorder).await?;
        Ok(ways::log_in(&settings, recorder).await?.session)
    }

    /// Log in over TLS, or at another port of each host, to see whether that is what makes the difference.
    ///
    /// # Errors
    /// `Stop`, once what stopped it is recorded.
    pub(in crate::probe) async fn log_in_otherwise(
        &self,
        tls: bool,
        other_port: Option<u16>,
        recorder: &mut Recorder,
    ) -> Result<Session<Stream>, Stop> {
        let mut settings = self.settings(recorder).await?;
        if tls {
            settings.tls.mode = SslMode::Require;
            settings.tls.trust = Trust::Nothing;
        }
        if let Some(other) = other_port {
            settings.required_auth = Some(RequiredAuth::scram());
            for server in &mut settings.servers {
                if let Place::Tcp { port, .. } = &mut server.place {
                    *port = other;
                }
            }
        }
        Ok(ways::log_in(&settings, recorder).await?.session)
    }

    /// The connection string, taken apart; `bind` has told what is wrong with it.
    fn written(&self) -> Written {
        self.url.as_deref().and_then(|url| Written::parse(url).ok()).unwrap_or_default()
    }

    /// Everything that is needed to log in, with every password in it known to the scrubber.
    async fn settings(&self, recorder: &Recorder) -> Result<Settings, Stop> {
        let url = self.url.clone().ok_or_else(|| VantageError::Internal {
            reason: "the probe was not bound to a database".to_owned(),
        })?;
        let written = Written::parse(&url).map_err(VantageError::from)?;
        if let Some(password) = written.password() {
            recorder.secret(&SecretRef::Literal(password)).await?;
        }
        let password = match &self.password {
            Some(reference) => Some(recorder.secret(reference).await?),
            None => None,
        };
        let (user, ca) = (self.user.clone(), self.ca.clone());
        let environment = Arc::clone(&recorder.context().environment);
        // It reads files of the user's home, which may be on a network that hangs.
        let resolving = tokio::task::spawn_blocking(move || {
            let beside = Beside { user: user.as_deref(), password, ca: ca.as_deref() };
            Settings::resolve(&written, &beside, &environment)
        });
        let trouble = |reason: &str| VantageError::Setting {
            setting: "libpq's files and variables".to_owned(),
            reason: reason.to_owned(),
        };
        let settings = recorder
            .waiting(tokio::time::timeout(recorder.remaining(), resolving))
            .await?
            .map_err(|_| trouble("reading them took longer than the check may"))?
            .map_err(|error| VantageError::Internal { reason: error.to_string() })?
            .map_err(VantageError::from)?;
        for password in settings.passwords() {
            recorder.secret(&SecretRef::Literal(password.clone())).await?;
        }
        Ok(settings)
    }
}
