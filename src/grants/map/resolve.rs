//! A map held against a snapshot: every object has its targets, and every name of the map stands for something.

use std::collections::{HashMap, HashSet};

use super::pattern::{Pattern, parts, words};
use super::{Listed, Map, Target, Whither};
use crate::file::Diagnostic;
use crate::file::findings::{Finding, Findings};
use crate::grants::snapshot::{Attribute, Facts, Key, Kind, Object, Reference};
use crate::secret::Scrubber;
use crate::suggest::suggestion;
use crate::yaml::tree::Span;

use super::written::Entry;

/// A target by its place in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetId(pub(super) usize);

impl TargetId {
    const fn bit(self) -> u64 {
        1 << self.0
    }
}

/// Where every object of a snapshot goes.
#[derive(Debug)]
pub struct Resolved<'m> {
    map: &'m Map,
    before: &'m Facts,
    /// The place of each object among the snapshot's.
    index: HashMap<&'m Key, usize>,
    places: Vec<Place>,
}

/// Where one object goes: a bit for each target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    /// Where it will be.
    targets: u64,
    /// Where it will be because the map says so, and not only as the schema of something else.
    meant: u64,
    dropped: bool,
    /// It belongs to something, and goes where that goes.
    follows: bool,
}

/// Where one object goes, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination<'m> {
    /// To these targets, in their order.
    Targets(Vec<&'m str>),
    /// Nowhere, on purpose.
    Dropped,
    /// Nowhere: the map does not say.
    Unmapped,
}

/// A reference that crosses the cut, with what stands in for what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// What refers to what.
    pub reference: Reference,
    /// What has to be there instead.
    pub by: Key,
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

