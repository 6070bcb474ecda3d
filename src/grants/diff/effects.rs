//! Effective sets of both sides compared: what each role may do no more, and what it may do now.

use std::rc::Rc;

use super::acls;
use super::objects::{Pair, pairs};
use super::people::{People, Person, Side};
use crate::grants::acl::{Acl, Grantee};
use crate::grants::effective::Effective;
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Key, Kind, Object};

/// What one role gains and loses on one object or column that is on both sides.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) person: Person,
    pub(super) key: Rc<Key>,
    pub(super) lost: Privileges,
    pub(super) gained: Privileges,
}

/// Both sides' memberships, closed.
#[derive(Debug)]
pub(super) struct Closures<'f> {
    pub(super) before: Effective<'f>,
    pub(super) after: Effective<'f>,
    /// By person and group, on the expected side: whether one has the other's privileges.
    has_before: Vec<Vec<bool>>,
    /// The same on the actual side.
    has_after: Vec<Vec<bool>>,
    /// Roles on both sides that inherit from others than before, or are superusers no more or now.
    affected: Vec<Person>,
    /// By person: a role that somebody inherits from on one side only.
    touched: Vec<bool>,
    /// Somebody became, or is no longer, a superuser.
    everything: bool,
}

impl<'f> Closures<'f> {
    pub(super) fn new(people: &People<'f>) -> Self {
        let before = Effective::new(people.expected.facts);
        let after = Effective::new(people.actual.facts);
        let (mut affected, mut touched, mut everything) = (Vec::new(), vec![false; people.len()], false);
        let has_before = reached(people, &people.expected, &before);
        let has_after = reached(people, &people.actual, &after);
        for person in 0..people.len() {
            let (Some(one), Some(other)) = (people.expected.id(person), people.actual.id(person)) else {
                continue;
            };
            let mut differs = false;
            for group in 0..people.len() {
                if has_before[person][group] != has_after[person][group] {
                    touched[group] = true;
                    differs = true;
                }
            }
            let is_superuser = |side: &Side<'_>, id| side.facts.roles.get(id).superuser;
            if is_superuser(&people.expected, one) != is_superuser(&people.actual, other) {
                everything = true;
                differs = true;
            }
            if differs {
                affected.push(person);
            }
        }
        Self { before, after, has_before, has_after, affected, touched, everything }
    }

    /// Whether this role has another's privileges on the expected side or, with `after`, the actual one.
    pub(super) fn has(&self, after: bool, person: Person, group: Person) -> bool {
        let closure = if after { &self.has_after } else { &self.has_before };
        closure[person][group]
    }

    /// Whether a role on both sides inherits from others than before, or is a superuser no more or now.
    pub(super) fn is_affected(&self, person: Person) -> bool {
        self.affected.binary_search(&person).is_ok()
    }

    /// Whether the change of memberships can matter to these grants.
    fn concerns(&self, side: &Side<'_>, acl: &Acl) -> bool {
        acl.items().iter().any(|item| match item.to {
            Grantee::Public => false,
            Grantee::Role(id) => self.touched[side.person(id)],
        })
    }
}

/// By person and group: whether one has the other's privileges on this side.
fn reached(people: &People<'_>, side: &Side<'_>, closure: &Effective<'_>) -> Vec<Vec<bool>> {
    let of = |person: Person| {
        let mut has = vec![false; people.len()];
        for &group in side.id(person).map(|id| closure.groups(id)).unwrap_or_default() {
            has[side.person(group)] = true;
        }
        has
    };
    (0..people.len()).map(of).collect()
}

/// Every difference of what a role on both sides may do with an object on both sides, by object and role.
pub(super) fn effects(people: &People<'_>, closures: &Closures<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let everywhere = closures.everything
        || ["pg_read_all_data", "pg_write_all_data", "pg_maintain"]
            .iter()
            .any(|name| people.find(name).is_some_and(|person| closures.touched[person]));
    let everybody: Vec<Person> = (0..people.len())
        .filter(|&person| people.expected.id(person).is_some() && people.actual.id(person).is_some())
        .collect();
    for Pair { key, expected, actual } in pairs(people) {
        let (Some(expected), Some(actual)) = (expected, actual) else { continue };
        on_object(people, closures, key, (&expected, &actual), (everywhere, &everybody), &mut effects);
    }
    effects.sort_unstable_by(|one, other| (&one.key, one.person).cmp(&(&other.key, other.person)));
    effects
}

