//! What the snapshot and the map say of the relations that a recorded statement names.

use super::Request;
use super::lexer::{Lexed, lex};
use super::named::{self, Named};
use crate::grants::snapshot::{Key, Kind, Statement};

/// What a text names, seen from the snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Something of this database, or nothing in particular.
    Here,
    /// Only what the map sends to other databases.
    Elsewhere,
    /// It was not even there when the snapshot was taken.
    Missing(String),
}

/// Where the relations are that a text names.
#[derive(Debug, Default)]
struct Places {
    here: bool,
    elsewhere: bool,
    missing: Option<String>,
}

/// What one statement names.
pub(super) fn of(request: &Request<'_>, text: &Lexed, statement: &Statement) -> Before {
    match places(request, text, statement) {
        Places { here: false, elsewhere: true, missing: None } => Before::Elsewhere,
        Places { missing: Some(name), .. } => Before::Missing(name),
        Places { .. } => Before::Here,
    }
}

/// Whether a role that the new database does not let in has nothing to do there: some of its statements are about what
/// the map sends elsewhere, and none is about anything else.
pub(super) fn is_elsewhere(request: &Request<'_>, statements: &[&Statement]) -> bool {
    let places = statements.iter().map(|statement| places(request, &lex(&statement.query), statement));
    let mut some = false;
    for place in places {
        if place.here || place.missing.is_some() {
            return false;
        }
        some |= place.elsewhere;
    }
    some
}

fn places(request: &Request<'_>, text: &Lexed, statement: &Statement) -> Places {
    let mut places = Places::default();
    for named in named::relations(text) {
        match key(request, &named, statement) {
            Some(key) => match &request.split {
                Some(split) if split.elsewhere.contains(key) => places.elsewhere = true,
                Some(_) | None => places.here = true,
            },
            None if is_catalog(&named) => {}
            None => places.missing = Some(named.parts.join(".")),
        }
    }
    places
}

/// The relation of the snapshot that a name stood for.
fn key<'r>(request: &Request<'r>, named: &Named, statement: &Statement) -> Option<&'r Key> {
    let find = |schema: &str, name: &str| {
        let kinds = [Kind::Table, Kind::View, Kind::MaterializedView, Kind::ForeignTable, Kind::Sequence];
        kinds.iter().find_map(|&kind| {
            let (key, _) = request.snapshot.facts.objects.get_key_value(&Key::within(kind, schema, name))?;
            Some(key)
        })
    };
    match named.parts.as_slice() {
        [name] => path(&statement.search_path)
            .iter()
            .find_map(|schema| find(if schema == "$user" { &statement.role } else { schema }, name)),
        [.., schema, name] => find(schema, name),
        [] => None,
    }
}

fn is_catalog(named: &Named) -> bool {
    match named.parts.as_slice() {
        [schema, _] => schema.starts_with("pg_") || schema == "information_schema",
        [name] => name.starts_with("pg_"),
        _ => false,
    }
}

/// The schemas of a `search_path`.
pub(super) fn path(search_path: &str) -> Vec<String> {
    let text = lex(search_path);
    text.tokens.iter().filter_map(|token| token.kind.name().map(ToOwned::to_owned)).collect()
}
