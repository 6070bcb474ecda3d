//! `gonogo validate`: every mistake of a plan, at once, without touching the network.

use super::arguments::{Format, Validate};
use super::{Shared, load};
use crate::plan::Severity;
use crate::secret::Scrubber;
use crate::verdict::Exit;

pub(super) fn validate(arguments: &Validate, shared: &Shared) -> Exit {
    let loaded = load::load(&arguments.files, &arguments.plan, shared, &Scrubber::default());
    let errors =
        loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let warnings = loaded.diagnostics.len() - errors;
    match arguments.format {
        Format::Json => {
            let json: Vec<_> = loaded.diagnostics.iter().map(crate::plan::Diagnostic::to_json).collect();
            shared.terminal.print(&serde_json::Value::from(json).to_string());
        }
        Format::Text => {
            load::tell(&loaded, shared);
            if let Some(plan) = &loaded.plan {
                let (checks, stages) = (plan.outline.checks.len(), plan.outline.stages.len());
                let more =
                    if warnings == 0 { String::new() } else { format!(", {}", counted(warnings, "warning")) };
                let ok = format!(
                    "{}: {} in {}{more}",
                    plan.outline.name,
                    counted(checks, "check"),
                    counted(stages, "stage")
                );
                shared.terminal.print(&ok);
            } else {
                shared.terminal.tell(&format!("{} found; nothing was run", counted(errors, "mistake")));
            }
        }
    }
    if loaded.plan.is_some() { Exit::Go } else { Exit::Usage }
}

/// Such as `1 check` or `3 checks`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
