//! The relations a text names, and what its role may do with them: all that is known of a statement that cannot be planned.

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use super::desk::Desk;
use super::lexer::{Kind, Lexed};
use super::outcome::{Class, Judged};
use crate::grants::privilege::Privilege;
use crate::grants::quote::{Quoted, Text};

/// A relation in a text, and what the statement does with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) parts: Vec<String>,
    pub(super) needs: Privilege,
}

impl Named {
    /// The name as SQL, each part quoted.
    pub(super) fn sql(&self) -> String {
        self.parts.iter().map(|part| Quoted(part).to_string()).collect::<Vec<_>>().join(".")
    }
}

/// The relations after FROM, JOIN, INTO and UPDATE. Only those that surely are relations: not functions, not names of
/// WITH, not the FROM of `extract(x from y)`.
pub(super) fn relations(text: &Lexed) -> Vec<Named> {
    let with: Vec<&str> = text
        .tokens
        .iter()
        .enumerate()
        .filter(|&(index, _)| {
            text.has_word("with") && (text.is_word(index + 1, "as") || text.is_mark(index + 1, '('))
        })
        .filter_map(|(_, token)| token.kind.name())
        .collect();
    let mut found = Vec::new();
    let mut calls: Vec<bool> = Vec::new();
    for (index, token) in text.tokens.iter().enumerate() {
        let before = |word: &str| index > 0 && text.is_word(index - 1, word);
        match &token.kind {
            // Inside a function that has a FROM of its own.
            Kind::Mark('(') => {
                let of = index.checked_sub(1).and_then(|index| text.kind(index));
                calls.push(
                    ["extract", "substring", "trim", "overlay", "position"]
                        .iter()
                        .any(|name| of.is_some_and(|kind| kind.is_word(name))),
                );
            }
            Kind::Mark(')') => drop(calls.pop()),
            Kind::Word(word) => {
                let inside_a_call = calls.last().copied().unwrap_or(false);
                let needs = match word.as_str() {
                    "from" if before("delete") => Privilege::Delete,
                    "from"
                        if !(inside_a_call
                            || before("distinct")
                            || text.is_word(0, "copy") && calls.is_empty()) =>
                    {
                        Privilege::Select
                    }
                    "join" => Privilege::Select,
                    "into" if before("insert") => Privilege::Insert,
                    "update" if index == 0 => Privilege::Update,
                    _ => continue,
                };
                let name = if text.is_word(index + 1, "only") { index + 2 } else { index + 1 };
                let Some((parts, after)) = text.qualified(name) else { continue };
                let is_keyword = matches!(
                    parts.as_slice(),
                    ["lateral" | "select" | "rows" | "values" | "only" | "unnest"]
                );
                let is_call = text.is_mark(after, '(') && needs == Privilege::Select;
                let is_with = parts.len() == 1 && with.contains(&parts[0]);
                if !is_keyword && !is_call && !is_with {
                    found.push(Named { parts: parts.into_iter().map(ToOwned::to_owned).collect(), needs });
                }
            }
            Kind::Quoted(_) | Kind::Parameter(_) | Kind::Constant | Kind::Operator(_) | Kind::Mark(_) => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The columns a statement gives values to, by its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written<'t> {
    columns: Vec<&'t str>,
    /// An INSERT or COPY without a list of columns.
    is_all: bool,
}

impl<'t> Written<'t> {
    pub(super) fn by(text: &'t Lexed) -> Self {
        let mut written = Self::default();
        if text.is_word(0, "copy") {
            match text.qualified(1) {
                Some((_, list)) if text.is_mark(list, '(') => written.list(text, list),
                Some(_) | None => written.is_all = true,
            }
            return written;
        }
        for index in 0..text.tokens.len() {
            if text.is_word(index, "insert") && text.is_word(index + 1, "into") {
                let list = text.qualified(index + 2).map_or(index + 2, |(_, after)| after);
                let list = if text.is_word(list, "as") { list + 2 } else { list };
                let is_query =
                    ["select", "with", "values", "table"].iter().any(|word| text.is_word(list + 1, word));
                if text.is_mark(list, '(') && !is_query {
                    written.list(text, list);
                } else {
                    written.is_all = true;
                }
            } else if text.is_word(index, "set") {
                written.assignments(text, index + 1);
            }
        }
        written
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &'t str> {
        self.columns.iter().copied()
    }

    pub(super) fn is_all(&self) -> bool {
        self.is_all
    }

    /// `(a, b)`
    fn list(&mut self, text: &'t Lexed, opening: usize) {
        let tokens = text.tokens.iter().skip(opening).take_while(|token| !token.kind.is_mark(')'));
        self.columns.extend(tokens.filter_map(|token| token.kind.name()));
    }

    /// `a = ..., (b, c) = ...`
    fn assignments(&mut self, text: &'t Lexed, mut index: usize) {
        let mut depth = 0_usize;
        let mut begins = true;
        while let Some(kind) = text.kind(index) {
            let ends = ["where", "from", "returning", "when"].iter().any(|word| kind.is_word(word));
            if depth == 0 && ends {
                return;
            }
            if kind.is_mark('(') {
                if begins && depth == 0 {
                    self.list(text, index);
                }
                depth += 1;
            } else if kind.is_mark(')') {
                let Some(outer) = depth.checked_sub(1) else { return };
                depth = outer;
            } else if begins && depth == 0 {
                self.columns.extend(kind.name());
            }
            begins = depth == 0 && kind.is_mark(',');
            index += 1;
        }
    }

    /// Whether it gives a value to one of these.
    pub(super) fn touches(&self, columns: &[String]) -> bool {
        self.is_all || columns.iter().any(|column| self.columns.contains(&column.as_str()))
    }
}

/// A relation as the server knows it.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) schema: String,
    pub(super) name: String,
    /// `pg_class.relkind`
    pub(super) kind: String,
    pub(super) is_held: bool,
}

/// What the role may do with a relation: any column will do for SELECT, INSERT and UPDATE. Or why it may not look at it.
pub(super) async fn resolve<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    named: &Named,
) -> Result<Result<Resolved, Judged>, ReplayError> {
    let sql = named.sql();
    let needs = named.needs.as_str();
    let held = match named.needs {
        Privilege::Select | Privilege::Insert | Privilege::Update | Privilege::References => {
            "has_any_column_privilege"
        }
        Privilege::Delete
        | Privilege::Truncate
        | Privilege::Trigger
        | Privilege::Maintain
        | Privilege::Usage
        | Privilege::Create
        | Privilege::Execute
        | Privilege::Connect
        | Privilege::Temporary
        | Privilege::Set
        | Privilege::AlterSystem => "has_table_privilege",
    };
    let query = format!(
        "select n.nspname, c.relname, c.relkind, pg_catalog.{held}(c.oid, '{needs}') from pg_catalog.pg_class c \
           join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = pg_catalog.to_regclass({})",
        Text(&sql)
    );
    let answer = match desk.ask(&query).await? {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(Judged::refused(&error))),
    };
    let Some([Some(schema), Some(name), Some(kind), held]) =
        answer.rows.into_iter().next().and_then(|row| <[_; 4]>::try_from(row).ok())
    else {
        let written = named.parts.join(".");
        let message = format!("relation \"{written}\" does not exist");
        return Ok(Err(Judged::new(Class::Broken, "42P01", message).about(&written)));
    };
    Ok(Ok(Resolved { schema, name, kind, is_held: held.as_deref() == Some("t") }))
}