impl Map {
    /// Hold the map against a snapshot.
    ///
    /// # Errors
    /// Every name of the map that stands for nothing, and what contradicts the snapshot, each in its place.
    pub fn resolve<'m>(&'m self, before: &'m Facts) -> Result<Resolved<'m>, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let objects: Vec<(&Key, &Object)> = before.objects.iter().collect();
        let index: HashMap<&Key, usize> =
            objects.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
        if self.source.0 != before.server.database {
            let message = format!("this map splits `{}`", self.source.0);
            let label = format!("the snapshot was taken of `{}`", before.server.database);
            findings.push(
                Finding::at(self.source.1, message)
                    .label(label)
                    .help("name the snapshot that belongs to this map"),
            );
        }
        let looking =
            Resolver { map: self, objects: &objects, index: &index, owners: owners(&objects, &index) };
        let places = looking.places(&mut findings);
        let resolved = Resolved { map: self, before, index, places };
        resolved.check_roles(&mut findings);
        resolved.check_replacements(&mut findings);
        if findings.has_errors() {
            let files = std::slice::from_ref(&self.file);
            return Err(findings.finish(files, &self.stars, &Scrubber::default()));
        }
        Ok(resolved)
    }
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
fn relation(key: &Key, index: &HashMap<&Key, usize>) -> Option<usize> {
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

struct Resolver<'r, 'm> {
    map: &'m Map,
    objects: &'r [(&'m Key, &'m Object)],
    index: &'r HashMap<&'m Key, usize>,
    owners: Vec<Option<usize>>,
}

impl Resolver<'_, '_> {
    fn places(&self, findings: &mut Findings) -> Vec<Place> {
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

impl<'m> Resolved<'m> {
    /// The map.
    #[must_use]
    pub const fn map(&self) -> &'m Map {
        self.map
    }

    /// The snapshot's facts.
    #[must_use]
    pub const fn before(&self) -> &'m Facts {
        self.before
    }

    /// Every object but the database itself with where it goes, in their order.
    pub fn destinations(&self) -> impl Iterator<Item = (&'m Key, Destination<'m>)> {
        self.placed()
            .filter(|(key, ..)| key.kind != Kind::Database)
            .map(|(key, _, place)| (key, self.destination(place)))
    }

    fn destination(&self, place: Place) -> Destination<'m> {
        if place.targets != 0 {
            let targets = self.map.targets.iter().enumerate();
            let here = targets.filter(|&(at, _)| place.targets & TargetId(at).bit() != 0);
            return Destination::Targets(here.map(|(_, target)| target.name.as_str()).collect());
        }
        if place.dropped { Destination::Dropped } else { Destination::Unmapped }
    }

    fn placed(&self) -> impl Iterator<Item = (&'m Key, &'m Object, Place)> {
        self.before.objects.iter().zip(&self.places).map(|((key, object), place)| (key, object, *place))
    }

    /// The targets, in the order of the file.
    pub fn targets(&self) -> impl Iterator<Item = (TargetId, &'m Target)> {
        self.map.targets.iter().enumerate().map(|(at, target)| (TargetId(at), target))
    }

    /// The target.
    #[must_use]
    pub fn target(&self, target: TargetId) -> &'m Target {
        &self.map.targets[target.0]
    }

    /// What a target will hold, and whether the map means it to be there rather than every database having it.
    pub(in crate::grants) fn held(
        &self,
        target: TargetId,
    ) -> impl Iterator<Item = (&'m Key, &'m Object, bool)> {
        let bit = target.bit();
        let held = self.placed().filter(move |(.., place)| place.targets & bit != 0);
        held.map(move |(key, object, place)| (key, object, place.meant & bit != 0))
    }

    /// Objects that go nowhere; what belongs to one of them is not listed apart.
    #[must_use]
    pub fn unmapped(&self) -> Vec<Key> {
        let lost = self.placed().filter(|(.., place)| place.targets == 0 && !place.dropped && !place.follows);
        lost.map(|(key, ..)| key.clone()).collect()
    }

    /// References of one target's objects to what is not there, without those that something replaces, and those.
    #[must_use]
    pub fn crossing(&self, target: TargetId) -> (Vec<Reference>, Vec<Replaced>) {
        let mut open = Vec::new();
        let mut replaced = Vec::new();
        for reference in self.cut(target) {
            let by = self.map.replacements.iter().find(|one| one.covers(reference));
            match by {
                Some(one) => replaced.push(Replaced { reference: reference.clone(), by: one.by.clone() }),
                None => open.push(reference.clone()),
            }
        }
        (open, replaced)
    }

    fn cut(&self, target: TargetId) -> impl Iterator<Item = &'m Reference> {
        let known = self.before.references.as_deref().unwrap_or_default();
        known.iter().filter(move |reference| {
            self.is_held(&reference.from, target) == Some(true)
                && self.is_held(&reference.to, target) == Some(false)
        })
    }

    /// Whether a target will hold an object; none for what is not in the snapshot: every database has it.
    pub(in crate::grants) fn is_held(&self, key: &Key, target: TargetId) -> Option<bool> {
        let at = self.index.get(key).copied().or_else(|| relation(key, &self.index))?;
        Some(self.places[at].targets & target.bit() != 0)
    }

    fn check_roles(&self, findings: &mut Findings) {
        let roles = &self.before.roles;
        let names: Vec<&str> = roles.iter().map(|(_, role)| role.name.as_str()).collect();
        let unknown = |name: &str, span: Span| {
            let finding = Finding::at(span, format!("the snapshot has no role `{name}`"));
            finding.label("no role is called this").help(suggestion(name, names.iter().copied()))
        };
        for (at, target) in self.map.targets.iter().enumerate() {
            for (old, _, span) in target.renames.iter().filter(|(old, ..)| roles.id(old).is_none()) {
                findings.push(unknown(old, *span));
            }
            for (name, span) in &target.dropped_roles {
                let Some(role) = roles.id(name) else {
                    findings.push(unknown(name, *span));
                    continue;
                };
                let owned: Vec<&Key> = self
                    .held(TargetId(at))
                    .filter(|(_, object, _)| object.owner == Some(role))
                    .map(|(key, ..)| key)
                    .collect();
                if let Some((first, others)) = owned.split_first() {
                    let more =
                        if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
                    let finding = Finding::at(
                        *span,
                        format!("the role `{name}` owns `{first}`{more} in `{}`", target.name),
                    );
                    findings.push(
                        finding
                            .label("it cannot be left out there")
                            .help(format!("say who will own it: `role_rename: {{ {name}: NEW_OWNER }}`")),
                    );
                }
            }
        }
    }

    fn check_replacements(&self, findings: &mut Findings) {
        for one in &self.map.replacements {
            let finding = if !self.index.contains_key(&one.from) && relation(&one.from, &self.index).is_none()
            {
                let of_kind = || self.index.keys().filter(|key| key.kind == one.from.kind);
                let mut names: Vec<String> = of_kind().map(ToString::to_string).collect();
                names.sort_unstable();
                let near = suggestion(&one.from.to_string(), names.iter().map(String::as_str));
                Finding::at(one.span, format!("`{}` is nothing in the snapshot", one.from)).help(near)
            } else if self.before.references.is_some()
                && !(0..self.map.targets.len())
                    .any(|at| self.cut(TargetId(at)).any(|reference| one.covers(reference)))
            {
                Finding::at(one.span, format!("nothing that `{}` refers to is across the cut", one.from))
                    .help("remove this entry, or look where its objects go with `gonogo grants map MAP SNAPSHOT`")
            } else {
                continue;
            };
            findings.push(finding.label("replaces nothing"));
        }
    }
}

impl super::Replacement {
    fn covers(&self, reference: &Reference) -> bool {
        self.from == reference.from && self.to.as_ref().is_none_or(|to| *to == reference.to)
    }
}

impl Target {
    /// The name a role has here; none for one that is not to be here.
    #[must_use]
    pub fn role<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if self.dropped_roles.iter().any(|(dropped, _)| dropped == name) {
            return None;
        }
        let renamed = self.renames.iter().find(|(old, ..)| old == name);
        Some(renamed.map_or(name, |(_, new, _)| new))
    }
}
