//! How SQL names an object: every part quoted, every kind in its own words.

use std::fmt::Write as _;

use crate::grants::quote::{Quoted, Text};
use crate::grants::snapshot::{Key, Kind, SchemaObjects};

/// The object as `ALTER` names it, such as `FUNCTION "shop"."calc"(integer)`; the database under its own name.
#[must_use]
pub(super) fn altered(key: &Key, database: &str) -> String {
    format!("{} {}", key.kind.sql(), name(key, database))
}

/// The object as `GRANT ... ON` names it, such as `TABLE "shop"."orders"`; for a column, its table.
#[must_use]
pub(super) fn granted(key: &Key, database: &str) -> String {
    let words = match key.kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable | Kind::Column => "TABLE",
        // Aggregates are granted as functions (GRANT).
        Kind::Aggregate => "FUNCTION",
        Kind::ForeignServer => "FOREIGN SERVER",
        Kind::Database
        | Kind::Schema
        | Kind::Extension
        | Kind::Sequence
        | Kind::Function
        | Kind::Procedure
        | Kind::Type
        | Kind::Domain
        | Kind::Language
        | Kind::LargeObject
        | Kind::ForeignDataWrapper
        | Kind::UserMapping
        | Kind::Tablespace
        | Kind::Parameter
        | Kind::Policy
        | Kind::Trigger
        | Kind::EventTrigger
        | Kind::Publication
        | Kind::Subscription
        | Kind::ReplicationSlot => key.kind.sql(),
    };
    format!("{words} {}", name(key, database))
}

/// The relation that a column, policy or trigger belongs to.
#[must_use]
pub(super) fn relation(key: &Key) -> String {
    let schema = key.schema.as_deref().unwrap_or_default();
    format!("{}.{}", Quoted(schema), Quoted(key.of.as_deref().unwrap_or_default()))
}

/// The object's own name in SQL.
#[must_use]
pub(super) fn name(key: &Key, database: &str) -> String {
    match key.kind {
        Kind::Database => Quoted(database).to_string(),
        Kind::Column => relation(key),
        Kind::Policy | Kind::Trigger => format!("{} ON {}", Quoted(&key.name), relation(key)),
        Kind::LargeObject => number(&key.name),
        Kind::UserMapping => {
            let role = if key.name.is_empty() { "PUBLIC".to_owned() } else { Quoted(&key.name).to_string() };
            format!("FOR {role} SERVER {}", Quoted(key.of.as_deref().unwrap_or_default()))
        }
        Kind::Schema
        | Kind::Extension
        | Kind::Table
        | Kind::View
        | Kind::MaterializedView
        | Kind::ForeignTable
        | Kind::Sequence
        | Kind::Function
        | Kind::Procedure
        | Kind::Aggregate
        | Kind::Type
        | Kind::Domain
        | Kind::Language
        | Kind::ForeignDataWrapper
        | Kind::ForeignServer
        | Kind::Tablespace
        | Kind::Parameter
        | Kind::EventTrigger
        | Kind::Publication
        | Kind::Subscription
        | Kind::ReplicationSlot => {
            let mut text = String::new();
            if let Some(schema) = &key.schema {
                let _ = write!(text, "{}.", Quoted(schema));
            }
            let _ = write!(text, "{}", Quoted(&key.name));
            if let Some(args) = &key.args {
                // An aggregate without arguments is written with a star (ALTER AGGREGATE).
                let star = key.kind == Kind::Aggregate && args.is_empty();
                let _ = write!(text, "({})", if star { "*" } else { args });
            }
            text
        }
    }
}

/// A large object's number: nothing else gets into SQL without quotes.
fn number(name: &str) -> String {
    name.parse::<u32>().map_or_else(|_| Text(name).to_string(), |number| number.to_string())
}

/// The words of ALTER DEFAULT PRIVILEGES.
#[must_use]
pub(super) const fn new_objects(objects: SchemaObjects) -> &'static str {
    match objects {
        SchemaObjects::Tables => "TABLES",
        SchemaObjects::Sequences => "SEQUENCES",
        SchemaObjects::Functions => "FUNCTIONS",
        SchemaObjects::Types => "TYPES",
        SchemaObjects::Schemas => "SCHEMAS",
        SchemaObjects::LargeObjects => "LARGE OBJECTS",
    }
}

/// A parameter's value as SET takes it. The parameters that are lists of names (`GUC_LIST_QUOTE`, as
/// `variable_is_guc_list_quote` of `pg_dump` knows them) are taken apart, because one text would be one name.
#[must_use]
pub(super) fn value(parameter: &str, value: &str) -> String {
    const LISTS: &[&str] = &[
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    ];
    if !LISTS.contains(&parameter.to_ascii_lowercase().as_str()) {
        return Text(value).to_string();
    }
    let names: Vec<String> = names(value).iter().map(|name| Text(name).to_string()).collect();
    // An empty list is written as one empty name, as pg_dump does.
    if names.is_empty() { "''".to_owned() } else { names.join(", ") }
}

/// The names of a list such as `"$user", public`.
fn names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut seen = false;
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                name.push('"');
            }
            '"' => {
                quoted = !quoted;
                seen = true;
            }
            ',' if !quoted => {
                names.push(std::mem::take(&mut name));
                seen = false;
            }
            space if !quoted && space.is_whitespace() => {}
            other => {
                name.push(other);
                seen = true;
            }
        }
    }
    if seen {
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_stay_lists() {
        assert_eq!(value("search_path", r#""$user", public,"a, ""b""" "#), r#"'$user', 'public', 'a, "b"'"#);
        assert_eq!(value("search_path", ""), "''");
        assert_eq!(value("search_path", r#""""#), "''");
        assert_eq!(value("work_mem", "64MB"), "'64MB'");
        assert_eq!(value("application_name", "it's, \"me\""), "'it''s, \"me\"'");
    }

    #[test]
    fn names_made_to_break_out_stay_names() {
        let table = Key::within(Kind::Table, "a\"b", "x; DROP TABLE y; --\n");
        assert_eq!(altered(&table, "d"), "TABLE \"a\"\"b\".\"x; DROP TABLE y; --\n\"");
        let object = Key::plain(Kind::LargeObject, "1; DROP TABLE y");
        assert_eq!(altered(&object, "d"), "LARGE OBJECT '1; DROP TABLE y'");
        assert_eq!(granted(&table.column("c"), "d"), "TABLE \"a\"\"b\".\"x; DROP TABLE y; --\n\"");
        let mapping = Key { of: Some("far".into()), ..Key::plain(Kind::UserMapping, "") };
        assert_eq!(altered(&mapping, "d"), "USER MAPPING FOR PUBLIC SERVER \"far\"");
    }
}
