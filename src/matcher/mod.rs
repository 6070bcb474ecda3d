//! Matchers: what a value has to be, the same everywhere. A new one is a variant of `Condition`, its words and its key.

mod compare;
mod json_path;
mod literal;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod words;
mod write;

use regex::Regex;
use serde_json::Value;

use crate::model::fault::Mismatch;

pub use json_path::JsonPath;
use literal::{Literal, Scalar};
pub use read::even_null;

/// What a value has to be: a plain value, a list, or a map of conditions that must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher(Rule);

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    /// Equality.
    Plain(Scalar),
    /// One of these for a single value; exactly these, in any order, for a list.
    List(Vec<Matcher>),
    /// Every one of these.
    Map(Vec<Condition>),
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Equals(Literal),
    Contains(Vec<Matcher>),
    Each(Matcher),
    Count(Matcher),
    StartsWith(String),
    EndsWith(String),
    Matches(Pattern),
    AtLeast(serde_json::Number),
    AtMost(serde_json::Number),
    OneOf(Vec<Matcher>),
    Not(Matcher),
    AllOf(Vec<Matcher>),
    AnyOf(Vec<Matcher>),
    Exists(bool),
    Empty(bool),
    Is(Kind),
}

/// A regular expression, compiled when it is read.
#[derive(Debug, Clone)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// The types of JSON (RFC 8259 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Number,
    String,
    Boolean,
    Null,
    Array,
    Object,
}

impl Matcher {
    /// The difference, when `got` is not as it has to be; `None` is "not there at all". A value that is not there
    /// satisfies nothing but `exists: false`.
    #[must_use]
    pub fn mismatch(&self, what: &str, got: Option<&Value>) -> Option<Mismatch> {
        let difference = self.difference(got)?;
        Some(Mismatch { what: what.to_owned(), expected: difference.expected, got: difference.got })
    }

    /// Whether the value is as it has to be.
    #[must_use]
    pub fn holds(&self, got: Option<&Value>) -> bool {
        self.difference(got).is_none()
    }

    /// Whether any text that is there would do, as with `starts_with: ""`.
    #[must_use]
    pub fn asserts_nothing(&self) -> bool {
        match &self.0 {
            Rule::Plain(_) => false,
            Rule::List(list) => list.is_empty(),
            Rule::Map(conditions) => conditions.iter().all(Condition::asserts_nothing),
        }
    }

    /// Whether it says what must not be there: a text that is still coming cannot be held against it.
    #[must_use]
    pub fn forbids(&self) -> bool {
        match &self.0 {
            Rule::Plain(_) => false,
            Rule::List(list) => list.iter().any(Self::forbids),
            Rule::Map(conditions) => conditions.iter().any(Condition::forbids),
        }
    }
}

impl Condition {
    fn forbids(&self) -> bool {
        match self {
            Self::Not(_) | Self::Exists(false) | Self::Empty(true) => true,
            Self::Each(one) | Self::Count(one) => one.forbids(),
            Self::Contains(list) | Self::OneOf(list) | Self::AllOf(list) | Self::AnyOf(list) => {
                list.iter().any(Matcher::forbids)
            }
            Self::Equals(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Matches(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Exists(true)
            | Self::Empty(false)
            | Self::Is(_) => false,
        }
    }

    fn asserts_nothing(&self) -> bool {
        match self {
            Self::Contains(list) => list.iter().all(|one| one.0 == Rule::Plain(Scalar::text(""))),
            Self::StartsWith(text) | Self::EndsWith(text) => text.is_empty(),
            Self::Matches(pattern) => pattern.0.as_str().is_empty(),
            Self::AllOf(list) => list.iter().all(Matcher::asserts_nothing),
            Self::OneOf(list) | Self::AnyOf(list) => {
                list.is_empty() || list.iter().any(Matcher::asserts_nothing)
            }
            Self::Each(_)
            | Self::Equals(_)
            | Self::Count(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Not(_)
            | Self::Exists(_)
            | Self::Empty(_)
            | Self::Is(_) => false,
        }
    }
}
