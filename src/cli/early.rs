//! Reports of a run that could not begin or has not ended, so that no reader finds an old GO.

use super::Shared;
use super::arguments::Probing;
use super::reporting::{options, write};
use crate::clock;
use crate::model::verdict::{Reason, ReasonId, Verdict};
use crate::plan::{Diagnostic, Gravity, Loaded};
use crate::report::EarlyEnd;
use crate::verdict::Exit;

/// Reports of a plan that does not load.
pub(super) fn plan_error(loaded: &Loaded, name: &str, probing: &Probing, shared: &Shared) -> Exit {
    let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Gravity::Error);
    let lines: Vec<String> = errors.map(one_line).collect();
    end(ReasonId::PlanError, "the plan does not load".to_owned(), lines, name, probing, Exit::Usage, shared)
}

/// Reports that say why nothing was looked at.
pub(super) fn end(
    id: ReasonId,
    text: String,
    diagnostics: Vec<String>,
    name: &str,
    probing: &Probing,
    exit: Exit,
    shared: &Shared,
) -> Exit {
    let reason = Reason { id, verdict: Verdict::NoGo, text, checks: Vec::new() };
    let end = EarlyEnd { at: clock::now(), plan: name.to_owned(), reason, diagnostics };
    let options = options(probing.junit, probing.junit_minor);
    write(&probing.out, probing.mode, &end.render(&options), exit, shared)
}

/// Replace the reports of the run before: a run that is killed must not leave its predecessor's GO behind.
pub(super) fn placeholder(name: &str, probing: &Probing, shared: &Shared) -> Exit {
    let text = "the run has not finished: it is going on, or it was killed".to_owned();
    end(ReasonId::Interrupted, text, Vec::new(), name, probing, Exit::Go, shared)
}

/// Such as `plan.yaml:3:5: unknown key`.
fn one_line(diagnostic: &Diagnostic) -> String {
    let message = &diagnostic.message;
    match (&diagnostic.file, &diagnostic.place) {
        (Some(file), Some(place)) => format!("{file}:{}:{}: {message}", place.line, place.column),
        (Some(file), None) => format!("{file}: {message}"),
        (None, _) => message.clone(),
    }
}
