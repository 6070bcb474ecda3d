//! `grants`: who may do what in a database, against a snapshot through a split map, or against rules in the plan.

mod judge;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::postgres::Postgres;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::grants::declared::Rule;
use crate::grants::postgres::PostgresReader;
use crate::grants::reader::{ReadError, Reader as _, Request};
use crate::grants::snapshot::Snapshot;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::{Trouble, VantageError};
use crate::secret::SecretRef;

/// Permissions, against those of before or against rules.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// A libpq connection URL or keyword string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Instead of `url`: one of the plan's `databases`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// With `database`: one of its `users`. With `url`: the role that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// That role's password; found as libpq finds it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The snapshot of before, which `gonogo grants snapshot` wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<PathBuf>,
    /// What became of it: the split map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<PathBuf>,
    /// The target of the map that this database is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Instead of `snapshot`: the role that `may` and `may_not` are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it must be able to do, such as `SELECT, INSERT on table:shop.*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may: Vec<String>,
    /// What it must not be able to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_not: Vec<String>,
}

impl Probe for Grants {
    fn layers(&self) -> Vec<Layer> {
        let mut layers = self.login().layers();
        layers.push(Layer::Payload);
        layers
    }

    fn target(&self) -> String {
        self.login().target()
    }

    fn endpoint(&self) -> String {
        self.login().endpoint()
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        let mut login = self.login();
        let mut problems = login.bind(surroundings);
        (self.url, self.database, self.user, self.password) =
            (login.url, login.database, login.user, login.password);
        for path in [&mut self.snapshot, &mut self.map].into_iter().flatten().filter(|path| path.is_relative()) {
            *path = surroundings.folder.join(&*path);
        }
        problems.extend(self.problems());
        problems
    }

    fn local_files(&mut self) -> Vec<&mut PathBuf> {
        [&mut self.snapshot, &mut self.map].into_iter().flatten().collect()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("{}: catalogs are read in one read-only transaction (gonogo grants snapshot)", self.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let session = self.login().log_in(recorder).await?;
        let mut reader = PostgresReader(session);
        let limit = recorder.remaining();
        let request = Request { workload: false, references: false, limit };
        let probe = self.clone();
        recorder
            .layer(Layer::Payload, limit, "the permissions", async {
                let now = reader.snapshot(&request).await.map_err(trouble)?;
                let judging = tokio::task::spawn_blocking(move || probe.judged(&now));
                let judged = judging.await.map_err(|error| VantageError::Internal { reason: error.to_string() })?;
                judged.map(|fact| (fact, ()))
            })
            .await?;
        reader.0.close().await;
        Ok(())
    }
}

impl Grants {
    fn login(&self) -> Postgres {
        let mut login = Postgres::to(self.url.clone(), self.database.clone(), self.user.clone());
        login.password.clone_from(&self.password);
        login
    }

    fn judged(&self, now: &Snapshot) -> Result<Fact, Trouble> {
        match (&self.snapshot, &self.role) {
            (Some(before), _) => judge::against_snapshot(before, self.map.as_deref(), self.target.as_deref(), now),
            (None, Some(role)) => judge::against_rules(role, &rules(&self.may), &rules(&self.may_not), now),
            (None, None) => Err(VantageError::Internal {
                reason: "the probe has neither a snapshot nor a role".to_owned(),
            }
            .into()),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let declares = !self.may.is_empty() || !self.may_not.is_empty();
        match (&self.snapshot, &self.role) {
            (None, None) => problems.push(
                Problem::at("", "`grants` needs `snapshot`, or `role` with `may` or `may_not`")
                    .help("take the snapshot before the split: gonogo grants snapshot URL -o before.json"),
            ),
            (Some(_), Some(_)) => {
                problems.push(Problem::at("role", "`snapshot` and `role` are two checks").help("write two"));
            }
            (Some(_), None) if declares => {
                problems.push(Problem::at("", "`may` and `may_not` are for a `role`, not for a `snapshot`"));
            }
            (None, Some(_)) if !declares => {
                problems.push(Problem::at("role", "nothing is said of what the role may and may not do"));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        if self.map.is_some() && self.snapshot.is_none() {
            problems.push(Problem::at("map", "a split map needs the `snapshot` it is of"));
        }
        if self.target.is_some() != self.map.is_some() {
            problems.push(Problem::at("", "`map` and `target` go together"));
        }
        for (list, rules) in [("may", &self.may), ("may_not", &self.may_not)] {
            let mistakes = rules.iter().enumerate().filter_map(|(index, rule)| {
                let mistake = rule.parse::<Rule>().err()?;
                Some(Problem::at(&format!("{list}.{index}"), mistake.to_string()))
            });
            problems.extend(mistakes);
        }
        problems
    }
}

/// `bind` has told which are none.
fn rules(texts: &[String]) -> Vec<Rule> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// A catalog that cannot be read says nothing about permissions: we could not look.
fn trouble(error: ReadError) -> Trouble {
    match error {
        ReadError::Broke { fault, .. } => fault.into(),
        ReadError::Ours { error, .. } => error.into(),
        ReadError::Refused { .. } | ReadError::Unknown { .. } | ReadError::TooOld { .. } => {
            VantageError::Setting { setting: "the catalog".to_owned(), reason: error.to_string() }.into()
        }
    }
}
