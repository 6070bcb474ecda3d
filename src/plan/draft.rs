//! Every section read on its own, so that one mistake hides no other; ids come from the tree, so that a bad check
//! breeds no false "unknown id".

use std::collections::HashMap;

use indexmap::IndexMap;
use indexmap::map::Entry;
use serde::Deserialize;

use super::asked::{Asked, Asking, probe};
use super::expand::{CheckNode, Expanded};
use super::files::Files;
use super::links::{self, Part};
use super::load::Loading;
use super::notify;
use super::window;
use crate::file::findings::Finding;
use crate::file::written::{self, Id};
use crate::model::notification::Target;
use crate::model::window::Window;
use crate::probe::Spec;
use crate::probe::database::Database;
use crate::probe::postgres::Postgres;
use crate::suggest::closest;
use crate::vantage;
use crate::yaml::read::{Reading, read, read_beside};
use crate::yaml::tree::{Kind, NodeId};

/// Something with an id, and what could be read of it.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) node: NodeId,
    pub(super) id: String,
    pub(super) value: Option<T>,
}

/// A plan whose sections are read and whose names are not yet resolved.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) change: Option<String>,
    pub(super) zone: Option<String>,
    /// The window, and where its end is written.
    pub(super) window: Option<(NodeId, Window)>,
    pub(super) max_minor: Option<usize>,
    /// With the node it is written at.
    pub(super) journal: Option<(NodeId, written::Journal)>,
    /// The same, bound.
    pub(super) journal_login: Option<Postgres>,
    pub(super) notify: Vec<Target>,
    pub(super) people: IndexMap<String, Item<written::Person>>,
    pub(super) apps: IndexMap<String, Item<written::App>>,
    pub(super) vantages: IndexMap<String, Item<vantage::Spec>>,
    pub(super) databases: IndexMap<String, Item<Database>>,
    pub(super) systems: IndexMap<String, Item<written::System>>,
    pub(super) links: Vec<Item<written::Link>>,
    /// The checks, then the parts of the links.
    pub(super) checks: Vec<Item<Asked>>,
    /// Those of the checks that are parts of links, by position.
    pub(super) parts: HashMap<usize, Part>,
    /// Positions of checks by id; by the id before `for_each` too.
    pub(super) by_id: IndexMap<String, Vec<usize>>,
    pub(super) stages: Vec<Item<written::Stage>>,
    pub(super) waivers: Vec<(NodeId, Option<written::Waiver>)>,
    /// Whether the section is there at all, even if it could not be read.
    pub(super) has_people: bool,
    /// Whether a top key is not known: it may be a misspelt `checks`.
    has_unknown_section: bool,
}

impl Draft {
    pub(super) fn read(loading: &mut Loading<'_>, files: &Files, expanded: &Expanded) -> Option<Self> {
        let mut draft = Self::default();
        for (index, &root) in files.roots.iter().enumerate() {
            draft.sections(loading, root, index == 0);
        }
        // Its moments are in the plan's zone, which may be written below it.
        draft.window =
            files.roots.first().and_then(|&main| window::read(loading, main, draft.zone.as_deref()));
        if let Some(&main) = files.roots.first()
            && loading.tree.get(main, "gonogo").is_none()
            && !has_misspelt_version(loading, main)
        {
            loading.findings.push(
                Finding::at(loading.tree.place(main), "`gonogo: 1` is missing")
                    .label("the plan begins here")
                    .help(
                        "write `gonogo: 1` as the first line: it says which version of the language this is",
                    ),
            );
        }
        for check in &expanded.checks {
            draft.check(loading, check);
        }
        for link in &expanded.links {
            links::read(loading, &mut draft, link);
        }
        if draft.checks.is_empty() && files.complete && !draft.has_unknown_section {
            let main = *files.roots.first()?;
            let place = match loading.tree.entry(main, "checks") {
                Some((key, _)) => loading.tree.node(key).span,
                None => loading.tree.place(main),
            };
            loading.findings.push(
                Finding::at(place, "this plan has no checks")
                    .label("nothing would be looked at")
                    .help("add at least one, such as `checks: [{ id: shop, http: { url: https://shop.example/health } }]`"),
            );
        }
        Some(draft)
    }

