//! What a statement's text names: relations with what is done to them, routines that are called, and every other word.

use std::collections::BTreeSet;

use super::lexer::{Kind, Lexed, lex};
use super::named::{Written, relations};
use crate::grants::privilege::Privilege;

/// The names in a statement, as PostgreSQL reads them: folded to lower case unless they are quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentioned {
    /// Relations, their schema first where it is written, with what the statement needs on them.
    pub relations: Vec<(Option<String>, String, Privilege)>,
    /// Routines that are called, their schema first where it is written.
    pub routines: Vec<(Option<String>, String)>,
    /// Every word and quoted name: columns are among them.
    pub words: BTreeSet<String>,
    /// A `*` stands where all columns of a relation are meant.
    pub every_column: bool,
    /// Columns that it gives values to.
    pub given: BTreeSet<String>,
    /// It gives values to columns that it does not name.
    pub gives_all: bool,
}

/// Words before a parenthesis that call nothing.
const NO_CALLS: [&str; 18] = [
    "in", "values", "and", "or", "not", "as", "exists", "any", "all", "some", "over", "filter", "using",
    "on", "select", "from", "where", "into",
];

/// The names in a statement.
#[must_use]
pub fn mentioned(statement: &str) -> Mentioned {
    let text = lex(statement);
    let written = Written::by(&text);
    let mut found = Mentioned {
        given: written.columns().map(ToOwned::to_owned).collect(),
        gives_all: written.is_all(),
        ..Mentioned::default()
    };
    for named in relations(&text) {
        let needs = named.needs;
        if let Some((schema, name)) = split(named.parts.iter().map(String::as_str)) {
            found.relations.push((schema, name, needs));
        }
    }
    let further = found.relations.iter().flat_map(|(schema, name, _)| beside(&text, schema.as_deref(), name));
    let further: Vec<(Option<String>, String)> = further.collect();
    for (schema, name) in further {
        found.relations.push((schema, name, Privilege::Select));
    }
    for (index, token) in text.tokens.iter().enumerate() {
        let begins = index == 0 || !text.is_mark(index - 1, '.');
        if let Some((parts, after)) = text.qualified(index).filter(|_| begins) {
            let is_call = text.is_mark(after, '(') && !(parts.len() == 1 && NO_CALLS.contains(&parts[0]));
            // `insert into t (a)`: a list of columns.
            let is_list = index > 0 && ["into", "as"].iter().any(|word| text.is_word(index - 1, word));
            if let Some(routine) = split(parts.iter().copied()).filter(|_| is_call && !is_list)
                && !found.routines.contains(&routine)
            {
                found.routines.push(routine);
            }
        }
        match &token.kind {
            Kind::Word(name) | Kind::Quoted(name) => {
                found.words.insert(name.clone());
            }
            Kind::Operator(operator) => {
                let after = index.checked_sub(1).and_then(|before| text.kind(before));
                found.every_column |= operator == "*"
                    && after.is_some_and(|kind| {
                        kind.is_word("select")
                            || kind.is_mark(',')
                            || kind.is_mark('.')
                            || kind.is_word("returning")
                    });
            }
            Kind::Parameter(_) | Kind::Constant | Kind::Mark(_) => {}
        }
    }
    found
}

/// What follows a relation after commas: `from a, b as x, c.d`.
fn beside(text: &Lexed, schema: Option<&str>, name: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    for index in (0..text.tokens.len()).filter(|&index| text.is_word(index, "from")) {
        let Some((parts, mut at)) = text.qualified(index + 1) else { continue };
        let own = split(parts.iter().copied());
        if own.as_ref().map(|(schema, name)| (schema.as_deref(), name.as_str())) != Some((schema, name)) {
            continue;
        }
        loop {
            let alias = usize::from(text.is_word(at, "as"));
            let skips_alias =
                !text.is_mark(at, ',') && text.kind(at + alias).is_some_and(|kind| kind.name().is_some());
            let comma = if skips_alias { at + alias + 1 } else { at };
            let Some((parts, after)) = text.qualified(comma + 1).filter(|_| text.is_mark(comma, ',')) else {
                break;
            };
            let is_call = text.is_mark(after, '(');
            let is_keyword = matches!(parts.as_slice(), ["lateral" | "select" | "only"]);
            if let Some(one) = split(parts.iter().copied()).filter(|_| !is_call && !is_keyword) {
                found.push(one);
            }
            at = after;
        }
    }
    found
}

/// Schema and name of one to three parts; the first of three is the database.
fn split<'n>(parts: impl DoubleEndedIterator<Item = &'n str>) -> Option<(Option<String>, String)> {
    let mut parts = parts.rev().map(ToOwned::to_owned);
    let name = parts.next()?;
    Some((parts.next(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations_of(statement: &str) -> Vec<String> {
        let named = mentioned(statement).relations.into_iter();
        let written = named.map(|(schema, name, needs)| {
            format!("{needs} {}{name}", schema.map_or_else(String::new, |schema| format!("{schema}.")))
        });
        written.collect()
    }

    #[test]
    fn relations_come_with_what_they_need() {
        assert_eq!(relations_of("select count(*) from core.orders"), ["SELECT core.orders"]);
        assert_eq!(
            relations_of("insert into \"Orders\" (total) select t from app.src"),
            ["INSERT Orders", "SELECT app.src"]
        );
        assert_eq!(
            relations_of("select 1 from a, b as x, \"C\".d z, f(1) where g in (h, i)"),
            ["SELECT a", "SELECT b", "SELECT C.d"]
        );
        assert_eq!(relations_of("select 'from secrets' -- from more"), Vec::<String>::new());
        assert_eq!(relations_of("with x as (select 1) select * from x join y on true"), ["SELECT y"]);
    }

    #[test]
    fn routines_are_what_is_called() {
        let called =
            mentioned("select core.tax(10), count(*) from f(1) where a in (1) and exists (select 1)")
                .routines;
        let names: Vec<&str> = called.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["tax", "count", "f"]);
        assert_eq!(called[0].0.as_deref(), Some("core"));
        let insert = mentioned("insert into t (a) values (1) returning id");
        assert_eq!(insert.routines, []);
        assert!(insert.given.contains("a") && !insert.given.contains("id") && !insert.gives_all);
    }

    #[test]
    fn every_column_is_a_star_that_multiplies_nothing() {
        assert!(mentioned("select * from t").every_column);
        assert!(mentioned("select t.* from t").every_column);
        assert!(!mentioned("select a * b from t").every_column);
        assert!(!mentioned("select count(*) from t").every_column);
    }
}
