//! `TRUNCATE`, `LOCK` and `REFRESH`: commands on whole tables.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::ReplayError;
use super::super::desk::Desk;
use super::super::lexer::{Kind, Lexed};
use super::super::named::{Named, resolve};
use super::super::outcome::{Class, Judged};
use super::asked;
use crate::grants::privilege::Privilege;
use crate::grants::quote::Text;

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

pub(super) async fn truncate<S: AsyncRead + AsyncWrite + Unpin>(
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
pub(super) async fn lock<S: AsyncRead + AsyncWrite + Unpin>(
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
pub(super) async fn refresh<S: AsyncRead + AsyncWrite + Unpin>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::replay::lexer::lex;

    #[test]
    fn lists_of_tables_are_read() {
        let tables = tables(&lex("truncate table only a.b, c * restart identity"), Privilege::Truncate);
        assert_eq!(tables.iter().map(Named::sql).collect::<Vec<_>>(), ["\"a\".\"b\"", "\"c\""]);
    }
}
