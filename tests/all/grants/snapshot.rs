//! `gonogo grants snapshot`: what is read, what is not, and what never is.

use std::collections::BTreeSet;

use gonogo::grants::acl::{Acl, Grantee};
use gonogo::grants::snapshot::{Aspect, Attribute, Facts, Key, Kind, Means, Snapshot, read};

use super::{cluster, fill, since, snapshot_of, take, url};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::Program;

fn taken(program: &Program) -> Snapshot {
    read(program.read("snapshot.json").as_bytes()).expect("a snapshot")
}

/// Object, grantee (none is PUBLIC), grantor, privilege, whether it may be granted on.
pub(super) type Item = (String, Option<String>, String, String, bool);

pub(super) fn items(facts: &Facts) -> BTreeSet<Item> {
    let mut all = BTreeSet::new();
    let mut add = |name: String, acl: &Option<Acl>| {
        for item in acl.iter().flat_map(Acl::items) {
            let to = match item.to {
                Grantee::Public => None,
                Grantee::Role(role) => Some(facts.roles.name(role).to_owned()),
            };
            let by = facts.roles.name(item.by);
            for privilege in item.privileges.iter() {
                let on = item.grantable.has(privilege);
                all.insert((name.clone(), to.clone(), by.to_owned(), privilege.to_string(), on));
            }
        }
    };
    for (key, object) in &facts.objects {
        let schema = key.schema.as_deref().unwrap_or_default();
        if ["pg_catalog", "information_schema"].contains(&schema) {
            continue;
        }
        let args = key.args.as_deref().unwrap_or_default();
        let name = format!("{schema}/{}/{args}", key.name);
        add(name.clone(), &object.acl);
        for (column, acl) in &object.columns {
            add(format!("{name}/{column}"), acl);
        }
    }
    all
}

/// The same, by `aclexplode`.
pub(super) fn exploded(cluster: &Cluster, database: &str) -> BTreeSet<Item> {
    let sql = "
        set search_path = '';
        with named(name, acl) as (
            select n.nspname || '/' || c.relname || '/', c.relacl from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid >= 16384
            union all select n.nspname || '/' || c.relname || '//' || a.attname, a.attacl
              from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where c.oid >= 16384
            union all select n.nspname || '/' || p.proname || '/' || oidvectortypes(p.proargtypes), p.proacl
              from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.oid >= 16384
            union all select n.nspname || '/' || t.typname || '/', t.typacl
              from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid >= 16384
            union all select '/' || nspname || '/', nspacl from pg_namespace where nspname = 'public' or oid >= 16384
            union all select '/' || lanname || '/', lanacl from pg_language
            union all select '/' || srvname || '/', srvacl from pg_foreign_server
            union all select '/' || fdwname || '/', fdwacl from pg_foreign_data_wrapper
            union all select '/' || oid || '/', lomacl from pg_largeobject_metadata
            union all select '/' || parname || '/', paracl from pg_parameter_acl -- since 15
            union all select '//', datacl from pg_database where datname = current_database())
        select json_agg(json_build_array(name, t.rolname, b.rolname, privilege_type, is_grantable))
          from named, lateral aclexplode(acl) e left join pg_roles t on t.oid = e.grantee join pg_roles b on b.oid = e.grantor";
    let found: Vec<Item> =
        serde_json::from_str(&cluster.sql(database, &since(sql, cluster.version))).expect("items");
    found.into_iter().collect()
}

