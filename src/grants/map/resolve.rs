//! A map held against a snapshot: every object has its targets, and every name of the map stands for something.

use std::collections::HashMap;

use super::places::{Place, Resolver, owners, relation};
use super::{Map, Target};
use crate::file::Diagnostic;
use crate::file::findings::{Finding, Findings};
use crate::grants::snapshot::{Facts, Key, Kind, Object, Reference};
use crate::secret::Scrubber;
use crate::suggest::suggestion;
use crate::yaml::tree::Span;

/// A target by its place in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetId(pub(super) usize);

impl TargetId {
    pub(super) const fn bit(self) -> u64 {
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
