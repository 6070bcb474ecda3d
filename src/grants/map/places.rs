//! Where each object goes: the closest entry of the map decides, and what belongs to something goes with it.

use std::collections::{HashMap, HashSet};

use super::pattern::{Pattern, parts, words};
use super::written::Entry;
use super::{Listed, Map, TargetId, Whither};
use crate::file::findings::{Finding, Findings};
use crate::grants::snapshot::{Attribute, Key, Kind, Object};
use crate::suggest::suggestion;

/// Where one object goes: a bit for each target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it will be.
    pub(super) targets: u64,
    /// Where it will be because the map says so, and not only as the schema of something else.
    pub(super) meant: u64,
    pub(super) dropped: bool,
    /// It belongs to something, and goes where that goes.
    pub(super) follows: bool,
}

/// How closely an entry names an object; the closest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Rest,
    SchemaPattern,
    Schema,
    Pattern,
    Named,
    WithArguments,
}

/// What the closest entries say of one object.
#[derive(Debug, Clone, Copy, Default)]
struct Claim {
    rank: Option<Rank>,
    targets: u64,
    dropped: Option<usize>,
    copied: u64,
}

/// By object, what it belongs to.
pub(super) fn owners(objects: &[(&Key, &Object)], index: &HashMap<&Key, usize>) -> Vec<Option<usize>> {
    let find = |key: Key| index.get(&key).copied();
    let owner = |&(key, object): &(&Key, &Object)| -> Option<usize> {
        if let Some(extension) = object.text(Attribute::Extension) {
            return find(Key::plain(Kind::Extension, extension));
        }
        if let Some(column) = object.text(Attribute::OwnedBy) {
            let column: Key = column.parse().or_else(|_| format!("column:{column}").parse()).ok()?;
            return relation(&column, index);
        }
        if key.kind == Kind::UserMapping {
            return find(Key::plain(Kind::ForeignServer, key.of.as_deref()?));
        }
        relation(key, index)
    };
    objects.iter().map(owner).collect()
}

/// The relation that a column, policy or trigger belongs to.
pub(super) fn relation(key: &Key, index: &HashMap<&Key, usize>) -> Option<usize> {
    let (schema, name) = (key.schema.as_deref()?, key.of.as_deref()?);
    let mut relations = Kind::ALL.iter().filter(|kind| kind.is_relation());
    relations.find_map(|&kind| index.get(&Key::within(kind, schema, name)).copied())
}

/// Whether every database has it, made by the server or shared by all databases of one.
pub(super) fn is_everywhere(key: &Key) -> bool {
    let of_the_server = |schema: &str| matches!(schema, "pg_catalog" | "information_schema");
    if key.schema.as_deref().is_some_and(of_the_server) {
        return true;
    }
    let name = &*key.name;
    match key.kind {
        Kind::Tablespace | Kind::Parameter => true,
        Kind::Schema => of_the_server(name),
        Kind::Extension => name == "plpgsql",
        Kind::Language => matches!(name, "internal" | "c" | "sql"),
        Kind::Database
        | Kind::Table
        | Kind::View
        | Kind::MaterializedView
        | Kind::ForeignTable
        | Kind::Column
        | Kind::Sequence
        | Kind::Function
        | Kind::Procedure
        | Kind::Aggregate
        | Kind::Type
        | Kind::Domain
        | Kind::LargeObject
        | Kind::ForeignDataWrapper
        | Kind::ForeignServer
        | Kind::UserMapping
        | Kind::Policy
        | Kind::Trigger
        | Kind::EventTrigger
        | Kind::Publication
        | Kind::Subscription
        | Kind::ReplicationSlot => false,
    }
}

/// Finds the places.
pub(super) struct Resolver<'r, 'm> {
    pub(super) map: &'m Map,
    pub(super) objects: &'r [(&'m Key, &'m Object)],
    pub(super) index: &'r HashMap<&'m Key, usize>,
    pub(super) owners: Vec<Option<usize>>,
}

