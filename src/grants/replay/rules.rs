//! What no plan tells and the catalogs do: sequences, foreign keys, code behind CHECKs, indexes, WHEN and generated columns,
//! row security, foreign tables, triggers, materialized views that hold nothing.

use std::collections::HashMap;

use tokio::io::{AsyncRead, AsyncWrite};

use super::ReplayError;
use super::desk::Desk;
use super::lexer::Lexed;
use super::named::Written;
use super::outcome::{Class, Judged};
use super::plan::Plan;
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::quote::Text;

/// One thing the catalogs say about a relation, as the role of the desk: `rule` tells what the fields mean.
#[derive(Debug, Clone)]
struct Row {
    rule: String,
    /// The relation itself, not one of its partitions or children.
    is_own: bool,
    /// What is needed, or named.
    subject: String,
    detail: String,
    holds: bool,
    /// Columns it concerns; none for all.
    columns: Vec<String>,
}

/// What was asked before, by relation and what is done with it.
#[derive(Debug, Default)]
pub(super) struct Known {
    relations: HashMap<(String, String, Privileges), Vec<Row>>,
    sequences: HashMap<(&'static str, String), Option<Judged>>,
}

/// `pg_trigger.tgtype`: INSERT 4, DELETE 8, UPDATE 16. Everything is asked as the current role.
fn query(schema: &str, name: &str, done: Privileges) -> String {
    let mask = [(Privilege::Insert, 4), (Privilege::Delete, 8), (Privilege::Update, 16)]
        .iter()
        .filter(|(privilege, _)| done.has(*privilege))
        .fold(0, |mask, (_, bit)| mask | bit);
    let (inserts, updates, deletes) =
        (done.has(Privilege::Insert), done.has(Privilege::Update), done.has(Privilege::Delete));
    let writes = inserts || updates;
    let commands = [(Privilege::Insert, 'a'), (Privilege::Update, 'w')];
    let commands: Vec<String> =
        commands.iter().filter(|(one, _)| done.has(*one)).map(|(_, letter)| format!("'{letter}'")).collect();
    let commands = if commands.is_empty() { "'r'".to_owned() } else { commands.join(", ") };
    let (schema, name) = (Text(schema), Text(name));
    format!(
        "with recursive root as (select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
           where n.nspname = {schema} and c.relname = {name}), \
         family(oid) as (select oid from root union select i.inhrelid from family f join pg_catalog.pg_inherits i on i.inhparent = f.oid \
           join pg_catalog.pg_class k on k.oid = i.inhrelid and (k.relispartition or not {inserts})), \
         code(rel, what, class, object) as ( \
           select conrelid, 'CHECK', 2606::oid, oid from pg_catalog.pg_constraint where contype = 'c' and {writes} \
           union all select indrelid, 'index', 1259, indexrelid from pg_catalog.pg_index where {writes} and (indexprs is not null or indpred is not null) \
           union all select tgrelid, 'WHEN', 2620, oid from pg_catalog.pg_trigger where tgqual is not null and not tgisinternal \
             and tgenabled in ('O', 'A') and tgtype & {mask} <> 0 \
           union all select d.adrelid, 'generated column', 2604, d.oid from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a \
             on a.attrelid = d.adrelid and a.attnum = d.adnum and a.attgenerated <> '' where {writes}), \
         called as (select distinct code.*, p.oid as function, p.proname, l.lanname from code join family f on f.oid = code.rel \
           join pg_catalog.pg_depend d on d.classid = code.class and d.objid = code.object \
           left join pg_catalog.pg_operator o on d.refclassid = 2617 and o.oid = d.refobjid \
           join pg_catalog.pg_proc p on p.oid = case d.refclassid when 1255 then d.refobjid when 2617 then o.oprcode::oid end \
           join pg_catalog.pg_language l on l.oid = p.prolang \
           where not (code.class = 2620 and p.oid = (select tgfoid from pg_catalog.pg_trigger where oid = code.object))) \
         select 'code', rel in (select oid from root), proname, what, pg_catalog.has_function_privilege(function, 'EXECUTE'), \
             array(select a.attname from pg_catalog.pg_depend d join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
               where d.classid = class and d.objid = object and d.refclassid = 1259 and d.refobjid = rel and d.refobjsubid > 0 and what in ('index', 'generated column') and not {inserts})::text[] from called \
         union all select 'body', rel in (select oid from root), proname, what, lanname in ('c', 'internal'), \
             array(select a.attname from pg_catalog.pg_depend d join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
               where d.classid = class and d.objid = object and d.refclassid = 1259 and d.refobjid = rel and d.refobjsubid > 0 and what in ('index', 'generated column') and not {inserts})::text[] from called \
         union all select 'trigger', t.tgrelid in (select oid from root), t.tgname, p.proname, l.lanname in ('c', 'internal'), \
             array(select attname from pg_catalog.pg_attribute where attrelid = t.tgrelid and attnum = any(t.tgattr::int2[]) and t.tgtype & {mask} = 16)::text[] \
           from pg_catalog.pg_trigger t join family f on f.oid = t.tgrelid join pg_catalog.pg_proc p on p.oid = t.tgfoid \
           join pg_catalog.pg_language l on l.oid = p.prolang where not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & {mask} <> 0 \
         union all select 'key', k.conrelid in (select oid from root), pk.relname, pk.relnamespace::regnamespace::text, \
             pg_catalog.has_schema_privilege(pk.relowner, pk.relnamespace, 'USAGE') and pg_catalog.has_any_column_privilege(pk.relowner, pk.oid, 'SELECT') \
               and pg_catalog.has_any_column_privilege(pk.relowner, pk.oid, 'UPDATE'), \
             array(select attname from pg_catalog.pg_attribute where attrelid = k.conrelid and attnum = any(k.conkey))::text[] \
           from pg_catalog.pg_constraint k join family f on f.oid = k.conrelid join pg_catalog.pg_class pk on pk.oid = k.confrelid \
           where k.contype = 'f' and k.conparentid = 0 and {writes} \
         union all select 'key', k.confrelid in (select oid from root), fk.relname, fk.relnamespace::regnamespace::text, \
             pg_catalog.has_schema_privilege(fk.relowner, fk.relnamespace, 'USAGE') and pg_catalog.has_any_column_privilege(fk.relowner, fk.oid, 'SELECT') \
               and case when {deletes} and k.confdeltype = 'c' then pg_catalog.has_table_privilege(fk.relowner, fk.oid, 'DELETE') \
                 else pg_catalog.has_any_column_privilege(fk.relowner, fk.oid, 'UPDATE') end, \
             array(select attname from pg_catalog.pg_attribute where attrelid = k.confrelid and attnum = any(k.confkey) and not {deletes})::text[] \
           from pg_catalog.pg_constraint k join family f on f.oid = k.confrelid join pg_catalog.pg_class fk on fk.oid = k.conrelid \
           where k.contype = 'f' and k.conparentid = 0 and ({updates} or {deletes}) \
         union all select case when {writes} then 'policy' else 'rows' end, true, c.relname, p.policies::text, p.everything, \
             case when pg_catalog.row_security_active(c.oid) then '{{}}' else '{{inactive}}' end::text[] \
           from root join pg_catalog.pg_class c using (oid) cross join lateral ( \
             select pg_catalog.count(*) filter (where polpermissive) as policies, pg_catalog.bool_and(polpermissive) and \
               pg_catalog.bool_or(polpermissive and pg_catalog.pg_get_expr(coalesce(polwithcheck, polqual), polrelid) = 'true') as everything \
             from pg_catalog.pg_policy where polrelid = c.oid and polcmd in ('*', {commands}) \
               and exists (select from pg_catalog.unnest(polroles) r where r = 0 or pg_catalog.pg_has_role(r, 'USAGE'))) p \
           where c.relrowsecurity \
         union all select 'foreign', true, s.srvname, w.fdwname, exists (select from pg_catalog.pg_user_mappings m \
             where m.srvid = s.oid and (m.umuser = 0 or m.usename = current_user)), '{{}}' \
           from family f join pg_catalog.pg_foreign_table t on t.ftrelid = f.oid join pg_catalog.pg_foreign_server s on s.oid = t.ftserver \
           join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw \
         union all select 'empty', true, c.relname, '', c.relispopulated, '{{}}' from root join pg_catalog.pg_class c using (oid) where c.relkind = 'm'"
    )
}

