//! What every role may do in the end, computed from the raw ACLs by PostgreSQL's own rules (`aclmask`,
//! `roles_is_member_of`, `pg_class_aclmask_ext`), because asking the server role by role takes a hundred times longer.

use super::acl::{Acl, Grantee, RoleId};
use super::privilege::{Privilege, Privileges};
use super::snapshot::{Facts, Key, Kind, Object};

/// Who inherits from whom, closed over all steps.
#[derive(Debug)]
pub struct Effective<'f> {
    facts: &'f Facts,
    /// By role: the roles whose privileges it has without SET ROLE, itself first.
    has: Vec<Vec<RoleId>>,
    /// By role: the roles that have its privileges, itself first.
    held_by: Vec<Vec<RoleId>>,
    superusers: Vec<bool>,
}

/// A predefined role that reads or writes everything of some kinds.
const EVERYWHERE: &[(&str, &[(Kind, Privileges)])] = &[
    (
        "pg_read_all_data",
        &[
            (Kind::Table, READ),
            (Kind::View, READ),
            (Kind::MaterializedView, READ),
            (Kind::ForeignTable, READ),
            (Kind::Sequence, READ),
            (Kind::Schema, LOOK),
        ],
    ),
    (
        "pg_write_all_data",
        &[
            (Kind::Table, WRITE),
            (Kind::View, WRITE),
            (Kind::MaterializedView, WRITE),
            (Kind::ForeignTable, WRITE),
            (Kind::Sequence, CHANGE),
            (Kind::Schema, LOOK),
        ],
    ),
    (
        "pg_maintain",
        &[
            (Kind::Table, MAINTAIN),
            (Kind::MaterializedView, MAINTAIN),
            (Kind::ForeignTable, MAINTAIN),
            (Kind::View, MAINTAIN),
        ],
    ),
];
const READ: Privileges = Privileges::of(&[Privilege::Select]);
const WRITE: Privileges = Privileges::of(&[Privilege::Insert, Privilege::Update, Privilege::Delete]);
const CHANGE: Privileges = Privileges::of(&[Privilege::Update]);
const LOOK: Privileges = Privileges::of(&[Privilege::Usage]);
const CATALOG_CHANGES: Privileges =
    Privileges::of(&[Privilege::Insert, Privilege::Update, Privilege::Delete, Privilege::Truncate]);
const MAINTAIN: Privileges = Privileges::of(&[Privilege::Maintain]);

impl<'f> Effective<'f> {
    /// Close the memberships of these facts.
    #[must_use]
    pub fn new(facts: &'f Facts) -> Self {
        let count = facts.roles.len();
        let mut groups: Vec<Vec<RoleId>> = vec![Vec::new(); count];
        for membership in facts.memberships.iter().filter(|membership| membership.inherit) {
            groups[membership.member.index()].push(membership.role);
        }
        if let Some((owner, group)) = facts.database_ownership() {
            groups[owner.index()].push(group);
        }
        let mut has = Vec::with_capacity(count);
        let mut held_by: Vec<Vec<RoleId>> = vec![Vec::new(); count];
        // By role: the last one that it was reached from. A fresh list of marks for each role would be quadratic.
        let mut seen_from: Vec<Option<RoleId>> = vec![None; count];
        for (id, _) in facts.roles.iter() {
            seen_from[id.index()] = Some(id);
            let mut closed = vec![id];
            let mut next = 0;
            while let Some(&role) = closed.get(next) {
                next += 1;
                for &group in &groups[role.index()] {
                    if seen_from[group.index()].replace(id) != Some(id) {
                        closed.push(group);
                    }
                }
            }
            for role in &closed {
                held_by[role.index()].push(id);
            }
            has.push(closed);
        }
        let superusers = facts.roles.iter().map(|(_, role)| role.superuser).collect();
        Self { facts, has, held_by, superusers }
    }

    /// The roles whose privileges this one has without SET ROLE, itself first.
    #[must_use]
    pub fn groups(&self, role: RoleId) -> &[RoleId] {
        &self.has[role.index()]
    }

    /// What each role may do with an object, by role; `reachable` is another question.
    #[must_use]
    pub fn on(&self, key: &Key, object: &Object) -> Vec<Privileges> {
        let mut may = vec![Privileges::NONE; self.facts.roles.len()];
        match (&object.acl, object.owner) {
            (Some(acl), _) => self.add(acl, &mut may),
            (None, Some(owner)) => self.add(&self.facts.default_acl(key.kind, owner), &mut may),
            (None, None) => {}
        }
        self.add_everywhere(key.kind, &mut may);
        // Nobody but a superuser changes catalogs, whatever is granted (`pg_class_aclmask_ext`).
        if key.kind == Kind::Table && key.schema.as_deref() == Some("pg_catalog") {
            for (may, _) in may.iter_mut().zip(&self.superusers).filter(|&(_, &superuser)| !superuser) {
                *may = *may - CATALOG_CHANGES;
            }
        }
        may
    }

    /// What each role may do with a column: what it may with the relation, or the column's own grants.
    #[must_use]
    pub fn on_column(&self, relation: &[Privileges], acl: Option<&Acl>) -> Vec<Privileges> {
        let columns = Kind::Column.privileges();
        let mut may: Vec<_> = relation.iter().map(|&privileges| privileges & columns).collect();
        if let Some(acl) = acl {
            self.add(acl, &mut may);
        }
        may
    }

    /// What a role gives by its name alone, such as `pg_read_all_data`, on every object of a kind.
    #[must_use]
    pub fn everywhere(&self, role: RoleId, kind: Kind) -> Privileges {
        let name = self.facts.roles.name(role);
        let kinds = EVERYWHERE.iter().filter(|(one, _)| *one == name).flat_map(|(_, kinds)| kinds.iter());
        kinds.filter(|(one, _)| *one == kind).fold(Privileges::NONE, |set, (_, privileges)| set | *privileges)
    }

    fn add(&self, acl: &Acl, may: &mut [Privileges]) {
        for item in acl.items() {
            match item.to {
                Grantee::Public => may.iter_mut().for_each(|may| *may |= item.privileges),
                Grantee::Role(role) => {
                    for holder in &self.held_by[role.index()] {
                        may[holder.index()] |= item.privileges;
                    }
                }
            }
        }
    }

    fn add_everywhere(&self, kind: Kind, may: &mut [Privileges]) {
        let version = self.facts.server.major();
        let all = kind.privileges();
        let all = if version < 17 { all - MAINTAIN } else { all };
        for (may, _) in may.iter_mut().zip(&self.superusers).filter(|&(_, &superuser)| superuser) {
            *may = all;
        }
        for (name, kinds) in EVERYWHERE {
            let found = kinds.iter().find(|(one, _)| *one == kind);
            if let (Some(&(_, privileges)), Some(role)) = (found, self.facts.roles.id(name)) {
                for holder in &self.held_by[role.index()] {
                    may[holder.index()] |= privileges & all;
                }
            }
        }
    }
}
