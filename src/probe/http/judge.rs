//! Judges an answer layer by layer: status and headers, then who we are, then what came.

use std::time::Duration;

use hyper::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use serde_json::Value;

use super::fields::Expect;
use super::respond::header;
use super::way::whole_milliseconds;
use crate::model::fact::Looked;
use crate::model::fault::{Fault, Mismatch};
use crate::net::http::Answer;
use crate::net::stream::one_line;

/// Bytes kept of a header's value.
const LONGEST_HEADER: usize = 256;

/// Whether the status is one that says something about credentials.
fn concerns_auth(status: u16) -> bool {
    matches!(status, 401 | 403 | 407)
}

fn wants(expect: Option<&Expect>, status: u16) -> Option<Mismatch> {
    match expect.and_then(|expect| expect.status.as_ref()) {
        Some(matcher) => matcher.mismatch("status", Some(&Value::from(status))),
        None if (200..300).contains(&status) => None,
        None => Some(Mismatch {
            what: "status".to_owned(),
            expected: "2xx".to_owned(),
            got: status.to_string(),
        }),
    }
}

/// The protocol layer: status and headers. A refusal is left to the auth layer.
pub(in crate::probe) fn protocol(
    answer: &Answer,
    expect: Option<&Expect>,
    excerpt: impl FnOnce(&[u8]) -> String,
) -> Result<(), Fault> {
    let status = answer.status.as_u16();
    let unwanted = wants(expect, status);
    if unwanted.is_some() && concerns_auth(status) {
        return Ok(());
    }
    let mut mismatches: Vec<Mismatch> = unwanted.into_iter().collect();
    for (name, matcher) in expect.iter().flat_map(|expect| &expect.headers) {
        let got = header(&answer.headers, name).map(Value::from);
        mismatches.extend(matcher.mismatch(&format!("header {name}"), got.as_ref()));
    }
    if mismatches.is_empty() {
        return Ok(());
    }
    let excerpt = (!answer.body.is_empty()).then(|| excerpt(&answer.body));
    Err(Fault::Mismatch { mismatches, excerpt })
}

/// The auth layer: a refusal that was not expected.
pub(in crate::probe) fn auth(answer: &Answer, expect: Option<&Expect>) -> Option<Fault> {
    let status = answer.status.as_u16();
    if !concerns_auth(status) || wants(expect, status).is_none() {
        return None;
    }
    let challenges = match status {
        403 => return Some(Fault::Forbidden { status }),
        407 => PROXY_AUTHENTICATE,
        _ => WWW_AUTHENTICATE,
    };
    let offered = answer.headers.get_all(challenges).iter();
    let offered = offered.map(|value| one_line(value.as_bytes(), LONGEST_HEADER)).collect();
    Some(Fault::Unauthorized { status, offered })
}

/// The payload layer: body, JSON and time. Answers with what was looked at.
pub(in crate::probe) fn payload(
    answer: &Answer,
    expect: Option<&Expect>,
    took: Duration,
) -> Result<Vec<Looked>, Vec<Mismatch>> {
    let Some(expect) = expect else { return Ok(Vec::new()) };
    let mut looked = Vec::new();
    let mut mismatches = Vec::new();
    if let Some(matcher) = &expect.body {
        let text = String::from_utf8_lossy(&answer.body);
        mismatches.extend(shortened(matcher.mismatch("body", Some(&Value::from(text)))));
    }
    if !expect.json.is_empty() {
        match serde_json::from_slice::<Value>(&answer.body) {
            Err(error) => mismatches.push(Mismatch {
                what: "body".to_owned(),
                expected: "JSON".to_owned(),
                got: if answer.body.is_empty() { "nothing".to_owned() } else { format!("no JSON: {error}") },
            }),
            Ok(tree) => {
                for (path, matcher) in &expect.json {
                    let found = path.find(&tree);
                    match matcher.mismatch(path.as_str(), found.as_deref()) {
                        Some(mismatch) => mismatches.extend(shortened(Some(mismatch))),
                        None => looked.push(Looked {
                            what: path.as_str().to_owned(),
                            got: found.map_or_else(|| "nothing".to_owned(), |value| brief(&value)),
                        }),
                    }
                }
            }
        }
    }
    if let Some(most) = expect.max_ms {
        let took = whole_milliseconds(took);
        if took > most {
            let expected = format!("at most {most} ms");
            mismatches.push(Mismatch { what: "time".to_owned(), expected, got: format!("{took} ms") });
        } else {
            looked.push(Looked { what: "time".to_owned(), got: format!("{took} ms") });
        }
    }
    if mismatches.is_empty() { Ok(looked) } else { Err(mismatches) }
}

/// What came, cut to a length a report can hold.
fn shortened(mismatch: Option<Mismatch>) -> Option<Mismatch> {
    /// Bytes of one value in a mismatch; the body itself is in the excerpt.
    const LONGEST: usize = 400;
    mismatch.map(|mut mismatch| {
        if mismatch.got.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|&index| mismatch.got.is_char_boundary(index)).unwrap_or(0);
            mismatch.got.truncate(end);
            mismatch.got.push_str("...");
        }
        mismatch
    })
}

fn brief(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    one_line(text.as_bytes(), LONGEST_HEADER)
}
