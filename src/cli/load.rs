//! Loading a plan for a command: warnings and mistakes go to stderr.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Shared;
use super::arguments::PlanFiles;
use crate::model::application::AsApplication;
use crate::model::outline::VantageId;
use crate::net::Net;
use crate::plan::{self, LoadRequest, Loaded, Plan};
use crate::probe::Context;
use crate::secret::{Scrubber, Vault};
use crate::vantage::{self, Brought, Places};
use crate::verdict::Exit;

/// Load the plan the arguments name; `files` win over `-f`.
pub(super) fn load(files: &[PathBuf], wanted: &PlanFiles, shared: &Shared, scrubber: &Scrubber) -> Loaded {
    plan::load(&LoadRequest {
        files: if files.is_empty() { &wanted.file } else { files },
        vars: &wanted.vars,
        set: &wanted.set,
        environment: &shared.environment,
        scrubber,
        today: crate::clock::today(),
    })
}

/// Load a plan to use it: warnings and mistakes are told, and a plan comes back only without mistakes.
pub(super) fn usable(wanted: &PlanFiles, shared: &Shared, scrubber: &Scrubber) -> Result<Plan, Loaded> {
    let loaded = load(&[], wanted, shared, scrubber);
    tell(&loaded, shared);
    match loaded.plan {
        Some(plan) => Ok(plan),
        None => Err(loaded),
    }
}

/// Print every mistake and warning.
pub(super) fn tell(loaded: &Loaded, shared: &Shared) {
    let text = plan::render_all(&loaded.diagnostics, shared.terminal.color_err);
    if !text.is_empty() {
        shared.terminal.tell(&text);
    }
}

/// What the probes of this process share.
pub(super) fn context(shared: &Shared, scrubber: &Arc<Scrubber>) -> Context {
    let environment = Arc::clone(&shared.environment);
    Context {
        vault: Arc::new(Vault::new(Arc::clone(&environment), Arc::clone(scrubber))),
        environment,
        net: Arc::new(Net::default()),
    }
}

/// Where this run can look from; trouble is told. Nothing is started yet.
pub(super) fn places(
    vantages: &IndexMap<String, vantage::Spec>,
    applications: Vec<(VantageId, AsApplication)>,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
) -> Result<Arc<Places>, Exit> {
    let places = std::env::current_exe()
        .map(|own| Brought { own, agent: shared.agent.clone() })
        .and_then(|program| Places::new(context(shared, scrubber), vantages, applications, &program));
    places.map(Arc::new).map_err(|error| {
        shared.terminal.error(&format!("cannot look from elsewhere: {error}"), None);
        Exit::NotWritten
    })
}
