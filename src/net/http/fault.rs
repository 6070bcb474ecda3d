//! What an error of the HTTP library says about the peer.

use std::error::Error;
use std::io;

use super::{LARGEST_HEAD, Protocol};
use crate::model::fault::Fault;
use crate::net::os_error::broken;
use crate::net::stream::{Heard, one_line};
use crate::net::tls::broken_stream;
use crate::secret::Scrubber;

/// Bytes of an answer shown when it is not HTTP.
const SHOWN: usize = 200;

pub(super) fn classify(
    error: &hyper::Error,
    protocol: Protocol,
    heard: &Heard,
    scrubber: &Scrubber,
) -> Fault {
    let begin = || one_line(scrubber.text(&String::from_utf8_lossy(heard.head())).as_bytes(), SHOWN);
    let bad =
        |reason: String| Fault::BadProtocol { expected: protocol.name().to_owned(), reason, head: begin() };
    let waiting_for = if heard.received() == 0 { "response head" } else { "end of the response" };
    // The library tells a head over its limit from a broken one in words only.
    if error.is_parse() && heard.received() >= LARGEST_HEAD as u64 {
        return Fault::TooLarge { what: "the response head".to_owned(), limit: LARGEST_HEAD as u64 };
    }
    if error.is_parse() {
        return bad(chain(error));
    }
    if let Some(io) = io_error(error) {
        // The library's own words about a malformed body come as I/O errors too, without an errno.
        let malformed = matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
            && io.raw_os_error().is_none();
        return match broken_stream(io) {
            Some(fault) => fault,
            None if malformed => bad(io.to_string()),
            None => broken(io, waiting_for, heard.received()),
        };
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        // A server that speaks first ends the connection before the library has read it as an answer.
        if protocol == Protocol::Http1 && !begins_as_http(heard.head()) {
            return bad("the server spoke another protocol".to_owned());
        }
        return Fault::ClosedEarly { waiting_for: waiting_for.to_owned(), received: heard.received() };
    }
    bad(chain(error))
}

/// Whether these may be the first bytes of an answer (RFC 9112 section 4); none have to be there.
fn begins_as_http(head: &[u8]) -> bool {
    let begin = b"HTTP/";
    head.starts_with(begin) || begin.starts_with(head)
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref() {
            return Some(io);
        }
        source = cause.source();
    }
    None
}

fn chain(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
