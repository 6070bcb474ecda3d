//! `http`: one call, judged layer by layer. Its fields are in `fields`, the way to the server in `way`, the judgement in
//! `judge`; `flow` is made of the same parts.

pub(super) mod ask;
pub(super) mod bind;
pub mod fields;
pub(super) mod judge;
pub(super) mod request;
pub(super) mod respond;
mod reuse;
mod tally;
pub(super) mod way;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use hyper::header::LOCATION;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::file_ref::FileRef;
use super::reach::Addresses;
use super::tls::CertificateFiles;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::http::Answer;
use crate::net::proxy::Proxy;
use crate::net::tls::Trust;
use crate::period::Period;
use ask::{Asked, ask};
use fields::{Auth, Expect, HttpVersion, Text, WrittenUrl};
use request::Message;
use tally::Tally;
use way::{Detour, Door, ProxyChoice, Way, is_secured};

/// Bytes of a body kept in a trace.
pub(super) const EXCERPT: usize = 2048;

/// One HTTP call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// An `http://` or `https://` URL.
    #[schemars(with = "String")]
    pub url: WrittenUrl,
    /// The method; GET when absent, POST when there is a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Text>,
    /// A body to send as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A body to send as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// Who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Trusted authorities in a PEM file, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<FileRef>,
    /// Our own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateFiles>,
    /// `1.1` or `2`; what the server prefers when absent, `1.1` without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_version: Option<HttpVersion>,
    /// A proxy's URL, `environment` for the one the environment names, or `none`, which is the default but for a link's path
    /// with `as_application`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Connect to this `host:port` instead of the URL's; names and headers stay those of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<String>,
    /// Redirects to follow; a further one is judged like any other answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(max = 20))]
    pub redirects: u8,
    /// Carry the first address that answers through the layers above TCP, or every one.
    #[serde(default)]
    pub addresses: Addresses,
    /// Call this many times, each on a new connection; every call has to pass.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    #[schemars(range(min = 1, max = 100))]
    pub repeat: u8,
    /// Once it is answered, leave the connection idle for this long and make the call again on it, as the pool of an
    /// application does; the server may not have closed it, nor a firewall on the way forgotten it. Comes on top of `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_after: Option<Period>,
    /// Keep the beginning of the body in the result even when it is as expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record_body: bool,
    /// What the answer has to be like; without it, status 2xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

const fn once() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_once(repeat: &u8) -> bool {
    *repeat == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(redirects: &u8) -> bool {
    *redirects == 0
}

impl Probe for Http {
    fn layers(&self) -> Vec<Layer> {
        let mut layers = vec![Layer::Dns, Layer::Route, Layer::Tcp];
        if is_secured(&self.url) {
            layers.push(Layer::Tls);
        }
        layers.extend([Layer::Protocol, Layer::Auth, Layer::Payload]);
        layers
    }

    fn target(&self) -> String {
        without_userinfo(&self.url)
    }

    fn endpoint(&self) -> String {
        if let Some(connect_to) = &self.connect_to {
            return connect_to.clone();
        }
        self.url
            .read()
            .map_or_else(|_| self.target(), |url| format!("{}:{}", way::host_of(url), way::port_of(url)))
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        bind::bind(self, surroundings)
    }

    fn local_files(&mut self) -> Vec<&mut PathBuf> {
        let certificate = self.client_certificate.iter_mut().flat_map(|files| [&mut files.cert, &mut files.key]);
        self.ca.iter_mut().chain(certificate).filter_map(FileRef::local).collect()
    }

    /// Safe methods (RFC 9110 section 9.2.1), without content.
    fn harmless(&self) -> Option<Self> {
        let safe = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS");
        let only_asks =
            self.body.is_none() && self.json.is_none() && self.method.as_deref().is_none_or(safe);
        only_asks.then(|| self.clone())
    }

    fn rests(&self) -> Duration {
        self.reuse_after.map_or(Duration::ZERO, |period| period.0)
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("{} {}", self.method().unwrap_or_default(), self.target())]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let way = self.way()?;
        let message = self.message(recorder).await?;
        let mut tally = Tally::default();
        for _ in 0..self.repeat {
            match self.addresses {
                Addresses::First => {
                    let began = Instant::now();
                    let door = way.door(recorder, &message.url)?;
                    let result = match way.reach(recorder, &door).await {
                        Ok(connection) => self.call(recorder, &way, &message, door, connection, began).await,
                        Err(stop) => Err(stop),
                    };
                    tally.count(result)?;
                }
                Addresses::All => {
                    let began = Instant::now();
                    let door = way.door(recorder, &message.url)?;
                    let (connections, unreached) = way.reach_all(recorder, &door).await?;
                    let reaching = began.elapsed();
                    tally.miss(unreached);
                    for connection in connections {
                        recorder.about(Some(connection.address));
                        let began = Instant::now().checked_sub(reaching).unwrap_or_else(Instant::now);
                        let door = way.door(recorder, &message.url)?;
                        tally.count(self.call(recorder, &way, &message, door, connection, began).await)?;
                    }
                    recorder.about(None);
                }
            }
        }
        tally.close(recorder)
    }
}

