//! Findings where people meet them: exceptions of a map, formats with their schemas, `explain`, and reports of a run.

use std::collections::BTreeSet;

use gonogo::model::permission::FindingId;
use serde_json::Value;

use super::{cluster, fill, url};
use crate::support::postgres::Cluster;
use crate::support::program::Program;

fn map(expect: &str) -> String {
    format!(
        "split:\n  format: gonogo.splitmap/1\n  source: source\n  targets:\n    whole: {{ database: copy, objects: [rest] }}\n{expect}"
    )
}

fn expect(exceptions: &[&str]) -> String {
    let lines: Vec<String> =
        exceptions.iter().map(|exception| format!("    - {{ why: \"CHG-1234\", {exception} }}\n")).collect();
    map(&format!("  expect:\n{}", lines.concat()))
}

/// A source, and a copy by TEMPLATE, which loses what is set on the database itself.
fn copied(program: &Program) -> Option<Cluster> {
    let cluster = cluster()?;
    fill(&cluster, "source");
    cluster.sql("postgres", "create database copy template source");
    for (database, file) in [("source", "before.json"), ("copy", "after.json")] {
        program.run(&["grants", "snapshot", &url(&cluster, "admin", database), "-o", file]).code(0);
    }
    Some(cluster)
}

/// What `grants diff` finds with this map.
fn differ(program: &Program, map: &str, code: i32) -> Value {
    program.write("split.yaml", map);
    let ended = program.run(&[
        "grants",
        "diff",
        "before.json",
        "after.json",
        "--map",
        "split.yaml",
        "--format",
        "json",
    ]);
    serde_json::from_str(&ended.code(code).stdout).expect("JSON")
}

/// What is open and alarms.
fn open(audit: &Value) -> Vec<&Value> {
    let findings = audit["findings"].as_array().expect("a list").iter();
    findings.filter(|finding| finding.get("expected").is_none() && finding["severity"] != "info").collect()
}

#[test]
fn an_exception_on_the_database_or_a_table_does_not_silence_others() {
    let program = Program::empty();
    let Some(cluster) = copied(&program) else { return };
    let all = differ(&program, &map(""), 1);
    assert_eq!(open(&all).len(), 1, "{all:#}");
    let copy = &open(&all)[0];
    assert_eq!((&copy["id"], &copy["severity"]), (&"copy_without_create".into(), &"blocker".into()));
    let consequences = |finding: &Value| finding["consequences"].as_array().expect("a list").len();

    let audit = differ(&program, &expect(&["ignore: 'database:'"]), 1);
    let left = open(&audit);
    assert_eq!((left.len(), &left[0]["id"]), (1, &"copy_without_create".into()), "{audit:#}");
    assert!(consequences(left[0]) > 0 && consequences(left[0]) < consequences(copy), "{audit:#}");
    assert!(audit["counts"]["expected"].as_u64().expect("a count") > 0);
    // The repair leaves alone what is meant, and nothing else.
    let script = |map: &str| {
        program.write("split.yaml", map);
        let ended = program.run(&["grants", "fix", "before.json", "after.json", "--map", "split.yaml"]);
        ended.code(0).stdout.clone()
    };
    let connect = "CONNECT ON DATABASE";
    assert!(script(&map("")).contains(connect));
    let partly = script(&expect(&["ignore: 'database:'"]));
    assert!(!partly.contains(connect) && partly.contains("ALTER DATABASE \"copy\" SET"), "{partly}");

    // Nor does an exception for the copy's settings, or for a table, hide what is open to everybody.
    cluster.sql("copy", "grant select on billing.invoice to public");
    program.run(&["grants", "snapshot", &url(&cluster, "admin", "copy"), "-o", "after.json"]).code(0);
    let both = ["ignore: 'database:'", "ignore: 'setting:database.*'"];
    let audit = differ(&program, &expect(&both), 1);
    let left = open(&audit);
    assert_eq!((left.len(), &left[0]["id"]), (2, &"opened_to_public".into()), "{audit:#}");
    // Who owns the database is `pg_database_owner`, to whom schema public belongs.
    let follows = &left[1]["consequences"][0];
    let named = [&follows["subject"], &follows["grantee"], &follows["privilege"]];
    assert_eq!(named, ["schema:public", "deployer", "CREATE"], "{audit:#}");
    let both = [
        "ignore: 'database:'",
        "ignore: 'setting:database.*' }\n    - { why: x, ignore: 'schema:public deployer CREATE'",
    ];
    let audit = differ(&program, &expect(&both), 1);
    let ids: Vec<&str> = open(&audit).iter().filter_map(|finding| finding["id"].as_str()).collect();
    assert_eq!(ids, ["opened_to_public"], "{audit:#}");
    let audit = differ(&program, &expect(&["ignore: 'table:billing.invoice'"]), 1);
    assert_eq!(open(&audit)[0]["id"], "copy_without_create");
    let table = "ignore: 'table:billing.invoice PUBLIC SELECT'";
    let audit = differ(&program, &expect(&[both[0], both[1], table]), 0);
    assert_eq!(open(&audit).len(), 0, "{audit:#}");

    // An exception that has run out covers nothing, and says so.
    let ended = format!("{table}, until: 2007-09-23");
    let audit = differ(&program, &expect(&[both[0], both[1], &ended]), 1);
    let ids: Vec<&str> = open(&audit).iter().filter_map(|finding| finding["id"].as_str()).collect();
    assert_eq!(ids, ["opened_to_public", "exception_expired"], "{audit:#}");
    let text = program.run(&["grants", "diff", "before.json", "after.json", "--map", "split.yaml"]);
    assert!(text.code(1).stdout.contains("EXPECTED ("), "{}", text.stdout);
}