    fn sections(&mut self, loading: &mut Loading<'_>, root: NodeId, is_main: bool) {
        for (key, value) in loading.tree.entries(root).to_vec() {
            let name = loading.tree.text(key).unwrap_or_default().to_owned();
            let span = loading.tree.node(key).span;
            if !is_main && written::MAIN_ONLY.contains(&name.as_str()) {
                loading.findings.push(
                    Finding::at(span, format!("`{name}` belongs in the main file"))
                        .label("this file is included")
                        .help("move it to the plan's main file"),
                );
                continue;
            }
            match name.as_str() {
                "gonogo" => version(loading, value),
                "name" => self.name = scalar(loading, value),
                "change" => self.change = scalar(loading, value),
                "zone" => self.zone = zone(loading, value),
                "max_minor" => self.max_minor = scalar(loading, value),
                "journal" => self.journal = scalar(loading, value).map(|journal| (value, journal)),
                "notify" => self.notify = notify::read(loading, value),
                "people" => {
                    self.has_people = true;
                    named(loading, value, "people", &mut self.people);
                }
                "apps" => named(loading, value, "apps", &mut self.apps),
                "vantages" => named(loading, value, "vantages", &mut self.vantages),
                "databases" => named(loading, value, "databases", &mut self.databases),
                "systems" => named(loading, value, "systems", &mut self.systems),
                "stages" => {
                    for node in list(loading, value, "stages") {
                        let reading = read::<written::Stage>(&loading.tree, node);
                        let stage = take(loading, reading);
                        let id = loading.tree.get_text(node, "id").unwrap_or_default().to_owned();
                        self.stages.push(Item { node, id, value: stage });
                    }
                }
                "waivers" => {
                    for node in list(loading, value, "waivers") {
                        let reading = read::<written::Waiver>(&loading.tree, node);
                        let waiver = take(loading, reading);
                        self.waivers.push((node, waiver));
                    }
                }
                // The checks and links themselves are read one by one, for `for_each` may have made more of them.
                "checks" | "links" => drop(list(loading, value, &name)),
                "include" | "vars" | "window" => {}
                _ => {
                    self.has_unknown_section = true;
                    unknown_section(loading, span, &name, is_main);
                }
            }
        }
    }

    fn check(&mut self, loading: &mut Loading<'_>, check: &CheckNode) {
        let node = check.node;
        if !matches!(loading.tree.node(node).kind, Kind::Map(_)) {
            loading.findings.push(
                Finding::at(loading.tree.place(node), "a check has to be a map")
                    .label("expected `id: ...` and a probe")
                    .help("such as `- { id: shop, http: { url: https://shop.example/health } }`"),
            );
            return;
        }
        let reading = read_beside::<written::Check>(&loading.tree, node, Spec::KINDS);
        let unknown_keys = reading.unknown_keys;
        let fields = take(loading, reading);
        let probe = probe(loading, node, unknown_keys, Asking::Check);
        let id = loading.tree.get_text(node, "id").unwrap_or_default().to_owned();
        let value = fields.zip(probe).map(|(check, (probe, probe_node))| Asked { check, probe, probe_node });
        self.add(loading, Item { node, id, value }, check.family.as_deref(), "check");
    }

    /// One more check, known by its id and by the one before `for_each`; the position it has.
    pub(super) fn add(
        &mut self,
        loading: &mut Loading<'_>,
        item: Item<Asked>,
        family: Option<&str>,
        what: &str,
    ) -> usize {
        let position = self.checks.len();
        if let Some(family) = family.filter(|family| *family != item.id) {
            self.by_id.entry(family.to_owned()).or_default().push(position);
        }
        if Id::is_one(&item.id) {
            match self.by_id.entry(item.id.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(vec![position]);
                }
                Entry::Occupied(entry) => {
                    let first = entry.get().first().and_then(|&first| self.checks.get(first));
                    duplicate(loading, item.node, &item.id, what, first.map(|first| first.node));
                }
            }
        }
        self.checks.push(item);
        position
    }

    /// Where the fields are written that a check has: those of a link stand for all its parts.
    pub(super) fn fields_of(&self, position: usize) -> Option<NodeId> {
        match self.parts.get(&position) {
            Some(part) => self.links.get(part.link).map(|link| link.node),
            None => self.checks.get(position).map(|check| check.node),
        }
    }
}

/// What was read, its mistakes told, its literal secrets starred.
pub(super) fn take<T>(loading: &mut Loading<'_>, reading: Reading<T>) -> Option<T> {
    for mistake in reading.mistakes {
        loading.findings.push(mistake);
    }
    for node in reading.literals {
        let place = loading.tree.place(node);
        let key = loading.tree.key_text(node).unwrap_or("a secret").to_owned();
        if let Some(value) = loading.tree.text(node).map(ToOwned::to_owned) {
            loading.stars.value(&value, loading.request.scrubber);
        }
        // A value that came by a variable is not written here.
        let written =
            loading.sources.get(place.file.0 as usize).and_then(|source| source.text.get(place.range()));
        if written.is_some_and(|written| written.contains("${")) {
            continue;
        }
        loading.stars.place(place);
        loading.findings.push(
            Finding::warning(place, format!("`{key}` is written out in the plan"))
                .label("anyone who reads the plan reads it")
                .help("use `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ...] }`"),
        );
    }
    reading.value
}

fn scalar<T: for<'de> Deserialize<'de>>(loading: &mut Loading<'_>, node: NodeId) -> Option<T> {
    let reading = read::<T>(&loading.tree, node);
    take(loading, reading)
}

