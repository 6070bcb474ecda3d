//! What code a statement's text can reach, by names alone, before the server is given any of it.
//!
//! Planning runs IMMUTABLE and STABLE functions, and already parse analysis runs code: `'{1}'::some_domain[]` calls the
//! functions of the domain's CHECK while the statement is only prepared. So code is looked for in the catalogs first:
//! from each function outwards along `pg_depend` to all that uses it (views, defaults, CHECKs, policies, indexes, types,
//! casts, operators), and the text must not name any of it. Triggers are left out: no plan runs them.

use std::collections::{HashMap, HashSet};

use tokio::io::{AsyncRead, AsyncWrite};

use super::lexer::{Kind, Lexed};
use super::routine::Routine;
use crate::postgres::session::{Limits, Session, SessionError};

/// Oids of the catalogs that objects are told apart by (`pg_class.dat` and the headers beside it; they never change).
const PG_TYPE: u32 = 1247;
const PG_PROC: u32 = 1255;
const PG_CLASS: u32 = 1259;
const PG_FOREIGN_SERVER: u32 = 1417;
const PG_CAST: u32 = 2605;
const PG_CONSTRAINT: u32 = 2606;
const PG_OPERATOR: u32 = 2617;

/// Enough for a hundred thousand tables.
const LARGE: Limits =
    Limits { rows: 20_000_000, kept: 1 << 30, row: 64 * 1024 * 1024, total: 4 * 1024 * 1024 * 1024 };

/// From what is used to what uses it: dependencies, and parts to wholes. Objects made by `initdb` have oids below 16384
/// (`FirstNormalObjectId`); they are the server's own. Foreign keys are checked later and by others.
const EDGES: &str = "\
    select d.refclassid, d.refobjid, d.classid, d.objid from pg_catalog.pg_depend d \
     where d.objid >= 16384 and d.refobjid >= 16384 and d.deptype in ('n', 'a', 'i') \
       and d.classid not in ('pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_extension'::regclass) \
       and d.refclassid not in ('pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_extension'::regclass) \
       and not (d.classid = 'pg_catalog.pg_constraint'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass) \
       and not (d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass) \
    union all select 'pg_catalog.pg_rewrite'::regclass, oid, 1259, ev_class from pg_catalog.pg_rewrite where oid >= 16384 \
    union all select 2606, oid, 1259, conrelid from pg_catalog.pg_constraint where contype = 'c' and conrelid <> 0 \
    union all select 2606, oid, 1247, contypid from pg_catalog.pg_constraint where contypid <> 0 \
    union all select 'pg_catalog.pg_attrdef'::regclass, oid, 1259, adrelid from pg_catalog.pg_attrdef \
    union all select 'pg_catalog.pg_policy'::regclass, oid, 1259, polrelid from pg_catalog.pg_policy \
    union all select 'pg_catalog.pg_statistic_ext'::regclass, oid, 1259, stxrelid from pg_catalog.pg_statistic_ext \
    union all select 1259, indexrelid, 1259, indrelid from pg_catalog.pg_index where indexrelid >= 16384 \
    union all select 1259, inhrelid, 1259, inhparent from pg_catalog.pg_inherits \
    union all select 1259, oid, 1247, reltype from pg_catalog.pg_class where oid >= 16384 and reltype <> 0 \
    union all select 1247, elem.oid, 1247, elem.typarray from pg_catalog.pg_type elem where elem.oid >= 16384 and typarray <> 0 \
    union all select 2605, oid, 1247, castsource from pg_catalog.pg_cast where oid >= 16384 \
    union all select 2605, oid, 1247, casttarget from pg_catalog.pg_cast where oid >= 16384 \
    union all select 2617, oid, 1247, unnest(array[oprleft, oprright]) from pg_catalog.pg_operator where oid >= 16384";

