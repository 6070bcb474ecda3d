//! `gonogo run`: probe what is due, print the verdict, write the reports.

use std::sync::Arc;

use clap::Args;
use jiff::Span;

use super::arguments::{JournalFolder, PlanFiles, Probing};
use super::begin::Leave;
use super::stage::Round;
use super::{Shared, early, journal, load};
use crate::journal::event::Selection;
use crate::model::outline::Outline;
use crate::model::verdict::ReasonId;
use crate::period::Period;
use crate::runner::Wish;
use crate::secret::Scrubber;
use crate::verdict::Exit;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Stages to run; all of them, in order, until the first NO-GO or HOLD
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    #[command(flatten)]
    plan: PlanFiles,
    #[command(flatten)]
    journal: JournalFolder,
    #[command(flatten)]
    probing: Probing,
    /// Only these checks (ids or globs); at best a PROVISIONAL GO
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// All but these checks (ids or globs); at best a PROVISIONAL GO
    #[arg(long, value_name = "CHECK")]
    skip: Vec<String>,
    /// Only checks with one of these tags; at best a PROVISIONAL GO
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Ignore what the journal holds: begin a new run
    #[arg(long)]
    fresh: bool,
    /// Begin a new attempt at the plan
    #[arg(long, conflicts_with = "fresh")]
    new_attempt: bool,
    /// Go on though the plan was edited since the run began, in this person's name; what it changes is looked at again
    #[arg(long, value_name = "NAME", requires = "stages", conflicts_with_all = ["fresh", "new_attempt"])]
    accept_plan: Option<String>,
    /// Run a stage though one that comes before it has no go; say why with --because
    #[arg(long, requires = "stages", requires = "because")]
    out_of_order: bool,
    /// Why a stage cannot wait for those before it; it is recorded
    #[arg(long, value_name = "WHY", requires = "out_of_order")]
    because: Option<String>,
    /// Take the run lease from a run that hangs, in your name; it ends. For journals in a database
    #[arg(long, value_name = "NAME")]
    take_over: Option<String>,
    /// When a killed run goes on, look again at what was settled longer ago than this
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    max_age: Period,
}

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
