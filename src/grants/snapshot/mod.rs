//! A database's permissions at one moment, by name. `gonogo.permsnap/1` is how it is written.

mod key;
mod load;
mod objects;
mod read;
mod renumber;
mod roles;
#[cfg(test)]
pub(crate) mod tests;
mod wire;
mod write;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use key::{Key, KeyError, Kind};
pub use load::{LoadError, load};
pub use objects::{
    Attribute, Confidence, DefaultPrivilege, Fact, Means, Object, Reference, SchemaObjects, Setting,
};
pub use read::{SnapshotError, read};
pub use roles::{Membership, PasswordKind, Role, Roles};
pub use wire::schema;
pub use write::{digest, write};

use super::acl::{Acl, AclItem, Grantee, RoleId};
#[cfg(test)]
use super::privilege::Privilege;
use super::privilege::Privileges;

/// The name of the format.
pub const FORMAT: &str = "gonogo.permsnap/1";

/// What was read of one database, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When the transaction began, RFC 3339.
    pub taken_at: String,
    /// What two copies of a database share.
    pub facts: Facts,
    /// What changes while a database is used, kept apart from the facts and their digest.
    pub values: Values,
    /// The statements the applications ran; none when it was not asked for.
    pub workload: Option<Workload>,
}

/// All that decides who may do what.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Where it was read.
    pub server: Server,
    /// Who read it.
    pub reader: Reader,
    /// What could not be read: it is never equal to anything.
    pub coverage: Vec<Gap>,
    /// What a NULL ACL stands for on that server (`acldefault`), by kind.
    pub acl_defaults: BTreeMap<Kind, AclDefault>,
    /// Every role of the server, predefined ones included.
    pub roles: Roles,
    /// `pg_auth_members`, sorted.
    pub memberships: Vec<Membership>,
    /// What the database holds. Objects of `pg_catalog` and `information_schema` are left out as long as they are as
    /// the server made them.
    pub objects: BTreeMap<Key, Object>,
    /// `pg_db_role_setting`, as far as it concerns this database, sorted.
    pub settings: Vec<Setting>,
    /// `pg_default_acl`, sorted.
    pub default_privileges: Vec<DefaultPrivilege>,
    /// What depends on what; none when it was not asked for.
    pub references: Option<Vec<Reference>>,
    /// `pg_hba_file_rules` in their order; none when they are not readable.
    pub hba: Option<Vec<HbaRule>>,
}

/// The server and database a snapshot was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `server_version_num`, such as 150018.
    pub version_num: u32,
    /// `pg_control_system().system_identifier`; none when it is not readable.
    pub system_identifier: Option<String>,
    /// The database's name.
    pub database: String,
}

impl Server {
    /// The major version, such as 15.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// The role a snapshot was read as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// Its name.
    pub role: String,
    /// Whether it is a superuser.
    pub superuser: bool,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// What it is.
    pub aspect: Aspect,
    /// Why, and which right would be needed.
    pub why: String,
}

/// A part of a snapshot that may be unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// `pg_authid.rolpassword`.
    Passwords,
    /// `pg_user_mapping.umoptions`.
    UserMappingOptions,
    /// `pg_subscription.subconninfo`.
    SubscriptionConnections,
    /// `pg_hba_file_rules`.
    HbaRules,
    /// `pg_control_system()`.
    SystemIdentifier,
    /// `last_value` of sequences.
    SequenceValues,
    /// ACL items that name a role which is gone, or a privilege this program does not know.
    AclItems,
    /// `pg_stat_statements`, or the texts of other roles' statements.
    Workload,
    /// What depends on what.
    References,
}

/// The privileges a NULL ACL stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AclDefault {
    /// The owner's.
    pub owner: Privileges,
    /// Everybody's.
    pub public: Privileges,
}

/// One line of `pg_hba.conf`, as `pg_hba_file_rules` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HbaRule {
    /// `local`, `host`, `hostssl`, ...
    pub connection: String,
    /// Databases, or words such as `all`, `sameuser`, `replication`.
    pub databases: Vec<String>,
    /// Roles, `+group`, or `all`.
    pub roles: Vec<String>,
    /// The clients' address and mask; none for `local`.
    pub address: Option<String>,
    /// `scram-sha-256`, `reject`, ...
    pub method: String,
}

/// What changes while a database is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// The position of each sequence that could be read.
    pub sequences: BTreeMap<Key, i64>,
    /// Materialized views that hold rows and can be read (`relispopulated`).
    pub populated: BTreeMap<Key, bool>,
}

/// Statements recorded by `pg_stat_statements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// `pg_stat_statements_info.stats_reset`, RFC 3339.
    pub since: Option<String>,
    /// `pg_stat_statements_info.dealloc`: how often statements were forgotten to make room.
    pub evictions: Option<i64>,
    /// Statements, sorted by role and text.
    pub statements: Vec<Statement>,
    /// Statements of others whose text is hidden from the reader.
    pub hidden: u64,
}

/// One recorded statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Who ran it.
    pub role: String,
    /// Its normalized text, with `$1` for constants; literals of utility statements that can hold a password are starred.
    pub query: String,
    /// Whether a client sent it, rather than a function.
    pub toplevel: bool,
    /// How often it ran.
    pub calls: i64,
    /// `search_path` of that role in that database, by its settings.
    pub search_path: String,
}

impl Facts {
    /// The ACL in force on an object: its own, or what NULL stands for on that server. None for an object that has none.
    #[must_use]
    pub fn acl(&self, key: &Key, object: &Object) -> Option<Acl> {
        match (&object.acl, object.owner) {
            (Some(acl), _) => Some(acl.clone()),
            (None, Some(owner)) if !key.kind.privileges().is_empty() => {
                Some(self.default_acl(key.kind, owner))
            }
            _ => None,
        }
    }

    /// What a NULL ACL stands for on an object of this kind and owner.
    #[must_use]
    pub fn default_acl(&self, kind: Kind, owner: RoleId) -> Acl {
        let default = self.acl_defaults.get(&kind).copied().unwrap_or_default();
        let item = |to, privileges| AclItem { to, by: owner, privileges, grantable: Privileges::NONE };
        let items = [item(Grantee::Role(owner), default.owner), item(Grantee::Public, default.public)];
        Acl::new(items.into_iter().filter(|item| !item.privileges.is_empty()).collect())
    }

    /// The owner of the database: the one member of `pg_database_owner`.
    #[must_use]
    pub fn database_owner(&self) -> Option<RoleId> {
        self.objects.get(&Key::database()).and_then(|database| database.owner)
    }

    /// The owner of the database, and `pg_database_owner`, whose privileges it has; none for a NOINHERIT owner on 15 and
    /// older (`roles_is_member_of`).
    #[must_use]
    pub fn database_ownership(&self) -> Option<(RoleId, RoleId)> {
        let owner = self.database_owner()?;
        let inherits = self.server.major() >= 16 || self.roles.get(owner).inherit;
        self.roles.id("pg_database_owner").filter(|_| inherits).map(|group| (owner, group))
    }

    /// Whether this could not be read.
    #[must_use]
    pub fn lacks(&self, aspect: Aspect) -> bool {
        self.coverage.iter().any(|gap| gap.aspect == aspect)
    }
}
