//! The HTTP exchange: one request over a connection that is ready, one whole answer, within limits.

mod decode;
mod fault;

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::stream::{Heard, Stream, Tap};
use crate::model::fault::Fault;
use crate::secret::Scrubber;

/// A larger response head is refused.
pub const LARGEST_HEAD: usize = 64 * 1024;
/// A larger body, as sent or unpacked, is refused.
pub const LARGEST_BODY: u64 = 8 * 1024 * 1024;

/// Which HTTP is spoken on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// A whole response, its body unpacked.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Protocol version of the response.
    pub version: Version,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, without its content coding.
    pub body: Bytes,
    /// From the request to the response head.
    pub first_byte: Duration,
}

impl Answer {
    /// Its head alone.
    #[must_use]
    pub fn head(&self) -> Head {
        let Self { status, version, headers, first_byte, .. } = self;
        Head { status: *status, version: *version, headers: headers.clone(), first_byte: *first_byte }
    }
}

/// The head of an answer, whatever becomes of its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// Status code.
    pub status: StatusCode,
    /// Protocol version of the response.
    pub version: Version,
    /// Headers.
    pub headers: HeaderMap,
    /// From the request to the response head.
    pub first_byte: Duration,
}

/// Send one request on a connection of its own: a [`Conversation`] of one answer, with the same limits and errors.
///
/// # Errors
/// Those of [`Conversation::ask`].
pub async fn exchange(
    stream: Stream,
    protocol: Protocol,
    request: Request<Full<Bytes>>,
    scrubber: &Scrubber,
    begun: &OnceLock<Head>,
) -> Result<Answer, Fault> {
    Conversation::new(stream, protocol).ask(request, scrubber, begun).await
}

/// A connection on which one request after the other can be sent. It is driven in the caller's task, while it is asked and
/// while it is idle, and closed on drop.
pub struct Conversation {
    protocol: Protocol,
    heard: Arc<Mutex<Heard>>,
    line: Line,
}

/// How far a connection is.
enum Line {
    /// Nothing was sent on it.
    New(Tap<Stream>),
    Http1(http1::SendRequest<Full<Bytes>>, Box<Http1Connection>),
    Http2(http2::SendRequest<Full<Bytes>>, Box<Http2Connection>),
    /// It was closed, by whichever side.
    Closed,
}

type Http1Connection = http1::Connection<TokioIo<Tap<Stream>>, Full<Bytes>>;
type Http2Connection = http2::Connection<TokioIo<Tap<Stream>>, Full<Bytes>, TokioExecutor>;

impl Conversation {
    /// On a connection that is ready for it.
    #[must_use]
    pub fn new(stream: Stream, protocol: Protocol) -> Self {
        let tap = Tap::new(stream);
        Self { protocol, heard: tap.heard(), line: Line::New(tap) }
    }

    /// Which HTTP is spoken.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Send one request and read the whole answer; `begun` is set as soon as the head is there. The caller limits the time.
    ///
    /// # Errors
    /// `BadProtocol` with the first bytes that came, `ClosedEarly`, `Reset`, `TooLarge`, `BadCompression`, or a TLS alert.
    pub async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        scrubber: &Scrubber,
        begun: &OnceLock<Head>,
    ) -> Result<Answer, Fault> {
        let blame = Blame { protocol: self.protocol, heard: &self.heard, scrubber, begun };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Heard::default();
        let mut line = match std::mem::replace(&mut self.line, Line::Closed) {
            Line::New(tap) => begin(tap, self.protocol).await.map_err(|error| blame.fault(&error))?,
            line @ (Line::Http1(..) | Line::Http2(..) | Line::Closed) => line,
        };
        let (answer, is_open) = match &mut line {
            Line::Http1(sender, connection) => {
                let send = async {
                    sender.ready().await?;
                    sender.send_request(request).await
                };
                drive(pin!(connection), pin!(receive(send, &blame)), &blame).await
            }
            Line::Http2(sender, connection) => {
                let send = async {
                    sender.ready().await?;
                    sender.send_request(request).await
                };
                drive(pin!(connection), pin!(receive(send, &blame)), &blame).await
            }
            Line::New(_) | Line::Closed => {
                let closed = Fault::ClosedEarly { waiting_for: "response head".to_owned(), received: 0 };
                (Err(closed), false)
            }
        };
        if is_open && answer.is_ok() {
            self.line = line;
        }
        answer
    }

    /// Send nothing for so long.
    ///
    /// # Errors
    /// After how long the server closed the connection; zero when it did not keep it open after its answer.
    pub async fn rest(&mut self, how_long: Duration) -> Result<(), Duration> {
        let began = Instant::now();
        let resting = tokio::time::sleep(how_long);
        let is_open = match &mut self.line {
            Line::New(_) => {
                resting.await;
                true
            }
            Line::Http1(_, connection) => outlasts(pin!(connection), resting).await,
            Line::Http2(_, connection) => outlasts(pin!(connection), resting).await,
            Line::Closed => return Err(Duration::ZERO),
        };
        if is_open {
            return Ok(());
        }
        self.line = Line::Closed;
        Err(began.elapsed())
    }
}

