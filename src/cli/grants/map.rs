//! `gonogo grants map`: where everything of a database goes, and a first map.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::super::Shared;
use super::super::arguments::Format;
use super::super::validate::counted;
use super::read;
use crate::grants::map::{Destination, Replaced, Resolved, TargetId, propose};
use crate::grants::snapshot::{Confidence, Key, Reference};
use crate::report::text::line;
use crate::verdict::Exit;

/// Check a split map against a snapshot, or propose a first one
///
/// Says where every object goes, which go nowhere, and which references cross the cut: while they can still be moved.
/// Ends with 1 as long as something is open.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  gonogo grants map --propose before.json -o split.yaml
  gonogo grants map split.yaml before.json
  gonogo grants map split.yaml before.json --format json | jq '.unmapped'")]
pub(in super::super) struct Arguments {
    /// The split map
    #[arg(value_name = "MAP", required_unless_present = "propose")]
    map: Option<PathBuf>,
    /// The snapshot of the database that is split
    #[arg(value_name = "SNAPSHOT", required_unless_present = "propose")]
    snapshot: Option<PathBuf>,
    /// Write a first map for this snapshot, from its schemas and what refers to what
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["map", "snapshot", "format"])]
    propose: Option<PathBuf>,
    /// Where to write it; stdout when absent
    #[arg(short, long, value_name = "FILE", requires = "propose")]
    out: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn map(arguments: &Arguments, shared: &Shared) -> Exit {
    let done = match (&arguments.propose, &arguments.map, &arguments.snapshot) {
        (Some(snapshot), ..) => proposed(snapshot, arguments.out.as_deref(), shared),
        (None, Some(map), Some(snapshot)) => checked(map, snapshot, arguments.format, shared),
        // The command line's definition asks for one or the other.
        (None, ..) => Err(Exit::Usage),
    };
    done.unwrap_or_else(|exit| exit)
}

fn proposed(snapshot: &Path, out: Option<&Path>, shared: &Shared) -> Result<Exit, Exit> {
    let before = read::snapshot(snapshot, shared)?;
    let text = propose(&before.facts);
    let Some(file) = out else {
        shared.terminal.print(&text);
        return Ok(Exit::Go);
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()));
    let name = file.display();
    match written {
        Ok(()) => {
            shared.terminal.tell(&format!(
                "wrote {name}: edit it, then gonogo grants map {name} {}",
                snapshot.display()
            ));
            Ok(Exit::Go)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            shared
                .terminal
                .error(&format!("{name} is there already"), Some("nothing was changed; name another file"));
            Err(Exit::Usage)
        }
        Err(error) => {
            shared.terminal.error(&format!("cannot write {name}: {error}"), None);
            Err(Exit::NotWritten)
        }
    }
}

fn checked(map: &Path, snapshot: &Path, format: Format, shared: &Shared) -> Result<Exit, Exit> {
    let map = read::map(map, shared)?;
    let before = read::snapshot(snapshot, shared)?;
    let resolved = read::resolve(&map, &before.facts, shared)?;
    let told = Told::new(&resolved);
    shared.terminal.print(&match format {
        Format::Text => told.text(),
        Format::Json => told.json().to_string(),
    });
    Ok(if told.is_open() { Exit::NoGo } else { Exit::Go })
}

/// What a map makes of a snapshot.
struct Told<'r, 'm> {
    resolved: &'r Resolved<'m>,
    unmapped: Vec<Key>,
    /// By target: what crosses, and what is replaced.
    crossing: Vec<(&'m str, Vec<Reference>, Vec<Replaced>)>,
    looked_for_crossing: bool,
}

impl<'r, 'm> Told<'r, 'm> {
    fn new(resolved: &'r Resolved<'m>) -> Self {
        let crossing = resolved.targets().map(|(id, target): (TargetId, _)| {
            let (open, replaced) = resolved.crossing(id);
            (target.name.as_str(), open, replaced)
        });
        Self {
            resolved,
            unmapped: resolved.unmapped(),
            crossing: crossing.collect(),
            looked_for_crossing: resolved.before().references.is_some(),
        }
    }

    fn open_crossing(&self) -> usize {
        self.crossing.iter().map(|(_, open, _)| open.len()).sum()
    }

