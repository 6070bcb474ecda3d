//! Running the repair: one transaction, and nothing of it stays unless every statement did what it says.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Step;
use crate::grants::quote::Quoted;
use crate::model::fault::{Fault, ServerError};
use crate::model::trace::VantageError;
use crate::postgres::session::{Session, SessionError};

/// Warnings that say a GRANT or REVOKE did nothing, or less than it was told (`privilege_not_granted` and
/// `privilege_not_revoked`, "PostgreSQL Error Codes").
const NOT_DONE: [&str; 2] = ["01007", "01006"];

/// Nothing of a repair waits long for a lock that an application holds.
const BEGIN: &str = "BEGIN; SET LOCAL standard_conforming_strings = on; SET LOCAL search_path = ''; \
     SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '5min'";

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
}

/// Run the statements in one transaction, as the role each names; `reader` is the role that is logged in.
///
/// # Errors
/// The first statement that did not do what it says; then nothing is changed.
pub async fn apply<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    steps: &[Step],
    reader: &str,
) -> Result<(), ApplyError> {
    let done = all(session, steps, reader).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = run(session, end).await;
    done.and(ended)
}

async fn all<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    steps: &[Step],
    reader: &str,
) -> Result<(), ApplyError> {
    run(session, BEGIN).await?;
    let mut role = reader;
    for step in steps {
        let run_as = step.repair.run_as.as_str();
        if run_as != role {
            if role != reader {
                run(session, "RESET ROLE").await?;
            }
            if run_as != reader {
                run(session, &format!("SET LOCAL ROLE {}", Quoted(run_as))).await?;
            }
            role = run_as;
        }
        run(session, &step.repair.sql).await?;
    }
    Ok(())
}

async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    sql: &str,
) -> Result<(), ApplyError> {
    let statement = || sql.to_owned();
    let answer = session.batch(sql).await.map_err(|error| match error {
        SessionError::Server(error) => ApplyError::Refused { sql: statement(), error },
        SessionError::Peer(fault) => ApplyError::Broke { sql: statement(), fault },
        SessionError::Ours(error) => ApplyError::Ours { sql: statement(), error },
        SessionError::PasswordNeeded { method } => ApplyError::Ours {
            sql: statement(),
            error: VantageError::Internal { reason: format!("asked for a password ({method}) after login") },
        },
    })?;
    match answer.notices.into_iter().find(|notice| NOT_DONE.contains(&notice.sqlstate.as_str())) {
        Some(error) => Err(ApplyError::NotDone { sql: statement(), error: Box::new(error) }),
        None => Ok(()),
    }
}
