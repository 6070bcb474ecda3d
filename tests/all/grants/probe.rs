//! The probe `grants` in a plan: a split that lost something is NO-GO with the finding, its repair is GO.

use super::{cluster, fill, url};
use crate::support::program::Program;

fn plan(database: &str, snapshot: &str) -> String {
    format!(
        "gonogo: 1\nname: split\nvantages: {{ side: {{ exec: {{ prefix: [env] }} }} }}\nchecks:\n\
         - id: same\n  timeout: 60s\n  from: [here, side]\n  grants: {{ url: \"{database}\", snapshot: {snapshot} }}\n\
         - id: rules\n  timeout: 60s\n  grants:\n    url: \"{database}\"\n    role: app_billing\n\
         \x20   may: [\"SELECT on table:billing.invoice\"]\n    may_not: [\"TRUNCATE on table:billing.invoice\"]\n"
    )
}

#[test]
fn a_lost_grant_is_a_no_go_that_names_it_and_its_repair() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "source");
    let here = url(&cluster, "admin", "source");
    let program = Program::with_plan(&plan(&here, "before.json"));
    program.run(&["grants", "snapshot", &here, "-o", "before.json"]).code(0);
    program.run(&["run"]).code(0);
    cluster.sql("source", "revoke select on billing.invoice from app_billing");
    program.run(&["run", "--fresh"]).code(1);
    let result = program.result();
    let checks = result["checks"].as_array().expect("checks");
    let rows: Vec<_> = checks.iter().map(|row| (row["id"].as_str(), row["vantage"].as_str())).collect();
    let wanted = [("same", "here"), ("same", "side"), ("rules", "here")];
    assert_eq!(rows, wanted.map(|(id, vantage)| (Some(id), Some(vantage))));
    for check in checks {
        assert_eq!(check["outcome"], "fail", "{check:#}");
        let finding = &check["findings"][0];
        assert_eq!(finding["subject"], "table:billing.invoice", "{check:#}");
        assert_eq!(finding["app_error"]["sqlstate"], "42501");
        let sql = finding["fix"][0]["sql"].as_str().expect("a repair");
        assert_eq!(sql, "GRANT SELECT ON TABLE \"billing\".\"invoice\" TO \"app_billing\"");
    }
    let sql = checks[0]["findings"][0]["fix"][0]["sql"].as_str().expect("a repair");
    // Every report has the finding, what the application is told, and the repair.
    for report in ["summary.txt", "summary.md", "junit.xml"] {
        let text = program.read(&format!("gonogo-out/{report}"));
        let text = text.replace("&quot;", "\"").split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["grant_missing", "42501: permission denied for table invoice", sql] {
            assert!(text.contains(part), "{report} without {part}: {text}");
        }
    }
    cluster.sql("source", sql);
    program.run(&["run", "--fresh"]).code(0);
}

#[test]
fn a_snapshot_that_cannot_be_used_is_no_pass() {
    let Some(cluster) = cluster() else { return };
    cluster.sql("postgres", "create database empty");
    let here = url(&cluster, "admin", "empty");
    let program = Program::with_plan(&format!(
        "gonogo: 1\nname: split\nchecks:\n- id: same\n  grants: {{ url: \"{here}\", snapshot: before.json }}\n"
    ));
    program.run(&["run"]).code(1);
    assert_eq!(program.result()["checks"][0]["outcome"], "error");
    program.run(&["grants", "snapshot", &here, "-o", "before.json"]).code(0);
    let whole = program.read("before.json");
    for broken in [
        whole.replacen("\"database\":\"empty\"", "\"database\":\"other\"", 1),
        whole[..whole.len() / 2].to_owned(),
    ] {
        assert_ne!(broken, whole);
        program.write("before.json", &broken);
        program.run(&["run", "--fresh"]).code(1);
        assert_eq!(program.result()["checks"][0]["outcome"], "error");
    }
    program.write("before.json", &whole);
    program.run(&["run", "--fresh"]).code(0);
}

#[test]
fn names_made_to_break_reports_do_not() {
    let Some(cluster) = cluster() else { return };
    cluster.sql("postgres", "create database empty");
    let here = url(&cluster, "admin", "empty");
    let program = Program::with_plan(&format!(
        "gonogo: 1\nname: split\nchecks:\n- id: same\n  timeout: 60s\n  grants: {{ url: \"{here}\", snapshot: before.json }}\n"
    ));
    let name = "\"x\n::error::t\x1b[31m]]>`|<b> @a\"";
    cluster.sql("postgres", &format!("create role {name} login"));
    cluster.sql("empty", &format!("create table {name} (); grant select on {name} to {name}"));
    program.run(&["grants", "snapshot", &here, "-o", "before.json"]).code(0);
    cluster.sql("empty", &format!("revoke select on {name} from {name}"));
    program.run(&["run"]).code(1);
    let finding = program.result()["checks"][0]["findings"][0].clone();
    assert_eq!(finding["id"], "grant_missing", "{finding:#}");
    for report in ["summary.txt", "summary.md", "junit.xml", "result.json"] {
        let text = program.read(&format!("gonogo-out/{report}"));
        assert!(text.contains("GRANT SELECT ON TABLE"), "{report}: {text}");
        assert!(!text.contains('\x1b') && !text.contains("\n::error"), "{report}: {text}");
        match report {
            "junit.xml" => {
                assert!(!text.contains("]]>"), "{text}");
                quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
            }
            "summary.md" => {
                let row = text.lines().find(|line| line.starts_with("| blocker | ")).expect("a row");
                assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "five cells: {row}");
            }
            _ => {}
        }
    }
}
