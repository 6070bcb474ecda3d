//! The end of a journal's file, which several processes append to: each locks it, takes in what the others wrote, and
//! writes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::JournalError;
use super::event::Line;
use super::read::{Reading, digest, read_tail};

/// Longest wait for somebody else's append.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// The end of a file, as far as it is known.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    pub(super) reading: Reading,
    /// The file's last line was seen to be the one that was read.
    is_known: bool,
}

impl Tail {
    /// Begin a new file with this first line.
    pub(super) fn create(path: &Path, header: &[u8]) -> Result<Self, JournalError> {
        let reading = Reading::begin(path, header)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| JournalError::io("create", path, &error))?;
        // On the disk with the first event, before anybody is told of either.
        file.write_all(&[header, b"\n"].concat()).map_err(|error| JournalError::io("write", path, &error))?;
        Ok(Self { path: path.to_owned(), file, reading, is_known: true })
    }

    /// Go on with a file that was read.
    pub(super) fn open(path: &Path, reading: Reading) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| JournalError::io("open", path, &error))?;
        Ok(Self { path: path.to_owned(), file, reading, is_known: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Do this while nobody else writes.
    pub(super) fn locked<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.lock()?;
        let done = work(self);
        let unlocked = self.file.unlock();
        let done = done?;
        unlocked.map_err(|error| JournalError::io("unlock", &self.path, &error))?;
        Ok(done)
    }

    /// Take in what other processes appended, and cut off what one of them left torn.
    pub(super) fn catch_up(&mut self) -> Result<Vec<Line>, JournalError> {
        let length =
            self.file.metadata().map_err(|error| JournalError::io("read", &self.path, &error))?.len();
        if length < self.reading.whole {
            return Err(self.corrupt("the file was cut short"));
        }
        self.know_last()?;
        if length == self.reading.whole {
            return Ok(Vec::new());
        }
        let tail = read_tail(&self.path, &mut self.file, &mut self.reading)?;
        if self.reading.torn > 0 {
            let cut = self.file.set_len(self.reading.whole);
            cut.map_err(|error| JournalError::io("repair", &self.path, &error))?;
            self.reading.torn = 0;
        }
        Ok(tail)
    }

    /// The line that was read last, by whoever had not locked the file, is still there: the next one follows it.
    fn know_last(&mut self) -> Result<(), JournalError> {
        if self.is_known {
            return Ok(());
        }
        let size = usize::try_from(self.reading.whole - self.reading.last).unwrap_or(usize::MAX);
        let mut line = vec![0; size];
        let read = self.file.read_exact_at(&mut line, self.reading.last);
        read.map_err(|error| JournalError::io("read", &self.path, &error))?;
        if line.pop() != Some(b'\n') || digest(&line) != self.reading.hash {
            return Err(self.corrupt("it is not what was read a moment ago"));
        }
        self.is_known = true;
        Ok(())
    }

    fn corrupt(&self, reason: &str) -> JournalError {
        let (path, line) = (self.path.clone(), self.reading.seq + 1);
        JournalError::Corrupt { path, line, reason: reason.to_owned() }
    }

    /// Write lines that bring the file to `next`; on the disk when this returns, if they have to be.
    pub(super) fn write(&mut self, bytes: &[u8], next: Reading, on_disk: bool) -> Result<(), JournalError> {
        let written = self.file.write_all_at(bytes, self.reading.whole);
        let written = written.and_then(|()| if on_disk { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // Half a line must not stay: what was acknowledged before is all there is.
            let _ = self.file.set_len(self.reading.whole);
            return Err(JournalError::io("write", &self.path, &error));
        }
        self.reading = next;
        Ok(())
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