/// Whether an unknown key of the plan most likely stands for `gonogo`, which is told of it.
fn has_misspelt_version(loading: &Loading<'_>, main: NodeId) -> bool {
    let keys = loading.tree.entries(main).iter().filter_map(|&(key, _)| loading.tree.text(key));
    keys.filter(|key| !written::KEYS.contains(key))
        .any(|key| closest(key, written::KEYS.iter().copied()) == Some("gonogo"))
}

fn version(loading: &mut Loading<'_>, node: NodeId) {
    if loading.tree.text(node) != Some("1") {
        loading.findings.push(
            Finding::at(loading.tree.place(node), "this version of gonogo reads plans of version 1")
                .label("expected `1`")
                .help("write `gonogo: 1`, or use the gonogo this plan was written for"),
        );
    }
}

fn zone(loading: &mut Loading<'_>, node: NodeId) -> Option<String> {
    let zone: String = scalar(loading, node)?;
    if crate::clock::zone(&zone).is_none() {
        let names = crate::clock::zone_names();
        let help = match closest(&zone, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a name such as `America/Montreal` or `UTC`".to_owned(),
        };
        loading.findings.push(
            Finding::at(loading.tree.place(node), format!("`{zone}` is not a time zone"))
                .label("no such IANA name")
                .help(help),
        );
        return None;
    }
    Some(zone)
}

/// Items of a list; told when it is not one, or is empty.
pub(super) fn list(loading: &mut Loading<'_>, node: NodeId, section: &str) -> Vec<NodeId> {
    if let Kind::List(items) = &loading.tree.node(node).kind
        && (!items.is_empty() || section == "checks")
    {
        return items.clone();
    }
    let (label, help) = match &loading.tree.node(node).kind {
        Kind::List(_) => ("empty", format!("remove `{section}`, or write its items")),
        Kind::Map(_) | Kind::Scalar { .. } => ("not a list", "begin each item with `- `".to_owned()),
    };
    loading.findings.push(
        Finding::at(loading.tree.place(node), format!("`{section}` has to be a list"))
            .label(label)
            .help(help),
    );
    Vec::new()
}

/// A map of things by id.
fn named<T: for<'de> Deserialize<'de>>(
    loading: &mut Loading<'_>,
    section: NodeId,
    name: &str,
    into: &mut IndexMap<String, Item<T>>,
) {
    if !matches!(loading.tree.node(section).kind, Kind::Map(_)) {
        loading.findings.push(
            Finding::at(loading.tree.place(section), format!("`{name}` has to be a map"))
                .label("expected `id: { ... }`"),
        );
    }
    for (key, node) in loading.tree.entries(section).to_vec() {
        let id = loading.tree.text(key).unwrap_or_default().to_owned();
        if !Id::is_one(&id) {
            loading.findings.push(
                Finding::at(loading.tree.node(key).span, Id::complaint(&id))
                    .label("not an id")
                    .help(Id::help(&id)),
            );
        }
        let reading = read::<T>(&loading.tree, node);
        let value = take(loading, reading);
        let first = into.get(&id).map(|first| first.node);
        if first.is_some() {
            duplicate(loading, node, &id, name, first);
        }
        into.entry(id.clone()).or_insert(Item { node, id, value });
    }
}

/// Two things of one id.
pub(super) fn duplicate(
    loading: &mut Loading<'_>,
    node: NodeId,
    id: &str,
    what: &str,
    first: Option<NodeId>,
) {
    let at = loading
        .tree
        .get(node, "id")
        .map_or_else(|| loading.tree.key_place(node), |id| loading.tree.place(id));
    let other = first.map(|first| {
        let place = loading
            .tree
            .get(first, "id")
            .map_or_else(|| loading.tree.key_place(first), |id| loading.tree.place(id));
        (place, loading.tree.node(first).span.file == at.file)
    });
    let label = match other {
        Some((place, _)) if place == at => "twice from the same values".to_owned(),
        Some((place, same_file)) => {
            let source = loading.sources.get(place.file.0 as usize);
            let line = source.map_or(0, |source| source.line_of(place.start as usize).0);
            match source {
                Some(source) if !same_file => format!("already used in {}, line {line}", source.name),
                _ => format!("already used in line {line}"),
            }
        }
        None => "already used".to_owned(),
    };
    let what = what.strip_suffix('s').unwrap_or(what);
    let what = if what == "people" { "person" } else { what };
    loading.findings.push(
        Finding::at(at, format!("duplicate {what} id `{id}`"))
            .label(label)
            .help("ids have to differ: rename one of the two"),
    );
}

fn unknown_section(loading: &mut Loading<'_>, span: crate::yaml::tree::Span, name: &str, is_main: bool) {
    let short: String = name.chars().take(60).collect();
    let keys = written::KEYS.iter().copied().filter(|key| is_main || !written::MAIN_ONLY.contains(key));
    let help = loading.suggest(name, keys);
    loading
        .findings
        .push(Finding::at(span, format!("unknown key `{short}`")).label("a plan has no such key").help(help));
}