impl Http {
    fn method(&self) -> Option<Method> {
        match &self.method {
            Some(written) => Method::from_bytes(written.to_ascii_uppercase().as_bytes()).ok(),
            None if self.body.is_some() || self.json.is_some() => Some(Method::POST),
            None => Some(Method::GET),
        }
    }

    fn way(&self) -> Result<Way, VantageError> {
        let setting = |setting: &str, reason| VantageError::Setting { setting: setting.to_owned(), reason };
        let proxy = match self.proxy.as_deref() {
            None => ProxyChoice::Unsaid,
            Some("none") => ProxyChoice::None,
            Some("environment") => ProxyChoice::Environment,
            Some(url) => ProxyChoice::Given(Proxy::parse(url).map_err(|reason| setting("proxy", reason))?),
        };
        let to = way::connect_to(self.connect_to.as_ref()).map_err(|reason| setting("connect_to", reason))?;
        let detour = match to {
            Some(to) => {
                let url = self.url.read().map_err(|error| setting("url", error.to_string()))?;
                Some(Detour { origin: url.origin(), to })
            }
            None => None,
        };
        Ok(Way {
            trust: self.ca.as_ref().map(|ca| Trust::File(ca.path().to_owned())),
            client_certificate: self.client_certificate.as_ref().map(CertificateFiles::files),
            version: self.http_version,
            proxy,
            detour,
        })
    }

    /// The request, with its secrets found.
    ///
    /// # Errors
    /// `Stop::Blind` when something of it cannot be had or makes no request.
    pub(crate) async fn message(&self, recorder: &Recorder) -> Result<Message, Stop> {
        let setting = |setting: &str, reason: String| VantageError::Setting { setting: setting.to_owned(), reason };
        let url = self.url.read().map_err(|error| setting("url", error.to_string()))?;
        let method = self.method().ok_or_else(|| setting("method", "it is not a method".to_owned()))?;
        let mut message = Message::new(method, url.clone());
        message.add_headers(recorder, &self.headers).await?;
        if self.reuse_after.is_some() {
            message.keep_alive();
        }
        if let Some(auth) = &self.auth {
            message.add_auth(recorder, auth).await?;
        }
        if let Some(json) = &self.json {
            message.set_body(json.to_string().into(), "application/json");
        } else if let Some(body) = &self.body {
            message.set_body(Bytes::copy_from_slice(body.as_bytes()), "text/plain; charset=utf-8");
        }
        Ok(message)
    }

