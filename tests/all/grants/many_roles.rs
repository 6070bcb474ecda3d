//! Twenty thousand roles: everything is read, compared, repaired and shown in a time that somebody waits for.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{take, url};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program};

/// Two hundred departments, two thousand teams, the rest people in one team or two; tables for teams, columns for people.
const ROLES: &str = "do $$ begin
    for i in 1..200 loop execute format('create role dept_%s', i); end loop;
    for i in 1..2000 loop execute format('create role team_%s in role dept_%s', i, i % 200 + 1); end loop;
    for i in 1..17800 loop
      execute format('create role person_%s login in role team_%s, team_%s', i, i % 2000 + 1, (i * 7 + 1) % 2000 + 1);
    end loop;
  end $$";
const TABLES: &str = "do $$ begin
    for i in 1..100 loop
      execute format('create table t_%s (id int, a text)', i);
      for j in 1..10 loop
        execute format('grant select, insert on t_%s to team_%s', i, (i * 10 + j) % 2000 + 1);
        execute format('grant select (a) on t_%s to person_%s', i, (i * 13 + j) % 17800 + 1);
      end loop;
      execute format('grant update on t_%s to dept_%s', i, i % 200 + 1);
    end loop;
  end $$";

/// Many times what it takes without optimization on a busy machine, and far less than anything quadratic takes.
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn twenty_thousand_roles_are_no_trouble() {
    let hba = &["host all +dept_1 10.0.0.0/8 scram-sha-256", "host all +dept_2 10.0.0.0/8 scram-sha-256"];
    let Some(cluster) = Cluster::start(&Setup { hba, ..Setup::default() }) else { return };
    cluster.sql("postgres", "create database shop");
    cluster.sql("shop", "set client_min_messages = error; set synchronous_commit = off; set role none");
    cluster.sql("shop", ROLES);
    cluster.sql("shop", TABLES);
    let program = Program::empty();
    let timed = |what: &str, run: &dyn Fn() -> Ended| {
        let began = Instant::now();
        let ended = run();
        let took = began.elapsed();
        eprintln!("{what}: {took:?}");
        assert!(took < LIMIT, "{what}: {took:?}");
        ended
    };
    timed("snapshot", &|| take(&program, &url(&cluster, "admin", "shop"), &[])).code(0);
    std::fs::rename(program.path("snapshot.json"), program.path("before.json")).expect("a name");
    cluster.sql("postgres", "create database copy template shop");
    cluster.sql("copy", "revoke all on t_1 from team_12; revoke team_1 from person_2000");
    take(&program, &url(&cluster, "admin", "copy"), &[]).code(0);

    let same = timed("diff of the same", &|| program.run(&["grants", "diff", "before.json", "before.json"]));
    assert!(same.code(0).stdout.contains("20"), "{}", same.stdout);
    let diff = ["grants", "diff", "before.json", "snapshot.json", "--format", "json"];
    let report: Value =
        serde_json::from_str(&timed("diff", &|| program.run(&diff)).code(1).stdout).expect("JSON");
    let subjects: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|one| one["subject"].as_str())
        .collect();
    for lost in ["table:public.t_1", "membership:team_1.person_2000"] {
        assert!(subjects.contains(&lost), "{lost}: {subjects:?}");
    }
    let fix = ["grants", "fix", "before.json", "snapshot.json"];
    let fix = timed("fix", &|| program.run(&fix));
    assert!(fix.code(0).stdout.contains("TO \"team_12\""), "{}", fix.stdout);

    // Pages for people have an end, and say what is not on them; who is asked for is there.
    for format in ["text", "html"] {
        let page =
            timed(format, &|| program.run(&["grants", "effective", "before.json", "--format", format]));
        assert!(page.code(0).stdout.len() < 20_000_000, "{format}: {} bytes", page.stdout.len());
        assert!(page.stdout.contains("team_12"), "what is granted to comes first");
        assert!(
            page.stderr.contains("roles are shown") && page.stderr.contains("--role NAME"),
            "{}",
            page.stderr
        );
    }
    let json = timed("json", &|| program.run(&["grants", "effective", "before.json", "--format", "json"]));
    let page: Value = serde_json::from_str(&json.code(0).stdout).expect("JSON");
    let is_told = json.stderr.contains("roles are shown");
    assert_eq!(page["roles_left_out"].as_u64().expect("a number") > 0, is_told, "{}", json.stderr);
    let one = ["grants", "effective", "before.json", "--role", "person_11"];
    let one = timed("one role", &|| program.run(&one));
    assert!(one.code(0).stdout.contains("through team_12 (granted)"), "{}", one.stdout);
    assert!(!one.stderr.contains("roles are shown"), "{}", one.stderr);
}
