//! What happens beside a statement: policies, triggers, publications, subscriptions, slots.

use std::collections::{BTreeMap, HashMap};

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, FIRST_NORMAL, Found, array, class, facts, yes};
use super::foreign::options;
use super::opening::Opening;
use super::row::{Row, Unread, each};
use crate::grants::quote::Name;
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Attribute, Fact, Key, Kind};
use crate::postgres::session::Session;
use crate::postgres::settings::Written;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    policies(session, catalog).await?;
    triggers(session, catalog).await?;
    event_triggers(session, catalog).await?;
    publications(session, opening, catalog).await?;
    subscriptions(session, opening, catalog).await?;
    slots(session, catalog).await
}

/// The key of what belongs to a relation that is there.
fn of_relation(catalog: &Catalog, kind: Kind, relation: u32, name: &str) -> Option<Key> {
    let (relation, _) = catalog.objects.get(&(class::RELATION, relation))?;
    Some(Key { kind, ..relation.column(name) })
}

fn texts(text: Option<&str>, attribute: Attribute) -> Option<(Attribute, Fact)> {
    text.map(|text| (attribute, Fact::Text(text.to_owned())))
}

async fn policies<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select oid, polrelid, polname, polcmd, polpermissive, polroles::text, pg_get_expr(polqual, polrelid),
               pg_get_expr(polwithcheck, polrelid)
          from pg_policy";
    each(session, "policies", statement, |row: Row<'_, 8>| {
        let Some(key) = of_relation(catalog, Kind::Policy, row.number(1)?, row.text(2)?) else {
            return Ok(());
        };
        let command = match row.text(3)? {
            "*" => "ALL",
            "r" => "SELECT",
            "a" => "INSERT",
            "w" => "UPDATE",
            "d" => "DELETE",
            other => return Err(Unread(format!("a policy's command {other:?}"))),
        };
        let mut roles = Vec::new();
        for oid in array(row.maybe(5))? {
            let oid: u32 = oid.parse().map_err(|_| Unread(format!("{oid:?} where a role should be")))?;
            roles.push(
                catalog.grantee(oid).ok_or_else(|| Unread(format!("{key} is for a role that is gone")))?,
            );
        }
        roles.sort_unstable();
        catalog.add(Found {
            address: (class::POLICY, row.number(0)?),
            key,
            owner: None,
            acl: None,
            facts: facts([
                texts(Some(command), Attribute::Command),
                (!row.truth(4)).then(|| (Attribute::Restrictive, yes())),
                Some((Attribute::Roles, Fact::Roles(roles))),
                texts(row.maybe(6), Attribute::Using),
                texts(row.maybe(7), Attribute::WithCheck),
            ]),
        })
    })
    .await
}

/// What a trigger's state is called when it does not simply fire (`tgenabled`, `evtenabled`).
fn enabled(letter: &str) -> Result<Option<(Attribute, Fact)>, Unread> {
    match letter {
        "O" => Ok(None),
        "D" => Ok(texts(Some("disabled"), Attribute::Enabled)),
        "R" => Ok(texts(Some("replica"), Attribute::Enabled)),
        "A" => Ok(texts(Some("always"), Attribute::Enabled)),
        other => Err(Unread(format!("a trigger's state {other:?}"))),
    }
}

async fn triggers<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select t.oid, t.tgrelid, t.tgname, t.tgenabled, n.nspname, p.proname, pg_get_triggerdef(t.oid)
          from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
         where not t.tgisinternal";
    each(session, "triggers", statement, |row: Row<'_, 7>| {
        let Some(key) = of_relation(catalog, Kind::Trigger, row.number(1)?, row.text(2)?) else {
            return Ok(());
        };
        let function = function(row.text(4)?, row.text(5)?);
        catalog.add(Found {
            address: (class::TRIGGER, row.number(0)?),
            key,
            owner: None,
            acl: None,
            facts: facts([
                enabled(row.text(3)?)?,
                texts(Some(&function), Attribute::Function),
                texts(row.maybe(6), Attribute::Definition),
            ]),
        })
    })
    .await
}

/// The key of a trigger's function, as text: it has no arguments.
fn function(schema: &str, name: &str) -> String {
    Key { args: Some("".into()), ..Key::within(Kind::Function, schema, name) }.to_string()
}

async fn event_triggers<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select t.oid, t.evtname, t.evtowner, t.evtevent, t.evtenabled, t.evttags::text, n.nspname, p.proname
          from pg_event_trigger t join pg_proc p on p.oid = t.evtfoid join pg_namespace n on n.oid = p.pronamespace";
    each(session, "event triggers", statement, |row: Row<'_, 8>| {
        let tags = array(row.maybe(5))?;
        catalog.add(Found {
            address: (class::EVENT_TRIGGER, row.number(0)?),
            key: Key::plain(Kind::EventTrigger, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: None,
            facts: facts([
                texts(row.maybe(3), Attribute::Event),
                enabled(row.text(4)?)?,
                (!tags.is_empty()).then_some((Attribute::Tags, Fact::List(tags))),
                texts(Some(&function(row.text(6)?, row.text(7)?)), Attribute::Function),
            ]),
        })
    })
    .await
}

