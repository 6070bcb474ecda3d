//! The table, and every statement about it. Appending needs SELECT and INSERT, and cleaning DELETE.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Team;
use crate::journal::JournalError;
use crate::model::fault::{Fault, ServerError};
use crate::model::outcome::Judgement;
use crate::net::stream::Stream;
use crate::postgres::session::{Answer, Limits, Session, SessionError};
use crate::probe::{Probe as _, Recorder};

/// The version of the table, in its comment.
const VERSION: u32 = 1;
/// The table. The identity orders the lines of all runs; the last constraint makes arriving twice impossible.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS gonogo_journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL,
    seq bigint NOT NULL,
    line text NOT NULL,
    sender text NOT NULL,
    number bigint NOT NULL,
    holder text,
    UNIQUE (run, seq),
    UNIQUE (run, sender, number)
);
CREATE INDEX IF NOT EXISTS gonogo_journal_holders ON gonogo_journal (id) WHERE holder IS NOT NULL;
COMMENT ON TABLE gonogo_journal IS 'gonogo journal, version 1';";
/// The server gives up on a machine that is gone after 10 + 3 x 5 seconds, and the lease with it; on one that is cut off in the
/// middle of an append after 5, so that others, who wait 8 for their turn, get it.
const SETTINGS: &str = "SET client_min_messages = warning; SET standard_conforming_strings = on; \
     SET lock_timeout = '8s'; SET statement_timeout = '120s'; SET idle_in_transaction_session_timeout = '5s'; \
     SET synchronous_commit = on; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
     SET tcp_keepalives_count = 3; SET tcp_user_timeout = 25000";
/// First key of the advisory locks, `gono` and one more; the table's OID is the second.
const APPEND_LOCK: i32 = 0x676f_6e6f;
pub(super) const LEASE_LOCK: i32 = APPEND_LOCK + 1;

/// The longest a login may take, over all hosts and addresses of the URL.
pub(super) const LOGIN_LIMIT: Duration = Duration::from_secs(10);
/// The longest a statement may take that reads or writes little.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest the lines of a run may take.
const READ_LIMIT: Duration = Duration::from_mins(2);
/// The longest line, and the most that is read of one run.
const LINES: Limits = Limits { rows: 0, kept: 0, row: 256 * 1024 * 1024, total: 64 * 1024 * 1024 * 1024 };

/// A session with the team's database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) session: Session<Stream>,
    place: String,
    user: String,
    /// The table's OID.
    pub(super) table: Option<u32>,
    /// The server's process of this session, once the lease is taken.
    pub(super) backend: Option<i64>,
}

/// One line to be written.
pub(super) struct Row<'a> {
    pub(super) seq: u64,
    pub(super) line: &'a str,
    pub(super) number: u64,
    /// Who takes the lease with this line.
    pub(super) holder: Option<String>,
}

/// Who took the lease last: in this run, and in any.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) of_run: Option<String>,
    pub(super) latest: Option<String>,
    /// The latest, for people.
    pub(super) name: String,
}

/// Why reading lines ended.
enum Ended {
    Session(SessionError),
    Journal(JournalError),
}

impl From<SessionError> for Ended {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Database {
    /// Log in, and see whether the table is there.
    pub(super) async fn connect(team: &Team) -> Result<Self, JournalError> {
        Self::connect_within(team, LOGIN_LIMIT).await
    }

