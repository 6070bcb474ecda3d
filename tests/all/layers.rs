//! Modules import downwards only. The table is the map of the program: lowest layer first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The modules of each layer, with what the layer is for. A module imports its own layer and those before it.
const LAYERS: &[(&str, &[&str])] = &[
    ("the vocabulary", &["model", "secret", "clock", "environment", "period", "moment", "json"]),
    ("reading, of no particular plan", &["yaml", "matcher", "suggest"]),
    ("files as written, their mistakes shown", &["file"]),
    ("files of other tools, as plans", &["import"]),
    ("shared steps, each one layer of a connection", &["net", "process", "postgres", "grants"]),
    ("look once, record each layer", &["probe"]),
    ("the same from somewhere else", &["agent", "vantage"]),
    ("references resolved, debts known", &["plan"]),
    ("events on disk, folded into a run", &["journal"]),
    ("plan to events: concurrency, retries, cancel", &["runner"]),
    ("pure rules over what was seen", &["diagnosis", "explain", "window"]),
    ("the only judge", &["verdict"]),
    ("what people say of a run", &["people"]),
    ("two judged runs side by side", &["compare"]),
    ("finished run to text", &["report"]),
    ("what people are told beside the reports", &["notify"]),
    ("the newest run over HTTP", &["serve"]),
    ("what people and editors meet", &["schema", "cli", "demo"]),
];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top-level modules named by `crate::...` in a text, comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let path = Regex::new(r"\bcrate::(\{|[a-z_]+)").expect("a pattern");
    let mut modules = BTreeSet::new();
    for found in path.captures_iter(&code) {
        let name = &found[1];
        if name == "{" {
            modules.extend(group(&code[found.get(0).expect("a match").end()..]));
        } else {
            modules.insert(name.to_owned());
        }
    }
    modules
}

/// The first names inside `{...}`, of which the opening brace is already gone.
fn group(rest: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names = vec![String::new()];
    for character in rest.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().expect("a name").push(character),
            _ => {}
        }
    }
    let first = |name: &String| name.trim().split("::").next().unwrap_or_default().to_owned();
    names.iter().map(first).filter(|name| !name.is_empty()).collect()
}

/// The mistakes of one file of a top-level module.
fn upward(module: &str, text: &str) -> Vec<String> {
    let Some(own) = layer_of(module) else {
        return vec![format!("module `{module}` has no layer: put it into the table of tests/all/layers.rs")];
    };
    let mut mistakes = Vec::new();
    for imported in imports(text) {
        match layer_of(&imported) {
            Some(layer) if layer <= own => {}
            Some(layer) => mistakes.push(format!(
                "`{module}` ({}) imports `{imported}` ({}), which lies above it",
                LAYERS[own].0, LAYERS[layer].0
            )),
            None => mistakes.push(format!("`{module}` imports `{imported}`, which has no layer")),
        }
    }
    mistakes
}

#[test]
fn imports_go_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut mistakes = Vec::new();
    let mut read = 0;
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).expect("below src");
        let module = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if module == "lib" || module == "main" {
            continue;
        }
        read += 1;
        // Tests may look from above: what a runner recorded is best told by the judge.
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        mistakes.extend(
            upward(module, &text).into_iter().map(|mistake| format!("src/{}: {mistake}", inside.display())),
        );
    }
    assert!(read > 20, "only {read} files were read");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn an_upward_import_is_found() {
    assert_eq!(upward("net", "use crate::probe::Trouble;").len(), 1);
    assert_eq!(upward("net", "use crate::{model::fact::{Fact, Attempt}, cli};").len(), 1);
    assert_eq!(upward("model", "fn f() { crate::report::text(); }").len(), 1);
    assert_eq!(upward("report", "use crate::model::fact::Fact;\n// crate::cli\n"), Vec::<String>::new());
    assert_eq!(upward("novelty", "").len(), 1, "a module that is not in the table");
    assert_eq!(upward("net", "use crate::novelty::Thing;").len(), 1, "an import that is not in the table");
}

#[test]
fn files_say_what_they_are_for_and_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut mistakes = Vec::new();
    for path in sources(&root) {
        let text = fs::read_to_string(&path).expect("a source file");
        let shown = path.strip_prefix(&root).expect("below src").display();
        if !text.trim().is_empty() && !text.starts_with("//! ") {
            mistakes.push(format!("src/{shown}: the first line does not say what the module is for"));
        }
        let lines = text.lines().count();
        if lines > 500 {
            mistakes.push(format!("src/{shown}: {lines} lines; about 400 are enough"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