async fn publications<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    // Row filters, lists of columns and whole schemas came with 15.
    let (columns, filter) = if opening.since(15) {
        (
            "(select array_agg(a.attname::text order by a.attname) from pg_attribute a
               where a.attrelid = r.prrelid and a.attnum = any (r.prattrs))::text",
            "pg_get_expr(r.prqual, r.prrelid)",
        )
    } else {
        ("null", "null")
    };
    let tables = format!("select r.prpubid, r.prrelid, {columns}, {filter} from pg_publication_rel r");
    let mut members: HashMap<u32, Vec<String>> = HashMap::new();
    each(session, "tables of publications", &tables, |row: Row<'_, 4>| {
        let Some(mut table) = catalog.named((class::RELATION, row.number(1)?)) else { return Ok(()) };
        let columns = array(row.maybe(2))?;
        if !columns.is_empty() {
            let columns: Vec<String> = columns.iter().map(|column| Name(column).to_string()).collect();
            table = format!("{table} ({})", columns.join(", "));
        }
        if let Some(filter) = row.maybe(3) {
            table = format!("{table} WHERE {filter}");
        }
        members.entry(row.number(0)?).or_default().push(table);
        Ok(())
    })
    .await?;
    let mut schemas: HashMap<u32, Vec<String>> = HashMap::new();
    if opening.since(15) {
        let statement = "select pnpubid, pnnspid from pg_publication_namespace";
        each(session, "schemas of publications", statement, |row: Row<'_, 2>| {
            if let Some(schema) = catalog.named((class::SCHEMA, row.number(1)?)) {
                schemas.entry(row.number(0)?).or_default().push(schema);
            }
            Ok(())
        })
        .await?;
    }
    let statement = "
        select oid, pubname, pubowner, puballtables, pubviaroot, pubinsert, pubupdate, pubdelete, pubtruncate
          from pg_publication";
    each(session, "publications", statement, |row: Row<'_, 9>| {
        let oid = row.number(0)?;
        let operations = [(5, "insert"), (6, "update"), (7, "delete"), (8, "truncate"), (4, "via root")];
        let operations = operations.into_iter().filter(|&(column, _)| row.truth(column));
        let operations = operations.map(|(_, word)| word.to_owned()).collect();
        let sorted = |list: Option<Vec<String>>, attribute| {
            let mut list = list?;
            list.sort_unstable();
            Some((attribute, Fact::List(list)))
        };
        catalog.add(Found {
            address: (class::PUBLICATION, oid),
            key: Key::plain(Kind::Publication, row.text(1)?),
            owner: Some(row.number(2)?),
            acl: None,
            facts: facts([
                row.truth(3).then(|| (Attribute::AllTables, yes())),
                Some((Attribute::Operations, Fact::List(operations))),
                sorted(members.remove(&oid), Attribute::Tables),
                sorted(schemas.remove(&oid), Attribute::Schemas),
            ]),
        })
    })
    .await
}

async fn subscriptions<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let conninfo = if opening.may.conninfo { "subconninfo" } else { "null" };
    let statement = format!(
        "select subname, subowner, subenabled, subslotname, subpublications::text, {conninfo}
           from pg_subscription where subdbid = {}",
        opening.database_oid
    );
    let mut hidden = false;
    // Not everybody may read its oid before 14.
    let mut number = FIRST_NORMAL;
    each(session, "subscriptions", &statement, |row: Row<'_, 6>| {
        number += 1;
        let mut publications = array(row.maybe(4))?;
        publications.sort_unstable();
        hidden |= row.maybe(5).is_none();
        let shown = ["host", "hostaddr", "port", "dbname", "user"];
        let written = row.maybe(5).and_then(|conninfo| Written::parse(conninfo).ok()).unwrap_or_default();
        let told = shown.iter().filter_map(|name| Some(format!("{name}={}", written.get(name)?))).collect();
        catalog.add(Found {
            address: (class::SUBSCRIPTION, number),
            key: Key::plain(Kind::Subscription, row.text(0)?),
            owner: Some(row.number(1)?),
            acl: None,
            facts: facts([
                texts((!row.truth(2)).then_some("disabled"), Attribute::Enabled),
                texts(row.maybe(3), Attribute::Slot),
                Some((Attribute::Publications, Fact::List(publications))),
                options(told),
            ]),
        })
    })
    .await?;
    if hidden {
        let why = "where subscriptions connect to only a superuser or a role with SELECT on \
                   pg_catalog.pg_subscription (subconninfo) may read";
        catalog.gap(crate::grants::snapshot::Aspect::SubscriptionConnections, why);
    }
    Ok(())
}

async fn slots<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<(), ReadError> {
    let statement = "
        select slot_name, plugin from pg_replication_slots
         where slot_type = 'logical' and not temporary and database = current_database() order by 1";
    let mut number = FIRST_NORMAL;
    each(session, "replication slots", statement, |row: Row<'_, 2>| {
        number += 1;
        let facts: BTreeMap<_, _> = facts([texts(row.maybe(1), Attribute::Plugin)]);
        let key = Key::plain(Kind::ReplicationSlot, row.text(0)?);
        catalog.add(Found { address: (class::SLOT, number), key, owner: None, acl: None, facts })
    })
    .await
}