/// The schema that the program prints, ready to validate.
fn schema(program: &Program, name: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&program.run(&["schema", name]).code(0).stdout).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn fits(validator: &jsonschema::Validator, value: &Value) {
    let mistakes: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    // No rubber stamp: without any one of its fields it does not fit.
    for name in value.as_object().expect("an object").keys() {
        let mut lacking = value.clone();
        lacking.as_object_mut().expect("an object").remove(name);
        assert!(!validator.is_valid(&lacking), "{name} may be left out");
    }
}

#[test]
fn what_is_printed_fits_its_schema() {
    let program = Program::empty();
    let Some(cluster) = copied(&program) else { return };
    cluster.sql("source", "select pg_stat_statements_reset()");
    cluster.sql("source", "set role app_billing; select count(*) from billing.invoice");
    let source = url(&cluster, "admin", "source");
    program.run(&["grants", "snapshot", &source, "--workload", "-o", "workload.json"]).code(0);
    let parsed = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
    for snapshot in ["before.json", "workload.json"] {
        fits(&schema(&program, "snapshot"), &parsed(&program.read(snapshot)));
    }
    let effective = program.run(&["grants", "effective", "before.json", "--format", "json"]);
    fits(&schema(&program, "effective"), &parsed(&effective.code(0).stdout));
    let replay = program.run(&["grants", "replay", "workload.json", &source, "--format", "json"]);
    fits(&schema(&program, "replay"), &parsed(&replay.stdout));

    let audit = differ(&program, &map(""), 1);
    fits(&schema(&program, "grants"), &audit);
    fits(&schema(&program, "grants"), &differ(&program, &expect(&["ignore: '*'"]), 0));
    for name in [
        "id",
        "class",
        "subject",
        "grantee",
        "privilege",
        "direct",
        "effective",
        "severity",
        "app_error",
        "consequences",
        "fix",
        "key",
    ] {
        assert!(audit["findings"][0].get(name).is_some(), "{name}: {audit:#}");
    }
    let severities: Vec<&str> = audit["findings"][0]["consequences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|consequence| consequence["severity"].as_str().expect("a word"))
        .collect();
    let rank = |word: &&str| ["blocker", "major", "minor", "info"].iter().position(|known| known == word);
    assert!(severities.len() > 5 && severities.is_sorted_by_key(rank), "{severities:?}");
    assert_eq!(audit["counts"]["blocker"], 1);
    assert!(audit["coverage"]["objects"].as_u64().expect("a count") > 50);
}

#[test]
fn the_text_and_the_junit_of_an_audit_hide_no_blocker_and_run_nothing() {
    let program = Program::empty();
    let Some(cluster) = copied(&program) else { return };
    cluster.sql(
        "copy",
        "create role \"a\n::error::t\x1b[31m]]>`|\" login;
         revoke select on billing.invoice from app_billing; grant select on billing.invoice to public",
    );
    program.run(&["grants", "snapshot", &url(&cluster, "admin", "copy"), "-o", "after.json"]).code(0);
    let text = program.run(&["grants", "diff", "before.json", "after.json"]);
    let text = &text.code(1).stdout;
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 80), "{text}");
    let more = text.lines().find(|line| line.contains(" more go away with it")).expect("many consequences");
    assert!(more.contains("of them blocker") || text.contains("also   PUBLIC is now granted"), "{text}");
    assert!(text.contains("gonogo explain copy_without_create"), "{text}");
    let junit = program.run(&["grants", "diff", "before.json", "after.json", "--format", "junit"]);
    let junit = &junit.code(1).stdout;
    assert!(!junit.contains("\n::error") && !junit.contains("]]>") && !junit.contains('\x1b'), "{junit}");
    let read = quick_junit::Report::deserialize_from_str(junit).expect("JUnit");
    let cases = &read.test_suites[0].test_cases;
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        (names.len(), read.tests),
        (cases.len(), cases.len()),
        "a case each, and no name twice: {junit}"
    );
    assert!(read.failures >= 2, "{junit}");
    assert!(
        junit.contains("fix: ") && junit.contains("rule: copy_without_create copy:without_create"),
        "{junit}"
    );
}

#[test]
fn every_rule_is_listed_and_explained() {
    let program = Program::empty();
    let list = program.run(&["explain"]).code(0).stdout.clone();
    let names: BTreeSet<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for id in FindingId::ALL {
        assert!(names.contains(id.name()), "{} is not listed", id.name());
    }
    let page = program.run(&["explain", "grant-missing"]).code(0).stdout.clone();
    assert!(page.contains("finding of the permission audit") && page.contains("42501"), "{page}");
    let near = program.run(&["explain", "grant_mising"]);
    assert!(near.code(2).stderr.contains("did you mean `grant_missing`?"), "{}", near.stderr);
    let help = program.run(&["explain", "--help"]).code(0).stdout.clone();
    assert!(help.contains("grant_missing"), "{help}");
}
