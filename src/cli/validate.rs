//! `gonogo validate`: every mistake of a plan, at once, without touching the network.

use super::arguments::{Format, Validate};
use super::plan::cannot_work;
use super::{Shared, load};
use crate::plan;
use crate::secret::Scrubber;
use crate::verdict::Exit;

pub(super) fn validate(arguments: &Validate, shared: &Shared) -> Exit {
    let mut loaded = load::load(&arguments.files, &arguments.plan, shared, &Scrubber::default());
    if let Some(mistake) = loaded.plan.as_ref().and_then(|plan| cannot_work(&plan.outline)) {
        loaded.diagnostics.insert(0, mistake);
        loaded.plan = None;
    }
    match arguments.format {
        Format::Json => shared.terminal.print(&plan::render_json(&loaded.diagnostics)),
        Format::Text => {
            load::tell(&loaded, shared);
            if let Some(plan) = &loaded.plan {
                let (checks, stages) = (plan.outline.checks.len(), plan.outline.stages.len());
                let sound = format!(
                    "{}: {} in {}",
                    plan.outline.name,
                    counted(checks, "check"),
                    counted(stages, "stage")
                );
                shared.terminal.print(&sound);
            }
        }
    }
    if loaded.plan.is_some() { Exit::Go } else { Exit::Usage }
}

/// Such as `1 check` or `3 checks`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
