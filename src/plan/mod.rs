//! A loaded plan: every name resolved, every check with its due stage; or a list of mistakes with their places.

mod asked;
mod draft;
mod due;
mod edit;
mod ends;
mod expand;
mod files;
mod finish;
mod landscape;
mod links;
mod load;
mod needs;
mod notify;
mod references;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_links;
mod ups;
mod window;
mod written_out;

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

pub use crate::file::diagnostic::{Diagnostic, Gravity, render_all, render_json};
pub use edit::{Edit, Side, definitions};
pub use load::{LoadRequest, Loaded, load};

use crate::model::application::AsApplication;
use crate::model::notification::Target;
use crate::model::outline::{Outline, VantageId};
use crate::period::Period;
use crate::probe::Spec;
use crate::probe::database::Database;
use crate::probe::postgres::Postgres;
use crate::vantage;

/// A plan that can be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What journals, verdicts and reports know of it.
    pub outline: Arc<Outline>,
    /// How each check looks; same order and length as `outline.checks`.
    pub jobs: Vec<Job>,
    /// The files as written, secrets starred, for the journal.
    pub sources: Vec<Source>,
    /// The login to the team's journal, when it is in a database.
    pub journal: Option<Box<Postgres>>,
    /// Who is told of a run beside its reports.
    pub notify: Arc<[Target]>,
    /// Where the databases are, by id.
    pub databases: Arc<IndexMap<String, Database>>,
    /// Where checks can be looked from, other than here, by id.
    pub vantages: Arc<IndexMap<String, vantage::Spec>>,
}

impl Plan {
    /// Applications that are looked as, with the vantage of each, once.
    #[must_use]
    pub fn applications(&self) -> Vec<(VantageId, AsApplication)> {
        let mut all: Vec<(VantageId, AsApplication)> = Vec::new();
        for (check, job) in self.outline.checks.iter().zip(&self.jobs) {
            let Some(who) = &job.as_application else { continue };
            for vantage in &check.from {
                if !all.iter().any(|(id, known)| id == vantage && known == who) {
                    all.push((vantage.clone(), who.clone()));
                }
            }
        }
        all
    }
}

/// How one check looks.
#[derive(Debug, Clone)]
pub struct Job {
    /// The probe.
    pub probe: Spec,
    /// As whom it looks, when not as the vantage's own user.
    pub as_application: Option<AsApplication>,
    /// The longest one try may take.
    pub timeout: Duration,
    /// Try again while it fails.
    pub retry: Option<Retry>,
}

/// Try again while it fails; a pass after a retry is shown as flaky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Keep trying for this long, from the first try.
    #[serde(rename = "for")]
    pub lasting: Period,
    /// Wait this long between tries.
    pub every: Period,
}

/// A plan file as written, secrets starred.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Source {
    /// The file, as the user named it.
    pub file: String,
    /// Its text.
    pub text: String,
}
