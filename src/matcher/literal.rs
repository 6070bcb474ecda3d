//! Values as written: an unquoted scalar keeps its text beside what it stands for.

use indexmap::IndexMap;
use serde_json::{Number, Value};

use super::compare::order;

/// A scalar as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    /// A text, quoted or not.
    Text(String),
    /// Unquoted, and a null, boolean or number: equal to that, and to a text of the same letters.
    Plain {
        /// As written.
        text: String,
        /// What it stands for.
        value: Value,
    },
}

/// A value as written, compared as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Scalar(Scalar),
    List(Vec<Self>),
    Map(IndexMap<String, Self>),
}

impl Scalar {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// One that is written the way JSON writes it.
    pub(super) fn json(value: Value) -> Self {
        Self::Plain { text: value.to_string(), value }
    }

    /// The letters it is written with, without quotes.
    pub(super) fn letters(&self) -> &str {
        match self {
            Self::Text(text) | Self::Plain { text, .. } => text,
        }
    }

    pub(super) fn number(&self) -> Option<&Number> {
        match self {
            Self::Plain { value: Value::Number(number), .. } => Some(number),
            Self::Plain { .. } | Self::Text(_) => None,
        }
    }

    pub(super) fn equals(&self, got: &Value) -> bool {
        match (self, got) {
            (Self::Text(text) | Self::Plain { text, .. }, Value::String(got)) => text == got,
            (Self::Plain { value: Value::Number(wanted), .. }, Value::Number(got)) => {
                order(got, wanted).is_eq()
            }
            (Self::Plain { value, .. }, got) => value == got,
            (Self::Text(_), _) => false,
        }
    }
}

impl Literal {
    pub(super) fn equals(&self, got: &Value) -> bool {
        match (self, got) {
            (Self::Scalar(scalar), got) => scalar.equals(got),
            (Self::List(wanted), Value::Array(got)) => {
                wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| wanted.equals(got))
            }
            (Self::Map(wanted), Value::Object(got)) => {
                wanted.len() == got.len()
                    && wanted.iter().all(|(key, wanted)| got.get(key).is_some_and(|got| wanted.equals(got)))
            }
            (Self::List(_) | Self::Map(_), _) => false,
        }
    }
}
