//! For tests: a probe written as in a plan, bound and run once on its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::{Context, Problem, Recorder, Spec, Surroundings};
use crate::environment::Environment;
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Trace};
use crate::net::Net;
use crate::secret::{Scrubber, Vault};

/// A probe's kind and fields, as JSON; a wrong one is a mistake in the test.
pub(crate) fn spec(kind: &str, fields: serde_json::Value) -> Spec {
    Spec::read(kind, fields).unwrap().unwrap()
}

/// What `bind` has to say.
pub(crate) fn problems(kind: &str, fields: serde_json::Value) -> Vec<Problem> {
    let databases = IndexMap::new();
    spec(kind, fields).bind(&Surroundings { folder: Path::new("/plan"), databases: &databases })
}

/// Run a probe in an environment of these variables.
pub(crate) async fn run_within(
    limit: Duration,
    variables: &[(&str, &str)],
    kind: &str,
    fields: serde_json::Value,
) -> Trace {
    let mut probe = spec(kind, fields);
    let databases = IndexMap::new();
    let found = probe.bind(&Surroundings { folder: Path::new("/plan"), databases: &databases });
    assert!(found.is_empty(), "{found:?}");
    let environment = Arc::new(Environment::from_pairs(variables.iter().copied()));
    let vault = Arc::new(Vault::new(Arc::clone(&environment), Arc::new(Scrubber::default())));
    let context = Context { vault, environment, net: Arc::new(Net::default()) };
    let mut recorder = Recorder::new(context, limit, CancellationToken::new());
    let result = probe.run(&mut recorder).await;
    let trace = recorder.finish(result);
    for observation in &trace.observations {
        assert!(probe.layers().contains(&observation.layer), "{kind} has no layer {}", observation.layer);
    }
    trace
}

/// Run a probe with ten seconds and no variables.
pub(crate) async fn run(kind: &str, fields: serde_json::Value) -> Trace {
    run_within(Duration::from_secs(10), &[], kind, fields).await
}

/// The broken layer and its fault's identifier, or `passed`.
pub(crate) fn outcome(trace: &Trace) -> String {
    match (&trace.ended, trace.broken()) {
        (Ended::Blind(error), _) => format!("blind: {error}"),
        (Ended::Cancelled, _) => "cancelled".to_owned(),
        (Ended::Complete, Some((layer, fault))) => format!("{layer} {}", fault.id()),
        (Ended::Complete, None) => "passed".to_owned(),
    }
}

/// What a layer says, in words; of the last observation when there are several.
pub(crate) fn said(trace: &Trace, layer: Layer) -> String {
    let found = trace.observations.iter().rev().find(|observation| observation.layer == layer);
    found.map_or_else(|| "nothing".to_owned(), |observation| observation.seen.to_string())
}

/// The broken observation, in words.
pub(crate) fn fault(trace: &Trace) -> String {
    trace.broken().map_or_else(|| "none".to_owned(), |(_, fault)| fault.to_string())
}
