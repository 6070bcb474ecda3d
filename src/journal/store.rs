//! The journal folder: `runs/<id>/journal.jsonl`, and the lease that says who may probe.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::event::{Actor, Line};
use super::run::Run;
use super::{Journal, JournalError, Reading, read};

/// A journal folder, such as `.gonogo`.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// The right to probe, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

impl Store {
    /// The journal folder at `folder`; it is made when something is first written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder, as it was named.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Take the run lease.
    ///
    /// # Errors
    /// `Leased` with the holder's name when another run goes on; `Io`.
    pub fn lease(&self, actor: &Actor, now: Timestamp) -> Result<Lease, JournalError> {
        make_folder(&self.folder)?;
        let path = self.folder.join("lease");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| JournalError::io("open", &path, &error))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(1024).read_to_string(&mut holder);
                return Err(JournalError::Leased { holder: holder.trim().to_owned() });
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(JournalError::io("lock", &path, &error)),
        }
        let holder = format!("{} on {} (process {}) since {now}\n", actor.user, actor.host, actor.pid);
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()))
            .map_err(|error| JournalError::io("write", &path, &error))?;
        Ok(Lease { _file: file })
    }

    /// Begin a new run; its id sorts by time.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(&self, now: Timestamp) -> Result<(String, Journal), JournalError> {
        let runs = self.runs();
        make_folder(&runs)?;
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).map_err(|error| JournalError::Io {
            action: "name a run in",
            path: runs.clone(),
            reason: error.to_string(),
        })?;
        let moment = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
        let id = format!("{moment}-{:02x}{:02x}", random[0], random[1]);
        let folder = runs.join(&id);
        make_folder(&folder)?;
        let journal = Journal::create(&folder.join("journal.jsonl"), &id)?;
        sync_folder(&folder)?;
        sync_folder(&runs)?;
        Ok((id, journal))
    }

    /// Every run's id, oldest first.
    ///
    /// # Errors
    /// `Io`; a folder that does not exist holds none.
    pub fn ids(&self) -> Result<Vec<String>, JournalError> {
        let runs = self.runs();
        let entries = match std::fs::read_dir(&runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io("read", &runs, &error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| JournalError::io("read", &runs, &error))?;
            if entry.path().join("journal.jsonl").is_file() {
                ids.extend(entry.file_name().into_string());
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// The journal file of a run.
    #[must_use]
    pub fn path(&self, id: &str) -> PathBuf {
        self.runs().join(id).join("journal.jsonl")
    }

    /// Read a run.
    ///
    /// # Errors
    /// `Missing` when there is no such run, `Newer`, `Corrupt`, `Io`.
    pub fn load(&self, id: &str) -> Result<(Run, Reading), JournalError> {
        let path = self.path(id);
        if id.contains(['/', '\0']) || !path.is_file() {
            let reason = format!("there is no run `{id}` in {}", self.folder.display());
            return Err(JournalError::Missing { reason });
        }
        load_file(&path)
    }

    /// Read the newest run whose first event was written; none when there is no such run.
    ///
    /// # Errors
    /// `Newer`, `Corrupt`, `Io`: a journal that cannot be read is never passed over.
    pub fn newest(&self) -> Result<Option<(Run, Reading)>, JournalError> {
        for id in self.ids()?.iter().rev() {
            // A program killed between the first line and the first event leaves a journal that says nothing.
            if std::fs::metadata(self.path(id)).is_ok_and(|file| file.len() < 128) {
                continue;
            }
            return self.load(id).map(Some);
        }
        Ok(None)
    }

    fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }
}

fn load_file(path: &Path) -> Result<(Run, Reading), JournalError> {
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
    match run {
        Some(run) => Ok((run, reading)),
        None => Err(JournalError::Corrupt {
            path: path.to_owned(),
            line: 1,
            reason: "it holds no event: the run was killed as it began".to_owned(),
        }),
    }
}

pub(super) fn make_folder(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| JournalError::io("create", path, &error))
}

pub(super) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| JournalError::io("sync", path, &error))
}

/// A program that is just being started holds our open files for an instant (until its `exec`, flock(2)): a run that has
/// ended may seem to go on for that long.
fn patiently(file: &File) -> Result<(), std::fs::TryLockError> {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..10 {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            locked => return locked,
        }
    }
    file.try_lock()
}
