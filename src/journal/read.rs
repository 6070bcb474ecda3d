//! Reading a journal: the chain is verified, a torn last line is dropped and told.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::JournalError;
use super::event::{Header, Line, VERSION};

/// No line is longer: a plan of 100,000 checks has a first event of about 50 MB.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// What a reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The run's id.
    pub run: String,
    /// Bytes up to the end of the last whole line.
    pub whole: u64,
    /// Bytes after it: a line that was being written when the program was killed.
    pub torn: u64,
    /// Number of the last line.
    pub seq: u64,
    /// Hash of the last line.
    pub hash: String,
}

/// Read a journal, giving each line to `take` in order.
///
/// # Errors
/// `Newer`, `Corrupt` or `Io`; what `take` got before that is sound.
pub fn read(path: &Path, mut take: impl FnMut(Line) -> Result<(), String>) -> Result<Reading, JournalError> {
    let file = File::open(path).map_err(|error| JournalError::io("read", path, &error))?;
    let mut lines =
        Lines { path, reader: BufReader::with_capacity(256 * 1024, file), buffer: Vec::new(), number: 0 };
    let Some(first) = lines.next()? else {
        return Err(lines.corrupt("it is empty, or its first line was never completed"));
    };
    let header: Header =
        serde_json::from_slice(first).map_err(|error| lines.corrupt(&format!("not a journal: {error}")))?;
    if header.gonogo_journal > VERSION {
        return Err(JournalError::Newer {
            path: path.to_owned(),
            found: header.gonogo_journal,
            known: VERSION,
        });
    }
    let mut reading =
        Reading { run: header.run, whole: lines.length(), torn: 0, seq: 0, hash: digest(&lines.buffer) };
    while lines.next()?.is_some() {
        let line: Line =
            serde_json::from_slice(&lines.buffer).map_err(|error| lines.corrupt(&error.to_string()))?;
        if line.prev != reading.hash {
            return Err(
                lines.corrupt("the line before it was changed, lost or moved (its hash does not match)")
            );
        }
        reading.seq += 1;
        if line.seq != reading.seq {
            return Err(lines.corrupt(&format!("it is numbered {}, not {}", line.seq, reading.seq)));
        }
        reading.hash = digest(&lines.buffer);
        reading.whole += lines.length();
        take(line).map_err(|reason| lines.corrupt(&reason))?;
    }
    reading.torn = lines.buffer.len() as u64;
    Ok(reading)
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
        let line: Line =
            serde_json::from_slice(&lines.buffer).map_err(|error| lines.corrupt(&error.to_string()))?;
        if line.prev != reading.hash || line.seq != reading.seq + 1 {
            return Err(lines.corrupt("somebody else's line does not follow ours"));
        }
        reading.seq = line.seq;
        reading.hash = digest(&lines.buffer);
        reading.whole += lines.length();
        tail.push(line);
    }
    reading.torn = lines.buffer.len() as u64;
    Ok(tail)
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
            return Err(self.corrupt("the line is too long"));
        }
        Ok(None)
    }

    fn length(&self) -> u64 {
        self.buffer.len() as u64 + 1
    }

    fn corrupt(&self, reason: &str) -> JournalError {
        JournalError::Corrupt { path: self.path.to_owned(), line: self.number, reason: reason.to_owned() }
    }
}
