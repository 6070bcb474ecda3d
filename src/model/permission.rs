//! A judged difference of permissions: what reports print, and what attempts are compared by.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Something is gone.
    Missing,
    /// Something is too many: a door that was closed is open.
    Extra,
    /// Something is different.
    Changed,
    /// Something refers to what is on the other side of the cut.
    Broken,
    /// The map sends an object nowhere.
    Unmapped,
    /// Something could not be read: it is equal to nothing.
    Unreadable,
    /// Nothing is wrong now; it will be at the next deployment.
    Latent,
}

/// How bad it is; the worst is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// An application will be refused, or somebody can do what nobody granted.
    Blocker,
    /// It will hurt later, or may.
    Major,
    /// Nobody is known to use it.
    Minor,
    /// For the record.
    Info,
}

/// A finding (`gonogo grants diff --format json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule that found it, such as `grant_missing`: `gonogo explain` tells about it.
    pub id: Cow<'static, str>,
    /// What kind of difference.
    pub class: Class,
    /// What it is about: an object's key, `role:app`, `membership:group.member`, `setting:...`.
    pub subject: String,
    /// Who gains or loses; `PUBLIC` for everybody.
    pub grantee: Option<String>,
    /// What is gained or lost, such as `SELECT`.
    pub privilege: Option<String>,
    /// Whether something direct differs: a grant, an owner, an attribute. It gives the SQL.
    pub direct: bool,
    /// Whether it changes what somebody may do.
    pub effective: bool,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// Whether the recorded workload needs it; none when no workload was recorded.
    pub used: Option<Used>,
    /// What the application will be told.
    pub app_error: Option<AppError>,
    /// Other differences that go away with this one.
    pub consequences: Vec<String>,
    /// What repairs it, in order; nothing for what only people can repair.
    pub fix: Vec<Repair>,
    /// An exception of the map that covers it: it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Stable across runs: attempts are compared by it.
    pub key: String,
}

/// How much the recorded workload needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Used {
    /// Executions.
    pub calls: i64,
    /// Statements.
    pub statements: u64,
}

/// An error of the server, as the application will see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppError {
    /// SQLSTATE ("PostgreSQL Error Codes").
    pub sqlstate: Cow<'static, str>,
    /// The primary message.
    pub message: String,
}

/// One statement that repairs something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repair {
    /// The role to run it as.
    pub run_as: String,
    /// The database to run it in.
    pub database: String,
    /// The statement, without a semicolon.
    pub sql: String,
    /// What takes it back; none for what cannot be taken back.
    pub undo: Option<String>,
}

/// A sentence for the check that looked: how many of each severity, and the worst of them.
#[must_use]
pub fn sentence(findings: &[Finding]) -> String {
    const TOLD: usize = 3;
    let open: Vec<&Finding> = findings.iter().filter(|finding| finding.expected.is_none()).collect();
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|&severity| (severity, open.iter().filter(|finding| finding.severity == severity).count()))
        .filter(|&(_, count)| count > 0)
        .map(|(severity, count)| format!("{count} {}", severity.name()))
        .collect();
    let worst: Vec<&str> = open.iter().take(TOLD).map(|finding| finding.message.as_str()).collect();
    let more = match open.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("permissions differ ({}): {}{more}", counts.join(", "), worst.join("; "))
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 4] = [Self::Blocker, Self::Major, Self::Minor, Self::Info];

    /// The word used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Info => "info",
        }
    }
}