#[test]
fn everything_is_read_and_no_secret() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "shop");
    cluster.sql("shop", "alter role app_shop password 'canary-statement'");
    cluster.sql("shop", "set role app_billing; select count(*) from billing.invoice");
    cluster.sql(
        "shop",
        "create subscription sub connection 'host=old.example dbname=x password=canary-conninfo' publication p
           with (connect = false, enabled = false, slot_name = none)",
    );
    cluster.sql("shop", "select pg_create_logical_replication_slot('out', 'pgoutput')");
    let program = Program::empty();
    let ended = take(&program, &url(&cluster, "admin", "shop"), &["--workload"]);
    ended.code(0);
    assert!(ended.stderr.starts_with("read shop of PostgreSQL "), "{}", ended.stderr);
    let first = program.read("snapshot.json");
    for line in first.lines().chain(ended.stderr.lines()) {
        assert!(!line.contains("canary"), "{line}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(program.path("snapshot.json")).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    let snapshot = taken(&program);
    let facts = &snapshot.facts;
    assert_eq!(facts.coverage, []);
    assert_eq!(items(facts), exploded(&cluster, "shop"));
    let kinds: BTreeSet<Kind> = facts.objects.keys().map(|key| key.kind).collect();
    let absent = [Kind::Column, Kind::Tablespace];
    for kind in Kind::ALL.iter().filter(|kind| !absent.contains(kind)) {
        assert!(kinds.contains(kind), "no {kind}");
    }
    let object = |text: &str| {
        let key: Key = text.parse().expect("a key");
        facts.objects.get(&key).unwrap_or_else(|| panic!("no {key}"))
    };
    assert_eq!(object("table:shop.untouched").acl, None, "NULL stays NULL");
    assert_eq!(object("table:shop.closed").acl, Some(Acl::default()), "and an empty list is one");
    assert!(object("table:billing.account").is(Attribute::ForceRowSecurity));
    assert!(object("view:shop.v_invoker").is(Attribute::SecurityInvoker));
    assert!(object("sequence:shop.orders_id_seq").is(Attribute::Identity));
    assert!(object("function:public.citext_hash(public.citext)").initial.is_none());
    assert!(object("function:public.citext_hash(public.citext)").is(Attribute::Extension));
    object("table:shop.\"a.b \"\"c\"\"=/,x\"");
    let catalogs: Vec<String> = facts
        .objects
        .keys()
        .filter(|key| matches!(key.schema.as_deref(), Some("pg_catalog" | "information_schema")))
        .map(ToString::to_string)
        .collect();
    let changed = [
        "table:pg_catalog.pg_authid",
        "table:pg_catalog.pg_statistic",
        "function:pg_catalog.pg_ls_logdir()",
        "function:pg_catalog.pg_sleep(double precision)",
    ];
    assert_eq!(catalogs, changed, "of the catalogs only what was changed");
    assert_eq!(snapshot.values.populated.len(), 2);
    let invoice: Key = "sequence:shop.invoice_number".parse().expect("a key");
    assert_eq!(snapshot.values.sequences.get(&invoice), Some(&1000));
    let workload = snapshot.workload.as_ref().expect("a workload");
    let statement = workload
        .statements
        .iter()
        .find(|statement| statement.role == "app_billing" && statement.query.contains("billing.invoice"));
    assert_eq!(statement.expect("its statement").search_path, "billing, \"Odd.schema\"");

    let references = facts.references.as_ref().expect("references");
    let tied: BTreeSet<(String, String, Means)> = references
        .iter()
        .map(|reference| (reference.from.to_string(), reference.to.to_string(), reference.by))
        .collect();
    for (from, to, by) in [
        ("table:billing.invoice", "table:shop.orders", Means::ForeignKey),
        ("view:billing.v_inv", "table:shop.orders", Means::Query),
        ("table:billing.rate", "function:shop.audit()", Means::Trigger),
        ("table:billing.account", "table:shop.customer", Means::Policy),
        ("table:billing.invoice", "type:billing.span", Means::Type),
        ("table:shop.customer", "type:public.citext", Means::Type),
        ("table:shop.customer", "sequence:shop.customer_id_seq", Means::Default),
        ("sequence:shop.customer_id_seq", "table:shop.customer", Means::Sequence),
        ("table:shop.log_2026", "table:shop.log", Means::Inheritance),
        ("publication:pub_orders", "table:shop.orders", Means::Publication),
        ("function:shop.total_of(text)", "table:shop.customer", Means::Body),
        ("function:billing.invoice_total(bigint)", "table:shop.orders", Means::Body),
        ("procedure:billing.close_month(date)", "table:billing.invoice", Means::Body),
        ("event_trigger:ddl_end", "function:shop.on_ddl()", Means::Trigger),
    ] {
        assert!(tied.contains(&(from.to_owned(), to.to_owned(), by)), "{from} -> {to}: {tied:#?}");
    }

    take(&program, &url(&cluster, "admin", "shop"), &[]).code(0);
    assert_same(&first, &program.read("snapshot.json"));
}

/// The same database twice: but for the moment, and for what is sealed with it, the same bytes.
#[track_caller]
pub(super) fn assert_same(first: &str, again: &str) {
    let still = |text: &str| {
        let moving = ["\"taken_at\"", "\"seal\""];
        let lines = text.lines().take_while(|line| !line.starts_with("\"workload\""));
        lines
            .filter(|line| !moving.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(still(first), still(again));
}

#[test]
fn what_a_role_may_not_read_is_told_with_what_would_help() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "shop");
    gaps_are_told(&cluster, "shop");
}

pub(super) fn gaps_are_told(cluster: &Cluster, database: &str) {
    let gaps = |login: &str| {
        let program = Program::empty();
        let ended = take(&program, &url(cluster, login, database), &["--workload"]);
        ended.code(0);
        let snapshot = taken(&program);
        for gap in &snapshot.facts.coverage {
            assert!(ended.stderr.contains(&gap.why), "{}", ended.stderr);
        }
        assert_eq!(
            items(&snapshot.facts),
            exploded(cluster, database),
            "grants are there for everybody to read"
        );
        assert!(snapshot.facts.roles.iter().all(|(_, role)| role.password.is_none()));
        snapshot.facts.coverage.iter().map(|gap| gap.aspect).collect::<BTreeSet<_>>()
    };
    let always =
        [Aspect::Passwords, Aspect::UserMappingOptions, Aspect::HbaRules, Aspect::SequenceValues].into();
    assert_eq!(gaps("monitor:monitor-secret"), always);
    let with_workload = always.union(&[Aspect::Workload].into()).copied().collect();
    assert_eq!(gaps("plain:plain-secret"), with_workload);
}

#[test]
fn an_item_that_names_nobody_is_a_gap() {
    let Some(cluster) = Cluster::start(&Setup::default()) else { return };
    cluster
        .sql("postgres", "create table t (i int); create role \"123\"; grant select on t to \"123\", public");
    cluster.sql(
        "postgres",
        "set allow_system_table_mods = on;
         update pg_class set relacl = relacl || makeaclitem(99999, 10, 'DELETE', false) where relname = 't'",
    );
    let facts = snapshot_of(&cluster, "postgres").facts;
    let gaps: Vec<_> = facts.coverage.iter().map(|gap| (gap.aspect, gap.why.as_str())).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].0, Aspect::AclItems);
    assert!(gaps[0].1.starts_with("table:public.t: ") && gaps[0].1.contains("99999"), "{gaps:?}");
    let acl = facts.objects[&Key::within(Kind::Table, "public", "t")].acl.as_ref().expect("an ACL");
    assert_eq!(acl.items().len(), 3, "what can be read is");
}

