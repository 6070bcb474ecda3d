//! A vantage at work: opened when it is first needed, again when it was lost, closed at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::Spec;
use super::place::{Placed, Way, command};
use super::session::{Refusal, Session};
use crate::agent::wire::{Hello, LARGEST_FILE, SentFile};
use crate::clock;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Observation, Seen, Trace, VantageError};
use crate::probe::{self, GRACE};
use crate::secret::{Vault, carry};

/// Beyond the limit that the far side keeps: for the way there and back.
const SLACK: Duration = Duration::from_secs(3);
/// A vantage that could not be opened is not tried again for so long: a hundred checks would wait one after the other.
const AGAIN: Duration = Duration::from_secs(15);
/// The longest the end of a vantage may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A vantage that is not this process.
#[derive(Debug)]
pub struct Remote {
    id: String,
    way: Way,
    vault: Arc<Vault>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    session: Option<Arc<Session>>,
    placed: Option<Placed>,
    /// When it could not be opened, and why.
    failed: Option<(Instant, String)>,
}

/// What is known of a vantage that answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct About {
    /// The program's version there.
    pub version: String,
    /// The user it runs as.
    pub user: String,
    /// The host's own name.
    pub host: String,
    /// Its clock, less ours, in milliseconds.
    pub clock_offset_ms: i64,
    /// Where the program is there.
    pub program: String,
}

impl Remote {
    /// A vantage; nothing is started yet. `program` is our own program, `private` a folder that is ours alone.
    #[must_use]
    pub fn new(id: String, spec: Spec, vault: Arc<Vault>, program: PathBuf, private: PathBuf) -> Self {
        Self { id, way: Way { spec, private, program }, vault, state: Mutex::default() }
    }

    /// Look once from there, within `limit`; comes back in any case.
    pub async fn look(&self, probe: &probe::Spec, limit: Duration, cancel: &CancellationToken) -> Trace {
        let began = Instant::now();
        let cancelled = || Trace { observations: Vec::new(), ended: Ended::Cancelled };
        let opened = tokio::select! {
            biased;
            () = cancel.cancelled() => return cancelled(),
            opened = self.session() => opened,
        };
        let session = match opened {
            Ok(session) => session,
            Err(reason) => return Trace::blind(self.unusable(&reason)),
        };
        let (carried, files) = match self.packed(probe).await {
            Ok(packed) => packed,
            Err(error) => return Trace::blind(error),
        };
        let found = Self::found(&session, began.elapsed());
        let (id, answer) = session.look(carried, limit, files).await;
        let answered = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                session.cancel(id).await;
                return cancelled();
            }
            answered = tokio::time::timeout(limit + GRACE + SLACK, answer) => answered,
        };
        let lost = |reason: &str| {
            let reason = self.vault.scrubber().text(reason).into_owned();
            Trace::blind(VantageError::Lost { vantage: self.id.clone(), reason })
        };
        match answered {
            Ok(Ok(Ok(mut trace))) => {
                trace.observations.insert(0, found);
                self.vault.scrubber().value(trace).unwrap_or_else(|error| {
                    let reason = format!("the trace cannot be scrubbed: {error}");
                    Trace::blind(VantageError::Internal { reason })
                })
            }
            Ok(Ok(Err(Refusal::Refused(reason)))) => {
                let reason = self.vault.scrubber().text(&reason).into_owned();
                Trace::blind(VantageError::Refused { vantage: self.id.clone(), reason })
            }
            Ok(Ok(Err(Refusal::Lost(reason)))) => lost(&reason),
            Ok(Err(_)) => lost("it ended"),
            Err(_) => {
                // A far side that does not keep its limits is not asked again: its end stops whatever it does.
                session.cancel(id).await;
                self.forget(&session).await;
                lost(&format!("no answer within {} s", (limit + GRACE + SLACK).as_secs()))
            }
        }
    }

    /// Open it, unless it is open, and tell who it is.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn about(&self) -> Result<About, VantageError> {
        let session = self.session().await.map_err(|reason| self.unusable(&reason))?;
        let placed = self.state.lock().await.placed.clone();
        let Hello { version, user, host, .. } = session.hello.clone();
        let program = placed.map(|placed| placed.program).unwrap_or_default();
        Ok(About { version, user, host, clock_offset_ms: session.clock_offset_ms, program })
    }

    /// End it, and take away what was brought.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.session = None;
        let closing = async {
            if let Some(placed) = state.placed.take() {
                self.way.remove(&placed).await;
            }
            if let Some(words) = self.way.spec.closing(&self.way.private) {
                let (_, mut command) = command(&words);
                let _ = command.output().await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_LIMIT, closing).await;
    }

    /// The vantage's own layer: it answered, and who it is.
    fn found(session: &Session, took: Duration) -> Observation {
        let Hello { version, user, host, .. } = session.hello.clone();
        let fact = Fact::LookedFrom { host, user, version, clock_offset_ms: session.clock_offset_ms };
        let took_ms = clock::milliseconds(took);
        Observation { layer: Layer::Vantage, took_ms, address: None, seen: Seen::Worked(fact), answer: None }
    }

    fn unusable(&self, reason: &str) -> VantageError {
        let reason = self.vault.scrubber().text(reason).into_owned();
        VantageError::Unusable { vantage: self.id.clone(), reason }
    }

    async fn session(&self) -> Result<Arc<Session>, String> {
        let mut state = self.state.lock().await;
        if let Some(session) = state.session.as_ref().filter(|session| session.lost().is_none()) {
            return Ok(Arc::clone(session));
        }
        if let Some((when, why)) = &state.failed
            && when.elapsed() < AGAIN
        {
            return Err(why.clone());
        }
        state.session = None;
        let opened = self.open(&mut state.placed).await;
        match opened {
            Ok(session) => {
                let session = Arc::new(session);
                state.session = Some(Arc::clone(&session));
                state.failed = None;
                Ok(session)
            }
            Err(why) => {
                state.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    async fn open(&self, placed: &mut Option<Placed>) -> Result<Session, String> {
        // Lost with its host, perhaps: what was brought may be gone.
        if let Some(old) = placed.take() {
            self.way.remove(&old).await;
        }
        let there = self.way.place().await?;
        let mut words = vec![there.program.as_str(), "__agent"];
        if let Some(folder) = &there.folder {
            words.extend(["--remove", folder]);
        }
        let (name, command) = self.way.command(&words);
        let opened = Session::open(&name, command, Arc::clone(&self.vault)).await;
        if opened.is_err() {
            self.way.remove(&there).await;
        } else {
            *placed = Some(there);
        }
        opened
    }

    async fn forget(&self, lost: &Arc<Session>) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, lost)) {
            state.session = None;
        }
    }

    /// The probe as it is sent, with the files of ours that it names.
    async fn packed(&self, probe: &probe::Spec) -> Result<(serde_json::Value, Vec<SentFile>), VantageError> {
        let carried = carry(probe).map_err(|error| VantageError::Internal { reason: error.to_string() })?;
        let mut files: Vec<SentFile> = Vec::new();
        for path in probe.clone().local_files() {
            if files.iter().all(|file| file.path != *path) {
                let content = BASE64_STANDARD.encode(read(path).await?);
                files.push(SentFile { path: path.clone(), content });
            }
        }
        Ok((carried, files))
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, VantageError> {
    let unreadable = |reason: String| VantageError::Unreadable { path: path.display().to_string(), reason };
    let metadata = tokio::fs::metadata(path).await.map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(unreadable(format!("it is larger than {LARGEST_FILE} bytes")));
    }
    tokio::fs::read(path).await.map_err(|error| unreadable(error.to_string()))
}
