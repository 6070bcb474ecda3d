//! JUnit XML: `junit.xml`, and `TEST-gonogo-<plan>-<stage>.xml` for each stage begun. One case in, one case out.
//!
//! The rules come from reading thirteen programs that read such files; `case.rs` has those for one case. The merged
//! file does not begin with `TEST-`, or readers that take `TEST-*.xml` would count everything twice.

mod case;
pub(super) mod xml;

use jiff::Timestamp;
use quick_junit::{TestCase, TestSuite};

use super::{Dialect, EarlyEnd, Options, Rendered, text};
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, StageAssessment};

/// Whether a file name is one of ours for a single stage.
pub(super) fn is_stage_file(name: &str) -> bool {
    name.strip_prefix("TEST-gonogo-").is_some_and(|rest| rest.strip_suffix(".xml").is_some())
}

/// Tell a run as JUnit: the merged file first.
#[must_use]
pub fn render(told: &Assessment<'_>, options: &Options) -> Vec<Rendered> {
    let plan = text::slug(&told.outline.name);
    let mut files = vec![Rendered { name: "junit.xml".to_owned(), text: String::new() }];
    let mut merged = xml::Merged::new(&plan);
    for stage in &told.stages {
        if let Some(verdict) = stage.verdict {
            let name = format!("TEST-gonogo-{plan}-{}.xml", text::slug(&stage.stage.id));
            let text = xml::file(&plan, suite(told, stage, verdict, options), options, &mut merged);
            files.push(Rendered { name, text });
        }
    }
    if files.len() == 1 {
        // A run that began no stage is a no-go, and a file without a case would be read as a success.
        let why = told.reasons.first().map_or("no stage was run", |reason| &reason.text);
        xml::file(&plan, lonely("gonogo", case::not_begun(why), told.at, options), options, &mut merged);
    }
    files[0].text = merged.finish(options);
    files
}

/// Tell, as JUnit, of a run that died before it could be judged: one case, in error.
#[must_use]
pub fn render_early(end: &EarlyEnd, options: &Options) -> Vec<Rendered> {
    let plan = text::slug(&end.plan);
    let suite = lonely("gonogo", case::early(end), end.at, options);
    let text = xml::file(&plan, suite, options, &mut xml::Merged::new(&plan));
    vec![Rendered { name: "junit.xml".to_owned(), text }]
}

/// Tell several runs: the suites of each under its name, and a file for each stage of each.
#[must_use]
pub(super) fn merged(runs: &[(String, &Assessment<'_>)], options: &Options) -> Vec<Rendered> {
    let mut files = vec![Rendered { name: "junit.xml".to_owned(), text: String::new() }];
    let mut merged = xml::Merged::new("merged");
    for (name, told) in runs {
        let before = files.len();
        for stage in &told.stages {
            if let Some(verdict) = stage.verdict {
                let file = format!("TEST-gonogo-{name}-{}.xml", text::slug(&stage.stage.id));
                let suite = below(name, suite(told, stage, verdict, options));
                files.push(Rendered { name: file, text: xml::file(name, suite, options, &mut merged) });
            }
        }
        // The run may be worse than each of its stages: it was killed, or a stage was left out.
        let of_stages = told.stages.iter().filter_map(|stage| stage.verdict).max();
        if files.len() == before || of_stages.is_none_or(|worst| told.verdict > worst) {
            let suite = lonely("run", case::of_run(told), told.at, options);
            xml::file(name, below(name, suite), options, &mut merged);
        }
    }
    files[0].text = merged.finish(options);
    files
}

/// Readers take cases of the same class and name for one, whatever their suites.
fn below(run: &str, mut suite: TestSuite) -> TestSuite {
    suite.name = format!("{run} {}", suite.name.as_str()).into();
    for case in &mut suite.test_cases {
        let class = case.classname.as_ref().map_or("gonogo", |class| class.as_str());
        case.classname = Some(format!("{run}.{class}").into());
    }
    suite
}

fn suite(
    told: &Assessment<'_>,
    stage: &StageAssessment<'_>,
    verdict: Verdict,
    options: &Options,
) -> TestSuite {
    let id = &stage.stage.id;
    let mut suite = TestSuite::new(id.as_str());
    describe(&mut suite, stage.index, stage.started_at.unwrap_or(told.at), options);
    let attempt = told.run.attempt.to_string();
    for (name, value) in [
        ("gonogo.verdict", verdict.name()),
        ("gonogo.stage", id),
        ("gonogo.plan", &told.outline.name),
        ("gonogo.plan_sha256", &told.outline.sha256),
        ("gonogo.attempt", &attempt),
        ("gonogo.run_id", &told.run.id),
    ] {
        suite.add_property((name, &*text::line(value)));
    }
    if let Some(clock) = &told.clock {
        let decide_by = clock.turn_back.map(|back| ("gonogo.decide_by", back.decide_by));
        for (name, at) in decide_by.into_iter().chain([("gonogo.deadline", clock.deadline)]) {
            suite.add_property((name, at.to_string().as_str()));
        }
    }
    suite.add_test_case(case::of_verdict(stage, verdict));
    for row in &stage.rows {
        suite.add_test_case(case::of_row(told, stage, row, options));
    }
    for check in &told.run.stages[stage.index].left_out {
        let Some(check) = told.run.check_index(check).and_then(|index| told.outline.checks.get(index)) else {
            continue;
        };
        for vantage in &check.from {
            suite.add_test_case(case::left_out(stage, check, vantage, options));
        }
    }
    total(&mut suite);
    suite
}

/// A suite with nothing but one case.
fn lonely(name: &str, case: TestCase, at: Timestamp, options: &Options) -> TestSuite {
    let mut suite = TestSuite::new(name);
    describe(&mut suite, 0, at, options);
    suite.add_test_case(case);
    total(&mut suite);
    suite
}

/// The attributes that are the same for every suite. The time zone is `Z`: some readers take no offset.
fn describe(suite: &mut TestSuite, index: usize, at: Timestamp, options: &Options) {
    let at = at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    for (name, value) in [
        ("id", index.to_string().as_str()),
        ("package", "gonogo"),
        ("timestamp", &at),
        ("hostname", &text::line(&options.hostname)),
    ] {
        suite.extra.insert(name.into(), value.into());
    }
}

fn total(suite: &mut TestSuite) {
    suite.time = Some(suite.test_cases.iter().filter_map(|case| case.time).sum());
}

/// Whether a dialect knows attributes and properties beyond `junit-10.xsd`.
const fn is_wide(options: &Options) -> bool {
    match options.junit_dialect {
        Dialect::Wide => true,
        Dialect::XunitPlugin => false,
    }
}
