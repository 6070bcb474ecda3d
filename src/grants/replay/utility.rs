//! Statements without a plan, by the privileges their commands ask for ("SQL Commands").

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use super::desk::Desk;
use super::lexer::{Kind, Lexed};
use super::named::{Named, resolve};
use super::outcome::{Class, Judged};
use crate::grants::privilege::Privilege;
use crate::grants::quote::{Quoted, Text};

/// What to do with a statement, by its first words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Explain it, from this token on: all of it, or the query inside it.
    Plan(usize),
    /// The same, and the right to make temporary tables.
    Temporary(Option<usize>),
    /// `CALL`
    Call,
    /// `COPY table`
    Copy,
    /// `TRUNCATE`
    Truncate,
    /// `LOCK`
    Lock,
    /// `REFRESH MATERIALIZED VIEW`
    Refresh,
    /// `SET ROLE`, `SET name`
    Set,
    /// What everybody may do: transactions, cursors, notifications.
    Free,
    /// Code of its own.
    Do,
    /// What changes the database's structure, or keeps it.
    Other,
}

impl Command {
    pub(super) fn of(text: &Lexed) -> Self {
        let Some(Kind::Word(first)) = text.kind(0) else {
            // `(select 1) union ...`
            return if text.is_mark(0, '(') { Self::Plan(0) } else { Self::Other };
        };
        let after =
            |word: &str| text.tokens.iter().position(|token| token.kind.is_word(word)).map(|index| index + 1);
        match first.as_str() {
            "select" | "insert" | "update" | "delete" | "merge" | "values" | "with" | "table" => {
                Self::Plan(0)
            }
            "declare" => after("for").map_or(Self::Other, Self::Plan),
            "prepare" => after("as").map_or(Self::Other, Self::Plan),
            "explain" => explained(text).map_or(Self::Other, Self::Plan),
            "copy" if text.is_mark(1, '(') => Self::Plan(1),
            "copy" => Self::Copy,
            "call" => Self::Call,
            "truncate" => Self::Truncate,
            "lock" => Self::Lock,
            "refresh" => Self::Refresh,
            "do" => Self::Do,
            "create"
                if ["temp", "temporary"]
                    .iter()
                    .any(|word| text.is_word(1, word) || text.is_word(2, word)) =>
            {
                let query = after("as").filter(|_| text.has_word("table"));
                Self::Temporary(query)
            }
            "set" => Self::Set,
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release"
            | "fetch" | "move" | "close" | "deallocate" | "discard" | "listen" | "unlisten" | "notify"
            | "show" | "reset" | "execute" => Self::Free,
            _ => Self::Other,
        }
    }
}

/// The query after `EXPLAIN (...)`, `EXPLAIN ANALYZE VERBOSE`.
fn explained(text: &Lexed) -> Option<usize> {
    let mut index = 1;
    if text.is_mark(1, '(') {
        index = text.tokens.iter().position(|token| token.kind.is_mark(')'))? + 1;
    }
    while text.is_word(index, "analyze") || text.is_word(index, "verbose") {
        index += 1;
    }
    let first = text.kind(index)?.name()?;
    ["select", "insert", "update", "delete", "merge", "values", "with", "table"]
        .contains(&first)
        .then_some(index)
}

/// Judge a statement that has no plan.
pub(super) async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
    command: &Command,
) -> Result<Judged, ReplayError> {
    match command {
        Command::Plan(_) | Command::Free => Ok(Judged::permitted()),
        Command::Temporary(_) => temporary(desk).await,
        Command::Call => call(desk, text).await,
        Command::Copy => copy(desk, text).await,
        Command::Truncate => truncate(desk, text).await,
        Command::Lock => lock(desk, text).await,
        Command::Refresh => refresh(desk, text).await,
        Command::Set => set(desk, text).await,
        Command::Do => Ok(Judged::not_provable("what a DO block does shows only when it runs")),
        Command::Other => Ok(Judged::not_provable("a command that changes the database is not tried")),
    }
}

/// One yes or no of the server's; or what it said instead.
async fn asked<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    expression: &str,
) -> Result<Result<Option<bool>, Judged>, ReplayError> {
    let answer = desk.ask(&format!("select {expression}")).await?;
    Ok(match answer {
        Ok(answer) => Ok(answer.value().flatten().map(|value| value == "t")),
        Err(error) => Err(Judged::refused(&error)),
    })
}

async fn temporary<S: AsyncRead + AsyncWrite + Unpin>(desk: &mut Desk<'_, S>) -> Result<Judged, ReplayError> {
    let held = "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')";
    Ok(match asked(desk, held).await? {
        Ok(Some(true)) => Judged::permitted(),
        Ok(_) => Judged::new(
            Class::Denied,
            "42501",
            "permission denied to create temporary tables in this database",
        ),
        Err(judged) => judged,
    })
}

