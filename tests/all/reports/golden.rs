//! Each scenario as text, beside what it was when somebody last read it. `UPDATE_FIXTURES=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gonogo::report::{Format, Options, Rendered};
use gonogo::verdict::{Assessment, assess};

use super::scenarios;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reports")
}

/// Every report of a run, but the JUnit of single stages, which is a part of the merged one.
pub(super) fn every(told: &Assessment<'_>) -> Vec<Rendered> {
    let options = Options::default();
    let rendered = Format::ALL.iter().flat_map(|format| format.render(told, &options));
    rendered.filter(|report| !report.name.starts_with("TEST-")).collect()
}

/// The quote after a name: JSON has one, a label none.
fn quote(sign: &str) -> &'static str {
    if sign == "=" { "" } else { "\"" }
}

#[test]
fn reports_are_what_somebody_has_read() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut expected = BTreeSet::new();
    let mut differing = Vec::new();
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        for report in every(&told) {
            // Hundreds of failures and findings are there for what is left out; of a page its text is kept (page.rs).
            let long = report.name == "report.html"
                || match name {
                    "many-failures" => matches!(&*report.name, "result.json" | "junit.xml"),
                    "permissions" => report.name == "result.json",
                    _ => false,
                };
            if long {
                continue;
            }
            let path = folder().join(name).join(&report.name);
            let mut text = report.text.clone();
            for sign in [":", "="] {
                let version = format!("version{}{sign}\"{}\"", quote(sign), env!("CARGO_PKG_VERSION"));
                text = text.replace(&version, &format!("version{}{sign}\"VERSION\"", quote(sign)));
            }
            if update {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, &text).expect("a fixture");
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                differing.push(format!("--- {}\n{text}", path.display()));
            }
            expected.insert(path);
        }
    }
    assert!(
        differing.is_empty(),
        "{} reports differ; read them, then UPDATE_FIXTURES=1:\n{}",
        differing.len(),
        differing[0]
    );
    let there: BTreeSet<PathBuf> = fs::read_dir(folder())
        .expect("the fixtures")
        .flat_map(|scenario| fs::read_dir(scenario.expect("a scenario").path()).expect("its files"))
        .map(|file| file.expect("a file").path())
        .collect();
    assert_eq!(there, expected, "fixtures and scenarios are the same");
}

#[test]
fn the_summary_fits_the_narrowest_terminal_and_is_ascii() {
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        for width in [60, 72, 80] {
            let options = Options { width, ..Options::default() };
            let summary = &Format::Summary.render(&told, &options)[0];
            for line in summary.text.lines() {
                assert!(line.is_ascii() && !line.contains(char::is_control), "{name}: {line:?}");
                assert!(line.len() <= width, "{name}: {} columns: {line}", line.len());
                assert_eq!(line.trim_end(), line, "{name}: spaces at the end");
            }
            let lines = summary.text.lines().count();
            assert!(lines < 130, "{name}: {lines} lines are too many to read");
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        let plain = Format::Summary.render(&told, &Options::default());
        let colored = Format::Summary.render(&told, &Options { color: true, ..Options::default() });
        assert_ne!(plain, colored, "{name}");
        let stripped = anstream::adapter::strip_str(&colored[0].text).to_string();
        assert_eq!(stripped, plain[0].text, "{name}");
    }
}
