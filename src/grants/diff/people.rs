//! The roles of two databases under one numbering, by name.

use crate::grants::acl::{Grantee, RoleId};
use crate::grants::change::Who;
use crate::grants::snapshot::Facts;

/// A role by its place among the names of both sides.
pub(super) type Person = usize;

/// Who is granted something; none is PUBLIC.
pub(super) type To = Option<Person>;

/// One side's facts with its roles' places.
#[derive(Debug)]
pub(super) struct Side<'f> {
    pub(super) facts: &'f Facts,
    people: Vec<Person>,
    ids: Vec<Option<RoleId>>,
}

/// The names of both sides, sorted.
#[derive(Debug)]
pub(super) struct People<'f> {
    names: Vec<&'f str>,
    pub(super) expected: Side<'f>,
    pub(super) actual: Side<'f>,
}

impl<'f> People<'f> {
    pub(super) fn new(expected: &'f Facts, actual: &'f Facts) -> Self {
        let mut names: Vec<&str> =
            expected.roles.iter().chain(actual.roles.iter()).map(|(_, role)| role.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let side = |facts: &'f Facts| {
            let mut ids = vec![None; names.len()];
            let mut people = Vec::with_capacity(facts.roles.len());
            let mut person = 0;
            for (id, role) in facts.roles.iter() {
                // Both are sorted, and every name of a side is among the names.
                while names[person] != role.name {
                    person += 1;
                }
                people.push(person);
                ids[person] = Some(id);
            }
            Side { facts, people, ids }
        };
        let (expected, actual) = (side(expected), side(actual));
        Self { names, expected, actual }
    }

    pub(super) fn name(&self, person: Person) -> &'f str {
        self.names[person]
    }

    pub(super) fn who(&self, to: To) -> Who {
        to.map_or(Who::Public, |person| Who::Role(self.names[person].to_owned()))
    }

    pub(super) const fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<Person> {
        self.names.binary_search(&name).ok()
    }

    /// Whether both sides have the same roles: then their ids mean the same.
    pub(super) fn are_the_same(&self) -> bool {
        self.expected.people.len() == self.names.len() && self.actual.people.len() == self.names.len()
    }
}

impl<'f> Side<'f> {
    pub(super) fn person(&self, id: RoleId) -> Person {
        self.people[id.index()]
    }

    pub(super) fn to(&self, grantee: Grantee) -> To {
        match grantee {
            Grantee::Public => None,
            Grantee::Role(id) => Some(self.person(id)),
        }
    }

    pub(super) fn id(&self, person: Person) -> Option<RoleId> {
        self.ids[person]
    }

    pub(super) fn name(&self, id: RoleId) -> &'f str {
        self.facts.roles.name(id)
    }
}