    /// From an open connection to the last layer, following redirects.
    async fn call(
        &self,
        recorder: &mut Recorder,
        way: &Way,
        message: &Message,
        mut door: Door,
        connection: crate::net::connect::Connection,
        began: Instant,
    ) -> Result<(), Stop> {
        let mut redirects: Vec<String> = Vec::new();
        let mut message = Cow::Borrowed(message);
        let mut connection = connection;
        let expect = self.expect.as_ref();
        let (answer, ready) = loop {
            let mut ready = way.prepare(recorder, &message.url, &door, connection).await?;
            let follow = redirects.len() < usize::from(self.redirects);
            let asked = Asked { message: &message, expect, redirects: &redirects, follows: follow, rested: false };
            let answer = ask(recorder, &mut ready, &asked).await?;
            let Some(next) = target_of(&answer, &message.url).filter(|_| follow) else { break (answer, ready) };
            redirects.push(without_userinfo(next.as_str()));
            message = Cow::Owned(message.into_owned().redirected(answer.status, next));
            door = way.door(recorder, &message.url)?;
            connection = way.reach(recorder, &door).await?;
        };
        self.judge(recorder, &answer, began.elapsed())?;
        let Some(Period(idle)) = self.reuse_after else { return Ok(()) };
        let asked = Asked { message: &message, expect, redirects: &redirects, follows: false, rested: true };
        self.reuse(recorder, ready, &asked, idle).await
    }

    /// The protocol layer and those above it, of an answer that something else than this program fetched.
    ///
    /// # Errors
    /// `Stop::Broke`, once the broken layer is recorded.
    pub(crate) fn judge_fetched(
        &self,
        recorder: &mut Recorder,
        message: &Message,
        answer: &Answer,
        took: Duration,
    ) -> Result<(), Stop> {
        let expect = self.expect.as_ref();
        let mut response = respond::response(&answer.head(), expect, &[], &message.outline());
        response.body = Some(respond::body(answer, |body| recorder.excerpt(body)));
        let judged = judge::protocol(answer, expect, |body| recorder.excerpt(body));
        if let Err(fault) = judged {
            let stop = recorder.broke(Layer::Protocol, took, fault);
            recorder.answered(response);
            return Err(stop);
        }
        recorder.worked(Layer::Protocol, took, Fact::Responded(Box::new(response)));
        self.judge(recorder, answer, took)
    }

    /// The auth and payload layers.
    fn judge(&self, recorder: &mut Recorder, answer: &Answer, took: Duration) -> Result<(), Stop> {
        let began = Instant::now();
        if let Some(fault) = judge::auth(answer, self.expect.as_ref()) {
            return Err(recorder.broke(Layer::Auth, began.elapsed(), fault));
        }
        recorder.worked(Layer::Auth, began.elapsed(), admitted(self.auth.as_ref()));
        let began = Instant::now();
        match judge::payload(answer, self.expect.as_ref(), took) {
            Ok(values) => {
                let excerpt = self.record_body.then(|| recorder.excerpt(&answer.body));
                recorder.worked(Layer::Payload, began.elapsed(), Fact::Matched { values, excerpt });
                Ok(())
            }
            Err(mismatches) => {
                let excerpt = (!answer.body.is_empty()).then(|| recorder.excerpt(&answer.body));
                Err(recorder.broke(Layer::Payload, began.elapsed(), Fault::Mismatch { mismatches, excerpt }))
            }
        }
    }
}

/// Where an answer redirects to (RFC 9110 section 10.2.2), when it is an `http` or `https` URL.
fn target_of(answer: &Answer, url: &Url) -> Option<Url> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = answer.headers.get(LOCATION)?.to_str().ok()?;
    url.join(location).ok().filter(|next| matches!(next.scheme(), "http" | "https"))
}

/// Who we said we are.
pub(super) fn admitted(auth: Option<&Auth>) -> Fact {
    let (scheme, user) = match auth {
        None => ("none", None),
        Some(Auth::Basic(basic)) => ("basic", Some(basic.user.clone())),
        Some(Auth::Bearer(_)) => ("bearer", None),
    };
    Fact::Admitted { scheme: scheme.to_owned(), user }
}

/// A URL as it may be shown: without user and password.
pub(super) fn without_userinfo(text: &str) -> String {
    // User and password end with `@` (RFC 3986 section 3.2.1).
    if !text.contains('@') {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if url.username().is_empty() && url.password().is_none() {
        return text.to_owned();
    }
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    if cleared.is_err() { url.scheme().to_owned() } else { url.into() }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_secured;
