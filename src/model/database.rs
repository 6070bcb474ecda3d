//! What the catalogs of a database say of the names in a statement, read as the role that the statement failed for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the catalogs say of the names in a statement, and of the session. Never what a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CatalogFacts {
    /// `current_user`
    pub role: String,
    /// `search_path`, as it is set.
    pub search_path: String,
    /// Schemas that the search path or the statement names, whether they are there or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<SchemaFacts>,
    /// Settings that decide what a statement may do, where a role or a database sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingFacts>,
    /// Relations as the statement writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<NamedRelation>,
    /// Relations of these names, in every schema; those the statement means first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<RelationFacts>,
    /// Functions and procedures that the statement calls, in every schema but `pg_catalog`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routines: Vec<RoutineFacts>,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SchemaFacts {
    /// Its name.
    pub name: String,
    /// It is there.
    pub exists: bool,
    /// The role has USAGE on it.
    pub usage: bool,
    /// The search path names it.
    pub in_path: bool,
}

/// A setting that a role or a database has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingFacts {
    /// Its name.
    pub name: String,
    /// Its value, in the setting's own unit.
    pub value: String,
    /// `pg_settings.source`: `database`, `user`, `database user`, `configuration file`, ...
    pub source: String,
}

/// A relation as a statement writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedRelation {
    /// The schema, when it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// The privilege that the statement needs: `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub needs: String,
}

/// A relation of a name in a statement.
#[expect(clippy::struct_excessive_bools, reason = "each is one answer of the catalogs")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RelationFacts {
    /// Position in `named` of what it is found for.
    pub of: usize,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `pg_class.relkind`: `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table.
    pub kind: String,
    /// The role that owns it.
    pub owner: String,
    /// Position of its schema in the effective search path, from 1; absent when a bare name does not find it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The role has USAGE on its schema.
    pub usage: bool,
    /// The role has the privilege that is needed, on the whole of it.
    pub allowed: bool,
    /// The role has the privilege that is needed on some column at least.
    pub some_columns: bool,
    /// Columns that the role has no such privilege on and that the statement writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_columns: Vec<String>,
    /// Row level security applies to the role (`row_security_active`).
    pub row_security: bool,
    /// Permissive policies for the role and what it does; with none no row is seen or written.
    pub policies: u32,
    /// Rights on it were granted or revoked at some time (`pg_class.relacl` is not null).
    pub granted: bool,
    /// The owner's default privileges would give the role what it needs on a new table of the schema.
    pub by_default: bool,
    /// Other relations of the schema on which the role has what it needs here; at most 1,000 are looked at.
    pub neighbours: u32,
    /// It holds no row that the role sees; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_empty: Option<bool>,
    /// Sequences that fill its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<SequenceFacts>,
    /// Of a view: what it reads and its owner may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// Of a foreign table: where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignFacts>,
    /// Subscriptions of logical replication that fill it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<SubscriptionFacts>,
    /// Locks of other sessions that keep statements waiting.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<LockFacts>,
}

/// A sequence that fills a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequenceFacts {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The column it fills.
    pub column: String,
    /// The role has USAGE on it.
    pub usage: bool,
    /// The statement gives the column a value itself.
    pub given: bool,
}

/// Where a foreign table leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForeignFacts {
    /// The foreign server's name.
    pub server: String,
    /// Its options host, hostaddr, port and dbname, as `name=value`.
    pub options: Vec<String>,
    /// The role, or everybody, has a user mapping there.
    pub mapped: bool,
}

/// A subscription of logical replication (`pg_subscription`, `pg_stat_subscription`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionFacts {
    /// Its name.
    pub name: String,
    /// `subenabled`
    pub enabled: bool,
    /// Its worker runs, and is connected.
    pub works: bool,
}

/// A lock of another session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockFacts {
    /// The mode, such as `AccessExclusiveLock`.
    pub mode: String,
    /// The session's process.
    pub process: String,
    /// Its role, when we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A function or procedure of a name that a statement calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RoutineFacts {
    /// The schema, when the statement writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_schema: Option<String>,
    /// The name.
    pub name: String,
    /// Its schema; absent when no schema has a routine of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// `FUNCTION` or `PROCEDURE`.
    pub kind: String,
    /// `pg_get_function_identity_arguments`
    pub arguments: String,
    /// A bare name finds it.
    pub in_path: bool,
    /// The role has USAGE on its schema.
    pub usage: bool,
    /// The role may call it.
    pub allowed: bool,
}

impl CatalogFacts {
    /// The relations found for a name of the statement, the one that it means first.
    pub fn found(&self, of: usize) -> impl Iterator<Item = &RelationFacts> {
        self.relations.iter().filter(move |relation| relation.of == of)
    }

    /// The relation that a name of the statement means; none when the name finds none.
    #[must_use]
    pub fn meant(&self, of: usize) -> Option<&RelationFacts> {
        let named = self.named.get(of)?;
        match &named.schema {
            Some(schema) => self.found(of).find(|relation| relation.schema == *schema),
            None => self.found(of).filter(|one| one.position.is_some()).min_by_key(|one| one.position),
        }
    }

    /// A setting that a role or a database has of its own.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&SettingFacts> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}

impl RelationFacts {
    /// The word of `GRANT ... ON`, and for people.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind.as_str() {
            "v" => "view",
            "m" => "materialized view",
            "f" => "foreign table",
            "S" => "sequence",
            _ => "table",
        }
    }
}

impl fmt::Display for CatalogFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, search_path {}", self.role, self.search_path)?;
        for relation in &self.relations {
            write!(f, "; {} {}.{}", relation.word(), relation.schema, relation.name)?;
        }
        Ok(())
    }
}
