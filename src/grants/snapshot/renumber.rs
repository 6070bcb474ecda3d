//! The same facts over another list of roles.

use super::{DefaultPrivilege, Fact, Facts, Membership, Object, Role, Roles, Setting};
use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};

impl Facts {
    /// The facts with these roles added; those that are there already stay as they are.
    #[must_use]
    pub fn with_roles(&self, added: Vec<Role>) -> Self {
        let present = self.roles.iter().map(|(_, role)| role.clone());
        let new = added.into_iter().filter(|role| self.roles.id(&role.name).is_none());
        let roles = Roles::new(present.chain(new).collect());
        let places: Vec<_> = self.roles.iter().map(|(_, role)| roles.id(&role.name)).collect();
        self.over(roles, &places)
    }

    /// The facts over other roles: `places` tells, for each role of now, which one it becomes. What concerns only a role
    /// that becomes none goes with it.
    #[must_use]
    pub fn over(&self, roles: Roles, places: &[Option<RoleId>]) -> Self {
        let place = |role: RoleId| places.get(role.index()).copied().flatten();
        let to = |to: Grantee| match to {
            Grantee::Public => Some(Grantee::Public),
            Grantee::Role(role) => place(role).map(Grantee::Role),
        };
        let acl = |acl: &Acl| {
            let item = |item: &AclItem| Some(AclItem { to: to(item.to)?, by: place(item.by)?, ..*item });
            Acl::new(acl.items().iter().filter_map(item).collect())
        };
        let fact = |fact: &Fact| match fact {
            Fact::Roles(roles) => Fact::Roles(roles.iter().filter_map(|&role| to(role)).collect()),
            Fact::Text(_) | Fact::List(_) => fact.clone(),
        };
        let object = |object: &Object| Object {
            owner: object.owner.and_then(place),
            acl: object.acl.as_ref().map(acl),
            initial: object.initial.as_ref().map(acl),
            columns: object
                .columns
                .iter()
                .map(|(name, list)| (name.clone(), list.as_ref().map(acl)))
                .collect(),
            facts: object.facts.iter().map(|(&attribute, told)| (attribute, fact(told))).collect(),
        };
        let membership = |row: &Membership| {
            Some(Membership {
                role: place(row.role)?,
                member: place(row.member)?,
                by: place(row.by)?,
                ..*row
            })
        };
        let setting = |setting: &Setting| match setting.role {
            None => Some(setting.clone()),
            Some(role) => Some(Setting { role: Some(place(role)?), ..setting.clone() }),
        };
        let default = |default: &DefaultPrivilege| {
            Some(DefaultPrivilege {
                creator: place(default.creator)?,
                acl: acl(&default.acl),
                ..default.clone()
            })
        };
        let mut facts = Self {
            server: self.server.clone(),
            reader: self.reader.clone(),
            coverage: self.coverage.clone(),
            acl_defaults: self.acl_defaults.clone(),
            roles,
            memberships: self.memberships.iter().filter_map(membership).collect(),
            objects: self.objects.iter().map(|(key, value)| (key.clone(), object(value))).collect(),
            settings: self.settings.iter().filter_map(setting).collect(),
            default_privileges: self.default_privileges.iter().filter_map(default).collect(),
            references: self.references.clone(),
            hba: self.hba.clone(),
        };
        facts.memberships.sort_unstable();
        facts.settings.sort_unstable();
        facts
    }
}
