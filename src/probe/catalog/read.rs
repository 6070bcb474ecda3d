//! The questions, each in a transaction of its own that only reads: what one server refuses or does not know leaves its
//! part of the answer empty and the others whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tokio::io::{AsyncRead, AsyncWrite};

use super::search_path::in_path;
use crate::grants::privilege::Privilege;
use crate::grants::quote::{Quoted, Text};
use crate::grants::replay::Mentioned;
use crate::model::database::{
    CatalogFacts, ForeignFacts, LockFacts, NamedRelation, RelationFacts, RoutineFacts, SchemaFacts, SequenceFacts,
    SettingFacts, SubscriptionFacts,
};
use crate::postgres::session::{Limits, Session, SessionError};

/// Names of a statement that are looked up, of each kind.
const MOST: usize = 16;
/// Rows kept of one answer.
const ROWS: Limits = Limits { rows: 64, kept: 128 * 1024, row: 64 * 1024, total: 512 * 1024 };
/// The server's own limit for one question, in milliseconds, and for a lock it would wait for.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = 1500; SET LOCAL lock_timeout = 500";

/// Names with a table of what they are asked for, as the beginning of a query.
struct Named<'n>(&'n [NamedRelation]);

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    mentioned: &Mentioned,
) -> Result<CatalogFacts, SessionError> {
    let mut asked = Asking { session };
    let mut facts = CatalogFacts::default();
    let own = "select current_user, pg_catalog.current_setting('search_path')";
    if let Some([role, path]) = asked.rows(own).await?.into_iter().next() {
        facts.role = role.unwrap_or_default();
        facts.search_path = path.unwrap_or_default();
    }
    facts.settings = asked.settings().await?;
    facts.schemas = asked.schemas(&facts.search_path, mentioned).await?;
    let named = mentioned.relations.iter().take(MOST).map(|(schema, name, needs)| NamedRelation {
        schema: schema.clone(),
        name: name.clone(),
        needs: needs.as_str().to_owned(),
    });
    facts.named = named.collect();
    facts.routines = asked.routines(mentioned).await?;
    if facts.named.is_empty() {
        return Ok(facts);
    }
    let asked_for = Named(&facts.named);
    facts.relations = asked.relations(&asked_for).await?;
    asked.columns(&asked_for, mentioned, &mut facts.relations).await?;
    asked.sequences(&asked_for, mentioned, &mut facts.relations).await?;
    asked.views(&asked_for, &mut facts.relations).await?;
    asked.foreign(&asked_for, &mut facts.relations).await?;
    asked.subscriptions(&asked_for, &mut facts.relations).await?;
    asked.locks(&asked_for, &mut facts.relations).await?;
    asked.empty(&mut facts.relations).await?;
    Ok(facts)
}

impl Named<'_> {
    /// `asked` as a table of number, schema, name and privilege, joined with what has such a name.
    fn with(&self) -> String {
        let mut sql = String::from("with asked(nr, nsp, rel, needs) as (values ");
        for (number, one) in self.0.iter().enumerate() {
            let schema = one.schema.as_deref().map_or_else(|| "null".to_owned(), |name| Text(name).to_string());
            let comma = if number == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}({number}, {schema}::text, {}::text, {}::text)", Text(&one.name), Text(&one.needs));
        }
        sql.push_str(
            "), found as (select a.nr, a.needs, c.oid, c.relkind, c.relname, c.relowner, c.relacl, c.relnamespace, \
             c.reloptions, n.nspname from asked a join pg_catalog.pg_class c on c.relname = a.rel \
             and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname !~ '^pg_(toast|temp)' order by a.nr, n.nspname = a.nsp desc nulls last, c.oid limit 64) ",
        );
        sql
    }
}