impl Resolver<'_, '_> {
    pub(super) fn places(&self, findings: &mut Findings) -> Vec<Place> {
        let claims = self.claims(findings);
        let all = u64::MAX >> (u64::BITS as usize - self.map.targets.len());
        let mut places: Vec<Place> = claims
            .iter()
            .zip(self.objects)
            .map(|(claim, (key, _))| {
                if key.kind == Kind::Database {
                    return Place { targets: all, ..Place::default() };
                }
                let by_the_way =
                    claim.rank.is_none_or(|rank| rank <= Rank::SchemaPattern) && claim.copied == 0;
                if by_the_way && is_everywhere(key) {
                    return Place { targets: all, ..Place::default() };
                }
                let targets = claim.targets | claim.copied;
                Place {
                    targets,
                    meant: targets,
                    dropped: targets == 0 && claim.dropped.is_some(),
                    follows: false,
                }
            })
            .collect();
        for at in 0..places.len() {
            if let Some(mut owner) = self.owners[at].filter(|_| claims[at].rank.is_none()) {
                // What belongs to something that belongs to something: a sequence of a table of an extension.
                for _ in 0..4 {
                    match self.owners[owner].filter(|_| claims[owner].rank.is_none()) {
                        Some(next) => owner = next,
                        None => break,
                    }
                }
                let copied = claims[at].copied;
                let Place { targets, meant, dropped, .. } = places[owner];
                places[at] = Place {
                    targets: targets | copied,
                    meant: meant | copied,
                    dropped: dropped && copied == 0,
                    follows: true,
                };
            }
        }
        self.bring_along(&mut places);
        // A server that is brought along is of no use without what its users log in with there.
        for at in (0..places.len()).filter(|&at| self.objects[at].0.kind == Kind::UserMapping) {
            if let Some(server) = self.owners[at].filter(|_| claims[at].rank.is_none()) {
                places[at].targets |= places[server].targets;
            }
        }
        places
    }

    /// A schema goes wherever something in it goes, and so do a foreign table's server and that server's wrapper.
    fn bring_along(&self, places: &mut [Place]) {
        let named =
            |object: &Object, attribute, kind| object.text(attribute).map(|name| Key::plain(kind, name));
        let step = |step: usize, (key, object): (&Key, &Object)| match step {
            0 => key.home(),
            1 => named(object, Attribute::Server, Kind::ForeignServer),
            _ => named(object, Attribute::Wrapper, Kind::ForeignDataWrapper),
        };
        let count = places.len();
        for (number, at) in (0..3).flat_map(|number| (0..count).map(move |at| (number, at))) {
            let needed = step(number, self.objects[at]).and_then(|key| self.index.get(&key).copied());
            if let Some(needed) = needed {
                places[needed].targets |= places[at].targets;
                places[needed].dropped &= places[needed].targets == 0;
            }
        }
    }

