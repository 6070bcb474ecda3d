//! Secrets: addresses that may be printed, values that may not, and the scrubber that keeps values out of everything written.

mod carried;
mod forms;
mod named;
mod scrub;
mod vault;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use carried::{Carried, carry, referred};
pub(crate) use named::{is_credential, signs, sounds_secret};
pub use scrub::Scrubber;
pub use vault::{Source, Vault};

/// The name of the newtype a secret is read as: a reader of plans notes where one is written out, and gives a scalar
/// as the bytes it is written with.
pub const SECRET: &str = "gonogo::Secret";
/// The name of the newtype a [`Text`] is read as: a reader of plans gives a number or a word like `on` as the bytes it
/// is written with.
pub const TEXT: &str = "gonogo::Text";
/// What stands in the place of a secret.
pub const STARS: &str = "***";

/// A secret's value. It has no `Display` and no `Serialize`; `Debug` prints stars.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wrap a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

/// Where a secret is found: free to print, but for a literal, which prints as stars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// `{ env: NAME }`
    Env(String),
    /// `{ file: /path }`; one trailing line break is not part of the secret.
    File(PathBuf),
    /// `{ command: [program, argument...] }`; its standard output, less one trailing line break.
    Command(Vec<String>),
    /// Written in the plan itself: accepted with a warning.
    Literal(Secret),
    /// With `on: vantage`: found where the probe runs, which it never leaves.
    OnVantage(Box<SecretRef>),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(argv) => write!(f, "command {}", argv.first().map_or("", String::as_str)),
            Self::Literal(_) => f.write_str(STARS),
            Self::OnVantage(there) => write!(f, "{there} on the vantage"),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        carried::note(self);
        if let Self::Literal(secret) = self {
            return carried::literal(secret, serializer);
        }
        let (source, on) = match self {
            Self::OnVantage(there) => (&**there, Some("vantage")),
            Self::Env(_) | Self::File(_) | Self::Command(_) | Self::Literal(_) => (self, None),
        };
        let mut map = serializer.serialize_map(None)?;
        match source {
            Self::Env(name) => map.serialize_entry("env", name)?,
            Self::File(path) => map.serialize_entry("file", path)?,
            Self::Command(argv) => map.serialize_entry("command", argv)?,
            Self::Literal(_) | Self::OnVantage(_) => {}
        }
        if let Some(on) = on {
            map.serialize_entry("on", on)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        impl<'de> Visitor<'de> for SecretVisitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret: `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ...] }`")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<SecretRef, E> {
                Ok(SecretRef::Literal(Secret::new(value)))
            }

            /// A scalar of a plan, as written: `0123` keeps its zero.
            fn visit_bytes<E: serde::de::Error>(self, value: &[u8]) -> Result<SecretRef, E> {
                self.visit_str(std::str::from_utf8(value).map_err(E::custom)?)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<SecretRef, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<SecretRef, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<SecretRef, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let mut found = None;
                let mut there = false;
                while let Some(key) = map.next_key::<String>()? {
                    let source = match key.as_str() {
                        "env" => SecretRef::Env(map.next_value()?),
                        "file" => SecretRef::File(map.next_value()?),
                        "command" => {
                            let argv: Vec<String> = map.next_value()?;
                            if argv.is_empty() {
                                return Err(A::Error::custom("`command` needs at least a program"));
                            }
                            SecretRef::Command(argv)
                        }
                        "on" => {
                            let Place::Vantage = map.next_value()?;
                            there = true;
                            continue;
                        }
                        other => {
                            return Err(A::Error::unknown_field(other, &["env", "file", "command", "on"]));
                        }
                    };
                    if found.replace(source).is_some() {
                        let wrong = "a secret has exactly one of `env`, `file`, `command`";
                        return Err(A::Error::custom(wrong));
                    }
                }
                match found {
                    None => Err(A::Error::custom("a secret needs one of `env`, `file`, `command`")),
                    Some(SecretRef::File(path)) if there && path.is_relative() => Err(A::Error::custom(
                        "a `file` on a vantage needs its whole path, beginning with `/`",
                    )),
                    Some(found) if there => Ok(SecretRef::OnVantage(Box::new(found))),
                    Some(found) => Ok(found),
                }
            }
        }

        /// What `on` may say.
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Place {
            Vantage,
        }
        deserializer.deserialize_newtype_struct(SECRET, SecretVisitor)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is found; a literal is accepted with a warning.",
            "oneOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "object", "properties": { "env": { "type": "string" }, "on": { "const": "vantage" } }, "required": ["env"], "additionalProperties": false },
                { "type": "object", "properties": { "file": { "type": "string" }, "on": { "const": "vantage" } }, "required": ["file"], "additionalProperties": false },
                { "type": "object", "properties": { "command": { "type": "array", "items": { "type": "string" }, "minItems": 1 }, "on": { "const": "vantage" } }, "required": ["command"], "additionalProperties": false },
            ]
        })
    }
}

impl SecretRef {
    /// It is found where the probe runs, and never travels.
    #[must_use]
    pub const fn is_on_vantage(&self) -> bool {
        match self {
            Self::OnVantage(_) => true,
            Self::Env(_) | Self::File(_) | Self::Command(_) | Self::Literal(_) => false,
        }
    }

    /// Make a relative `file` relative to the plan's folder.
    pub fn anchor(&mut self, base: &Path) {
        if let Self::File(path) = self
            && path.is_relative()
        {
            *path = base.join(&path);
        }
    }
}

/// A text of the plan that may hold a secret: written out, or found where a [`SecretRef`] says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Text {
    /// Written in the plan; free to print.
    Plain(String),
    /// Found at the last moment.
    Secret(SecretRef),
}

impl Text {
    /// Make a relative `file` relative to the plan's folder.
    pub fn anchor(&mut self, base: &Path) {
        match self {
            Self::Plain(_) => {}
            Self::Secret(reference) => reference.anchor(base),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => serializer.serialize_str(text),
            Self::Secret(reference) => reference.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a secret, such as `{ env: NAME }`")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text::Plain(value.to_owned()))
            }

            /// A scalar of a plan, as written: `4.20` keeps its zero.
            fn visit_bytes<E: serde::de::Error>(self, value: &[u8]) -> Result<Text, E> {
                self.visit_str(std::str::from_utf8(value).map_err(E::custom)?)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                SecretRef::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Text::Secret)
            }
        }
        deserializer.deserialize_newtype_struct(TEXT, TextVisitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretRef>();
        json_schema!({
            "description": "A text, or where a secret text is found.",
            "anyOf": [{ "type": ["string", "integer", "boolean"] }, secret]
        })
    }
}