    /// The same, for somebody who does not wait for so long.
    pub(super) async fn connect_within(team: &Team, limit: Duration) -> Result<Self, JournalError> {
        let (place, context) = (team.place(), team.context.clone());
        let mut recorder = Recorder::new(context, limit, CancellationToken::new());
        let session = match timeout(limit * 2, team.login.log_in(&mut recorder)).await {
            Ok(Ok(session)) => session,
            Ok(Err(stop)) => {
                let trace = recorder.finish(Err(stop));
                let told = Judgement::of(&trace, &team.login.layers(), None).message;
                let reason = team.context.vault.scrubber().text(&told).into_owned();
                return Err(match trace.broken() {
                    Some((_, Fault::LoginRefused(error))) if !passes(error) => {
                        let help =
                            format!("gonogo explain {} says more", Fault::LoginRefused(error.clone()).id());
                        JournalError::Refused { place, reason, help }
                    }
                    Some(_) => JournalError::Away { place, reason },
                    None => {
                        let help = "nothing was asked of the server".to_owned();
                        JournalError::Refused { place, reason, help }
                    }
                });
            }
            Err(_) => return Err(JournalError::Away { place, reason: silence(limit * 2) }),
        };
        let mut database = Self { session, place, user: String::new(), table: None, backend: None };
        database.run(SETTINGS).await?;
        database.look().await?;
        Ok(database)
    }

    /// Whether anything was ever recorded here.
    pub(super) const fn has_table(&self) -> bool {
        self.table.is_some()
    }

