//! Messages of the PostgreSQL protocol (version 3) over any stream, each one bounded before it is read.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{ErrorFields, ErrorResponseBody, Message};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::model::fault::{Fault, ServerError};
use crate::net::os_error::{broken, exhausted, is_reset};
use crate::net::stream::one_line;
use crate::net::tls::broken_stream;

use super::SessionError;

/// Type byte and length (protocol section 53.7).
const HEADER: usize = 5;
/// Bytes shown of an answer that is not PostgreSQL's.
const SHOWN: usize = 120;
const CHUNK: usize = 16 * 1024;
/// Characters kept of each field of an error.
const FIELD: usize = 4096;

/// What one exchange may cost us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of one message.
    pub(super) message: usize,
    /// Bytes of all messages together.
    pub(super) total: u64,
    /// What is too large when they are passed.
    pub(super) what: &'static str,
}

/// A stream of messages.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    inbox: BytesMut,
    pub(super) outbox: BytesMut,
    /// Bytes of messages taken since the last [`Self::begin`].
    taken: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, inbox: BytesMut::new(), outbox: BytesMut::new(), taken: 0 }
    }

    /// Begin an exchange: its total is counted from here.
    pub(super) fn begin(&mut self) {
        self.taken = 0;
    }

    /// Send everything in the outbox.
    pub(super) async fn send(&mut self, during: &str) -> Result<(), SessionError> {
        let bytes = self.outbox.split();
        let sent = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match sent.await {
            Ok(()) => Ok(()),
            // A server that refuses us says why before it closes: what it said is worth more than the EPIPE.
            Err(error) if is_reset(&error) => match self.message(during, Bounds::farewell()).await {
                Ok(Message::ErrorResponse(body)) => Err(server_error(&body)),
                Ok(_) | Err(_) => Err(failed(&error, during, self.taken)),
            },
            Err(error) => Err(failed(&error, during, self.taken)),
        }
    }

    /// The next message.
    pub(super) async fn message(
        &mut self,
        waiting_for: &str,
        bounds: Bounds,
    ) -> Result<Message, SessionError> {
        let length = loop {
            if let Some(length) = self.length(bounds)?
                && self.inbox.len() >= length
            {
                break length;
            }
            self.inbox.reserve(CHUNK);
            match self.stream.read_buf(&mut self.inbox).await {
                Ok(0) => {
                    return Err(failed(&io::ErrorKind::UnexpectedEof.into(), waiting_for, self.received()));
                }
                Ok(_) => {}
                Err(error) => return Err(failed(&error, waiting_for, self.received())),
            }
        };
        self.taken = self.taken.saturating_add(length as u64);
        if self.taken > bounds.total {
            return Err(SessionError::Peer(Fault::TooLarge {
                what: bounds.what.to_owned(),
                limit: bounds.total,
            }));
        }
        let head = self.inbox.get(..length.min(SHOWN)).map(<[u8]>::to_vec).unwrap_or_default();
        match Message::parse(&mut self.inbox) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(garbage("an incomplete message", &head)),
            Err(error) => Err(garbage(&error.to_string(), &head)),
        }
    }

    /// Bytes of this exchange that came, whole messages or not.
    fn received(&self) -> u64 {
        self.taken.saturating_add(self.inbox.len() as u64)
    }

    /// The whole length of the message at the front, judged before a byte of its body is waited for.
    fn length(&self, bounds: Bounds) -> Result<Option<usize>, SessionError> {
        /// Every type of message a server sends (protocol section 53.7).
        const TYPES: &[u8] = b"123ACDEGHIKNRSTVWZcdnstv";
        let Some((&kind, rest)) = self.inbox.split_first() else { return Ok(None) };
        if !TYPES.contains(&kind) {
            return Err(garbage("it begins with no message of the protocol", &self.inbox));
        }
        let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length < HEADER - 1 {
            return Err(garbage("a message shorter than its header", &self.inbox));
        }
        if length > bounds.message {
            // A row is data, and its size the target's business; anything else that large is another protocol.
            return Err(match kind {
                b'D' | b'd' | b'T' => SessionError::Peer(Fault::TooLarge {
                    what: bounds.what.to_owned(),
                    limit: bounds.message as u64,
                }),
                _ => garbage(&format!("a message of {length} bytes"), &self.inbox),
            });
        }
        Ok(Some(length + 1))
    }
}

impl Bounds {
    const fn farewell() -> Self {
        Self { message: 64 * 1024, total: 1024 * 1024, what: "the server's last message" }
    }
}

/// What the peer said is not the protocol's.
pub(super) fn garbage(reason: &str, head: &[u8]) -> SessionError {
    SessionError::Peer(Fault::BadProtocol {
        expected: "PostgreSQL".to_owned(),
        reason: reason.to_owned(),
        head: one_line(head, SHOWN),
    })
}

fn failed(error: &io::Error, waiting_for: &str, received: u64) -> SessionError {
    if let Some(shortage) = exhausted(error) {
        return SessionError::Ours(shortage);
    }
    SessionError::Peer(broken_stream(error).unwrap_or_else(|| broken(error, waiting_for, received)))
}

/// Every field of an error that helps (protocol section 53.8).
pub(super) fn server_error(body: &ErrorResponseBody) -> SessionError {
    SessionError::Server(Box::new(told(body.fields())))
}

/// The fields of an error or a notice.
pub(super) fn told(mut fields: ErrorFields<'_>) -> ServerError {
    let mut error = ServerError::default();
    let (mut schema, mut objects) = (None, Vec::new());
    while let Ok(Some(field)) = fields.next() {
        let whole = String::from_utf8_lossy(field.value_bytes());
        let mut text: String = whole.chars().take(FIELD).collect();
        if text.len() < whole.len() {
            text.push_str("...");
        }
        match field.type_() {
            b'C' => error.sqlstate = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            b'R' => error.routine = Some(text),
            b's' => schema = Some(text),
            b't' | b'c' | b'd' | b'n' => objects.push(text),
            _ => {}
        }
    }
    let object: Vec<String> = schema.into_iter().chain(objects).collect();
    error.object = (!object.is_empty()).then(|| object.join("."));
    error
}
