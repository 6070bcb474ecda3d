//! What is kept of an answer, and of the request it is an answer to.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    AGE, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, LINK, LOCATION,
    PROXY_AUTHENTICATE, RETRY_AFTER, SERVER, TRANSFER_ENCODING, UPGRADE, VIA, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Version};
use serde_json::Value;

use super::fields::Expect;
use crate::model::response::{Body, BodyKind, Response, Sent};
use crate::net::http::{Answer, Head};
use crate::net::stream::one_line;

/// Bytes kept of a header's value.
const LONGEST_HEADER: usize = 256;
/// Names kept of a JSON object, and headers of a request.
const MOST_NAMES: usize = 32;
/// Bytes kept of a name or a title.
const LONGEST_NAME: usize = 64;
/// Bodies beyond this are not read for their shape.
const LARGEST_SHAPED: usize = 256 * 1024;
/// Clocks this far apart, in seconds, are nothing: `Date` has whole seconds, and answers take a moment.
const SAME_TIME_S: i64 = 5;

/// Kept of every answer.
const ALWAYS: [HeaderName; 4] = [SERVER, VIA, CONTENT_TYPE, LOCATION];
/// The same: how a gRPC call ended, whatever the status.
const OF_GRPC: [&str; 2] = ["grpc-status", "grpc-message"];
/// Kept of an answer that is not 2xx: why, and what would be accepted.
const REASONS: [HeaderName; 6] = [WWW_AUTHENTICATE, PROXY_AUTHENTICATE, RETRY_AFTER, ALLOW, UPGRADE, LINK];
/// The same, which the library has no constants for (RFC 9209, RFC 9110 section 12.5.1, Envoy).
const REASONS_BY_NAME: [&str; 4] =
    ["proxy-status", "accept-post", "x-envoy-upstream-service-time", "x-envoy-response-flags"];
/// Kept of an answer whose body broke.
const FRAMING: [HeaderName; 3] = [CONTENT_LENGTH, TRANSFER_ENCODING, CONTENT_ENCODING];

/// The head of an answer, with the headers worth keeping.
pub(super) fn response(head: &Head, expect: Option<&Expect>, redirects: &[String], sent: &Sent) -> Response {
    let succeeded = head.status.is_success();
    let asserted = expect.into_iter().flat_map(|expect| expect.headers.keys().map(String::as_str));
    let reasons = REASONS.iter().map(HeaderName::as_str).chain(REASONS_BY_NAME).filter(|_| !succeeded);
    let names = ALWAYS.iter().map(HeaderName::as_str).chain(OF_GRPC).chain(reasons).chain(asserted);
    Response {
        status: head.status.as_u16(),
        version: version(head.version).to_owned(),
        headers: kept(&head.headers, names),
        first_byte_ms: head.first_byte.as_secs_f64() * 1000.0,
        redirects: redirects.to_vec(),
        clock_offset_s: clock_offset(&head.headers),
        body: None,
        sent: (!succeeded).then(|| sent.clone()),
    }
}

/// The head of an answer whose body did not come, or not whole.
pub(super) fn broken(head: &Head, expect: Option<&Expect>, redirects: &[String], sent: &Sent) -> Response {
    let mut response = response(head, expect, redirects, sent);
    response.headers.extend(kept(&head.headers, FRAMING.iter().map(HeaderName::as_str)));
    response
}

fn kept<'n>(headers: &HeaderMap, names: impl Iterator<Item = &'n str>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for name in names {
        if let Some(value) = header(headers, name)
            && !kept.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            kept.push((name.to_owned(), one_line(value.as_bytes(), LONGEST_HEADER)));
        }
    }
    kept
}

/// A header's value; one that is repeated is joined by commas (RFC 9110 section 5.3).
pub(in crate::probe) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    Some(values.fold(first, |joined, value| format!("{joined}, {value}")))
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// How far the server's clock is off; an answer out of a cache (RFC 9111 section 5.1) tells nothing.
fn clock_offset(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE).filter(|_| !headers.contains_key(AGE))?;
    let date = jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok()?.timestamp();
    let offset = date.as_second() - jiff::Timestamp::now().as_second();
    (offset.abs() > SAME_TIME_S).then_some(offset)
}

/// What a request is like, without its values.
pub(super) fn sent(request: &Request<Full<Bytes>>) -> Sent {
    let body = hyper::body::Body::size_hint(request.body()).lower();
    outline(request.method(), request.headers(), body)
}

