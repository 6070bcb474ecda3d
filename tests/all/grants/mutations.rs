//! One thing is changed, one finding tells it: `mutations.sql` on a real server, copies that lose something, and
//! controls that must find nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gonogo::grants::diff::{Context, diff, judge};
use gonogo::grants::finding::{Finding, Severity};
use gonogo::grants::snapshot::Snapshot;
use jiff::civil::date;

use super::{cluster, fill, since, snapshot_of};
use crate::support::postgres::Cluster;

const MUTATIONS: &str = include_str!("mutations.sql");

struct Mutation {
    /// Severity, rule and subject.
    expected: String,
    sql: String,
    undo: Option<String>,
}

/// Those that this version knows.
fn mutations(version: u32) -> Vec<Mutation> {
    let blocks = since(MUTATIONS, version);
    let blocks = blocks.split("\n\n").skip(1).filter_map(|block| block.trim().split_once('\n'));
    blocks
        .filter_map(|(head, body)| {
            let (sql, undo) = match body.split_once("-- undo") {
                Some((sql, undo)) => (sql, Some(undo.to_owned())),
                None => (body, None),
            };
            Some(Mutation { expected: head.strip_prefix("-- ")?.to_owned(), sql: sql.to_owned(), undo })
        })
        .collect()
}

pub(super) fn findings(before: &Snapshot, after: &Snapshot) -> Vec<Finding> {
    let changes = diff(&before.facts, &before.values, &after.facts, &after.values);
    judge(
        &changes,
        &Context {
            expected: &before.facts,
            actual: &after.facts,
            workload: None,
            renamed: &BTreeMap::new(),
            exceptions: &[],
            taken_at: &after.taken_at,
            today: date(2026, 11, 23),
        },
    )
}

pub(super) fn told(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Blocker => "blocker",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Info => "info",
    };
    format!("{severity} {} {}", finding.id, finding.subject)
}

fn template(cluster: &Cluster, name: &str, from: &str) {
    cluster.sql("postgres", &format!("create database {name} template {from}"));
}

#[test]
fn each_mutation_is_found_and_nothing_else_is() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    assert!(each_is_found(&cluster, 1) >= 80);
}

/// Try one in so many of the mutations, and every one that 15 does not know; how many these are.
pub(super) fn each_is_found(cluster: &Cluster, every: usize) -> usize {
    template(cluster, "copy", "source");
    let (source, copy) = (snapshot_of(cluster, "source"), snapshot_of(cluster, "copy"));
    let known: BTreeSet<String> = mutations(15).into_iter().map(|mutation| mutation.sql).collect();
    let mutations: Vec<Mutation> = mutations(cluster.version)
        .into_iter()
        .enumerate()
        .filter(|(index, mutation)| index % every == 0 || !known.contains(&mutation.sql))
        .map(|(_, mutation)| mutation)
        .collect();
    let tried = mutations.len();
    let mut wrong = String::new();
    for Mutation { expected, sql, undo } in mutations {
        let found = if let Some(undo) = undo {
            cluster.sql("source", &sql);
            let found = findings(&source, &snapshot_of(cluster, "source"));
            cluster.sql("source", &undo);
            found
        } else {
            template(cluster, "mutant", "copy");
            cluster.sql("mutant", &sql);
            let found = findings(&copy, &snapshot_of(cluster, "mutant"));
            cluster.sql("postgres", "drop database mutant");
            found
        };
        let found: Vec<String> = found.iter().map(told).collect();
        if found != [expected.as_str()] {
            let _ = writeln!(wrong, "{}\n  expected {expected}\n  found {found:#?}", sql.trim());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let again = findings(&source, &snapshot_of(cluster, "source"));
    assert!(again.is_empty(), "every mutation was undone: {again:#?}");
    cluster.sql("postgres", "drop database copy");
    tried
}

/// Restore a dump that makes the database, in place of the source, and look at it.
fn restored(cluster: &Cluster, script: &str) -> (Snapshot, String) {
    cluster.sql("postgres", "alter database source rename to kept");
    let trouble = cluster.restore("postgres", script);
    let copy = snapshot_of(cluster, "source");
    cluster.sql("postgres", "drop database source");
    cluster.sql("postgres", "alter database kept rename to source");
    (copy, trouble)
}

#[test]
fn a_true_copy_has_no_finding_but_a_view_that_row_security_kept_empty() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    let before = snapshot_of(&cluster, "source");
    assert!(findings(&before, &snapshot_of(&cluster, "source")).is_empty(), "twice the same");
    let (copy, trouble) = restored(&cluster, &cluster.dump("source", &["-C"]));
    let found = findings(&before, &copy);
    assert!(found.is_empty(), "{trouble}{found:#?}");
    // Its owner is under FORCE ROW LEVEL SECURITY, and a dump turns row_security off: REFRESH fails.
    cluster.sql(
        "source",
        "create materialized view billing.m_account as select count(*) from billing.account;
         alter materialized view billing.m_account owner to owner_billing",
    );
    let before = snapshot_of(&cluster, "source");
    let (copy, _) = restored(&cluster, &cluster.dump("source", &["-C"]));
    let found: Vec<String> = findings(&before, &copy).iter().map(told).collect();
    assert_eq!(found, ["major not_populated materialized_view:billing.m_account"]);
}

#[test]
fn copies_that_lose_something_are_called_by_their_name() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    let before = snapshot_of(&cluster, "source");
    let named = |copy: &Snapshot| -> Vec<String> {
        let found = findings(&before, copy);
        assert!(found.iter().all(|finding| finding.severity == Severity::Blocker), "{found:#?}");
        found.iter().map(|finding| finding.id.to_string()).collect()
    };
    template(&cluster, "by_template", "source");
    assert_eq!(named(&snapshot_of(&cluster, "by_template")), ["copy_without_create"]);
    for (name, options, rules) in [
        ("plain", &[][..], &["copy_without_create"][..]),
        ("one_schema", &["-n", "shop"], &["copy_of_some_schemas", "copy_without_create"]),
    ] {
        cluster.sql("postgres", &format!("create database {name}"));
        cluster.restore(name, &cluster.dump("source", options));
        assert_eq!(named(&snapshot_of(&cluster, name)), rules, "{name}");
    }
    for (option, rule) in
        [("--no-privileges", "copy_without_privileges"), ("--no-owner", "copy_without_owners")]
    {
        let (copy, trouble) = restored(&cluster, &cluster.dump("source", &["-C", option]));
        assert_eq!(named(&copy), [rule], "{trouble}");
    }
}

#[test]
fn the_same_by_another_way_is_only_for_the_record() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    let before = snapshot_of(&cluster, "source");
    cluster.sql(
        "source",
        "create role grp_bills; grant grp_bills to app_billing;
         grant usage on schema billing to grp_bills;
         revoke usage on schema billing from app_billing;
         grant select, insert, update, delete on billing.invoice to grp_bills;
         revoke all on billing.invoice from app_billing",
    );
    let found = findings(&before, &snapshot_of(&cluster, "source"));
    assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:#?}");
    assert!(found.iter().filter(|finding| finding.id == "regrouped").count() == 2, "{found:#?}");
}
