//! Reports in the hands of programs that read them: xmllint, quick-junit's parser, junitparser and junit2html for
//! JUnit, cmark-gfm for Markdown.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gonogo::report::{Dialect, Format, JunitMinor, Merged, Options, Rendered, github, junit};
use gonogo::verdict::{Assessment, assess};
use quick_junit::{NonSuccessKind, TestCaseStatus};

use super::{scenarios, shape};
use crate::support::skip;

fn options(dialect: Dialect) -> Options {
    Options { junit_dialect: dialect, hostname: "runner.example".to_owned(), ..Options::default() }
}

/// Every JUnit file of every scenario, written into a folder.
pub(super) fn files(dialect: Dialect, folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<(String, Vec<Rendered>)> = scenarios::all()
        .iter()
        .map(|(name, night)| {
            ((*name).to_owned(), junit::render(&assess(&night.run, night.now()), &options(dialect)))
        })
        .collect();
    all.push(("early".to_owned(), junit::render_early(&shape::early(), &options(dialect))));
    let mut paths = Vec::new();
    for (name, reports) in all {
        for report in reports {
            let path = folder.join(format!("{name}-{}", report.name));
            std::fs::write(&path, report.text).expect("a file");
            paths.push(path);
        }
    }
    paths
}

/// All scenarios as one file.
pub(super) fn merged() -> String {
    let nights = scenarios::all();
    let told: Vec<_> = nights.iter().map(|(_, night)| assess(&night.run, night.now())).collect();
    let reports = Merged::new(&told).render(Format::Junit, &options(Dialect::Wide));
    reports.expect("JUnit").remove(0).text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_plugins_schema_accepts_its_dialect_and_not_the_wide_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let xmllint = |paths: &[PathBuf]| {
        Command::new("xmllint")
            .args(["--noout", "--schema"])
            .arg(root().join("fixtures/junit-10.xsd"))
            .args(paths)
            .output()
    };
    let plugin = files(Dialect::XunitPlugin, folder.path());
    let Ok(output) = xmllint(&plugin) else { return skip("xmllint") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wide = files(Dialect::Wide, folder.path());
    assert!(!xmllint(&wide[..1]).expect("xmllint").status.success());
    let well_formed = Command::new("xmllint").arg("--noout").args(&wide).output().expect("xmllint");
    assert!(well_formed.status.success(), "{}", String::from_utf8_lossy(&well_formed.stderr));
}

/// Passed, failed, in error, skipped.
pub(super) type Counts = [usize; 4];

fn expected(told: &Assessment<'_>) -> usize {
    let left_out: usize = told
        .run
        .stages
        .iter()
        .flat_map(|stage| &stage.left_out)
        .map(|id| {
            told.outline.checks.iter().find(|check| check.id == *id).map_or(0, |check| check.from.len())
        })
        .sum();
    let begun = told.stages.iter().filter(|stage| stage.verdict.is_some());
    let cases: usize = begun.map(|stage| stage.rows.len() + 1).sum();
    (cases + left_out).max(1)
}

pub(super) fn counts(xml: &str) -> (Counts, quick_junit::Report) {
    let report = quick_junit::Report::deserialize_from_str(xml).expect("a report");
    let mut counts = [0; 4];
    for case in report.test_suites.iter().flat_map(|suite| &suite.test_cases) {
        let place = match &case.status {
            TestCaseStatus::Success { .. } => 0,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => 1,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => 2,
            TestCaseStatus::Skipped { .. } => 3,
        };
        counts[place] += 1;
    }
    (counts, report)
}

#[test]
fn cases_in_are_cases_out_and_totals_are_right() {
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        let reports = junit::render(&told, &options(Dialect::Wide));
        assert_eq!(reports[0].name, "junit.xml", "{name}");
        let (merged, report) = counts(&reports[0].text);
        assert_eq!(merged.iter().sum::<usize>(), expected(&told), "{name}");
        assert_eq!(
            [report.tests, report.failures, report.errors, report.skipped],
            [merged.iter().sum(), merged[1], merged[2], merged[3]]
        );
        let mut stages = [0; 4];
        for report in &reports[1..] {
            assert!(report.name.starts_with("TEST-gonogo-"), "{}", report.name);
            let (counted, _) = counts(&report.text);
            stages.iter_mut().zip(counted).for_each(|(sum, count)| *sum += count);
        }
        assert!(reports.len() == 1 || stages == merged, "{name}: {stages:?} and {merged:?}");
        for suite in &report.test_suites {
            let mut names = HashSet::new();
            for case in &suite.test_cases {
                assert!(
                    names.insert((case.classname.clone(), case.name.clone())),
                    "{name}: {}",
                    case.name.as_str()
                );
                assert!(!case.name.contains(['.', '<', '>', '&', '"']), "{name}: {}", case.name.as_str());
            }
        }
        // Red exactly when the verdict is: PROVISIONAL GO is skipped, HOLD an error.
        let red = merged[1] + merged[2] > 0;
        let no_go = told.verdict >= gonogo::model::verdict::Verdict::Hold;
        assert!(red || !no_go, "{name}: a {} without a red case", told.verdict);
    }
}

