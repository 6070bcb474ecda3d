//! Which difference takes a privilege from a role, or gives it one: a grant, an owner, or a membership on the way.

use std::collections::{BTreeMap, HashMap};

use super::Judge;
use super::causes::{Causes, relations};
use super::item::{Folded, Item, Text};
use crate::grants::change::Change;
use crate::grants::diff::acls;
use crate::grants::diff::effects::Effect;
use crate::grants::diff::people::{Person, Side};
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Facts, Key, Kind, Object};

/// Effects by the difference they come from.
#[derive(Debug, Default)]
pub(super) struct Attributed {
    pub(super) lost: BTreeMap<usize, Vec<usize>>,
    pub(super) gained: BTreeMap<usize, Vec<usize>>,
    loose: Vec<usize>,
}

type Paths = HashMap<(bool, Person, Person), Vec<usize>>;

impl<'a> Judge<'a> {
    pub(super) fn attribute(&self, causes: &Causes<'a>) -> Attributed {
        let mut attributed = Attributed::default();
        let mut paths = Paths::new();
        for (index, effect) in self.effects.iter().enumerate() {
            for (privileges, after) in [(effect.lost, false), (effect.gained, true)] {
                if privileges.is_empty() {
                    continue;
                }
                let mut found = self.sources(causes, effect, privileges, after, &mut paths);
                for index in &mut found {
                    *index = causes.root(*index);
                }
                found.sort_unstable();
                found.dedup();
                if found.is_empty() {
                    attributed.loose.push(index);
                }
                let into = if after { &mut attributed.gained } else { &mut attributed.lost };
                for root in found {
                    into.entry(root).or_default().push(index);
                }
            }
        }
        attributed.loose.dedup();
        attributed
    }

    /// The differences that took these privileges away or, with `after`, that gave them.
    fn sources(
        &self,
        causes: &Causes<'a>,
        effect: &Effect,
        privileges: Privileges,
        after: bool,
        paths: &mut Paths,
    ) -> Vec<usize> {
        let side = if after { &self.people.actual } else { &self.people.expected };
        let has = |group| self.closures.has(after, effect.person, group);
        let mut found = Vec::new();
        let name = self.people.name(effect.person);
        let superuser =
            |side: &Side<'_>| side.id(effect.person).is_some_and(|id| side.facts.roles.get(id).superuser);
        if superuser(&self.people.expected) != superuser(&self.people.actual) {
            found.extend(causes.roles.get(name));
            return found;
        }
        let relation = relation(side.facts, &effect.key);
        for key in std::iter::once(&*effect.key).chain(&relation) {
            for &index in causes.grants.get(key).into_iter().flatten() {
                let Some(net) = &self.nets[index] else { continue };
                let granted = if after { net.gained } else { net.lost };
                if !(granted & privileges).is_empty() && (net.to_public || net.to.is_some_and(has)) {
                    found.push(index);
                }
            }
            if let Some(&index) = causes.owners.get(key)
                && let Change::Owner { delta, .. } = &self.changes[index]
                && let Some(owner) = if after { &delta.got } else { &delta.expected }
                && self.people.find(owner).is_some_and(has)
            {
                found.push(index);
            }
            if !self.closures.is_affected(effect.person) {
                continue;
            }
            let Some(object) = side.facts.objects.get(key) else { continue };
            for group in self.holders(side, key, object, &effect.key, privileges) {
                if has(group) && !self.closures.has(!after, effect.person, group) {
                    let path = paths
                        .entry((after, effect.person, group))
                        .or_insert_with(|| self.broken(causes, effect.person, group, after));
                    found.extend_from_slice(path);
                }
            }
        }
        found
    }

    /// The roles that hold one of these privileges themselves.
    fn holders(
        &self,
        side: &Side<'_>,
        key: &Key,
        object: &Object,
        subject: &Key,
        privileges: Privileges,
    ) -> Vec<Person> {
        let mut holders = Vec::new();
        let acl = acls::in_force(side, key, object);
        let column = object.columns.get(&subject.name).filter(|_| subject.kind == Kind::Column);
        let columns = column.and_then(Option::as_ref).map(|acl| acls::items(side, acl, privileges));
        let own = acls::items(side, &acl, privileges);
        holders.extend(own.iter().chain(columns.iter().flatten()).filter_map(|item| item.to));
        let everywhere = ["pg_read_all_data", "pg_write_all_data", "pg_maintain"];
        holders.extend(everywhere.iter().filter_map(|name| self.people.find(name)));
        holders
    }

    /// The memberships between two roles that are on this side only.
    fn broken(&self, causes: &Causes<'a>, person: Person, group: Person, after: bool) -> Vec<usize> {
        let side = if after { &self.people.actual } else { &self.people.expected };
        let has = |person, group| self.closures.has(after, person, group);
        let mut found = Vec::new();
        for row in side.facts.memberships.iter().filter(|row| row.inherit) {
            let (role, member) = (side.person(row.role), side.person(row.member));
            if has(person, member) && has(role, group) {
                let names = (self.people.name(role), self.people.name(member));
                found.extend(causes.memberships.get(&names));
            }
        }
        // The database's owner is the one member of pg_database_owner.
        if let (Some(owner), Some(group_of_owner)) =
            (side.facts.database_owner(), self.people.find("pg_database_owner"))
            && has(person, side.person(owner))
            && has(group_of_owner, group)
        {
            found.extend(causes.owners.get(&Key::database()));
        }
        found
    }

    /// What no grant, owner or membership explains must not be lost.
    pub(super) fn unattributed(&self, attributed: &Attributed) -> Vec<Folded> {
        let tell = |&index: &usize| {
            let Effect { person, key, lost, gained } = &self.effects[index];
            let role = super::words::role(self.people.name(*person));
            let noun = super::words::noun(key);
            let (class, severity, verb, what) = if lost.is_empty() {
                (Class::Extra, Severity::Info, "can now", gained)
            } else {
                (Class::Missing, self.gravity(*person, key, *lost), "can no longer", lost)
            };
            let message = format!("{role} {verb} {what} on {noun}, and no single grant tells why");
            let judgement = super::Judgement::new(FindingId::EffectiveChanged, class, severity, message);
            let text = Text::new(judgement.of(&role).privilege(what), key.to_string());
            let item = Item::now(Text { direct: false, whole: self.relation(key), ..text });
            Folded::alone(Item { effective: true, ..item })
        };
        attributed.loose.iter().map(tell).collect()
    }
}

/// The relation of a column, as these facts have it.
fn relation(facts: &Facts, key: &Key) -> Option<Key> {
    if key.kind != Kind::Column {
        return None;
    }
    let (schema, of) = (key.schema.as_deref()?, key.of.as_deref()?);
    relations(schema, of).find(|relation| facts.objects.contains_key(relation))
}
