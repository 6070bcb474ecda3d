//! The journal folder: `runs/<id>/journal.jsonl`, and the lease that says who may probe.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::{Actor, Line};
use super::folder::{make_folder, sync_folder};
use super::lease::{Holding, Lease, patiently};
use super::read::{fold, load, read_since};
use super::run::Run;
use super::team::Team;
use super::{Baseline, Journal, JournalError, Reading, Recorded, id, read};
use crate::clock;

/// Where runs are recorded: a folder, such as `.gonogo`, or a team's database, of which a folder holds a copy.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// What holds `runs`.
    own: PathBuf,
    team: Option<Team>,
}

impl Store {
    /// The journal folder at `folder`; it is made when something is first written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { own: folder.clone(), folder, team: None }
    }

    /// A team's journal, with its copy and its spools below `folder`.
    #[must_use]
    pub fn of_team(folder: impl Into<PathBuf>, team: Team) -> Self {
        let folder = folder.into();
        Self { own: team.folder(&folder), folder, team: Some(team) }
    }

    /// The folder, as it was named.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is a team's database.
    #[must_use]
    pub fn is_team(&self) -> bool {
        self.team.is_some()
    }

    /// Where runs are recorded, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.team.as_ref().map_or_else(|| self.folder.display().to_string(), Team::place)
    }

    /// Whether a team's database takes events, its table made where that is allowed; nothing for a folder.
    pub async fn check(&self) -> Option<Result<(), JournalError>> {
        match &self.team {
            Some(team) => Some(team.check().await),
            None => None,
        }
    }

    /// The baseline: of a team, the one that was recorded last on any machine; this machine's copy of it while the database is
    /// away. Nothing when none was recorded.
    ///
    /// # Errors
    /// `Io`, `Newer`, `Corrupt`: one that cannot be read is never taken for none; of a team's journal `Refused`.
    pub async fn baseline(&self) -> Result<Baseline, JournalError> {
        if let Some(team) = &self.team {
            match team.baseline().await {
                Ok(Some(text)) => Baseline::keep(&self.own, &text)?,
                Ok(None) | Err(JournalError::Away { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Baseline::read(&self.own)
    }

    /// Keep what was recorded, in place of what was kept before.
    ///
    /// # Errors
    /// `Io`; of a team's journal `Away` and `Refused`. What was kept before is then still there.
    pub async fn keep_baseline(&self, rows: Vec<Recorded>) -> Result<(), JournalError> {
        let text = Baseline::written(&self.own, rows)?;
        if let Some(team) = &self.team {
            team.keep_baseline(&text).await?;
        }
        Baseline::keep(&self.own, &text)
    }

    /// Take the run lease; `take_over` takes it from a run that goes on, where that can be done.
    ///
    /// # Errors
    /// `Leased` with the holder's name when another run goes on; `Io`; of a team's journal `Away` and `Refused`.
    pub async fn lease(&self, actor: &Actor, now: Timestamp, take_over: bool) -> Result<Lease, JournalError> {
        if let Some(team) = &self.team {
            let mut held = team.lease(actor, take_over).await?;
            let taken_from = held.taken_from.take();
            return Ok(Lease { holding: Holding::Team(Some(Box::new(held))), taken_from });
        }
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
        let holder = format!("{actor} since {now}\n");
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()))
            .map_err(|error| JournalError::io("write", &path, &error))?;
        Ok(Lease { holding: Holding::File { _lock: file }, taken_from: None })
    }

    /// Begin a new run under the lease; its id sorts after those of all others.
    ///
    /// # Errors
    /// `Io`; of a team's journal `Away` and `Refused`.
    pub async fn create(&self, now: Timestamp, lease: &mut Lease) -> Result<(String, Journal), JournalError> {
        let runs = self.runs();
        make_folder(&runs)?;
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).map_err(|error| JournalError::Io {
            action: "name a run in",
            path: runs.clone(),
            reason: error.to_string(),
        })?;
        let id = id::after(self.ids_here()?.iter(), now, random);
        let folder = runs.join(&id);
        make_folder(&folder)?;
        let path = folder.join("journal.jsonl");
        let journal = match (&self.team, lease.take()) {
            (Some(team), Some(held)) => team.create(&id, &path, held).await?,
            (Some(_), None) => return Err(JournalError::Closed),
            (None, _) => Journal::create(&path, &id)?,
        };
        sync_folder(&folder)?;
        sync_folder(&runs)?;
        Ok((id, journal))
    }

    /// Go on with a run that was read, under the lease.
    ///
    /// # Errors
    /// `Io`.
    pub async fn resume(&self, reading: Reading, lease: &mut Lease) -> Result<Journal, JournalError> {
        let path = self.path(&reading.run);
        match (&self.team, lease.take()) {
            (Some(team), Some(held)) => team.open(&path, reading, Ok(held)).await,
            (Some(_), None) => Err(JournalError::Closed),
            (None, _) => Journal::open(&path, reading),
        }
    }

    /// Append to a run that was read what a person says, whoever has the lease.
    ///
    /// # Errors
    /// `Io`; of a team's journal `Refused`. One that is away gets it when it is back.
    pub async fn join(&self, reading: Reading, actor: &Actor) -> Result<Journal, JournalError> {
        let path = self.path(&reading.run);
        match &self.team {
            Some(team) => team.open(&path, reading, Err(actor)).await,
            None => Journal::open(&path, reading),
        }
    }

    /// Every run's id, oldest first.
    ///
    /// # Errors
    /// `Io`; a folder that does not exist holds none.
    pub async fn ids(&self) -> Result<Vec<String>, JournalError> {
        match &self.team {
            Some(team) => team.ids().await,
            None => self.ids_here(),
        }
    }

    /// Those that this folder holds.
    pub(super) fn ids_here(&self) -> Result<Vec<String>, JournalError> {
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
    /// `Missing` when there is no such run, `Newer`, `Corrupt`, `Io`; of a team's journal that is away, without a copy here,
    /// `Away`.
    pub async fn load(&self, id: &str) -> Result<(Run, Reading), JournalError> {
        let missing = || {
            let reason = format!("there is no run `{id}` in {}", self.place());
            JournalError::Missing { reason }
        };
        if id.contains(['/', '\0']) || id.starts_with('.') {
            return Err(missing());
        }
        if let Some(team) = &self.team {
            return team.load(self, Some(id)).await?.ok_or_else(missing);
        }
        let path = self.path(id);
        if path.is_file() { load(&path) } else { Err(missing()) }
    }

    /// Read the newest run whose first event was written; none when there is no such run.
    ///
    /// # Errors
    /// `Newer`, `Corrupt`, `Io`: a journal that cannot be read is never passed over.
    pub async fn newest(&self) -> Result<Option<(Run, Reading)>, JournalError> {
        if let Some(team) = &self.team {
            return team.load(self, None).await;
        }
        for id in self.ids_here()?.iter().rev() {
            if !self.has_begun(id) {
                continue;
            }
            if let (Some(run), reading) = fold(&self.path(id))? {
                return Ok(Some((run, reading)));
            }
        }
        Ok(None)
    }

    /// What was appended to a run since it was read, and how far it is known now: for whoever follows it.
    ///
    /// # Errors
    /// `Newer`, `Corrupt`, `Io`; of a team's journal `Away` and `Refused`.
    pub async fn since(&self, reading: &Reading) -> Result<(Vec<Line>, Reading), JournalError> {
        match &self.team {
            Some(team) => team.since(self, reading).await,
            None => read_since(&self.path(&reading.run), reading),
        }
    }

    /// The id of the newest run whose first event was written.
    ///
    /// # Errors
    /// `Io`; of a team's journal `Away` and `Refused`.
    pub async fn newest_id(&self) -> Result<Option<String>, JournalError> {
        match &self.team {
            Some(team) => Ok(team.ids().await?.pop()),
            None => Ok(self.ids_here()?.into_iter().rev().find(|id| self.has_begun(id))),
        }
    }

    /// A program killed before its first event was written leaves a journal that says nothing.
    fn has_begun(&self, id: &str) -> bool {
        !std::fs::metadata(self.path(id)).is_ok_and(|file| file.len() < 128)
    }

    /// See the lines of a run, the newest when none is named, with the run's id; what waits on this machine comes last. None
    /// when there is no run.
    ///
    /// # Errors
    /// Like [`Self::load`]; every line before a broken one has been seen.
    pub async fn lines(
        &self,
        wanted: Option<&str>,
        mut see: impl FnMut(&str, Line) -> Result<(), String>,
    ) -> Result<Option<Reading>, JournalError> {
        let (id, reading) = if self.team.is_some() {
            let loaded = match wanted {
                Some(id) => Some(self.load(id).await?),
                None => self.newest().await?,
            };
            let Some((run, reading)) = loaded else { return Ok(None) };
            (run.id, Some(reading))
        } else {
            let ids = self.ids_here()?;
            let id = match wanted {
                Some(wanted) => ids.into_iter().find(|id| id == wanted),
                None => ids.into_iter().next_back(),
            };
            match (id, wanted) {
                (Some(id), _) => (id, None),
                (None, None) => return Ok(None),
                (None, Some(id)) => {
                    let reason = format!("there is no run `{id}` in {}", self.place());
                    return Err(JournalError::Missing { reason });
                }
            }
        };
        let path = self.path(&id);
        let read = read(&path, |line| see(&id, line))?;
        let Some(reading) = reading else { return Ok(Some(read)) };
        for line in super::team::waiting_lines(&path)? {
            see(&id, line).map_err(|reason| JournalError::Corrupt { path: path.clone(), line: 0, reason })?;
        }
        Ok(Some(Reading { behind: reading.behind, away: reading.away, ..read }))
    }

    /// Remove runs that began before a moment, but for the newest, and those of which something waits to be sent; nothing is
    /// removed while a run goes on. Their ids come back.
    ///
    /// # Errors
    /// `Leased`, `Io`; of a team's journal `Away` and `Refused`.
    pub async fn clean(
        &self,
        before: Timestamp,
        actor: &Actor,
        only_tell: bool,
    ) -> Result<Vec<String>, JournalError> {
        let _lease = if only_tell { None } else { Some(self.lease(actor, clock::now(), false).await?) };
        let before = id::moment(before);
        let mut old = self.ids().await?;
        old.pop();
        old.retain(|id| *id < before && !self.has_spool(id));
        if only_tell {
            return Ok(old);
        }
        if let Some(team) = &self.team {
            team.remove(&old).await?;
        }
        for id in &old {
            let folder = self.runs().join(id);
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(JournalError::io("remove", &folder, &error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(old)
    }

    /// Whether something of a run waits here to be sent.
    fn has_spool(&self, id: &str) -> bool {
        let spool = std::fs::read_dir(self.runs().join(id).join("spool"));
        spool.is_ok_and(|mut spools| spools.next().is_some())
    }

    fn runs(&self) -> PathBuf {
        self.own.join("runs")
    }
}
