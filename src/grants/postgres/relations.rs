//! Tables, views, sequences, and the columns of all but the last.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, Found, class, facts, switch, yes};
use super::row::{Row, Unread, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Attribute, Fact, Key, Kind};
use crate::postgres::session::Session;

/// Which materialized views hold rows is the answer.
pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<BTreeMap<Key, bool>, ReadError> {
    // Of initdb's own, only what somebody changed comes over; `Catalog::add` looks closer.
    let statement = "
        select c.oid, c.relnamespace, c.relname, c.relkind, c.relowner, c.relacl::text, c.relrowsecurity,
               c.relforcerowsecurity, c.relispopulated,
               case when c.relkind = 'v' then array_to_string(c.reloptions, ' ') end
          from pg_class c
          left join pg_init_privs i on i.objoid = c.oid and i.classoid = 1259 and i.objsubid = 0
         where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'
           and (c.oid >= 16384 or c.relowner <> 10 or c.relacl is distinct from i.initprivs)";
    let mut populated = BTreeMap::new();
    each(session, "tables, views and sequences", statement, |row: Row<'_, 10>| {
        let kind = kind(row.text(3)?)?;
        let Some(key) = catalog.within(kind, row.number(1)?, row.text(2)?) else { return Ok(()) };
        if kind == Kind::MaterializedView {
            populated.insert(key.clone(), row.truth(8));
        }
        let options = row.maybe(9).unwrap_or_default();
        let option = |name, attribute| is_on(options, name).then(|| (attribute, yes()));
        catalog.add(Found {
            address: (class::RELATION, row.number(0)?),
            key,
            owner: Some(row.number(4)?),
            acl: row.maybe(5),
            facts: facts([
                switch(&row, 6, Attribute::RowSecurity),
                switch(&row, 7, Attribute::ForceRowSecurity),
                option("security_invoker", Attribute::SecurityInvoker),
                option("security_barrier", Attribute::SecurityBarrier),
            ]),
        })
    })
    .await?;
    columns(session, catalog).await?;
    changed_columns(session, catalog).await?;
    owned_sequences(session, catalog).await?;
    Ok(populated)
}

fn kind(letter: &str) -> Result<Kind, Unread> {
    match letter {
        "r" | "p" => Ok(Kind::Table),
        "v" => Ok(Kind::View),
        "m" => Ok(Kind::MaterializedView),
        "f" => Ok(Kind::ForeignTable),
        "S" => Ok(Kind::Sequence),
        other => Err(Unread(format!("a relation of kind {other:?}"))),
    }
}

/// Whether a view's option is on, in any of the words of a boolean (`parse_bool`).
fn is_on(options: &str, name: &str) -> bool {
    options.split(' ').filter_map(|option| option.split_once('=')).any(|(option, value)| {
        option == name
            && matches!(value.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1" | "t" | "y")
    })
}

async fn columns<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select a.attrelid, a.attname, a.attacl::text from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't' and c.oid >= 16384
           and a.attnum > 0 and not a.attisdropped";
    each(session, "columns", statement, |row: Row<'_, 3>| column(catalog, &row)).await
}

/// Columns of initdb's own relations, as far as somebody changed what is granted on them.
async fn changed_columns<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select a.attrelid, a.attname, a.attacl::text, c.relnamespace, c.relname, c.relkind, c.relowner, c.relacl::text
          from pg_attribute a join pg_class c on c.oid = a.attrelid
          left join pg_init_privs i on i.objoid = a.attrelid and i.classoid = 1259 and i.objsubid = a.attnum
         where a.attrelid < 16384 and a.attnum > 0 and c.relkind in ('r', 'v')
           and a.attacl is distinct from i.initprivs";
    each(session, "columns of the catalogs", statement, |row: Row<'_, 8>| {
        let address = (class::RELATION, row.number(0)?);
        if !catalog.objects.contains_key(&address)
            && let Some(key) = catalog.within(kind(row.text(5)?)?, row.number(3)?, row.text(4)?)
        {
            let owner = Some(row.number(6)?);
            let found = Found { address, key, owner, acl: row.maybe(7), facts: BTreeMap::new() };
            catalog.add_anyway(found)?;
        }
        column(catalog, &Row([row.maybe(0), row.maybe(1), row.maybe(2)]))
    })
    .await
}

fn column(catalog: &mut Catalog, row: &Row<'_, 3>) -> Result<(), Unread> {
    let address = (class::RELATION, row.number(0)?);
    let name = row.text(1)?;
    let acl = match row.maybe(2) {
        Some(text) => {
            let of = catalog.objects.get(&address).map(|(key, _)| key.column(name));
            Some(catalog.acl(text, || of.as_ref().map(ToString::to_string).unwrap_or_default())?)
        }
        None => None,
    };
    if let Some((_, object)) = catalog.objects.get_mut(&address) {
        object.columns.insert(name.into(), acl);
    }
    Ok(())
}

/// Serial and identity columns.
async fn owned_sequences<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select d.objid, d.refobjid, a.attname, d.deptype = 'i'
          from pg_sequence s
          join pg_depend d on d.classid = 1259 and d.objid = s.seqrelid and d.objsubid = 0 and d.refclassid = 1259
               and d.refobjsubid > 0 and d.deptype in ('a', 'i')
          join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid";
    each(session, "sequences of columns", statement, |row: Row<'_, 4>| {
        let (sequence, table) = (row.number(0)?, row.number(1)?);
        let Some((key, _)) = catalog.objects.get(&(class::RELATION, table)) else { return Ok(()) };
        let column = key.column(row.text(2)?);
        catalog.owned_sequences.push((sequence, table));
        let sequence = (class::RELATION, sequence);
        catalog.tell(sequence, Attribute::OwnedBy, Fact::Text(column.to_string()));
        if row.truth(3) {
            catalog.tell(sequence, Attribute::Identity, yes());
        }
        Ok(())
    })
    .await
}
