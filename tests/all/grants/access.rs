//! `pg_hba.conf` of both sides: who got in by which line, and who no longer does.

use serde_json::Value;

use super::{take, url};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::Program;

/// The lines when the snapshot before is taken.
const BEFORE: &[&str] = &[
    "host shop app 127.0.0.1/32 scram-sha-256",
    "host shop +readers 127.0.0.1/32 scram-sha-256",
    "host all plain 127.0.0.1/32 scram-sha-256",
];

const SQL: &[&str] = &[
    "create role readers",
    "create role app login password 'app-secret'",
    "create role rep login password 'rep-secret' in role readers",
    "create role plain login password 'plain-secret'",
    "create database shop",
];

/// Lines that replace those of before, the role a finding is about, its class, severity and SQLSTATE.
type Case =
    (&'static [&'static str], Option<(&'static str, &'static str, &'static str, Option<&'static str>)>);

const CASES: &[Case] = &[
    (
        &["host orders app 127.0.0.1/32 scram-sha-256", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        None,
    ),
    // A later line for the same clients decides nothing, and the words that mean all mean this database too.
    (
        &[
            "host all app 127.0.0.1/32 scram-sha-256",
            "host orders app 127.0.0.1/32 trust",
            "host orders +readers 127.0.0.1/32 scram-sha-256",
        ],
        None,
    ),
    // The line still has the old database's name.
    (
        &["host shop app 127.0.0.1/32 scram-sha-256", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "missing", "blocker", Some("28000"))),
    ),
    // The line of a group is gone, and with it its members' way.
    (&["host orders app 127.0.0.1/32 scram-sha-256"], Some(("rep", "missing", "blocker", Some("28000")))),
    // A line before it refuses.
    (
        &["host orders app 127.0.0.1/32 reject", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "missing", "blocker", Some("28000"))),
    ),
    (
        &["host orders app 127.0.0.1/32 md5", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "changed", "major", Some("28P01"))),
    ),
    (
        &["host orders app 127.0.0.1/32 ident", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "changed", "major", Some("28000"))),
    ),
    // From other addresses than before.
    (
        &["host orders app 10.0.0.0/8 scram-sha-256", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "changed", "major", Some("28000"))),
    ),
    // One way more.
    (
        &[
            "host orders app 127.0.0.1/32 scram-sha-256",
            "host orders app 10.0.0.0/8 scram-sha-256",
            "host orders +readers 127.0.0.1/32 scram-sha-256",
        ],
        Some(("app", "changed", "info", None)),
    ),
    // Anybody may say that he is the application.
    (
        &["host orders app 127.0.0.1/32 trust", "host orders +readers 127.0.0.1/32 scram-sha-256"],
        Some(("app", "changed", "blocker", None)),
    ),
];

fn lines(cluster: &Cluster, lines: &[&str]) {
    let all = [&["local all admin trust"], lines, BEFORE[2..].as_ref()].concat();
    std::fs::write(cluster.socket_folder().join("data/pg_hba.conf"), all.join("\n") + "\n")
        .expect("pg_hba.conf");
}

fn findings(program: &Program) -> Vec<Value> {
    let ended = program.run(&["grants", "diff", "before.json", "snapshot.json", "--format", "json"]);
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
    report["findings"].as_array().expect("findings").clone()
}

#[test]
fn a_way_in_that_is_lost_or_changed_is_one_finding() {
    let Some(cluster) = Cluster::start(&Setup { hba: BEFORE, sql: SQL, ..Setup::default() }) else { return };
    cluster.sql(
        "shop",
        "create table t (i int); grant select on t to app, readers; grant usage on schema public to app, readers",
    );
    cluster.sql("postgres", "create database orders template shop");
    let program = Program::empty();
    take(&program, &url(&cluster, "admin", "shop"), &[]).code(0);
    std::fs::rename(program.path("snapshot.json"), program.path("before.json")).expect("a name");
    for (after, wanted) in CASES {
        lines(&cluster, after);
        take(&program, &url(&cluster, "admin", "orders"), &[]).code(0);
        let found: Vec<_> = findings(&program)
            .iter()
            .map(|finding| {
                assert_eq!(finding["id"], "hba_changed", "{after:?}: {finding:#}");
                let word = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
                let state = finding["app_error"]["sqlstate"].as_str().map(ToOwned::to_owned);
                (word("grantee"), word("class"), word("severity"), state)
            })
            .collect();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|&(role, class, severity, state)| {
                (role.to_owned(), class.to_owned(), severity.to_owned(), state.map(ToOwned::to_owned))
            })
            .collect();
        assert_eq!(found, wanted, "{after:?}");
    }
    // A line that the server itself cannot read, and a reader who may not read any: never equal.
    let unread = |program: &Program| {
        let found = findings(program);
        let is_hba =
            |finding: &Value| finding["message"].as_str().is_some_and(|text| text.contains("pg_hba.conf"));
        assert!(
            found.iter().any(|finding| finding["class"] == "unreadable" && is_hba(finding)),
            "{found:#?}"
        );
    };
    lines(&cluster, &["host orders app 127.0.0.1/32 nonsense"]);
    take(&program, &url(&cluster, "admin", "orders"), &[]).code(0);
    unread(&program);
    lines(&cluster, CASES[0].0);
    take(&program, &url(&cluster, "plain:plain-secret", "orders"), &[]).code(0);
    unread(&program);
}
