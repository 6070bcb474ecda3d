//! A team's journal: one table in a PostgreSQL database, which numbers the events. Every machine keeps a copy of what it
//! read, verified as any journal's file is, and a spool of what could not be sent.

mod baseline;
mod chain;
mod database;
mod lease;
mod read;
mod spool;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::JournalError;
use super::event::Actor;
use super::read::digest;
use crate::probe::postgres::Postgres;
use crate::probe::{Context, Probe as _};
use database::Database;
pub(super) use read::waiting_lines;

/// Tells the person who watches what becomes of the connection.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Where a team's journal is, and how to log in there.
#[derive(Clone)]
pub struct Team {
    login: Arc<Postgres>,
    context: Context,
    tell: Tell,
}

impl std::fmt::Debug for Team {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Team").field("at", &self.login.target()).finish_non_exhaustive()
    }
}

impl Team {
    /// The journal that this login leads to.
    #[must_use]
    pub fn new(login: Postgres, context: Context, tell: Tell) -> Self {
        Self { login: Arc::new(login), context, tell }
    }

    /// The database, without a password.
    #[must_use]
    pub fn place(&self) -> String {
        self.login.target()
    }

    /// This machine's part of it, below the journal's folder: another database is another journal.
    pub(super) fn folder(&self, folder: &Path) -> PathBuf {
        let name = digest(self.place().as_bytes());
        folder.join("team").join(name.get(..12).unwrap_or_default())
    }

    fn tell(&self, text: &str) {
        (self.tell)(&self.context.vault.scrubber().text(text));
    }
}

/// Who sends events, and by which right.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    /// Host, process and a random id: no two spools have the same.
    id: String,
    actor: Actor,
    /// It holds the run lease.
    holds: bool,
}

impl Sender {
    pub(super) fn new(actor: Actor, holds: bool) -> Result<Self, JournalError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|error| JournalError::Io {
            action: "name a sender in",
            path: PathBuf::from("the journal"),
            reason: error.to_string(),
        })?;
        let random = u64::from_ne_bytes(random);
        // A host's name becomes part of a file's name.
        let host: String = actor
            .host
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        Ok(Self { id: format!("{host}-{}-{random:016x}", actor.pid), actor, holds })
    }
}

/// The run lease in a team's database: held as long as its session lasts.
#[derive(Debug)]
pub(super) struct Held {
    database: Database,
    sender: Sender,
    /// Who had it, when it was taken from a run that went on.
    pub(super) taken_from: Option<String>,
}

impl Team {
    /// Whether events can be appended.
    pub(super) async fn check(&self) -> Result<(), JournalError> {
        Database::connect(self).await?.prepare().await
    }

    /// Take the run lease; `take_over` takes it from a run that goes on.
    pub(super) async fn lease(&self, actor: &Actor, take_over: bool) -> Result<Held, JournalError> {
        let mut database = Database::connect(self).await?;
        database.prepare().await?;
        database.is_ours_alone(self).await?;
        let sender = Sender::new(actor.clone(), true)?;
        let taken_from = match database.lease(&sender, None).await? {
            None => None,
            Some(holder) if take_over => {
                if let Some(holder) = database.take_lease(&sender).await? {
                    return Err(JournalError::Leased { holder });
                }
                Some(holder)
            }
            Some(holder) => return Err(JournalError::Leased { holder }),
        };
        Ok(Held { database, sender, taken_from })
    }
}
