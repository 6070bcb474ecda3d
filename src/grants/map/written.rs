//! A split map as it is written: plain structs, unknown keys refused.

use std::borrow::Cow;
use std::fmt::Formatter;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::pattern::Pattern;
use crate::file::written::Day;
use crate::grants::snapshot::{Key, Kind};

/// A map's file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// How one database is split.
    pub(super) split: Split,
}

/// How one database is split.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// The version of this language.
    #[serde(rename = "format")]
    pub(super) _format: Format,
    /// The name of the database that is split.
    pub(super) source: String,
    /// The databases it becomes, by a name for each.
    #[schemars(extend("minProperties" = 1))]
    pub(super) targets: IndexMap<String, Target>,
    /// What goes nowhere, on purpose.
    #[serde(default)]
    pub(super) drop: Vec<Entry>,
    /// Differences that are meant.
    #[serde(default)]
    pub(super) expect: Vec<Exception>,
    /// References from one half to the other that something replaces.
    #[serde(default)]
    pub(super) crossing: Vec<Crossing>,
    /// What is asked of sequences.
    #[serde(rename = "sequences")]
    pub(super) _sequences: Option<Sequences>,
}

/// The version of this language.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum Format {
    /// The only one so far.
    #[serde(rename = "gonogo.splitmap/1")]
    One,
}

/// One database of several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// Its name.
    pub(super) database: String,
    /// What moves here. A name beats a pattern, a pattern beats a schema, a schema beats `rest`; what two databases
    /// name alike is copied to both.
    #[serde(default)]
    pub(super) objects: Vec<Entry>,
    /// What is here too, wherever else it goes.
    #[serde(default)]
    pub(super) copy: Vec<Entry>,
    /// New names of roles: `old: new`.
    #[serde(default)]
    pub(super) role_rename: IndexMap<String, String>,
    /// Roles that are not to be here.
    #[serde(default)]
    pub(super) drop_roles: Vec<String>,
}

/// A difference that is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// Which: an object, and perhaps a role and a privilege, such as `table:billing.invoice etl SELECT`.
    pub(super) ignore: String,
    /// Why, with a change's number.
    pub(super) why: String,
    /// The last day it holds.
    pub(super) until: Option<Day>,
}

/// A reference from one half to the other that something replaces.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Crossing {
    /// What refers, such as `view:billing.v_invoice`.
    pub(super) from: Named,
    /// What it refers to, when only that is replaced.
    pub(super) to: Option<Named>,
    /// What stands in for it there, such as `foreign_table:billing.customer`.
    pub(super) replaced_by: Named,
}

/// What is asked of sequences.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sequences {
    /// The least position: a sequence behind its source is a finding.
    #[serde(rename = "at_least")]
    pub(super) _at_least: AtLeast,
}

/// The least position of a sequence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AtLeast {
    /// Where it was in the snapshot.
    Source,
}

/// The name of one object.
#[derive(Debug)]
pub(super) struct Named(pub(super) Key);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Named {
    fn schema_name() -> Cow<'static, str> {
        "Named".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z_]+:.+$", "description": "An object, such as `table:shop.orders`." })
    }
}

/// What one entry of a list names.
#[derive(Debug)]
pub(super) enum Entry {
    /// Everything nothing else names.
    Rest,
    /// A schema and what is in it.
    Schema(Pattern),
    /// Objects of another kind.
    Objects(Pattern),
}

/// The word for what nothing else names.
const REST: &str = "rest";

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = Entry;

            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("`rest`, or a kind and a name, such as `{ table: shop.orders }`")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Entry, E> {
                if word == REST {
                    return Ok(Entry::Rest);
                }
                let message = "names are written with their kind, such as `{ schema: billing }`; only `rest` stands alone";
                Err(E::custom(message))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let Some(kind) = map.next_key::<Kind>()? else {
                    return Err(A::Error::custom(
                        "this is empty: write a kind and a name, such as `{ schema: billing }`",
                    ));
                };
                let pattern = map.next_value_seed(Written(kind))?;
                if map.next_key::<Kind>()?.is_some() {
                    return Err(A::Error::custom("this names two things: write `{ ... }` for each of them"));
                }
                Ok(if kind == Kind::Schema { Entry::Schema(pattern) } else { Entry::Objects(pattern) })
            }
        }
        deserializer.deserialize_any(EntryVisitor)
    }
}

/// A name or pattern of this kind.
struct Written(Kind);

impl<'de> DeserializeSeed<'de> for Written {
    type Value = Pattern;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pattern, D::Error> {
        Pattern::parse(self.0, &String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Entry {
    fn schema_name() -> Cow<'static, str> {
        "Entry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kinds = Kind::ALL.iter().filter(|kind| Pattern::refusal(**kind).is_none());
        let name = serde_json::json!({ "type": ["string", "integer"] });
        let properties: serde_json::Map<_, _> =
            kinds.map(|kind| (kind.as_str().to_owned(), name.clone())).collect();
        json_schema!({
            "description": "`rest`, or a kind and a name or pattern, such as `{ function: \"public.calc_*\" }`.",
            "anyOf": [
                { "const": REST },
                { "type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1, "additionalProperties": false },
            ],
        })
    }
}