/// What a name may stand for. Of an operator also whether only its own types lead to it: it takes no other, or its code
/// is C, which no application can write.
const NAMES: &str = "\
    select 1259, c.oid, c.relname, n.nspname, false from pg_catalog.pg_class c \
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid >= 16384 and c.relkind not in ('i', 'I', 't') \
    union all select 1247, t.oid, t.typname, n.nspname, false from pg_catalog.pg_type t \
      join pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid >= 16384 \
    union all select 1255, p.oid, p.proname, n.nspname, false from pg_catalog.pg_proc p \
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.oid >= 16384 \
    union all select 2617, o.oid, o.oprname, n.nspname, (oprleft >= 16384 or oprright >= 16384) and exists (select from pg_catalog.pg_proc p \
          join pg_catalog.pg_language l on l.oid = p.prolang where p.oid = o.oprcode and l.lanname in ('c', 'internal')) or (oprleft = 0 or oprleft >= 16384) and (oprright = 0 or oprright >= 16384) \
        and not exists (select from pg_catalog.pg_cast k where k.casttarget in (oprleft, oprright) and k.castcontext = 'i' \
          and k.castsource < 16384) \
      from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace where o.oid >= 16384 \
    union all select 2605, oid, '', '', castsource >= 16384 or casttarget >= 16384 from pg_catalog.pg_cast where oid >= 16384 \
    union all select 1417, s.oid, '', '', exists (\
        select from pg_catalog.unnest(s.srvoptions || array(select pg_catalog.unnest(ftoptions) \
          from pg_catalog.pg_foreign_table where ftserver = s.oid)) o \
        where o like 'use\\_remote\\_estimate=%' and o not in ('use_remote_estimate=false', 'use_remote_estimate=off')) \
      from pg_catalog.pg_foreign_server s";

/// Operators that keywords stand for: IN, BETWEEN, LIKE, DISTINCT, USING, ORDER BY, ...
const IMPLIED: &[&str] =
    &["=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"];

/// Functions of the server's own that run SQL or code which is named in a text or by a number: `table_to_xml` reads any
/// view, `array_in` and `pg_input_is_valid` check any domain.
const BY_TEXT: &[&str] = &[
    "array_in",
    "domain_in",
    "record_in",
    "range_in",
    "multirange_in",
    "array_recv",
    "domain_recv",
    "record_recv",
    "range_recv",
    "multirange_recv",
    "pg_input_is_valid",
    "pg_input_error_info",
    "ts_stat",
    "ts_rewrite",
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
];

type Object = (u32, u32);

/// The catalogs, as far as they tell what leads to code.
#[derive(Debug)]
pub(super) struct Catalog {
    users: HashMap<Object, Vec<Object>>,
    named: Vec<Named>,
    pub(super) routines: Vec<Routine>,
}

#[derive(Debug)]
struct Named {
    object: Object,
    name: String,
    schema: String,
    flag: bool,
}

