//! The spool: events that could not be sent to the team's database, one file a sender, on disk before anybody is told.
//! It is locked by its sender, so that what a killed program leaves behind is known.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Sender;
use crate::journal::JournalError;
use crate::journal::event::{Actor, Event, Late, Line};
use crate::journal::folder::{make_folder, sync_folder};
use crate::json;

/// The version of the format, in the first line.
const VERSION: u32 = 1;
/// No line is longer.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// The first line of a spool.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    gonogo_spool: u32,
    sender: String,
    actor: Actor,
    holds: bool,
}

/// An event that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The sender's own number, from 1.
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) what: Event,
}

impl Entry {
    /// The line it will be, not numbered yet.
    pub(super) fn unnumbered(self, sender: &str) -> Line {
        let late =
            Late { arrived: self.at, sender: sender.to_owned(), number: self.number, superseded: false };
        Line { seq: 0, prev: String::new(), at: self.at, clock_set: false, late: Some(late), what: self.what }
    }
}

/// The spool of this program's own events.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    sender: Sender,
    open: Option<File>,
}

/// The spools of a run, in its folder.
pub(super) fn folder(run: &Path) -> PathBuf {
    run.join("spool")
}

impl Spool {
    pub(super) fn new(run: &Path, sender: Sender) -> Self {
        Self { folder: folder(run), sender, open: None }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.sender.id))
    }

    /// Write events down; they are on disk when this returns.
    pub(super) fn add(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        let path = self.path();
        let io = |error: std::io::Error| JournalError::io("write", &path, &error);
        let mut bytes = Vec::new();
        let is_new = self.open.is_none();
        if is_new {
            make_folder(&self.folder)?;
            let mut options = OpenOptions::new();
            let file = options.read(true).append(true).create(true).mode(0o600).open(&path).map_err(io)?;
            file.try_lock().map_err(|error| io(error.into()))?;
            let header = Header {
                gonogo_spool: VERSION,
                sender: self.sender.id.clone(),
                actor: self.sender.actor.clone(),
                holds: self.sender.holds,
            };
            line(&mut bytes, &header).map_err(io)?;
            self.open = Some(file);
        }
        for entry in entries {
            line(&mut bytes, entry).map_err(io)?;
        }
        let Some(file) = &mut self.open else { return Ok(()) };
        let before = file.metadata().map_err(io)?.len();
        if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // What was not acknowledged must not be sent either.
            let _ = file.set_len(before);
            if is_new {
                // Nor has it a first line: the next event begins it anew.
                self.open = None;
            }
            return Err(io(error));
        }
        if is_new { sync_folder(&self.folder) } else { Ok(()) }
    }

    /// What waits, in parts of at most so many.
    pub(super) fn waiting(&self) -> Result<Option<Waiting>, JournalError> {
        if self.open.is_none() { Ok(None) } else { Waiting::open(&self.path()) }
    }

    /// Everything has arrived.
    pub(super) fn clear(&mut self) -> Result<(), JournalError> {
        if self.open.is_none() {
            return Ok(());
        }
        remove(&self.path())?;
        self.open = None;
        Ok(())
    }
}

fn line(bytes: &mut Vec<u8>, value: &impl Serialize) -> std::io::Result<()> {
    json::append_line(bytes, value)?;
    bytes.push(b'\n');
    Ok(())
}

fn remove(path: &Path) -> Result<(), JournalError> {
    std::fs::remove_file(path).map_err(|error| JournalError::io("remove", path, &error))
}

/// A spool that is being read.
#[derive(Debug)]
pub(super) struct Waiting {
    path: PathBuf,
    reader: BufReader<File>,
    pub(super) sender: Sender,
}

impl Waiting {
    /// Begin to read; none when it was never begun in earnest, and holds nothing that was acknowledged.
    fn open(path: &Path) -> Result<Option<Self>, JournalError> {
        let file = File::open(path).map_err(|error| JournalError::io("read", path, &error))?;
        let mut reader = BufReader::new(file);
        let Some(first) = next(path, &mut reader)? else { return Ok(None) };
        let header: Header = parsed(path, &first)?;
        if header.gonogo_spool > VERSION {
            return Err(JournalError::Newer {
                path: path.to_owned(),
                found: header.gonogo_spool,
                known: VERSION,
            });
        }
        let sender = Sender { id: header.sender, actor: header.actor, holds: header.holds };
        Ok(Some(Self { path: path.to_owned(), reader, sender }))
    }

    /// The next entries, at most so many; a torn last one was never acknowledged, and is left out.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Entry>, JournalError> {
        let mut entries = Vec::new();
        while entries.len() < most
            && let Some(text) = next(&self.path, &mut self.reader)?
        {
            entries.push(parsed(&self.path, &text)?);
        }
        Ok(entries)
    }
}

fn next(path: &Path, reader: &mut BufReader<File>) -> Result<Option<Vec<u8>>, JournalError> {
    let mut text = Vec::new();
    let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text);
    read.map_err(|error| JournalError::io("read", path, &error))?;
    Ok((text.last() == Some(&b'\n')).then_some(text))
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, JournalError> {
    serde_json::from_slice(text).map_err(|error| JournalError::Corrupt {
        path: path.to_owned(),
        line: 1,
        reason: format!("an event that waits cannot be read: {error}"),
    })
}

/// A spool that somebody else wrote.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
    /// Held while it is sent; none while its program goes on and will send it.
    lock: Option<File>,
}

impl Found {
    pub(super) fn waiting(&self) -> Result<Option<Waiting>, JournalError> {
        Waiting::open(&self.path)
    }

    /// Its program is gone, so that somebody else has to send it.
    pub(super) const fn is_left_behind(&self) -> bool {
        self.lock.is_some()
    }

    /// Everything in it has arrived.
    pub(super) fn clear(self) -> Result<(), JournalError> {
        remove(&self.path)
    }
}

/// The spools of a run on this machine.
pub(super) fn found(run: &Path) -> Result<Vec<Found>, JournalError> {
    let folder = folder(run);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::io("read", &folder, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| JournalError::io("read", &folder, &error))?.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            // It was sent meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(JournalError::io("read", &path, &error)),
        };
        let lock = match file.try_lock() {
            // Sent and removed, before it was locked.
            Ok(()) if !path.exists() => continue,
            Ok(()) => Some(file),
            Err(std::fs::TryLockError::WouldBlock) => None,
            Err(std::fs::TryLockError::Error(error)) => return Err(JournalError::io("lock", &path, &error)),
        };
        found.push(Found { path, lock });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}
