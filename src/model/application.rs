//! As whom a link's path is looked at: the application's own user, with the variables of its running process.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As whom a link's path is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct AsApplication {
    /// The application's user there, by name or number, with all its groups; the vantage's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whose variables for proxies, trust store and name service are used; the vantage's own when absent.
    #[serde(default)]
    pub environment: Variables,
}

/// Whose variables are used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variables {
    /// The vantage's own.
    #[default]
    Vantage,
    /// Those of the processes whose command line, words joined by spaces, matches this regular expression.
    Process(String),
    /// Those of the process whose number is in this file.
    PidFile(PathBuf),
    /// Those of the processes of this systemd unit, such as `app1.service`.
    Unit(String),
}

impl Variables {
    /// Whether they are those of a running process: there when it is.
    #[must_use]
    pub const fn are_of_process(&self) -> bool {
        match self {
            Self::Vantage => false,
            Self::Process(_) | Self::PidFile(_) | Self::Unit(_) => true,
        }
    }
}

impl fmt::Display for AsApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "as {user} with {}", self.environment),
            None => write!(f, "with {}", self.environment),
        }
    }
}

impl fmt::Display for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vantage => f.write_str("the vantage's own variables"),
            Self::Process(pattern) => write!(f, "the variables of process /{pattern}/"),
            Self::PidFile(file) => write!(f, "the variables of the process of {}", file.display()),
            Self::Unit(unit) => write!(f, "the variables of unit {unit}"),
        }
    }
}