    fn is_open(&self) -> bool {
        !self.unmapped.is_empty() || self.open_crossing() > 0 || !self.looked_for_crossing
    }

    /// By target, by schema, how many of each kind.
    fn counts(&self) -> BTreeMap<(&'m str, Option<&'m str>), BTreeMap<&'static str, usize>> {
        let mut counts: BTreeMap<(&str, Option<&str>), BTreeMap<&str, usize>> = BTreeMap::new();
        for (key, destination) in self.resolved.destinations() {
            if let Destination::Targets(targets) = destination {
                for target in targets {
                    *counts
                        .entry((target, key.schema.as_deref()))
                        .or_default()
                        .entry(key.kind.as_str())
                        .or_default() += 1;
                }
            }
        }
        counts
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let counts = self.counts();
        // Writing to a String cannot fail.
        for (_, target) in self.resolved.targets() {
            let _ = writeln!(out, "{} (database {})", line(&target.name), line(&target.database));
            for ((_, schema), kinds) in counts.iter().filter(|((name, _), _)| *name == target.name) {
                let place = schema.map_or("(in no schema)".to_owned(), |schema| line(schema).into_owned());
                let kinds: Vec<String> =
                    kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
                let _ = writeln!(out, "  {place:24} {}", kinds.join(", "));
            }
        }
        let dropped: Vec<&Key> = self
            .resolved
            .destinations()
            .filter(|(_, to)| *to == Destination::Dropped)
            .map(|(key, _)| key)
            .collect();
        list(&mut out, "dropped, on purpose", &dropped.iter().map(ToString::to_string).collect::<Vec<_>>());
        list(
            &mut out,
            "unmapped: these go nowhere, and nobody said so",
            &self.unmapped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        );
        for (target, open, replaced) in &self.crossing {
            let open: Vec<String> = open.iter().map(words).collect();
            list(&mut out, &format!("crossing: what {target} needs and will not have"), &open);
            let replaced: Vec<String> =
                replaced.iter().map(|one| format!("{} -> {}", words(&one.reference), one.by)).collect();
            list(&mut out, &format!("replaced in {target}"), &replaced);
        }
        if !self.looked_for_crossing {
            out.push_str("\ncrossing: not known, the snapshot was taken without references\n");
        }
        out.push('\n');
        out.push_str(&self.sentence());
        out.push('\n');
        out
    }

    fn sentence(&self) -> String {
        if !self.is_open() {
            return "everything goes somewhere, and nothing crosses the cut".to_owned();
        }
        let crossing = if self.looked_for_crossing {
            format!("{} cross the cut", counted(self.open_crossing(), "reference"))
        } else {
            "what crosses the cut is not known".to_owned()
        };
        format!("open: {} unmapped, {crossing}", counted(self.unmapped.len(), "object"))
    }

    fn json(&self) -> Value {
        let place = |destination: Destination<'_>| match destination {
            Destination::Targets(targets) => json!(targets),
            Destination::Dropped => json!("dropped"),
            Destination::Unmapped => json!("unmapped"),
        };
        let objects: serde_json::Map<_, _> =
            self.resolved.destinations().map(|(key, to)| (key.to_string(), place(to))).collect();
        let targets: Vec<Value> = self
            .resolved
            .targets()
            .zip(&self.crossing)
            .map(|((_, target), (_, open, replaced))| {
                let replaced = replaced.iter().map(|one| json!({ "reference": one.reference, "by": one.by }));
                json!({
                    "name": target.name, "database": target.database, "crossing": open,
                    "replaced": replaced.collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "schema": "gonogo.grants-map/1", "open": self.is_open(), "targets": targets, "unmapped": self.unmapped,
            "references_known": self.looked_for_crossing, "objects": objects,
        })
    }
}

fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{} ({})", line(title), lines.len());
    for one in lines {
        let _ = writeln!(out, "  {}", line(one));
    }
}

fn words(reference: &Reference) -> String {
    let Reference { from, to, by, name, confidence } = reference;
    let by = json!(by);
    let by = by.as_str().unwrap_or_default().replace('_', " ");
    let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let sure = match confidence {
        Confidence::Catalog => "",
        Confidence::Text => ", found in its text: perhaps another word",
    };
    format!("{from} -> {to} ({by}{name}{sure})")
}
