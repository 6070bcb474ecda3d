//! `gonogo retest`: look again at some checks of the current stage.

use std::sync::Arc;

use super::arguments::Retest as Arguments;
use super::begin::Leave;
use super::run::nearest;
use super::stage::Round;
use super::{Shared, early, journal, load};
use crate::clock;
use crate::journal::event::{Expected, Selection};
use crate::journal::run::Run;
use crate::runner::Wish;
use crate::secret::Scrubber;
use crate::verdict::{Exit, Standing, assess};

pub(super) async fn retest(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let plan = match load::usable(&arguments.plan, shared, &scrubber) {
        Ok(plan) => Arc::new(plan),
        Err(loaded) => {
            let name = super::run::name_of(&arguments.plan);
            return early::plan_error(&loaded, &name, &arguments.probing, shared);
        }
    };
    let store = match journal::planned(&arguments.journal, plan.journal.as_deref(), shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let run = match store.newest().await {
        Ok(run) => run.map(|(run, _)| run),
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            return Exit::NotWritten;
        }
    };
    let same_plan = run.filter(|run| run.outline.sha256 == plan.outline.sha256);
    let Some((run, stage)) = same_plan.and_then(|run| run.current_stage().map(|stage| (run, stage))) else {
        let help = "begin one: gonogo run; once the plan was edited: gonogo run STAGE --accept-plan NAME";
        shared.terminal.error("there is no run of this plan to look at again", Some(help));
        return Exit::Usage;
    };
    let rows = match rows(&run, stage, &arguments.checks) {
        Ok(rows) => rows,
        Err((message, help)) => {
            shared.terminal.error(&message, Some(&help));
            return Exit::Usage;
        }
    };
    let round = Round {
        selection: Selection {
            stages: vec![plan.outline.stages[stage].id.clone()],
            only: arguments.checks.clone(),
            retest: true,
            ..Selection::default()
        },
        plan,
        scrubber,
        store,
        wish: Wish::default(),
        leave: Leave::default(),
        max_age: jiff::Span::new(),
        rows: Some(rows),
        probing: &arguments.probing,
        shared,
    };
    round.run().await
}

/// The rows of the stage to look at again: those named, or those that did not pass.
fn rows(run: &Run, stage: usize, checks: &[String]) -> Result<Vec<Expected>, (String, String)> {
    let known: Vec<&str> = run.stages[stage].rows.keys().map(|expected| &*expected.check).collect();
    if let Some(unknown) = checks.iter().find(|check| !known.contains(&check.as_str())) {
        let stage = &run.outline.stages[stage].id;
        let message = format!("stage {stage} did not look at `{unknown}`");
        return Err((message, nearest(unknown, &known, "it looked at")));
    }
    let assessment = assess(run, clock::now());
    let wanted = assessment.stages[stage].rows.iter().filter(|row| {
        if checks.is_empty() {
            !matches!(row.standing, Standing::Passed | Standing::Owed)
        } else {
            checks.iter().any(|check| **check == *row.check.id)
        }
    });
    let rows: Vec<Expected> =
        wanted.map(|row| Expected { check: row.check.id.clone(), vantage: row.vantage.into() }).collect();
    if rows.is_empty() {
        let stage = &run.outline.stages[stage].id;
        return Err((
            format!("every check of stage {stage} has passed"),
            "name those to look at again".to_owned(),
        ));
    }
    Ok(rows)
}