impl Resolved {
    /// Its name with its schema, as reports write it.
    pub(super) fn whole(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// What the server calls it where its kind matters.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind.as_str() {
            "v" => "view",
            "m" => "materialized view",
            "f" => "foreign table",
            "S" => "sequence",
            "p" => "partitioned table",
            _ => "table",
        }
    }

    /// What the server says to a role that may not.
    pub(super) fn denied(&self) -> Judged {
        let kind = if self.kind == "p" { "table" } else { self.kind() };
        let message = format!("permission denied for {kind} {}", self.name);
        Judged::new(Class::Denied, "42501", message).about(&self.whole())
    }
}

/// The first relation that the role may do nothing with, or that is not there; none when each can be reached.
pub(super) async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Option<Judged>, ReplayError> {
    if text.is_odd {
        return Ok(None);
    }
    for named in relations(text) {
        match resolve(desk, &named).await? {
            Ok(relation) if relation.is_held => {}
            Ok(relation) => return Ok(Some(relation.denied())),
            Err(judged) => return Ok(Some(judged)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::replay::lexer::lex;

    #[test]
    fn columns_that_get_values_are_told_from_those_that_are_read() {
        let touches = |text: &str, column: &str| Written::by(&lex(text)).touches(&[column.to_owned()]);
        assert!(touches("update t set a = b + f(c, d), (\"E\", g) = (1, 2) where h = 1", "a"));
        for column in ["b", "c", "d", "h"] {
            assert!(
                !touches("update t set a = b + f(c, d), (\"E\", g) = (1, 2) where h = 1", column),
                "{column}"
            );
        }
        assert!(touches("update t set a = 1, (\"E\", g) = (1, 2)", "E"));
        assert!(!touches("insert into s.t (a, b) values ($1, $2)", "c"));
        assert!(touches("insert into s.t (a, b) values ($1, $2) on conflict (a) do update set c = 1", "c"));
        assert!(touches("insert into t select 1", "c"));
        assert!(touches("copy s.t (a, \"B\") from stdin", "B"));
        assert!(!touches("copy s.t (a, \"B\") from stdin (format csv, null 'c')", "c"));
        assert!(touches("copy s.t from stdin", "c"));
    }

    #[test]
    fn only_relations_are_found() {
        let found = |text: &str| {
            let found = relations(&lex(text));
            found.iter().map(|named| format!("{} {}", named.needs, named.parts.join("."))).collect::<Vec<_>>()
        };
        assert_eq!(
            found(
                "with x as (delete from a.\"B\" returning 1) select extract($1 from t.at), f(1) from only x join c on \
                 a is distinct from b, generate_series(1, 2) for update of t"
            ),
            ["DELETE a.B", "SELECT c"]
        );
        assert_eq!(found("insert into s.t (a) select 1 from unnest($1) u"), ["INSERT s.t"]);
        assert_eq!(found("update t set a = 1"), ["UPDATE t"]);
        assert_eq!(found("select trim(both from x), 1 from (select 1 from y) z"), ["SELECT y"]);
    }
}
