//! Writing a journal: one thread drains what waits, writes it at once, and then tells everybody (group commit).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::JournalError;
use super::event::{Event, Header, Line, VERSION};
use super::read::Reading;
use super::tail::Tail;
use crate::clock;

/// Events written at once at most.
const MOST: usize = 1024;

/// Appends events. Clones share the one writer thread.
#[derive(Debug, Clone)]
pub struct Journal {
    requests: mpsc::UnboundedSender<Request>,
    path: PathBuf,
    waiting: Arc<AtomicU64>,
}

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// To append events together.
    Append(Append),
    /// To say when nothing waits in a spool any more, or another try has failed.
    Settle(oneshot::Sender<()>),
}

/// Events to be appended together.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) events: Vec<Event>,
    pub(super) done: oneshot::Sender<Result<Vec<Line>, JournalError>>,
}

impl Journal {
    /// Begin a new journal file.
    ///
    /// # Errors
    /// `Io`; also when the file exists.
    pub fn create(path: &Path, run: &str) -> Result<Self, JournalError> {
        Self::of_file(Tail::create(path, &header(run))?)
    }

    /// Go on with a journal that was read.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(path: &Path, reading: Reading) -> Result<Self, JournalError> {
        Self::of_file(Tail::open(path, reading)?)
    }

    /// Where it is; of a team's journal, this machine's copy.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Append events together; they are on disk when this returns. The lines come back, after those that other
    /// processes appended meanwhile. Lines of a team's journal that is away come back unnumbered: they are on disk here,
    /// and are numbered when they arrive.
    ///
    /// # Errors
    /// `Io` when they could not be written: then none of them is in the journal. `Superseded` when the lease is lost.
    pub async fn append(&self, events: Vec<Event>) -> Result<Vec<Line>, JournalError> {
        let (done, answer) = oneshot::channel();
        self.requests.send(Request::Append(Append { events, done })).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Wait, but not longer than this, until what waits in a spool has arrived or another try to send it has failed; the number
    /// of events that still wait.
    pub async fn settle(&self, limit: Duration) -> u64 {
        let (done, settled) = oneshot::channel();
        if self.waiting() > 0 && self.requests.send(Request::Settle(done)).is_ok() {
            // What still waits is counted, whyever it does.
            let _ = tokio::time::timeout(limit, settled).await;
        }
        self.waiting()
    }

    /// Events that wait in this program's spool.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::SeqCst)
    }

    /// A journal whose writer does this in a thread of its own.
    pub(super) fn start(
        path: &Path,
        work: impl FnOnce(mpsc::UnboundedReceiver<Request>, Arc<AtomicU64>) + Send + 'static,
    ) -> Result<Self, JournalError> {
        let (requests, received) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || work(received, shared))
            .map_err(|error| JournalError::io("start the writer of", path, &error))?;
        Ok(Self { requests, path: path.to_owned(), waiting })
    }

    fn of_file(mut tail: Tail) -> Result<Self, JournalError> {
        let path = tail.path().to_owned();
        Self::start(&path, move |mut received, _| {
            while let Some(first) = received.blocking_recv() {
                let (events, answers) = gather(first, &mut received).into_parts();
                answer(answers, append(&mut tail, events));
            }
        })
    }
}

/// A journal's first line, without its line break.
pub(super) fn header(run: &str) -> Vec<u8> {
    let header = Header { gonogo_journal: VERSION, run: run.to_owned() };
    serde_json::json!(header).to_string().into_bytes()
}

/// What is written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    pub(super) settles: Vec<oneshot::Sender<()>>,
}

type Answers = Vec<oneshot::Sender<Result<Vec<Line>, JournalError>>>;

impl Batch {
    /// The events of each request, and who waits for each.
    pub(super) fn into_parts(self) -> (Vec<Vec<Event>>, Answers) {
        self.appends.into_iter().map(|append| (append.events, append.done)).unzip()
    }

    fn add(&mut self, request: Request) -> usize {
        match request {
            Request::Append(append) => {
                let events = append.events.len();
                self.appends.push(append);
                events
            }
            Request::Settle(done) => {
                self.settles.push(done);
                0
            }
        }
    }
}

/// A request with what waits behind it.
pub(super) fn gather(first: Request, received: &mut mpsc::UnboundedReceiver<Request>) -> Batch {
    let mut batch = Batch::default();
    let mut events = batch.add(first);
    while events < MOST
        && let Ok(next) = received.try_recv()
    {
        events += batch.add(next);
    }
    batch
}

/// Tell everybody what came of it.
pub(super) fn answer(answers: Answers, appended: Result<Vec<Vec<Line>>, JournalError>) {
    // Nobody waits when a run was cancelled; the lines are on disk all the same.
    match appended {
        Ok(lines) => answers.into_iter().zip(lines).for_each(|(done, lines)| drop(done.send(Ok(lines)))),
        Err(error) => answers.into_iter().for_each(|done| drop(done.send(Err(error.clone())))),
    }
}

/// The lines of each request; the first request also gets those of other processes.
fn append(tail: &mut Tail, requests: Vec<Vec<Event>>) -> Result<Vec<Vec<Line>>, JournalError> {
    tail.locked(|tail| {
        let mut others = tail.catch_up()?;
        let mut next = tail.reading.clone();
        let mut bytes = Vec::with_capacity(64 * 1024);
        let mut answers = Vec::with_capacity(requests.len());
        for events in requests {
            let mut lines = std::mem::take(&mut others);
            for what in events {
                lines.push(next.write(&mut bytes, (clock::now(), None, what))?);
            }
            answers.push(lines);
        }
        tail.write(&bytes, next, true)?;
        Ok(answers)
    })
}