/// Judge a statement that could be planned.
pub(super) async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
    plan: &Plan,
    known: &mut Known,
) -> Result<Judged, ReplayError> {
    let written = Written::by(text);
    let mut worst = Judged::permitted();
    let mut add = |judged: Judged| {
        if judged.class < worst.class
            || worst.reason.is_none() && judged.reason.is_some() && judged.class == worst.class
        {
            worst = judged;
        }
    };
    for ((schema, name), done) in &plan.relations {
        let done = if text.has_word("merge") { merged(text, *done) } else { *done };
        let key = (schema.clone(), name.clone(), done);
        if !known.relations.contains_key(&key) {
            let rows = ask(desk, &query(schema, name, done)).await?;
            known.relations.insert(key.clone(), rows);
        }
        // Written through a view: row security then goes by the view's owner.
        let is_direct = text.names(name);
        for row in known.relations.get(&key).into_iter().flatten() {
            if let Some(judged) = of(row, text, &written, &format!("{schema}.{name}"), is_direct) {
                add(judged);
            }
        }
    }
    let sequences = plan.sequences();
    for (function, sequence) in &sequences {
        match sequence {
            None => {
                add(Judged::not_provable(format!("{function} of a sequence that only a parameter names")));
            }
            Some(name) => {
                let key = (*function, name.clone());
                if !known.sequences.contains_key(&key) {
                    let judged = sequence_held(desk, function, name).await?;
                    known.sequences.insert(key.clone(), judged);
                }
                if let Some(judged) = known.sequences.get(&key).cloned().flatten() {
                    add(judged);
                }
            }
        }
    }
    for function in ["nextval", "currval", "setval", "lastval"] {
        if text.names(function) && !sequences.iter().any(|(found, _)| *found == function) {
            add(Judged::not_provable(format!("{function} of a sequence that the plan does not show")));
        }
    }
    Ok(worst)
}

