//! Several runs told as one.

use gonogo::model::verdict::Verdict;
use gonogo::report::{Format, Merged, Options, merged};
use gonogo::verdict::assess;
use serde_json::Value;

use super::{readers, scenarios};
use crate::support::program::Program;

#[test]
fn the_worst_verdict_wins_and_no_case_is_lost() {
    let nights = scenarios::all();
    let told: Vec<_> = nights.iter().map(|(_, night)| assess(&night.run, night.now())).collect();
    let merged = Merged::new(&told);
    assert_eq!(merged.verdict(), Verdict::NoGo);
    let options = Options::default();
    let reports = merged.render(Format::Junit, &options).expect("JUnit");
    let (all, report) = readers::counts(&reports[0].text);
    let mut names = std::collections::HashSet::new();
    for suite in &report.test_suites {
        for case in &suite.test_cases {
            let name = (case.classname.clone(), case.name.clone());
            assert!(names.insert(name), "{:?} {}", case.classname, case.name.as_str());
        }
    }
    let mut sum = 0;
    for told in &told {
        let (own, _) = readers::counts(&Format::Junit.render(told, &options)[0].text);
        sum += own.iter().sum::<usize>();
    }
    let more = all.iter().sum::<usize>() - sum;
    let runs = report.test_suites.iter().filter(|suite| suite.name.as_str().ends_with(" run")).count();
    let lonely = told.iter().filter(|told| told.stages.iter().all(|stage| stage.verdict.is_none())).count();
    assert_eq!(more, runs - lonely, "only verdicts of runs come to it");
    let mut files = std::collections::HashSet::new();
    assert!(reports.iter().all(|report| files.insert(&report.name)), "each file has a name of its own");

    let json = merged.render(Format::Json, &options).expect("JSON").remove(0).text;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((json["go"].as_bool(), json["verdict"].as_str()), (Some(false), Some("no_go")));
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(told.len()));
    let schema = merged::schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(
        validator.is_valid(&json),
        "{:?}",
        validator.iter_errors(&json).next().map(|error| error.to_string())
    );

    let summary = merged.render(Format::Summary, &options).expect("text").remove(0).text;
    assert!(summary.lines().nth(1).is_some_and(|line| line.starts_with("NO-GO")), "{summary}");
    assert!(summary.lines().all(|line| line.is_ascii() && line.len() <= 80));
    for told in &told {
        assert!(summary.contains(&format!("run {}", told.run.id)));
    }
    assert_eq!(Merged::new(&[]).verdict(), Verdict::NoGo, "nothing is no go");
}

#[test]
fn every_pair_is_as_bad_as_its_worse() {
    let nights = scenarios::all();
    for (_, one) in &nights {
        for (_, other) in &nights {
            let told = [assess(&one.run, one.now()), assess(&other.run, other.now())];
            let merged = Merged::new(&told);
            assert_eq!(merged.verdict(), told[0].verdict.max(told[1].verdict));
            let (counted, _) =
                readers::counts(&merged.render(Format::Junit, &Options::default()).expect("JUnit")[0].text);
            let red = counted[1] + counted[2] > 0;
            assert!(red || merged.verdict() < Verdict::Hold);
        }
    }
}

const GOOD: &str = "gonogo: 1\nname: night\nchecks:\n  - { id: a, command: { argv: [\"true\"] } }\n";
const BAD: &str = "gonogo: 1\nname: night\nchecks:\n  - { id: a, command: { argv: [\"false\"] } }\n";

#[test]
fn journals_and_runs_are_merged_and_the_exit_is_the_worst() {
    let program = Program::with_plan(GOOD);
    program.write("bad.yaml", BAD);
    program.run(&["run", "--journal", "one"]).code(0);
    program.run(&["run", "--journal", "two", "-f", "bad.yaml"]).code(1);
    let both = ["report", "--journal", "one", "--journal", "two"];
    let summary = program.run(&both);
    assert!(
        summary
            .code(1)
            .stdout
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("NO-GO              2 runs")),
        "{}",
        summary.stdout
    );
    let junit = program.run(&[&both[..], &["--format", "junit"]].concat());
    assert!(junit.code(1).stdout.contains("classname=\"night.all.command\""), "{}", junit.stdout);
    assert!(junit.stdout.contains("classname=\"night_2.all.command\""), "{}", junit.stdout);
    program.run(&[&both[..], &["--out", "out"]].concat()).code(1);
    for name in [
        "summary.txt",
        "result.json",
        "junit.xml",
        "TEST-gonogo-night-all.xml",
        "TEST-gonogo-night_2-all.xml",
    ] {
        assert!(program.path("out").join(name).exists(), "{name}");
    }
    // By their ids, of several journals.
    let id = |journal: &str| {
        let told = program.run(&["report", "--journal", journal, "--format", "json"]);
        let told: Value = serde_json::from_str(&told.code(0).stdout).expect("JSON");
        told["run"].as_str().expect("an id").to_owned()
    };
    let (one, two) = (id("one"), id("two"));
    let json = program.run(&[&both[..], &["--run", &two, "--run", &one, "--format", "json"]].concat());
    let told: Value = serde_json::from_str(&json.code(1).stdout).expect("JSON");
    assert_eq!(
        (&told["runs"][0]["run"], &told["runs"][1]["run"]),
        (&two.clone().into(), &one.clone().into())
    );
    // One run ends as before, unless it is to be one of many.
    program.run(&["report", "--journal", "two"]).code(0);
    program.run(&["report", "--journal", "two", "--merge"]).code(1);
    program.run(&["report", "--journal", "one", "--merge"]).code(0);
    // What cannot be: a run twice, an unknown one, a form that tells one run.
    let twice = program.run(&["report", "--journal", "one", "--journal", "one"]);
    assert!(twice.code(2).stderr.contains("is named twice"), "{}", twice.stderr);
    let unknown = program.run(&[&both[..], &["--run", "20000101-000000-0000"]].concat());
    assert!(unknown.code(2).stderr.contains(&one) && unknown.stderr.contains(&two), "{}", unknown.stderr);
    let single = program.run(&[&both[..], &["--format", "tap"]].concat());
    assert!(single.code(2).stderr.contains("`tap` tells one run at a time"), "{}", single.stderr);
    assert!(single.stdout.is_empty());
}
