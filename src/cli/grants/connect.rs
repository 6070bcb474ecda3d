//! From a URL, or a name in the plan, to a session that is logged in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::super::arguments::PlanFiles;
use super::super::{Shared, load};
use crate::model::fault::{Fault, ServerError};
use crate::model::outcome::Judgement;
use crate::model::trace::Trace;
use crate::net::stream::Stream;
use crate::postgres::session::Session;
use crate::probe::postgres::Postgres;
use crate::probe::{Probe as _, Recorder, Surroundings};
use crate::secret::Scrubber;
use crate::verdict::Exit;

/// The longest a login may take, over all hosts and addresses of the URL.
const LIMIT: Duration = Duration::from_secs(30);

/// Which database.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// A libpq connection URL or keyword string; what is missing is found as psql finds it
    #[arg(value_name = "URL", required_unless_present = "database", conflicts_with = "database")]
    pub(super) url: Option<String>,
    /// Instead of a URL: one of the plan's `databases`
    #[arg(long, value_name = "NAME")]
    pub(super) database: Option<String>,
    /// With --database: one of its `users`; with a URL: the role
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    #[command(flatten)]
    pub(super) plan: PlanFiles,
}

/// Log in; what stops it is told.
pub(super) async fn log_in(
    place: &Place,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
    cancel: &CancellationToken,
) -> Result<Session<Stream>, Exit> {
    match attempt(place, shared, scrubber, cancel).await? {
        Ok(session) => Ok(session),
        Err((probe, trace)) => Err(tell(&probe, &trace, shared, scrubber, cancel)),
    }
}

/// Log in by a URL of one role's own. A refusal of the server is an answer to tell of; anything else that stops it is told.
pub(super) async fn log_in_as(
    url: &str,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
    cancel: &CancellationToken,
) -> Result<Result<Session<Stream>, Box<ServerError>>, Exit> {
    let place = Place { url: Some(url.to_owned()), database: None, user: None, plan: PlanFiles::default() };
    match attempt(&place, shared, scrubber, cancel).await? {
        Ok(session) => Ok(Ok(session)),
        Err((probe, trace)) => match trace.broken() {
            Some((_, Fault::LoginRefused(error))) => Ok(Err(error.clone())),
            Some(_) | None => Err(tell(&probe, &trace, shared, scrubber, cancel)),
        },
    }
}

async fn attempt(
    place: &Place,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
    cancel: &CancellationToken,
) -> Result<Result<Session<Stream>, (Postgres, Trace)>, Exit> {
    let probe = probe(place, shared, scrubber)?;
    let mut recorder = Recorder::new(load::context(shared, scrubber), LIMIT, cancel.clone());
    Ok(match probe.log_in(&mut recorder).await {
        Ok(session) => Ok(session),
        Err(stop) => Err((probe, recorder.finish(Err(stop)))),
    })
}

fn tell(
    probe: &Postgres,
    trace: &Trace,
    shared: &Shared,
    scrubber: &Scrubber,
    cancel: &CancellationToken,
) -> Exit {
    let judgement = Judgement::of(trace, &probe.layers(), None);
    let message = format!("cannot look into {}: {}", probe.target(), judgement.message);
    let help = trace.broken().map(|(_, fault)| format!("gonogo explain {} says more", fault.id()));
    shared.terminal.error(&scrubber.text(&message), help.as_deref());
    if cancel.is_cancelled() { Exit::Interrupted } else { Exit::NoGo }
}

fn probe(place: &Place, shared: &Shared, scrubber: &Arc<Scrubber>) -> Result<Postgres, Exit> {
    let mut databases = Arc::new(IndexMap::new());
    let mut folder = Path::new(".");
    if place.database.is_some() {
        databases = load::usable(&place.plan, shared, scrubber).map_err(|_| Exit::Usage)?.databases;
        folder = place.plan.file.first().and_then(|file| file.parent()).unwrap_or(folder);
    }
    if let Some(url) = &place.url {
        super::super::probe::learn_password(url, scrubber);
    }
    let mut probe = Postgres::to(place.url.clone(), place.database.clone(), place.user.clone());
    match probe.bind(&Surroundings { folder, databases: &databases }).into_iter().next() {
        None => Ok(probe),
        Some(problem) => {
            shared.terminal.error(&scrubber.text(&problem.message), problem.help.as_deref());
            Err(Exit::Usage)
        }
    }
}
