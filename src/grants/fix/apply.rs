//! Running the repair: one transaction, and nothing of it stays unless every statement did what it says.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Step;
use crate::grants::quote::Quoted;
use crate::model::fault::{Fault, ServerError};
use crate::model::trace::VantageError;
use crate::postgres::session::{Session, SessionError};

/// Warnings that say a GRANT or REVOKE did nothing, or less than it was told (`privilege_not_granted` and
/// `privilege_not_revoked`, "PostgreSQL Error Codes").
const NOT_DONE: [&str; 2] = ["01007", "01006"];

const COMMIT: &str = "COMMIT";

/// Past the server's own limit, so that its words are told when it can still tell them.
const BEYOND: Duration = Duration::from_secs(1);

/// Why nothing was repaired.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// The server refuses a statement.
    #[error("`{sql}` is refused: {error}")]
    Refused {
        /// The statement.
        sql: String,
        /// The server's words.
        error: Box<ServerError>,
    },
    /// The server runs a statement and says that it did not do all of it.
    #[error("`{sql}` did not do what it says: {error}")]
    NotDone {
        /// The statement.
        sql: String,
        /// The server's warning.
        error: Box<ServerError>,
    },
    /// The session broke; whether the transaction was committed is not known when it broke at its end.
    #[error("the session broke at `{sql}`: {fault}")]
    Broke {
        /// The statement.
        sql: String,
        /// How.
        fault: Fault,
    },
    /// The trouble is ours.
    #[error("`{sql}` cannot be run: {error}")]
    Ours {
        /// The statement.
        sql: String,
        /// What it is.
        error: VantageError,
    },
    /// The server answers COMMIT by taking everything back (`ROLLBACK` as the command tag).
    #[error("the server took the transaction back instead of committing it")]
    TakenBack,
}

impl ApplyError {
    /// What became of the database, and what to do.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Broke { sql, .. } | Self::Ours { sql, .. } if sql == COMMIT => {
                "whether it was committed is not known: take AFTER again and compare"
            }
            Self::Refused { .. }
            | Self::NotDone { .. }
            | Self::Broke { .. }
            | Self::Ours { .. }
            | Self::TakenBack => "nothing was changed: all statements are one transaction",
        }
    }
}

/// Run the statements in one transaction, as the role each names; `reader` is the role that is logged in. No statement may
/// take longer than `limit`, and none waits long for a lock that an application holds.
///
/// # Errors
/// The first statement that did not do what it says; then nothing is changed.
pub async fn apply<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    steps: &[Step],
    reader: &str,
    limit: Duration,
) -> Result<(), ApplyError> {
    let mut transaction = Transaction { session, limit: limit.saturating_add(BEYOND) };
    if let Err(error) = transaction.all(steps, reader, limit).await {
        // A session that broke is rolled back by its end, and a server that is gone is not waited for again.
        if let ApplyError::Refused { .. } | ApplyError::NotDone { .. } = error {
            let _ = transaction.run("ROLLBACK").await;
        }
        return Err(error);
    }
    if transaction.run(COMMIT).await? == COMMIT { Ok(()) } else { Err(ApplyError::TakenBack) }
}

struct Transaction<'s, S> {
    session: &'s mut Session<S>,
    /// The longest to wait for an answer, of a server that may have gone away.
    limit: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transaction<'_, S> {
    async fn all(&mut self, steps: &[Step], reader: &str, limit: Duration) -> Result<(), ApplyError> {
        // The largest value the setting has (milliseconds in an int4).
        let timeout_ms = limit.as_millis().clamp(1, 2_147_483_647);
        self.run(&format!(
            "BEGIN; SET LOCAL standard_conforming_strings = on; SET LOCAL search_path = ''; \
             SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = {timeout_ms}"
        ))
        .await?;
        let mut role = reader;
        for step in steps {
            let run_as = step.repair.run_as.as_str();
            if run_as != role {
                if role != reader {
                    self.run("RESET ROLE").await?;
                }
                if run_as != reader {
                    self.run(&format!("SET LOCAL ROLE {}", Quoted(run_as))).await?;
                }
                role = run_as;
            }
            self.run(&step.repair.sql).await?;
        }
        Ok(())
    }

    /// Run one statement; its command tag.
    async fn run(&mut self, sql: &str) -> Result<String, ApplyError> {
        let statement = || sql.to_owned();
        let answer = tokio::time::timeout(self.limit, self.session.batch(sql)).await.unwrap_or_else(|_| {
            let limit_ms = self.limit.as_millis().try_into().unwrap_or(u64::MAX);
            let waiting_for = "the statement to end".to_owned();
            Err(SessionError::Peer(Fault::TimedOut { waiting_for, limit_ms }))
        });
        let answer = answer.map_err(|error| match error {
            SessionError::Server(error) => ApplyError::Refused { sql: statement(), error },
            SessionError::Peer(fault) => ApplyError::Broke { sql: statement(), fault },
            SessionError::Ours(error) => ApplyError::Ours { sql: statement(), error },
            SessionError::PasswordNeeded { method } => ApplyError::Ours {
                sql: statement(),
                error: VantageError::Internal {
                    reason: format!("asked for a password ({method}) after login"),
                },
            },
        })?;
        match answer.notices.into_iter().find(|notice| NOT_DONE.contains(&notice.sqlstate.as_str())) {
            Some(error) => Err(ApplyError::NotDone { sql: statement(), error: Box::new(error) }),
            None => Ok(answer.tag),
        }
    }
}
