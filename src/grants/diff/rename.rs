//! The same roles under other names: what is `app_test` there is `app` here.

use std::collections::BTreeMap;

use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};
use crate::grants::snapshot::{
    DefaultPrivilege, Fact, Facts, Key, Kind, Membership, Object, Role, Roles, Setting,
};

/// Why roles cannot be renamed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// There is no role of the old name.
    #[error("there is no role {0:?} to rename")]
    NoSuchRole(String),
    /// Two roles would have one name.
    #[error("two roles would be named {0:?}")]
    Taken(String),
}

/// The same facts with other names for some roles, old and new.
///
/// # Errors
/// When a role does not exist, or two would share a name.
pub fn rename_roles(facts: &Facts, names: &[(String, String)]) -> Result<Facts, RenameError> {
    if let Some((old, _)) = names.iter().find(|(old, _)| facts.roles.id(old).is_none()) {
        return Err(RenameError::NoSuchRole(old.clone()));
    }
    let new_name = |name: &str| -> String {
        names.iter().find(|(old, _)| old == name).map_or(name, |(_, new)| new).to_owned()
    };
    let renamed: Vec<Role> =
        facts.roles.iter().map(|(_, role)| Role { name: new_name(&role.name), ..role.clone() }).collect();
    let mut sorted: Vec<&str> = renamed.iter().map(|role| role.name.as_str()).collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(RenameError::Taken(twice[0].to_owned()));
    }
    let place = |name: &str| sorted.binary_search(&name).ok().and_then(|at| u32::try_from(at).ok());
    let ids: Vec<RoleId> = renamed.iter().map(|role| RoleId(place(&role.name).unwrap_or_default())).collect();
    let id = |id: RoleId| ids[id.index()];
    let to = |grantee: Grantee| match grantee {
        Grantee::Public => Grantee::Public,
        Grantee::Role(role) => Grantee::Role(id(role)),
    };
    let acl = |acl: &Acl| {
        Acl::new(
            acl.items().iter().map(|item| AclItem { to: to(item.to), by: id(item.by), ..*item }).collect(),
        )
    };
    let fact = |fact: &Fact| match fact {
        Fact::Roles(roles) => Fact::Roles(roles.iter().map(|&role| to(role)).collect()),
        Fact::Text(_) | Fact::List(_) => fact.clone(),
    };
    let object = |object: &Object| Object {
        owner: object.owner.map(id),
        acl: object.acl.as_ref().map(acl),
        initial: object.initial.as_ref().map(acl),
        columns: object.columns.iter().map(|(name, list)| (name.clone(), list.as_ref().map(acl))).collect(),
        facts: object.facts.iter().map(|(&attribute, value)| (attribute, fact(value))).collect(),
    };
    let key = |key: &Key| {
        let name = if key.kind == Kind::UserMapping { new_name(&key.name).into() } else { key.name.clone() };
        Key { name, ..key.clone() }
    };
    let objects: BTreeMap<Key, Object> =
        facts.objects.iter().map(|(name, value)| (key(name), object(value))).collect();
    let mut memberships: Vec<Membership> = facts
        .memberships
        .iter()
        .map(|row| Membership { role: id(row.role), member: id(row.member), by: id(row.by), ..*row })
        .collect();
    memberships.sort_unstable();
    let mut settings: Vec<Setting> =
        facts.settings.iter().map(|row| Setting { role: row.role.map(id), ..row.clone() }).collect();
    settings.sort_unstable();
    let default_privileges = facts
        .default_privileges
        .iter()
        .map(|row| DefaultPrivilege { creator: id(row.creator), acl: acl(&row.acl), ..row.clone() })
        .collect();
    Ok(Facts {
        memberships,
        objects,
        settings,
        default_privileges,
        roles: Roles::new(renamed.clone()),
        ..facts.clone()
    })
}
