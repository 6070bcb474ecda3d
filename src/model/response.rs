//! An HTTP response as far as it tells who answered and what went wrong; bodies by their shape, not their content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The head of an HTTP response, and what its body is like.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2`.
    pub version: String,
    /// Headers worth keeping: what was asserted, who answered (Server, Via, Location, Content-Type), and of an answer that is
    /// not 2xx what it says of the reason.
    pub headers: Vec<(String, String)>,
    /// Milliseconds from the request's last byte to the response head.
    pub first_byte_ms: f64,
    /// Redirects followed, as locations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<String>,
    /// The server's `Date` less the clock of the place that asked, in seconds, when they are more than a few apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_s: Option<i64>,
    /// The body's shape; none when it did not come whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// What was asked, of an answer that is not 2xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
}

/// What a body is like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// What it is, whatever `Content-Type` says.
    pub kind: BodyKind,
    /// Its length, unpacked.
    pub bytes: u64,
    /// The names in a JSON object; at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// How many items each array of a JSON object has, by name; `$` is the body itself. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<(String, u64)>,
    /// Where a WSDL sends its callers: the `location` of each `soap:address` (WSDL 1.1 section 3.8); at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// The title of an HTML page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its first bytes, when it refuses us (401, 403, 407).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
}

/// What the bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// No bytes.
    Empty,
    /// Whole JSON.
    Json,
    /// It begins as JSON and is none.
    BrokenJson,
    /// HTML
    Html,
    /// XML, SOAP included.
    Xml,
    /// Any other text.
    Text,
    /// gzip (RFC 1952) that no `Content-Encoding` told of.
    Gzip,
    /// Any other bytes.
    #[default]
    #[serde(other)]
    Binary,
}

/// A request, by what servers refuse requests for; no value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// The method of the request that was answered: a redirect may have changed it.
    pub method: String,
    /// The names of its headers.
    pub headers: Vec<String>,
    /// Bytes of its headers, names and values.
    pub head_bytes: u64,
    /// Bytes of its body.
    pub body_bytes: u64,
}

impl Response {
    /// A header that was kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl BodyKind {
    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Json => "JSON",
            Self::BrokenJson => "JSON that breaks off",
            Self::Html => "an HTML page",
            Self::Xml => "XML",
            Self::Text => "plain text",
            Self::Gzip => "gzip",
            Self::Binary => "bytes that are no text",
        }
    }
}
