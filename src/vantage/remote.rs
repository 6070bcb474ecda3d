//! A vantage at work: opened when it is first needed, again when it was lost, closed at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Spec;
use super::advice::with_advice;
use super::place::{Brought, NotPlaced, Placed, Way};
use super::ran::command;
use super::session::{Refusal, Session};
use super::shell::Shell;
use crate::agent::application;
use crate::agent::wire::{Hello, LARGEST_FILE, SentFile};
use crate::clock;
use crate::model::application::AsApplication;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Observation, Seen, Trace, VantageError};
use crate::probe::{self, GRACE};
use crate::secret::{SecretRef, Vault, carry, referred};

/// Beyond the limit that the far side keeps: for the way there and back.
const SLACK: Duration = Duration::from_secs(3);
/// A vantage that could not be opened is not tried again for so long: a hundred checks would wait one after the other.
const AGAIN: Duration = Duration::from_secs(15);
/// The longest the end of a vantage may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A vantage that is not this process.
#[derive(Debug)]
pub(super) struct Remote {
    id: String,
    way: Way,
    vault: Arc<Vault>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    far: Option<Far>,
    /// What was brought, and the way to it.
    placed: Option<(Way, Placed)>,
    /// When it could not be opened, and why.
    failed: Option<(Instant, String)>,
    /// Far sides that are to end.
    ending: Vec<JoinHandle<()>>,
}

impl State {
    /// Let the far side end, once nobody uses it any more.
    fn leave(&mut self) {
        if let Some(Far::Program(session)) = self.far.take() {
            self.ending.extend(session.ended());
        }
    }
}

/// What answers over there.
#[derive(Debug, Clone)]
enum Far {
    /// Our own program.
    Program(Arc<Session>),
    /// A shell, which sees less.
    Shell(Arc<Shell>),
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
    /// Why the program is not there, where only a shell answers.
    pub reduced: Option<String>,
}

impl Remote {
    /// A vantage, looked from as an application where one is given; nothing is started yet. `program` is our own program, `private` a folder that is ours alone.
    pub(super) fn new(
        id: String,
        (spec, who): (Spec, Option<AsApplication>),
        vault: Arc<Vault>,
        program: Brought,
        private: PathBuf,
    ) -> Self {
        Self { id, way: Way { spec, who, private, program, end: None }, vault, state: Mutex::default() }
    }

    /// Look once from there, within `limit`; comes back in any case.
    pub(super) async fn look(
        &self,
        probe: &probe::Spec,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Trace {
        let changing = || {
            let reason = "the variables of the application do not stay the same".to_owned();
            Trace::blind(VantageError::Lost { vantage: self.id.clone(), reason })
        };
        // An application that was started anew has its new variables from then on.
        match self.try_to_look(probe, limit, cancel).await {
            Some(trace) => trace,
            None => self.try_to_look(probe, limit, cancel).await.unwrap_or_else(changing),
        }
    }

    /// None when the application has other variables than the far side in its place: that one is gone then.
    async fn try_to_look(
        &self,
        probe: &probe::Spec,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Option<Trace> {
        let began = Instant::now();
        let cancelled = || Trace { observations: Vec::new(), ended: Ended::Cancelled };
        let opened = tokio::select! {
            biased;
            () = cancel.cancelled() => return Some(cancelled()),
            opened = self.far() => opened,
        };
        let session = match opened {
            Ok(Far::Program(session)) => session,
            Ok(Far::Shell(shell)) => return Some(shell.look(probe, limit, began, cancel).await),
            Err(reason) => return Some(Trace::blind(self.unusable(&reason))),
        };
        let (carried, files) = match self.packed(probe).await {
            Ok(packed) => packed,
            Err(error) => return Some(Trace::blind(error)),
        };
        let found = Self::found(&session, began.elapsed());
        let (id, answer) = session.look(carried, limit, files).await;
        let answered = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                session.cancel(id).await;
                return Some(cancelled());
            }
            answered = tokio::time::timeout(limit + GRACE + SLACK, answer) => answered,
        };
        let lost = |reason: &str| {
            let reason = self.vault.scrubber().text(reason).into_owned();
            Trace::blind(VantageError::Lost { vantage: self.id.clone(), reason })
        };
        Some(match answered {
            Ok(Ok(Err(Refusal::Outdated))) => {
                self.forget(&session).await;
                return None;
            }
            Ok(Ok(Ok(mut trace))) => {
                trace.observations.insert(0, found);
                self.name_secret(probe, &mut trace);
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
        })
    }

    /// Open it, unless it is open, and tell who it is.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn about(&self) -> Result<About, VantageError> {
        let far = self.far().await.map_err(|reason| self.unusable(&reason))?;
        let session = match far {
            Far::Program(session) => session,
            Far::Shell(shell) => {
                return Ok(About {
                    version: String::new(),
                    user: shell.user.clone(),
                    host: shell.host.clone(),
                    clock_offset_ms: shell.clock_offset_ms,
                    program: String::new(),
                    reduced: Some(shell.reason.clone()),
                });
            }
        };
        let placed = self.state.lock().await.placed.clone();
        let Hello { version, user, host, .. } = session.hello.clone();
        let program = placed.map(|(_, placed)| placed.program).unwrap_or_default();
        Ok(About { version, user, host, clock_offset_ms: session.clock_offset_ms, program, reduced: None })
    }

