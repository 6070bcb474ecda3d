//! `gonogo run`: probe what is due, print the verdict, write the reports.

use std::sync::Arc;

use jiff::Span;

use super::arguments::{PlanFiles, Run as Arguments};
use super::begin::Leave;
use super::stage::Round;
use super::{Shared, early, journal, load};
use crate::journal::event::Selection;
use crate::model::outline::Outline;
use crate::model::verdict::ReasonId;
use crate::runner::Wish;
use crate::secret::Scrubber;
use crate::verdict::Exit;

pub(super) async fn run(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let plan = match load::usable(&arguments.plan, shared, &scrubber) {
        Ok(plan) => Arc::new(plan),
        Err(loaded) => {
            return early::plan_error(&loaded, &name_of(&arguments.plan), &arguments.probing, shared);
        }
    };
    let selection = Selection {
        stages: arguments.stages.clone(),
        only: arguments.only.clone(),
        skip: arguments.skip.clone(),
        tags: arguments.tag.clone(),
        retest: false,
    };
    if let Err((message, help)) = known(&selection, &plan.outline) {
        shared.terminal.error(&message, Some(&help));
        let name = &plan.outline.name;
        return early::end(
            ReasonId::NothingSelected,
            message,
            Vec::new(),
            name,
            &arguments.probing,
            Exit::Usage,
            shared,
        );
    }
    let store = match journal::planned(&arguments.journal, plan.journal.as_deref(), shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let wish = Wish {
        fresh: arguments.fresh,
        new_attempt: arguments.new_attempt,
        take_over: arguments.take_over.clone(),
    };
    let leave = Leave {
        accept_plan: arguments.accept_plan.clone(),
        out_of_order: arguments.because.clone().filter(|_| arguments.out_of_order),
    };
    let round = Round {
        plan,
        scrubber,
        store,
        selection,
        wish,
        leave,
        max_age: span(arguments.max_age),
        rows: None,
        probing: &arguments.probing,
        shared,
    };
    round.run().await
}

/// What a plan that does not load is called in its reports.
pub(super) fn name_of(files: &PlanFiles) -> String {
    let stem = files.file.first().and_then(|file| file.file_stem());
    stem.map_or_else(|| "gonogo".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

pub(super) fn span(period: crate::period::Period) -> Span {
    Span::new().seconds(i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX).min(10_000_000))
}

/// Every name on the command line has to be in the plan: a typing error must not select nothing.
fn known(selection: &Selection, outline: &Outline) -> Result<(), (String, String)> {
    let stages: Vec<&str> = outline.stages.iter().map(|stage| stage.id.as_str()).collect();
    for stage in &selection.stages {
        if !stages.contains(&stage.as_str()) {
            return Err((
                format!("the plan has no stage `{stage}`"),
                nearest(stage, &stages, "its stages are"),
            ));
        }
    }
    let ids: Vec<&str> = outline.checks.iter().map(|check| &*check.id).collect();
    for pattern in selection.only.iter().chain(&selection.skip) {
        let one = Selection { only: vec![pattern.clone()], ..Selection::default() };
        if !ids.iter().any(|id| one.wants(id, &[])) {
            return Err((format!("no check is called `{pattern}`"), nearest(pattern, &ids, "some are")));
        }
    }
    let tags: Vec<&str> = outline.checks.iter().flat_map(|check| &check.tags).map(String::as_str).collect();
    for tag in &selection.tags {
        if !tags.contains(&tag.as_str()) {
            return Err((format!("no check has the tag `{tag}`"), nearest(tag, &tags, "some are")));
        }
    }
    Ok(())
}

/// Advice for an unknown name: the nearest one, or some that exist.
pub(super) fn nearest(name: &str, known: &[&str], lead: &str) -> String {
    match crate::suggest::closest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("{lead} {}", known.iter().take(8).copied().collect::<Vec<_>>().join(", ")),
    }
}
