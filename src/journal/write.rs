//! Writing a journal: one thread drains what waits, one write, one fdatasync, then everybody is told (group commit).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::JournalError;
use super::event::{Event, Header, Line, VERSION};
use super::read::{Reading, digest, read_tail};
use crate::clock;

/// Longest wait for somebody else's append.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// Appends events. Clones share the one writer thread.
#[derive(Debug, Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
    path: PathBuf,
}

#[derive(Debug)]
struct Request {
    events: Vec<Event>,
    done: oneshot::Sender<Result<Vec<Line>, JournalError>>,
}

impl Journal {
    /// Begin a new journal file.
    ///
    /// # Errors
    /// `Io`; also when the file exists.
    pub fn create(path: &Path, run: &str) -> Result<Self, JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| JournalError::io("create", path, &error))?;
        let header = Header { gonogo_journal: VERSION, run: run.to_owned() };
        let mut line = Vec::new();
        write_json(path, &mut line, &header)?;
        let hash = digest(&line);
        line.push(b'\n');
        file.write_all(&line)
            .and_then(|()| file.sync_all())
            .map_err(|error| JournalError::io("write", path, &error))?;
        let whole = line.len() as u64;
        Self::start(path, file, Reading { run: run.to_owned(), whole, torn: 0, seq: 0, hash })
    }

    /// Go on with a journal that was read.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(path: &Path, reading: Reading) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| JournalError::io("open", path, &error))?;
        Self::start(path, file, reading)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Append events together; they are on disk when this returns. The lines come back, after those that other
    /// processes appended meanwhile.
    ///
    /// # Errors
    /// `Io` when they could not be written: then none of them is in the journal.
    pub async fn append(&self, events: Vec<Event>) -> Result<Vec<Line>, JournalError> {
        let (done, answer) = oneshot::channel();
        self.requests.send(Request { events, done }).map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    fn start(path: &Path, file: File, reading: Reading) -> Result<Self, JournalError> {
        let (requests, waiting) = mpsc::channel();
        let writer = Writer { path: path.to_owned(), file, reading };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.work(&waiting))
            .map_err(|error| JournalError::io("start the writer of", path, &error))?;
        Ok(Self { requests, path: path.to_owned() })
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    reading: Reading,
}

impl Writer {
    fn work(mut self, waiting: &mpsc::Receiver<Request>) {
        while let Ok(first) = waiting.recv() {
            let mut batch = vec![first];
            let mut events = batch[0].events.len();
            while events < 1024
                && let Ok(next) = waiting.try_recv()
            {
                events += next.events.len();
                batch.push(next);
            }
            self.commit(batch);
        }
    }

    fn commit(&mut self, batch: Vec<Request>) {
        let (events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|request| (request.events, request.done)).unzip();
        match self.append(events) {
            Ok(lines) => {
                for (lines, done) in lines.into_iter().zip(answers) {
                    // Nobody waits when a run was cancelled; the lines are on disk all the same.
                    let _ = done.send(Ok(lines));
                }
            }
            Err(error) => {
                for done in answers {
                    let _ = done.send(Err(error.clone()));
                }
            }
        }
    }

    /// The lines of each request; the first request also gets those of other processes.
    fn append(&mut self, requests: Vec<Vec<Event>>) -> Result<Vec<Vec<Line>>, JournalError> {
        self.lock()?;
        let appended = self.append_locked(requests);
        let unlocked = self.file.unlock();
        let appended = appended?;
        unlocked.map_err(|error| JournalError::io("unlock", &self.path, &error))?;
        Ok(appended)
    }

    fn append_locked(&mut self, requests: Vec<Vec<Event>>) -> Result<Vec<Vec<Line>>, JournalError> {
        let others = self.catch_up()?;
        let mut next = self.reading.clone();
        let mut bytes = Vec::with_capacity(64 * 1024);
        let mut answers = Vec::with_capacity(requests.len());
        for events in requests {
            let mut lines = Vec::with_capacity(events.len());
            for what in events {
                let line = Line { seq: next.seq + 1, prev: next.hash, at: clock::now(), what };
                let begin = bytes.len();
                write_json(&self.path, &mut bytes, &line)?;
                next.seq += 1;
                next.hash = digest(&bytes[begin..]);
                bytes.push(b'\n');
                next.whole += (bytes.len() - begin) as u64;
                lines.push(line);
            }
            answers.push(lines);
        }
        let written = self.file.write_all_at(&bytes, self.reading.whole).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stay: what was acknowledged before is all there is.
            let _ = self.file.set_len(self.reading.whole);
            return Err(JournalError::io("write", &self.path, &error));
        }
        self.reading = next;
        if let Some(first) = answers.first_mut() {
            first.splice(0..0, others);
        }
        Ok(answers)
    }

    /// Take in what other processes appended, and cut off what one of them left torn.
    fn catch_up(&mut self) -> Result<Vec<Line>, JournalError> {
        let length =
            self.file.metadata().map_err(|error| JournalError::io("read", &self.path, &error))?.len();
        if length == self.reading.whole {
            return Ok(Vec::new());
        }
        if length < self.reading.whole {
            let (path, line) = (self.path.clone(), self.reading.seq + 1);
            return Err(JournalError::Corrupt { path, line, reason: "the file was cut short".to_owned() });
        }
        let tail = read_tail(&self.path, &mut self.file, &mut self.reading)?;
        if self.reading.torn > 0 {
            let cut = self.file.set_len(self.reading.whole);
            cut.map_err(|error| JournalError::io("repair", &self.path, &error))?;
            self.reading.torn = 0;
        }
        Ok(tail)
    }

    fn lock(&self) -> Result<(), JournalError> {
        let began = Instant::now();
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(std::fs::TryLockError::WouldBlock) if began.elapsed() < LOCK_LIMIT => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(JournalError::Io {
                        action: "lock",
                        path: self.path.clone(),
                        reason: format!("somebody else has held it for {} s", LOCK_LIMIT.as_secs()),
                    });
                }
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(JournalError::io("lock", &self.path, &error));
                }
            }
        }
    }
}

fn write_json(path: &Path, into: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), JournalError> {
    serde_json::to_writer(into, value).map_err(|error| JournalError::Io {
        action: "write",
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
