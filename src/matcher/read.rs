//! Reading matchers, from a plan (where an unquoted scalar comes as written) or from JSON.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::literal::{Literal, Scalar};
use super::{Condition, Matcher, Pattern, Rule};
use crate::yaml::ADVICE;
use crate::yaml::scalar::{self, AS_WRITTEN};

/// Every key of a condition.
const KEYS: &[&str] = &[
    "equals",
    "contains",
    "each",
    "count",
    "starts_with",
    "ends_with",
    "matches",
    "at_least",
    "at_most",
    "one_of",
    "not",
    "all_of",
    "any_of",
    "exists",
    "empty",
    "is",
];
/// Bytes a compiled regular expression may take.
const REGEX_SIZE: usize = 1 << 20;

/// The visits that make a scalar, the same for every type that is read as written.
macro_rules! scalar_visits {
    ($wrap:expr) => {
        fn visit_newtype_struct<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            let text = std::str::from_utf8(bytes).map_err(E::custom)?;
            let scalar = match scalar::resolve(text) {
                Some(value) => Scalar::Plain { text: text.to_owned(), value },
                None => Scalar::text(text),
            };
            $wrap(scalar)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            $wrap(Scalar::text(text))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            $wrap(Scalar::json(Value::Null))
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
            $wrap(Scalar::json(Value::Bool(value)))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
            $wrap(Scalar::json(Value::from(value)))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            $wrap(Scalar::json(Value::from(value)))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
            $wrap(Scalar::json(Value::from(value)))
        }
    };
}

/// For `#[serde(deserialize_with)]` on an optional matcher of a value that may be null: the key with null asks for null,
/// and only its absence asks for nothing.
///
/// # Errors
/// Those of reading a matcher.
pub fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Matcher>, D::Error> {
    Matcher::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, MatcherVisitor)
    }
}

struct MatcherVisitor;

impl<'de> Visitor<'de> for MatcherVisitor {
    type Value = Matcher;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list of values, or conditions such as `{ at_least: 1 }`")
    }

    scalar_visits!(|scalar| Ok(Matcher(Rule::Plain(scalar))));

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Matcher, A::Error> {
        let mut matchers = Vec::new();
        while let Some(matcher) = list.next_element()? {
            matchers.push(matcher);
        }
        some(matchers).map(|matchers| Matcher(Rule::List(matchers))).map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matcher, A::Error> {
        let mut conditions = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            conditions.push(condition(&key, &mut map)?);
        }
        if conditions.is_empty() {
            return Err(A::Error::custom(
                "this asserts nothing: name at least one condition, such as `exists: true`",
            ));
        }
        Ok(Matcher(Rule::Map(conditions)))
    }
}

fn condition<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Condition, A::Error> {
    Ok(match key {
        "equals" => Condition::Equals(map.next_value()?),
        "contains" => {
            let Matcher(rule) = map.next_value()?;
            Condition::Contains(match rule {
                Rule::List(list) => list,
                Rule::Plain(_) | Rule::Map(_) => vec![Matcher(rule)],
            })
        }
        "each" => Condition::Each(map.next_value()?),
        "count" => Condition::Count(map.next_value()?),
        "starts_with" => Condition::StartsWith(map.next_value::<Letters>()?.0),
        "ends_with" => Condition::EndsWith(map.next_value::<Letters>()?.0),
        "matches" => Condition::Matches(map.next_value()?),
        "at_least" => Condition::AtLeast(map.next_value::<Limit>()?.0),
        "at_most" => Condition::AtMost(map.next_value::<Limit>()?.0),
        "one_of" => Condition::OneOf(map.next_value::<Several>()?.0),
        "not" => Condition::Not(map.next_value()?),
        "all_of" => Condition::AllOf(map.next_value::<Several>()?.0),
        "any_of" => Condition::AnyOf(map.next_value::<Several>()?.0),
        "exists" => Condition::Exists(map.next_value()?),
        "empty" => Condition::Empty(map.next_value()?),
        "is" => Condition::Is(map.next_value()?),
        other => return Err(A::Error::unknown_field(other, KEYS)),
    })
}

fn some(list: Vec<Matcher>) -> Result<Vec<Matcher>, &'static str> {
    if list.is_empty() {
        Err("an empty list asserts nothing; `empty: true` asks for an empty one")
    } else {
        Ok(list)
    }
}

/// A list of matchers that is not empty.
struct Several(Vec<Matcher>);

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        some(Vec::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, LiteralVisitor)
    }
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalar_visits!(|scalar| Ok(Literal::Scalar(scalar)));

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Literal, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Literal::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Literal, A::Error> {
        let mut fields = IndexMap::new();
        while let Some((key, value)) = map.next_entry()? {
            fields.insert(key, value);
        }
        Ok(Literal::Map(fields))
    }
}

/// A single value.
struct ScalarVisitor(&'static str);

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    scalar_visits!(Ok);
}

/// A text; a number is taken as it is written.
struct Letters(String);

impl<'de> Deserialize<'de> for Letters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = deserializer.deserialize_newtype_struct(AS_WRITTEN, ScalarVisitor("a text"))?;
        Ok(Self(scalar.letters().to_owned()))
    }
}

/// A number.
struct Limit(Number);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = deserializer.deserialize_newtype_struct(AS_WRITTEN, ScalarVisitor("a number"))?;
        scalar
            .number()
            .cloned()
            .or_else(|| scalar::number(scalar.letters()))
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("`{}` is not a number", scalar.letters())))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Letters(text) = Letters::deserialize(deserializer)?;
        regex::RegexBuilder::new(&text).size_limit(REGEX_SIZE).build().map(Self).map_err(|error| {
            // The library draws the expression over several lines; its last line says what is wrong.
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            let help = "a backslash before one of `\\ . + * ? ( ) [ ] { } ^ $ |` takes it as it is; `contains` takes a whole text as it is";
            D::Error::custom(format_args!("not a regular expression: {reason}{ADVICE}{help}"))
        })
    }
}

/// What an unquoted scalar of a plan reads as.
#[cfg(test)]
pub(super) fn plain(text: &str) -> Matcher {
    MatcherVisitor.visit_bytes::<serde::de::value::Error>(text.as_bytes()).unwrap()
}
