//! What we compute is what the server says: every role, every object, every column, every privilege.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gonogo::grants::effective::Effective;
use gonogo::grants::privilege::Privileges;
use gonogo::grants::quote::{Quoted, Text};
use gonogo::grants::snapshot::{Key, Kind, Snapshot};

use super::{cluster, fill, snapshot_of};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::count;

type May = BTreeSet<(String, String, String)>;

/// Role, object, privilege, by our own computing.
fn computed(snapshot: &Snapshot) -> May {
    let facts = &snapshot.facts;
    let effective = Effective::new(facts);
    let mut all = May::new();
    let mut add = |key: &Key, may: &[Privileges]| {
        for ((_, role), privileges) in facts.roles.iter().zip(may) {
            for privilege in privileges.iter() {
                all.insert((role.name.clone(), key.to_string(), privilege.to_string()));
            }
        }
    };
    for (key, object) in
        facts.objects.iter().filter(|(key, _)| function(key.kind, facts.server.major()).is_some())
    {
        let may = effective.on(key, object);
        add(key, &may);
        for (column, acl) in &object.columns {
            add(&key.column(column), &effective.on_column(&may, acl.as_ref()));
        }
    }
    all
}

/// The server's function for a kind; large objects have one since 18, parameters since 15.
fn function(kind: Kind, version: u32) -> Option<&'static str> {
    match kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => Some("has_table_privilege"),
        Kind::Column => Some("has_column_privilege"),
        Kind::Sequence => Some("has_sequence_privilege"),
        Kind::Function | Kind::Procedure | Kind::Aggregate => Some("has_function_privilege"),
        Kind::Database => Some("has_database_privilege"),
        Kind::Schema => Some("has_schema_privilege"),
        Kind::Type | Kind::Domain => Some("has_type_privilege"),
        Kind::Language => Some("has_language_privilege"),
        Kind::ForeignServer => Some("has_server_privilege"),
        Kind::ForeignDataWrapper => Some("has_foreign_data_wrapper_privilege"),
        Kind::Tablespace => Some("has_tablespace_privilege"),
        Kind::Parameter => Some("has_parameter_privilege"),
        Kind::LargeObject if version >= 18 => Some("has_largeobject_privilege"),
        Kind::Extension
        | Kind::LargeObject
        | Kind::UserMapping
        | Kind::Policy
        | Kind::Trigger
        | Kind::EventTrigger
        | Kind::Publication
        | Kind::Subscription
        | Kind::ReplicationSlot => None,
    }
}

/// The object as its function takes it: a name to be parsed, or the name itself.
fn argument(key: &Key, snapshot: &Snapshot) -> String {
    let named = |key: &Key| {
        let schema = key.schema.as_deref().unwrap_or_default();
        let args = key.args.as_ref().map_or_else(String::new, |args| format!("({args})"));
        Text(&format!("{}.{}{args}", Quoted(schema), Quoted(&key.name))).to_string()
    };
    match (key.kind, key.of.as_deref()) {
        (Kind::Database, _) => Text(&snapshot.facts.server.database).to_string(),
        (Kind::Column, Some(of)) => {
            let relation = Key { kind: Kind::Table, of: None, name: of.into(), ..key.clone() };
            format!("{}, {}", named(&relation), Text(&key.name))
        }
        _ if key.schema.is_some() => named(key),
        _ => Text(&key.name).to_string(),
    }
}

/// Role, object, privilege, by asking the server for the full cross product.
fn asked(cluster: &Cluster, database: &str, snapshot: &Snapshot) -> May {
    let facts = &snapshot.facts;
    let mut keys: Vec<Key> = facts.objects.keys().cloned().collect();
    for (key, object) in &facts.objects {
        keys.extend(object.columns.keys().map(|column| key.column(column)));
    }
    let mut all = May::new();
    for some in keys.chunks(100) {
        let mut parts = Vec::new();
        for key in some {
            let Some(function) = function(key.kind, facts.server.major()) else { continue };
            for privilege in key.kind.privileges().iter() {
                if privilege.as_str() == "MAINTAIN" && facts.server.major() < 17 {
                    continue;
                }
                let mut part = String::new();
                let (argument, name) = (argument(key, snapshot), Text(&key.to_string()).to_string());
                write!(
                    part,
                    "select rolname, {name}, '{privilege}' from pg_roles
                      where {function}(rolname, {argument}, '{privilege}')"
                )
                .expect("text");
                parts.push(part);
            }
        }
        if parts.is_empty() {
            continue;
        }
        let union = parts.join(" union all ");
        let sql = format!(
            "set search_path = ''; select json_agg(json_build_array(r, k, p)) from ({union}) x(r, k, p)"
        );
        let found: Option<Vec<(String, String, String)>> =
            serde_json::from_str(&cluster.sql(database, &sql)).expect("an array");
        all.extend(found.unwrap_or_default());
    }
    all
}