impl Catalog {
    /// Read them; any role may.
    pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
        session: &mut Session<S>,
    ) -> Result<Self, SessionError> {
        let number = |cell: Option<&Option<String>>| {
            cell.and_then(|cell| cell.as_deref()).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0)
        };
        let text = |cell: Option<&Option<String>>| cell.cloned().flatten().unwrap_or_default();
        let mut users: HashMap<Object, Vec<Object>> = HashMap::new();
        for row in &session.run(EDGES, LARGE).await?.rows {
            let used = (number(row.first()), number(row.get(1)));
            users.entry(used).or_default().push((number(row.get(2)), number(row.get(3))));
        }
        let named = session.run(NAMES, LARGE).await?.rows;
        let named = named.iter().map(|row| Named {
            object: (number(row.first()), number(row.get(1))),
            name: text(row.get(2)),
            schema: text(row.get(3)),
            flag: text(row.get(4)) == "t",
        });
        let named = named.collect();
        let routines = Routine::read(session, LARGE).await?;
        Ok(Self { users, named, routines })
    }

    /// All code that is not the server's own: what a session with rights beyond the application's must not run.
    pub(super) fn all_code(&self) -> Reach {
        // Operators, casts and servers count by themselves: their functions may be the server's own, but not their choice.
        let kinds = [PG_PROC, PG_OPERATOR, PG_CAST, PG_FOREIGN_SERVER];
        let seeds =
            self.named.iter().filter(|named| kinds.contains(&named.object.0)).map(|named| named.object);
        let mut reach = self.spread(seeds);
        for name in BY_TEXT {
            reach
                .names
                .entry((*name).to_owned())
                .or_insert_with(|| format!("{name}, which runs what a text says"));
        }
        reach
    }

    /// What runs while planning and acts beyond a transaction that only reads: nobody may run it unasked.
    pub(super) fn beyond_the_transaction(&self) -> Reach {
        let routines = super::routine::beyond(&self.routines);
        let plan_time =
            routines.iter().filter(|routine| routine.at_plan_time).map(|routine| (PG_PROC, routine.oid));
        let remote = self
            .named
            .iter()
            .filter(|named| named.object.0 == PG_FOREIGN_SERVER && named.flag)
            .map(|named| named.object);
        // A domain's CHECK runs whatever its functions say of themselves.
        let checks =
            routines.iter().flat_map(|routine| self.users.get(&(PG_PROC, routine.oid)).into_iter().flatten());
        let checks = checks.copied().filter(|user| user.0 == PG_CONSTRAINT);
        self.spread(plan_time.chain(remote).chain(checks))
    }

    fn spread(&self, seeds: impl Iterator<Item = Object>) -> Reach {
        let mut reached: HashSet<Object> = seeds.collect();
        let mut waiting: Vec<Object> = reached.iter().copied().collect();
        while let Some(object) = waiting.pop() {
            for &user in self.users.get(&object).into_iter().flatten() {
                if reached.insert(user) {
                    waiting.push(user);
                }
            }
        }
        let mut reach = Reach::default();
        for Named { object, name, schema, flag } in
            self.named.iter().filter(|named| reached.contains(&named.object))
        {
            let whole = format!("{schema}.{name}");
            match object.0 {
                PG_PROC => {
                    reach.names.insert(name.clone(), format!("function {whole}"));
                }
                PG_CLASS => {
                    reach
                        .names
                        .entry(name.clone())
                        .or_insert_with(|| format!("relation {whole}, which uses such code"));
                }
                PG_TYPE => {
                    reach
                        .names
                        .entry(name.clone())
                        .or_insert_with(|| format!("type {whole}, which uses such code"));
                }
                // Where both operands are types of their own, those types are reached, or nothing is.
                PG_OPERATOR if *flag => {}
                PG_OPERATOR if IMPLIED.contains(&name.as_str()) => {
                    reach.everything = Some(format!("operator {whole}, which keywords stand for"));
                }
                PG_OPERATOR => {
                    reach.operators.insert(name.clone(), format!("operator {whole}"));
                }
                PG_CAST if !flag => {
                    reach.everything = Some("a cast between the server's own types".to_owned());
                }
                _ => {}
            }
        }
        reach
    }
}

/// Names that lead to some code.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// What each name stands for, in words.
    names: HashMap<String, String>,
    operators: HashMap<String, String>,
    /// What any statement may reach.
    everything: Option<String>,
}

impl Reach {
    /// What this text reaches; none when it surely reaches nothing.
    pub(super) fn of(&self, text: &Lexed) -> Option<String> {
        if self.names.is_empty() && self.operators.is_empty() && self.everything.is_none() {
            return None;
        }
        if text.is_odd {
            return Some("it cannot be told what, as its names are not written plainly".to_owned());
        }
        let found = text.tokens.iter().find_map(|token| match &token.kind {
            Kind::Word(name) | Kind::Quoted(name) => self.names.get(name),
            Kind::Operator(name) => self.operators.get(name),
            Kind::Parameter(_) | Kind::Constant | Kind::Mark(_) => None,
        });
        found.or(self.everything.as_ref()).cloned()
    }
}
