//! `gonogo explain`: a fault, an outcome, a verdict or a reason in plain words.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Shared;
use super::arguments::{Explain as Arguments, Format};
use crate::explain::{self, Explanation, Kind};
use crate::report::text::wrap;
use crate::verdict::Exit;

pub(super) fn explain(arguments: &Arguments, shared: &Shared) -> Exit {
    let found: Vec<Explanation> = match &arguments.name {
        None => explain::all().collect(),
        Some(name) => explain::explain(name),
    };
    if let (Some(name), true) = (&arguments.name, found.is_empty()) {
        let near = explain::suggest(name).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| "gonogo explain lists every name".to_owned());
        shared.terminal.error(&format!("nothing is called `{name}`"), Some(&help));
        return Exit::Usage;
    }
    let shown = match (arguments.format, &arguments.name) {
        (Format::Json, _) => found.into_iter().map(as_json).collect::<Value>().to_string(),
        (Format::Text, None) => index(),
        (Format::Text, Some(_)) => found.into_iter().map(page).collect::<Vec<_>>().join("\n"),
    };
    shared.terminal.print(&shown);
    Exit::Go
}

fn as_json(explanation: Explanation) -> Value {
    let Explanation { name, kind, what, means, next } = explanation;
    json!({ "name": name, "kind": kind.name(), "what": what, "means": means, "do": next })
}

/// One name in full, in 80 columns.
fn page(explanation: Explanation) -> String {
    const WIDTH: usize = 80;
    let Explanation { name, kind, what, means, next } = explanation;
    let mut out = format!("{name} ({kind})\n\n{}\n\n", wrap(what, WIDTH).join("\n"));
    let _ = writeln!(out, "{}", wrap(means, WIDTH).join("\n"));
    if !next.is_empty() {
        out.push_str("\nwhat to do:\n");
    }
    for step in next {
        let _ = writeln!(out, "  - {}", wrap(step, WIDTH - 4).join("\n    "));
    }
    out
}

/// Every name with its sentence, by kind.
fn index() -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(out, "{kind}");
        for entry in explain::all().filter(|entry| entry.kind == kind) {
            let _ = writeln!(out, "  {:28} {}", entry.name, entry.what);
        }
        out.push('\n');
    }
    out.push_str("more about one: gonogo explain NAME\n");
    out
}