struct Asking<'s, S> {
    session: &'s mut Session<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Asking<'_, S> {
    /// The rows of a question of N columns; none when the server does not answer it.
    async fn rows<const N: usize>(&mut self, sql: &str) -> Result<Vec<[Option<String>; N]>, SessionError> {
        self.session.batch(BEGIN).await?;
        let answer = match self.session.run(sql, ROWS).await {
            Ok(answer) => answer,
            Err(SessionError::Server(error)) => {
                tracing::debug!(%error.message, "a question to the catalogs is not answered");
                self.session.batch("ROLLBACK").await?;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        self.session.batch("ROLLBACK").await?;
        Ok(answer.rows.into_iter().filter_map(|row| row.try_into().ok()).collect())
    }

    async fn settings(&mut self) -> Result<Vec<SettingFacts>, SessionError> {
        let sql = "select name, setting, source from pg_catalog.pg_settings where name in ('search_path', \
             'statement_timeout', 'lock_timeout', 'default_transaction_read_only') and source not in ('default', 'session')";
        let rows = self.rows::<3>(sql).await?;
        let own = rows.into_iter().filter_map(|[name, value, source]| {
            Some(SettingFacts { name: name?, value: value.unwrap_or_default(), source: source? })
        });
        Ok(own.collect())
    }

    async fn schemas(&mut self, path: &str, mentioned: &Mentioned) -> Result<Vec<SchemaFacts>, SessionError> {
        let path = in_path(path);
        let relations = mentioned.relations.iter().filter_map(|(schema, ..)| schema.as_deref());
        let written = relations.chain(mentioned.routines.iter().filter_map(|(schema, _)| schema.as_deref()));
        let all: BTreeSet<&str> = path.iter().map(String::as_str).chain(written).collect();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = all.iter().take(2 * MOST).map(|name| Text(name).to_string()).collect();
        let sql = format!(
            "select nspname, pg_catalog.has_schema_privilege(oid, 'USAGE') from pg_catalog.pg_namespace where nspname in ({})",
            list.join(", ")
        );
        let there = self.rows::<2>(&sql).await?;
        let facts = all.iter().take(2 * MOST).map(|name| {
            let found = there.iter().find(|[there, _]| there.as_deref() == Some(*name));
            SchemaFacts {
                name: (*name).to_owned(),
                exists: found.is_some(),
                usage: found.is_some_and(|[_, usage]| truth(usage.as_ref())),
                in_path: path.iter().any(|one| one == name),
            }
        });
        Ok(facts.collect())
    }

    async fn routines(&mut self, mentioned: &Mentioned) -> Result<Vec<RoutineFacts>, SessionError> {
        let called: Vec<&(Option<String>, String)> = mentioned.routines.iter().take(MOST).collect();
        if called.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = called.iter().map(|(_, name)| Text(name).to_string()).collect();
        let sql = format!(
            "select n.nspname, p.proname, case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end, \
             pg_catalog.pg_get_function_identity_arguments(p.oid), \
             pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname) is not null, \
             pg_catalog.has_schema_privilege(n.oid, 'USAGE'), pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
             from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
             where p.proname in ({}) order by p.oid limit 64",
            list.join(", ")
        );
        let rows = self.rows::<7>(&sql).await?;
        let mut facts = Vec::new();
        for (asked_schema, asked_name) in called {
            let mut found = rows.iter().filter(|[_, name, ..]| name.as_ref() == Some(asked_name)).peekable();
            if found.peek().is_none() {
                let kind = "FUNCTION".to_owned();
                let (asked_schema, name) = (asked_schema.clone(), asked_name.clone());
                facts.push(RoutineFacts { asked_schema, name, kind, ..RoutineFacts::default() });
            }
            for [schema, name, kind, arguments, in_path, usage, allowed] in found.cloned() {
                // What comes with the server is there for everybody.
                if schema.as_deref() == Some("pg_catalog") {
                    continue;
                }
                facts.push(RoutineFacts {
                    asked_schema: asked_schema.clone(),
                    name: name.unwrap_or_default(),
                    schema,
                    kind: kind.unwrap_or_default(),
                    arguments: arguments.unwrap_or_default(),
                    in_path: truth(in_path.as_ref()),
                    usage: truth(usage.as_ref()),
                    allowed: truth(allowed.as_ref()),
                });
            }
        }
        Ok(facts)
    }

    async fn relations(&mut self, named: &Named<'_>) -> Result<Vec<RelationFacts>, SessionError> {
        let sql = format!(
            "{}select f.nr, f.nspname, f.relname, f.relkind, pg_catalog.pg_get_userbyid(f.relowner), \
             pg_catalog.array_position(pg_catalog.current_schemas(true), f.nspname), \
             pg_catalog.has_schema_privilege(f.relnamespace, 'USAGE'), \
             case f.relkind when 'S' then pg_catalog.has_sequence_privilege(f.oid, 'SELECT') \
                else pg_catalog.has_table_privilege(f.oid, f.needs) end, \
             f.relkind <> 'S' and f.needs in ('SELECT', 'INSERT', 'UPDATE') \
                and pg_catalog.has_any_column_privilege(f.oid, f.needs), \
             pg_catalog.row_security_active(f.oid), \
             (select pg_catalog.count(*) from pg_catalog.pg_policy p where p.polrelid = f.oid and p.polpermissive \
                and p.polcmd in ('*', case f.needs when 'SELECT' then 'r' when 'INSERT' then 'a' when 'UPDATE' then 'w' else 'd' end) \
                and (0 = any (p.polroles) or exists (select from pg_catalog.unnest(p.polroles) r(role) \
                   where r.role <> 0 and pg_catalog.pg_has_role(r.role, 'USAGE')))), \
             f.relacl is not null, \
             exists (select from pg_catalog.pg_default_acl d, pg_catalog.aclexplode(d.defaclacl) x \
                where d.defaclobjtype = 'r' and d.defaclrole = f.relowner and d.defaclnamespace in (0, f.relnamespace) \
                and x.privilege_type = f.needs and (x.grantee = 0 or pg_catalog.pg_has_role(x.grantee, 'USAGE'))), \
             (select pg_catalog.count(*) from (select c.oid from pg_catalog.pg_class c where c.relnamespace = f.relnamespace \
                and c.relkind in ('r', 'p') and c.oid <> f.oid limit 1000) o where pg_catalog.has_table_privilege(o.oid, f.needs)) \
             from found f order by f.nr",
            named.with()
        );
        let rows = self.rows::<14>(&sql).await?;
        let facts = rows.into_iter().filter_map(|row| {
            let [of, schema, name, kind, owner, position, usage, allowed, some, security, policies, granted, default, neighbours] = row;
            Some(RelationFacts {
                of: of?.parse().ok()?,
                schema: schema?,
                name: name?,
                kind: kind?,
                owner: owner?,
                position: position.and_then(|text| text.parse().ok()),
                usage: truth(usage.as_ref()),
                allowed: truth(allowed.as_ref()),
                some_columns: truth(some.as_ref()),
                row_security: truth(security.as_ref()),
                policies: number(policies.as_ref()),
                granted: truth(granted.as_ref()),
                by_default: truth(default.as_ref()),
                neighbours: number(neighbours.as_ref()),
                ..RelationFacts::default()
            })
        });
        Ok(facts.collect())
    }

    /// Columns that are written in the statement, or all where it has a `*`, and may not be used.
    async fn columns(
        &mut self,
        named: &Named<'_>,
        mentioned: &Mentioned,
        relations: &mut [RelationFacts],
    ) -> Result<(), SessionError> {
        if relations.iter().all(|one| one.allowed || !one.some_columns) {
            return Ok(());
        }
        let sql = format!(
            "{}select f.nr, f.nspname, a.attname from found f join pg_catalog.pg_attribute a on a.attrelid = f.oid \
             and a.attnum > 0 and not a.attisdropped where f.relkind <> 'S' and f.needs in ('SELECT', 'INSERT', 'UPDATE') \
             and not pg_catalog.has_column_privilege(f.oid, a.attnum, f.needs) order by f.nr, a.attnum",
            named.with()
        );
        for [of, schema, column] in self.rows::<3>(&sql).await? {
            let Some(column) = column.filter(|name| mentioned.every_column || mentioned.words.contains(name)) else { continue };
            if let Some(relation) = one(relations, of.as_ref(), schema.as_ref()) {
                relation.refused_columns.push(column);
            }
        }
        Ok(())
    }

    /// Sequences that columns take their values from.
    async fn sequences(
        &mut self,
        named: &Named<'_>,
        mentioned: &Mentioned,
        relations: &mut [RelationFacts],
    ) -> Result<(), SessionError> {
        if named.0.iter().all(|one| one.needs != Privilege::Insert.as_str()) {
            return Ok(());
        }
        let sql = format!(
            "{}select f.nr, f.nspname, sn.nspname, s.relname, a.attname, pg_catalog.has_sequence_privilege(s.oid, 'USAGE') \
             from found f join pg_catalog.pg_attrdef d on d.adrelid = f.oid \
             join pg_catalog.pg_depend e on e.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and e.objid = d.oid \
                and e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             join pg_catalog.pg_class s on s.oid = e.refobjid and s.relkind = 'S' \
             join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace \
             join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum \
             where f.needs = 'INSERT' \
             union select f.nr, f.nspname, sn.nspname, s.relname, a.attname, true from found f \
             join pg_catalog.pg_depend e on e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.refobjid = f.oid \
                and e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.deptype = 'i' \
             join pg_catalog.pg_class s on s.oid = e.objid and s.relkind = 'S' \
             join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace \
             join pg_catalog.pg_attribute a on a.attrelid = f.oid and a.attnum = e.refobjsubid where f.needs = 'INSERT'",
            named.with()
        );
        for [of, schema, sequence_schema, name, column, usage] in self.rows::<6>(&sql).await? {
            let (Some(sequence_schema), Some(name), Some(column)) = (sequence_schema, name, column) else { continue };
            if let Some(relation) = one(relations, of.as_ref(), schema.as_ref()) {
                let given = mentioned.gives_all || mentioned.given.contains(&column);
                let usage = truth(usage.as_ref());
                relation.sequences.push(SequenceFacts { schema: sequence_schema, name, column, usage, given });
            }
        }
        Ok(())
    }

    /// What a view reads and its owner, or whoever asks, may not.
    async fn views(&mut self, named: &Named<'_>, relations: &mut [RelationFacts]) -> Result<(), SessionError> {
        if relations.iter().all(|one| one.kind != "v") {
            return Ok(());
        }
        let sql = format!(
            "{}select distinct f.nr, f.nspname, pg_catalog.quote_ident(bn.nspname) || '.' || pg_catalog.quote_ident(b.relname) \
             from found f join pg_catalog.pg_rewrite r on r.ev_class = f.oid \
             join pg_catalog.pg_depend e on e.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and e.objid = r.oid \
                and e.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.refobjid <> f.oid \
             join pg_catalog.pg_class b on b.oid = e.refobjid and b.relkind in ('r', 'p', 'v', 'm', 'f') \
             join pg_catalog.pg_namespace bn on bn.oid = b.relnamespace \
             where f.relkind = 'v' and f.needs = 'SELECT' \
                and coalesce(f.reloptions::text !~ 'security_invoker=(true|on|yes|1)', true) \
                and not pg_catalog.has_any_column_privilege(f.relowner, b.oid, 'SELECT')",
            named.with()
        );
        for [of, schema, below] in self.rows::<3>(&sql).await? {
            if let (Some(relation), Some(below)) = (one(relations, of.as_ref(), schema.as_ref()), below) {
                relation.unread.push(below);
            }
        }
        Ok(())
    }

    async fn foreign(&mut self, named: &Named<'_>, relations: &mut [RelationFacts]) -> Result<(), SessionError> {
        if relations.iter().all(|one| one.kind != "f") {
            return Ok(());
        }
        let sql = format!(
            "{}select f.nr, f.nspname, s.srvname, pg_catalog.array_to_string(array(select o from pg_catalog.unnest(s.srvoptions) o \
                where o ~ '^(host|hostaddr|port|dbname)='), ' '), \
             exists (select from pg_catalog.pg_user_mappings m where m.srvid = s.oid and (m.umuser = 0 \
                or m.usename = current_user)) \
             from found f join pg_catalog.pg_foreign_table t on t.ftrelid = f.oid \
             join pg_catalog.pg_foreign_server s on s.oid = t.ftserver",
            named.with()
        );
        for [of, schema, server, options, mapped] in self.rows::<5>(&sql).await? {
            if let (Some(relation), Some(server)) = (one(relations, of.as_ref(), schema.as_ref()), server) {
                let options = options.unwrap_or_default().split(' ').filter(|text| !text.is_empty()).map(ToOwned::to_owned).collect();
                relation.foreign = Some(ForeignFacts { server, options, mapped: truth(mapped.as_ref()) });
            }
        }
        Ok(())
    }

    /// Only columns that everybody may read: what a subscription connects to is not for all.
    async fn subscriptions(&mut self, named: &Named<'_>, relations: &mut [RelationFacts]) -> Result<(), SessionError> {
        let sql = format!(
            "{}select f.nr, f.nspname, s.subname, s.subenabled, exists (select from pg_catalog.pg_stat_subscription w \
                where w.subid = s.oid and w.pid is not null and w.relid is null) \
             from found f join pg_catalog.pg_subscription_rel r on r.srrelid = f.oid \
             join pg_catalog.pg_subscription s on s.oid = r.srsubid",
            named.with()
        );
        for [of, schema, name, enabled, works] in self.rows::<5>(&sql).await? {
            if let (Some(relation), Some(name)) = (one(relations, of.as_ref(), schema.as_ref()), name) {
                let (enabled, works) = (truth(enabled.as_ref()), truth(works.as_ref()));
                relation.subscriptions.push(SubscriptionFacts { name, enabled, works });
            }
        }
        Ok(())
    }

    /// Locks that others hold and a statement of this kind waits for ("Table-Level Lock Modes" in the manual).
    async fn locks(&mut self, named: &Named<'_>, relations: &mut [RelationFacts]) -> Result<(), SessionError> {
        let sql = format!(
            "{}select f.nr, f.nspname, l.mode, l.pid, s.usename from found f \
             join pg_catalog.pg_locks l on l.relation = f.oid and l.locktype = 'relation' and l.granted \
                and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()) \
             left join pg_catalog.pg_stat_activity s on s.pid = l.pid \
             where l.pid <> pg_catalog.pg_backend_pid() and (l.mode = 'AccessExclusiveLock' or f.needs <> 'SELECT' \
                and l.mode in ('ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')) order by f.nr, l.pid",
            named.with()
        );
        for [of, schema, mode, process, role] in self.rows::<5>(&sql).await? {
            let (Some(mode), Some(process)) = (mode, process) else { continue };
            if let Some(relation) = one(relations, of.as_ref(), schema.as_ref()) {
                relation.locks.push(LockFacts { mode, process, role });
            }
        }
        Ok(())
    }

    /// Whether tables of one name, of which the search path finds several, hold anything.
    async fn empty(&mut self, relations: &mut [RelationFacts]) -> Result<(), SessionError> {
        let found = |of: usize| relations.iter().filter(|one| one.of == of && one.position.is_some()).count();
        let several: Vec<usize> = (0..relations.len())
            .filter(|&index| relations.get(index).is_some_and(|one| found(one.of) > 1 && one.position.is_some() && one.kind == "r"))
            .take(4)
            .collect();
        for index in several {
            let Some(relation) = relations.get_mut(index) else { continue };
            let table = format!("{}.{}", Quoted(&relation.schema), Quoted(&relation.name));
            let rows = self.rows::<1>(&format!("select not exists (select from {table})")).await?;
            relation.is_empty = rows.first().map(|[empty]| truth(empty.as_ref()));
        }
        Ok(())
    }
}

fn one<'r>(relations: &'r mut [RelationFacts], of: Option<&String>, schema: Option<&String>) -> Option<&'r mut RelationFacts> {
    let of: usize = of?.parse().ok()?;
    let schema = schema?;
    relations.iter_mut().find(|relation| relation.of == of && relation.schema == *schema)
}

fn truth(text: Option<&String>) -> bool {
    text.is_some_and(|text| text == "t")
}

fn number(text: Option<&String>) -> u32 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
