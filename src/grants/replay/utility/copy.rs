//! `COPY table`: the privileges it asks for, and what an INSERT of the same columns would do ("COPY", "Notes"). Nothing of
//! it is given to the server: a COPY knows no rules and no plan.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::ReplayError;
use super::super::desk::Desk;
use super::super::lexer::{Kind, Lexed};
use super::super::named::{Named, Resolved, resolve};
use super::super::outcome::{Class, Judged};
use super::super::plan::Plan;
use super::{Ruling, asked};
use crate::grants::privilege::Privilege;
use crate::grants::quote::Text;

/// The command, as far as it is read.
struct Copy<'t> {
    table: Named,
    /// None named: all of them.
    columns: Vec<&'t str>,
    /// The role that a file or program of the server takes.
    takes: Option<&'static str>,
    /// Its WHERE calls a function.
    filters: bool,
}

impl<'t> Copy<'t> {
    /// Read it, or say what is missing.
    fn read(text: &'t Lexed) -> Result<Self, &'static str> {
        let (parts, mut index) = text.qualified(1).ok_or("it names no table")?;
        let mut columns = Vec::new();
        if text.is_mark(index, '(') {
            while !text.is_mark(index, ')') {
                index += 1;
                columns.extend(text.kind(index).ok_or("its columns cannot be read")?.name());
            }
            index += 1;
        }
        let needs = if text.is_word(index, "from") { Privilege::Insert } else { Privilege::Select };
        let is_program = text.is_word(index + 1, "program");
        let is_file = matches!(text.kind(index + 1), Some(Kind::Constant | Kind::Parameter(_)));
        let takes = match (is_program, needs) {
            (true, _) => Some("pg_execute_server_program"),
            (false, Privilege::Insert) => is_file.then_some("pg_read_server_files"),
            (false, _) => is_file.then_some("pg_write_server_files"),
        };
        let condition = text.tokens.iter().position(|token| token.kind.is_word("where"));
        let filters = condition.is_some_and(|at| {
            (at + 1..text.tokens.len()).any(|index| {
                text.kind(index).is_some_and(|kind| kind.name().is_some()) && text.is_mark(index + 1, '(')
            })
        });
        let table = Named { parts: parts.into_iter().map(ToOwned::to_owned).collect(), needs };
        Ok(Self { table, columns, takes, filters })
    }

    fn oid(&self) -> String {
        format!("pg_catalog.to_regclass({})", Text(&self.table.sql()))
    }

    /// Whether a column of `pg_attribute` is among those that are copied.
    fn listed(&self) -> String {
        if self.columns.is_empty() {
            return "true".to_owned();
        }
        let names = self.columns.iter().map(|column| Text(column).to_string()).collect::<Vec<_>>();
        format!("attname in ({})", names.join(", "))
    }
}

/// Judge one.
pub(super) async fn copy<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
) -> Result<Ruling, ReplayError> {
    let copy = match Copy::read(text) {
        Ok(copy) => copy,
        Err(reason) => return Ok(Ruling::Said(Judged::not_provable(reason))),
    };
    if let Some(role) = copy.takes {
        match asked(desk, &format!("pg_catalog.pg_has_role('{role}', 'USAGE')")).await? {
            Ok(Some(true)) => {}
            Ok(_) => {
                let message = "permission denied to COPY to or from a file or program of the server";
                return Ok(Ruling::Said(Judged::new(Class::Denied, "42501", message)));
            }
            Err(judged) => return Ok(Ruling::Said(judged)),
        }
    }
    let relation = match resolve(desk, &copy.table).await? {
        Ok(relation) => relation,
        Err(judged) => return Ok(Ruling::Said(judged)),
    };
    if let Some(judged) = refused(desk, &copy, &relation).await? {
        return Ok(Ruling::Said(judged));
    }
    let mut plan = Plan::default();
    if copy.table.needs == Privilege::Insert {
        match defaults(desk, &copy).await? {
            Ok(expressions) => plan.expressions = expressions,
            Err(judged) => return Ok(Ruling::Said(judged)),
        }
        if copy.filters {
            let reason = "what the functions of its WHERE may do shows only when it runs";
            return Ok(Ruling::Said(Judged::not_provable(reason)));
        }
    }
    plan.relations.insert((relation.schema, relation.name), copy.table.needs.into());
    Ok(Ruling::Does(plan))
}

