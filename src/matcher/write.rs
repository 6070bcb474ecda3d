//! Writing matchers down so that they read back the same, in JSON too.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::literal::{Literal, Scalar};
use super::{Condition, Kind, Matcher, Rule};

impl Serialize for Matcher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Rule::Plain(scalar) => scalar.serialize(serializer),
            Rule::List(list) => list.serialize(serializer),
            Rule::Map(conditions) => {
                let mut map = serializer.serialize_map(Some(conditions.len()))?;
                for condition in conditions {
                    condition.write(&mut map)?;
                }
                map.end()
            }
        }
    }
}

impl Condition {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Equals(literal) => map.serialize_entry("equals", literal),
            Self::Contains(parts) => map.serialize_entry("contains", parts),
            Self::Each(each) => map.serialize_entry("each", each),
            Self::Count(count) => map.serialize_entry("count", count),
            Self::StartsWith(text) => map.serialize_entry("starts_with", text),
            Self::EndsWith(text) => map.serialize_entry("ends_with", text),
            Self::Matches(pattern) => map.serialize_entry("matches", pattern.0.as_str()),
            Self::AtLeast(limit) => map.serialize_entry("at_least", limit),
            Self::AtMost(limit) => map.serialize_entry("at_most", limit),
            Self::OneOf(list) => map.serialize_entry("one_of", list),
            Self::Not(one) => map.serialize_entry("not", one),
            Self::AllOf(list) => map.serialize_entry("all_of", list),
            Self::AnyOf(list) => map.serialize_entry("any_of", list),
            Self::Exists(wanted) => map.serialize_entry("exists", wanted),
            Self::Empty(wanted) => map.serialize_entry("empty", wanted),
            Self::Is(kind) => map.serialize_entry("is", kind),
        }
    }
}

impl Serialize for Scalar {
    /// A number that JSON would write differently, such as `4.20`, is spelled out as what it accepts: that number,
    /// or a text of the same letters.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Plain { value, .. } if *self == Self::json(value.clone()) => value.serialize(serializer),
            Self::Plain { text, value: Value::Number(number) } => {
                let exact = Rule::Map(vec![
                    Condition::Is(Kind::Number),
                    Condition::AtLeast(number.clone()),
                    Condition::AtMost(number.clone()),
                ]);
                either(Matcher(exact), text).serialize(serializer)
            }
            Self::Plain { text, value } => {
                either(Matcher(Rule::Plain(Self::json(value.clone()))), text).serialize(serializer)
            }
        }
    }
}

fn either(value: Matcher, text: &str) -> Matcher {
    Matcher(Rule::Map(vec![Condition::AnyOf(vec![value, Matcher(Rule::Plain(Scalar::text(text)))])]))
}

impl Serialize for Literal {
    /// Inside `equals` there is no room for the spelling above: an unusual number is written as the number it is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(Scalar::Text(text)) => serializer.serialize_str(text),
            Self::Scalar(Scalar::Plain { value, .. }) => value.serialize(serializer),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for item in list {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Map(map) => map.serialize(serializer),
        }
    }
}
