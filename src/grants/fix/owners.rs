//! What a change of owners leaves behind: ACLs are rewritten (`aclnewowner`), and sequences follow their tables.

use std::collections::BTreeMap;

use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};
use crate::grants::change::{Change, Delta};
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Attribute, Facts, Key, Kind};

/// The facts after the statements of the first phases: roles that are missing are there, objects have their owners.
pub(super) fn moved(actual: &Facts, changes: &[Change]) -> Facts {
    let missing = changes.iter().filter_map(|change| {
        let Change::Role { delta: Delta { expected: Some(expected), .. }, .. } = change else { return None };
        Some(expected.clone())
    });
    let mut facts = actual.with_roles(missing.collect());
    for change in changes {
        let Change::Owner { key, delta: Delta { expected: Some(expected), .. } } = change else { continue };
        let Some(new) = facts.roles.id(expected) else { continue };
        give(&mut facts, key, new);
        if key.kind == Kind::Table {
            for sequence in sequences_of(&facts, key) {
                give(&mut facts, &sequence, new);
            }
        }
    }
    facts
}

fn give(facts: &mut Facts, key: &Key, new: RoleId) {
    let Some(object) = facts.objects.get_mut(key) else { return };
    let Some(old) = object.owner.replace(new) else { return };
    for acl in object.acl.iter_mut().chain(object.columns.values_mut().flatten()) {
        *acl = rewritten(acl, old, new);
    }
}

/// Every mention of the old owner becomes the new one; what then stands twice is joined.
fn rewritten(acl: &Acl, old: RoleId, new: RoleId) -> Acl {
    let swap = |role| if role == old { new } else { role };
    let mut joined: BTreeMap<(Grantee, RoleId), (Privileges, Privileges)> = BTreeMap::new();
    for item in acl.items() {
        let to = match item.to {
            Grantee::Public => Grantee::Public,
            Grantee::Role(role) => Grantee::Role(swap(role)),
        };
        let (privileges, grantable) = joined.entry((to, swap(item.by))).or_default();
        *privileges |= item.privileges;
        *grantable |= item.grantable;
    }
    let item = |((to, by), (privileges, grantable))| AclItem { to, by, privileges, grantable };
    Acl::new(joined.into_iter().map(item).collect())
}

/// The sequences of a table's serial and identity columns. `OwnedBy` holds the column's key.
fn sequences_of(facts: &Facts, table: &Key) -> Vec<Key> {
    let owned = |object: &crate::grants::snapshot::Object| {
        let column: Key = object.text(Attribute::OwnedBy)?.parse().ok()?;
        (column.schema == table.schema && column.of.as_deref() == Some(&table.name)).then_some(())
    };
    let sequences = facts.objects.iter().filter(|(key, _)| key.kind == Kind::Sequence);
    sequences.filter(|(_, object)| owned(object).is_some()).map(|(key, _)| key.clone()).collect()
}
