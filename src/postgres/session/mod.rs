//! Sessions with a PostgreSQL server over a connection that somebody else made: log in, run one statement at a time, see
//! rows as text. On `postgres_protocol`'s messages and SCRAM rather than a driver, because every message from a peer that
//! may be anything is bounded before it is read, and because rows are wanted as text whatever their types.

mod end_point;
mod login;
mod wire;

use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::model::fault::{Fault, ServerError};
use crate::model::trace::VantageError;

pub use end_point::end_point;
pub use login::Login;
use login::unsendable;
use wire::{Bounds, Wire, garbage, server_error, told};

/// A session that is logged in.
#[derive(Debug)]
pub struct Session<S> {
    wire: Wire<S>,
    key: Option<CancelKey>,
    version: Option<String>,
    warnings: Vec<ServerError>,
}

/// The setting that `VantageError::Setting` names when a server asks for a way to log in that is not spoken here.
pub const UNSPOKEN: &str = "the login";

/// Why a session came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionError {
    /// The server says no.
    Server(Box<ServerError>),
    /// The peer does something else than the protocol asks.
    Peer(Fault),
    /// The server asks for a password and we have none.
    PasswordNeeded {
        /// The way it asks.
        method: &'static str,
    },
    /// The trouble is ours.
    Ours(VantageError),
}

/// What stops a statement from another connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelKey {
    process: i32,
    secret: i32,
}

impl std::fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelKey({}, ***)", self.process)
    }
}

/// How much of an answer is kept and read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows kept; more are counted.
    pub rows: usize,
    /// Bytes kept of all rows together; rows after the first that no longer fit are counted.
    pub kept: usize,
    /// Bytes of one row.
    pub row: usize,
    /// Bytes of the whole answer; a larger one is a fault, and the session is over.
    pub total: u64,
}

impl Default for Limits {
    /// 1,000 rows and 1 MiB kept, rows of 4 MiB, 256 MiB read.
    fn default() -> Self {
        Self { rows: 1000, kept: 1024 * 1024, row: 4 * 1024 * 1024, total: 256 * 1024 * 1024 }
    }
}

/// What a statement answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Names of the columns; none for a statement without rows.
    pub columns: Vec<String>,
    /// The rows that are kept, as text; NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows in all.
    pub count: u64,
    /// The command tag, such as `SELECT 3` or `COMMIT`.
    pub tag: String,
    /// Notices and warnings that came with it, the first hundred.
    pub notices: Vec<ServerError>,
}

/// Notices kept of one answer; a server can send any number.
const NOTICES: usize = 100;

