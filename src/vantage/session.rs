//! One running far side: many looks over one pair of pipes, and an end that is never silent.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::life::SILENCE;
use super::ran::behind;
use crate::agent::line::{self, Came};
use crate::agent::wire::{ALIVE, Hello, LONGEST, Look, MARK, Order, PROTOCOL, Reply};
use crate::json;
use crate::model::trace::{Trace, VantageError};
use crate::process::Group;
use crate::secret::{Carried, SecretRef, Vault};

/// The longest a far side may take to say hello: a login by ssh is in it.
const HELLO_LIMIT: Duration = Duration::from_secs(30);
/// The longest a far side may take to end once its orders have.
const END_LIMIT: Duration = Duration::from_secs(3);
/// Bytes kept of what it says that is no answer.
const NOISE: usize = 4096;
/// Orders on their way at most.
const UNSENT: usize = 64;

/// What a look came to: a trace, a refusal in words, or nothing when the far side was lost.
pub(super) type Answer = Result<Trace, Refusal>;

/// Why there is no trace.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// The far side does not understand.
    Refused(String),
    /// The far side is gone.
    Lost(String),
    /// The far side has variables that its application has no more.
    Outdated,
}

/// A far side that has said hello.
#[derive(Debug)]
pub(super) struct Session {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    ended: Mutex<Option<JoinHandle<()>>>,
    /// It came to be used.
    is_open: bool,
    next: AtomicU64,
    /// Who it is.
    pub(super) hello: Hello,
    /// Its clock, less ours, in milliseconds.
    pub(super) clock_offset_ms: i64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The way there and all that it started, until it has ended.
    group: Mutex<Option<Group>>,
}

