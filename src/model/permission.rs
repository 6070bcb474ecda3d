//! A judged difference of permissions: what reports print, and what attempts are compared by.

use std::borrow::Cow;
use std::fmt;
use std::ops::Add;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::finding_id::FindingId;
pub use super::severity::Severity;

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
    /// Other differences that go away with this one, worst first.
    pub consequences: Vec<Consequence>,
    /// Consequences that are not in the list, which holds the worst of them.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub consequences_left_out: Counts,
    /// How many of those that are left out open something to PUBLIC.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub opened_left_out: u64,
    /// What repairs it, in order; nothing for what only people can repair.
    pub fix: Vec<Repair>,
    /// Statements that are not in the list: `gonogo grants fix` writes them all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fix_left_out: u64,
    /// An exception of the map that covers it: it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Stable across runs: attempts are compared by it.
    pub key: String,
}

/// A difference that goes away with the one that is its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consequence {
    /// The rule that found it, as of a finding.
    pub id: Cow<'static, str>,
    /// What it is about: what an exception has to name to cover it.
    pub subject: String,
    /// Who gains or loses.
    pub grantee: Option<String>,
    /// What is gained or lost.
    pub privilege: Option<String>,
    /// How bad it is by itself.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
}

/// How many findings, or consequences of one, there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Of [`Severity::Blocker`].
    pub blocker: u64,
    /// Of [`Severity::Major`].
    pub major: u64,
    /// Of [`Severity::Minor`].
    pub minor: u64,
    /// Of [`Severity::Info`].
    pub info: u64,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Finding {
    /// Keep so many of its consequences, the worst, and count the others. The statements of what is meant are all kept:
    /// a repair leaves them out.
    pub fn keep(&mut self, most: usize) {
        let opens = |one: &&Consequence| one.id == FindingId::OpenedToPublic.name();
        let rest = self.consequences.get(most..).unwrap_or_default();
        self.opened_left_out += rest.iter().filter(opens).count() as u64;
        let left_out: Counts = rest.iter().map(|one| one.severity).collect();
        self.consequences_left_out = self.consequences_left_out + left_out;
        self.consequences.truncate(most);
        if self.expected.is_none() {
            self.fix_left_out += self.fix.len().saturating_sub(most) as u64;
            self.fix.truncate(most);
        }
    }
}

/// The findings that no exception covers.
pub fn open(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.expected.is_none())
}

/// A sentence for the check that looked: how many of each severity, those left out included, and the worst of them.
#[must_use]
pub fn sentence(findings: &[Finding], left_out: Counts) -> String {
    const TOLD: usize = 3;
    let counts = Counts::of(open(findings)) + left_out;
    let worst: Vec<&str> = open(findings).take(TOLD).map(|finding| finding.message.as_str()).collect();
    let more = match counts.total() - worst.len() as u64 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("permissions differ ({counts}): {}{more}", worst.join("; "))
}

impl Counts {
    /// Of these findings.
    pub fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Self {
        findings.into_iter().map(|finding| finding.severity).collect()
    }

    /// Of one severity.
    #[must_use]
    pub const fn get(self, severity: Severity) -> u64 {
        match severity {
            Severity::Blocker => self.blocker,
            Severity::Major => self.major,
            Severity::Minor => self.minor,
            Severity::Info => self.info,
        }
    }

    /// Of all severities.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.blocker + self.major + self.minor + self.info
    }

    /// Whether there is none: then results do not have it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `2 blocker, 1 info`; severities of which there is none are left out.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = Severity::WORST_FIRST.into_iter().filter(|&severity| self.get(severity) > 0);
        let words: Vec<String> = some.map(|severity| format!("{} {severity}", self.get(severity))).collect();
        f.write_str(&words.join(", "))
    }
}

impl FromIterator<Severity> for Counts {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        severities.into_iter().fold(Self::default(), |mut counts, severity| {
            let count = match severity {
                Severity::Blocker => &mut counts.blocker,
                Severity::Major => &mut counts.major,
                Severity::Minor => &mut counts.minor,
                Severity::Info => &mut counts.info,
            };
            *count += 1;
            counts
        })
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            blocker: self.blocker + more.blocker,
            major: self.major + more.major,
            minor: self.minor + more.minor,
            info: self.info + more.info,
        }
    }
}
