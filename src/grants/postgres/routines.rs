//! Routines, types, languages, and what is in no schema: large objects, tablespaces, parameters.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, Found, array, class, facts, switch};
use super::opening::Opening;
use super::row::{Row, Unread, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Attribute, Fact, Key, Kind};
use crate::postgres::session::Session;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    routines(session, catalog).await?;
    types(session, catalog).await?;
    languages(session, catalog).await?;
    let large_objects = "select oid, oid, lomowner, lomacl::text from pg_largeobject_metadata";
    plain(session, catalog, "large objects", large_objects, class::LARGE_OBJECT, Kind::LargeObject).await?;
    let tablespaces = "select oid, spcname, spcowner, spcacl::text from pg_tablespace";
    plain(session, catalog, "tablespaces", tablespaces, class::TABLESPACE, Kind::Tablespace).await?;
    if opening.since(15) {
        let parameters = "select oid, parname, null, paracl::text from pg_parameter_acl";
        plain(session, catalog, "parameters", parameters, class::PARAMETER, Kind::Parameter).await?;
    }
    Ok(())
}

/// Constructors of ranges come and go with their type, and no dump tells of them.
async fn routines<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select p.oid, p.pronamespace, p.proname, p.prokind, oidvectortypes(p.proargtypes), p.proowner, p.proacl::text,
               p.prosecdef, p.proleakproof, p.proconfig::text,
               case when l.lanname not in ('sql', 'plpgsql', 'c', 'internal') then l.lanname end
          from pg_proc p join pg_language l on l.oid = p.prolang
          left join pg_init_privs i on i.objoid = p.oid and i.classoid = 1255 and i.objsubid = 0
         where (p.oid >= 16384 or p.proowner <> 10 or p.proacl is distinct from i.initprivs)
           and (p.proacl is not null
                or not exists (select from pg_depend d where d.classid = 1255 and d.objid = p.oid and d.deptype = 'i'))";
    each(session, "routines", statement, |row: Row<'_, 11>| {
        let kind = match row.text(3)? {
            "f" | "w" => Kind::Function,
            "p" => Kind::Procedure,
            "a" => Kind::Aggregate,
            other => return Err(Unread(format!("a routine of kind {other:?}"))),
        };
        let Some(key) = catalog.within(kind, row.number(1)?, row.text(2)?) else { return Ok(()) };
        let configuration = super::secrets::settings(array(row.maybe(9))?);
        let language = row.maybe(10).map(|name| Fact::Text(name.to_owned()));
        catalog.add(Found {
            address: (class::ROUTINE, row.number(0)?),
            key: Key { args: Some(row.text(4)?.into()), ..key },
            owner: Some(row.number(5)?),
            acl: row.maybe(6),
            facts: facts([
                switch(&row, 7, Attribute::SecurityDefiner),
                switch(&row, 8, Attribute::Leakproof),
                (!configuration.is_empty()).then_some((Attribute::Configuration, Fact::List(configuration))),
                language.map(|language| (Attribute::Language, language)),
            ]),
        })
    })
    .await
}

/// Types of their own. The type of an array, of a table's rows and of a multirange follows another object; of the last
/// two only what was granted apart counts.
async fn types<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select t.oid, t.typnamespace, t.typname, t.typtype, t.typowner, t.typacl::text
          from pg_type t left join pg_class c on c.oid = t.typrelid
          left join pg_init_privs i on i.objoid = t.oid and i.classoid = 1247 and i.objsubid = 0
         where (t.oid >= 16384 or t.typowner <> 10 or t.typacl is distinct from i.initprivs)
           and case t.typtype when 'p' then false when 'm' then t.typacl is not null
                    when 'c' then c.relkind = 'c' or t.typacl is not null
                    else not exists (select from pg_type e where e.typarray = t.oid) end";
    each(session, "types", statement, |row: Row<'_, 6>| {
        let kind = if row.text(3)? == "d" { Kind::Domain } else { Kind::Type };
        let Some(key) = catalog.within(kind, row.number(1)?, row.text(2)?) else { return Ok(()) };
        catalog.add(Found {
            address: (class::TYPE, row.number(0)?),
            key,
            owner: Some(row.number(4)?),
            acl: row.maybe(5),
            facts: BTreeMap::new(),
        })
    })
    .await
}

async fn languages<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "select oid, lanname, lanowner, lanacl::text, lanpltrusted from pg_language";
    each(session, "languages", statement, |row: Row<'_, 5>| {
        catalog.add(Found {
            address: (class::LANGUAGE, row.number(0)?),
            key: Key::plain(Kind::Language, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: row.maybe(3),
            facts: facts([switch(&row, 4, Attribute::Trusted)]),
        })
    })
    .await
}

/// Objects of an oid, a name, an owner and an ACL.
async fn plain<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
    reading: &'static str,
    statement: &str,
    class: u32,
    kind: Kind,
) -> Result<(), ReadError> {
    each(session, reading, statement, |row: Row<'_, 4>| {
        catalog.add(Found {
            address: (class, row.number(0)?),
            key: Key::plain(kind, row.text(1)?),
            owner: row.maybe(2).map(|_| row.number(2)).transpose()?,
            acl: row.maybe(3),
            facts: BTreeMap::new(),
        })
    })
    .await
}
