//! The split map: which object of one database goes to which of several. Read as plans are, with every mistake in its
//! place; `resolve` holds it against a snapshot, and `expect::transform` makes of both what each database has to be.

mod pattern;
mod places;
mod propose;
mod resolve;
#[cfg(test)]
pub(crate) mod tests;
mod written;

use std::path::Path;

use jiff::civil::Date;

pub use pattern::{Pattern, Selection};
pub use propose::propose;
pub use resolve::{Destination, Replaced, Resolved, TargetId};

use crate::file::findings::{About, Finding, Findings};
use crate::file::source::Source;
use crate::file::{Diagnostic, Stars};
use crate::grants::snapshot::Key;
use crate::secret::Scrubber;
use crate::suggest::suggestion;
use crate::yaml::parse::parse;
use crate::yaml::read::read;
use crate::yaml::tree::{FileId, Kind, NodeId, Span, Tree};
use written::Entry;

/// Most targets of one map.
const MOST_TARGETS: usize = 64;

/// A map whose names are not yet looked up in a snapshot.
#[derive(Debug)]
pub struct Map {
    source: (String, Span),
    targets: Vec<Target>,
    entries: Vec<Listed>,
    replacements: Vec<Replacement>,
    /// Differences that are meant; those that expired too.
    pub exceptions: Vec<Exception>,
    file: Source,
    stars: Stars,
}

/// One database of several.
#[derive(Debug)]
pub struct Target {
    /// What the map calls it.
    pub name: String,
    /// The database's own name.
    pub database: String,
    renames: Vec<(String, String, Span)>,
    dropped_roles: Vec<(String, Span)>,
}

/// A difference that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Which: an object, and perhaps a role and a privilege.
    pub ignore: String,
    /// Why.
    pub why: String,
    /// The last day it holds.
    pub until: Option<Date>,
}

impl Exception {
    /// Whether its last day is over.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// An entry of a list, and where the list sends it.
#[derive(Debug)]
struct Listed {
    entry: Entry,
    whither: Whither,
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whither {
    /// `objects` of a target.
    Moved(usize),
    /// `copy` of a target.
    Copied(usize),
    /// `drop`.
    Dropped,
}

/// What stands in for references that cross the cut.
#[derive(Debug)]
struct Replacement {
    from: Key,
    to: Option<Key>,
    by: Key,
    span: Span,
}

/// What came of reading a map.
#[derive(Debug)]
pub struct Loaded {
    /// The map, unless there is an error.
    pub map: Option<Map>,
    /// Errors, then warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Read a map's file; `today` tells which exceptions are over.
#[must_use]
pub fn load(path: &Path, today: Date) -> Loaded {
    match Source::read(path) {
        Ok(source) => load_source(&source, today),
        Err(unreadable) => {
            let help = "a first map is written by `gonogo grants map --propose SNAPSHOT -o FILE`";
            let name = About::File(path.display().to_string());
            let mut findings = Findings::default();
            findings.push(Finding::error(name, unreadable.message).help(help));
            let diagnostics = findings.finish(&[], &Stars::default(), &Scrubber::default());
            Loaded { map: None, diagnostics }
        }
    }
}

fn load_source(file: &Source, today: Date) -> Loaded {
    let mut tree = Tree::default();
    let mut findings = Findings::default();
    let mut stars = Stars::default();
    let (root, mistakes) = parse(&mut tree, FileId(0), &file.text);
    let is_valid = mistakes.is_empty();
    for mistake in mistakes {
        findings.push(mistake);
    }
    stars.urls(FileId(0), file);
    stars.keys(&tree);
    // A derived struct would take a list for its fields in their order.
    let top = root.filter(|&root| matches!(tree.node(root).kind, Kind::Map(_)));
    if let (Some(root), None) = (root, top) {
        let finding = Finding::at(tree.place(root), "a split map is a map of keys, and this is not");
        findings.push(finding.label("expected `split:`").help("begin with `split:`"));
    }
    let written = top.and_then(|root| {
        let reading = read::<written::File>(&tree, root);
        for mistake in reading.mistakes {
            findings.push(mistake);
        }
        reading.value.map(|written| (root, written))
    });
    if root.is_none() && is_valid {
        let help = "a first map is written by `gonogo grants map --propose SNAPSHOT -o FILE`";
        let finding = Finding::error(About::File(file.name.clone()), "this file holds nothing but comments");
        findings.push(finding.help(help));
    }
    let map = written.and_then(|(root, written)| {
        let mut map = Map::new(&tree, root, written.split, file.clone(), &mut findings);
        map.tell_expired(&tree, root, today, &mut findings);
        map.stars = std::mem::take(&mut stars);
        (!findings.has_errors()).then_some(map)
    });
    let stars = map.as_ref().map_or(&stars, |map| &map.stars);
    let diagnostics = findings.finish(std::slice::from_ref(file), stars, &Scrubber::default());
    Loaded { map, diagnostics }
}

impl Map {
    fn new(tree: &Tree, root: NodeId, split: written::Split, file: Source, findings: &mut Findings) -> Self {
        let node = |path: &[&str]| tree.descend(root, &[&["split"], path].concat());
        let place = |path: &[&str]| tree.place(node(path));
        let mut map = Self {
            source: (split.source, place(&["source"])),
            targets: Vec::new(),
            entries: Vec::new(),
            replacements: Vec::new(),
            exceptions: Vec::new(),
            file,
            stars: Stars::default(),
        };
        if !(1..=MOST_TARGETS).contains(&split.targets.len()) {
            let message =
                format!("a split has 1 to {MOST_TARGETS} targets, and this one {}", split.targets.len());
            findings.push(Finding::at(tree.key_place(node(&["targets"])), message));
        }
        for (index, (name, target)) in split.targets.into_iter().enumerate() {
            let list = |list: &str| tree.items(node(&["targets", &name, list])).to_vec();
            let whither = [
                ("objects", target.objects, Whither::Moved(index)),
                ("copy", target.copy, Whither::Copied(index)),
            ];
            for (word, entries, whither) in whither {
                if word == "copy" && entries.iter().any(|entry| matches!(entry, Entry::Rest)) {
                    let finding = Finding::at(place(&["targets", &name, word]), "`rest` cannot be copied");
                    findings.push(finding.help("write it under `objects` of both targets"));
                }
                map.list(tree, &list(word), entries, whither);
            }
            let keys = tree.entries(node(&["targets", &name, "role_rename"])).iter();
            let renames = target.role_rename.into_iter().zip(keys).map(|((old, new), &(key, value))| {
                if new.is_empty() {
                    findings.push(Finding::at(tree.place(value), "a role's name cannot be empty"));
                }
                (old, new, tree.node(key).span)
            });
            let renames: Vec<_> = renames.collect();
            let dropped = target.drop_roles.into_iter().zip(list("drop_roles"));
            let dropped_roles: Vec<_> = dropped.map(|(role, node)| (role, tree.place(node))).collect();
            for (role, span) in &dropped_roles {
                if renames.iter().any(|(old, _, _)| old == role) {
                    let finding =
                        Finding::at(*span, format!("the role `{role}` is both renamed and dropped"));
                    findings.push(finding.help("keep one of the two"));
                }
            }
            map.targets.push(Target { name, database: target.database, renames, dropped_roles });
        }
        map.list(tree, tree.items(node(&["drop"])), split.drop, Whither::Dropped);
        for (crossing, item) in split.crossing.into_iter().zip(tree.items(node(&["crossing"]))) {
            let written::Crossing { from, to, replaced_by } = crossing;
            let span = tree.get(*item, "from").map_or(tree.place(*item), |from| tree.place(from));
            map.replacements.push(Replacement {
                from: from.0,
                to: to.map(|to| to.0),
                by: replaced_by.0,
                span,
            });
        }
        let exception = |written::Exception { ignore, why, until }| Exception {
            ignore,
            why,
            until: until.map(|day| day.0),
        };
        map.exceptions = split.expect.into_iter().map(exception).collect();
        map
    }

