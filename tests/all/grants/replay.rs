//! Replay on real servers: the class is what really happens, and trying changes nothing.

use std::collections::BTreeMap;

use gonogo::grants::replay::{Class, Report, Request, Sessions, Tried, replay};
use gonogo::grants::snapshot::{
    Facts, Key, Kind, Object, Reader, Roles, Server, Snapshot, Statement, Values, Workload,
};
use gonogo::postgres::session::{Limits, Login, Session, SessionError};
use gonogo::postgres::settings::ChannelBinding;
use gonogo::secret::Secret;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::since;
use crate::support::postgres::{Cluster, Setup};

/// For one answer.
const LIMIT: std::time::Duration = std::time::Duration::from_mins(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "as")]
    role: String,
    is: String,
    sql: String,
    #[serde(default)]
    with: Vec<String>,
    blind: Option<String>,
    /// The first version where it is so.
    since: Option<u32>,
    /// The last one.
    until: Option<u32>,
}

pub(super) async fn session(
    cluster: &Cluster,
    database: &str,
    user: &str,
    password: &str,
) -> Session<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", cluster.port)).await.expect("a connection");
    let password = Secret::new(password.to_owned());
    let asked = std::sync::OnceLock::new();
    let login = Login {
        user,
        database,
        password: Some(&password),
        session: &[],
        end_point: None,
        channel_binding: ChannelBinding::Disable,
        required: None,
        asked: &asked,
    };
    Session::log_in(stream, &login).await.expect("a login").0
}

fn corpus(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/grants").join(name);
    std::fs::read_to_string(path).expect("a file of the corpus")
}

/// A cluster with the corpus' database `shop`, and `copy` beside it.
pub(super) fn corpus_cluster(version: Option<u32>) -> Option<Cluster> {
    let cluster = Cluster::start(&Setup { version, ..Setup::default() })?;
    cluster.sql("postgres", "create database shop");
    cluster.sql("shop", &since(&corpus("replay_corpus.sql"), cluster.version));
    cluster.sql("postgres", "create database copy template shop");
    // A copy by TEMPLATE loses what is granted on the database itself.
    cluster.sql("postgres", "revoke temporary on database copy from public");
    cluster.sql("postgres", "grant temporary on database copy to app");
    Some(cluster)
}

/// A snapshot of these tables and statements.
pub(super) fn recorded(tables: &[(&str, &str)], statements: Vec<Statement>) -> Snapshot {
    let keys =
        tables.iter().map(|(schema, name)| (Key::within(Kind::Table, schema, name), Object::default()));
    Snapshot {
        taken_at: "2026-11-22T01:31:00Z".to_owned(),
        facts: Facts {
            server: Server { version_num: 150_018, system_identifier: None, database: "shop".to_owned() },
            reader: Reader { role: "postgres".to_owned(), superuser: true },
            coverage: vec![],
            acl_defaults: BTreeMap::new(),
            roles: Roles::default(),
            memberships: vec![],
            objects: keys.collect(),
            settings: vec![],
            default_privileges: vec![],
            references: None,
            hba: None,
        },
        values: Values::default(),
        workload: Some(Workload { since: None, evictions: Some(7), statements, hidden: 3 }),
    }
}

pub(super) fn statement(role: &str, query: &str) -> Statement {
    Statement {
        role: role.to_owned(),
        query: query.to_owned(),
        toplevel: true,
        calls: 1,
        search_path: "\"$user\", public".to_owned(),
    }
}

/// Every statement tried, by role and text.
pub(super) async fn tried(
    session: Session<TcpStream>,
    tables: &[(&str, &str)],
    statements: Vec<Statement>,
    allow_functions: bool,
) -> Report {
    let snapshot = recorded(tables, statements);
    let request = Request { snapshot: &snapshot, split: None, role: None, allow_functions, limit: LIMIT };
    let mut sessions = Sessions { main: session, own: BTreeMap::new() };
    replay(&mut sessions, &request, |_| ()).await.expect("a report")
}

pub(super) fn of<'r>(report: &'r Report, role: &str, query: &str) -> &'r Tried {
    let found = report.statements.iter().find(|tried| tried.role == role && tried.query == query);
    found.unwrap_or_else(|| panic!("{role}: {query} is not in the report"))
}

