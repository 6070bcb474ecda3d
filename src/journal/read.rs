//! Reading a journal: the chain is verified, a torn last line is dropped and told.

use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::JournalError;
use super::event::{Event, Header, Late, Line, VERSION};
use super::run::Run;
use crate::{clock, json};

/// No line is longer: a plan of 100,000 checks has a first event of about 50 MB.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// The longest that a reader waits for a writer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The run's id.
    pub run: String,
    /// Bytes up to the end of the last whole line.
    pub whole: u64,
    /// Where the last whole line begins.
    pub(super) last: u64,
    /// Bytes after it: a line that was being written when the program was killed.
    pub torn: u64,
    /// Number of the last line.
    pub seq: u64,
    /// Hash of the last line.
    pub hash: String,
    /// What is not there yet, in words: a team's journal that is away, events that wait to be sent.
    pub behind: Option<String>,
    /// The team's database could not be reached: this is what is known on this machine.
    pub away: bool,
}

/// Read a journal, giving each line to `take` in order, once the line after it has confirmed it.
///
/// # Errors
/// `Newer`, `Corrupt` or `Io`; what `take` got before that is sound.
pub fn read(path: &Path, mut take: impl FnMut(Line) -> Result<(), String>) -> Result<Reading, JournalError> {
    let file = File::open(path).map_err(|error| JournalError::io("read", path, &error))?;
    let mut lines =
        Lines { path, reader: BufReader::with_capacity(256 * 1024, file), buffer: Vec::new(), number: 0 };
    let Some(first) = lines.next()? else {
        return Err(lines.corrupt(1, "it is empty, or its first line was never completed"));
    };
    let mut reading = Reading::begin(path, first)?;
    let mut latest: Option<Line> = None;
    let (mut confirmed, mut looked_again) = (reading.clone(), false);
    while lines.next()?.is_some() {
        let (whole, last, seq, hash) = (reading.whole, reading.last, reading.seq, reading.hash.clone());
        match reading.follow(&lines.buffer) {
            Ok(line) => {
                confirmed = Reading { whole, last, seq, hash, ..confirmed };
                if let Some(line) = latest.replace(line) {
                    take(line).map_err(|reason| lines.corrupt(lines.number - 1, &reason))?;
                }
            }
            // Where a writer cuts off a torn line and writes another in its place meanwhile, half of each was read.
            Err(_) if !looked_again => {
                (reading, latest, looked_again) = (confirmed.clone(), None, true);
                lines.look_again(&reading)?;
            }
            Err(reason) => return Err(lines.corrupt(lines.number, &reason)),
        }
    }
    reading.torn = lines.buffer.len() as u64;
    if let Some(last) = latest {
        take(last).map_err(|reason| lines.corrupt(lines.number - 1, &reason))?;
    }
    Ok(reading)
}

impl Reading {
    /// What is known after a journal's first line.
    pub(super) fn begin(path: &Path, first: &[u8]) -> Result<Self, JournalError> {
        let header: Header = serde_json::from_slice(first).map_err(|error| JournalError::Corrupt {
            path: path.to_owned(),
            line: 1,
            reason: format!("not a journal: {error}"),
        })?;
        if header.gonogo_journal > VERSION {
            return Err(JournalError::Newer {
                path: path.to_owned(),
                found: header.gonogo_journal,
                known: VERSION,
            });
        }
        let whole = first.len() as u64 + 1;
        Ok(Self {
            run: header.run,
            whole,
            last: 0,
            torn: 0,
            seq: 0,
            hash: digest(first),
            behind: None,
            away: false,
        })
    }

    /// Take in the next line, wherever it comes from, when it follows.
    pub(super) fn follow(&mut self, text: &[u8]) -> Result<Line, String> {
        let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if line.prev != self.hash {
            return Err("the line before it was changed, lost or moved (its hash does not match)".to_owned());
        }
        if line.seq != self.seq + 1 {
            return Err(format!("it is numbered {}, not {}", line.seq, self.seq + 1));
        }
        self.seq = line.seq;
        self.hash = digest(text);
        self.last = self.whole;
        self.whole += text.len() as u64 + 1;
        Ok(line)
    }

    /// Write the next line, with its line break.
    pub(super) fn write(
        &mut self,
        into: &mut Vec<u8>,
        (at, late, what): (Timestamp, Option<Late>, Event),
    ) -> Result<Line, JournalError> {
        let line = Line {
            seq: self.seq + 1,
            prev: std::mem::take(&mut self.hash),
            at,
            clock_set: clock::is_set(),
            late,
            what,
        };
        let begin = into.len();
        json::append_line(into, &line).map_err(|error| JournalError::Io {
            action: "write",
            path: self.run.as_str().into(),
            reason: error.to_string(),
        })?;
        self.seq += 1;
        self.hash = digest(&into[begin..]);
        into.push(b'\n');
        self.last = self.whole;
        self.whole += (into.len() - begin) as u64;
        Ok(line)
    }
}

