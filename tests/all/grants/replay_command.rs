//! `gonogo grants replay` as a command: who logs in, where it may look, what it prints and how it ends.

use gonogo::grants::snapshot::{Workload, write};
use serde_json::Value;

use super::replay::{corpus_cluster, statement};
use super::{snapshot_of, url};
use crate::support::postgres::Cluster;
use crate::support::program::{Ended, Program};

const MAP: &str = "split:
  format: gonogo.splitmap/1
  source: shop
  targets:
    orders_db:
      database: copy
      objects: [{ schema: shop }]
      role_rename: { reader: auditor }
    rest_db: { database: shop, objects: [rest] }
";

/// Statements of `app` and `reader`, one of them refused.
fn recorded(cluster: &Cluster) -> Program {
    let program = Program::empty();
    let mut snapshot = snapshot_of(cluster, "shop");
    let statements = vec![
        statement("app", "select total from shop.orders where id = $1"),
        statement("app", "select shop.fee(total) from shop.orders"),
        statement("app", "insert into shop.uses_no (v) values ($1)"),
        statement("reader", "select name from shop.v_orders"),
        statement("app", "select v from secret.keys"),
    ];
    snapshot.workload = Some(Workload { since: None, evictions: Some(0), statements, hidden: 0 });
    let text = String::from_utf8(write(&snapshot)).expect("text");
    program.write("before.json", &text);
    snapshot.facts.server.database = "copy".to_owned();
    program.write("copy.json", &String::from_utf8(write(&snapshot)).expect("text"));
    program.write("map.yaml", MAP);
    program
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr))
}

#[test]
fn replay_ends_as_it_says_and_looks_only_where_it_is_told() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let program = recorded(&cluster);
    let auditor = url(&cluster, "auditor:auditor-secret", "shop");
    let copy = url(&cluster, "auditor:auditor-secret", "copy");
    let replay =
        |url: &str, more: &[&str]| program.run(&[&["grants", "replay", "before.json", url], more].concat());

    // Everything: something is refused.
    let all = replay(&auditor, &["--format", "json"]);
    all.code(1);
    let report = json(&all);
    assert_eq!(report["schema"], "gonogo.replay/1");
    assert_eq!(report["counts"]["statements"], 5);
    assert_eq!(report["counts"]["denied"], 2, "{report:#}");
    let first = &report["statements"][0];
    assert_eq!((&first["class"], &first["sqlstate"]), (&"denied".into(), &"42501".into()), "the worst first");
    let fields: Vec<&String> = report.as_object().expect("an object").keys().collect();
    for field in ["schema", "counts", "stats", "statements", "used", "functions"] {
        assert!(fields.iter().any(|name| *name == field), "{field}: {fields:?}");
    }
    let text = replay(&auditor, &[]);
    assert!(text.code(1).stdout.contains("NO-GO"), "{}", text.stdout);

    // One role: nothing is.
    let one = replay(&auditor, &["--role", "reader", "--format", "json"]);
    assert_eq!(json(one.code(0))["counts"]["statements"], 1);
    let unknown = replay(&auditor, &["--role", "raeder"]);
    assert!(unknown.code(2).stderr.contains("did you mean `reader`?"), "{}", unknown.stderr);

    // Who may not act as a role, and the role's own login.
    let nobody = url(&cluster, "nobody:nobody-secret", "shop");
    let refused = replay(&nobody, &["--role", "reader"]);
    assert!(refused.code(1).stdout.contains("--login reader=URL"), "{}", refused.stdout);
    let own = format!("reader={}", url(&cluster, "reader:reader-secret", "shop"));
    replay(&nobody, &["--role", "reader", "--login", &own]).code(0);
    let wrong = format!("reader={}", url(&cluster, "reader:wrong-secret", "shop"));
    let wrong = replay(&nobody, &["--role", "reader", "--login", &wrong]);
    assert!(wrong.code(1).stdout.contains("password authentication failed"), "{}", wrong.stdout);
    let astray = format!("reader={}", url(&cluster, "reader:reader-secret", "copy"));
    let astray = replay(&nobody, &["--role", "reader", "--login", &astray]);
    assert!(astray.code(2).stderr.contains("every --login"), "{}", astray.stderr);

    // Another database than the one that is meant.
    replay(&copy, &["--role", "reader", "--after", "copy.json"]).code(0);
    let other = replay(&auditor, &["--role", "reader", "--after", "copy.json"]);
    assert!(other.code(2).stderr.contains("leads to database"), "{}", other.stderr);
    assert_eq!(other.stdout, "", "nothing was tried");

    // A split.
    let many = replay(&copy, &["--map", "map.yaml"]);
    assert!(many.code(2).stderr.contains("orders_db, rest_db"), "{}", many.stderr);
    let split = ["--map", "map.yaml", "--target", "orders_db", "--format", "json"];
    let missed = replay(&auditor, &split);
    assert!(missed.code(2).stderr.contains("the map's target is"), "{}", missed.stderr);
    let report = json(replay(&copy, &split).code(1));
    let of = |query: &str| {
        let statements = report["statements"].as_array().expect("statements");
        statements.iter().find(|tried| tried["query"] == query).unwrap_or_else(|| panic!("{report:#}"))
    };
    assert_eq!(of("select v from secret.keys")["class"], "elsewhere");
    assert_eq!(of("select name from shop.v_orders")["role"], "auditor", "its new name");
    assert_eq!(of("select total from shop.orders where id = $1")["class"], "permitted");

    for ended in [&all, &text, &refused, &wrong, &astray, &other] {
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("-secret"), "{}", ended.stderr);
    }
}

#[test]
fn what_runs_while_planning_is_told_before_it_runs() {
    let Some(cluster) = corpus_cluster(None) else { return };
    let program = recorded(&cluster);
    // The function says when it runs, and then the session ends: what is told by then was told before.
    cluster.sql(
        "shop",
        "create or replace function shop.fee(numeric) returns numeric immutable language plpgsql \
           as $$ begin raise exception using errcode = '57P01'; end $$",
    );
    cluster.sql("shop", "alter database shop set search_path = shop");
    let mut snapshot = snapshot_of(&cluster, "shop");
    let statements = vec![statement("app", "select shop.fee(1.5) from shop.orders")];
    snapshot.workload = Some(Workload { since: None, evictions: Some(0), statements, hidden: 0 });
    program.write("before.json", &String::from_utf8(write(&snapshot)).expect("text"));
    let replay = |login: &str, more: &[&str]| {
        let url = url(&cluster, login, "shop");
        program.run(&[&["grants", "replay", "before.json", &url], more].concat())
    };
    let ran = replay("auditor:auditor-secret", &[]);
    assert!(ran.code(1).stderr.contains("help: nothing was judged"), "it ran: {}", ran.stderr);
    assert!(ran.stderr.contains("may run while statements are planned:\n  - "), "{}", ran.stderr);
    assert!(ran.stderr.contains("fee(numeric)"), "{}", ran.stderr);
    // In a session with much power it does not run unless that is allowed.
    let kept = replay("admin", &["--format", "json"]);
    assert_eq!(json(kept.code(1))["counts"]["not_provable"], 1);
    assert!(
        kept.stderr.contains("kept from running (--allow-functions lets them):\n  - "),
        "{}",
        kept.stderr
    );
    let allowed = replay("admin", &["--allow-functions"]);
    assert!(allowed.code(1).stderr.contains("help: nothing was judged"), "it ran: {}", allowed.stderr);
}
