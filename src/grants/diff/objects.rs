//! Objects compared: which there are, owners, grants, facts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::iter::Peekable;

use super::acls;
use super::people::{People, Side};
use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};
use crate::grants::change::{Change, Delta, Told, Who};
use crate::grants::snapshot::{Attribute, Fact, Key, Kind, Object};

/// The same name on both sides.
pub(super) struct Pair<'f> {
    pub(super) key: &'f Key,
    pub(super) expected: Option<Cow<'f, Object>>,
    pub(super) actual: Option<Cow<'f, Object>>,
}

/// Every object of both sides, in order of names.
pub(super) fn pairs<'p, 'f>(people: &'p People<'f>) -> impl Iterator<Item = Pair<'f>> + use<'p, 'f> {
    let mut expected = people.expected.facts.objects.iter().peekable();
    let mut actual = people.actual.facts.objects.iter().peekable();
    std::iter::from_fn(move || {
        let (key, expected, actual) = next(&mut expected, &mut actual)?;
        let (expected, actual) = match (expected, actual) {
            (Some(object), None) => {
                (Some(Cow::Borrowed(object)), untouched(key, object, &people.expected, &people.actual))
            }
            (None, Some(object)) => {
                (untouched(key, object, &people.actual, &people.expected), Some(Cow::Borrowed(object)))
            }
            (expected, actual) => (expected.map(Cow::Borrowed), actual.map(Cow::Borrowed)),
        };
        Some(Pair { key, expected, actual })
    })
    .filter(|pair| is_known_to_both(people, pair.key))
}

type Entry<'f> = (&'f Key, &'f Object);

fn next<'f>(
    expected: &mut Peekable<impl Iterator<Item = Entry<'f>>>,
    actual: &mut Peekable<impl Iterator<Item = Entry<'f>>>,
) -> Option<(&'f Key, Option<&'f Object>, Option<&'f Object>)> {
    let order = match (expected.peek(), actual.peek()) {
        (Some((one, _)), Some((other, _))) => one.cmp(other),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => return None,
    };
    Some(match order {
        std::cmp::Ordering::Less => expected.next().map(|(key, object)| (key, Some(object), None))?,
        std::cmp::Ordering::Greater => actual.next().map(|(key, object)| (key, None, Some(object)))?,
        std::cmp::Ordering::Equal => {
            let (key, one) = expected.next()?;
            (key, Some(one), actual.next().map(|(_, other)| other))
        }
    })
}

/// Parameters have ACLs from 15 on.
fn is_known_to_both(people: &People<'_>, key: &Key) -> bool {
    let sides = [&people.expected, &people.actual];
    key.kind != Kind::Parameter || sides.iter().all(|side| side.facts.server.major() >= 15)
}

/// Whether a snapshot leaves it out as long as it is as the server made it.
pub(super) fn is_the_servers(key: &Key) -> bool {
    let schema = if key.kind == Kind::Schema { Some(&*key.name) } else { key.schema.as_deref() };
    key.kind == Kind::Parameter || matches!(schema, Some("pg_catalog" | "information_schema"))
}

/// What a snapshot that leaves out the server's own object would hold.
fn untouched<'f>(key: &Key, object: &Object, from: &Side<'_>, to: &Side<'_>) -> Option<Cow<'f, Object>> {
    if !is_the_servers(key) {
        return None;
    }
    let role = |id: RoleId| to.facts.roles.id(from.name(id));
    let item = |item: &AclItem| {
        let grantee = match item.to {
            Grantee::Public => Grantee::Public,
            Grantee::Role(id) => Grantee::Role(role(id)?),
        };
        Some(AclItem { to: grantee, by: role(item.by)?, ..*item })
    };
    let acl = |acl: &Acl| Acl::new(acl.items().iter().filter_map(item).collect());
    // Who may change a parameter without being asked has its own grant as soon as there is another.
    let own = |acl: &Acl| {
        let own = acl.items().iter().filter(|item| item.to == Grantee::Role(item.by));
        Acl::new(own.filter_map(item).collect())
    };
    let untouched = match &object.initial {
        None if key.kind == Kind::Parameter => object.acl.as_ref().map(own),
        initial => initial.as_ref().map(acl),
    };
    // Who granted the initial privileges is the owner that `initdb` gave it.
    let first = object.initial.as_ref().and_then(|acl| acl.items().first()).map(|item| item.by);
    Some(Cow::Owned(Object {
        owner: first.or(object.owner).and_then(role),
        acl: untouched,
        initial: object.initial.as_ref().map(acl),
        columns: object.columns.keys().map(|name| (name.clone(), None)).collect(),
        facts: object.facts.clone(),
    }))
}

