//! Names of known objects in the text of a routine's body. What looks like one may be a word of another meaning, and a
//! name that is put together while it runs is not found: hence `Confidence::Text`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::grants::snapshot::{Attribute, Fact, Key, Object};

/// After these a name without a schema is a relation's.
const BEFORE_RELATIONS: [&str; 15] = [
    "copy",
    "currval",
    "from",
    "into",
    "join",
    "lastval",
    "lock",
    "nextval",
    "only",
    "setval",
    "table",
    "to_regclass",
    "truncate",
    "update",
    "using",
];

/// Objects by name.
#[derive(Debug)]
pub(super) struct Names<'k>(HashMap<&'k str, Vec<&'k Key>>);

/// A name as it is written: parts, what stands before it, and whether a parenthesis follows.
struct Word<'t> {
    parts: Vec<Cow<'t, str>>,
    called: bool,
}

impl<'k> Names<'k> {
    pub(super) fn new(keys: impl Iterator<Item = &'k Key>) -> Self {
        let mut names: HashMap<&str, Vec<&Key>> = HashMap::new();
        for key in keys {
            names.entry(&key.name).or_default().push(key);
        }
        for same in names.values_mut() {
            same.sort_unstable();
        }
        Self(names)
    }

    /// The objects that a body names; a name without a schema is looked for in `path` first.
    pub(super) fn in_body(&self, body: &str, path: &[String]) -> BTreeSet<&'k Key> {
        let mut found = BTreeSet::new();
        let mut before = String::new();
        for Word { parts, called } in words(body) {
            match parts.as_slice() {
                [name] => {
                    let relation = BEFORE_RELATIONS.contains(&before.as_str());
                    if relation || called {
                        found.extend(self.unqualified(name, path, called));
                    }
                    before = name.to_ascii_lowercase();
                }
                [schema, name, ..] => {
                    let same = self.0.get(&**name).into_iter().flatten();
                    found.extend(same.filter(|key| key.schema.as_deref() == Some(schema)));
                    before.clear();
                }
                [] => {}
            }
        }
        found
    }

    fn unqualified(&self, name: &str, path: &[String], called: bool) -> Vec<&'k Key> {
        let same = self.0.get(name).into_iter().flatten().copied();
        let same: Vec<&Key> = same.filter(|key| !called || key.kind.is_routine()).collect();
        let within = |schema: &String| -> Vec<&Key> {
            same.iter().copied().filter(|key| key.schema.as_deref() == Some(schema)).collect()
        };
        path.iter().map(within).find(|found| !found.is_empty()).unwrap_or(same)
    }
}

/// Where a routine looks for names: its own setting of `search_path`, else most likely its own schema.
pub(super) fn search_path(routine: &Key, object: &Object) -> Vec<String> {
    let own = object.facts.get(&Attribute::Configuration).and_then(|fact| match fact {
        Fact::List(settings) => settings.iter().find_map(|setting| setting.strip_prefix("search_path=")),
        Fact::Text(_) | Fact::Roles(_) => None,
    });
    match own {
        Some(path) => path.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect(),
        None => routine.schema.iter().map(ToString::to_string).collect(),
    }
}

/// The words of a body. Constants are read like the rest: they may be statements that are run.
fn words(body: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut rest = body;
    // A dot right after a word ties the next one to it.
    let mut tied = false;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '"' => quoted(rest),
            _ if first.is_alphabetic() || first == '_' => {
                let ends = |character: char| !(character.is_alphanumeric() || "_$".contains(character));
                let length = rest.find(ends).unwrap_or(rest.len());
                let word = &rest[..length];
                let upper = word.contains(char::is_uppercase);
                (Some(if upper { Cow::Owned(word.to_lowercase()) } else { Cow::Borrowed(word) }), length)
            }
            '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            _ if first.is_ascii_digit() => {
                (None, rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len()))
            }
            other => {
                if other == '('
                    && let Some(last) = words.last_mut()
                {
                    last.called |= !last.parts.is_empty() && body_adjacent(body, rest);
                }
                (None, other.len_utf8())
            }
        };
        if let Some(part) = part {
            match words.last_mut().filter(|_| tied) {
                Some(last) => last.parts.push(part),
                None => words.push(Word { parts: vec![part], called: false }),
            }
            tied = rest[length..].starts_with('.');
            rest = &rest[length + usize::from(tied)..];
        } else {
            tied = false;
            rest = &rest[length..];
        }
    }
    words
}

/// Whether only spaces lie between the word before and here.
fn body_adjacent(body: &str, rest: &str) -> bool {
    let before = body[..body.len() - rest.len()].trim_end();
    before.ends_with(|last: char| last.is_alphanumeric() || "_$\"".contains(last))
}

/// A quoted identifier at the beginning, and its length; one that does not end is none.
fn quoted(text: &str) -> (Option<Cow<'_, str>>, usize) {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' if bytes.get(at + 1) == Some(&b'"') => at += 2,
            b'"' => return (Some(Cow::Owned(text[1..at].replace("\"\"", "\""))), at + 1),
            _ => at += 1,
        }
    }
    (None, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::snapshot::Kind;

    fn found(body: &str, path: &[&str]) -> Vec<String> {
        let keys = [
            Key::within(Kind::Table, "shop", "orders"),
            Key::within(Kind::Table, "billing", "orders"),
            Key::within(Kind::Table, "Odd.s", "a \"b\""),
            Key::within(Kind::Sequence, "shop", "numbers"),
            Key { args: Some("".into()), ..Key::within(Kind::Function, "shop", "total") },
        ];
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        Names::new(keys.iter()).in_body(body, &path).into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_found_where_they_can_be_meant() {
        for (body, path, keys) in [
            ("select * from shop.orders o where o.total > 1", &["x"][..], &["table:shop.orders"][..]),
            ("SELECT * FROM Orders", &["billing"], &["table:billing.orders"]),
            ("select * from orders", &["x"], &["table:billing.orders", "table:shop.orders"]),
            ("insert into \"Odd.s\".\"a \"\"b\"\"\" values (1)", &[], &["table:\"Odd.s\".\"a \"\"b\"\"\""]),
            ("perform nextval('shop.numbers')", &[], &["sequence:shop.numbers"]),
            ("perform nextval('numbers')", &["shop"], &["sequence:shop.numbers"]),
            ("execute 'delete from billing.orders'", &[], &["table:billing.orders"]),
            ("return total ()", &["shop"], &["function:shop.total()"]),
            ("total := orders + 1; -- from orders\n", &["shop"], &[]),
            ("x.shop.orders(1) \"unended from", &[], &[]),
        ] {
            assert_eq!(found(body, path), keys, "{body}");
        }
    }
}
