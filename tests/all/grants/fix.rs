//! Copies that lost something are repaired, by the program and by psql, and what was done can be taken back.

use gonogo::grants::snapshot::{digest, read};

use super::{cluster, fill, url};
use crate::support::postgres::Cluster;
use crate::support::program::Program;

const COPIES: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("without_privileges", &["--no-privileges"]),
    ("without_owners", &["--no-owner"]),
    ("bare", &["--no-owner", "--no-privileges"]),
];

fn take(program: &Program, cluster: &Cluster, database: &str, file: &str) {
    program.run(&["grants", "snapshot", &url(cluster, "admin", database), "-o", file]).code(0);
}

fn copy(cluster: &Cluster, database: &str, options: &[&str]) {
    cluster.sql("postgres", &format!("create database {database}"));
    cluster.restore(database, &cluster.dump("source", options));
}

fn digest_of(program: &Program, file: &str) -> String {
    digest(&read(program.read(file).as_bytes()).expect("a snapshot"))
}

#[test]
fn copies_are_repaired_until_nothing_differs() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    let program = Program::empty();
    take(&program, &cluster, "source", "before.json");
    for (database, options) in COPIES {
        copy(&cluster, database, options);
        take(&program, &cluster, database, "after.json");
        program.run(&["grants", "diff", "before.json", "after.json"]).code(1);
        let apply = [
            "grants",
            "fix",
            "before.json",
            "after.json",
            "--yes",
            "--apply",
            &url(&cluster, "admin", database),
        ];
        let fixed = program.run(&apply);
        fixed.code(0);
        assert!(fixed.stdout.contains("GO: "), "{database}: {}", fixed.stdout);
        // What the program says of its own work is looked at once more, from new files.
        take(&program, &cluster, database, "again.json");
        program.run(&["grants", "diff", "before.json", "again.json"]).code(0);
        let stale = program.run(&apply);
        stale.code(2);
        assert!(stale.stderr.contains("has changed since AFTER was taken"), "{}", stale.stderr);
    }
}

#[test]
fn psql_repairs_the_same_and_takes_it_back() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    copy(&cluster, "bare", &["--no-owner", "--no-privileges"]);
    let program = Program::empty();
    take(&program, &cluster, "source", "before.json");
    take(&program, &cluster, "bare", "after.json");
    program.run(&["grants", "fix", "before.json", "after.json", "-o", "repair.sql"]).code(0);
    program.run(&["grants", "fix", "before.json", "after.json", "--undo", "-o", "undo.sql"]).code(0);
    cluster.restore("bare", &program.read("repair.sql"));
    take(&program, &cluster, "bare", "repaired.json");
    program.run(&["grants", "diff", "before.json", "repaired.json"]).code(0);
    cluster.restore("bare", &program.read("undo.sql"));
    take(&program, &cluster, "bare", "undone.json");
    let undone = program.run(&["grants", "diff", "after.json", "undone.json", "--format", "json"]);
    let undone: serde_json::Value = serde_json::from_str(&undone.stdout).expect("JSON");
    let open: Vec<&str> = undone["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["severity"] != "info")
        .filter_map(|finding| finding["message"].as_str())
        .collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn another_database_is_left_alone() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    copy(&cluster, "plain", &[]);
    fill(&cluster, "other");
    let program = Program::empty();
    take(&program, &cluster, "source", "before.json");
    take(&program, &cluster, "plain", "after.json");
    take(&program, &cluster, "other", "other.json");
    let here = url(&cluster, "admin", "other");
    let refused = program.run(&["grants", "fix", "before.json", "after.json", "--yes", "--apply", &here]);
    refused.code(2);
    assert!(refused.stderr.contains("this is the database \"other\""), "{}", refused.stderr);
    let nobody = program.run(&[
        "grants",
        "fix",
        "before.json",
        "after.json",
        "--apply",
        &url(&cluster, "admin", "plain"),
    ]);
    assert!(nobody.code(2).stderr.contains("nobody can be asked"));
    take(&program, &cluster, "other", "still.json");
    assert_eq!(digest_of(&program, "other.json"), digest_of(&program, "still.json"));
    take(&program, &cluster, "plain", "unchanged.json");
    assert_eq!(digest_of(&program, "after.json"), digest_of(&program, "unchanged.json"));
}

#[test]
fn a_grant_that_only_warns_changes_nothing() {
    let Some(cluster) = cluster() else { return };
    let program = Program::empty();
    for database in ["was", "became"] {
        cluster.sql("postgres", &format!("create database {database}"));
        cluster.sql(database, "create table t (a int)");
    }
    cluster.sql("postgres", "create role limited login password 'limited-secret'; create role taker");
    for database in ["was", "became"] {
        cluster.sql(database, "grant select on t to limited");
    }
    cluster.sql("was", "grant insert on t to taker");
    let login = format!("postgres://limited:limited-secret@127.0.0.1:{}/became", cluster.port);
    take(&program, &cluster, "was", "before.json");
    program.run(&["grants", "snapshot", &login, "-o", "after.json"]).code(0);
    // To grant what one may not grant is an error to nobody but us: the server warns with 01007 and goes on.
    let refused = program.run(&["grants", "fix", "before.json", "after.json", "--yes", "--apply", &login]);
    assert!(refused.code(1).stderr.contains("did not do what it says: 01007"), "{}", refused.stderr);
    let granted = cluster
        .sql("became", "select count(*) from information_schema.role_table_grants where grantee = 'taker'");
    assert_eq!(granted.trim(), "0");
}
