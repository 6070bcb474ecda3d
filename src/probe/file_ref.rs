//! Files a probe needs, such as certificates: a path on the vantage, or `{ here: path }` for one beside the plan.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRef {
    /// On the vantage.
    Vantage(PathBuf),
    /// On the machine that runs gonogo.
    Here(PathBuf),
}

impl FileRef {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Vantage(path) | Self::Here(path) => path,
        }
    }

    /// The path, when it is on the machine that runs gonogo.
    pub fn local(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Vantage(_) => None,
            Self::Here(path) => Some(path),
        }
    }

    /// Make a relative path relative to the plan's folder.
    pub fn anchor(&mut self, folder: &Path) {
        match self {
            Self::Vantage(path) | Self::Here(path) => {
                if path.is_relative() {
                    *path = folder.join(&path);
                }
            }
        }
    }
}

impl fmt::Display for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path().display())
    }
}

impl Serialize for FileRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Vantage(path) => path.serialize(serializer),
            Self::Here(path) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("here", path)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for FileRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FileRefVisitor;
        impl<'de> Visitor<'de> for FileRefVisitor {
            type Value = FileRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or `{ here: PATH }` for a file beside the plan")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<FileRef, E> {
                if path.is_empty() {
                    return Err(E::invalid_value(serde::de::Unexpected::Str(path), &self));
                }
                Ok(FileRef::Vantage(PathBuf::from(path)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FileRef, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Fields {
                    here: PathBuf,
                }
                let fields = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(FileRef::Here(fields.here))
            }
        }
        deserializer.deserialize_any(FileRefVisitor)
    }
}

impl JsonSchema for FileRef {
    fn schema_name() -> Cow<'static, str> {
        "File".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A path on the vantage, or `{ here: PATH }` for a file beside the plan.",
            "oneOf": [
                { "type": "string", "minLength": 1 },
                { "type": "object", "properties": { "here": { "type": "string" } }, "required": ["here"], "additionalProperties": false },
            ]
        })
    }
}