fn on_object(
    people: &People<'_>,
    closures: &Closures<'_>,
    key: &Key,
    (expected, actual): (&Object, &Object),
    (everywhere, everybody): (bool, &[Person]),
    effects: &mut Vec<Effect>,
) {
    let known = acls::comparable(people, key.kind);
    let mut whom: &[Person] = &[];
    if everywhere {
        whom = &closures.affected;
    }
    if !acls::plainly_same(people, expected, actual) || !closures.affected.is_empty() {
        let one = acls::in_force(&people.expected, key, expected);
        let other = acls::in_force(&people.actual, key, actual);
        if closures.concerns(&people.expected, &one) || closures.concerns(&people.actual, &other) {
            whom = &closures.affected;
        }
        if acls::items(&people.expected, &one, known) != acls::items(&people.actual, &other, known) {
            whom = everybody;
        }
    }
    let columns = columns_that_differ(people, closures, key.kind, expected, actual, everybody);
    if whom.is_empty() && columns.is_empty() {
        return;
    }
    let before = closures.before.on(key, expected);
    let after = closures.after.on(key, actual);
    let both = |person: Person, before: &[Privileges], after: &[Privileges]| {
        let of = |side: &Side<'_>, may: &[Privileges]| {
            side.id(person).map_or(Privileges::NONE, |id| may[id.index()])
        };
        (of(&people.expected, before) & known, of(&people.actual, after) & known)
    };
    let mut push = |person, key: &Rc<Key>, lost: Privileges, gained: Privileges| {
        if !lost.is_empty() || !gained.is_empty() {
            effects.push(Effect { person, key: Rc::clone(key), lost, gained });
        }
    };
    let key = Rc::new(key.clone());
    for &person in whom {
        let (may, may_now) = both(person, &before, &after);
        push(person, &key, may - may_now, may_now - may);
    }
    for (name, acls, whom) in columns {
        let column_before = closures.before.on_column(&before, acls.0);
        let column_after = closures.after.on_column(&after, acls.1);
        let column = Rc::new(key.column(name));
        for &person in whom {
            let (all, all_now) = both(person, &before, &after);
            let (may, may_now) = both(person, &column_before, &column_after);
            // What is lost on the whole relation is told there.
            push(person, &column, may - may_now - (all - all_now), may_now - may - (all_now - all));
        }
    }
}

type Column<'o, 'w> = (&'o str, (Option<&'o Acl>, Option<&'o Acl>), &'w [Person]);

fn columns_that_differ<'o, 'w>(
    people: &People<'_>,
    closures: &'w Closures<'_>,
    kind: Kind,
    expected: &'o Object,
    actual: &'o Object,
    everybody: &'w [Person],
) -> Vec<Column<'o, 'w>> {
    if !kind.is_relation() {
        return Vec::new();
    }
    let known = acls::comparable(people, Kind::Column);
    let mut columns = Vec::new();
    for (name, one) in &expected.columns {
        let Some(other) = actual.columns.get(name) else { continue };
        if one.is_none() && other.is_none() {
            continue;
        }
        let list = |side: &Side<'_>, acl: &Option<Acl>| {
            acl.as_ref().map(|acl| acls::items(side, acl, known)).unwrap_or_default()
        };
        let concerns =
            |side: &Side<'_>, acl: &Option<Acl>| acl.as_ref().is_some_and(|acl| closures.concerns(side, acl));
        let acls = (one.as_ref(), other.as_ref());
        if list(&people.expected, one) != list(&people.actual, other) {
            columns.push((&**name, acls, everybody));
        } else if concerns(&people.expected, one) || concerns(&people.actual, other) {
            columns.push((&**name, acls, closures.affected.as_slice()));
        }
    }
    columns
}
