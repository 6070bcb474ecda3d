//! Rows of catalogs, and the statements that fetch them.

use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::grants::reader::ReadError;
use crate::model::fault::Fault;
use crate::postgres::session::{Limits, Session, SessionError};

/// A catalog's rows are small, but for ACLs of thousands of items and bodies of routines; a million of them still fits.
const LIMITS: Limits = Limits { rows: 0, kept: 0, row: 64 * 1024 * 1024, total: 1024 * 1024 * 1024 };

/// A row whose meaning is not known; what it holds.
#[derive(Debug)]
pub(super) struct Unread(pub(super) String);

/// One row of texts.
#[derive(Debug)]
pub(super) struct Row<'a, const N: usize>(pub(super) [Option<&'a str>; N]);

impl<'a, const N: usize> Row<'a, N> {
    /// A column that may be NULL.
    pub(super) const fn maybe(&self, column: usize) -> Option<&'a str> {
        self.0[column]
    }

    /// A column that is never NULL.
    pub(super) fn text(&self, column: usize) -> Result<&'a str, Unread> {
        self.0[column].ok_or_else(|| Unread("NULL where a value should be".to_owned()))
    }

    /// A number, such as an oid.
    pub(super) fn number<T: FromStr>(&self, column: usize) -> Result<T, Unread> {
        let text = self.text(column)?;
        text.parse().map_err(|_| Unread(format!("{text:?} where a number should be")))
    }

    /// Whether a boolean is true.
    pub(super) fn truth(&self, column: usize) -> bool {
        self.0[column] == Some("t")
    }
}

enum Trouble {
    Session(SessionError),
    Row(Unread),
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<SessionError> for ReadError {
    fn from(error: SessionError) -> Self {
        let reading = "the catalogs";
        match error {
            SessionError::Server(error) => Self::Refused { reading, error },
            SessionError::Peer(fault) => Self::Broke { reading, fault },
            SessionError::Ours(error) => Self::Ours { reading, error },
            SessionError::PasswordNeeded { .. } => Self::Broke {
                reading,
                fault: Fault::BadProtocol {
                    expected: "PostgreSQL".to_owned(),
                    reason: "it asks for a password after the login".to_owned(),
                    head: String::new(),
                },
            },
        }
    }
}

/// See each row of a statement of N columns.
pub(super) async fn each<S, const N: usize>(
    session: &mut Session<S>,
    reading: &'static str,
    statement: &str,
    mut see: impl FnMut(Row<'_, N>) -> Result<(), Unread>,
) -> Result<(), ReadError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let began = std::time::Instant::now();
    let done = session.each(statement, LIMITS, |row| see(Row(row)).map_err(Trouble::Row)).await;
    tracing::debug!(reading, took = ?began.elapsed(), "read");
    done.map_err(|trouble| match trouble {
        Trouble::Session(error) => ReadError::from(error).while_reading(reading),
        Trouble::Row(Unread(got)) => ReadError::Unknown { reading, got },
    })
}