    /// End it, and take away what was brought.
    pub(super) async fn end(&self) {
        let mut state = self.state.lock().await;
        state.leave();
        let far_sides = join_all(state.ending.drain(..).collect::<Vec<_>>());
        let removing = async {
            if let Some((way, placed)) = state.placed.take() {
                way.remove(&placed).await;
                way.end().await;
            }
        };
        let ending = async { tokio::join!(far_sides, removing) };
        let _ = tokio::time::timeout(CLOSE_LIMIT, ending).await;
    }

    /// End what is kept open on the way there, which others may share: they have to have ended too.
    pub(super) async fn close(&self) {
        let closing = async {
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
        let fact = Fact::LookedFrom {
            host,
            user,
            version,
            clock_offset_ms: session.clock_offset_ms,
            of_set: None,
            reduced: None,
        };
        let took_ms = clock::milliseconds(took);
        Observation { layer: Layer::Vantage, took_ms, address: None, seen: Seen::Worked(fact), answer: None }
    }

    fn unusable(&self, reason: &str) -> VantageError {
        let reason = self.vault.scrubber().text(reason).into_owned();
        VantageError::Unusable { vantage: self.id.clone(), reason }
    }

    /// A secret that this vantage lacks is told with its name: there may be many.
    fn name_secret(&self, probe: &probe::Spec, trace: &mut Trace) {
        let Ended::Blind(VantageError::Secret { secret, .. }) = &mut trace.ended else { return };
        for reference in referred(probe) {
            if let SecretRef::OnVantage(there) = &reference
                && reference.to_string() == *secret
            {
                *secret = format!("{there} on vantage {}", self.id);
                return;
            }
        }
    }

    async fn far(&self) -> Result<Far, String> {
        let mut state = self.state.lock().await;
        let open = state.far.as_ref().filter(|far| match far {
            Far::Program(session) => session.lost().is_none(),
            Far::Shell(_) => true,
        });
        if let Some(far) = open {
            return Ok(far.clone());
        }
        if let Some((when, why)) = &state.failed
            && when.elapsed() < AGAIN
        {
            return Err(why.clone());
        }
        state.leave();
        let opened = self.open(&mut state.placed).await;
        match opened {
            Ok(far) => {
                state.far = Some(far.clone());
                state.failed = None;
                Ok(far)
            }
            Err(why) => {
                state.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    async fn open(&self, put: &mut Option<(Way, Placed)>) -> Result<Far, String> {
        // Lost with its host, perhaps: what was brought may be gone.
        if let Some((way, old)) = put.take() {
            way.remove(&old).await;
            way.end().await;
        }
        let way = self.way.beside().await?;
        let opened = self.start(&way).await;
        match opened {
            Ok((far, placed)) => {
                *put = Some((way, placed));
                Ok(far)
            }
            Err(why) => {
                way.end().await;
                Err(why)
            }
        }
    }

    async fn start(&self, way: &Way) -> Result<(Far, Placed), String> {
        let there = match way.place().await {
            Ok(there) => there,
            Err(NotPlaced::Unusable(why)) => return Err(why),
            // It would look as the vantage's own user, with its own variables.
            Err(NotPlaced::Shell(why)) if way.who.is_some() => {
                return Err(format!("only gonogo itself can look as the application, and {why}"));
            }
            Err(NotPlaced::Shell(why)) => {
                let shell = Shell::greet(self.id.clone(), way.clone(), Arc::clone(&self.vault), why).await?;
                return Ok((Far::Shell(Arc::new(shell)), Placed::default()));
            }
        };
        let mut words = vec![there.program.as_str(), "__agent"];
        let who = way.who.as_ref().map(application::written);
        if let Some(who) = &who {
            words.extend(["--as", who]);
        }
        if let Some(folder) = &there.folder {
            words.extend(["--remove", folder]);
        }
        let (name, command) = way.command(&words);
        match Session::open(&name, command, Arc::clone(&self.vault)).await {
            Ok(session) => Ok((Far::Program(Arc::new(session)), there)),
            Err(why) => {
                way.remove(&there).await;
                Err(with_advice(why, &way.words(&[])))
            }
        }
    }

    async fn forget(&self, lost: &Arc<Session>) {
        let mut state = self.state.lock().await;
        let same = |far: &Far| match far {
            Far::Program(session) => Arc::ptr_eq(session, lost),
            Far::Shell(_) => false,
        };
        if state.far.as_ref().is_some_and(same) {
            state.leave();
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
