//! The pieces of an HTTP request and of what is expected of its answer, as plans write them.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{ParseError, Url};

use crate::matcher::{JsonPath, Matcher};
use crate::probe::Problem;
use crate::secret::SecretRef;

/// A URL as it is written in a plan; it is read when it is first needed, and once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrittenUrl {
    written: String,
    #[serde(skip)]
    read: OnceLock<Result<Url, ParseError>>,
}

impl WrittenUrl {
    /// What it says.
    ///
    /// # Errors
    /// Why it is no URL.
    pub fn read(&self) -> Result<&Url, ParseError> {
        self.read.get_or_init(|| Url::parse(&self.written)).as_ref().map_err(|error| *error)
    }
}

impl From<&str> for WrittenUrl {
    fn from(written: &str) -> Self {
        Self { written: written.to_owned(), read: OnceLock::new() }
    }
}

impl From<&Url> for WrittenUrl {
    fn from(url: &Url) -> Self {
        Self { written: url.to_string(), read: Ok(url.clone()).into() }
    }
}

impl Deref for WrittenUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.written
    }
}

/// A text, or a secret that is found when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Written in the plan.
    Plain(String),
    /// Found at the last moment.
    Secret(SecretRef),
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => text.serialize(serializer),
            Self::Secret(secret) => secret.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, or a secret such as `{ env: NAME }`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::Plain(text.to_owned()))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text::Plain(number.to_string()))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text::Plain(number.to_string()))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Text, E> {
                Ok(Text::Plain(number.to_string()))
            }

            fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Text, E> {
                Ok(Text::Plain(truth.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                SecretRef::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Text::Secret)
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretRef>();
        json_schema!({
            "description": "A text, or a secret that is found when it is sent.",
            "anyOf": [{ "type": ["string", "number", "boolean"] }, secret]
        })
    }
}

/// How we say who we are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Auth {
    /// User and password (RFC 7617).
    Basic(Basic),
    /// A token (RFC 6750).
    Bearer(SecretRef),
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: SecretRef,
}

/// Which HTTP to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2; without TLS by prior knowledge (RFC 9113 section 3.3).
    #[serde(rename = "2")]
    Http2,
}

/// What an answer has to be like.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status code; 2xx when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Matcher>,
    /// Headers by name; repeated ones are joined by a comma.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Matcher>,
    /// The body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Matcher>,
    /// Values in a JSON body, by path (RFC 9535).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub json: IndexMap<JsonPath, Matcher>,
    /// The longest the whole call may take, from the name to the last byte, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
}

impl Expect {
    /// What makes no sense in it, found under `path`.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let nothing = |path: &str| Problem::at(path, "this expectation asserts nothing");
        let is_empty = self.status.is_none()
            && self.headers.is_empty()
            && self.body.is_none()
            && self.json.is_empty()
            && self.max_ms.is_none();
        if is_empty {
            problems.push(nothing(path));
        }
        for (key, matcher) in [("status", &self.status), ("body", &self.body)] {
            if matcher.as_ref().is_some_and(Matcher::asserts_nothing) {
                problems.push(nothing(&format!("{path}.{key}")));
            }
        }
        for (name, matcher) in &self.headers {
            if hyper::header::HeaderName::try_from(name.as_str()).is_err() {
                problems.push(within(path, "headers", name, &format!("`{name}` is not a header name")));
            }
            if matcher.asserts_nothing() {
                problems.push(within(path, "headers", name, "this expectation asserts nothing"));
            }
        }
        for (json_path, matcher) in &self.json {
            if matcher.asserts_nothing() {
                problems.push(within(path, "json", json_path.as_str(), "this expectation asserts nothing"));
            }
        }
        problems
    }
}

/// A mistake under a key that may itself contain dots, such as a header name or a JSON path.
pub(in crate::probe) fn within(path: &str, map: &str, key: &str, message: &str) -> Problem {
    let mut problem = Problem::at(path, message);
    problem.path.extend([map.to_owned(), key.to_owned()]);
    problem
}

/// Mistakes in the headers of a request, found under `path`.
#[must_use]
pub(in crate::probe) fn header_problems(path: &str, headers: &IndexMap<String, Text>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in headers {
        if hyper::header::HeaderName::try_from(name.as_str()).is_err() {
            let mut problem = within(path, "headers", name, &format!("`{name}` is not a header name"));
            problem.at_key = true;
            problems.push(problem);
        }
        if let Text::Plain(text) = value
            && hyper::header::HeaderValue::try_from(text.as_str()).is_err()
        {
            problems.push(within(path, "headers", name, "a header value holds no line break or control character"));
        }
    }
    problems
}
