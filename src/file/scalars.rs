//! What stands alone in a plan: ids, names, days.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::yaml::ADVICE;

/// An id: `[a-z0-9][a-z0-9-]*`, at most 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(pub String);

impl Id {
    /// Whether a text is one.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.len() <= 100
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }

    /// What a wrong one is told.
    #[must_use]
    pub fn complaint(text: &str) -> String {
        let short: String = text.chars().take(60).collect();
        format!(
            "`{short}` is not an id: lower-case letters, digits and `-`, beginning with a letter or digit"
        )
    }

    /// What to write instead of a wrong one.
    #[must_use]
    pub fn help(text: &str) -> String {
        let slug = Self::slug(text);
        let near = if Self::is_one(&slug) { slug } else { "orders-database".to_owned() };
        format!("such as `{near}`")
    }

    /// A text made into one: `EU West_1` becomes `eu-west-1`.
    #[must_use]
    pub fn slug(text: &str) -> String {
        let mut slug = String::with_capacity(text.len());
        for letter in text.chars() {
            let letter = letter.to_ascii_lowercase();
            if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
                slug.push(letter);
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        slug.trim_end_matches('-').to_owned()
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if Self::is_one(&text) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format_args!("{}{ADVICE}{}", Self::complaint(&text), Self::help(&text))))
        }
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "minimum": 0, "pattern": "^[a-z0-9][a-z0-9-]{0,99}$", "description": "Lower-case letters, digits and `-`." })
    }
}

/// One name, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a list of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                if names.is_empty() {
                    return Err(A::Error::custom("this list is empty: name at least one, or remove the key"));
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(NamesVisitor)
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] })
    }
}

/// A day, such as `2026-03-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Stricter than the library, which also takes a moment for a day.
        let is_day = text.len() == 10;
        text.parse()
            .ok()
            .filter(|_| is_day)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("`{text}` is not a day, such as `2026-03-31`")))
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}
