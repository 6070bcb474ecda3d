//! `gonogo doctor`: what a run will need, proven beforehand on real vantages and a real database.

use serde_json::Value;

use crate::support::postgres::{Cluster, Setup};
use crate::support::program::Program;

/// A vantage that works, one that does not; a secret that is there, one that is not; logins with either.
fn plan(cluster: &Cluster) -> String {
    format!(
        "gonogo: 1
vantages:
  app1-a: {{ exec: {{ prefix: [env] }} }}
  app1-b: {{ exec: {{ prefix: [/nonexistent/ssh, app1-b] }} }}
databases:
  orders:
    postgres:
      url: 'postgres://127.0.0.1:{port}/postgres?sslmode=disable'
      users:
        app1: {{ name: app1, password: {{ env: ORDERS_PASSWORD }} }}
        report: {{ name: report, password: {{ env: REPORT_PASSWORD }} }}
apps: {{ app1: {{ runs_on: [app1-a] }} }}
checks:
  - id: orders
    from: app1
    postgres: {{ database: orders, user: app1, query: 'select 1/0' }}
  - id: api
    http: {{ url: 'http://127.0.0.1:9/', headers: {{ X-Key: {{ file: key }} }}, method: POST, json: {{ env: production }} }}
",
        port = cluster.port
    )
}

fn rows(shown: &str) -> Vec<(String, String, String, String)> {
    let value: Value = serde_json::from_str(shown).expect("JSON");
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = value["rows"].as_array().expect("rows").iter();
    rows.map(|row| (text(row, "kind"), text(row, "name"), text(row, "state"), text(row, "told"))).collect()
}

#[test]
fn everything_a_run_needs_is_proven_and_what_is_missing_is_named() {
    let sql =
        ["create role app1 login password 'canary-one'", "create role report login password 'canary-two'"];
    let Some(cluster) = Cluster::start(&Setup { sql: &sql, ..Setup::default() }) else { return };
    let program = Program::with_plan(&plan(&cluster)).env("ORDERS_PASSWORD", "canary-one");
    program.write("key", "canary-key\n");

    let ended = program.run(&["doctor"]);
    ended.code(1);
    let shown = program.run(&["doctor", "--format", "json"]);
    shown.code(1);
    let rows = rows(&shown.stdout);
    let row = |kind: &str, name: &str| {
        let found = rows.iter().find(|row| row.0 == kind && row.1.starts_with(name));
        let (_, _, state, told) = found.unwrap_or_else(|| panic!("{kind} {name} in {rows:#?}"));
        (state.as_str(), told.as_str())
    };
    assert_eq!(row("vantage", "app1-a").0, "ready");
    let (state, told) = row("vantage", "app1-b");
    assert_eq!(state, "fault");
    assert!(told.contains("/nonexistent/ssh"), "{told}");
    assert_eq!(row("secret", "env ORDERS_PASSWORD"), ("ready", "found"));
    assert_eq!(row("secret", "env REPORT_PASSWORD").0, "fault");
    assert_eq!(row("secret", "file ").0, "ready");
    // `json: { env: production }` is a body, not a secret.
    assert_eq!(rows.iter().filter(|row| row.0 == "secret").count(), 3, "{rows:#?}");
    let (state, told) = row("login", "orders as app1");
    assert_eq!(state, "ready");
    assert!(told.starts_with("postgres as app1, PostgreSQL"), "{told}");
    assert_eq!(row("login", "orders as report").0, "fault");
    // From where the check looks too, and without its statement, which would fail.
    let from_app1 = rows.iter().find(|row| row.0 == "login" && row.1.ends_with("from app1-a"));
    assert_eq!(from_app1.expect("a row").2, "ready");
    assert_eq!(row("journal", ".gonogo").0, "ready");
    assert_eq!(row("baseline", ".gonogo").0, "caution");

    assert!(ended.stdout.starts_with("doctor: 8 of 11 ready\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("FAULT    vantage   app1-b"), "{}", ended.stdout);
    for text in [&ended.stdout, &ended.stderr, &shown.stdout, &shown.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }
    // It only asks: nothing is left behind.
    assert!(!program.path(".gonogo").exists());
    assert!(!program.path("gonogo-out").exists());
}

#[test]
fn nothing_but_what_is_ready_is_zero() {
    let program = Program::with_plan(
        "gonogo: 1\nvantages: { app1: { exec: { prefix: [env] } } }\nchecks:\n  - { id: shell, from: app1, command: { argv: ['true'] } }\n",
    );
    program.run(&["doctor"]).code(0);
    program.run(&["baseline"]).code(0);
    let ended = program.run(&["doctor"]);
    ended.code(0);
    assert!(ended.stdout.contains("doctor: 4 of 4 ready"), "{}", ended.stdout);
    assert!(ended.stdout.contains("recorded 20"), "{}", ended.stdout);
    // A folder under a file can never be made.
    program.run(&["doctor", "--out", "gonogo.yaml/out"]).code(1);
}
