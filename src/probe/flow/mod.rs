//! `flow`: several calls in a row with their cookies, each using what the ones before it answered.

mod bind;
mod captured;
mod step;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use cookie_store::CookieStore;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::file_ref::FileRef;
use super::http::fields::{Auth, Expect, Text, WrittenUrl};
use super::http::way::{Way, host_of, is_secured, port_of};
use super::http::without_userinfo;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::JsonPath;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::tls::Trust;
use captured::Captured;

/// Several HTTP calls in a row, with one cookie jar.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// What the paths of the steps are relative to.
    #[schemars(with = "String")]
    pub base_url: WrittenUrl,
    /// The calls, in order.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// Trusted authorities in a PEM file, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<FileRef>,
}

/// One call; exactly one of `get`, `post`, `put`, `delete`, `patch`, `head` has its path.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The path of a GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// The path of a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// The path of a PUT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<String>,
    /// The path of a DELETE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// The path of a PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The path of a HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Text>,
    /// Who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Fields to send as a form.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub form: IndexMap<String, Text>,
    /// A body to send as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// A body to send as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Values to take from the answer, used as `${name}` in later steps.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capture: IndexMap<String, Capture>,
    /// What the answer has to be like; without it, status 2xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// Where a value is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// A path into a JSON body (RFC 9535).
    Json(JsonPath),
    /// A header's value.
    Header(String),
    /// The value of a cookie in the jar, after this answer.
    Cookie(String),
    /// The first group of a regular expression over the body, or all of it when it has no group.
    Regex(String),
}

impl Step {
    /// The method, and the path as written.
    fn request(&self) -> Option<(hyper::Method, &str)> {
        self.written().next()
    }

    fn written(&self) -> impl Iterator<Item = (hyper::Method, &str)> {
        [
            (hyper::Method::GET, &self.get),
            (hyper::Method::POST, &self.post),
            (hyper::Method::PUT, &self.put),
            (hyper::Method::DELETE, &self.delete),
            (hyper::Method::PATCH, &self.patch),
            (hyper::Method::HEAD, &self.head),
        ]
        .into_iter()
        .filter_map(|(method, path)| Some((method, path.as_deref()?)))
    }

    /// Method and path, for people; names of captures stay names.
    fn shown(&self) -> String {
        self.request().map_or_else(String::new, |(method, path)| format!("{method} {path}"))
    }
}

impl Probe for Flow {
    fn layers(&self) -> Vec<Layer> {
        let mut layers = vec![Layer::Dns, Layer::Route, Layer::Tcp];
        let any_secured = is_secured(&self.base_url)
            || self.steps.iter().flat_map(Step::written).any(|(_, path)| is_secured(path));
        if any_secured {
            layers.push(Layer::Tls);
        }
        layers.extend([Layer::Protocol, Layer::Auth, Layer::Payload]);
        layers
    }

    fn target(&self) -> String {
        without_userinfo(&self.base_url)
    }

    fn endpoint(&self) -> String {
        self.base_url.read()
            .map_or_else(|_| self.target(), |url| format!("{}:{}", host_of(url), port_of(url)))
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        bind::bind(self, surroundings)
    }

    fn local_files(&mut self) -> Vec<&mut PathBuf> {
        self.ca.iter_mut().filter_map(FileRef::local).collect()
    }

    fn commands(&self) -> Vec<String> {
        self.steps.iter().map(|step| format!("{} at {}", step.shown(), self.target())).collect()
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let base = self.base_url.read().map_err(|error| VantageError::Setting {
            setting: "base_url".to_owned(),
            reason: error.to_string(),
        })?;
        let way = Way { trust: self.ca.as_ref().map(|ca| Trust::File(ca.path().to_owned())), ..Way::default() };
        let mut progress = Progress { base: base.clone(), way, jar: CookieStore::default(), captured: Captured::default() };
        for (index, step) in self.steps.iter().enumerate() {
            match step::take(recorder, &mut progress, index + 1, step).await {
                Ok(()) => {}
                Err(Stop::Broke) => {
                    // Deeper than the broken layer: it only says in which step that was.
                    let got = format!("step {} ({}) did not pass", index + 1, step.shown());
                    let what = "flow".to_owned();
                    let mismatch = Mismatch { what, expected: format!("{} steps", self.steps.len()), got };
                    let fault = Fault::Mismatch { mismatches: vec![mismatch], excerpt: None };
                    return Err(recorder.broke(Layer::Payload, Duration::ZERO, fault));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }
}

/// How far a flow has come.
struct Progress {
    base: Url,
    way: Way,
    jar: CookieStore,
    captured: Captured,
}
