//! Roles and memberships compared.

use std::collections::BTreeMap;

use super::people::{People, Person, Side};
use crate::grants::change::{Change, Delta, MembershipOptions};
use crate::grants::snapshot::Role;

pub(super) fn compare(people: &People<'_>, changes: &mut Vec<Change>) {
    for person in 0..people.len() {
        let of = |side: &Side<'_>| side.id(person).map(|id| side.facts.roles.get(id).clone());
        let (expected, got) = (of(&people.expected), of(&people.actual));
        if is_same(expected.as_ref(), got.as_ref()) {
            continue;
        }
        changes.push(Change::Role { name: people.name(person).to_owned(), delta: Delta { expected, got } });
    }
    memberships(people, changes);
}

/// Which predefined roles there are is the server's version. A password's kind that is not readable is told once, by
/// the coverage.
fn is_same(expected: Option<&Role>, got: Option<&Role>) -> bool {
    match (expected, got) {
        (Some(expected), Some(got)) => {
            let password =
                if expected.password.is_none() || got.password.is_none() { None } else { expected.password };
            let got_password = if password.is_none() { None } else { got.password };
            Role { password, ..expected.clone() } == Role { password: got_password, ..got.clone() }
        }
        (Some(one), None) | (None, Some(one)) => one.is_predefined(),
        (None, None) => true,
    }
}

type Pair = (Person, Person);

/// From 16 on, several grantors can give the same membership: the options of all of them hold.
fn of(side: &Side<'_>) -> BTreeMap<Pair, MembershipOptions> {
    let mut memberships: BTreeMap<Pair, MembershipOptions> = BTreeMap::new();
    for row in &side.facts.memberships {
        let (role, member) = (side.person(row.role), side.person(row.member));
        let by = side.name(row.by);
        memberships
            .entry((role, member))
            .and_modify(|known| {
                known.by = format!("{}, {by}", known.by);
                known.admin |= row.admin;
                known.inherit |= row.inherit;
                known.set |= row.set;
            })
            .or_insert_with(|| MembershipOptions {
                by: by.to_owned(),
                admin: row.admin,
                inherit: row.inherit,
                set: row.set,
            });
    }
    memberships
}

fn memberships(people: &People<'_>, changes: &mut Vec<Change>) {
    let (mut expected, mut actual) = (of(&people.expected), of(&people.actual));
    let versions = [&people.expected, &people.actual].map(|side| side.facts.server.major());
    let mut pairs: Vec<Pair> = expected.keys().chain(actual.keys()).copied().collect();
    pairs.sort_unstable();
    pairs.dedup();
    for (role, member) in pairs {
        let delta = Delta { expected: expected.remove(&(role, member)), got: actual.remove(&(role, member)) };
        if delta.expected == delta.got {
            continue;
        }
        let predefined = [role, member].iter().all(|&person| people.name(person).starts_with("pg_"));
        if predefined && versions[0] != versions[1] {
            continue;
        }
        if let (Some(one), Some(other)) = (&delta.expected, &delta.got) {
            // From 16 on only who has the ADMIN option can be a grantor: what a dump of 15 says is rewritten.
            let rewritten =
                versions.iter().any(|&major| major < 16) && versions.iter().any(|&major| major >= 16);
            let rewritten_one = MembershipOptions { by: other.by.clone(), ..one.clone() };
            if rewritten && rewritten_one == *other {
                continue;
            }
        }
        changes.push(Change::Membership {
            role: people.name(role).to_owned(),
            member: people.name(member).to_owned(),
            delta,
        });
    }
}