    fn claims(&self, findings: &mut Findings) -> Vec<Claim> {
        let mut claims = vec![Claim::default(); self.objects.len()];
        let mut by_name: HashMap<(Kind, Vec<&str>), Vec<usize>> = HashMap::new();
        let mut by_schema: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, (key, _)) in self.objects.iter().enumerate() {
            by_name.entry((key.kind, parts(key).collect())).or_default().push(at);
            if let Some(schema) = &key.schema {
                by_schema.entry(schema).or_default().push(at);
            }
        }
        let mut contradictions = HashSet::new();
        for (entry, listed) in self.map.entries.iter().enumerate() {
            let mut claim = |at: usize, rank: Rank| {
                if claims[at].claim(rank, entry, listed.whither) && contradictions.insert(entry) {
                    let message = format!("`{}` is both dropped and kept", self.objects[at].0);
                    let finding = Finding::at(listed.span, message)
                        .label("as close as another entry that says otherwise");
                    findings.push(finding.help("remove one of the two entries"));
                }
            };
            match &listed.entry {
                Entry::Rest => {
                    for at in (0..self.objects.len()).filter(|&at| self.owners[at].is_none()) {
                        claim(at, Rank::Rest);
                    }
                }
                Entry::Schema(pattern) => {
                    let rank = if pattern.has_star() { Rank::SchemaPattern } else { Rank::Schema };
                    let found = self.matching(pattern, &by_name);
                    for &at in &found {
                        claim(at, if pattern.has_star() { Rank::Pattern } else { Rank::Named });
                    }
                    let schemas = by_schema.iter().filter(|(schema, _)| pattern.matches_text(schema));
                    let inside: Vec<usize> = schemas.flat_map(|(_, inside)| inside).copied().collect();
                    for &at in inside.iter().filter(|&&at| self.owners[at].is_none()) {
                        claim(at, rank);
                    }
                    if found.is_empty() && inside.is_empty() {
                        findings.push(self.nothing(pattern, listed));
                    }
                }
                Entry::Objects(pattern) => {
                    let found = self.matching(pattern, &by_name);
                    let rank = match (pattern.has_star(), pattern.has_args()) {
                        (true, _) => Rank::Pattern,
                        (false, false) => Rank::Named,
                        (false, true) => Rank::WithArguments,
                    };
                    // A star does not part a table from its sequence, nor an extension from its functions.
                    let own_kind = matches!(pattern.kind(), Kind::Policy | Kind::Trigger | Kind::UserMapping);
                    for &at in found
                        .iter()
                        .filter(|&&at| rank > Rank::Pattern || own_kind || self.owners[at].is_none())
                    {
                        claim(at, rank);
                    }
                    if found.is_empty() {
                        findings.push(self.nothing(pattern, listed));
                    }
                }
            }
        }
        claims
    }

    /// The objects a pattern means.
    fn matching(&self, pattern: &Pattern, by_name: &HashMap<(Kind, Vec<&str>), Vec<usize>>) -> Vec<usize> {
        let Some(name) = pattern.exact() else {
            let matches = |&at: &usize| {
                let key = self.objects[at].0;
                key.kind == pattern.kind() && pattern.matches_name(key)
            };
            return (0..self.objects.len()).filter(matches).collect();
        };
        let named = by_name.get(&(pattern.kind(), name)).into_iter().flatten().copied();
        named.filter(|&at| pattern.matches_name(self.objects[at].0)).collect()
    }

    /// What to say of a name that stands for nothing.
    fn nothing(&self, pattern: &Pattern, listed: &Listed) -> Finding {
        let (kind, text) = (pattern.kind(), pattern.text());
        let finding = Finding::at(listed.span, format!("`{kind}: {text}` is nothing in the snapshot"));
        let keys = || self.objects.iter().map(|(key, _)| *key);
        if let Some(other) = keys().find(|key| key.kind != kind && pattern.matches_name(key)) {
            let finding = finding.label(format!("no {} is called this", words(kind)));
            return finding.help(format!(
                "there is a {} of this name: write `{}: {text}`",
                words(other.kind),
                other.kind
            ));
        }
        let names: Vec<String> = keys().filter(|key| key.kind == kind).map(Key::qualified).collect();
        if names.is_empty() {
            return finding.label(format!("the snapshot holds no {}", words(kind)));
        }
        let finding = finding.label(format!("no {} is called this", words(kind)));
        finding.help(suggestion(text, names.iter().map(String::as_str)))
    }
}

impl Claim {
    /// An entry claims the object; whether that contradicts another entry as close.
    fn claim(&mut self, rank: Rank, entry: usize, whither: Whither) -> bool {
        if let Whither::Copied(target) = whither {
            self.copied |= TargetId(target).bit();
            return false;
        }
        if self.rank.is_some_and(|best| best > rank) {
            return false;
        }
        if self.rank != Some(rank) {
            *self = Self { rank: Some(rank), targets: 0, dropped: None, copied: self.copied };
        }
        match whither {
            Whither::Moved(target) | Whither::Copied(target) => self.targets |= TargetId(target).bit(),
            Whither::Dropped => self.dropped = Some(entry),
        }
        self.targets != 0 && self.dropped.is_some()
    }
}
