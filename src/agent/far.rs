//! The far side at work: many looks at once, until stdin ends.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::application;
use super::line::{self, Came};
use super::wire::{Hello, LONGEST, Look, MARK, Order, PROTOCOL, Reply, SILENCE, SentFile};
use crate::environment::Environment;
use crate::json;
use crate::model::application::AsApplication;
use crate::model::trace::{Trace, VantageError};
use crate::net::Net;
use crate::probe::{Context, Spec, once};
use crate::secret::{Carried, Secret, SecretRef, Source, Vault};

/// Answers on their way out at most.
const UNSENT: usize = 256;

/// Do what the orders say until they end, or nothing is heard any more; then whatever is still looking is stopped. `who` is
/// the application in whose place this process is (see [`application::enter`]).
///
/// # Errors
/// When the orders cannot be read.
pub async fn serve(
    orders: impl AsyncRead + Unpin,
    answers: impl AsyncWrite + Unpin + Send + 'static,
    environment: Arc<Environment>,
    who: Option<AsApplication>,
) -> io::Result<()> {
    let (replies, unsent) = mpsc::channel(UNSENT);
    let writing = tokio::spawn(write(answers, unsent));
    let asked =
        Arc::new(Asked { replies: replies.clone(), next: AtomicU64::new(0), waiting: Mutex::default() });
    let vault = Arc::new(Vault::elsewhere(
        Arc::clone(&asked) as Arc<dyn Source>,
        Arc::clone(&environment),
        Arc::default(),
    ));
    let context = Context { vault, environment, net: Arc::new(Net::default()) };
    let who = who.map(Arc::new);
    let mut far = Far { context, who, replies, looks: JoinSet::new(), cancels: HashMap::new() };
    let mut orders = BufReader::new(orders);
    let mut text = Vec::new();
    while !writing.is_finished() {
        while far.looks.try_join_next().is_some() {}
        // A network that is cut in between ends nothing here for hours (tcp(7), keepalive).
        let came = tokio::time::timeout(SILENCE, line::next(&mut orders, "", LONGEST, &mut text));
        let Ok(came) = came.await else { break };
        match came? {
            Came::Marked | Came::Noise => far.obey(&text, &asked).await,
            Came::TooLong => far.refuse(None, "an order is too long".to_owned()).await,
            Came::Cut | Came::End => break,
        }
    }
    far.looks.shutdown().await;
    Ok(())
}

struct Far {
    context: Context,
    who: Option<Arc<AsApplication>>,
    replies: mpsc::Sender<Reply>,
    looks: JoinSet<()>,
    cancels: HashMap<u64, CancellationToken>,
}

impl Far {
    async fn obey(&mut self, text: &[u8], asked: &Asked) {
        match serde_json::from_slice(text) {
            Ok(Order::Hello) => {
                let _ = self.replies.send(Reply::Hello(hello(&self.context.environment))).await;
            }
            Ok(Order::Look(look)) => self.begin(look),
            Ok(Order::Cancel { id }) => {
                if let Some(cancel) = self.cancels.remove(&id) {
                    cancel.cancel();
                }
            }
            Ok(Order::Secret { ask, found }) => asked.answered(ask, found.map(Carried::into_secret)),
            Err(error) => {
                let id = serde_json::from_slice::<serde_json::Value>(text).ok();
                let id = id.as_ref().and_then(|order| order.pointer("/look/id")?.as_u64());
                self.refuse(id, format!("it does not know this order: {error}")).await;
            }
        }
    }

    async fn refuse(&self, id: Option<u64>, reason: String) {
        let _ = self.replies.send(Reply::Refused { id, reason }).await;
    }

    fn begin(&mut self, look: Look) {
        self.cancels.retain(|_, cancel| !cancel.is_cancelled());
        let cancel = CancellationToken::new();
        // Dropped at the end of the look, which makes room in the table.
        let ended = cancel.clone().drop_guard();
        self.cancels.insert(look.id, cancel.clone());
        let (context, who, replies) = (self.context.clone(), self.who.clone(), self.replies.clone());
        self.looks.spawn(async move {
            let id = look.id;
            let current = match &who {
                Some(who) => application::is_current(who, &context.environment).await,
                None => Ok(true),
            };
            let reply = match current {
                Ok(true) => match looked(look, &context, &cancel).await {
                    Ok(trace) => Reply::Looked { id, trace },
                    Err(reason) => Reply::Refused { id: Some(id), reason },
                },
                Ok(false) => Reply::Outdated { id },
                Err(error) => Reply::Looked { id, trace: Trace::blind(error) },
            };
            let _ = replies.send(reply).await;
            drop(ended);
        });
    }
}

