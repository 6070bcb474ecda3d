//! ACLs of two sides compared: what NULL stands for on each server, and what only their versions make different.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::people::{People, Person, Side, To};
use crate::grants::acl::Acl;
use crate::grants::change::{Change, Delta, Granted};
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::snapshot::{Key, Kind, Object};

/// One grant, roles by their common places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) to: To,
    pub(super) by: Person,
    pub(super) privileges: Privileges,
    pub(super) grantable: Privileges,
}

/// The privileges of a kind that both servers know.
pub(super) fn comparable(people: &People<'_>, kind: Kind) -> Privileges {
    let oldest = people.expected.facts.server.major().min(people.actual.facts.server.major());
    let all = kind.privileges();
    if oldest < 17 { all - Privilege::Maintain.into() } else { all }
}

/// The grants in force on an object or one of its columns.
pub(super) fn items(side: &Side<'_>, acl: &Acl, known: Privileges) -> Vec<Item> {
    let mut items: Vec<Item> = acl
        .items()
        .iter()
        .map(|item| Item {
            to: side.to(item.to),
            by: side.person(item.by),
            privileges: item.privileges & known,
            grantable: item.grantable & known,
        })
        .filter(|item| !item.privileges.is_empty())
        .collect();
    items.sort_unstable();
    items
}

/// The ACL in force on an object; empty for one that has none.
pub(super) fn in_force<'o>(side: &Side<'_>, key: &Key, object: &'o Object) -> Cow<'o, Acl> {
    match &object.acl {
        Some(acl) => Cow::Borrowed(acl),
        None => Cow::Owned(side.facts.acl(key, object).unwrap_or_default()),
    }
}

/// Whether the grants on an object are the same without looking at each: the same list, or NULL on both.
pub(super) fn plainly_same(people: &People<'_>, expected: &Object, actual: &Object) -> bool {
    people.are_the_same() && expected.owner == actual.owner && expected.acl == actual.acl
}

/// What ALTER ... OWNER TO does to an ACL (`aclnewowner`): the new owner steps into the old one's place.
pub(super) fn with_owner(items: Vec<Item>, old: Person, new: Person) -> Vec<Item> {
    let mut merged: BTreeMap<(To, Person), (Privileges, Privileges)> = BTreeMap::new();
    let step = |person: Person| if person == old { new } else { person };
    for item in items {
        let grant = merged.entry((item.to.map(step), step(item.by))).or_default();
        grant.0 |= item.privileges;
        grant.1 |= item.grantable;
    }
    merged
        .into_iter()
        .map(|((to, by), (privileges, grantable))| Item { to, by, privileges, grantable })
        .collect()
}

/// One change for each grantor and grantee whose grants differ.
pub(super) fn compare(
    people: &People<'_>,
    key: &Key,
    expected: &[Item],
    actual: &[Item],
    changes: &mut Vec<Change>,
) {
    if expected == actual {
        return;
    }
    let mut grants: BTreeMap<(To, Person), (Option<Granted>, Option<Granted>)> = BTreeMap::new();
    let granted = |item: &Item| Granted {
        by: people.name(item.by).to_owned(),
        privileges: item.privileges,
        grantable: item.grantable,
    };
    for item in expected {
        grants.entry((item.to, item.by)).or_default().0 = Some(granted(item));
    }
    for item in actual {
        grants.entry((item.to, item.by)).or_default().1 = Some(granted(item));
    }
    for ((to, _), (expected, got)) in grants {
        if expected != got {
            changes.push(Change::Grant {
                key: key.clone(),
                to: people.who(to),
                delta: Delta { expected, got },
            });
        }
    }
}
