//! What a session asks for beside tables: temporary tables, procedures, roles and parameters.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::ReplayError;
use super::super::desk::Desk;
use super::super::lexer::{Kind, Lexed};
use super::super::outcome::{Class, Judged};
use super::asked;
use crate::grants::quote::{Quoted, Text};

pub(super) async fn temporary<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
) -> Result<Judged, ReplayError> {
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

pub(super) async fn call<S: AsyncRead + AsyncWrite + Unpin>(
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

pub(super) async fn set<S: AsyncRead + AsyncWrite + Unpin>(
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