pub(super) fn compare(people: &People<'_>, changes: &mut Vec<Change>) {
    for Pair { key, expected, actual } in pairs(people) {
        let owner = |side: &Side<'_>, object: &Object| object.owner.map(|id| side.name(id).to_owned());
        match (expected, actual) {
            (Some(expected), Some(actual)) => in_both(people, key, &expected, &actual, changes),
            (expected, actual) => changes.push(Change::Object {
                key: key.clone(),
                delta: Delta {
                    expected: expected.map(|object| owner(&people.expected, &object)),
                    got: actual.map(|object| owner(&people.actual, &object)),
                },
            }),
        }
    }
}

fn in_both(people: &People<'_>, key: &Key, expected: &Object, actual: &Object, changes: &mut Vec<Change>) {
    let owners = (
        expected.owner.map(|id| people.expected.person(id)),
        actual.owner.map(|id| people.actual.person(id)),
    );
    if owners.0 != owners.1 {
        let name = |person| people.name(person).to_owned();
        let delta = Delta { expected: owners.0.map(name), got: owners.1.map(name) };
        changes.push(Change::Owner { key: key.clone(), delta });
    }
    if !acls::plainly_same(people, expected, actual) {
        let known = acls::comparable(people, key.kind);
        let one = acls::items(&people.expected, &acls::in_force(&people.expected, key, expected), known);
        let other = acls::items(&people.actual, &acls::in_force(&people.actual, key, actual), known);
        acls::compare(people, key, &one, &as_owned_by(owners, other), changes);
    }
    if expected.columns != actual.columns || !people.are_the_same() || owners.0 != owners.1 {
        columns(people, key, (expected, actual), owners, changes);
    }
    if expected.facts != actual.facts || !people.are_the_same() {
        facts(people, key, expected, actual, changes);
    }
}

type Owners = (Option<usize>, Option<usize>);

/// What the grants would be had the owner not changed: giving it back gives these back.
fn as_owned_by((expected, actual): Owners, items: Vec<acls::Item>) -> Vec<acls::Item> {
    match (expected, actual) {
        (Some(expected), Some(actual)) if expected != actual => acls::with_owner(items, actual, expected),
        _ => items,
    }
}

fn columns(
    people: &People<'_>,
    key: &Key,
    (expected, actual): (&Object, &Object),
    owners: Owners,
    changes: &mut Vec<Change>,
) {
    let known = acls::comparable(people, Kind::Column);
    // Of the server's own relations only columns with grants are kept.
    let none = is_the_servers(key).then_some(&None);
    for (name, acl) in &expected.columns {
        let Some(other) = actual.columns.get(name).or(none) else {
            let delta = Delta { expected: Some(None), got: None };
            changes.push(Change::Object { key: key.column(name), delta });
            continue;
        };
        if acl.is_none() && other.is_none() {
            continue;
        }
        let list = |side: &Side<'_>, acl: &Option<Acl>| {
            acl.as_ref().map(|acl| acls::items(side, acl, known)).unwrap_or_default()
        };
        let one = list(&people.expected, acl);
        let other = as_owned_by(owners, list(&people.actual, other));
        if one != other {
            acls::compare(people, &key.column(name), &one, &other, changes);
        }
    }
    for (name, acl) in actual.columns.iter().filter(|(name, _)| !expected.columns.contains_key(*name)) {
        if let (Some(_), Some(acl)) = (none, acl) {
            let other = as_owned_by(owners, acls::items(&people.actual, acl, known));
            acls::compare(people, &key.column(name), &[], &other, changes);
        } else {
            let delta = Delta { expected: None, got: Some(None) };
            changes.push(Change::Object { key: key.column(name), delta });
        }
    }
}

fn facts(people: &People<'_>, key: &Key, expected: &Object, actual: &Object, changes: &mut Vec<Change>) {
    let told = |side: &Side<'_>, facts: &BTreeMap<Attribute, Fact>| -> BTreeMap<Attribute, Told> {
        let name = |to: &Grantee| match to {
            Grantee::Public => Who::Public,
            Grantee::Role(id) => Who::Role(side.name(*id).to_owned()),
        };
        let tell = |fact: &Fact| match fact {
            Fact::Text(text) => Told::Text(text.clone()),
            Fact::List(list) => Told::List(list.clone()),
            Fact::Roles(roles) => {
                let mut names: Vec<Who> = roles.iter().map(name).collect();
                names.sort_unstable();
                Told::Roles(names)
            }
        };
        facts.iter().map(|(&attribute, fact)| (attribute, tell(fact))).collect()
    };
    let (mut one, mut other) = (told(&people.expected, &expected.facts), told(&people.actual, &actual.facts));
    let mut attributes: Vec<Attribute> = one.keys().chain(other.keys()).copied().collect();
    attributes.sort_unstable();
    attributes.dedup();
    for attribute in attributes {
        let delta = Delta { expected: one.remove(&attribute), got: other.remove(&attribute) };
        if delta.expected != delta.got {
            changes.push(Change::Fact { key: key.clone(), attribute, delta });
        }
    }
}