async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let Some((parts, _)) = text.qualified(1) else {
        return Ok(Judged::not_provable("it names no procedure"));
    };
    let (name, schema) = match parts.as_slice() {
        [name] => (name, None),
        [schema, name] => (name, Some(schema)),
        _ => return Ok(Judged::not_provable("it names no procedure")),
    };
    let place = schema.map_or("pg_catalog.pg_function_is_visible(p.oid)".to_owned(), |schema| {
        format!("n.nspname = {}", Text(schema))
    });
    let query = format!(
        "select pg_catalog.bool_or(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')), \
           pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')), pg_catalog.bool_or(pg_catalog.has_schema_privilege(n.oid, 'USAGE')) \
         from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
         where p.prokind = 'p' and p.proname = {} and {place}",
        Text(name)
    );
    let answer = match desk.ask(&query).await? {
        Ok(answer) => answer,
        Err(error) => return Ok(Judged::refused(&error)),
    };
    let row = answer.rows.into_iter().next().unwrap_or_default();
    let cell = |index: usize| row.get(index).and_then(|cell| cell.as_deref());
    let whole = parts.join(".");
    Ok(match (cell(0), cell(1), cell(2)) {
        (None, _, _) => Judged::new(Class::Broken, "42883", format!("procedure {whole} does not exist")),
        (_, _, Some("f")) => {
            let message = format!("permission denied for schema {}", schema.unwrap_or(&""));
            Judged::new(Class::Denied, "42501", message)
        }
        (Some("f"), _, _) => {
            Judged::new(Class::Denied, "42501", format!("permission denied for procedure {name}"))
        }
        (_, Some("f"), _) => {
            Judged::not_provable(format!("EXECUTE is held on some procedures named {whole}, not on all"))
        }
        _ => Judged::not_provable(format!("what procedure {whole} does shows only when it runs")),
    }
    .about(&whole))
}

async fn copy<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let Some((parts, mut index)) = text.qualified(1) else {
        return Ok(Judged::not_provable("it names no table"));
    };
    let mut columns = Vec::new();
    if text.is_mark(index, '(') {
        while !text.is_mark(index, ')') {
            index += 1;
            match text.kind(index) {
                Some(kind) => columns.extend(kind.name()),
                None => return Ok(Judged::not_provable("its columns cannot be read")),
            }
        }
        index += 1;
    }
    let needs = if text.is_word(index, "from") { Privilege::Insert } else { Privilege::Select };
    let is_file = matches!(text.kind(index + 1), Some(Kind::Constant | Kind::Parameter(_)));
    if text.is_word(index + 1, "program") || is_file {
        let role = match (text.is_word(index + 1, "program"), needs) {
            (true, _) => "pg_execute_server_program",
            (false, Privilege::Insert) => "pg_read_server_files",
            (false, _) => "pg_write_server_files",
        };
        match asked(desk, &format!("pg_catalog.pg_has_role('{role}', 'USAGE')")).await? {
            Ok(Some(true)) => {}
            Ok(_) => {
                let message = "permission denied to COPY to or from a file or program of the server";
                return Ok(Judged::new(Class::Denied, "42501", message));
            }
            Err(judged) => return Ok(judged),
        }
    }
    let named = Named { parts: parts.into_iter().map(ToOwned::to_owned).collect(), needs };
    let relation = match resolve(desk, &named).await? {
        Ok(relation) => relation,
        Err(judged) => return Ok(judged),
    };
    let (oid, word) = (format!("pg_catalog.to_regclass({})", Text(&named.sql())), needs.as_str());
    // Without a list: every column there is.
    let listed = columns.iter().map(|column| Text(column).to_string()).collect::<Vec<_>>().join(", ");
    let listed = if columns.is_empty() { "true".to_owned() } else { format!("attname in ({listed})") };
    let held = format!(
        "(select pg_catalog.has_table_privilege({oid}, '{word}') or pg_catalog.bool_and(pg_catalog.has_column_privilege({oid}, attnum, '{word}')) \
         from pg_catalog.pg_attribute where attrelid = {oid} and attnum > 0 and not attisdropped and {listed})"
    );
    match asked(desk, &held).await? {
        Ok(Some(true)) => {}
        Ok(_) => return Ok(relation.denied()),
        Err(judged) => return Ok(judged),
    }
    match asked(desk, &format!("pg_catalog.row_security_active({oid})")).await? {
        Ok(Some(true)) if needs == Privilege::Insert => {
            Ok(Judged::new(Class::Broken, "0A000", "COPY FROM not supported with row-level security"))
        }
        Ok(_) if needs == Privilege::Insert => {
            // Defaults, CHECKs and foreign keys act as they do for an INSERT.
            Ok(Judged::permitted().about(&format!("{}.{}", relation.schema, relation.name)))
        }
        Ok(_) => Ok(Judged::permitted()),
        Err(judged) => Ok(judged),
    }
}

