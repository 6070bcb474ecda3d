//! What is set on objects: row security, policies, rights a routine or view runs with, and moving parts.

use std::collections::BTreeMap;

use super::privileges::{Pair, grantee};
use super::target::{altered, name, relation, value};
use crate::grants::change::{Told, Who};
use crate::grants::quote::{Quoted, Text};
use crate::grants::snapshot::{Attribute, Key, Kind};

/// The facts of one object, roles by name.
pub(super) type Facts = BTreeMap<Attribute, Told>;

/// What sets one attribute of an object that is in both databases; nothing for what only people can change.
pub(super) fn attribute(
    key: &Key,
    database: &str,
    attribute: Attribute,
    expected: Option<&Told>,
    got: Option<&Told>,
) -> Vec<Pair> {
    let alter = format!("ALTER {}", altered(key, database));
    let switch = |on: &str, off: &str| {
        let side = |told: Option<&Told>| format!("{alter} {}", if told.is_some() { on } else { off });
        vec![(side(expected), side(got))]
    };
    match attribute {
        Attribute::RowSecurity => switch("ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY"),
        Attribute::ForceRowSecurity => switch("FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"),
        Attribute::SecurityInvoker => switch("SET (security_invoker = true)", "RESET (security_invoker)"),
        Attribute::SecurityBarrier => switch("SET (security_barrier = true)", "RESET (security_barrier)"),
        Attribute::SecurityDefiner => switch("SECURITY DEFINER", "SECURITY INVOKER"),
        Attribute::Leakproof => switch("LEAKPROOF", "NOT LEAKPROOF"),
        Attribute::ConnectionLimit => {
            let side = |told: Option<&Told>| {
                format!("{alter} CONNECTION LIMIT {}", integer(text(told)).unwrap_or(-1))
            };
            vec![(side(expected), side(got))]
        }
        Attribute::AllowConnections => {
            let side = |told: Option<&Told>| format!("{alter} ALLOW_CONNECTIONS {}", told.is_none());
            vec![(side(expected), side(got))]
        }
        Attribute::Configuration => configuration(&alter, list(expected), list(got)),
        Attribute::ExtensionSchema => match (text(expected), text(got)) {
            (Some(expected), Some(got)) => {
                let side = |schema| format!("{alter} SET SCHEMA {}", Quoted(schema));
                vec![(side(expected), side(got))]
            }
            _ => Vec::new(),
        },
        Attribute::Enabled => enabled(key, text(expected), text(got)),
        Attribute::Options => options(&alter, list(expected), list(got)),
        Attribute::Operations => {
            let side =
                |told: Option<&Told>| format!("{alter} SET (publish = {})", Text(&list(told).join(", ")));
            vec![(side(expected), side(got))]
        }
        // Roles, USING and WITH CHECK of a policy are changed together, see `policy`. Versions are for people to raise;
        // the rest comes with the object itself.
        Attribute::Roles
        | Attribute::Using
        | Attribute::WithCheck
        | Attribute::Command
        | Attribute::Restrictive
        | Attribute::Extension
        | Attribute::Version
        | Attribute::Language
        | Attribute::Trusted
        | Attribute::OwnedBy
        | Attribute::Identity
        | Attribute::Definition
        | Attribute::Function
        | Attribute::Event
        | Attribute::Tags
        | Attribute::AllTables
        | Attribute::Tables
        | Attribute::Schemas
        | Attribute::Publications
        | Attribute::Slot
        | Attribute::Plugin
        | Attribute::Wrapper
        | Attribute::Server
        | Attribute::Handler
        | Attribute::Validator => Vec::new(),
    }
}

/// A policy that is missing, too many or different: it is made anew, because its command cannot be altered.
pub(super) fn policy(key: &Key, expected: Option<&Facts>, got: Option<&Facts>) -> Vec<Pair> {
    let drop = format!("DROP POLICY {}", name(key, ""));
    let create = |facts: &Facts| create_policy(key, facts);
    match (expected, got) {
        (Some(expected), None) => vec![(create(expected), drop)],
        (None, Some(got)) => vec![(drop, create(got))],
        (Some(expected), Some(got)) => vec![(drop.clone(), create(got)), (create(expected), drop)],
        (None, None) => Vec::new(),
    }
}

fn create_policy(key: &Key, facts: &Facts) -> String {
    let roles = match facts.get(&Attribute::Roles) {
        Some(Told::Roles(roles)) => roles.iter().map(grantee).collect::<Vec<_>>().join(", "),
        Some(Told::Text(_) | Told::List(_)) | None => grantee(&Who::Public),
    };
    let kind = if facts.contains_key(&Attribute::Restrictive) { "RESTRICTIVE" } else { "PERMISSIVE" };
    let command = match text(facts.get(&Attribute::Command)) {
        Some("SELECT") => "SELECT",
        Some("INSERT") => "INSERT",
        Some("UPDATE") => "UPDATE",
        Some("DELETE") => "DELETE",
        _ => "ALL",
    };
    let clause = |attribute, word: &str| {
        text(facts.get(&attribute)).map_or_else(String::new, |expression| format!(" {word} ({expression})"))
    };
    let (using, check) = (clause(Attribute::Using, "USING"), clause(Attribute::WithCheck, "WITH CHECK"));
    format!("CREATE POLICY {} AS {kind} FOR {command} TO {roles}{using}{check}", name(key, ""))
}

