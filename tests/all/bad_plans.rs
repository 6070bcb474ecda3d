//! Every bad plan in `fixtures/plans` with the text a person sees, beside it. `UPDATE_FIXTURES=1` writes the texts.

use std::path::{Path, PathBuf};

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
