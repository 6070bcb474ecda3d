//! The audit for programs. Other programs rely on the fields: one may be added, none taken away or renamed.

use schemars::JsonSchema;
use serde::Serialize;

use super::Audit;
use crate::grants::finding::{Counts, Finding};
use crate::grants::snapshot::{Gap, Server};
use crate::report::json::written;

/// The name of the format.
pub const SCHEMA: &str = "gonogo.grants/1";

/// What `gonogo grants diff --format json` prints. `go` is true only when no blocker and no major is open.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditFile<'a> {
    /// Always `gonogo.grants/1`.
    pub schema: &'static str,
    /// Whether nothing of blocker or major severity is open.
    pub go: bool,
    /// Where BEFORE was taken.
    pub before: Side<'a>,
    /// Where AFTER was taken.
    pub after: Side<'a>,
    /// The findings: open ones first, worst first.
    pub findings: &'a [Finding],
    /// How much was compared, and what could not be read.
    pub coverage: Coverage<'a>,
    /// Open findings by severity, and those that an exception covers.
    pub counts: OpenCounts,
}

/// A database that a snapshot was taken of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Side<'a> {
    /// Its name.
    pub database: &'a str,
    /// `server_version_num`, such as 150018.
    pub version_num: u32,
    /// `pg_control_system().system_identifier`; null when the role may not see it.
    pub system_identifier: Option<&'a str>,
}

/// How much was compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Coverage<'a> {
    /// Objects that should be there.
    pub objects: usize,
    /// Roles that should be there.
    pub roles: usize,
    /// Grants that should be there.
    pub grants: usize,
    /// What could not be read of BEFORE.
    pub before: &'a [Gap],
    /// What could not be read of AFTER.
    pub after: &'a [Gap],
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct OpenCounts {
    /// Open blockers.
    pub blocker: u64,
    /// Open majors.
    pub major: u64,
    /// Open minors.
    pub minor: u64,
    /// For the record.
    pub info: u64,
    /// Covered by an exception of the map.
    pub expected: usize,
}

/// Tell an audit as JSON, safe to show in a terminal or a CI log.
#[must_use]
pub fn render(audit: &Audit<'_>) -> String {
    let Counts { blocker, major, minor, info } = audit.open();
    let compared = audit.compared;
    written(&AuditFile {
        schema: SCHEMA,
        go: audit.is_go(),
        before: side(audit.before),
        after: side(audit.after),
        findings: audit.findings,
        coverage: Coverage {
            objects: compared.objects,
            roles: compared.roles,
            grants: compared.grants,
            before: audit.gaps_before,
            after: audit.gaps_after,
        },
        counts: OpenCounts { blocker, major, minor, info, expected: audit.expected() },
    })
}

fn side(server: &Server) -> Side<'_> {
    Side {
        database: &server.database,
        version_num: server.version_num,
        system_identifier: server.system_identifier.as_deref(),
    }
}

/// JSON Schema (draft 2020-12) of `gonogo grants diff --format json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::model::printed::schema::<AuditFile<'static>>(SCHEMA)
}
