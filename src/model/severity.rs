//! How bad something is: a check's failure in a plan, a difference of permissions in a database.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad it is, ordered by gravity: the worst is `max()`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A check: never decides. A permission: for the record.
    Info,
    /// A check: GO WITH ISSUES. A permission: nobody is known to use it.
    Minor,
    /// A check: NO-GO unless a named person accepts it. A permission: it will hurt later, or may.
    Major,
    /// A check: NO-GO unless waived. A permission: an application will be refused, or somebody can do what nobody
    /// granted.
    #[default]
    Blocker,
}

impl Severity {
    /// Every severity, worst first.
    pub const WORST_FIRST: [Self; 4] = [Self::Blocker, Self::Major, Self::Minor, Self::Info];

    /// The word used in plans, results and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Blocker => "blocker",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