    fn list(&mut self, tree: &Tree, items: &[NodeId], entries: Vec<Entry>, whither: Whither) {
        let listed = entries.into_iter().zip(items).map(|(entry, &item)| {
            // The name alone, not the `{ }` around it.
            let span = tree.entries(item).first().map_or(tree.place(item), |&(_, name)| tree.place(name));
            Listed { entry, whither, span }
        });
        self.entries.extend(listed);
    }

    fn tell_expired(&self, tree: &Tree, root: NodeId, today: Date, findings: &mut Findings) {
        let items = tree.items(tree.descend(root, &["split", "expect"]));
        for (exception, &item) in self.exceptions.iter().zip(items) {
            let place = |key: &str| tree.get(item, key).map_or(tree.place(item), |value| tree.place(value));
            if exception.why.trim().is_empty() {
                findings.push(
                    Finding::at(place("why"), "an exception needs a reason")
                        .help("name the change, or who agreed"),
                );
            }
            if let (Some(until), true) = (exception.until, exception.is_over(today)) {
                let finding =
                    Finding::warning(place("until"), format!("this exception was good until {until}"));
                findings.push(
                    finding
                        .label("it no longer counts")
                        .help("repair what it excuses, or agree on a new day"),
                );
            }
        }
    }

    /// Its targets, in the order of the file.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target of this name.
    ///
    /// # Errors
    /// When there is none: what to choose from.
    pub fn target(&self, name: &str) -> Result<TargetId, NoSuchTarget> {
        let found = self.targets.iter().position(|target| target.name == name);
        found.map(TargetId).ok_or_else(|| NoSuchTarget {
            name: name.to_owned(),
            help: suggestion(name, self.targets.iter().map(|target| target.name.as_str())),
        })
    }
}

/// A target that the map does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the map has no target `{name}`")]
pub struct NoSuchTarget {
    /// The name.
    pub name: String,
    /// What there is to choose from.
    pub help: String,
}

/// JSON Schema (draft 2020-12) of a map's file.
#[must_use]
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<written::File>().to_value();
    schema["title"] = "gonogo split map".into();
    schema
}
