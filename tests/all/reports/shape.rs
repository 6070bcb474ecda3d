//! What must hold for every report of every scenario: valid for its schema, no command of a CI system, nothing lost.

use gonogo::model::verdict::{Reason, ReasonId, Verdict};
use gonogo::report::json::result_schema;
use gonogo::report::{EarlyEnd, Format, Options, github, json, text};
use gonogo::verdict::assess;
use serde_json::Value;

use super::{golden, scenarios};

pub(super) fn early() -> EarlyEnd {
    EarlyEnd {
        at: "2007-09-23T05:30:00Z".parse().expect("a moment"),
        plan: "night".to_owned(),
        reason: Reason {
            id: ReasonId::PlanError,
            verdict: Verdict::NoGo,
            text: "the plan does not load: 2 mistakes".to_owned(),
            checks: Vec::new(),
        },
        diagnostics: vec![
            "checks/night.yaml:5:13: stage `app2` comes after unknown stage `db-spilt`".to_owned(),
            "checks/night.yaml:9:1: unknown key `\x1b[31mchekcs ::error::x ]]>`".to_owned(),
        ],
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn results_are_valid_for_their_schema() {
    let schema = result_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut results: Vec<(String, Value)> = scenarios::all()
        .iter()
        .map(|(name, night)| {
            let told = assess(&night.run, night.now());
            ((*name).to_owned(), parsed(&json::render(&told, &Options::default())[0].text))
        })
        .collect();
    results.push(("early".to_owned(), parsed(&json::render_early(&early())[0].text)));
    for (name, result) in &results {
        let mistakes: Vec<String> = validator.iter_errors(result).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{name}: {mistakes:?}");
        assert_eq!(result["schema"], "gonogo.result/1");
        let go = matches!(result["verdict"].as_str(), Some("go" | "go_with_issues"));
        assert_eq!(result["go"], go, "{name}");
        assert_eq!(
            go,
            result["reasons"].as_array().is_some_and(|reasons| {
                reasons.iter().all(|reason| matches!(reason["verdict"].as_str(), Some("go_with_issues")))
            }),
            "{name}: a reason for every no"
        );
    }
    // The schema is no rubber stamp.
    let mut wrong = results[0].1.clone();
    wrong["verdict"] = "maybe".into();
    assert!(!validator.is_valid(&wrong));
    let mut lacking = results[0].1.clone();
    lacking.as_object_mut().expect("an object").remove("go");
    assert!(!validator.is_valid(&lacking));
}

#[test]
fn a_result_holds_what_was_seen_byte_by_byte_though_its_text_is_tame() {
    let (_, night) = scenarios::all().into_iter().find(|(name, _)| *name == "hostile").expect("a scenario");
    let told = assess(&night.run, night.now());
    let text = &json::render(&told, &Options::default())[0].text;
    assert!(!text.chars().any(|c| text::is_hidden(c) && c != '\n'));
    assert!(!text.contains("##"));
    let result = parsed(text);
    for (row, check) in told.rows.iter().zip(result["checks"].as_array().expect("checks")) {
        assert_eq!(check["message"], row.judgement.message);
        assert_eq!(check["layers"].as_array().expect("layers").len(), row.layers().len());
    }
    assert!(told.rows.iter().any(|row| row.judgement.message.contains("##vso[")));
}

#[test]
fn no_report_gives_a_command_to_a_ci_system() {
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        for report in golden::every(&told) {
            for line in report.text.lines() {
                let place = format!("{name}/{}: {line}", report.name);
                assert!(!line.to_lowercase().contains("##vso[") && !line.contains("##["), "{place}");
                assert!(!line.contains('\x1b') && !line.contains('\0'), "{place}");
                if report.name == "annotations.txt" {
                    let rest = line.strip_prefix("::error ").or_else(|| line.strip_prefix("::warning "));
                    let rest = rest.unwrap_or_else(|| panic!("{place}"));
                    assert_eq!(rest.matches("::").count(), 1, "{place}");
                } else {
                    assert!(!line.trim_start().starts_with("::"), "{place}");
                }
            }
        }
    }
}

#[test]
fn annotations_are_few_and_the_gravest_first() {
    let (_, night) =
        scenarios::all().into_iter().find(|(name, _)| *name == "many-failures").expect("a scenario");
    let told = assess(&night.run, night.now());
    let annotations = github::annotations(&told);
    let lines: Vec<&str> = annotations.lines().collect();
    assert_eq!(lines.len(), 10);
    assert!(lines[..9].iter().all(|line| line.contains("title=blocker ")), "{annotations}");
    assert!(lines[9].ends_with("and 191 more: see result.json"), "{}", lines[9]);
}

#[test]
fn outputs_cannot_be_forged_and_the_step_summary_stays_under_the_limit() {
    let (_, night) = scenarios::all().into_iter().find(|(name, _)| *name == "hostile").expect("a scenario");
    let told = assess(&night.run, night.now());
    let delimiter = github::delimiter().expect("random numbers");
    assert_ne!(delimiter, github::delimiter().expect("random numbers"));
    let outputs = github::outputs(&told, &delimiter);
    assert_eq!(
        outputs.lines().take(6).collect::<Vec<_>>(),
        [
            &format!("verdict<<{delimiter}"),
            "no_go",
            &delimiter,
            &format!("go<<{delimiter}"),
            "false",
            &delimiter
        ]
    );
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        assert!(github::step_summary(&told, &Options::default(), 0).len() < 900 * 1024 + 64, "{name}");
    }
}

#[test]
fn a_run_that_died_early_leaves_every_report() {
    let reports = early().render(&Options::default());
    let names: Vec<&str> = reports.iter().map(|report| report.name.as_str()).collect();
    let wanted =
        ["summary.txt", "result.json", "junit.xml", "summary.md", "report.html", "gonogo.prom", "gonogo.tap"];
    assert_eq!(names, wanted);
    let summary = &reports[0].text;
    assert!(summary.contains("NO-GO") && summary.contains("checks/night.yaml:5:13"), "{summary}");
    assert!(summary.lines().all(|line| line.is_ascii() && line.len() <= 80), "{summary}");
    let result = parsed(&reports[1].text);
    assert_eq!(result["verdict"], "no_go");
    assert_eq!(result["reasons"][0]["id"], "plan_error");
    assert!(reports.iter().all(|report| !report.text.contains('\x1b')));
}

#[test]
fn what_a_person_recorded_settles_the_hold() {
    let night = scenarios::recorded();
    let told = assess(&night.run, night.now());
    assert_eq!(told.verdict, Verdict::GoWithIssues);
    let result = parsed(&Format::Json.render(&told, &Options::default())[0].text);
    let check = result["checks"].as_array().expect("checks").last().expect("a check");
    assert_eq!(check["layers"][0]["worked"]["evidence"], "order 4711 is in the list");
}

#[test]
fn four_times_the_rows_take_about_four_times_as_long() {
    /// Linear work takes four times as long, quadratic work sixteen times.
    const TIMES: u32 = 4;
    let (few, many) = (scenarios::large(1_000), scenarios::large(1_000 * TIMES));
    let fastest = |night: &crate::night::Night| {
        let once = || {
            let began = std::time::Instant::now();
            let told = assess(&night.run, night.now());
            let bytes: usize = golden::every(&told).iter().map(|report| report.text.len()).sum();
            assert!(bytes > 1_000_000);
            began.elapsed()
        };
        (0..3).map(|_| once()).min().expect("a time")
    };
    let (few, many) = (fastest(&few), fastest(&many));
    assert!(many < few * TIMES * 2, "{few:?} and {many:?}");
}
