//! One role's place in a session: a transaction that only reads, settings that keep the plan honest, and one statement at
//! a time prepared and explained inside it, never executed.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use crate::grants::quote::{Quoted, Text};
use crate::model::fault::{Fault, ServerError};
use crate::postgres::session::{Answer, Limits, Session, SessionError};

/// A plan of a thousand partitions.
const PLAN: Limits =
    Limits { rows: 16, kept: 64 * 1024 * 1024, row: 64 * 1024 * 1024, total: 256 * 1024 * 1024 };
/// Who is logged in, and whether a function that says RESET ROLE or SET ROLE could do more than read and write data.
const STANDING: &str = "\
    select session_user, exists (select from pg_catalog.pg_roles r where pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') \
      and (r.rolsuper or r.rolcreaterole or r.rolname in ('pg_execute_server_program', 'pg_write_server_files')))";

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) role: String,
    /// SET ROLE is no boundary: code of the application must not run in it.
    pub(super) is_powerful: bool,
}

/// What the server said of one statement.
#[derive(Debug)]
pub(super) enum Explained {
    /// Its plan, in JSON.
    Plan(String),
    /// No, before it knew the statement.
    NotPrepared(Box<ServerError>),
    /// No, once it knew it.
    NotPlanned(Box<ServerError>),
}

/// A role's transaction.
#[derive(Debug)]
pub(super) struct Desk<'s, S> {
    session: &'s mut Session<S>,
    limit: Duration,
}

pub(super) async fn standing<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    limit: Duration,
) -> Result<Standing, SessionError> {
    let answer = within(limit, session.run(STANDING, PLAN)).await?;
    let row = answer.rows.into_iter().next().unwrap_or_default();
    let mut cells = row.into_iter();
    let role = cells.next().flatten().unwrap_or_default();
    let is_powerful = cells.next().flatten().as_deref() != Some("f");
    Ok(Standing { role, is_powerful })
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Desk<'s, S> {
    /// Begin a transaction as this role. The server's own words when it will not let us.
    pub(super) async fn open(
        session: &'s mut Session<S>,
        role: &str,
        search_path: &str,
        limit: Duration,
    ) -> Result<Result<Self, Box<ServerError>>, ReplayError> {
        // Settings before the role: a role may not be allowed to make them.
        let opening = format!(
            "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on; SET LOCAL lock_timeout = '1s'; \
             SET LOCAL statement_timeout = '5s'; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off; \
             SET LOCAL constraint_exclusion = off; SET LOCAL row_security = on; SET LOCAL client_min_messages = error; \
             SELECT pg_catalog.set_config('search_path', {}, true); SET LOCAL ROLE {}; SAVEPOINT gonogo",
            Text(search_path),
            Quoted(role)
        );
        let began = answered(limit, session.batch(&opening)).await?;
        match began {
            Ok(_) => Ok(Ok(Self { session, limit })),
            Err(error) => {
                answered(limit, session.batch("ROLLBACK"))
                    .await?
                    .map_err(|error| ReplayError::Refused { doing: "ending a transaction", error })?;
                Ok(Err(error))
            }
        }
    }

    /// Prepare and explain one statement; `types` are those of its first parameters, as SQL writes them.
    pub(super) async fn explain(
        &mut self,
        text: &str,
        types: &[&str],
        parameters: u32,
    ) -> Result<Explained, ReplayError> {
        let declared = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
        // The extended protocol takes one statement and no more: whatever the text holds, nothing else is run with it.
        let prepared =
            answered(self.limit, self.session.run(&format!("PREPARE gonogo{declared} AS {text}"), PLAN))
                .await?;
        let explained = if let Err(error) = prepared {
            Explained::NotPrepared(error)
        } else {
            let nulls = vec!["NULL"; usize::try_from(parameters).unwrap_or(0)].join(", ");
            let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
            // The simple protocol: over the extended one the planner folds the NULLs in and hides what is denied.
            let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) EXECUTE gonogo{nulls}");
            match answered(self.limit, self.session.query(&explain, PLAN)).await? {
                Err(error) => Explained::NotPlanned(error),
                Ok(answer) => {
                    let lines = answer.rows.iter().filter_map(|row| row.first()?.as_deref());
                    Explained::Plan(lines.collect::<Vec<&str>>().join("\n"))
                }
            }
        };
        self.clean().await?;
        Ok(explained)
    }

    /// Ask something of our own, as the role.
    pub(super) async fn ask(&mut self, query: &str) -> Result<Result<Answer, Box<ServerError>>, ReplayError> {
        let limits = Limits { rows: 100_000, kept: 64 * 1024 * 1024, ..Limits::default() };
        let answer = answered(self.limit, self.session.query(query, limits)).await?;
        if answer.is_err() {
            self.clean().await?;
        }
        Ok(answer)
    }

    async fn clean(&mut self) -> Result<(), ReplayError> {
        // What is prepared outlives a rollback.
        let cleaned =
            answered(self.limit, self.session.batch("ROLLBACK TO SAVEPOINT gonogo; DEALLOCATE ALL")).await?;
        cleaned.map(drop).map_err(|error| ReplayError::Refused { doing: "rolling a statement back", error })
    }

    /// End the transaction.
    pub(super) async fn close(self) -> Result<(), ReplayError> {
        let ended = answered(self.limit, self.session.batch("ROLLBACK")).await?;
        ended.map(drop).map_err(|error| ReplayError::Refused { doing: "ending a transaction", error })
    }
}

/// What the server says of a statement, apart from what ends the session.
async fn answered(
    limit: Duration,
    answer: impl Future<Output = Result<Answer, SessionError>>,
) -> Result<Result<Answer, Box<ServerError>>, ReplayError> {
    match within(limit, answer).await {
        Ok(answer) => Ok(Ok(answer)),
        // Classes 08 and 53, and shutdowns, tell of the server and not of the statement ("PostgreSQL Error Codes").
        Err(SessionError::Server(error))
            if ["08", "53", "57P"].iter().any(|class| error.sqlstate.starts_with(class)) =>
        {
            Err(ReplayError::Refused { doing: "trying a statement", error })
        }
        Err(SessionError::Server(error)) => Ok(Err(error)),
        Err(error) => Err(ReplayError::session(error)),
    }
}

/// An answer in time: a network may go silent, and the server's own limits are then of no use.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        let waiting_for = "an answer to a statement".to_owned();
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Err(SessionError::Peer(Fault::TimedOut { waiting_for, limit_ms }))
    })
}
