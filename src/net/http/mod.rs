//! The HTTP exchange: one request over a connection that is ready, one whole answer, within limits.

mod decode;
mod fault;

use std::pin::{Pin, pin};
use std::sync::{Mutex, OnceLock, PoisonError};
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

/// Send one request and read the whole answer; `begun` is set as soon as the head is there. The caller limits the time.
///
/// The connection is driven in the caller's task and ends with the exchange.
///
/// # Errors
/// `BadProtocol` with the first bytes that came, `ClosedEarly`, `Reset`, `TooLarge`, `BadCompression`, or a TLS alert.
pub async fn exchange(
    stream: Stream,
    protocol: Protocol,
    request: Request<Full<Bytes>>,
    scrubber: &Scrubber,
    begun: &OnceLock<Head>,
) -> Result<Answer, Fault> {
    let tap = Tap::new(stream);
    let heard = tap.heard();
    let io = TokioIo::new(tap);
    let blame = Blame { protocol, heard: &heard, scrubber, begun };
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(LARGEST_HEAD);
            let (mut sender, connection) =
                builder.handshake(io).await.map_err(|error| blame.fault(&error))?;
            let send = async move { Ok((sender.send_request(request).await?, ())) };
            drive(pin!(connection), pin!(receive(send, &blame)), &blame).await
        }
        Protocol::Http2 => {
            let handshake = http2::Builder::new(TokioExecutor::new())
                .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
                .handshake(io);
            let (mut sender, connection) = handshake.await.map_err(|error| blame.fault(&error))?;
            // The sender has to live until the answer is there: the connection ends when it is dropped.
            let send = async move { Ok((sender.send_request(request).await?, sender)) };
            drive(pin!(connection), pin!(receive(send, &blame)), &blame).await
        }
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

/// Poll the connection and the exchange on it in one task: a spawned task costs more than the whole request.
async fn drive(
    mut connection: Pin<&mut impl Future<Output = Result<(), hyper::Error>>>,
    mut exchange: Pin<&mut impl Future<Output = Result<Answer, Fault>>>,
    blame: &Blame<'_>,
) -> Result<Answer, Fault> {
    tokio::select! {
        biased;
        ended = &mut connection => {
            let answer = exchange.await;
            match (answer, ended) {
                // The exchange only knows that the connection is gone; the connection knows why.
                (Err(Fault::ClosedEarly { .. }), Err(error)) => Err(blame.fault(&error)),
                (answer, _) => answer,
            }
        }
        answer = &mut exchange => answer,
    }
}

/// The whole answer; `K` is kept until then.
async fn receive<K>(
    send: impl Future<Output = Result<(Response<Incoming>, K), hyper::Error>>,
    blame: &Blame<'_>,
) -> Result<Answer, Fault> {
    let began = Instant::now();
    let (response, _keep) = send.await.map_err(|error| blame.fault(&error))?;
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
