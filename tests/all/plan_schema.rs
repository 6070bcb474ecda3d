//! `gonogo schema` accepts what `validate` accepts in shape, and refuses what it refuses, over good and bad plans.

use std::path::{Path, PathBuf};

use gonogo::schema::plan_schema;
use gonogo::yaml::parse::parse;
use gonogo::yaml::read::read;
use gonogo::yaml::tree::{FileId, Tree};
use serde_json::Value;

use crate::bad_plans::{load_one, plans};

/// Bad plans whose mistake is one of shape.
const SHAPE: &[&str] = &[
    "asked-otherwise",
    "bad-durations",
    "bad-id",
    "bad-journal",
    "bad-secret",
    "bad-severity",
    "bad-types",
    "expect-break-layer",
    "for-each",
    "from-elsewhere",
    "json-path",
    "link-as-application",
    "link-configured",
    "link-fields",
    "link-probes",
    "long-line",
    "matchers",
    "merge-key",
    "missing-field",
    "missing-several",
    "misspelt-probe",
    "misspelt-version",
    "no-checks",
    "no-probe",
    "no-version",
    "not-a-map",
    "notify",
    "probe-without-value",
    "secret-in-a-bad-line",
    "secret-in-a-list",
    "secret-on-vantage",
    "systems",
    "terminal",
    "two-probes",
    "unknown-top-key",
    "variable-syntax",
    "votes",
    "waivers",
    "wide-letters",
    "window-fields",
    "window-margin",
    "window-missing",
    "windows-lines",
    "written-out-secrets",
    "wrong-version",
];

/// The plan as JSON, before variables are replaced; none when it is not valid YAML.
fn as_json(file: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(file).expect("a plan");
    let mut tree = Tree::default();
    let (root, _) = parse(&mut tree, FileId(0), text.trim_start_matches('\u{feff}'));
    read::<Value>(&tree, root?).value
}

#[test]
fn good_plans_load_and_fit_the_schema() {
    let schema = plan_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut files = plans("fixtures/plans/good");
    assert!(files.len() >= 3, "only {} good plans", files.len());
    if Path::new("checks").is_dir() {
        files.extend(plans("checks"));
    }
    for file in files {
        let json = as_json(&file).expect("valid YAML");
        let told: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(told.is_empty(), "{}: {}", file.display(), told.join("\n"));
        let loaded = load_one(&file);
        let told = gonogo::plan::render_all(&loaded.diagnostics, false);
        assert!(
            loaded.plan.is_some() || told.contains("environment variable"),
            "{}:\n{told}",
            file.display()
        );
    }
}

#[test]
fn bad_plans_are_refused_when_their_mistake_is_one_of_shape() {
    let schema = plan_schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let files: Vec<PathBuf> = plans("fixtures/plans");
    let stem = |file: &Path| file.file_stem().expect("a name").to_string_lossy().into_owned();
    for name in SHAPE {
        assert!(files.iter().any(|file| stem(file) == *name), "no bad plan `{name}`");
    }
    let mut wrong = Vec::new();
    for file in files {
        let Some(json) = as_json(&file) else { continue };
        let name = stem(&file);
        let refused = !validator.is_valid(&json);
        if refused != SHAPE.contains(&name.as_str()) {
            let told: Vec<String> = validator
                .iter_errors(&json)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            wrong.push(format!("{name}: refused is {refused}: {}", told.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