/// Run it as the role in a transaction that is rolled back: the SQLSTATE it ends with, if any.
async fn executed(session: &mut Session<TcpStream>, role: &str, sql: &str) -> Option<(String, String)> {
    let limits = Limits::default();
    session.batch(&format!("BEGIN; SET LOCAL ROLE {role}; SAVEPOINT s")).await.expect("a transaction");
    let outcome = session.query(sql, limits).await;
    session.batch("ROLLBACK").await.expect("a rollback");
    match outcome {
        Ok(_) => None,
        // COPY FROM STDIN got as far as asking for data.
        Err(SessionError::Server(error)) if error.sqlstate == "57014" && sql.contains("stdin") => None,
        Err(SessionError::Server(error)) => Some((error.sqlstate, error.message)),
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

/// All rows, all sequences, all catalogs.
pub(super) fn checksum(cluster: &Cluster) -> String {
    cluster.sql("shop", &corpus("checksum.sql"))
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_is_as_executed() {
    is_as_executed(None).await;
}

pub(super) async fn is_as_executed(version: Option<u32>) {
    let Some(cluster) = corpus_cluster(version) else { return };
    let mut cases: Vec<Case> = serde_yaml::from_str(&corpus("replay_corpus.yaml")).expect("the corpus");
    let fits = |case: &Case| {
        case.since.is_none_or(|since| since <= cluster.version)
            && case.until.is_none_or(|until| cluster.version <= until)
    };
    cases.retain(fits);
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    let relations = cluster.sql("shop", "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid >= 16384");
    let mut tables: Vec<(&str, &str)> = relations.lines().filter_map(|line| line.split_once('.')).collect();
    tables.extend([("shop", "gone"), ("gone", "orders")]);
    let statements: Vec<Statement> = cases.iter().map(|case| statement(&case.role, &case.sql)).collect();
    let before = checksum(&cluster);
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    let report = tried(auditor, &tables, statements, false).await;
    assert_eq!(checksum(&cluster), before, "trying changed something");
    let mut admin = session(&cluster, "copy", "admin", "admin-secret").await;
    let mut mistakes = Vec::new();
    for case in &cases {
        let found = of(&report, &case.role, &case.sql);
        let class = serde_json::to_value(found.class).expect("a word");
        let told = format!(
            "{}: {}\n    {:?} {:?} {:?}",
            case.role, case.sql, found.sqlstate, found.message, found.reason
        );
        if class != case.is.as_str() {
            mistakes.push(format!("{told}\n    is {class}, not {}", case.is));
        }
        let mut sql = case.sql.clone();
        for (index, value) in case.with.iter().enumerate().rev() {
            sql = sql.replace(&format!("${}", index + 1), value);
        }
        let really = executed(&mut admin, &case.role, &sql).await;
        let agrees = match (found.class, &really) {
            (Class::Permitted, None) => true,
            (Class::Denied | Class::Broken, Some((sqlstate, _))) => found.sqlstate.as_ref() == Some(sqlstate),
            (Class::NotProvable, _) => case.blind.is_some(),
            (Class::Permitted | Class::Denied | Class::Broken | Class::Elsewhere, _) => false,
        };
        if !agrees {
            mistakes.push(format!("{told}\n    is {class}, and really {really:?}"));
        }
    }
    assert!(mistakes.is_empty(), "{} of {}:\n{}", mistakes.len(), cases.len(), mistakes.join("\n"));
}

/// Code of the application that becomes the session's own role, and then runs a program of the server.
fn attack(cluster: &Cluster, witness: &std::path::Path) {
    let path = witness.display();
    cluster.sql(
        "shop",
        &format!(
            "grant create on schema shop to app; set role own; \
             create function shop.strike() returns int volatile language sql as 'select 1'; \
             create function shop.imm(int) returns int immutable language sql as 'select shop.strike()'; \
             create function shop.sta(int) returns int stable language plpgsql as 'begin return shop.strike(); end'; \
             create function shop.yes(int) returns bool immutable language sql as 'select shop.strike() > 0'; \
             create domain shop.dom as int check (shop.yes(value)); \
             create type shop.pair as (a shop.dom, b int); \
             create type shop.tone as enum ('a', 'b'); \
             create function shop.tone_int(shop.tone) returns int immutable language sql as 'select shop.strike()'; \
             create cast (shop.tone as int) with function shop.tone_int(shop.tone) as implicit; \
             create function shop.plus(text, int) returns int immutable language sql as 'select shop.strike()'; \
             create operator shop.### (leftarg = text, rightarg = int, function = shop.plus); \
             create view shop.v_strike as select id from shop.orders where shop.imm(1) > 0; \
             create view shop.v_over as select * from shop.v_strike; \
             create table shop.t_default (id int default shop.imm(1), v int); \
             create table shop.t_check (id int, check (shop.yes(1) or id > 0)); \
             create table shop.t_index (id int); create index on shop.t_index (id) where shop.imm(1) > 0; \
             create table shop.t_domain (id shop.dom, ids shop.dom[]); \
             create table shop.t_tone (id int, t shop.tone default 'a'); \
             create table shop.t_policy (id int); alter table shop.t_policy enable row level security; \
             create policy p on shop.t_policy using (shop.imm(1) > 0); \
             create table shop.t_parent (id int); create table shop.t_child (check (shop.yes(1) or id > 0)) inherits (shop.t_parent); \
             create table shop.t_rule (id int); create rule r as on insert to shop.t_rule do instead select shop.imm(1); \
             create statistics shop.st on (shop.imm(id)), id from shop.t_index; \
             reset role; grant all on all tables in schema shop to app; \
             create or replace function shop.strike() returns int volatile language plpgsql as $f$ begin \
               reset role; execute $c$ copy (select 1) to program 'touch {path}' $c$; return 1; end $f$;"
        ),
    );
}

const STRIKES: &[&str] = &[
    "select shop.imm(1)",
    "select imm(1)",
    "select shop.\"imm\"(1)",
    "select U&\"shop\".U&\"\\0069mm\"(1)",
    "select id from shop.orders where id = shop.sta(1)",
    "select '{1}'::shop.dom[]",
    "select '(1,2)'::shop.pair",
    "select 1::shop.dom",
    "select array_in('{1}', 'shop.dom'::regtype, -1) is null",
    "select 1 from shop.orders where note = domain_in('1', 'shop.dom'::regtype, -1)::text",
    "select 1 from shop.orders where note = table_to_xml('shop.v_strike', true, true, '')::text",
    "select 'a' operator(shop.###) 1",
    "select 'a'::shop.tone + 1",
    "select id from shop.v_strike",
    "select id from shop.v_over",
    "insert into shop.t_default (v) values ($1)",
    "select id from shop.t_check where id > $1",
    "insert into shop.t_check values ($1)",
    "select id from shop.t_index where id = $1",
    "insert into shop.t_domain values ($1, $2)",
    "select * from shop.t_domain where ids = '{1}'",
    "select t + 1 from shop.t_tone",
    "select id from shop.t_policy",
    "select id from shop.t_parent union all select id from shop.t_parent",
    "insert into shop.t_rule values ($1)",
    "declare c cursor for select shop.imm(1)",
    "copy (select shop.imm(1)) to stdout",
    "explain select shop.imm(1)",
    "create temp table x as select shop.imm(1)",
    "call shop.imm(shop.imm(1))",
    "select 1; select shop.imm(1)",
];

#[tokio::test(flavor = "multi_thread")]
async fn code_of_the_application_does_not_run_as_somebody_else() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("a mode");
    let witness = folder.path().join("struck");
    attack(&cluster, &witness);
    let mut statements: Vec<Statement> = STRIKES.iter().map(|query| statement("app", query)).collect();
    for one in &mut statements {
        one.search_path = "shop".to_owned();
    }
    cluster.sql("shop", "alter database shop set search_path = shop");
    statements.push(statement("app", "select total from shop.orders where id = $1"));
    statements.push(statement("reader", "select total from shop.orders"));
    let tables = [("shop", "orders")];
    let admin = session(&cluster, "shop", "admin", "admin-secret").await;
    let report = tried(admin, &tables, statements.clone(), false).await;
    assert!(!witness.exists(), "a program ran on the server");
    for query in STRIKES {
        let found = of(&report, "app", query);
        assert_ne!(found.class, Class::Permitted, "{query}");
    }
    assert_eq!(of(&report, "app", "select total from shop.orders where id = $1").class, Class::Permitted);
    assert_eq!(of(&report, "reader", "select total from shop.orders").class, Class::Denied);
    assert!(
        report.functions.iter().any(|function| function == "imm(integer)" || function == "shop.imm(integer)")
    );
    // As a role without much power the same code may run, and is refused what it wants.
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    tried(auditor, &tables, statements.clone(), true).await;
    assert!(!witness.exists(), "a program ran on the server");
    // The attack is one: allowed, it strikes.
    let admin = session(&cluster, "shop", "admin", "admin-secret").await;
    tried(admin, &tables, statements, true).await;
    assert!(witness.exists(), "the attack does nothing, so it proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_stay_one_statement() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let hostile = [
        "select 1; drop table shop.orders",
        "select 1; commit; drop table shop.orders",
        "select 1 /* ; */ -- ; drop table shop.orders",
        "select $$ ; drop table shop.orders $$",
        "\\! touch /tmp/x",
        "select 1 \\gexec",
        "; ;",
        "-- nothing",
        "",
        "commit",
        "commit; drop table shop.orders",
        "rollback to savepoint gonogo",
        "select 'unfinished",
        "explain analyze delete from shop.orders",
        "prepare gonogo as delete from shop.orders",
        "select 1) ; drop table shop.orders; --",
        "select \u{0}",
        "with x as (delete from shop.items returning 1) select * from x",
        "copy shop.items from stdin; drop table shop.orders",
        "deallocate all",
    ];
    let before = checksum(&cluster);
    let mut statements: Vec<Statement> = hostile.iter().map(|query| statement("app", query)).collect();
    statements.push(statement("app", "select total from shop.orders"));
    statements.push(statement("gone", "select 1"));
    statements.push(statement("own", "select 1"));
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    let report = tried(auditor, &[("shop", "orders")], statements.clone(), false).await;
    assert_eq!(report.statements.len(), statements.len(), "none is dropped");
    assert_eq!(checksum(&cluster), before);
    assert_eq!(of(&report, "app", "select total from shop.orders").class, Class::Permitted);
    let gone = of(&report, "gone", "select 1");
    assert_eq!((gone.class, gone.sqlstate.as_deref()), (Class::Broken, Some("28000")));
    let own = of(&report, "own", "select 1");
    assert_eq!(own.class, Class::NotProvable);
    assert!(own.reason.as_deref().is_some_and(|reason| reason.contains("--login own=URL")), "{own:?}");
    let again = session(&cluster, "shop", "admin", "admin-secret").await;
    tried(again, &[("shop", "orders")], statements, true).await;
    assert_eq!(checksum(&cluster), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_lost_servers_are_told() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let mut admin = session(&cluster, "shop", "admin", "admin-secret").await;
    admin.batch("begin; lock table shop.orders in access exclusive mode").await.expect("a lock");
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    let statements =
        vec![statement("app", "select id from shop.orders"), statement("app", "select id from shop.items")];
    let report = tried(auditor, &[("shop", "orders"), ("shop", "items")], statements, false).await;
    let locked = of(&report, "app", "select id from shop.orders");
    assert_eq!((locked.class, locked.sqlstate.as_deref()), (Class::NotProvable, Some("55P03")));
    assert_eq!(of(&report, "app", "select id from shop.items").class, Class::Permitted);
    // The server goes away in the middle: no report at all.
    let auditor = session(&cluster, "shop", "auditor", "auditor-secret").await;
    let snapshot = recorded(&[("shop", "orders")], vec![statement("app", "select id from shop.orders")]);
    let request =
        Request { snapshot: &snapshot, split: None, role: None, allow_functions: false, limit: LIMIT };
    let mut sessions = Sessions { main: auditor, own: BTreeMap::new() };
    let (outcome, ()) = tokio::join!(replay(&mut sessions, &request, |_| ()), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        cluster.sql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'auditor'",
        );
    });
    assert!(outcome.is_err(), "{outcome:?}");
}
