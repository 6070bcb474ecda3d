//! Every plan in `checks/` loads without a mistake or a warning, and means what another YAML reader says.

use std::path::{Path, PathBuf};

use gonogo::environment::Environment;
use gonogo::plan::{LoadRequest, load};
use gonogo::probe::Spec;
use gonogo::secret::Scrubber;

fn plans() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks");
    let mut plans: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    plans.sort();
    plans
}

#[test]
fn every_plan_loads() {
    let plans = plans();
    assert!(plans.len() > 8, "only {} plans", plans.len());
    for path in plans {
        let loaded = load(&LoadRequest {
            files: std::slice::from_ref(&path),
            vars: &[],
            set: &[],
            environment: &Environment::default(),
            scrubber: &Scrubber::default(),
            today: jiff::civil::date(2026, 1, 1),
        });
        assert!(loaded.diagnostics.is_empty(), "{}: {:#?}", path.display(), loaded.diagnostics);
        assert!(loaded.plan.is_some(), "{}", path.display());
    }
}

#[test]
fn every_kind_of_probe_has_its_plan() {
    let names: Vec<String> =
        plans().iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    for kind in Spec::KINDS {
        assert!(names.iter().any(|name| name == kind), "checks/{kind}.yaml is missing");
    }
}

/// The ids and probes of the checks as `yaml_serde` reads them.
#[test]
fn another_reader_sees_the_same_checks() {
    for path in plans() {
        let text = std::fs::read_to_string(&path).unwrap();
        let other: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let loaded = load(&LoadRequest {
            files: std::slice::from_ref(&path),
            vars: &[],
            set: &[],
            environment: &Environment::default(),
            scrubber: &Scrubber::default(),
            today: jiff::civil::date(2026, 1, 1),
        });
        let outline = loaded.plan.unwrap().outline;
        let written =
            ["checks", "links"].into_iter().filter_map(|section| other[section].as_array()).flatten();
        for check in written {
            if check.get("for_each").is_some() {
                continue;
            }
            let id = check["id"].as_str().unwrap();
            let ours = outline.checks.iter().find(|ours| &*ours.id == id).unwrap();
            assert!(check.get(&ours.kind).is_some(), "{}: {id}", path.display());
            let severity = check.get("severity").map_or("blocker", |severity| severity.as_str().unwrap());
            assert_eq!(ours.severity.name(), severity, "{}: {id}", path.display());
        }
    }
}