#[track_caller]
pub(super) fn compare(cluster: &Cluster, database: &str) -> usize {
    let snapshot = snapshot_of(cluster, database);
    let (ours, theirs) = (computed(&snapshot), asked(cluster, database, &snapshot));
    let too_many: Vec<_> = ours.difference(&theirs).take(20).collect();
    let too_few: Vec<_> = theirs.difference(&ours).take(20).collect();
    assert!(
        too_many.is_empty() && too_few.is_empty(),
        "only we say: {too_many:#?}\nonly they say: {too_few:#?}"
    );
    ours.len()
}

#[test]
fn effective_is_what_the_server_says_of_the_source_database() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "shop");
    assert!(compare(&cluster, "shop") > 3_000, "little was compared");
}

/// Numbers that are the same in every run (a linear congruential generator, Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Any grant, revocation, membership or change of owner.
fn change(numbers: &mut Numbers) -> String {
    const ROLES: [&str; 7] = ["a", "b", "c", "d", "\"PUBLIC\"", "\"1\"", "\"x\"\"=/,y\""];
    let grantee = if numbers.below(5) == 0 { "public" } else { numbers.of(&ROLES) };
    let (on, privileges): (&str, &[&str]) = [
        (
            "table s.t",
            &["select", "insert, update", "all", "select (i)", "update (i, j), select", "references (j)"][..],
        ),
        ("table s.v", &["select", "trigger, truncate", "delete", "maintain"]),
        ("large object 4711", &["select", "update"]),
        ("sequence s.q", &["usage", "select, update", "all"]),
        ("function s.f(int)", &["execute"]),
        ("schema s", &["usage", "create"]),
        ("type s.e", &["usage"]),
        ("database random", &["connect", "temporary", "create"]),
        ("language plpgsql", &["usage"]),
        ("foreign server far", &["usage"]),
        ("parameter work_mem", &["set", "alter system"]),
        ("table pg_catalog.pg_authid", &["select", "insert, delete"]),
    ][numbers.below(12)];
    let privileges = numbers.of(privileges);
    match numbers.below(10) {
        0 if numbers.below(2) == 0 => format!(
            "grant {} to {} with inherit {}, set {}", // refused before 16
            numbers.of(&ROLES),
            numbers.of(&ROLES),
            numbers.of(&["true", "false"]),
            numbers.of(&["true", "false"])
        ),
        0 => format!("grant {} to {}", numbers.of(&ROLES), numbers.of(&ROLES)),
        1 => format!("revoke {} from {}", numbers.of(&ROLES), numbers.of(&ROLES)),
        2 => format!(
            "grant {} to {}",
            numbers.of(&["pg_read_all_data", "pg_write_all_data", "pg_maintain"]),
            numbers.of(&ROLES)
        ),
        3 => format!(
            "alter {} owner to {}",
            numbers.of(&["table s.t", "view s.v", "schema s", "database random"]),
            numbers.of(&ROLES)
        ),
        4 => format!("alter role {} {}", numbers.of(&ROLES), numbers.of(&["inherit", "noinherit"])),
        5 | 6 => format!("revoke {privileges} on {on} from {grantee} cascade"),
        7 => format!("set role {}; grant {privileges} on {on} to {grantee}; reset role", numbers.of(&ROLES)),
        8 => format!("grant {privileges} on {on} to {grantee} with grant option"),
        _ => format!("grant {privileges} on {on} to {grantee}"),
    }
}

#[test]
fn effective_is_what_the_server_says_of_random_grants() {
    let Some(cluster) = Cluster::start(&Setup::default()) else { return };
    random(&cluster, count(6, 60));
}

/// Grants made at random, so many times over, on a cluster that has nothing of the kind yet.
pub(super) fn random(cluster: &Cluster, rounds: usize) {
    cluster.sql("postgres", "create database random");
    cluster.sql(
        "random",
        "create role a; create role b; create role c noinherit; create role d;
         do $$ begin create role \"PUBLIC\"; exception when duplicate_object then null; end $$;
         create role \"1\"; create role \"x\"\"=/,y\" superuser;
         create schema s; create table s.t (i int, j text); create view s.v as select * from s.t;
         create sequence s.q; create type s.e as enum ('x');
         create function s.f(int) returns int language sql as 'select 1';
         create foreign data wrapper w; create server far foreign data wrapper w; select lo_create(4711)",
    );
    let mut numbers = Numbers(20_261_123);
    for _ in 0..rounds {
        let mut block = String::from("do $do$ begin\n");
        for _ in 0..40 {
            let statement = Text(&change(&mut numbers)).to_string();
            writeln!(block, "begin execute {statement}; exception when others then reset role; end;")
                .expect("text");
        }
        block.push_str("end $do$");
        cluster.sql("random", &block);
        assert!(compare(cluster, "random") > 100, "little was compared");
    }
}
