//! Reading a team's journal: this machine's copy first, then what was appended since; without the database the copy
//! alone, with what waits here, and with a word that it is not everything.

use std::path::Path;
use std::time::Duration;

use super::Team;
use super::chain::{Chain, PART, begin_copy};
use super::database::{Database, LOGIN_LIMIT};
use super::spool::{self, Found};
use crate::journal::event::Line;
use crate::journal::read::fold;
use crate::journal::run::Run;
use crate::journal::store::Store;
use crate::journal::{JournalError, Reading};

/// The longest that somebody who has a copy here waits for more than that.
const PATIENCE: Duration = Duration::from_secs(3);

impl Team {
    /// Read a run, the newest when none is named; none when there is none.
    pub(in crate::journal) async fn load(
        &self,
        store: &Store,
        wanted: Option<&str>,
    ) -> Result<Option<(Run, Reading)>, JournalError> {
        let patience = if store.ids_here()?.is_empty() { LOGIN_LIMIT } else { PATIENCE };
        match Database::connect_within(self, patience).await {
            Ok(mut database) => match self.read(&mut database, store, wanted).await {
                Err(error @ JournalError::Away { .. }) => without(store, wanted, error),
                read => read,
            },
            Err(error @ JournalError::Away { .. }) => without(store, wanted, error),
            Err(error) => Err(error),
        }
    }

    async fn read(
        &self,
        database: &mut Database,
        store: &Store,
        wanted: Option<&str>,
    ) -> Result<Option<(Run, Reading)>, JournalError> {
        if !database.has_table() {
            return Ok(None);
        }
        self.send_left_behind(database, store).await?;
        let id = match wanted {
            Some(id) => id.to_owned(),
            None => match database.newest().await? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let path = store.path(&id);
        begin_copy(database, &id, &path).await?;
        let (mut run, reading) = match fold(&path) {
            // The copy was damaged: the database has everything.
            Err(JournalError::Corrupt { .. }) => {
                std::fs::remove_file(&path).map_err(|error| JournalError::io("remove", &path, &error))?;
                begin_copy(database, &id, &path).await?;
                fold(&path)?
            }
            read => read?,
        };
        let mut chain = Chain::at(&id, &path, reading)?;
        chain
            .pull(database, |line, _| {
                if let Some(run) = &mut run {
                    run.apply(line);
                } else {
                    let begun = Run::begin(&id, line);
                    let corrupt = |reason| JournalError::Corrupt { path: path.clone(), line: 2, reason };
                    run = Some(begun.map_err(corrupt)?);
                }
                Ok(())
            })
            .await?;
        let Some(mut run) = run else { return Ok(None) };
        let mut reading = chain.reading;
        let mut behind = waiting(&path, &mut run)?;
        if behind.is_none() && !run.finished && database.lease_holder().await?.is_none() {
            behind = Some(format!(
                "nobody holds the run lease: {} was killed, or is cut off and its latest events are not here yet",
                run.actor
            ));
        }
        reading.behind = behind;
        Ok(Some((run, reading)))
    }

    /// What was appended to a run since it was read.
    pub(in crate::journal) async fn since(
        &self,
        store: &Store,
        reading: &Reading,
    ) -> Result<(Vec<Line>, Reading), JournalError> {
        let mut database = Database::connect_within(self, PATIENCE).await?;
        let mut chain = Chain::at(&reading.run, &store.path(&reading.run), reading.clone())?;
        let mut lines = Vec::new();
        let take = |line, _: &str| {
            lines.push(line);
            Ok(())
        };
        chain.pull(&mut database, take).await?;
        Ok((lines, Reading { behind: None, away: false, ..chain.reading }))
    }

    /// Every run of the database, oldest first.
    pub(in crate::journal) async fn ids(&self) -> Result<Vec<String>, JournalError> {
        let mut database = Database::connect(self).await?;
        if database.has_table() { database.runs().await } else { Ok(Vec::new()) }
    }

    /// Remove runs from the database.
    pub(in crate::journal) async fn remove(&self, runs: &[String]) -> Result<(), JournalError> {
        let mut database = Database::connect(self).await?;
        for run in runs {
            database.remove(run).await?;
        }
        Ok(())
    }

    /// Send what programs of this machine left in their spools when they were killed.
    async fn send_left_behind(&self, database: &mut Database, store: &Store) -> Result<(), JournalError> {
        for id in store.ids_here()? {
            let path = store.path(&id);
            let Some(folder) = path.parent() else { continue };
            for found in spool::found(folder)?.into_iter().filter(Found::is_left_behind) {
                if database.header(&id).await?.is_none() {
                    let here = spool::folder(folder);
                    self.tell(&format!(
                        "run {id} was removed from the team's journal: events of it that were never sent stay in {}",
                        here.display()
                    ));
                    break;
                }
                let sent = match found.waiting()? {
                    None => 0,
                    Some(mut waiting) => {
                        database.prepare().await?;
                        let mut chain = Chain::open(database, &id, &path).await?;
                        chain.send(database, &mut waiting).await?.1
                    }
                };
                found.clear()?;
                if sent > 0 {
                    self.tell(&format!(
                        "{sent} events that waited on this machine are sent to the team's journal"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The copy alone, when there is one.
fn without(
    store: &Store,
    wanted: Option<&str>,
    error: JournalError,
) -> Result<Option<(Run, Reading)>, JournalError> {
    let ids = store.ids_here()?;
    let id = match wanted {
        Some(id) => ids.iter().find(|known| *known == id),
        None => ids.last(),
    };
    let Some(id) = id else { return Err(error) };
    let path = store.path(id);
    let (Some(mut run), mut reading) = fold(&path)? else { return Err(error) };
    reading.away = true;
    let waits = waiting(&path, &mut run)?.map(|waits| format!("; {waits}")).unwrap_or_default();
    reading.behind =
        Some(format!("{error}; this is the copy of this machine as of {}{waits}", run.latest_at));
    Ok(Some((run, reading)))
}

/// Take in what waits on this machine, in words when there is anything.
fn waiting(path: &Path, run: &mut Run) -> Result<Option<String>, JournalError> {
    let lines = waiting_lines(path)?;
    let count = lines.len();
    for line in lines {
        run.apply(line);
    }
    Ok((count > 0)
        .then(|| format!("{count} events of this machine wait to be sent, and nobody else sees them yet")))
}

/// What waits on this machine for a run, not numbered yet.
pub(in crate::journal) fn waiting_lines(path: &Path) -> Result<Vec<Line>, JournalError> {
    let mut lines = Vec::new();
    for found in path.parent().map_or_else(|| Ok(Vec::new()), spool::found)? {
        let Some(mut waiting) = found.waiting()? else { continue };
        let sender = waiting.sender.id.clone();
        loop {
            let entries = waiting.next(PART)?;
            if entries.is_empty() {
                break;
            }
            lines.extend(entries.into_iter().map(|entry| entry.unnumbered(&sender)));
        }
    }
    Ok(lines)
}
