//! Who counts: the roles that applications are, what they could reach, and how much a loss hurts them.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Judge;
use crate::grants::diff::people::{People, Person};
use crate::grants::finding::Severity;
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::snapshot::{Key, Kind};

/// Roles that applications are, or that they can become by SET ROLE.
#[derive(Debug)]
pub(super) struct Applications {
    login: Vec<bool>,
    applied: Vec<bool>,
    /// What each role may do with the database and its schemas, on the expected side; none for what is not there.
    seen: RefCell<HashMap<Key, Option<Vec<Privileges>>>>,
}

/// What nobody needs to read, write or call.
const RARE: Privileges = Privileges::of(&[Privilege::References, Privilege::Trigger]);

impl Applications {
    pub(super) fn new(people: &People<'_>) -> Self {
        let facts = people.expected.facts;
        let mut login = vec![false; people.len()];
        let mut becomes: Vec<Vec<(Person, bool)>> = vec![Vec::new(); people.len()];
        for row in facts.memberships.iter().filter(|row| row.set) {
            let member = people.expected.person(row.member);
            becomes[member].push((people.expected.person(row.role), row.inherit));
        }
        for (id, role) in facts.roles.iter() {
            let person = people.expected.person(id);
            let now = people.actual.id(person).map(|id| people.actual.facts.roles.get(id));
            // A superuser that is none any more is an application of what it was.
            login[person] = role.login && (!role.superuser || now.is_some_and(|now| !now.superuser));
        }
        let mut applied = login.clone();
        // What a role inherits it has itself, and loses itself; only what it must SET ROLE to counts apart.
        for person in (0..people.len()).filter(|&person| login[person]) {
            let mut seen = HashMap::from([(person, true)]);
            let mut next = vec![person];
            while let Some(role) = next.pop() {
                let inherited = seen[&role];
                for &(group, inherits) in &becomes[role] {
                    let inherits = inherited && inherits;
                    if seen.get(&group).is_none_or(|&known| !known && inherits) {
                        seen.insert(group, inherits);
                        next.push(group);
                    }
                }
            }
            for (group, inherited) in seen {
                applied[group] |= !inherited;
            }
        }
        Self { login, applied, seen: RefCell::default() }
    }
}

impl Judge<'_> {
    /// Whether it is, or was, a role that an application logs in with.
    pub(super) fn is_application(&self, name: &str) -> bool {
        self.people.find(name).is_some_and(|person| self.applications.login[person])
    }

    /// Whether an application is this role, inherits from it, or can become it.
    pub(super) fn serves_applications(&self, name: &str) -> bool {
        let Some(person) = self.people.find(name) else { return false };
        self.applications.applied[person]
            || (0..self.people.len())
                .any(|other| self.applications.login[other] && self.closures.has(false, other, person))
    }

    /// Whether a role could do this with the database or a schema. What a snapshot leaves out is as the server made
    /// it: open.
    fn could(&self, person: Person, key: &Key, privilege: Privilege) -> bool {
        let Some(id) = self.people.expected.id(person) else { return false };
        let mut seen = self.applications.seen.borrow_mut();
        if !seen.contains_key(key) {
            let object = self.context.expected.objects.get(key);
            seen.insert(key.clone(), object.map(|object| self.closures.before.on(key, object)));
        }
        let may = seen.get(key).and_then(Option::as_ref);
        may.is_none_or(|may| may[id.index()].has(privilege))
    }

    /// Whether a role could get at an object: into the database, and into its schema.
    pub(super) fn could_reach(&self, person: Person, key: &Key) -> bool {
        if key.kind == Kind::Database {
            return true;
        }
        self.could(person, &Key::database(), Privilege::Connect)
            && key.home().is_none_or(|schema| self.could(person, &schema, Privilege::Usage))
    }

    /// How much it hurts that a role may do this no more.
    pub(super) fn gravity(&self, person: Person, key: &Key, lost: Privileges) -> Severity {
        let name = self.people.name(person);
        let used = self.usage.statements(std::iter::once(name), key).is_some_and(|used| !used.is_empty());
        let reached = self.applications.applied[person] && self.could_reach(person, key);
        if !used && !reached {
            return if self.is_carried_by_others(person, key, lost) {
                Severity::Info
            } else {
                Severity::Minor
            };
        }
        let is_type = matches!(key.kind, Kind::Type | Kind::Domain);
        let rare = if is_type { Privilege::Usage.into() } else { RARE };
        if !used && (lost - rare).is_empty() { Severity::Minor } else { Severity::Blocker }
    }

    /// A group that no longer hands on what all its applications still have, by another way, is a regrouping.
    fn is_carried_by_others(&self, person: Person, key: &Key, lost: Privileges) -> bool {
        if self.people.expected.id(person).is_some_and(|id| self.context.expected.roles.get(id).login) {
            return false;
        }
        let mut heirs = (0..self.people.len())
            .filter(|&heir| self.applications.login[heir] && self.closures.has(false, heir, person))
            .peekable();
        heirs.peek().is_some()
            && heirs.all(|heir| {
                let found =
                    self.effects.binary_search_by(|effect| (&*effect.key, effect.person).cmp(&(key, heir)));
                found.map_or(true, |at| (self.effects[at].lost & lost).is_empty())
            })
    }

    /// The roles of applications that could do something with an object, with what.
    pub(super) fn users(&self, key: &Key) -> Vec<(Person, Privileges)> {
        let Some(object) = self.context.expected.objects.get(key) else { return Vec::new() };
        let may = self.closures.before.on(key, object);
        (0..self.people.len())
            .filter(|&person| self.applications.applied[person])
            .filter_map(|person| Some((person, may[self.people.expected.id(person)?.index()])))
            .filter(|&(person, may)| !may.is_empty() && self.could_reach(person, key))
            .collect()
    }
}
