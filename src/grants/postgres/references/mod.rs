//! What depends on what: the catalogs' own records fetched raw and joined here, because a recursive query takes seconds
//! on thousands of tables; and names found in the bodies of routines, of which the catalogs know nothing.

mod bodies;

use std::collections::{BTreeSet, HashMap};

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Address, Catalog, class};
use super::opening::Opening;
use super::row::{Row, Unread, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Confidence, Key, Kind, Means, Reference};
use crate::postgres::session::Session;

/// What belongs to a relation, type or event trigger and depends on others in its name.
struct Part {
    of: Address,
    name: Option<String>,
    by: Means,
}

/// What the records of dependencies are resolved with.
struct Graph<'c> {
    catalog: &'c Catalog,
    parts: HashMap<Address, Part>,
    /// Arrays, row types and multiranges, and what they stand for.
    aliases: HashMap<Address, Address>,
    found: BTreeSet<Reference>,
}

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &Catalog,
) -> Result<Vec<Reference>, ReadError> {
    let aliases = aliases(session).await?;
    let parts = parts(session).await?;
    let mut graph = Graph { catalog, parts, aliases, found: BTreeSet::new() };
    // Of an index or constraint on its own columns nobody wants to know, and foreign keys come below.
    let depends = "
        select classid, objid, refclassid, refobjid from pg_depend
         where refobjid >= 16384 and deptype in ('n', 'a', 'i')
           and refclassid in (1247, 1255, 1259, 2605, 2617, 3456, 3602)
           and (classid in (1247, 1255, 2604, 2618, 2620, 3256, 3466)
                or classid in (1259, 2606) and refclassid <> 1259)";
    each(session, "dependencies", depends, |row: Row<'_, 4>| {
        graph.depends((row.number(0)?, row.number(1)?), (row.number(2)?, row.number(3)?));
        Ok(())
    })
    .await?;
    let ties = "
        select 'f', conrelid, confrelid, conname from pg_constraint where contype = 'f'
        union all select 'i', inhrelid, inhparent, null from pg_inherits
        union all select 'p', prpubid, prrelid, null from pg_publication_rel";
    each(session, "foreign keys and inheritance", ties, |row: Row<'_, 4>| {
        let (from, to) = (row.number(1)?, (class::RELATION, row.number(2)?));
        let (from, by) = match row.text(0)? {
            "f" => ((class::RELATION, from), Means::ForeignKey),
            "i" => ((class::RELATION, from), Means::Inheritance),
            "p" => ((class::PUBLICATION, from), Means::Publication),
            other => return Err(Unread(format!("a reference of kind {other:?}"))),
        };
        graph.tie(from, to, by, row.maybe(3));
        Ok(())
    })
    .await?;
    for &(sequence, table) in &catalog.owned_sequences {
        graph.tie((class::RELATION, sequence), (class::RELATION, table), Means::Sequence, None);
    }
    bodies(session, opening, &mut graph).await?;
    Ok(graph.found.into_iter().collect())
}

impl Graph<'_> {
    fn key(&self, address: Address) -> Option<&Key> {
        self.catalog.objects.get(&address).map(|(key, _)| key)
    }

    fn tie(&mut self, from: Address, to: Address, by: Means, name: Option<&str>) {
        // What an extension brings along needs what else it brings.
        if self.catalog.members.contains_key(&from) {
            return;
        }
        let Some(from) = self.key(from).cloned() else { return };
        let extension = || self.catalog.members.get(&to).map(|&oid| (class::EXTENSION, oid));
        let to = self.key(to).or_else(|| self.key(extension()?)).cloned();
        let Some(to) = to.filter(|to| *to != from) else { return };
        let name = name.map(ToOwned::to_owned);
        self.found.insert(Reference { from, to, by, name, confidence: Confidence::Catalog });
    }

    /// One record of `pg_depend`.
    fn depends(&mut self, from: Address, to: Address) {
        let to = self.aliases.get(&to).copied().unwrap_or(to);
        let part = self.parts.get(&from);
        let (from, by, name) = match part {
            Some(part) => (part.of, part.by, part.name.clone()),
            None => (from, if to.0 == class::TYPE { Means::Type } else { means(from.0) }, None),
        };
        let from = self.aliases.get(&from).copied().unwrap_or(from);
        self.tie(from, to, by, name.as_deref());
    }
}