/// Why the server refuses it as it stands, in the order of `DoCopy` in `copy.c`: privileges, row security, kinds.
async fn refused<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    copy: &Copy<'_>,
    relation: &Resolved,
) -> Result<Option<Judged>, ReplayError> {
    let (oid, word, listed) = (copy.oid(), copy.table.needs.as_str(), copy.listed());
    let held = format!(
        "(select pg_catalog.has_table_privilege({oid}, '{word}') or pg_catalog.bool_and(pg_catalog.has_column_privilege({oid}, attnum, '{word}')) \
         from pg_catalog.pg_attribute where attrelid = {oid} and attnum > 0 and not attisdropped and {listed})"
    );
    match asked(desk, &held).await? {
        Ok(Some(true)) => {}
        Ok(_) => return Ok(Some(relation.denied())),
        Err(judged) => return Ok(Some(judged)),
    }
    let is_from = copy.table.needs == Privilege::Insert;
    if is_from {
        match asked(desk, &format!("pg_catalog.row_security_active({oid})")).await? {
            Ok(Some(true)) => {
                let message = "COPY FROM not supported with row-level security";
                return Ok(Some(Judged::new(Class::Broken, "0A000", message)));
            }
            Ok(_) => {}
            Err(judged) => return Ok(Some(judged)),
        }
    }
    // A view takes rows through an INSTEAD OF trigger (`pg_trigger.tgtype`: INSTEAD 64, INSERT 4); from 18 on a
    // materialized view gives them.
    let able = match (relation.kind.as_str(), is_from) {
        ("r", _) | ("p" | "f", true) => return Ok(None),
        ("v", true) => format!(
            "exists (select from pg_catalog.pg_trigger where tgrelid = {oid} and tgtype & 68 = 68 and tgenabled in ('O', 'A'))"
        ),
        ("m", false) => "pg_catalog.current_setting('server_version_num')::int >= 180000".to_owned(),
        (_, _) => "false".to_owned(),
    };
    Ok(match asked(desk, &able).await? {
        Ok(Some(true)) => None,
        Ok(_) => {
            let (toward, kind) = (if is_from { "to" } else { "from" }, relation.kind());
            let message = format!("cannot copy {toward} {kind} \"{}\"", relation.name);
            Some(Judged::new(Class::Broken, "42809", message).about(&relation.whole()))
        }
        Err(judged) => Some(judged),
    })
}

/// The defaults of the columns it leaves out, as the server writes them: they are computed with the rights of who copies.
/// Or what will be refused, as one calls a function that the role may not.
async fn defaults<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    copy: &Copy<'_>,
) -> Result<Result<Vec<String>, Judged>, ReplayError> {
    // No list: every column is in the data, but for those that are generated.
    if copy.columns.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let (oid, listed) = (copy.oid(), copy.listed());
    // A column without a default has that of its domain (`build_column_default` in `rewriteHandler.c`).
    let query = format!(
        "with missing as (select attrelid, attnum, atttypid, atthasdef from pg_catalog.pg_attribute \
            where attrelid = {oid} and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = '' and not ({listed})), \
         given as (select pg_catalog.pg_get_expr(d.adbin, d.adrelid) as expression, 2604::oid as class, d.oid as object \
             from missing join pg_catalog.pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum \
           union all select pg_catalog.pg_get_expr(t.typdefaultbin, 0), 1247, t.oid \
             from missing join pg_catalog.pg_type t on t.oid = atttypid where not atthasdef and t.typdefaultbin is not null) \
         select expression, (select pg_catalog.min(p.proname::text) from pg_catalog.pg_depend k \
             left join pg_catalog.pg_operator o on k.refclassid = 2617 and o.oid = k.refobjid \
             join pg_catalog.pg_proc p on p.oid = case k.refclassid when 1255 then k.refobjid when 2617 then o.oprcode::oid end \
             where k.classid = class and k.objid = object and not pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) \
           from given"
    );
    let answer = match desk.ask(&query).await? {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(Judged::refused(&error))),
    };
    let mut expressions = Vec::new();
    for row in answer.rows {
        let mut cells = row.into_iter();
        let (expression, refused) = (cells.next().flatten(), cells.next().flatten());
        if let Some(function) = refused {
            let denied =
                Judged::new(Class::Denied, "42501", format!("permission denied for function {function}"));
            return Ok(Err(denied.because("the default of a column that is left out calls it")));
        }
        expressions.extend(expression);
    }
    Ok(Ok(expressions))
}
