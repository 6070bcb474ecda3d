//! JSON paths (RFC 9535), parsed when they are read.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON path such as `$.version`, equal to another one when it is written the same.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
    path: serde_json_path::JsonPath,
}

impl JsonPath {
    /// What the path finds: one match is that value, several are a list of them, none is "not there".
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<Cow<'v, Value>> {
        let mut found = self.path.query(value).all();
        match found.len() {
            0 => None,
            1 => found.pop().map(Cow::Borrowed),
            _ => Some(Cow::Owned(Value::Array(found.into_iter().cloned().collect()))),
        }
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('$') {
            return Err(format!(
                "`{text}` is not a JSON path: it has to begin with `$`, such as `$.version`"
            ));
        }
        let path = serde_json_path::JsonPath::parse(text).map_err(|error| {
            let opened = text.matches('[').count() + text.matches('(').count();
            let closed = text.matches(']').count() + text.matches(')').count();
            let quotes = if opened > closed {
                "; in YAML a path that holds ` #`, `: `, `[` or `,` has to be in quotes"
            } else {
                ""
            };
            let position = error.position() + 1;
            format!("`{text}` is not a JSON path (RFC 9535): it cannot be read from character {position} on{quotes}")
        })?;
        Ok(Self { text: text.to_owned(), path })
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for JsonPath {}

impl Hash for JsonPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathVisitor;
        impl serde::de::Visitor<'_> for PathVisitor {
            type Value = JsonPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON path such as `$.version`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JsonPath, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(PathVisitor)
    }
}

impl JsonSchema for JsonPath {
    fn schema_name() -> Cow<'static, str> {
        "JsonPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A JSON path (RFC 9535), such as `$.version`.", "pattern": r"^\$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> JsonPath {
        text.parse().unwrap()
    }

    #[test]
    fn one_match_is_the_value_several_are_a_list_none_is_nothing() {
        let value = json!({ "nodes": [{ "up": true }, { "up": false }], "version": null });
        assert_eq!(path("$.nodes[0].up").find(&value).as_deref(), Some(&json!(true)));
        assert_eq!(path("$.nodes[*].up").find(&value).as_deref(), Some(&json!([true, false])));
        assert_eq!(path("$.version").find(&value).as_deref(), Some(&json!(null)));
        assert_eq!(path("$.gone").find(&value), None);
    }

    #[test]
    fn a_wrong_path_says_why() {
        let wrong = |text: &str| text.parse::<JsonPath>().unwrap_err();
        assert!(wrong("version").contains("begin with `$`"), "{}", wrong("version"));
        assert!(wrong("$.items[?@.a").contains("has to be in quotes"), "{}", wrong("$.items[?@.a"));
        assert!(wrong("$.a b").contains("from character"), "{}", wrong("$.a b"));
    }
}
