//! One step of a flow: the request filled in, sent, judged, and what it answered kept.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cookie_store::RawCookie;
use hyper::header::{COOKIE, HeaderValue, SET_COOKIE};
use indexmap::IndexMap;
use serde_json::Value;
use url::Url;

use super::{Capture, Progress, Step};
use crate::model::fact::Fact;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::http::Answer;
use crate::probe::http::ask::{Asked, ask};
use crate::probe::http::fields::Text;
use crate::probe::http::request::Message;
use crate::probe::http::{admitted, judge, respond};
use crate::probe::{Recorder, Stop};
use crate::secret::Secret;

/// A captured value longer than this is refused: it has to fit into a request's head.
const LONGEST_CAPTURE: usize = 16 * 1024;

pub(super) async fn take(
    recorder: &mut Recorder,
    progress: &mut Progress,
    number: usize,
    step: &Step,
) -> Result<(), Stop> {
    let began = Instant::now();
    let message = message(recorder, progress, step).await?;
    let door = progress.way.door(recorder, &message.url)?;
    let connection = progress.way.reach(recorder, &door).await?;
    let mut ready = progress.way.prepare(recorder, &message.url, &door, connection).await?;
    let asked = Asked { message: &message, expect: step.expect.as_ref(), redirects: &[], follows: false, rested: false };
    let answer = ask(recorder, &mut ready, &asked).await?;
    if let Some(fault) = judge::auth(&answer, step.expect.as_ref()) {
        return Err(recorder.broke(Layer::Auth, Duration::ZERO, fault));
    }
    recorder.worked(Layer::Auth, Duration::ZERO, admitted(step.auth.as_ref()));
    remember_cookies(progress, &answer, &message.url);
    let mut mismatches = judge::payload(&answer, step.expect.as_ref(), began.elapsed()).err().unwrap_or_default();
    mismatches.extend(capture(progress, &answer, &message.url, &step.capture));
    if mismatches.is_empty() {
        let fact = Fact::Stepped { step: number, request: step.shown(), status: answer.status.as_u16() };
        recorder.worked(Layer::Payload, Duration::ZERO, fact);
        return Ok(());
    }
    let excerpt = (!answer.body.is_empty()).then(|| recorder.excerpt(&answer.body));
    Err(recorder.broke(Layer::Payload, Duration::ZERO, Fault::Mismatch { mismatches, excerpt }))
}

async fn message(recorder: &mut Recorder, progress: &Progress, step: &Step) -> Result<Message, Stop> {
    let captured = &progress.captured;
    let Some((method, path)) = step.request() else {
        return Err(VantageError::Setting { setting: "steps".to_owned(), reason: "a step has no path".to_owned() }.into());
    };
    let url = progress.base.join(&captured.fill(path));
    let planned = progress.base.join(&captured.blank(path)).unwrap_or_else(|_| progress.base.clone());
    let url = match url {
        // What a server said must not send the flow, and its credentials, to another server.
        Ok(url) if url.origin() == planned.origin() => url,
        other => {
            let got = other.map_or_else(|error| error.to_string(), |url| url.origin().ascii_serialization());
            let expected = format!("a path at {}", planned.origin().ascii_serialization());
            let mismatch = Mismatch { what: format!("path {path}"), expected, got };
            let fault = Fault::Mismatch { mismatches: vec![mismatch], excerpt: None };
            return Err(recorder.broke(Layer::Payload, Duration::ZERO, fault));
        }
    };
    let mut message = Message::new(method, url);
    message.add_headers(recorder, &filled(progress, &step.headers)).await?;
    if let Some(auth) = &step.auth {
        message.add_auth(recorder, auth).await?;
    }
    if !step.form.is_empty() {
        let form = form(recorder, &filled(progress, &step.form)).await?;
        message.set_body(form, "application/x-www-form-urlencoded");
    } else if let Some(json) = &step.json {
        message.set_body(captured.fill_json(json).to_string().into(), "application/json");
    } else if let Some(body) = &step.body {
        message.set_body(captured.fill(body).into(), "text/plain; charset=utf-8");
    }
    let cookies: Vec<String> = progress
        .jar
        .get_request_values(&message.url)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !cookies.is_empty()
        && let Ok(value) = HeaderValue::try_from(cookies.join("; "))
    {
        message.headers.entry(COOKIE).or_insert(value);
    }
    Ok(message)
}

fn filled(progress: &Progress, texts: &IndexMap<String, Text>) -> IndexMap<String, Text> {
    let fill = |text: &Text| match text {
        Text::Plain(plain) => Text::Plain(progress.captured.fill(plain)),
        Text::Secret(_) => text.clone(),
    };
    texts.iter().map(|(name, text)| (name.clone(), fill(text))).collect()
}

async fn form(recorder: &Recorder, fields: &IndexMap<String, Text>) -> Result<Bytes, Stop> {
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, text) in fields {
        let value = match text {
            Text::Plain(plain) => Secret::new(plain),
            Text::Secret(reference) => recorder.secret(reference).await?,
        };
        pairs.push((name, value));
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.expose())));
    Ok(form.finish().into())
}

fn remember_cookies(progress: &mut Progress, answer: &Answer, url: &Url) {
    let cookies = answer.headers.get_all(SET_COOKIE).iter().filter_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        RawCookie::parse(text).ok()
    });
    progress.jar.store_response_cookies(cookies, url);
}

/// Keep what the step captures; what is not there is a mismatch.
fn capture(
    progress: &mut Progress,
    answer: &Answer,
    url: &Url,
    captures: &IndexMap<String, Capture>,
) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (name, capture) in captures {
        let found = match capture {
            Capture::Json(path) => serde_json::from_slice::<Value>(&answer.body).ok().and_then(|tree| {
                let found = path.find(&tree)?;
                Some(found.as_str().map_or_else(|| found.to_string(), ToOwned::to_owned))
            }),
            Capture::Header(header) => respond::header(&answer.headers, header),
            Capture::Cookie(cookie) => {
                let mut cookies = progress.jar.get_request_values(url);
                cookies.find(|(known, _)| known == cookie).map(|(_, value)| value.to_owned())
            }
            Capture::Regex(pattern) => regex::Regex::new(pattern).ok().and_then(|pattern| {
                let text = String::from_utf8_lossy(&answer.body);
                let groups = pattern.captures(&text)?;
                groups.get(1).or_else(|| groups.get(0)).map(|group| group.as_str().to_owned())
            }),
        };
        match found {
            Some(value) if value.len() <= LONGEST_CAPTURE => progress.captured.keep(name, value),
            other => mismatches.push(Mismatch {
                what: format!("capture {name} ({})", capture.source()),
                expected: format!("a value of at most {LONGEST_CAPTURE} bytes"),
                got: other.map_or_else(|| "nothing".to_owned(), |value| format!("{} bytes", value.len())),
            }),
        }
    }
    mismatches
}

impl Capture {
    /// Where it is taken from, for people.
    fn source(&self) -> String {
        match self {
            Self::Json(path) => format!("json {path}"),
            Self::Header(name) => format!("header {name}"),
            Self::Cookie(name) => format!("cookie {name}"),
            Self::Regex(pattern) => format!("regex {pattern}"),
        }
    }
}
