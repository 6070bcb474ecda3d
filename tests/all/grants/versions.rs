//! The audit on every version of PostgreSQL that it is for, and between them. `tests/setup/servers` brings those that
//! the machine's own packages are not.

use gonogo::grants::finding::{Finding, Severity};
use gonogo::grants::snapshot::Snapshot;

use super::mutations::{each_is_found, findings, told};
use super::replay::is_as_executed;
use super::snapshot::{assert_same, exploded, gaps_are_told, items};
use super::{empty, fill, for_server, oracle, snapshot_of, take, url};
use crate::support::postgres::Cluster;
use crate::support::program::{Program, count};

/// Everything on one server: what is read is there, what is computed is what the server says, what is changed is found,
/// what was lost is repaired.
fn look_into(version: u32) {
    let Some(cluster) = empty(Some(version)) else { return };
    assert_eq!(cluster.version, version);
    cluster.sql("postgres", &for_server(&cluster));
    fill(&cluster, "source");
    is_read(&cluster);
    gaps_are_told(&cluster, "source");
    assert!(oracle::compare(&cluster, "source") > 3_000, "little was compared");
    let tried = each_is_found(&cluster, count(16, 1));
    eprintln!("PostgreSQL {version}: {tried} mutations");
    is_copied(&cluster);
    is_repaired(&cluster);
    if version >= 16 {
        memberships_are_repaired(&cluster);
        a_creator_of_roles_repairs_what_it_may(&cluster);
    }
    oracle::random(&cluster, count(2, 20));
}

/// What replay says of each statement is what really happens.
#[tokio::test(flavor = "multi_thread")]
async fn explained_is_as_executed_on_each() {
    for version in [13, 14, 16, 17, 18] {
        is_as_executed(Some(version)).await;
    }
}

#[test]
fn postgresql_13() {
    look_into(13);
}

#[test]
fn postgresql_14() {
    look_into(14);
}

#[test]
fn postgresql_16() {
    look_into(16);
}

#[test]
fn postgresql_17() {
    look_into(17);
}

#[test]
fn postgresql_18() {
    look_into(18);
}

fn is_read(cluster: &Cluster) {
    let program = Program::empty();
    let ended = take(&program, &url(cluster, "admin", "source"), &["--workload"]);
    let first = program.read("snapshot.json");
    assert!(!first.contains("canary") && !ended.code(0).stderr.contains("canary"), "a secret is told");
    take(&program, &url(cluster, "admin", "source"), &[]).code(0);
    assert_same(&first, &program.read("snapshot.json"));
    let snapshot = snapshot_of(cluster, "source");
    assert_eq!(snapshot.facts.server.major(), cluster.version);
    assert_eq!(snapshot.facts.coverage, []);
    assert_eq!(items(&snapshot.facts), exploded(cluster, "source"));
}

/// Its own dump, that makes the database too, loses nothing.
fn is_copied(cluster: &Cluster) {
    let before = snapshot_of(cluster, "source");
    let dump = cluster.dump("source", &["-C"]);
    cluster.sql("postgres", "alter database source rename to kept");
    let trouble = cluster.restore("postgres", &dump);
    let found: Vec<String> = findings(&before, &snapshot_of(cluster, "source")).iter().map(told).collect();
    assert!(found.is_empty(), "{trouble}{found:#?}");
    cluster.sql("postgres", "drop database kept");
}

/// A copy without owners and grants is repaired until nothing differs.
fn is_repaired(cluster: &Cluster) {
    let program = Program::empty();
    let here = |database| url(cluster, "admin", database);
    let take = |database, file| program.run(&["grants", "snapshot", &here(database), "-o", file]);
    cluster.sql("postgres", "create database bare");
    cluster.restore("bare", &cluster.dump("source", &["--no-owner", "--no-privileges"]));
    take("source", "before.json").code(0);
    take("bare", "after.json").code(0);
    program.run(&["grants", "diff", "before.json", "after.json"]).code(1);
    let apply = ["grants", "fix", "before.json", "after.json", "--yes", "--apply", &here("bare")];
    program.run(&apply).code(0);
    take("bare", "again.json").code(0);
    program.run(&["grants", "diff", "before.json", "again.json"]).code(0);
}