async fn looked(look: Look, context: &Context, cancel: &CancellationToken) -> Result<Trace, String> {
    // What this version does not know is refused, not left out: a check would pass that did not look.
    let mut probe: Spec = serde_json::from_value(look.probe).map_err(|error| {
        format!("it does not know this probe: {error}; the same version belongs on both sides")
    })?;
    let _kept = match place(&mut probe, &look.files) {
        Ok(kept) => kept,
        Err(error) => return Ok(Trace::blind(error)),
    };
    Ok(once(&probe, Duration::from_millis(look.limit_ms), context, cancel).await)
}

/// Write the files that came along where nobody else can read them, and let the probe name them there.
fn place(probe: &mut Spec, files: &[SentFile]) -> Result<Option<TempDir>, VantageError> {
    if files.is_empty() {
        return Ok(None);
    }
    let unusable =
        |path: PathBuf, reason: String| VantageError::Unreadable { path: path.display().to_string(), reason };
    // A new folder is its owner's alone, and so is what is in it.
    let folder = tempfile::Builder::new().prefix("gonogo.").tempdir();
    let folder = folder.map_err(|error| unusable(std::env::temp_dir(), error.to_string()))?;
    for (number, named) in probe.local_files().into_iter().enumerate() {
        let sent = files.iter().find(|file| file.path == *named);
        let sent = sent.ok_or_else(|| unusable(named.clone(), "it was not sent along".to_owned()))?;
        let content = BASE64_STANDARD
            .decode(&sent.content)
            .map_err(|error| unusable(named.clone(), error.to_string()))?;
        let place = folder.path().join(number.to_string());
        std::fs::write(&place, content).map_err(|error| unusable(place.clone(), error.to_string()))?;
        *named = place;
    }
    Ok(Some(folder))
}

/// Who this is.
fn hello(environment: &Environment) -> Hello {
    let id = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten().map(|user| user.name);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let host = host.or_else(|| environment.get("HOSTNAME").map(ToOwned::to_owned)).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        user: user.unwrap_or_else(|| id.to_string()),
        host,
        now_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    }
}

async fn write(mut answers: impl AsyncWrite + Unpin, mut unsent: mpsc::Receiver<Reply>) {
    // A banner may have ended without a line break.
    let mut text = b"\n".to_vec();
    while let Some(reply) = unsent.recv().await {
        text.extend_from_slice(MARK.as_bytes());
        if json::append_line(&mut text, &reply).is_err() {
            return;
        }
        text.push(b'\n');
        if answers.write_all(&text).await.is_err() || answers.flush().await.is_err() {
            return;
        }
        text.clear();
    }
}

/// Secrets that were asked of the runner.
struct Asked {
    replies: mpsc::Sender<Reply>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Result<Secret, VantageError>>>>,
}

impl Asked {
    fn answered(&self, ask: u64, found: Result<Secret, VantageError>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask);
        if let Some(waiting) = waiting {
            let _ = waiting.send(found);
        }
    }

    /// Ask; none when the runner is gone.
    fn ask(&self, secret: SecretRef) -> (oneshot::Receiver<Result<Secret, VantageError>>, Reply) {
        let ask = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(ask, sender);
        (receiver, Reply::Ask { ask, secret })
    }
}

impl Source for Asked {
    fn find(&self, reference: SecretRef) -> BoxFuture<'static, Result<Secret, VantageError>> {
        let missing =
            |reason: &str| VantageError::Secret { secret: reference.to_string(), reason: reason.to_owned() };
        let gone = missing("the runner does not answer");
        let (answer, question) = self.ask(reference);
        let replies = self.replies.clone();
        Box::pin(async move {
            if replies.send(question).await.is_err() {
                return Err(gone);
            }
            answer.await.unwrap_or(Err(gone))
        })
    }
}
