//! The plan's `databases`: where a database is and who logs in, named once for many checks.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::written::Names;
use crate::secret::SecretRef;

/// One database of the plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The stage it is up from; from the start when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_from: Option<String>,
    /// A person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Vantages on its own host: asked too when a link to it breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<Names>,
    /// How to reach it.
    pub postgres: Server,
}

/// Where a PostgreSQL database is, and its logins.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// A libpq connection URL or keyword string.
    pub url: String,
    /// Logins by id, for `user:` in checks.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub users: IndexMap<String, Login>,
}

/// One login.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The role's name in the database.
    pub name: String,
    /// Its password; found as libpq finds it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
}