/// What a MERGE may do, by its words: its plan tells one operation for all.
fn merged(text: &Lexed, done: Privileges) -> Privileges {
    let said = [(Privilege::Insert, "insert"), (Privilege::Update, "update"), (Privilege::Delete, "delete")];
    said.iter()
        .filter(|(privilege, word)| done.has(*privilege) && text.has_word(word))
        .map(|(privilege, _)| *privilege)
        .collect()
}

fn of(row: &Row, text: &Lexed, written: &Written<'_>, relation: &str, is_direct: bool) -> Option<Judged> {
    let Row { rule, is_own, subject, detail, holds, columns } = row;
    let is_touched = columns.is_empty() || written.touches(columns);
    let denied = |message: String, reason: String| {
        let judged = if *is_own {
            Judged::new(Class::Denied, "42501", message)
        } else {
            Judged { message: Some(message), ..Judged::not_provable("") }
        };
        judged.about(relation).because(reason)
    };
    match rule.as_str() {
        "code" if !holds && is_touched => Some(denied(
            format!("permission denied for function {subject}"),
            format!("{detail} of {relation} calls it with the rights of who writes"),
        )),
        "body" if !holds && is_touched => Some(
            Judged::not_provable(format!(
                "what function {subject} of a {detail} does shows only when it runs"
            ))
            .about(relation),
        ),
        "trigger" if !holds && is_touched => Some(
            Judged::not_provable(format!(
                "what trigger {subject} does (function {detail}) shows only when it runs"
            ))
            .about(relation),
        ),
        "key" if !holds && is_touched => Some(denied(
            format!("permission denied for table {subject}"),
            format!(
                "a foreign key is checked as the owner of {detail}.{subject}, who may not read and lock it"
            ),
        )),
        "rows" | "policy" if columns.iter().any(|column| column == "inactive") && is_direct => None,
        "policy" if !is_direct => Some(
            Judged::not_provable("row security of what a view writes to goes by the view's owner")
                .about(relation),
        ),
        "policy" if detail == "0" && !text.is_word(0, "update") => Some(
            Judged::new(
                Class::Denied,
                "42501",
                format!("new row violates row-level security policy for table \"{subject}\""),
            )
            .about(relation)
            .because("row security is on, and no policy lets this role write"),
        ),
        "policy" if detail != "0" && !holds => Some(
            Judged::not_provable("row security decides by the data of each row (WITH CHECK)").about(relation),
        ),
        "rows" | "policy" if detail == "0" && is_direct => Some(
            Judged::permitted()
                .about(relation)
                .because("row security is on and no policy concerns this role: it sees no row"),
        ),
        "foreign" if detail == "file_fdw" => None,
        "foreign" if !holds && is_direct => Some(
            Judged::new(Class::Broken, "42704", "user mapping not found")
                .about(relation)
                .because(format!("the role has no user mapping for server {subject}")),
        ),
        "foreign" => {
            Some(Judged::not_provable(format!("the far side of server {subject} decides")).about(relation))
        }
        "empty" if !holds => {
            let message = format!("materialized view \"{subject}\" has not been populated");
            Some(Judged::new(Class::Broken, "55000", message).about(relation))
        }
        _ => None,
    }
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    query: &str,
) -> Result<Vec<Row>, ReplayError> {
    let answer = desk
        .ask(query)
        .await?
        .map_err(|error| ReplayError::Refused { doing: "reading the catalogs", error })?;
    let rows = answer.rows.into_iter().filter_map(|row| {
        let [rule, is_own, subject, detail, holds, columns] = <[Option<String>; 6]>::try_from(row).ok()?;
        let is = |cell: Option<String>| cell.as_deref() == Some("t");
        let columns = array(&columns.unwrap_or_default());
        Some(Row {
            rule: rule?,
            is_own: is(is_own),
            subject: subject?,
            detail: detail?,
            holds: is(holds),
            columns,
        })
    });
    Ok(rows.collect())
}

