//! One difference between what a database should be and what it is: data, not yet a judgement.

use super::privilege::Privileges;
use super::quote::Name;
use super::snapshot::{Aspect, Attribute, Key, Reference, Role, SchemaObjects};

/// What was expected and what is there; at least one of them. Missing: nothing is there. Extra: nothing was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta<T> {
    /// What should be.
    pub expected: Option<T>,
    /// What is.
    pub got: Option<T>,
}

/// A grantee by name, good in both databases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Everybody.
    Public,
    /// A role.
    Role(String),
}

/// `PUBLIC`, or a role's name, quoted where it must be: a role may be named "PUBLIC".
impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("PUBLIC"),
            Self::Role(name) => Name(name).fmt(f),
        }
    }
}

/// The options of a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipOptions {
    /// Who granted it; several can, from 16 on.
    pub by: String,
    /// WITH ADMIN.
    pub admin: bool,
    /// WITH INHERIT.
    pub inherit: bool,
    /// WITH SET.
    pub set: bool,
}

/// What one grantor grants to one grantee on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who granted it.
    pub by: String,
    /// What is granted.
    pub privileges: Privileges,
    /// What of it may be granted on.
    pub grantable: Privileges,
}

/// A fact about an object, roles by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// One value.
    Text(String),
    /// Several.
    List(Vec<String>),
    /// Roles.
    Roles(Vec<Who>),
}

/// One difference. Names of roles are those of the database that is judged: renames of a map are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A role, or its attributes.
    Role {
        /// Its name.
        name: String,
        /// The attributes.
        delta: Delta<Role>,
    },
    /// A membership.
    Membership {
        /// The group.
        role: String,
        /// The member.
        member: String,
        /// Its options.
        delta: Delta<MembershipOptions>,
    },
    /// An object, or a column of one, that is missing or too many.
    Object {
        /// Which.
        key: Key,
        /// Its owner, for what has one.
        delta: Delta<Option<String>>,
    },
    /// The owner of an object that is in both.
    Owner {
        /// Which.
        key: Key,
        /// Owners.
        delta: Delta<String>,
    },
    /// Grants by one grantor to one grantee, on an object or a column.
    Grant {
        /// Which.
        key: Key,
        /// To whom.
        to: Who,
        /// What.
        delta: Delta<Granted>,
    },
    /// What a role may do in the end, where no single grant, owner or membership tells it.
    Effective {
        /// The object or column.
        key: Key,
        /// The role.
        role: String,
        /// What it may do.
        delta: Delta<Privileges>,
    },
    /// Something set on an object.
    Fact {
        /// Which.
        key: Key,
        /// What.
        attribute: Attribute,
        /// Values.
        delta: Delta<Told>,
    },
    /// A setting of the database, a role, or a role in the database.
    Setting {
        /// In this database only.
        in_database: bool,
        /// The role; none for every role.
        role: Option<String>,
        /// The parameter.
        name: String,
        /// Values.
        delta: Delta<String>,
    },
    /// What new objects will be granted.
    DefaultPrivilege {
        /// Whose new objects.
        creator: String,
        /// Limited to this schema.
        schema: Option<String>,
        /// Which objects.
        objects: SchemaObjects,
        /// To whom.
        to: Who,
        /// What; `by` is the creator.
        delta: Delta<Granted>,
    },
    /// A sequence's position.
    Sequence {
        /// Which.
        key: Key,
        /// Positions.
        delta: Delta<i64>,
    },
    /// Whether a materialized view holds rows.
    Populated {
        /// Which.
        key: Key,
        /// Whether.
        delta: Delta<bool>,
    },
    /// A role that could get in by `pg_hba.conf` and no longer can, or the other way.
    Access {
        /// The role.
        role: String,
        /// The ways in, in the order of the lines; none when no line lets it in.
        delta: Delta<Vec<Way>>,
    },
    /// What could not be read on one side: it is equal to nothing.
    Unreadable {
        /// What.
        aspect: Aspect,
        /// Why.
        why: String,
        /// Whether AFTER (else BEFORE) lacks it.
        after: bool,
    },
    /// An object that the map sends nowhere.
    Unmapped {
        /// Which.
        key: Key,
    },
    /// A reference that crosses the cut.
    Crossing {
        /// What refers to what.
        reference: Reference,
    },
}

/// A way into a database, by one line of `pg_hba.conf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The kind of connection and the address, such as `host 10.0.0.0 255.0.0.0`, or `local`.
    pub clients: String,
    /// How they prove who they are: `scram-sha-256`, `cert`, ...
    pub method: String,
}

impl std::fmt::Display for Way {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} {}", self.clients, self.method)
    }
}
