//! What a database holds, and what is set on it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::grants::acl::{Acl, Grantee, RoleId};

/// What decides who may do what with one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Its owner; none for what has none, such as a policy.
    pub owner: Option<RoleId>,
    /// Its ACL as the catalog holds it: none is NULL, the built-in default, and not "no grants".
    pub acl: Option<Acl>,
    /// The ACL it had after `initdb` or CREATE EXTENSION (`pg_init_privs`).
    pub initial: Option<Acl>,
    /// The columns of a relation, with their ACLs.
    pub columns: BTreeMap<Box<str>, Option<Acl>>,
    /// What else matters; what is as it is without being said is left out.
    pub facts: BTreeMap<Attribute, Fact>,
}

/// Something about an object that is neither owner nor grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// One value; `yes` for what is on.
    Text(String),
    /// Several, in the server's order.
    List(Vec<String>),
    /// Roles.
    Roles(Vec<Grantee>),
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A database's CONNECTION LIMIT.
    ConnectionLimit,
    /// A database that takes no connections: `no`.
    AllowConnections,
    /// The extension an object belongs to.
    Extension,
    /// An extension's version.
    Version,
    /// The schema of an extension's objects.
    ExtensionSchema,
    /// Row security is on.
    RowSecurity,
    /// Row security concerns the owner too.
    ForceRowSecurity,
    /// A view that is run with the caller's rights (15 and later).
    SecurityInvoker,
    /// A view that no leaky function looks through.
    SecurityBarrier,
    /// A routine that is run with its owner's rights.
    SecurityDefiner,
    /// A routine the planner may run before row security.
    Leakproof,
    /// SET clauses of a routine (`proconfig`), as `name=value`.
    Configuration,
    /// The language of a routine, when it is neither `sql`, `plpgsql`, `c` nor `internal`.
    Language,
    /// A language anybody may use.
    Trusted,
    /// The column a serial or identity sequence belongs to: its key's text.
    OwnedBy,
    /// An identity sequence: its column's users need no right on it.
    Identity,
    /// A policy's command: `ALL`, `SELECT`, ...
    Command,
    /// A policy that restricts rather than permits.
    Restrictive,
    /// The roles a policy concerns.
    Roles,
    /// A policy's USING.
    Using,
    /// A policy's WITH CHECK.
    WithCheck,
    /// How a trigger is defined (`pg_get_triggerdef`).
    Definition,
    /// The function a trigger or event trigger calls: its key's text.
    Function,
    /// A trigger that is not simply on: `disabled`, `replica`, `always`.
    Enabled,
    /// An event trigger's event.
    Event,
    /// An event trigger's command tags.
    Tags,
    /// A publication of all tables.
    AllTables,
    /// Tables of a publication: the text of each key, then ` (columns)` and ` WHERE (condition)` where it has them (15 and
    /// later).
    Tables,
    /// Schemas of a publication: the text of each key.
    Schemas,
    /// What a publication publishes.
    Operations,
    /// Publications of a subscription.
    Publications,
    /// The slot of a subscription.
    Slot,
    /// The output plugin of a slot.
    Plugin,
    /// The wrapper of a foreign server.
    Wrapper,
    /// The server of a foreign table.
    Server,
    /// Options of a wrapper, server, foreign table or subscription as `name=value`, sorted; `***` for a value that may be
    /// a secret, and of a user mapping for every value but the user's.
    Options,
    /// The handler of a foreign-data wrapper.
    Handler,
    /// The validator of a foreign-data wrapper.
    Validator,
}

impl Object {
    /// A fact of one value.
    #[must_use]
    pub fn text(&self, attribute: Attribute) -> Option<&str> {
        match self.facts.get(&attribute) {
            Some(Fact::Text(text)) => Some(text),
            Some(Fact::List(_) | Fact::Roles(_)) | None => None,
        }
    }

    /// Whether a fact is there: whether a switch is on.
    #[must_use]
    pub fn is(&self, attribute: Attribute) -> bool {
        self.facts.contains_key(&attribute)
    }
}

/// One row of `pg_db_role_setting`, one parameter of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Whether it holds in this database only: ALTER DATABASE SET, or ALTER ROLE IN DATABASE SET.
    pub in_database: bool,
    /// The role it holds for; none for every role.
    pub role: Option<RoleId>,
    /// The parameter.
    pub name: String,
    /// Its value, as `setconfig` holds it; `***` when it may be a secret, which is equal to no other value.
    pub value: String,
}

/// One row of `pg_default_acl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPrivilege {
    /// Whose new objects it concerns.
    pub creator: RoleId,
    /// The schema it is limited to.
    pub schema: Option<String>,
    /// Which objects.
    pub objects: SchemaObjects,
    /// What they will be granted: instead of the built-in default without a schema, beside it with one.
    pub acl: Acl,
}

/// The objects of ALTER DEFAULT PRIVILEGES (`pg_default_acl.defaclobjtype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaObjects {
    /// Tables, views, foreign tables.
    Tables,
    /// Sequences.
    Sequences,
    /// Functions and procedures.
    Functions,
    /// Types and domains.
    Types,
    /// Schemas.
    Schemas,
    /// Large objects (18 and later).
    LargeObjects,
}

/// One object that needs another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What needs.
    pub from: Key,
    /// What is needed.
    pub to: Key,
    /// By what.
    pub by: Means,
    /// The name of what ties them, such as a constraint's.
    pub name: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// What ties one object to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A foreign key.
    ForeignKey,
    /// The query of a view or materialized view.
    Query,
    /// A trigger's function.
    Trigger,
    /// A column's default or generation expression.
    Default,
    /// A policy's expression.
    Policy,
    /// A check constraint, or an expression of an index.
    Constraint,
    /// A routine's body: `BEGIN ATOMIC`, or found by text.
    Body,
    /// A type of a column or argument.
    Type,
    /// Inheritance or partitioning.
    Inheritance,
    /// A publication's table.
    Publication,
    /// A sequence and its column.
    Sequence,
}

/// How a reference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The server keeps it (`pg_depend`).
    Catalog,
    /// A name in the text of a body; it may be a word of another meaning.
    Text,
}
