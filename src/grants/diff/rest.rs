//! Settings, default privileges, values and coverage compared.

use std::collections::BTreeMap;

use super::acls::{self, Item};
use super::people::{People, Person, Side};
use crate::grants::change::{Change, Delta, Granted};
use crate::grants::snapshot::{Aspect, Key, Kind, SchemaObjects, Values};

pub(super) fn settings(people: &People<'_>, changes: &mut Vec<Change>) {
    let of = |side: &Side<'_>| -> BTreeMap<(bool, Option<Person>, String), String> {
        let place = |role| side.person(role);
        let rows = side.facts.settings.iter();
        rows.map(|row| ((row.in_database, row.role.map(place), row.name.clone()), row.value.clone()))
            .collect()
    };
    let (mut expected, mut actual) = (of(&people.expected), of(&people.actual));
    let mut keys: Vec<_> = expected.keys().chain(actual.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let delta = Delta { expected: expected.remove(&key), got: actual.remove(&key) };
        if delta.expected != delta.got {
            let (in_database, role, name) = key;
            let role = role.map(|person| people.name(person).to_owned());
            changes.push(Change::Setting { in_database, role, name, delta });
        }
    }
}

/// The kind of object that these will be.
pub(super) const fn kind(objects: SchemaObjects) -> Kind {
    match objects {
        SchemaObjects::Tables => Kind::Table,
        SchemaObjects::Sequences => Kind::Sequence,
        SchemaObjects::Functions => Kind::Function,
        SchemaObjects::Types => Kind::Type,
        SchemaObjects::Schemas => Kind::Schema,
        SchemaObjects::LargeObjects => Kind::LargeObject,
    }
}

type Place = (Person, Option<String>, SchemaObjects);

pub(super) fn default_privileges(people: &People<'_>, changes: &mut Vec<Change>) {
    let of = |side: &Side<'_>| -> BTreeMap<Place, Vec<Item>> {
        let rows = side.facts.default_privileges.iter();
        rows.map(|row| {
            let known = acls::comparable(people, kind(row.objects));
            let place = (side.person(row.creator), row.schema.clone(), row.objects);
            (place, acls::items(side, &row.acl, known))
        })
        .collect()
    };
    let (mut expected, mut actual) = (of(&people.expected), of(&people.actual));
    let mut places: Vec<Place> = expected.keys().chain(actual.keys()).cloned().collect();
    places.sort_unstable();
    places.dedup();
    for place in places {
        let (creator, schema, objects) = &place;
        // Without a row, and without a schema, the built-in default holds; with a schema the rows only add.
        let built_in = |side: &Side<'_>| match (schema, side.id(*creator)) {
            (None, Some(id)) => {
                let kind = kind(*objects);
                acls::items(side, &side.facts.default_acl(kind, id), acls::comparable(people, kind))
            }
            _ => Vec::new(),
        };
        let one = expected.remove(&place).unwrap_or_else(|| built_in(&people.expected));
        let other = actual.remove(&place).unwrap_or_else(|| built_in(&people.actual));
        let mut granted: BTreeMap<_, (Option<Granted>, Option<Granted>)> = BTreeMap::new();
        let tell = |item: &Item| Granted {
            by: people.name(item.by).to_owned(),
            privileges: item.privileges,
            grantable: item.grantable,
        };
        for item in &one {
            granted.entry(item.to).or_default().0 = Some(tell(item));
        }
        for item in &other {
            granted.entry(item.to).or_default().1 = Some(tell(item));
        }
        for (to, (expected, got)) in granted {
            if expected != got {
                changes.push(Change::DefaultPrivilege {
                    creator: people.name(*creator).to_owned(),
                    schema: schema.clone(),
                    objects: *objects,
                    to: people.who(to),
                    delta: Delta { expected, got },
                });
            }
        }
    }
}

/// Only what hurts: a sequence that is behind, rows that are gone. Being ahead costs nothing.
pub(super) fn values(people: &People<'_>, values: &Values, actual: &Values, changes: &mut Vec<Change>) {
    let there = |key: &Key| people.actual.facts.objects.contains_key(key);
    for (key, &expected) in values.sequences.iter().filter(|(key, _)| there(key)) {
        let got = actual.sequences.get(key).copied();
        // A sequence below zero counts down.
        let behind = got.map(|got| if expected < 0 { got > expected } else { got < expected });
        let unread = got.is_none() && !people.actual.facts.lacks(Aspect::SequenceValues);
        if behind == Some(true) || unread {
            let delta = Delta { expected: Some(expected), got };
            changes.push(Change::Sequence { key: key.clone(), delta });
        }
    }
    for (key, &expected) in values.populated.iter().filter(|(key, _)| there(key)) {
        let got = actual.populated.get(key).copied();
        if expected && got != Some(true) {
            let delta = Delta { expected: Some(expected), got };
            changes.push(Change::Populated { key: key.clone(), delta });
        }
    }
}

pub(super) fn coverage(people: &People<'_>, changes: &mut Vec<Change>) {
    for (side, after) in [(&people.expected, false), (&people.actual, true)] {
        for gap in &side.facts.coverage {
            changes.push(Change::Unreadable { aspect: gap.aspect, why: gap.why.clone(), after });
        }
    }
}
