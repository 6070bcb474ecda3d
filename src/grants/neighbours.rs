//! Roles that are on a server for its other databases: when both halves of a split are on one server, a role that a half
//! does not need is no news there.

use std::collections::HashSet;

use super::acl::RoleId;
use super::change::{Change, Delta};
use super::snapshot::{Facts, Role};

/// What was on the server before, beside what is expected of one database.
#[derive(Debug)]
pub(super) struct Neighbours<'f> {
    before: &'f Facts,
    expected: &'f Facts,
    /// Group and member.
    memberships: HashSet<(RoleId, RoleId)>,
    /// Settings of roles for every database.
    settings: HashSet<(RoleId, &'f str, &'f str)>,
}

impl<'f> Neighbours<'f> {
    /// Those of a database on the server it was before; none where that is another server, or cannot be told.
    pub(super) fn of(before: &'f Facts, expected: &'f Facts, actual: &Facts) -> Option<Self> {
        let server = before.server.system_identifier.as_ref()?;
        if actual.server.system_identifier.as_ref() != Some(server) {
            return None;
        }
        let memberships = before.memberships.iter().map(|row| (row.role, row.member)).collect();
        let settings = before.settings.iter().filter(|setting| !setting.in_database);
        let settings = settings.filter_map(|setting| Some((setting.role?, &*setting.name, &*setting.value)));
        Some(Self { before, expected, memberships, settings: settings.collect() })
    }

    /// Whether a difference is only that a role which is not expected is there as it was: roles, their settings and what
    /// they are members of belong to no one database. What such a role is granted is told all the same.
    pub(super) fn concerns(&self, change: &Change) -> bool {
        let neighbour = |name: &str| match self.expected.roles.id(name) {
            Some(_) => None,
            None => self.before.roles.id(name),
        };
        match change {
            Change::Role { name, delta: Delta { expected: None, got: Some(got) } } => {
                let bare = |role: &Role| Role { password: None, ..role.clone() };
                neighbour(name).is_some_and(|id| bare(self.before.roles.get(id)) == bare(got))
            }
            // A group that is not expected has nothing here to give.
            Change::Membership { role, member, delta: Delta { expected: None, .. } } => {
                let row = neighbour(role).zip(self.before.roles.id(member));
                row.is_some_and(|row| self.memberships.contains(&row))
            }
            Change::Setting {
                in_database: false,
                role: Some(role),
                name,
                delta: Delta { expected: None, got: Some(got) },
            } => neighbour(role).is_some_and(|id| self.settings.contains(&(id, name.as_str(), got.as_str()))),
            Change::Role { .. }
            | Change::Membership { .. }
            | Change::Setting { .. }
            | Change::Object { .. }
            | Change::Owner { .. }
            | Change::Grant { .. }
            | Change::Effective { .. }
            | Change::Fact { .. }
            | Change::DefaultPrivilege { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => false,
        }
    }
}
