//! Foreign-data wrappers, servers, user mappings, and where foreign tables are.

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, Found, array, class, facts};
use super::opening::Opening;
use super::row::{Row, each};
use super::secrets;
use crate::grants::acl::Grantee;
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, Attribute, Fact, Key, Kind};
use crate::postgres::session::Session;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let wrappers = "
        select oid, fdwname, fdwowner, fdwacl::text, nullif(fdwhandler, 0)::regproc, nullif(fdwvalidator, 0)::regproc,
               fdwoptions::text
          from pg_foreign_data_wrapper";
    each(session, "foreign-data wrappers", wrappers, |row: Row<'_, 7>| {
        let routine =
            |column, attribute| row.maybe(column).map(|name| (attribute, Fact::Text(name.to_owned())));
        catalog.add(Found {
            address: (class::WRAPPER, row.number(0)?),
            key: Key::plain(Kind::ForeignDataWrapper, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: row.maybe(3),
            facts: facts([
                routine(4, Attribute::Handler),
                routine(5, Attribute::Validator),
                options(secrets::settings(array(row.maybe(6))?)),
            ]),
        })
    })
    .await?;
    let servers = "
        select s.oid, s.srvname, s.srvowner, s.srvacl::text, w.fdwname, s.srvoptions::text
          from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw";
    each(session, "foreign servers", servers, |row: Row<'_, 6>| {
        catalog.add(Found {
            address: (class::SERVER, row.number(0)?),
            key: Key::plain(Kind::ForeignServer, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: row.maybe(3),
            facts: facts([
                Some((Attribute::Wrapper, Fact::Text(row.text(4)?.to_owned()))),
                options(secrets::settings(array(row.maybe(5))?)),
            ]),
        })
    })
    .await?;
    let tables = "
        select t.ftrelid, s.srvname, t.ftoptions::text
          from pg_foreign_table t join pg_foreign_server s on s.oid = t.ftserver";
    each(session, "foreign tables", tables, |row: Row<'_, 3>| {
        let table = (class::RELATION, row.number(0)?);
        catalog.tell(table, Attribute::Server, Fact::Text(row.text(1)?.to_owned()));
        if let Some((attribute, fact)) = options(secrets::settings(array(row.maybe(2))?)) {
            catalog.tell(table, attribute, fact);
        }
        Ok(())
    })
    .await?;
    mappings(session, opening, catalog).await
}

async fn mappings<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    // The view shows the options of one's own mappings, and NULL for those of others and for none.
    let statement = if opening.may.mappings {
        "select m.oid, s.srvname, m.umuser, m.umoptions::text
           from pg_user_mapping m join pg_foreign_server s on s.oid = m.umserver"
    } else {
        "select umid, srvname, umuser, umoptions::text from pg_user_mappings"
    };
    let mut hidden = 0;
    each(session, "user mappings", statement, |row: Row<'_, 4>| {
        let server = row.text(1)?;
        let name = match catalog.grantee(row.number(2)?) {
            Some(Grantee::Public) => "",
            Some(Grantee::Role(role)) => catalog.roles.name(role),
            None => {
                let why = format!("a user mapping of the server {server} belongs to a role that is gone");
                catalog.gap(Aspect::UserMappingOptions, why);
                return Ok(());
            }
        };
        let key = Key { of: Some(server.into()), ..Key::plain(Kind::UserMapping, name) };
        hidden += usize::from(row.maybe(3).is_none() && !opening.may.mappings);
        catalog.add(Found {
            address: (class::USER_MAPPING, row.number(0)?),
            key,
            owner: None,
            acl: None,
            facts: facts([options(secrets::mapping(array(row.maybe(3))?))]),
        })
    })
    .await?;
    if hidden > 0 {
        let why = format!(
            "options of {hidden} user mappings only a superuser or a role with SELECT on \
             pg_catalog.pg_user_mapping may read"
        );
        catalog.gap(Aspect::UserMappingOptions, why);
    }
    Ok(())
}

/// In the order of their names: the order of ALTER ... OPTIONS means nothing.
pub(super) fn options(mut options: Vec<String>) -> Option<(Attribute, Fact)> {
    options.sort_unstable();
    (!options.is_empty()).then_some((Attribute::Options, Fact::List(options)))
}