#[derive(Debug, Default)]
struct State {
    looks: HashMap<u64, oneshot::Sender<Answer>>,
    hello: Option<oneshot::Sender<Hello>>,
    /// Why it is gone, once it is.
    lost: Option<String>,
    /// What it said that was no answer: the end of it.
    noise: String,
    /// It has said anything at all.
    heard: bool,
    /// Secrets that the probes it was sent name: nothing else is told.
    named: Vec<Value>,
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, text: &str) {
        self.with(|state| {
            state.noise.push_str(text);
            let much = state.noise.len().saturating_sub(NOISE);
            let begin = (much..=state.noise.len()).find(|&byte| state.noise.is_char_boundary(byte));
            state.noise.drain(..begin.unwrap_or(0));
            state.heard = true;
        });
    }

    /// End the way there, and all that it started.
    fn kill(&self) {
        drop(self.group.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// It has ended by itself.
    fn release(&self) {
        if let Some(group) = self.group.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            group.release();
        }
    }

    /// Everybody who still waits learns that no answer will come.
    fn lose(&self, why: &str) {
        self.with(|state| {
            let said = behind(&state.noise);
            let lost = state.lost.get_or_insert_with(|| format!("{why}{said}")).clone();
            state.hello = None;
            for (_, look) in state.looks.drain() {
                let _ = look.send(Err(Refusal::Lost(lost.clone())));
            }
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // One that never said hello may not notice that its orders end.
        if !self.is_open {
            self.shared.kill();
        }
    }
}

impl Session {
    /// Start a far side and wait for its hello.
    ///
    /// # Errors
    /// Why it did not come to that.
    pub(super) async fn open(name: &str, mut command: Command, vault: Arc<Vault>) -> Result<Self, String> {
        let mut child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        let group = Mutex::new(Some(Group::of(&child)));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(format!("{name} has no pipes"));
        };
        let shared = Arc::new(Shared { state: Mutex::default(), group });
        let (orders, unsent) = mpsc::channel(UNSENT);
        let writing = tokio::spawn(write(stdin, unsent));
        let complaining = tokio::spawn(complain(stderr, Arc::clone(&shared)));
        let reader = Reader { shared: Arc::clone(&shared), orders: orders.downgrade(), vault };
        let ended = tokio::spawn(async move {
            let ordered = async {
                let _ = writing.await;
                tokio::time::sleep(END_LIMIT).await;
            };
            let (why, status) = tokio::select! {
                why = reader.read(stdout) => (why, reader.ended(child).await),
                () = ordered => {
                    reader.shared.kill();
                    (Some("it did not end when its orders did".to_owned()), None)
                }
            };
            // What it complained of tells more than how it ended.
            let _ = tokio::time::timeout(Duration::from_millis(500), complaining).await;
            reader.shared.lose(&why.unwrap_or_else(|| {
                status.map_or_else(|| "it ended".to_owned(), |status| format!("it ended ({status})"))
            }));
        });
        let mut session = Self {
            orders,
            shared,
            ended: Mutex::new(Some(ended)),
            is_open: false,
            next: AtomicU64::new(0),
            hello: Hello {
                version: String::new(),
                protocol: 0,
                user: String::new(),
                host: String::new(),
                now_ms: 0,
            },
            clock_offset_ms: 0,
        };
        let began = Instant::now();
        session.hello = session.say_hello(HELLO_LIMIT).await?;
        if session.hello.protocol != PROTOCOL {
            return Err(format!(
                "gonogo {} there speaks protocol {}, and this one {PROTOCOL}: the same version belongs on both sides",
                session.hello.version, session.hello.protocol
            ));
        }
        // The first hello took as long as the login: a second one tells the time.
        let asked = Instant::now();
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = HELLO_LIMIT.saturating_sub(began.elapsed());
        let hello = session.say_hello(left.max(Duration::from_secs(1))).await?;
        let ours = i64::try_from((ours + asked.elapsed() / 2).as_millis()).unwrap_or(i64::MAX);
        session.clock_offset_ms = hello.now_ms.saturating_sub(ours);
        session.is_open = true;
        Ok(session)
    }

    /// Comes to its end when it has ended, which it does once it is dropped.
    pub(super) fn ended(&self) -> Option<JoinHandle<()>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn say_hello(&self, limit: Duration) -> Result<Hello, String> {
        let (sender, mut hello) = oneshot::channel();
        self.shared.with(|state| state.hello = Some(sender));
        let _ = self.orders.send(Order::Hello).await;
        let first = limit.min(SILENCE);
        let mut answered = tokio::time::timeout(first, &mut hello).await;
        let mut waited = first;
        if answered.is_err() && self.shared.with(|state| state.heard) {
            answered = tokio::time::timeout(limit.saturating_sub(first), hello).await;
            waited = limit;
        }
        match answered {
            Ok(Ok(hello)) => Ok(hello),
            Ok(Err(_)) => Err(self.lost().unwrap_or_else(|| "it ended".to_owned())),
            Err(_) => {
                let said = self.shared.with(|state| behind(&state.noise));
                Err(format!("gonogo did not answer there within {} s{said}", waited.as_secs()))
            }
        }
    }

    /// Why it is gone, once it is.
    pub(super) fn lost(&self) -> Option<String> {
        self.shared.with(|state| state.lost.clone())
    }

    /// Order a look; the answer comes on the channel, whatever happens.
    pub(super) async fn look(
        &self,
        probe: Value,
        limit: Duration,
        files: Vec<crate::agent::wire::SentFile>,
    ) -> (u64, oneshot::Receiver<Answer>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.shared.with(|state| {
            if let Some(lost) = &state.lost {
                let _ = sender.send(Err(Refusal::Lost(lost.clone())));
                return;
            }
            note_secrets(&probe, &mut state.named);
            state.looks.insert(id, sender);
        });
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        if self.orders.send(Order::Look(Look { id, probe, limit_ms, files })).await.is_err() {
            self.shared.lose("its pipe is closed");
        }
        (id, answer)
    }

    /// Stop a look: its answer no longer matters.
    pub(super) async fn cancel(&self, id: u64) {
        self.shared.with(|state| state.looks.remove(&id));
        let _ = self.orders.send(Order::Cancel { id }).await;
    }
}

/// Note every object of a probe that may be the address of a secret.
fn note_secrets(value: &Value, named: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            if fields.len() == 1
                && !named.contains(value)
                && serde_json::from_value::<SecretRef>(value.clone()).is_ok()
            {
                named.push(value.clone());
            }
            fields.values().for_each(|value| note_secrets(value, named));
        }
        Value::Array(items) => items.iter().for_each(|value| note_secrets(value, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn write(mut stdin: ChildStdin, mut unsent: mpsc::Receiver<Order>) {
    loop {
        let order = match tokio::time::timeout(ALIVE, unsent.recv()).await {
            Ok(Some(order)) => order,
            Ok(None) => return,
            // Nobody waits for its answer: that we are there is all it says.
            Err(_) => Order::Hello,
        };
        let Ok(mut text) = json::line(&order) else { continue };
        text.push('\n');
        if stdin.write_all(text.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn complain(mut stderr: ChildStderr, shared: Arc<Shared>) {
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        shared.hear(&String::from_utf8_lossy(chunk.get(..read).unwrap_or_default()));
    }
}

struct Reader {
    shared: Arc<Shared>,
    /// Weak: orders end when the session is dropped, and with them the far side.
    orders: mpsc::WeakSender<Order>,
    vault: Arc<Vault>,
}

impl Reader {
    /// Take answers until they end; comes back with why, when it is not simply the end.
    async fn read(&self, stdout: ChildStdout) -> Option<String> {
        let mut stdout = BufReader::new(stdout);
        let mut text = Vec::new();
        loop {
            match line::next(&mut stdout, MARK, LONGEST, &mut text).await {
                Ok(Came::Marked) => match serde_json::from_slice(&text) {
                    Ok(reply) => self.take(reply),
                    Err(error) => return Some(format!("its answer cannot be read: {error}")),
                },
                Ok(Came::Noise) => self.shared.hear(&format!("{}\n", String::from_utf8_lossy(&text))),
                Ok(Came::TooLong) => return Some(format!("its answer is longer than {LONGEST} bytes")),
                Ok(Came::Cut) => return Some("its answer was cut in the middle".to_owned()),
                Ok(Came::End) => return None,
                Err(error) => return Some(error.to_string()),
            }
        }
    }

    /// How it ended; one that does not end is ended, with all that it started.
    async fn ended(&self, mut child: Child) -> Option<ExitStatus> {
        let Ok(status) = tokio::time::timeout(END_LIMIT, child.wait()).await else {
            self.shared.kill();
            return None;
        };
        self.shared.release();
        status.ok()
    }

    fn take(&self, reply: Reply) {
        match reply {
            Reply::Hello(hello) => {
                if let Some(waiting) = self.shared.with(|state| state.hello.take()) {
                    let _ = waiting.send(hello);
                }
            }
            Reply::Looked { id, trace } => self.answer(id, Ok(trace)),
            Reply::Outdated { id } => self.answer(id, Err(Refusal::Outdated)),
            Reply::Refused { id: Some(id), reason } => self.answer(id, Err(Refusal::Refused(reason))),
            Reply::Refused { id: None, reason } => self.shared.hear(&reason),
            Reply::Ask { ask, secret } => {
                let named = serde_json::to_value(&secret).ok();
                let known = named.is_some_and(|named| self.shared.with(|state| state.named.contains(&named)));
                // What is to be found there is nothing that this side has to give.
                let known = known && !secret.is_on_vantage();
                let (orders, vault) = (self.orders.clone(), Arc::clone(&self.vault));
                tokio::spawn(async move {
                    let found = if known {
                        vault.get(&secret).await.map(Carried::new)
                    } else {
                        let reason = "no check asks for it there".to_owned();
                        Err(VantageError::Secret { secret: secret.to_string(), reason })
                    };
                    if let Some(orders) = orders.upgrade() {
                        let _ = orders.send(Order::Secret { ask, found }).await;
                    }
                });
            }
        }
    }

    fn answer(&self, id: u64, answer: Answer) {
        if let Some(waiting) = self.shared.with(|state| state.looks.remove(&id)) {
            let _ = waiting.send(answer);
        }
    }
}
