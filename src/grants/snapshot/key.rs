//! What a database holds, by name: never by oid, which no copy keeps.

use std::borrow::Cow;
use std::fmt::{Display, Formatter};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::quote::Name;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $word:literal $sql:literal [$($privilege:ident)*]),* $(,)?) => {
        /// A kind of object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word of keys and of the split map.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The words of `ALTER ... OWNER TO`, such as `FOREIGN TABLE`.
            #[must_use]
            pub const fn sql(self) -> &'static str {
                match self { $(Self::$name => $sql),* }
            }

            /// The privileges it can be granted with; none for a kind without an ACL.
            #[must_use]
            pub const fn privileges(self) -> Privileges {
                match self { $(Self::$name => Privileges::of(&[$(Privilege::$privilege),*])),* }
            }
        }
    };
}

kinds! {
    /// The database itself; its name is its key's only in text, so that a copy under another name is its counterpart.
    Database "database" "DATABASE" [Create Connect Temporary],
    /// A schema.
    Schema "schema" "SCHEMA" [Usage Create],
    /// An extension.
    Extension "extension" "EXTENSION" [],
    /// A table, partitioned or not.
    Table "table" "TABLE" [Select Insert Update Delete Truncate References Trigger Maintain],
    /// A view.
    View "view" "VIEW" [Select Insert Update Delete Truncate References Trigger Maintain],
    /// A materialized view.
    MaterializedView "materialized_view" "MATERIALIZED VIEW" [Select Insert Update Delete Truncate References Trigger Maintain],
    /// A foreign table.
    ForeignTable "foreign_table" "FOREIGN TABLE" [Select Insert Update Delete Truncate References Trigger Maintain],
    /// A column: the subject of findings and patterns. Snapshots hold columns inside their relation.
    Column "column" "COLUMN" [Select Insert Update References],
    /// A sequence.
    Sequence "sequence" "SEQUENCE" [Usage Select Update],
    /// A function or window function.
    Function "function" "FUNCTION" [Execute],
    /// A procedure.
    Procedure "procedure" "PROCEDURE" [Execute],
    /// An aggregate.
    Aggregate "aggregate" "AGGREGATE" [Execute],
    /// A type: base, composite, enum, range.
    Type "type" "TYPE" [Usage],
    /// A domain.
    Domain "domain" "DOMAIN" [Usage],
    /// A procedural language.
    Language "language" "LANGUAGE" [Usage],
    /// A large object, named by its number (which dumps keep).
    LargeObject "large_object" "LARGE OBJECT" [Select Update],
    /// A foreign-data wrapper.
    ForeignDataWrapper "foreign_data_wrapper" "FOREIGN DATA WRAPPER" [Usage],
    /// A foreign server.
    ForeignServer "foreign_server" "SERVER" [Usage],
    /// What a role logs in with at a foreign server: `of` is the server, `name` the role, empty for PUBLIC.
    UserMapping "user_mapping" "USER MAPPING" [],
    /// A tablespace.
    Tablespace "tablespace" "TABLESPACE" [Create],
    /// A configuration parameter (15 and later).
    Parameter "parameter" "PARAMETER" [Set AlterSystem],
    /// A row security policy: `of` is the table.
    Policy "policy" "POLICY" [],
    /// A trigger: `of` is the relation.
    Trigger "trigger" "TRIGGER" [],
    /// An event trigger.
    EventTrigger "event_trigger" "EVENT TRIGGER" [],
    /// A publication.
    Publication "publication" "PUBLICATION" [],
    /// A subscription.
    Subscription "subscription" "SUBSCRIPTION" [],
    /// A logical replication slot of this database.
    ReplicationSlot "replication_slot" "REPLICATION SLOT" [],
}

impl Kind {
    /// Whether it is read and written as a relation: granted with `ON TABLE`, and with columns of its own.
    #[must_use]
    pub fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::View | Self::MaterializedView | Self::ForeignTable)
    }

    /// Whether it is called: it has arguments.
    #[must_use]
    pub fn is_routine(self) -> bool {
        matches!(self, Self::Function | Self::Procedure | Self::Aggregate)
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of one object: `kind:schema.name(args)`, or `kind:schema.of.name` for what belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// The schema it is in, for what is in one.
    pub schema: Option<Box<str>>,
    /// The object it belongs to: a policy's table, a user mapping's server, a column's relation.
    pub of: Option<Box<str>>,
    /// Its own name; empty for the database.
    pub name: Box<str>,
    /// A routine's input types, as `oidvectortypes` tells them with an empty `search_path`.
    pub args: Option<Box<str>>,
}

impl Key {
    /// The database's key.
    #[must_use]
    pub fn database() -> Self {
        Self::plain(Kind::Database, "")
    }

    /// What is in no schema.
    #[must_use]
    pub fn plain(kind: Kind, name: &str) -> Self {
        Self { kind, schema: None, of: None, name: name.into(), args: None }
    }

    /// What is in a schema.
    #[must_use]
    pub fn within(kind: Kind, schema: &str, name: &str) -> Self {
        Self { schema: Some(schema.into()), ..Self::plain(kind, name) }
    }

    /// The key of the schema it is in.
    #[must_use]
    pub fn home(&self) -> Option<Self> {
        self.schema.as_deref().map(|schema| Self::plain(Kind::Schema, schema))
    }

