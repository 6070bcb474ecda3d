//! The `postgres` probe against real servers, and against what only pretends to be one.

mod hostile;
mod login;
mod statement;
mod tls;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gonogo::environment::Environment;
use gonogo::model::fact::{DatabaseIdentity, Fact};
use gonogo::model::fault::{Fault, ServerError};
use gonogo::model::layer::Layer;
use gonogo::model::outcome::{Judgement, Outcome};
use gonogo::model::trace::{Seen, Trace};
use gonogo::probe::postgres::Postgres;
use gonogo::probe::{Context, Probe, Recorder, Surroundings};
use gonogo::secret::{Scrubber, Vault};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What a probe came to.
pub(crate) struct Looked {
    trace: Trace,
    judgement: Judgement,
}

/// Bind and run a probe in an environment of exactly these variables.
pub(crate) async fn look_in(node: Value, environment: &[(&str, &str)], timeout: Duration) -> Looked {
    let mut probe: Postgres = serde_json::from_value(node).expect("a probe");
    let surroundings = Surroundings { folder: Path::new("/"), databases: &indexmap::IndexMap::new() };
    let problems = probe.bind(&surroundings);
    assert_eq!(problems, [], "the probe makes no sense");
    let environment = Arc::new(Environment::from_pairs(
        [("HOME", "/nonexistent"), ("PATH", "/usr/bin:/bin")].into_iter().chain(environment.iter().copied()),
    ));
    let vault = Arc::new(Vault::new(Arc::clone(&environment), Arc::new(Scrubber::default())));
    let context = Context { vault, environment, net: Arc::default() };
    let mut recorder = Recorder::new(context, timeout, CancellationToken::new());
    let result = probe.run(&mut recorder).await;
    let trace = recorder.finish(result);
    let judgement = Judgement::of(&trace, &probe.layers(), None);
    Looked { trace, judgement }
}

/// The same, without any variable and with the default limit.
pub(crate) async fn look(node: Value) -> Looked {
    look_in(node, &[], Duration::from_secs(10)).await
}

impl Looked {
    fn passed(&self) -> &Self {
        assert_eq!(self.judgement.outcome, Outcome::Pass, "{:#?}", self.trace);
        self
    }

    /// The outcome is `error`: we could not look. Its words.
    fn blind(&self) -> &str {
        assert_eq!(self.judgement.outcome, Outcome::Error, "{:#?}", self.trace);
        &self.judgement.message
    }

    /// The layer that broke, and how.
    fn broke(&self) -> (Layer, &Fault) {
        assert_eq!(self.judgement.outcome, Outcome::Fail, "{:#?}", self.trace);
        self.trace.broken().expect("a broken layer")
    }

    fn refused(&self) -> &ServerError {
        match self.broke() {
            (Layer::Auth, Fault::LoginRefused(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn failed(&self) -> &ServerError {
        match self.broke() {
            (Layer::Payload, Fault::StatementFailed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn mismatch(&self) -> String {
        match self.broke() {
            (Layer::Payload, fault @ Fault::Mismatch { .. }) => fault.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn layers(&self) -> Vec<&str> {
        let mut layers: Vec<&str> =
            self.trace.observations.iter().map(|observation| observation.layer.name()).collect();
        layers.dedup();
        layers
    }

    fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.trace.observations.iter().filter_map(|observation| match &observation.seen {
            Seen::Worked(fact) => Some(fact),
            Seen::Broke(_) => None,
        })
    }

    fn scheme(&self) -> &str {
        let scheme = self.facts().find_map(|fact| {
            if let Fact::Admitted { scheme, .. } = fact { Some(scheme.as_str()) } else { None }
        });
        scheme.expect("a login")
    }

    fn identity(&self) -> &DatabaseIdentity {
        let identity =
            self.facts().find_map(|fact| if let Fact::Identified(found) = fact { Some(found) } else { None });
        identity.expect("an identity")
    }

    fn clear(&self) -> Option<&str> {
        self.facts().find_map(|fact| if let Fact::Clear { why } = fact { Some(why.as_str()) } else { None })
    }

    /// Nothing that is written down holds this text.
    fn never_shows(&self, secret: &str) {
        let written = serde_json::to_string(&self.trace).expect("a trace") + &self.judgement.message;
        assert!(!written.contains(secret), "{written}");
    }
}