    async fn look(&mut self) -> Result<(), JournalError> {
        let found = self
            .row(
                "SELECT current_user, to_regclass('gonogo_journal')::oid, \
                 obj_description(to_regclass('gonogo_journal')::oid, 'pg_class')",
            )
            .await?;
        let mut found = found.into_iter();
        self.user = found.next().flatten().unwrap_or_default();
        self.table = found.next().flatten().and_then(|oid| oid.parse().ok());
        let comment = found.next().flatten().unwrap_or_default();
        let version = comment.strip_prefix("gonogo journal, version ").and_then(|text| text.parse().ok());
        match version {
            Some(found) if found > VERSION => {
                Err(JournalError::Newer { path: self.place.clone().into(), found, known: VERSION })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Make sure that we can append: the table is made where that is allowed.
    pub(super) async fn prepare(&mut self) -> Result<(), JournalError> {
        let state = self.row("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')").await?;
        let is = |index: usize, word: &str| state.get(index).and_then(Option::as_deref) == Some(word);
        if is(0, "t") || is(1, "on") {
            let reason = if is(0, "t") { "it is a standby, and takes no events" } else { "it is read only" };
            return Err(self.refused(
                reason.to_owned(),
                "name the primary, or list all hosts with target_session_attrs=read-write".to_owned(),
            ));
        }
        if self.table.is_none() {
            match self.run(TABLE).await {
                Ok(_) => {}
                // Somebody else made it at the same moment: it is there now, or the next statement says why not.
                Err(error) => {
                    self.look().await?;
                    if self.table.is_none() {
                        return Err(self.without_table(&error));
                    }
                }
            }
            self.look().await?;
        }
        let rights = self
            .row("SELECT has_table_privilege('gonogo_journal', 'SELECT') AND has_table_privilege('gonogo_journal', 'INSERT')")
            .await?;
        if rights.first().and_then(Option::as_deref) == Some("t") {
            return Ok(());
        }
        let reason = format!("role {} may not append to its table", self.user);
        Err(self.refused(reason, format!("ask the DBA to run:\n{}", self.grant())))
    }

    fn without_table(&self, error: &JournalError) -> JournalError {
        let help = format!("ask the DBA to run:\n{TABLE}\n{}", self.grant());
        self.refused(format!("it has no table, and role {} could not make it ({error})", self.user), help)
    }

    fn grant(&self) -> String {
        let role = self.user.replace('"', "\"\"");
        format!("GRANT SELECT, INSERT, DELETE ON gonogo_journal TO \"{role}\";")
    }

    pub(super) fn refused(&self, reason: String, help: String) -> JournalError {
        JournalError::Refused { place: self.place.clone(), reason, help }
    }

    /// That the session still lives.
    pub(super) async fn still_there(&mut self) -> Result<(), JournalError> {
        self.row("SELECT 1").await.map(drop)
    }

    /// The newest run that has an event.
    pub(super) async fn newest(&mut self) -> Result<Option<String>, JournalError> {
        let newest =
            self.row("SELECT run FROM gonogo_journal WHERE seq = 1 ORDER BY id DESC LIMIT 1").await?;
        Ok(newest.into_iter().next().flatten())
    }

    /// Every run, with the moment of its first event as its line tells it; oldest first.
    pub(super) async fn runs(&mut self) -> Result<Vec<String>, JournalError> {
        let limits = Limits { rows: 1_000_000, kept: 64 * 1024 * 1024, ..Limits::default() };
        let answer = self.ask("SELECT run FROM gonogo_journal WHERE seq = 0 ORDER BY id", limits).await?;
        Ok(answer.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// Remove a run.
    pub(super) async fn remove(&mut self, run: &str) -> Result<(), JournalError> {
        self.run(&format!("DELETE FROM gonogo_journal WHERE run = {}", quote(run))).await.map(drop)
    }

    /// A run's first line; none when there is no such run.
    pub(super) async fn header(&mut self, run: &str) -> Result<Option<String>, JournalError> {
        let asked = format!("SELECT line FROM gonogo_journal WHERE run = {} AND seq = 0", quote(run));
        Ok(self.row(&asked).await?.into_iter().next().flatten())
    }

    /// Write a run's first line.
    pub(super) async fn create(&mut self, run: &str, header: &str, sender: &str) -> Result<(), JournalError> {
        let row = Row { seq: 0, line: header, number: 0, holder: None };
        self.run(&insert(run, sender, &[row])).await.map(drop)
    }

    /// See the lines of a run from one on, each with its sender.
    pub(super) async fn lines(
        &mut self,
        run: &str,
        from: u64,
        mut see: impl FnMut(&str, &str) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let asked = format!(
            "SELECT line, sender FROM gonogo_journal WHERE run = {} AND seq >= {from} ORDER BY seq",
            quote(run)
        );
        let seeing = self.session.each(&asked, LINES, |[line, sender]: [Option<&str>; 2]| {
            see(line.unwrap_or_default(), sender.unwrap_or_default()).map_err(Ended::Journal)
        });
        match timeout(READ_LIMIT, seeing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Ended::Journal(error))) => Err(error),
            Ok(Err(Ended::Session(error))) => Err(self.error(error)),
            Err(_) => Err(JournalError::Away { place: self.place.clone(), reason: silence(READ_LIMIT) }),
        }
    }

    /// Begin to append: until the end nobody else does.
    pub(super) async fn begin(&mut self) -> Result<(), JournalError> {
        let key = self.key(APPEND_LOCK);
        self.run(&format!("BEGIN; SELECT pg_advisory_xact_lock({key})")).await.map(drop)
    }

    /// Write lines, and end.
    pub(super) async fn commit(
        &mut self,
        run: &str,
        sender: &str,
        rows: &[Row<'_>],
    ) -> Result<(), JournalError> {
        let insert = if rows.is_empty() { String::new() } else { insert(run, sender, rows) };
        self.run(&format!("{insert}; COMMIT")).await.map(drop)
    }

    /// End, and leave everything as it is.
    pub(super) async fn roll_back(&mut self) -> Result<(), JournalError> {
        self.run("ROLLBACK").await.map(drop)
    }

    /// Of a sender's numbers in this range those that have arrived.
    pub(super) async fn arrived(
        &mut self,
        run: &str,
        sender: &str,
        numbers: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<u64>, JournalError> {
        let asked = format!(
            "SELECT number FROM gonogo_journal WHERE run = {} AND sender = {} AND number BETWEEN {} AND {}",
            quote(run),
            quote(sender),
            numbers.start(),
            numbers.end()
        );
        let limits = Limits { rows: 100_000, kept: 16 * 1024 * 1024, ..Limits::default() };
        let answer = self.ask(&asked, limits).await?;
        Ok(answer.rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
    }

    /// Who took the lease last.
    pub(super) async fn holders(&mut self, run: &str) -> Result<Holders, JournalError> {
        let asked = format!(
            "SELECT (SELECT sender FROM gonogo_journal WHERE holder IS NOT NULL AND run = {} ORDER BY id DESC LIMIT 1), \
             sender, holder FROM gonogo_journal WHERE holder IS NOT NULL ORDER BY id DESC LIMIT 1",
            quote(run)
        );
        let mut found = self.row(&asked).await?.into_iter();
        Ok(Holders {
            of_run: found.next().flatten(),
            latest: found.next().flatten(),
            name: found.next().flatten().unwrap_or_else(|| "somebody".to_owned()),
        })
    }

    pub(super) fn key(&self, lock: i32) -> String {
        // The server wants a signed number of the same bits.
        let table = i32::from_ne_bytes(self.table.unwrap_or_default().to_ne_bytes());
        format!("{lock}, {table}")
    }

    /// The first row; empty when there is none.
    pub(super) async fn row(&mut self, statement: &str) -> Result<Vec<Option<String>>, JournalError> {
        let answer = self.ask(statement, Limits::default()).await?;
        Ok(answer.rows.into_iter().next().unwrap_or_default())
    }

    pub(super) async fn run(&mut self, statements: &str) -> Result<Answer, JournalError> {
        self.ask(statements, Limits { rows: 0, ..Limits::default() }).await
    }

    pub(super) async fn ask(&mut self, statements: &str, limits: Limits) -> Result<Answer, JournalError> {
        match timeout(LIMIT, self.session.query(statements, limits)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.error(error)),
            Err(_) => Err(JournalError::Away { place: self.place.clone(), reason: silence(LIMIT) }),
        }
    }

    fn error(&self, error: SessionError) -> JournalError {
        let place = self.place.clone();
        match error {
            SessionError::Server(error) if passes(&error) => {
                JournalError::Away { place, reason: error.to_string() }
            }
            SessionError::Server(error) if error.sqlstate == "42501" => {
                let help = format!("ask the DBA to run:\n{}", self.grant());
                JournalError::Refused { place, reason: error.to_string(), help }
            }
            SessionError::Server(error) => {
                let help = "the statement is gonogo's own: look at the database's log".to_owned();
                JournalError::Refused { place, reason: error.to_string(), help }
            }
            SessionError::Peer(fault) => JournalError::Away { place, reason: fault.to_string() },
            SessionError::PasswordNeeded { method } => {
                JournalError::Away { place, reason: format!("it asks for a password ({method})") }
            }
            SessionError::Ours(error) => JournalError::Away { place, reason: error.to_string() },
        }
    }
}

/// What the server says passes by itself ("PostgreSQL Error Codes"): it is short of something, goes down or comes up, has
/// become a standby, a lock was not to be had, or an operator intervened.
fn passes(error: &ServerError) -> bool {
    ["08", "53", "57", "58"].iter().any(|class| error.sqlstate.starts_with(class))
        || ["25006", "55P03", "40001", "40P01"].contains(&error.sqlstate.as_str())
}

fn silence(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

fn insert(run: &str, sender: &str, rows: &[Row<'_>]) -> String {
    use std::fmt::Write as _;
    let size: usize = rows.iter().map(|row| row.line.len() + 200).sum();
    let mut statement = String::with_capacity(size + 100);
    statement.push_str("INSERT INTO gonogo_journal (run, seq, line, sender, number, holder) VALUES ");
    let (run, sender) = (quote(run), quote(sender));
    for (index, row) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let holder = row.holder.as_deref().map_or_else(|| "NULL".to_owned(), quote);
        // Writing to a String cannot fail.
        let _ = write!(
            statement,
            "{comma}({run}, {}, {}, {sender}, {}, {holder})",
            row.seq,
            quote(row.line),
            row.number
        );
    }
    statement
}

/// A text as SQL writes it (`standard_conforming_strings` is on). JSON holds no NUL byte.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