#[test]
fn minors_can_be_told_as_skipped() {
    let (_, night) =
        scenarios::all().into_iter().find(|(name, _)| *name == "go-with-issues").expect("a scenario");
    let told = assess(&night.run, night.now());
    let (red, _) = counts(&junit::render(&told, &options(Dialect::Wide))[0].text);
    let lenient = Options { junit_minor: JunitMinor::Skipped, ..options(Dialect::Wide) };
    let (green, _) = counts(&junit::render(&told, &lenient)[0].text);
    assert_eq!((red[1], green[1], green[3]), (1, 0, 1));
}

#[test]
fn no_case_is_longer_than_readers_take() {
    let (_, night) = scenarios::all().into_iter().find(|(name, _)| *name == "hostile").expect("a scenario");
    let told = assess(&night.run, night.now());
    let (_, report) = counts(&junit::render(&told, &options(Dialect::Wide))[0].text);
    for case in report.test_suites.iter().flat_map(|suite| &suite.test_cases) {
        if let TestCaseStatus::NonSuccess { description, message, .. } = &case.status {
            let body = description.as_ref().expect("a body");
            let message = message.as_ref().expect("a message");
            assert!(body.len() <= 64 * 1024);
            assert!(body.starts_with(message.as_str()), "the body repeats the message");
        }
    }
}

#[test]
fn python_readers_count_the_same() {
    let junitparser = root().join("target/readers/bin/python");
    if !root().join("target/readers/bin/junitparser").exists() {
        return skip("junitparser (tests/setup/readers installs it)");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = "import sys, junitparser as j\n\
        for path in sys.argv[1:]:\n\
        \x20   xml = j.JUnitXml.fromfile(path)\n\
        \x20   counts = [0, 0, 0, 0]\n\
        \x20   for suite in xml:\n\
        \x20       for case in suite:\n\
        \x20           results = [type(r) for r in case.result if isinstance(r, (j.Failure, j.Error, j.Skipped))]\n\
        \x20           counts[[j.Failure, j.Error, j.Skipped].index(results[0]) + 1 if results else 0] += 1\n\
        \x20   print(*counts)\n";
    for dialect in [Dialect::Wide, Dialect::XunitPlugin] {
        let paths = files(dialect, folder.path());
        let output =
            Command::new(&junitparser).args(["-c", script]).args(&paths).output().expect("junitparser");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stdout);
        for (path, line) in paths.iter().zip(told.lines()) {
            let (ours, _) = counts(&std::fs::read_to_string(path).expect("a file"));
            assert_eq!(line, ours.map(|count| count.to_string()).join(" "), "{}", path.display());
        }
        assert_eq!(told.lines().count(), paths.len());
    }
}

#[test]
fn junit2html_makes_pages_of_them() {
    let junit2html = root().join("target/readers/bin/junit2html");
    if !junit2html.exists() {
        return skip("junit2html (tests/setup/readers installs it)");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for path in files(Dialect::Wide, folder.path()) {
        if !path.to_string_lossy().ends_with("-junit.xml") {
            continue;
        }
        let page = path.with_extension("html");
        let output = Command::new(&junit2html).arg(&path).arg(&page).output().expect("junit2html");
        assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        let page = std::fs::read_to_string(page).expect("a page");
        assert!(page.contains("STAGE VERDICT"), "{}", path.display());
    }
}

#[test]
fn markdown_renders_as_tables_and_as_nothing_that_was_not_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, night) in scenarios::all() {
        let page = github::step_summary(&assess(&night.run, night.now()), &Options::default(), 0);
        let path = folder.path().join(format!("{name}.md"));
        std::fs::write(&path, &page).expect("a file");
        let rendered = Command::new("cmark-gfm")
            .args(["-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist"])
            .arg(&path)
            .output();
        let Ok(rendered) = rendered else { return skip("cmark-gfm") };
        let html = String::from_utf8(rendered.stdout).expect("UTF-8");
        let tables = page.lines().filter(|line| line.starts_with("| ---")).count();
        assert_eq!(html.matches("<table>").count(), tables, "{name}");
        for markup in ["<a ", "<script", "<img", "<del>", "<em>", "<input", "raw HTML", "| ---"] {
            assert!(!html.contains(markup), "{name}: {markup}\n{html}");
        }
        // Every row has as many cells as its table's head: nothing a server said ended one.
        for table in html.split("<table>").skip(1) {
            let table = table.split("</table>").next().expect("a table");
            let columns = table.matches("<th>").count();
            for row in table.split("<tr>").skip(2) {
                assert_eq!(row.matches("<td>").count(), columns, "{name}: {row}");
            }
        }
    }
}
