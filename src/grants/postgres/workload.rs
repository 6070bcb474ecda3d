//! The statements the applications ran, as `pg_stat_statements` counted them.

use std::collections::HashMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, class};
use super::opening::Opening;
use super::row::{Row, each};
use super::secrets;
use crate::grants::acl::RoleId;
use crate::grants::quote::Quoted;
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, Attribute, Setting, Statement, Workload};
use crate::postgres::session::Session;

/// None, and a gap, when the server counts no statements or does not tell.
pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    settings: &[Setting],
    catalog: &mut Catalog,
) -> Result<Option<Workload>, ReadError> {
    let Some((schema, version)) = extension(catalog) else {
        let why = "pg_stat_statements is not in this database: load it by shared_preload_libraries, then CREATE \
                   EXTENSION pg_stat_statements, and wait for a day of use";
        catalog.gap(Aspect::Workload, why);
        return Ok(None);
    };
    session.batch("SAVEPOINT workload").await?;
    match statements(session, opening, settings, catalog, &schema, version).await {
        Ok(workload) => Ok(Some(workload)),
        Err(ReadError::Refused { error, .. }) => {
            session.batch("ROLLBACK TO SAVEPOINT workload").await?;
            let why = format!("pg_stat_statements: the server says {error}");
            catalog.gap(Aspect::Workload, why);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The schema of the extension, and its minor version; the major one is 1.
fn extension(catalog: &Catalog) -> Option<(String, u32)> {
    let (&oid, _) = catalog.extensions.iter().find(|(_, name)| &***name == "pg_stat_statements")?;
    let (_, extension) = catalog.objects.get(&(class::EXTENSION, oid))?;
    let version = extension.text(Attribute::Version)?.strip_prefix("1.")?.parse().ok()?;
    Some((extension.text(Attribute::ExtensionSchema)?.to_owned(), version))
}

async fn statements<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    settings: &[Setting],
    catalog: &mut Catalog,
    schema: &str,
    version: u32,
) -> Result<Workload, ReadError> {
    let schema = Quoted(schema);
    let mut workload = Workload { since: None, evictions: None, statements: Vec::new(), hidden: 0 };
    // Both came with 1.9.
    let toplevel = if version >= 9 {
        let statement = format!(
            "select dealloc, to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
               from {schema}.pg_stat_statements_info"
        );
        each(session, "the age of pg_stat_statements", &statement, |row: Row<'_, 2>| {
            workload.evictions = Some(row.number(0)?);
            workload.since = row.maybe(1).map(ToOwned::to_owned);
            Ok(())
        })
        .await?;
        "toplevel"
    } else {
        "true"
    };
    let server = server_search_path(session, settings, opening, catalog).await?;
    let mut paths: HashMap<RoleId, String> = HashMap::new();
    let statement = format!(
        "select userid, {toplevel}, calls, query from {schema}.pg_stat_statements where dbid = {}",
        opening.database_oid
    );
    let reading = "pg_stat_statements";
    each(session, reading, &statement, |row: Row<'_, 4>| {
        let Some(&role) = catalog.role_ids.get(&row.number(0)?) else { return Ok(()) };
        let query = match row.maybe(3) {
            Some(query) if query != "<insufficient privilege>" => query,
            Some(_) | None => {
                workload.hidden += 1;
                return Ok(());
            }
        };
        let search_path = paths.entry(role).or_insert_with(|| search_path(settings, role, &server)).clone();
        workload.statements.push(Statement {
            role: catalog.roles.name(role).to_owned(),
            query: secrets::statement(query).into_owned(),
            toplevel: row.truth(1),
            calls: row.number(2)?,
            search_path,
        });
        Ok(())
    })
    .await?;
    workload.statements.sort_unstable();
    if workload.hidden > 0 && !opening.may.statistics {
        let why = format!(
            "the texts of {} statements of other roles: membership in pg_read_all_stats (or pg_monitor) shows them",
            workload.hidden
        );
        catalog.gap(Aspect::Workload, why);
    }
    Ok(workload)
}

/// `search_path` of a role's sessions: the most special setting wins (ALTER ROLE, its form with SET).
fn search_path(settings: &[Setting], role: RoleId, server: &str) -> String {
    let find = |in_database: bool, role: Option<RoleId>| {
        let special = |setting: &&Setting| {
            setting.in_database == in_database && setting.role == role && setting.name == "search_path"
        };
        settings.iter().find(special).map(|setting| setting.value.clone())
    };
    find(true, Some(role))
        .or_else(|| find(false, Some(role)))
        .or_else(|| find(true, None))
        .or_else(|| find(false, None))
        .unwrap_or_else(|| server.to_owned())
}

/// What holds where no role's or database's setting does: what our own session began with, unless one of those applies
/// to ourselves; then the built-in value is told.
async fn server_search_path<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    settings: &[Setting],
    opening: &Opening,
    catalog: &Catalog,
) -> Result<String, ReadError> {
    let own = catalog.roles.id(&opening.reader.role);
    let ours = settings
        .iter()
        .any(|setting| setting.name == "search_path" && (setting.role.is_none() || setting.role == own));
    let column = if ours { "boot_val" } else { "reset_val" };
    let statement = format!("select {column} from pg_settings where name = 'search_path'");
    let mut path = String::new();
    each(session, "search_path", &statement, |row: Row<'_, 1>| {
        row.text(0)?.clone_into(&mut path);
        Ok(())
    })
    .await?;
    Ok(path)
}
