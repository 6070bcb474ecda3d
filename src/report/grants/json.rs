//! The audit for programs.

use serde_json::{Map, Value, json};

use super::Audit;
use crate::grants::finding::Severity;
use crate::grants::snapshot::{Gap, Server};

/// The name of the format.
pub const SCHEMA: &str = "gonogo.grants/1";

/// Tell an audit as JSON.
#[must_use]
pub fn render(audit: &Audit<'_>) -> String {
    let mut counts: Map<String, Value> = Severity::WORST_FIRST
        .iter()
        .map(|&severity| (severity.name().to_owned(), audit.open(severity).into()))
        .collect();
    counts.insert("expected".to_owned(), audit.expected().into());
    let server = |server: &Server| {
        json!({
            "database": server.database,
            "version_num": server.version_num,
            "system_identifier": server.system_identifier,
        })
    };
    let gaps = |gaps: &[Gap]| json!(gaps);
    let value = json!({
        "schema": SCHEMA,
        "go": audit.is_go(),
        "before": server(audit.before),
        "after": server(audit.after),
        "findings": audit.findings,
        "coverage": {
            "objects": audit.compared.objects,
            "roles": audit.compared.roles,
            "grants": audit.compared.grants,
            "before": gaps(audit.gaps_before),
            "after": gaps(audit.gaps_after),
        },
        "counts": counts,
    });
    format!("{value:#}\n")
}
