//! Several places under one name, such as every pod with some labels: found when they are looked from, all looked from at
//! once, and as good as what the worst of them shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use indexmap::IndexMap;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::quote::name;
use super::ran::run;
use super::{About, Brought, Remote, Set, Spec};
use crate::model::application::AsApplication;
use crate::model::fact::Fact;
use crate::model::host::OfSet;
use crate::model::layer::Layer;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::{Ended, Seen, Trace, VantageError};
use crate::probe;
use crate::secret::Vault;

/// Members are asked for again after so long: a stage may replace every one of them.
const FRESH: Duration = Duration::from_secs(5);
/// The longest a list of members may take.
const LIST_LIMIT: Duration = Duration::from_secs(30);

/// A vantage that is a set of places.
#[derive(Debug)]
pub(super) struct Group {
    id: String,
    spec: Spec,
    set: Set,
    who: Option<AsApplication>,
    vault: Arc<Vault>,
    program: Brought,
    private: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every member there ever was in this run, by name.
    known: IndexMap<String, Arc<Remote>>,
    /// Those there are, and when that was told.
    listed: Option<(Instant, Result<Vec<String>, String>)>,
}

impl Group {
    /// A set of places; nothing is asked yet. Arguments as those of [`Remote::new`].
    pub(super) fn new(
        id: String,
        (spec, set, who): (Spec, Set, Option<AsApplication>),
        vault: Arc<Vault>,
        program: Brought,
        private: PathBuf,
    ) -> Self {
        Self { id, spec, set, who, vault, program, private, state: Mutex::default() }
    }

    /// Look once from every member, within `limit`; what the worst of them shows, with its name.
    pub(super) async fn look(
        &self,
        probe: &probe::Spec,
        limit: Duration,
        expect_break: Option<Layer>,
        cancel: &CancellationToken,
    ) -> Trace {
        let members = tokio::select! {
            biased;
            () = cancel.cancelled() => return Trace { observations: Vec::new(), ended: Ended::Cancelled },
            members = self.members() => members,
        };
        let members = match members {
            Ok(members) => members,
            Err(error) => return Trace::blind(error),
        };
        let looking = members.iter().map(async |(name, remote)| {
            let trace = remote.look(probe, limit, cancel).await;
            let outcome = Judgement::of(&trace, &probe.layers(), expect_break).outcome;
            (name, trace, outcome)
        });
        let seen = join_all(looking).await;
        if seen.iter().any(|(_, trace, _)| trace.ended == Ended::Cancelled) {
            return Trace { observations: Vec::new(), ended: Ended::Cancelled };
        }
        let places = seen.len() as u64;
        let passed = seen.iter().filter(|(.., outcome)| *outcome == Outcome::Pass).count() as u64;
        let worst = seen.into_iter().max_by_key(|(.., outcome)| *outcome);
        let Some((name, mut trace, _)) = worst else { return Trace::blind(self.none()) };
        if let Some(Seen::Worked(Fact::LookedFrom { of_set, .. })) =
            trace.observations.first_mut().map(|first| &mut first.seen)
        {
            *of_set = Some(OfSet { name: name.clone(), places, passed });
        }
        trace
    }

    /// Open every member, and tell who each is.
    ///
    /// # Errors
    /// Why there are none, or why one of them cannot be used.
    pub(super) async fn about(&self) -> Result<Vec<About>, VantageError> {
        let members = self.members().await?;
        join_all(members.iter().map(|(_, remote)| remote.about())).await.into_iter().collect()
    }

    /// End every member that was ever looked from, and take away what was brought.
    pub(super) async fn end(&self) {
        let known: Vec<Arc<Remote>> = self.state.lock().await.known.values().cloned().collect();
        join_all(known.iter().map(|remote| remote.end())).await;
    }

    /// End what is kept open on the way to any of them.
    pub(super) async fn close(&self) {
        let known = std::mem::take(&mut self.state.lock().await.known);
        join_all(known.values().map(|remote| remote.close())).await;
    }

    /// The members there are now; at least one.
    async fn members(&self) -> Result<Vec<(String, Arc<Remote>)>, VantageError> {
        let mut state = self.state.lock().await;
        let State { known, listed } = &mut *state;
        if listed.as_ref().is_none_or(|(when, _)| when.elapsed() > FRESH) {
            let names = self.list().await;
            *listed = Some((Instant::now(), names));
        }
        let names = match listed {
            Some((_, Ok(names))) => names.as_slice(),
            Some((_, Err(reason))) => return Err(self.unusable(reason)),
            None => &[],
        };
        if names.is_empty() {
            return Err(self.none());
        }
        let member = |name: &String| {
            let remote = known.entry(name.clone()).or_insert_with(|| {
                let (id, spec) = (format!("{}/{name}", self.id), self.spec.member(name));
                let (program, private) = (self.program.clone(), self.private.clone());
                Arc::new(Remote::new(id, (spec, self.who.clone()), Arc::clone(&self.vault), program, private))
            });
            (name.clone(), Arc::clone(remote))
        };
        Ok(names.iter().map(member).collect())
    }

    /// Their names; one that is on its way out is no member.
    async fn list(&self) -> Result<Vec<String>, String> {
        let ran = run(&self.set.list, None, LIST_LIMIT).await?;
        if !ran.marked.iter().any(|line| line == "listed") {
            return Err(format!("which places it is could not be asked{}", ran.saying()));
        }
        let members = ran.marked.iter().filter_map(|line| line.strip_prefix("member "));
        let mut names: Vec<String> = members
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                words.next().filter(|_| words.next().is_none()).map(ToOwned::to_owned)
            })
            .collect();
        if let Some(strange) = names.iter().find(|word| name("", word).is_some()) {
            return Err(format!("`{strange}` is no name of a place"));
        }
        names.sort_unstable();
        if self.set.one {
            names.truncate(1);
        }
        Ok(names)
    }

    fn none(&self) -> VantageError {
        self.unusable(&format!("there is no {} to look from", self.set.what))
    }

    fn unusable(&self, reason: &str) -> VantageError {
        let reason = self.vault.scrubber().text(reason).into_owned();
        VantageError::Unusable { vantage: self.id.clone(), reason }
    }
}