#[test]
fn a_standby_is_read() {
    let Some(cluster) = Cluster::start(&Setup { standby: true, ..Setup::default() }) else { return };
    let snapshot = snapshot_of(&cluster, "postgres");
    assert!(snapshot.facts.reader.superuser);
    assert!(snapshot.facts.server.system_identifier.is_some());
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_file() {
    let Some(cluster) = Cluster::start(&Setup {
        sql: &[
            "create role plain login password 'plain-secret'",
            "create database closed",
            "revoke connect on database closed from public",
        ],
        ..Setup::default()
    }) else {
        return;
    };
    let program = Program::empty();
    let plain = |database| url(&cluster, "plain:plain-secret", database);
    for (url, options, code, told) in [
        (plain("closed"), &[][..], 1, "permission denied for database \"closed\""),
        (plain("nowhere"), &[], 1, "database \"nowhere\" does not exist"),
        (url(&cluster, "plain:wrong", "postgres"), &[], 1, "password authentication failed"),
        ("postgres://127.0.0.1:1/x?user=x".to_owned(), &[], 1, "cannot look into"),
        ("postgres://h/x?sslmod=y".to_owned(), &[], 2, "did you mean"),
        (plain("postgres"), &["--database", "x"], 2, "cannot be used with"),
    ] {
        let ended = take(&program, &url, options);
        ended.code(code);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert!(!ended.stderr.contains("plain-secret"), "{}", ended.stderr);
        assert!(!program.path("snapshot.json").exists());
    }
    // Somebody holds a catalog: a session that is ended says so, and the wait is short and what to do is told.
    let (ended, holding) = std::thread::scope(|scope| {
        let lock =
            "begin; lock table pg_catalog.pg_foreign_server in access exclusive mode; select pg_sleep(12)";
        scope.spawn(|| cluster.sql("postgres", lock));
        let until_some = |sql: &str| {
            while cluster.sql("template1", sql) == "0" {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        };
        until_some(
            "select count(*) from pg_locks where relation = 1417 and granted and mode like 'AccessExcl%'",
        );
        let taking = scope.spawn(|| take(&program, &plain("postgres"), &[]));
        until_some(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
              where usename = 'plain' and wait_event_type = 'Lock'",
        );
        (taking.join().expect("the program ends"), take(&program, &plain("postgres"), &[]))
    });
    ended.code(1);
    assert!(ended.stderr.contains("57P01") && ended.stderr.contains("help: "), "{}", ended.stderr);
    holding.code(1);
    assert!(
        holding.stderr.contains("55P03") && holding.stderr.contains("help: another session holds a lock"),
        "{}",
        holding.stderr
    );
    let ended = take(&program, &plain("postgres"), &["--timeout", "1ms"]);
    ended.code(1);
    assert!(ended.stderr.contains("57014") && ended.stderr.contains("--timeout"), "{}", ended.stderr);
    assert!(!program.path("snapshot.json").exists());

    take(&program, &plain("postgres"), &["-o", "/nonexistent/x"]).code(2);
    let ended = program.run(&["grants", "snapshot", &plain("postgres"), "-o", "/nonexistent/x"]);
    ended.code(5);
    let ended = program.run(&["grants", "snapshot", &plain("postgres"), "-o", "-"]);
    ended.code(0);
    read(ended.stdout.as_bytes()).expect("a snapshot on stdout");
}

#[test]
fn a_database_of_the_plan_is_named() {
    let Some(cluster) = Cluster::start(&Setup::default()) else { return };
    let program = Program::with_plan(&format!(
        "gonogo: 1\ndatabases:\n  orders: {{ postgres: {{ url: \"{}\" }} }}\nchecks:\n  - {{ id: a, tcp: {{ address: \"127.0.0.1:1\" }} }}\n",
        url(&cluster, "admin", "postgres")
    ));
    let named = |name: &str| program.run(&["grants", "snapshot", "--database", name, "-o", "snapshot.json"]);
    let ended = named("order");
    ended.code(2);
    assert!(ended.stderr.contains("did you mean `orders`?"), "{}", ended.stderr);
    named("orders").code(0);
    assert_eq!(taken(&program).facts.server.database, "postgres");
}
