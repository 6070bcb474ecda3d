//! Each database login that a run will make, from where it will be made.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Row, State, reason};
use crate::model::application::AsApplication;
use crate::model::fact::Fact;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::HERE;
use crate::model::trace::{Ended, Seen, Trace};
use crate::plan::Plan;
use crate::probe::{Spec, Surroundings};
use crate::secret::{SecretRef, referred};
use crate::vantage::Places;

/// The longest a login may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A database login, from one place.
pub(super) struct Login {
    name: String,
    vantage: Arc<str>,
    /// The application that logs in, when not the vantage's own user.
    who: Option<AsApplication>,
    probe: Spec,
}

/// Logins of the plan's `databases` from here, and those of `postgres` checks from where each is looked at.
pub(super) fn logins(plan: &Plan) -> Vec<Login> {
    let mut known = HashSet::new();
    let named = plan.databases.iter().flat_map(|(id, database)| {
        let users = database.postgres.users.keys().map(String::as_str).map(Some);
        let users: Vec<Option<&str>> =
            if database.postgres.users.is_empty() { vec![None] } else { users.collect() };
        users.into_iter().filter_map(move |user| {
            let mut probe = Spec::read("postgres", json!({ "database": id, "user": user }))?.ok()?;
            let surroundings = Surroundings { folder: Path::new("."), databases: &plan.databases };
            let name = user.map_or_else(|| id.clone(), |user| format!("{id} as {user}"));
            // A password that is only on the vantages lets nobody in from here.
            let usable = probe.bind(&surroundings).is_empty()
                && !referred(&probe).iter().any(SecretRef::is_on_vantage);
            usable.then(|| Login { name, vantage: HERE.into(), who: None, probe })
        })
    });
    let checks = plan.outline.checks.iter().zip(&plan.jobs).flat_map(|(check, job)| {
        let Spec::Postgres(probe) = &job.probe else { return Vec::new() };
        let alone = probe.login();
        let login = |vantage: &Arc<str>| Login {
            name: check.id.to_string(),
            vantage: vantage.clone(),
            who: job.as_application.clone(),
            probe: Spec::Postgres(Box::new(alone.clone())),
        };
        check.from.iter().map(login).collect::<Vec<_>>()
    });
    let key = |login: &Login| (login.vantage.clone(), format!("{:?} {:?}", login.who, login.probe));
    named.chain(checks).filter(|login| known.insert(key(login))).collect()
}

impl Login {
    pub(super) async fn row(self, places: &Places, cancel: &CancellationToken) -> Row {
        let trace = places.look((&self.vantage, self.who.as_ref()), &self.probe, LIMIT, None, cancel).await;
        let judgement = Judgement::of(&trace, &self.probe.layers(), None);
        let name =
            if *self.vantage == *HERE { self.name } else { format!("{} from {}", self.name, self.vantage) };
        let row = |state, told: String| Row::new("login", name, state, told);
        if judgement.outcome == Outcome::Pass {
            return row(State::Ready, identity(&trace));
        }
        match (&trace.ended, trace.broken()) {
            (_, Some((_, fault))) => {
                let help = format!("gonogo explain {}", fault.id());
                row(State::Fault, judgement.message).help(help)
            }
            (Ended::Blind(error), None) => row(State::Fault, reason(error.clone())),
            (_, None) => row(State::Fault, judgement.message),
        }
    }
}

/// Which database let us in.
fn identity(trace: &Trace) -> String {
    let identified = trace.observations.iter().find_map(|observation| {
        let Seen::Worked(Fact::Identified(identity)) = &observation.seen else { return None };
        Some(identity.to_string())
    });
    identified.unwrap_or_else(|| "let in".to_owned())
}