impl Answer {
    /// The first column of the first row: none when there is no row, `Some(None)` when it is NULL.
    #[must_use]
    pub fn value(&self) -> Option<Option<&str>> {
        self.rows.first().map(|row| row.first().and_then(Option::as_deref))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// The process that is told to serve this session; none when no key was given.
    #[must_use]
    pub fn process(&self) -> Option<i32> {
        self.key.map(|key| key.process)
    }

    /// What stops this session's statement from another connection; none when the server gave no key.
    #[must_use]
    pub const fn cancel_key(&self) -> Option<CancelKey> {
        self.key
    }

    /// `server_version`, as the server told it at login.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What the server warned of at login.
    #[must_use]
    pub fn warnings(&self) -> &[ServerError] {
        &self.warnings
    }

    /// Run exactly one statement; the server refuses several (42601). Rows come as text.
    ///
    /// # Errors
    /// What the server answers, and what it must not; `TooLarge` for more than `limits` allow to read.
    pub async fn run(&mut self, statement: &str, limits: Limits) -> Result<Answer, SessionError> {
        self.ask(statement)?;
        self.answer(limits).await
    }

    /// Run exactly one statement of N columns and see each of its rows where it lies, without keeping it; of the limits
    /// those of one row and of all count. After an error of `see` the session is over.
    ///
    /// # Errors
    /// What the server answers, and what it must not: another number of columns, text that is not UTF-8. What `see` says.
    pub async fn each<const N: usize, E: From<SessionError>>(
        &mut self,
        statement: &str,
        limits: Limits,
        mut see: impl FnMut([Option<&str>; N]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ask(statement)?;
        self.stream(limits, |body| see(texts(body)?)).await?;
        Ok(())
    }

    fn ask(&mut self, statement: &str) -> Result<(), SessionError> {
        const TEXT: i16 = 0;
        let out = &mut self.wire.outbox;
        frontend::parse("", statement, None, out).map_err(|error| unsendable(&error))?;
        frontend::bind("", "", None, None::<()>, |(), _| Ok(IsNull::Yes), Some(TEXT), out).map_err(
            |error| match error {
                frontend::BindError::Conversion(error) => unsendable(&std::io::Error::other(error)),
                frontend::BindError::Serialization(error) => unsendable(&error),
            },
        )?;
        frontend::describe(b'P', "", out).map_err(|error| unsendable(&error))?;
        frontend::execute("", 0, out).map_err(|error| unsendable(&error))?;
        frontend::sync(out);
        Ok(())
    }

    /// Run SQL of our own by the simple protocol; the rows of all its statements come together, as text.
    ///
    /// # Errors
    /// What the server answers, and what it must not; `TooLarge` for more than `limits` allow to read.
    pub async fn query(&mut self, statements: &str, limits: Limits) -> Result<Answer, SessionError> {
        frontend::query(statements, &mut self.wire.outbox).map_err(|error| unsendable(&error))?;
        self.answer(limits).await
    }

    /// Run a few statements of our own at once, such as `BEGIN; SET LOCAL ...`, whose rows do not matter.
    ///
    /// # Errors
    /// What the server answers, and what it must not.
    pub async fn batch(&mut self, statements: &str) -> Result<Answer, SessionError> {
        self.query(statements, Limits { rows: 0, ..Limits::default() }).await
    }

    /// Say goodbye; a server that does not listen any more is no matter.
    pub async fn close(mut self) {
        const LIMIT: Duration = Duration::from_secs(1);
        frontend::terminate(&mut self.wire.outbox);
        let _ = tokio::time::timeout(LIMIT, self.wire.send("goodbye")).await;
    }

    async fn answer(&mut self, limits: Limits) -> Result<Answer, SessionError> {
        let mut rows = Vec::new();
        let mut kept = 0;
        let mut answer = self
            .stream(limits, |body| {
                let size = body.buffer().len();
                let fits = rows.is_empty() || kept + size <= limits.kept;
                if fits && rows.len() < limits.rows {
                    kept += size;
                    rows.push(row(body)?);
                }
                Ok::<(), SessionError>(())
            })
            .await?;
        answer.rows = rows;
        Ok(answer)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "any other message of the library's enum, now or later, has no place after a statement"
    )]
    async fn stream<E: From<SessionError>>(
        &mut self,
        limits: Limits,
        mut row: impl FnMut(&DataRowBody) -> Result<(), E>,
    ) -> Result<Answer, E> {
        let bounds = Bounds { message: limits.row, total: limits.total, what: "the statement's answer" };
        self.wire.begin();
        self.wire.send("an answer to the statement").await?;
        let mut answer = Answer::default();
        let mut refusal = None;
        loop {
            let message = match self.wire.message("an answer to the statement", bounds).await {
                Ok(message) => message,
                // A server that ends the session says why, and then closes.
                Err(error) => return Err(refusal.unwrap_or(error).into()),
            };
            match message {
                Message::RowDescription(body) => {
                    let names = body.fields().map(|field| Ok(field.name().to_owned())).collect();
                    answer.columns = names.map_err(|error| garbage(&error.to_string(), &[]))?;
                }
                Message::DataRow(body) => {
                    answer.count += 1;
                    row(&body)?;
                }
                Message::CommandComplete(body) => {
                    body.tag().unwrap_or_default().clone_into(&mut answer.tag);
                }
                Message::ErrorResponse(body) => refusal = refusal.or(Some(server_error(&body))),
                Message::CopyInResponse(_) => {
                    frontend::copy_fail("gonogo sends no data", &mut self.wire.outbox)
                        .map_err(|error| unsendable(&error))?;
                    frontend::sync(&mut self.wire.outbox);
                    self.wire.send("an answer to the statement").await?;
                }
                Message::NoticeResponse(body) if answer.notices.len() < NOTICES => {
                    answer.notices.push(told(body.fields()));
                }
                Message::EmptyQueryResponse => refusal = refusal.or(Some(nothing_to_run())),
                Message::ReadyForQuery(_) => return refusal.map_or(Ok(answer), |error| Err(error.into())),
                Message::ParseComplete
                | Message::BindComplete
                | Message::CloseComplete
                | Message::NoData
                | Message::PortalSuspended
                | Message::CopyOutResponse(_)
                | Message::CopyData(_)
                | Message::CopyDone
                | Message::ParameterDescription(_)
                | Message::ParameterStatus(_)
                | Message::NoticeResponse(_)
                | Message::NotificationResponse(_) => {}
                _ => return Err(garbage("a message that has no place after a statement", &[]).into()),
            }
        }
    }
}

/// Nothing but comments and semicolons: nothing was looked at.
fn nothing_to_run() -> SessionError {
    SessionError::Ours(VantageError::Setting {
        setting: "the statement".to_owned(),
        reason: "the server finds nothing to run in it".to_owned(),
    })
}

fn texts<const N: usize>(body: &DataRowBody) -> Result<[Option<&str>; N], SessionError> {
    let buffer = body.buffer();
    let mut ranges = body.ranges();
    let mut found = 0;
    let mut texts = [None; N];
    while let Some(range) = ranges.next().map_err(|error| garbage(&error.to_string(), &[]))? {
        let text = texts.get_mut(found).ok_or_else(|| garbage("a row of too many columns", &[]))?;
        if let Some(bytes) = range.and_then(|range| buffer.get(range)) {
            let read = std::str::from_utf8(bytes);
            *text = Some(read.map_err(|_| garbage("text that is not UTF-8, as was asked for", bytes))?);
        }
        found += 1;
    }
    if found == N { Ok(texts) } else { Err(garbage("a row of too few columns", &[])) }
}

fn row(body: &DataRowBody) -> Result<Vec<Option<String>>, SessionError> {
    let buffer = body.buffer();
    body.ranges()
        .map(|range| {
            let bytes = range.and_then(|range| buffer.get(range));
            Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
        })
        .collect()
        .map_err(|error| garbage(&error.to_string(), &[]))
}

/// Ask a server to stop the statement of another session (protocol section 53.2.8); it answers nothing.
///
/// # Errors
/// When the request cannot be sent.
pub async fn cancel<S: AsyncWrite + Unpin>(stream: &mut S, key: CancelKey) -> std::io::Result<()> {
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process, key.secret, &mut request);
    stream.write_all(&request).await?;
    stream.shutdown().await
}