/// A user mapping that is missing, with its user but without its secrets; or one that is too many.
pub(super) fn user_mapping(key: &Key, expected: Option<&Facts>, got: Option<&Facts>) -> Vec<Pair> {
    let altered = altered(key, "");
    let drop = format!("DROP {altered}");
    let create = |facts: &Facts| {
        let known: Vec<String> = list(facts.get(&Attribute::Options))
            .iter()
            .filter_map(|option| option.split_once('='))
            .map(|(name, value)| format!("{} {}", Quoted(name), Text(value)))
            .collect();
        if known.is_empty() {
            format!("CREATE {altered}")
        } else {
            format!("CREATE {altered} OPTIONS ({})", known.join(", "))
        }
    };
    match (expected, got) {
        (Some(expected), None) => vec![(create(expected), drop)],
        (None, Some(got)) => vec![(drop, create(got))],
        (Some(_), Some(_)) | (None, None) => Vec::new(),
    }
}

/// SET clauses of a routine.
fn configuration(alter: &str, expected: &[String], got: &[String]) -> Vec<Pair> {
    let sides = [expected, got].map(|list| {
        list.iter().filter_map(|clause| clause.split_once('=')).collect::<BTreeMap<&str, &str>>()
    });
    let [expected, got] = &sides;
    let mut names: Vec<&str> = expected.keys().chain(got.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let clause = |name: &str, wanted: Option<&&str>| {
        let quoted = name.split('.').map(|part| Quoted(part).to_string()).collect::<Vec<_>>().join(".");
        wanted.map_or_else(
            || format!("{alter} RESET {quoted}"),
            |wanted| format!("{alter} SET {quoted} TO {}", value(name, wanted)),
        )
    };
    let differ = names.into_iter().filter(|name| expected.get(name) != got.get(name));
    differ.map(|name| (clause(name, expected.get(name)), clause(name, got.get(name)))).collect()
}

/// Options of a wrapper, server or foreign table; a value that was hidden cannot be set.
fn options(alter: &str, expected: &[String], got: &[String]) -> Vec<Pair> {
    let sides = [expected, got].map(|list| {
        list.iter().filter_map(|option| option.split_once('=')).collect::<BTreeMap<&str, &str>>()
    });
    let words = |to: &BTreeMap<&str, &str>, from: &BTreeMap<&str, &str>| -> Vec<String> {
        let set = to.iter().filter(|(name, value)| from.get(*name) != Some(value)).map(|(name, value)| {
            let verb = if from.contains_key(name) { "SET" } else { "ADD" };
            format!("{verb} {} {}", Quoted(name), Text(value))
        });
        let dropped = from.keys().filter(|name| !to.contains_key(*name));
        set.chain(dropped.map(|name| format!("DROP {}", Quoted(name)))).collect()
    };
    let [expected, got] = &sides;
    let (forth, back) = (words(expected, got), words(got, expected));
    if forth.is_empty() {
        return Vec::new();
    }
    let clause = |words: Vec<String>| format!("{alter} OPTIONS ({})", words.join(", "));
    vec![(clause(forth), clause(back))]
}

/// Triggers and event triggers that fire, or do not.
fn enabled(key: &Key, expected: Option<&str>, got: Option<&str>) -> Vec<Pair> {
    let word = |state: Option<&str>| match state {
        Some("disabled") => Some("DISABLE"),
        Some("replica") => Some("ENABLE REPLICA"),
        Some("always") => Some("ENABLE ALWAYS"),
        None => Some("ENABLE"),
        Some(_) => None,
    };
    let (Some(expected), Some(got)) = (word(expected), word(got)) else { return Vec::new() };
    let side = |word: &str| {
        if key.kind == Kind::Trigger {
            format!("ALTER TABLE {} {word} TRIGGER {}", relation(key), Quoted(&key.name))
        } else {
            format!("ALTER {} {} {word}", key.kind.sql(), Quoted(&key.name))
        }
    };
    vec![(side(expected), side(got))]
}

fn text(told: Option<&Told>) -> Option<&str> {
    match told {
        Some(Told::Text(text)) => Some(text),
        Some(Told::List(_) | Told::Roles(_)) | None => None,
    }
}

fn list(told: Option<&Told>) -> &[String] {
    match told {
        Some(Told::List(list)) => list,
        Some(Told::Text(_) | Told::Roles(_)) | None => &[],
    }
}

fn integer(text: Option<&str>) -> Option<i64> {
    text.and_then(|text| text.parse().ok())
}