/// Each grantor's membership is brought back, those handed on too, and the way back is the same.
fn memberships_are_repaired(cluster: &Cluster) {
    let program = Program::empty();
    let here = url(cluster, "admin", "source");
    let take = |file| {
        program.run(&["grants", "snapshot", &here, "-o", file]).code(0);
    };
    let same = |before, after| {
        let differ = program.run(&["grants", "diff", before, after, "--format", "json"]);
        let differ: serde_json::Value = serde_json::from_str(&differ.stdout).expect("JSON");
        assert_eq!(differ["findings"], serde_json::json!([]));
    };
    take("before.json");
    cluster.sql(
        "source",
        "revoke grp_noinherit from etl cascade;
         grant grp_write to plain granted by grp_all;
         grant grp_all to app_shop with set false, inherit false;
         grant grp_read to auditor with admin true;
         grant grp_read to plain granted by auditor;
         grant grp_read to \"Größe\" granted by auditor",
    );
    take("after.json");
    program.run(&["grants", "fix", "before.json", "after.json", "--undo", "-o", "undo.sql"]).code(0);
    program.run(&["grants", "fix", "before.json", "after.json", "--yes", "--apply", &here]).code(0);
    take("repaired.json");
    same("before.json", "repaired.json");
    cluster.restore("source", &program.read("undo.sql"));
    take("undone.json");
    same("after.json", "undone.json");
    program.run(&["grants", "fix", "before.json", "undone.json", "--yes", "--apply", &here]).code(0);
}

/// From 16 on CREATEROLE makes members only where it has the ADMIN option; more is refused, and nothing is changed.
fn a_creator_of_roles_repairs_what_it_may(cluster: &Cluster) {
    let program = Program::empty();
    let here = url(cluster, "manager:manager-secret", "postgres");
    let take = |file| {
        program.run(&["grants", "snapshot", &here, "-o", file]).code(0);
    };
    let fix = || program.run(&["grants", "fix", "before.json", "after.json", "--yes", "--apply", &here]);
    let members = || {
        let sql = "select string_agg(roleid::regrole::text, ' ' order by 1) from pg_auth_members
                    where member = 'hand'::regrole";
        cluster.sql("postgres", sql)
    };
    cluster.sql(
        "postgres",
        "create role manager login createrole password 'manager-secret';
         create role team; create role other; create role hand;
         grant team to manager with admin true; grant team, other to hand",
    );
    take("before.json");
    cluster.sql("postgres", "revoke team from hand");
    take("after.json");
    fix().code(0);
    assert_eq!(members(), "other team");
    cluster.sql("postgres", "revoke team from hand granted by manager; revoke other from hand");
    take("after.json");
    let refused = fix();
    assert!(refused.code(1).stderr.contains("is refused: "), "{}", refused.stderr);
    assert_eq!(members(), "");
    cluster.sql("postgres", "revoke team from manager; drop role hand, team, other, manager");
}

/// As an upgrade by dump goes: the newer server's programs write down the older server, roles first.
fn upgraded(older: u32, newer: u32) {
    let (Some(old), Some(new)) = (empty(Some(older)), empty(Some(newer))) else { return };
    old.sql("postgres", &for_server(&old));
    fill(&old, "source");
    let before = snapshot_of(&old, "source");
    let roles = new.restore("postgres", &old.dump_with(&new, "pg_dumpall", &["--globals-only"]));
    let database = new.restore("postgres", &old.dump_with(&new, "pg_dump", &["-C", "source"]));
    let after = snapshot_of(&new, "source");
    no_finding(&before, &after, &format!("{older} to {newer}: {roles}{database}"));
}

