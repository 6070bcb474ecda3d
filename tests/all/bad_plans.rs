//! Every bad plan in `fixtures/plans` with the text a person sees, beside it. `UPDATE_FIXTURES=1` writes the texts.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use gonogo::environment::Environment;
use gonogo::plan::{LoadRequest, Loaded, load, render_all};
use gonogo::secret::Scrubber;

pub(crate) fn load_one(file: &Path) -> Loaded {
    load(&LoadRequest {
        files: &[file.to_path_buf()],
        vars: &[],
        set: &[],
        environment: &Environment::from_pairs([("SITE_PASSWORD", "planted-secret")]),
        scrubber: &Scrubber::default(),
        today: jiff::civil::date(2007, 9, 22),
    })
}

pub(crate) fn plans(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of bad plans")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Texts of good and bad plans with a few bytes changed: whatever comes of it, it is told, and nothing panics.
#[test]
fn spoiled_plans_are_told_too() {
    let mut texts = Vec::new();
    for folder in ["fixtures/plans", "fixtures/plans/good"] {
        texts.extend(plans(folder).into_iter().map(|file| std::fs::read(file).expect("a plan")));
    }
    let cases = if std::env::var_os("GONOGO_SOAK").is_some() { 20_000 } else { 500 };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan.yaml");
    let edit = (any::<Index>(), 0..4_usize, any::<Index>(), any::<u8>());
    let strategy = (any::<Index>(), proptest::collection::vec(edit, 1..6));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |(chosen, edits)| {
        let mut text = chosen.get(&texts).clone();
        for (at, kind, other, byte) in edits {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.insert(at, byte),
                1 => text.truncate(at),
                2 => drop(text.drain(at..(at + 3).min(text.len()))),
                _ => {
                    // A piece of another plan.
                    let piece = other.get(&texts);
                    let from = other.index(piece.len());
                    let piece = piece[from..(from + 40).min(piece.len())].to_vec();
                    text.splice(at..at, piece);
                }
            }
        }
        std::fs::write(&file, &text).expect("written");
        let loaded = load_one(&file);
        let told = render_all(&loaded.diagnostics, false);
        prop_assert_eq!(loaded.plan.is_none(), loaded.has_errors());
        prop_assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "drives the terminal: {}", told);
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn every_bad_plan_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let files = plans("fixtures/plans");
    assert!(files.len() >= 40, "only {} bad plans", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let loaded = load_one(&file);
        let told = render_all(&loaded.diagnostics, false);
        assert!(!told.is_empty(), "{} has nothing wrong", file.display());
        assert!(!told.contains("planted-secret"), "{} shows a secret:\n{told}", file.display());
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{} drives the terminal", file.display());
        assert_eq!(loaded.plan.is_none(), loaded.has_errors(), "{}", file.display());
        let expected = file.with_extension("txt");
        if update {
            std::fs::write(&expected, &told).expect("written");
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != told {
            wrong.push(format!("{}:\n{told}", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "differ from the text beside them (UPDATE_FIXTURES=1 rewrites):\n{}",
        wrong.join("\n")
    );
}
