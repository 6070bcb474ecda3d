//! What an error of the HTTP library says about the peer.

use std::error::Error;
use std::io;

use super::{LARGEST_HEAD, Protocol};
use crate::model::fault::Fault;
use crate::net::os_error::is_reset;
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
    let closed = || Fault::ClosedEarly {
        waiting_for: if heard.received() == 0 { "response head" } else { "end of the response" }.to_owned(),
        received: heard.received(),
    };
    // The library tells a head over its limit from a broken one in words only.
    if error.is_parse() && heard.received() >= LARGEST_HEAD as u64 {
        return Fault::TooLarge { what: "the response head".to_owned(), limit: LARGEST_HEAD as u64 };
    }
    if error.is_parse() {
        return bad(chain(error));
    }
    if let Some(io) = io_error(error) {
        return if let Some(fault) = broken_stream(io) {
            fault
        } else if is_reset(io) {
            Fault::Reset { during: "waiting for the response".to_owned() }
        } else if io.kind() == io::ErrorKind::UnexpectedEof {
            closed()
        } else {
            bad(io.to_string())
        };
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return closed();
    }
    bad(chain(error))
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