/// How an object that is no part of another one needs what is not a type.
const fn means(class: u32) -> Means {
    match class {
        class::ROUTINE => Means::Body,
        class::EVENT_TRIGGER => Means::Trigger,
        class::TYPE => Means::Type,
        _ => Means::Constraint,
    }
}

async fn aliases<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
) -> Result<HashMap<Address, Address>, ReadError> {
    // Composite types depend by their relation (kind `c`), tables by themselves.
    let statement = "
        select t.oid, case when t.typrelid <> 0 then t.typrelid else t.typelem end, coalesce(c.relkind = 'c', false),
               t.typrelid <> 0
          from pg_type t left join pg_class c on c.oid = t.typrelid
         where t.oid >= 16384 and (t.typrelid <> 0 or t.typelem <> 0 and t.typlen = -1 and t.typcategory = 'A')
         order by t.typrelid = 0";
    let mut aliases = HashMap::new();
    each(session, "types of rows and arrays", statement, |row: Row<'_, 4>| {
        let (own, other): (Address, u32) = ((class::TYPE, row.number(0)?), row.number(1)?);
        if row.truth(2) {
            aliases.insert((class::RELATION, other), own);
        } else if row.truth(3) {
            aliases.insert(own, (class::RELATION, other));
        } else {
            // The element may be the rows of a table.
            let element = (class::TYPE, other);
            let meant = aliases.get(&element).copied().unwrap_or(element);
            aliases.insert(own, meant);
        }
        Ok(())
    })
    .await?;
    Ok(aliases)
}

async fn parts<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
) -> Result<HashMap<Address, Part>, ReadError> {
    let statement = "
        select 2618, oid, 1259, ev_class, nullif(rulename, '_RETURN') from pg_rewrite where oid >= 16384
        union all select 2604, d.oid, 1259, d.adrelid, a.attname
                    from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
        union all select 3256, oid, 1259, polrelid, polname from pg_policy
        union all select 2620, oid, 1259, tgrelid, tgname from pg_trigger where not tgisinternal
        union all select 2606, oid, case when conrelid <> 0 then 1259 else 1247 end,
                         case when conrelid <> 0 then conrelid else contypid end, conname
                    from pg_constraint where contype in ('c', 'x') and oid >= 16384
        union all select 1259, i.indexrelid, 1259, i.indrelid, c.relname
                    from pg_index i join pg_class c on c.oid = i.indexrelid where i.indexrelid >= 16384";
    let mut parts = HashMap::new();
    each(session, "rules, defaults and constraints", statement, |row: Row<'_, 5>| {
        let own: Address = (row.number(0)?, row.number(1)?);
        let by = match own.0 {
            class::RULE => Means::Query,
            class::ATTRIBUTE_DEFAULT => Means::Default,
            class::POLICY => Means::Policy,
            class::TRIGGER => Means::Trigger,
            _ => Means::Constraint,
        };
        let name = row.maybe(4).map(ToOwned::to_owned);
        parts.insert(own, Part { of: (row.number(2)?, row.number(3)?), name, by });
        Ok(())
    })
    .await?;
    Ok(parts)
}

async fn bodies<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    graph: &mut Graph<'_>,
) -> Result<(), ReadError> {
    // Of a body in standard SQL the catalogs know all (14 and later).
    let only_text = if opening.since(14) { " and p.prosqlbody is null" } else { "" };
    let statement = format!(
        "select p.oid, p.prosrc from pg_proc p join pg_language l on l.oid = p.prolang
          where p.oid >= 16384 and l.lanname not in ('c', 'internal') and p.prokind <> 'a'{only_text}"
    );
    let catalog = graph.catalog;
    let names = bodies::Names::new(
        catalog
            .objects
            .values()
            .map(|(key, _)| key)
            .filter(|key| key.kind.is_relation() || key.kind.is_routine() || key.kind == Kind::Sequence),
    );
    each(session, "bodies of routines", &statement, |row: Row<'_, 2>| {
        let address = (class::ROUTINE, row.number(0)?);
        let Some((from, object)) = catalog.objects.get(&address) else { return Ok(()) };
        if catalog.members.contains_key(&address) {
            return Ok(());
        }
        for to in names.in_body(row.text(1)?, &bodies::search_path(from, object)) {
            if to == from {
                continue;
            }
            let (from, to) = (from.clone(), to.clone());
            let confidence = Confidence::Text;
            graph.found.insert(Reference { from, to, by: Means::Body, name: None, confidence });
        }
        Ok(())
    })
    .await
}