/// The run that a file holds.
///
/// # Errors
/// Like [`read`]; `Corrupt` when it holds no event.
pub(super) fn load(path: &Path) -> Result<(Run, Reading), JournalError> {
    match fold(path)? {
        (Some(run), reading) => Ok((run, reading)),
        (None, _) => Err(JournalError::Corrupt {
            path: path.to_owned(),
            line: 1,
            reason: "it holds no event: the run was killed as it began".to_owned(),
        }),
    }
}

/// The state a file comes to; none when it holds no event.
pub(super) fn fold(path: &Path) -> Result<(Option<Run>, Reading), JournalError> {
    let mut run: Option<Run> = None;
    let id = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let id = id.unwrap_or_default();
    let reading = read(path, |line: Line| {
        match &mut run {
            Some(run) => run.apply(line),
            None => run = Some(Run::begin(&id, line)?),
        }
        Ok(())
    })?;
    Ok((run, reading))
}

/// Read the lines that others appended after `reading`, and move it forward. A torn tail is left where it is.
///
/// # Errors
/// Like [`read`].
pub(super) fn read_tail(
    path: &Path,
    file: &mut File,
    reading: &mut Reading,
) -> Result<Vec<Line>, JournalError> {
    file.seek(SeekFrom::Start(reading.whole)).map_err(|error| JournalError::io("read", path, &error))?;
    let mut lines = Lines { path, reader: BufReader::new(file), buffer: Vec::new(), number: reading.seq + 1 };
    let mut tail = Vec::new();
    while lines.next()?.is_some() {
        let line = reading.follow(&lines.buffer).map_err(|reason| lines.corrupt(lines.number, &reason))?;
        tail.push(line);
    }
    reading.torn = lines.buffer.len() as u64;
    Ok(tail)
}

/// Read what others appended after `reading`, while they may be writing: what was known stays what it is, and what is known
/// now comes back with the lines.
///
/// # Errors
/// Like [`read`].
pub(super) fn read_since(path: &Path, reading: &Reading) -> Result<(Vec<Line>, Reading), JournalError> {
    let mut file = File::open(path).map_err(|error| JournalError::io("read", path, &error))?;
    let length = file.metadata().map_err(|error| JournalError::io("read", path, &error))?.len();
    let mut now = reading.clone();
    if length == reading.whole {
        return Ok((Vec::new(), now));
    }
    if length < reading.whole {
        let (path, line) = (path.to_owned(), reading.seq + 1);
        return Err(JournalError::Corrupt { path, line, reason: "the file was cut short".to_owned() });
    }
    match read_tail(path, &mut file, &mut now) {
        // Where a writer cuts off a torn line and writes another in its place meanwhile, half of each was read.
        Err(JournalError::Corrupt { .. }) => {
            wait_for_writer(&file);
            now = reading.clone();
            read_tail(path, &mut file, &mut now).map(|lines| (lines, now))
        }
        read => read.map(|lines| (lines, now)),
    }
}

/// Wait until nobody writes; a writer that hangs is not waited for.
fn wait_for_writer(file: &File) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// SHA-256 of a line without its line break, in hexadecimal.
pub(super) fn digest(line: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(line) {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

struct Lines<'p, R> {
    path: &'p Path,
    reader: BufReader<R>,
    buffer: Vec<u8>,
    number: u64,
}

impl Lines<'_, File> {
    /// Go back to what is known, and read on while nobody writes.
    fn look_again(&mut self, known: &Reading) -> Result<(), JournalError> {
        wait_for_writer(self.reader.get_ref());
        let sought = self.reader.seek(SeekFrom::Start(known.whole));
        sought.map_err(|error| JournalError::io("read", self.path, &error))?;
        self.number = known.seq + 1;
        Ok(())
    }
}

impl<R: Read> Lines<'_, R> {
    /// The next whole line, without its line break; none at the end, with what is torn left in the buffer.
    fn next(&mut self) -> Result<Option<&[u8]>, JournalError> {
        self.buffer.clear();
        self.number += 1;
        let read = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.buffer);
        read.map_err(|error| JournalError::io("read", self.path, &error))?;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            return Ok(Some(&self.buffer));
        }
        if self.buffer.len() as u64 == LONGEST_LINE {
            return Err(self.corrupt(self.number, "the line is too long"));
        }
        Ok(None)
    }

    fn corrupt(&self, line: u64, reason: &str) -> JournalError {
        JournalError::Corrupt { path: self.path.to_owned(), line, reason: reason.to_owned() }
    }
}