/// The protocol's own beginning.
async fn begin(tap: Tap<Stream>, protocol: Protocol) -> Result<Line, hyper::Error> {
    let io = TokioIo::new(tap);
    Ok(match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(LARGEST_HEAD);
            let (sender, connection) = builder.handshake(io).await?;
            Line::Http1(sender, Box::new(connection))
        }
        Protocol::Http2 => {
            let largest = u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX);
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.max_header_list_size(largest);
            let (sender, connection) = builder.handshake(io).await?;
            Line::Http2(sender, Box::new(connection))
        }
    })
}

/// Whether the connection is still open when the rest is over.
async fn outlasts<C, E>(mut connection: Pin<&mut C>, resting: tokio::time::Sleep) -> bool
where
    C: Future<Output = Result<(), E>>,
{
    tokio::select! {
        biased;
        _ = &mut connection => false,
        () = resting => true,
    }
}

/// What is needed to say whose fault an error is.
struct Blame<'a> {
    protocol: Protocol,
    heard: &'a Mutex<Heard>,
    scrubber: &'a Scrubber,
    begun: &'a OnceLock<Head>,
}

impl Blame<'_> {
    fn fault(&self, error: &hyper::Error) -> Fault {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        fault::classify(error, self.protocol, &heard, self.scrubber)
    }
}

/// Poll the connection and the exchange on it in one task: a spawned task costs more than the whole request. And whether
/// the connection is still open.
async fn drive(
    mut connection: Pin<&mut impl Future<Output = Result<(), hyper::Error>>>,
    mut exchange: Pin<&mut impl Future<Output = Result<Answer, Fault>>>,
    blame: &Blame<'_>,
) -> (Result<Answer, Fault>, bool) {
    tokio::select! {
        biased;
        ended = &mut connection => {
            let answer = exchange.await;
            let answer = match (answer, ended) {
                // The exchange only knows that the connection is gone; the connection knows why.
                (Err(Fault::ClosedEarly { .. }), Err(error)) => Err(blame.fault(&error)),
                (answer, _) => answer,
            };
            (answer, false)
        }
        answer = &mut exchange => (answer, true),
    }
}

async fn receive(
    send: impl Future<Output = Result<Response<Incoming>, hyper::Error>>,
    blame: &Blame<'_>,
) -> Result<Answer, Fault> {
    let began = Instant::now();
    let response = send.await.map_err(|error| blame.fault(&error))?;
    let first_byte = began.elapsed();
    let (mut head, body) = response.into_parts();
    let (status, version, headers) = (head.status, head.version, head.headers.clone());
    // Only the first answer is kept, and there is one.
    let _ = blame.begun.set(Head { status, version, headers, first_byte });
    let body = read_body(body, &mut head.headers, blame).await?;
    let body = decode::decode(&head.headers, body).await?;
    Ok(Answer { status: head.status, version: head.version, headers: head.headers, body, first_byte })
}

/// What a gRPC server sends after the body, or in the head when there is none: the same to whoever reads it.
const TRAILERS: [&str; 2] = ["grpc-status", "grpc-message"];

/// The whole body; of its trailers those of gRPC become headers.
async fn read_body(mut body: Incoming, headers: &mut HeaderMap, blame: &Blame<'_>) -> Result<Bytes, Fault> {
    let too_large = || Fault::TooLarge { what: "the response body".to_owned(), limit: LARGEST_BODY };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > LARGEST_BODY) && !hyper::body::Body::is_end_stream(&body)
    {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| blame.fault(&error))?;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                for name in TRAILERS {
                    if let Some(value) = trailers.get(name) {
                        headers.entry(name).or_insert(value.clone());
                    }
                }
                continue;
            }
        };
        if (only.len() + whole.len() + data.len()) as u64 > LARGEST_BODY {
            return Err(too_large());
        }
        // Most bodies come in one piece, which is then not copied.
        if only.is_empty() && whole.is_empty() {
            only = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut only));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { only } else { whole.freeze() })
}

#[cfg(test)]
mod tests;