/// The tables of `TRUNCATE a, ONLY b` and `LOCK TABLE a, b`.
fn tables(text: &Lexed, needs: Privilege) -> Vec<Named> {
    let mut found = Vec::new();
    let mut index = if text.is_word(1, "table") { 2 } else { 1 };
    loop {
        if text.is_word(index, "only") {
            index += 1;
        }
        let Some((parts, after)) = text.qualified(index) else { return found };
        found.push(Named { parts: parts.into_iter().map(ToOwned::to_owned).collect(), needs });
        index = if matches!(text.kind(after), Some(Kind::Operator(star)) if star == "*") {
            after + 1
        } else {
            after
        };
        if !text.is_mark(index, ',') {
            return found;
        }
        index += 1;
    }
}

async fn truncate<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let tables = tables(text, Privilege::Truncate);
    for named in &tables {
        match resolve(desk, named).await? {
            Ok(relation) if relation.is_held => {}
            Ok(relation) => return Ok(relation.denied()),
            Err(judged) => return Ok(judged),
        }
    }
    let oids = tables.iter().map(|named| format!("pg_catalog.to_regclass({})::oid", Text(&named.sql())));
    let oids = oids.collect::<Vec<_>>().join(", ");
    let cascades = text.has_word("cascade");
    // Tables that refer to these: emptied too with CASCADE, in the way without.
    let query = format!(
        "with recursive more(oid) as (select pg_catalog.unnest(array[{oids}]) union select k.conrelid from more \
           join pg_catalog.pg_constraint k on k.confrelid = more.oid and k.contype = 'f') \
         select c.relname, pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') from more join pg_catalog.pg_class c using (oid) \
         where c.oid not in ({oids})"
    );
    let answer = match desk.ask(&query).await? {
        Ok(answer) => answer,
        Err(error) => return Ok(Judged::refused(&error)),
    };
    for row in answer.rows {
        let mut cells = row.into_iter().flatten();
        let (name, held) = (cells.next().unwrap_or_default(), cells.next());
        if !cascades {
            let message = "cannot truncate a table referenced in a foreign key constraint";
            return Ok(Judged::new(Class::Broken, "0A000", message).about(&name));
        }
        if held.as_deref() != Some("t") {
            return Ok(Judged::new(Class::Denied, "42501", format!("permission denied for table {name}"))
                .about(&name));
        }
    }
    if text.has_word("restart") {
        let query = format!(
            "pg_catalog.bool_and(pg_catalog.pg_has_role(c.relowner, 'USAGE')) from pg_catalog.pg_depend d join pg_catalog.pg_class c \
             on c.oid = d.objid and c.relkind = 'S' where d.classid = 1259 and d.refclassid = 1259 and d.refobjid in ({oids}) and d.deptype in ('a', 'i')"
        );
        match asked(desk, &query).await? {
            Ok(Some(false)) => {
                return Ok(Judged::new(
                    Class::Denied,
                    "42501",
                    "must be owner of the sequence to restart it",
                ));
            }
            Ok(_) => {}
            Err(judged) => return Ok(judged),
        }
    }
    Ok(Judged::permitted())
}

/// `LockTableAclCheck` in `lockcmds.c`: 15 and older, 16, 17 differ.
async fn lock<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let mode = |words: &[&str]| {
        let found = text
            .tokens
            .windows(words.len())
            .any(|tokens| tokens.iter().zip(words).all(|(token, word)| token.kind.is_word(word)));
        found && text.has_word("in")
    };
    for named in tables(text, Privilege::Select) {
        let relation = match resolve(desk, &named).await? {
            Ok(relation) => relation,
            Err(judged) => return Ok(judged),
        };
        let any = if mode(&["in", "access", "share", "mode"]) {
            "case when pg_catalog.current_setting('server_version_num')::int < 160000 then 'SELECT' \
             else 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE' end"
        } else if mode(&["in", "row", "exclusive", "mode"]) {
            "'INSERT, UPDATE, DELETE, TRUNCATE'"
        } else {
            "'UPDATE, DELETE, TRUNCATE'"
        };
        let maintain = "case when pg_catalog.current_setting('server_version_num')::int < 170000 then '' else ', MAINTAIN' end";
        let held = format!(
            "pg_catalog.has_table_privilege(pg_catalog.to_regclass({}), ({any}) || {maintain})",
            Text(&named.sql())
        );
        match asked(desk, &held).await? {
            Ok(Some(true)) => {}
            Ok(_) => return Ok(relation.denied()),
            Err(judged) => return Ok(judged),
        }
    }
    Ok(Judged::permitted())
}

