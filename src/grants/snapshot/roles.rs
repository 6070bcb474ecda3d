//! Roles and who is a member of whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::grants::acl::RoleId;

/// One role (`pg_roles`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the attributes of CREATE ROLE")]
pub struct Role {
    /// Its name, as it is.
    pub name: String,
    /// Whether it may do everything.
    pub superuser: bool,
    /// Whether it has what its groups have (15 and older; from 16 on each membership tells).
    pub inherit: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// CREATEDB.
    pub create_db: bool,
    /// Whether it can log in.
    pub login: bool,
    /// REPLICATION.
    pub replication: bool,
    /// Whether row security does not concern it.
    pub bypass_rls: bool,
    /// CONNECTION LIMIT; -1 for none.
    pub connection_limit: i32,
    /// VALID UNTIL, as text of the server in UTC.
    pub valid_until: Option<String>,
    /// What kind of password it has; none when that is not readable.
    pub password: Option<PasswordKind>,
}

impl Role {
    /// A role of the server's own, such as `pg_read_all_data` (names that begin with `pg_` are reserved).
    #[must_use]
    pub fn is_predefined(&self) -> bool {
        self.name.starts_with("pg_")
    }
}

/// What is stored of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordKind {
    /// It has none.
    Nothing,
    /// `SCRAM-SHA-256`.
    Scram,
    /// MD5, of which newer servers say that it goes away.
    Md5,
    /// Something else.
    Other,
}

/// The roles of a server, sorted by name; their places are their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// The roles, in their order from now on.
    #[must_use]
    pub fn new(mut roles: Vec<Role>) -> Self {
        roles.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        roles.dedup_by(|one, other| one.name == other.name);
        Self(roles)
    }

    /// The role of this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<RoleId> {
        let index = self.0.binary_search_by(|role| role.name.as_str().cmp(name)).ok()?;
        u32::try_from(index).ok().map(RoleId)
    }

    /// The role; ids come from this very list.
    #[must_use]
    pub fn get(&self, id: RoleId) -> &Role {
        &self.0[id.index()]
    }

    /// Its name.
    #[must_use]
    pub fn name(&self, id: RoleId) -> &str {
        &self.get(id).name
    }

    /// All of them with their ids, in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        (0..).map(RoleId).zip(&self.0)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which no server has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One row of `pg_auth_members`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membership {
    /// The group.
    pub role: RoleId,
    /// Its member.
    pub member: RoleId,
    /// Who granted it.
    pub by: RoleId,
    /// WITH ADMIN OPTION.
    pub admin: bool,
    /// Whether the member has the group's privileges without SET ROLE: the option on 16 and later, before that the
    /// member's INHERIT.
    pub inherit: bool,
    /// Whether the member can SET ROLE to it: an option on 16 and later, before that always.
    pub set: bool,
}