/// The elements of an array of texts as the server writes it ("Array Input and Output Syntax").
fn array(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut element = String::new();
    let mut quoted = false;
    let mut characters = text.trim_start_matches('{').chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => element.extend(characters.next()),
            ',' | '}' if !quoted => {
                if !element.is_empty() {
                    found.push(std::mem::take(&mut element));
                }
            }
            _ => element.push(character),
        }
    }
    found
}

/// Whether the role may use a sequence, by the name the server writes: none when it may.
async fn sequence_held<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    function: &str,
    name: &str,
) -> Result<Option<Judged>, ReplayError> {
    let lexed = super::lexer::lex(name);
    let parts = lexed.qualified(0).map(|(parts, _)| parts).unwrap_or_default();
    let place = match parts.as_slice() {
        [name] => format!("c.relname = {} and pg_catalog.pg_table_is_visible(c.oid)", Text(name)),
        [schema, name] => format!("c.relname = {} and n.nspname = {}", Text(name), Text(schema)),
        _ => return Ok(Some(Judged::not_provable("the plan names a sequence in a way of its own"))),
    };
    let held = match function {
        "nextval" => "USAGE, UPDATE",
        "currval" => "USAGE, SELECT",
        _ => "UPDATE",
    };
    let query = format!(
        "select n.nspname, c.relname, pg_catalog.has_sequence_privilege(c.oid, '{held}') \
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' and {place}"
    );
    let answer = desk
        .ask(&query)
        .await?
        .map_err(|error| ReplayError::Refused { doing: "reading the catalogs", error })?;
    let row = answer.rows.into_iter().next().and_then(|row| <[_; 3]>::try_from(row).ok());
    let Some([Some(schema), Some(sequence), held]) = row else {
        return Ok(Some(Judged::not_provable(format!("the sequence {name} cannot be found"))));
    };
    if held.as_deref() == Some("t") {
        return Ok(None);
    }
    let denied = Judged::new(Class::Denied, "42501", format!("permission denied for sequence {sequence}"));
    Ok(Some(denied.about(&format!("{schema}.{sequence}"))))
}