/// The owner's until 16, then whose MAINTAIN is (`RangeVarCallbackMaintainsTable` in `tablecmds.c`).
async fn refresh<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let first = if text.is_word(3, "concurrently") { 4 } else { 3 };
    let Some((parts, _)) = text.qualified(first) else { return Ok(Judged::not_provable("it names no view")) };
    let named = Named { parts: parts.into_iter().map(ToOwned::to_owned).collect(), needs: Privilege::Select };
    let relation = match resolve(desk, &named).await? {
        Ok(relation) => relation,
        Err(judged) => return Ok(judged),
    };
    let query = format!(
        "(select case when pg_catalog.current_setting('server_version_num')::int < 170000 \
                      then pg_catalog.pg_has_role(relowner, 'USAGE') \
                      else pg_catalog.has_table_privilege(oid, 'MAINTAIN') end \
            from pg_catalog.pg_class where oid = pg_catalog.to_regclass({}))",
        Text(&named.sql())
    );
    Ok(match asked(desk, &query).await? {
        Ok(Some(true)) => Judged::not_provable("its query shows what it may only when it runs, as its owner"),
        Ok(_) => relation.denied(),
        Err(judged) => judged,
    })
}

async fn set<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Judged, ReplayError> {
    let first = if text.is_word(1, "local") || text.is_word(1, "session") { 2 } else { 1 };
    let Some((parts, after)) = text.qualified(first) else { return Ok(Judged::permitted()) };
    match parts.as_slice() {
        ["role"] => {
            let Some(role) = text.kind(first + 1).and_then(Kind::name).filter(|name| *name != "none") else {
                return Ok(Judged::not_provable("it names no role"));
            };
            let held = format!("pg_catalog.pg_has_role(session_user, {}, 'MEMBER')", Text(role));
            Ok(match asked(desk, &held).await? {
                Ok(Some(true)) => Judged::not_provable("whether a role may be set goes by who logs in"),
                Ok(_) => Judged::new(
                    Class::Denied,
                    "42501",
                    format!("permission denied to set role {}", Quoted(role)),
                ),
                Err(judged) => judged,
            })
        }
        ["authorization"] => Ok(Judged::not_provable("whether a role may be set goes by who logs in")),
        // SET TRANSACTION, SET CONSTRAINTS, SET TIME ZONE, and parameters of extensions.
        ["transaction" | "constraints" | "time" | "characteristics" | "names"] | [_, _, ..] => {
            Ok(Judged::permitted())
        }
        [name] => {
            let _ = after;
            let held = format!(
                "(select context not in ('superuser', 'postmaster', 'sighup', 'internal', 'superuser-backend') from pg_catalog.pg_settings where pg_catalog.lower(name) = {})",
                Text(&name.to_lowercase())
            );
            Ok(match asked(desk, &held).await? {
                Ok(Some(true)) => Judged::permitted(),
                Ok(Some(false)) => Judged::not_provable(format!("parameter {name} takes a right of its own")),
                Ok(None) => Judged::new(
                    Class::Broken,
                    "42704",
                    format!("unrecognized configuration parameter \"{name}\""),
                ),
                Err(judged) => judged,
            })
        }
        [] => Ok(Judged::permitted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::replay::lexer::lex;

    #[test]
    fn commands_are_told_apart() {
        let of = |text: &str| Command::of(&lex(text));
        assert_eq!(of("/* x */ (select 1) union select 2"), Command::Plan(0));
        assert_eq!(of("declare c cursor for select 1"), Command::Plan(4));
        assert_eq!(of("explain (analyze, verbose) select 1"), Command::Plan(6));
        assert_eq!(of("COPY (select 1) TO STDOUT"), Command::Plan(1));
        assert_eq!(of("copy t from stdin"), Command::Copy);
        assert_eq!(of("create temp table x as select 1"), Command::Temporary(Some(5)));
        assert_eq!(of("create local temporary table x (as_of int)"), Command::Temporary(None));
        assert_eq!(of("vacuum"), Command::Other);
        assert_eq!(of("\\i x"), Command::Other);
        assert_eq!(of(""), Command::Other);
    }

    #[test]
    fn lists_of_tables_are_read() {
        let tables = tables(&lex("truncate table only a.b, c * restart identity"), Privilege::Truncate);
        assert_eq!(tables.iter().map(Named::sql).collect::<Vec<_>>(), ["\"a\".\"b\"", "\"c\""]);
    }
}