    /// The key of one of its columns.
    #[must_use]
    pub fn column(&self, column: &str) -> Self {
        Self { kind: Kind::Column, of: Some(self.name.clone()), name: column.into(), ..self.clone() }
    }

    /// The name as SQL and people read it, without the kind: `schema.name(args)`.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other names are identifiers")]
    pub fn qualified(&self) -> String {
        let mut text = String::new();
        for part in [self.schema.as_deref(), self.of.as_deref(), Some(&*self.name)].into_iter().flatten() {
            if !text.is_empty() {
                text.push('.');
            }
            match self.kind {
                Kind::LargeObject => text.push_str(part),
                Kind::UserMapping if part.is_empty() => text.push_str(PUBLIC),
                _ => text.push_str(&Name(part).to_string()),
            }
        }
        if let Some(args) = &self.args {
            text.push('(');
            text.push_str(args);
            text.push(')');
        }
        text
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if self.kind == Kind::Database {
            return f.write_str("database:");
        }
        write!(f, "{}:{}", self.kind, self.qualified())
    }
}

/// Everybody, where a role's name is expected. A role of this name is written in quotes.
const PUBLIC: &str = "PUBLIC";

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no object (expected `kind:schema.name`, such as `table:shop.orders`)")]
pub struct KeyError(String);

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError(text.to_owned());
        let (word, mut rest) = text.split_once(':').ok_or_else(wrong)?;
        let kind = *Kind::ALL.iter().find(|kind| kind.as_str() == word).ok_or_else(wrong)?;
        if kind == Kind::Database {
            return if rest.is_empty() { Ok(Self::database()) } else { Err(wrong()) };
        }
        let mut parts = Vec::new();
        loop {
            let (part, after) = part(rest).ok_or_else(wrong)?;
            parts.push(part);
            let Some(more) = after.strip_prefix('.') else {
                rest = after;
                break;
            };
            rest = more;
        }
        let args = match rest.strip_prefix('(') {
            Some(args) if kind.is_routine() => Some(args.strip_suffix(')').ok_or_else(wrong)?.into()),
            None if rest.is_empty() && !kind.is_routine() => None,
            _ => return Err(wrong()),
        };
        let mut name = parts.pop().ok_or_else(wrong)?;
        if kind == Kind::UserMapping && text.ends_with(".PUBLIC") {
            name = "".into();
        }
        let (schema, of) = match (kind.place(), parts.len()) {
            (Place::Nowhere, 0) => (None, None),
            (Place::Schema, 1) => (parts.pop(), None),
            (Place::Object, 1) => (None, parts.pop()),
            (Place::Relation, 2) => {
                let of = parts.pop();
                (parts.pop(), of)
            }
            _ => return Err(wrong()),
        };
        Ok(Self { kind, schema, of, name, args })
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z_]+:", "description": "An object, such as `table:shop.orders`." })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Key;
            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of an object, such as table:shop.orders")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What a name is looked up in.
enum Place {
    Nowhere,
    Schema,
    Object,
    Relation,
}

impl Kind {
    const fn place(self) -> Place {
        match self {
            Self::Database
            | Self::Schema
            | Self::Extension
            | Self::Language
            | Self::LargeObject
            | Self::ForeignDataWrapper
            | Self::ForeignServer
            | Self::Tablespace
            | Self::Parameter
            | Self::EventTrigger
            | Self::Publication
            | Self::Subscription
            | Self::ReplicationSlot => Place::Nowhere,
            Self::Table
            | Self::View
            | Self::MaterializedView
            | Self::ForeignTable
            | Self::Sequence
            | Self::Function
            | Self::Procedure
            | Self::Aggregate
            | Self::Type
            | Self::Domain => Place::Schema,
            Self::UserMapping => Place::Object,
            Self::Column | Self::Policy | Self::Trigger => Place::Relation,
        }
    }
}

/// One name, quoted or plain, and what follows it.
fn part(text: &str) -> Option<(Box<str>, &str)> {
    if let Some(mut rest) = text.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let (before, after) = rest.split_once('"')?;
            name.push_str(before);
            match after.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => return Some((name.into(), after)),
            }
        }
    }
    let end = text.find(['.', '(']).unwrap_or(text.len());
    let name = &text[..end];
    // A large object's number is a name of its own.
    (!name.is_empty()).then(|| (name.into(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let routine = Key {
            args: Some("integer, public.citext".into()),
            ..Key::within(Kind::Function, "public", "calc(\"x\")")
        };
        let policy = Key { of: Some("a.b".into()), ..Key::within(Kind::Policy, "Shop", "own") };
        let mapping = |role| Key { of: Some("far".into()), ..Key::plain(Kind::UserMapping, role) };
        let (everybody, one) = (mapping(""), mapping("PUBLIC"));
        assert_ne!(everybody.to_string(), one.to_string());
        let table = Key::within(Kind::Table, "shop", "orders");
        let column = table.column("we.ird");
        for key in [
            Key::database(),
            routine,
            policy,
            everybody,
            one,
            table,
            column,
            Key::plain(Kind::LargeObject, "4711"),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key.clone()), "{key}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "table",
            "table:",
            "table:orders",
            "table:a.b.c",
            "tabel:a.b",
            "function:a.b",
            "table:a.\"b",
            "schema:a(b)",
            "database:x",
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