/// An upgrade that left owners, grants and memberships behind is repaired on the newer server.
fn repaired_after_upgrade(older: u32, newer: u32) {
    let (Some(old), Some(new)) = (empty(Some(older)), empty(Some(newer))) else { return };
    old.sql("postgres", &for_server(&old));
    fill(&old, "source");
    let roles = old.dump_with(&new, "pg_dumpall", &["--globals-only"]);
    let members = |line: &&str| !line.starts_with("GRANT ");
    let roles: Vec<&str> = roles.lines().filter(members).collect();
    new.restore("postgres", &roles.join("\n"));
    new.sql("postgres", "create database source");
    new.restore("source", &old.dump_with(&new, "pg_dump", &["--no-owner", "--no-privileges", "source"]));
    let program = Program::empty();
    let take = |cluster: &Cluster, file| {
        program.run(&["grants", "snapshot", &url(cluster, "admin", "source"), "-o", file]).code(0);
    };
    take(&old, "before.json");
    take(&new, "after.json");
    let here = url(&new, "admin", "source");
    program.run(&["grants", "fix", "before.json", "after.json", "--yes", "--apply", &here]).code(0);
    no_finding(&snapshot_of(&old, "source"), &snapshot_of(&new, "source"), "after the repair");
}

#[test]
fn a_lossy_upgrade_from_13_to_18_is_repaired() {
    repaired_after_upgrade(13, 18);
}

#[test]
fn a_lossy_upgrade_from_15_to_16_is_repaired() {
    repaired_after_upgrade(15, 16);
}

#[test]
fn a_lossy_upgrade_from_16_to_17_is_repaired() {
    repaired_after_upgrade(16, 17);
}

#[track_caller]
fn no_finding(before: &Snapshot, after: &Snapshot, trouble: &str) {
    // Extensions come in the newer server's version: that is no permission, and not kept back either.
    let version = |finding: &Finding| finding.id == "extension_version" && finding.severity == Severity::Info;
    let found: Vec<Finding> = findings(before, after).into_iter().filter(|one| !version(one)).collect();
    assert!(found.is_empty(), "{trouble}\n{found:#?}");
}

/// A function that was granted is not waved through because its extension is newer and has it no more.
#[test]
fn what_an_extension_no_longer_has_counts_where_it_was_granted() {
    let (Some(old), Some(new)) = (empty(Some(17)), empty(Some(18))) else { return };
    for cluster in [&old, &new] {
        cluster.sql("postgres", "create role app_shop login");
        cluster.sql("postgres", "create database source");
    }
    old.sql("source", "create extension postgres_fdw; create extension pgcrypto");
    old.sql("source", "grant execute on function postgres_fdw_get_connections() to app_shop");
    let before = snapshot_of(&old, "source");
    new.restore("source", &old.dump_with(&new, "pg_dump", &["source"]));
    let found: Vec<String> = findings(&before, &snapshot_of(&new, "source")).iter().map(told).collect();
    assert_eq!(
        found,
        ["blocker extension_version extension:postgres_fdw", "info extension_version extension:pgcrypto"]
    );
}

#[test]
fn an_upgrade_from_13_to_15_is_no_finding() {
    upgraded(13, 15);
}

#[test]
fn an_upgrade_from_14_to_15_is_no_finding() {
    upgraded(14, 15);
}

#[test]
fn an_upgrade_from_15_to_16_is_no_finding() {
    upgraded(15, 16);
}

#[test]
fn an_upgrade_from_15_to_17_is_no_finding() {
    upgraded(15, 17);
}

#[test]
fn an_upgrade_from_15_to_18_is_no_finding() {
    upgraded(15, 18);
}

#[test]
fn an_upgrade_from_13_to_18_is_no_finding() {
    upgraded(13, 18);
}

#[test]
fn an_upgrade_from_16_to_17_is_no_finding() {
    upgraded(16, 17);
}

#[test]
fn an_upgrade_from_17_to_18_is_no_finding() {
    upgraded(17, 18);
}