/// The same, of its parts.
pub(super) fn outline(method: &Method, headers: &HeaderMap, body_bytes: u64) -> Sent {
    let name = |name: &HeaderName| one_line(name.as_str().as_bytes(), LONGEST_NAME);
    let head: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    Sent {
        method: method.to_string(),
        headers: headers.keys().take(MOST_NAMES).map(name).collect(),
        head_bytes: head as u64,
        body_bytes,
    }
}

/// The shape of a body.
pub(in crate::probe) fn body(answer: &Answer, excerpt: impl FnOnce(&[u8]) -> String) -> Body {
    let refused = matches!(answer.status.as_u16(), 401 | 403 | 407) && !answer.body.is_empty();
    let begins = refused.then(|| excerpt(&answer.body));
    let bytes = answer.body.len() as u64;
    let tree = if answer.body.len() <= LARGEST_SHAPED { serde_json::from_slice(&answer.body).ok() } else { None };
    let mut shape = Body { kind: kind(&answer.body, tree.is_some()), bytes, begins, ..Body::default() };
    match tree {
        Some(Value::Object(fields)) => {
            for (name, value) in fields.iter().take(MOST_NAMES) {
                let name = one_line(name.as_bytes(), LONGEST_NAME);
                if let Value::Array(items) = value {
                    shape.items.push((name.clone(), items.len() as u64));
                }
                shape.keys.push(name);
            }
        }
        Some(Value::Array(items)) => shape.items.push(("$".to_owned(), items.len() as u64)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
    }
    if shape.kind == BodyKind::Html {
        shape.title = title(&answer.body);
    } else if shape.kind == BodyKind::Xml && answer.body.len() <= LARGEST_SHAPED {
        shape.endpoints = endpoints(&String::from_utf8_lossy(&answer.body));
    }
    shape
}

/// What the bytes are: servers err in `Content-Type`.
fn kind(body: &[u8], is_json: bool) -> BodyKind {
    /// Bytes that are looked at.
    const BEGINNING: usize = 1024;
    if body.starts_with(&[0x1f, 0x8b]) {
        return BodyKind::Gzip;
    }
    let beginning = String::from_utf8_lossy(body.get(..BEGINNING).unwrap_or(body)).to_lowercase();
    let text = beginning.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let is_html = text.starts_with("<!doctype html") || text.contains("<html") || text.contains("<body");
    if body.is_empty() {
        BodyKind::Empty
    } else if is_json {
        BodyKind::Json
    } else if text.starts_with(['{', '[']) {
        // One that is too long or too deep to be read is taken for what it begins as.
        let is_whole = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if body.len() > LARGEST_SHAPED || is_whole() { BodyKind::Json } else { BodyKind::BrokenJson }
    } else if is_html {
        BodyKind::Html
    } else if text.starts_with('<') {
        BodyKind::Xml
    } else if text.contains('\u{fffd}') || text.contains('\0') {
        BodyKind::Binary
    } else {
        BodyKind::Text
    }
}

/// Where a WSDL sends its callers: what is an address by its local name and has a location.
fn endpoints(text: &str) -> Vec<String> {
    /// Ports of one service that are kept.
    const MOST: usize = 8;
    let tags = text.split('<').skip(1).filter_map(|tag| tag.split('>').next());
    let locations = tags.filter_map(|tag| {
        let (name, attributes) = tag.split_once(char::is_whitespace)?;
        let (_, value) = attributes.split_once("location=").filter(|_| name.rsplit(':').next() == Some("address"))?;
        let value = value.strip_prefix(['"', '\''])?.split(['"', '\'']).next()?;
        Some(one_line(super::without_userinfo(value).as_bytes(), LONGEST_HEADER))
    });
    locations.take(MOST).collect()
}

fn title(body: &[u8]) -> Option<String> {
    /// Bytes in which a title is looked for.
    const BEGINNING: usize = 8 * 1024;
    let text = String::from_utf8_lossy(body.get(..BEGINNING).unwrap_or(body));
    let lower = text.to_ascii_lowercase();
    let begin = lower.find("<title")?;
    let begin = begin + lower.get(begin..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title")?;
    let words = text.get(begin..end)?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then(|| one_line(words.as_bytes(), LONGEST_NAME))
}
