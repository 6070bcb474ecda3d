//! `gonogo baseline`: what every check shows from every place while all is well.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use indexmap::IndexMap;
use serde_json::json;

use super::arguments::{Baseline as Arguments, Format};
use super::{Shared, load, signals};
use crate::clock;
use crate::journal::{Baseline, Recorded, Store};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::Ended;
use crate::plan::Plan;
use crate::report::text;
use crate::secret::Scrubber;
use crate::verdict::Exit;

pub(super) async fn baseline(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    // What is wrong with it is told.
    let Ok(plan) = load::usable(&arguments.plan, shared, &scrubber) else { return Exit::Usage };
    let cancel = signals::cancelled_by_signals();
    let places = match load::places(IndexMap::clone(&plan.vantages), shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    let wanted = wanted(&plan);
    shared.terminal.tell(&format!("looking at {} checks and places", wanted.len()));
    let looking = wanted.into_iter().map(|(index, vantage)| {
        let (job, check, places, cancel) = (&plan.jobs[index], &plan.outline.checks[index], &places, &cancel);
        async move {
            let at = clock::now();
            let trace = places.look(&vantage, &job.probe, job.timeout, cancel).await;
            let judgement = Judgement::of(&trace, &check.layers, check.expect_break);
            (Recorded { check: check.id.clone(), vantage, at, trace }, judgement)
        }
    });
    let seen: Vec<(Recorded, Judgement)> =
        stream::iter(looking).buffered(arguments.concurrency.into()).collect().await;
    places.close().await;
    if cancel.is_cancelled() {
        shared.terminal.error("interrupted: the baseline is as it was before", None);
        return Exit::Interrupted;
    }
    let shown = match arguments.format {
        Format::Text => as_text(&seen),
        Format::Json => as_json(&seen),
    };
    // A place that could not be looked from is no contrast, so it is not kept.
    let kept =
        seen.into_iter().map(|(recorded, _)| recorded).filter(|one| one.trace.ended == Ended::Complete);
    let kept: Vec<Recorded> = kept.collect();
    if kept.is_empty() {
        shared.terminal.print(&scrubber.text(&shown));
        shared.terminal.error("nothing could be looked at, so the baseline is as it was before", None);
        return Exit::NoGo;
    }
    if let Err(error) = Baseline::write(Store::new(&arguments.journal.journal).folder(), kept) {
        shared.terminal.error(&error.to_string(), Some("name a folder that can be written: --journal DIR"));
        return Exit::NotWritten;
    }
    shared.terminal.print(&scrubber.text(&shown));
    Exit::Go
}

/// Every check from its own vantages, in the order of the plan; those that only a person can answer are left out.
fn wanted(plan: &Plan) -> Vec<(usize, Arc<str>)> {
    let mut known = HashSet::new();
    let checks = plan.outline.checks.iter().enumerate().filter(|(_, check)| !check.manual);
    let rows =
        checks.flat_map(|(index, check)| check.from.iter().map(move |vantage| (index, vantage.clone())));
    rows.filter(|row| known.insert(row.clone())).collect()
}

fn as_text(seen: &[(Recorded, Judgement)]) -> String {
    let passed = seen.iter().filter(|(_, judgement)| judgement.outcome == Outcome::Pass).count();
    let mut out = format!("baseline: {passed} of {} passed\n", seen.len());
    for (recorded, judgement) in seen.iter().filter(|(_, judgement)| judgement.outcome != Outcome::Pass) {
        let message = text::line(&judgement.message);
        // Writing to a String cannot fail.
        let _ =
            writeln!(out, "  {} {} from {}: {message}", judgement.outcome, recorded.check, recorded.vantage);
    }
    if passed < seen.len() {
        out.push_str("those are kept as they are: what did not work before proves nothing later\n");
    }
    out
}

fn as_json(seen: &[(Recorded, Judgement)]) -> String {
    let rows = seen.iter().map(|(recorded, judgement)| {
        json!({
            "check": recorded.check,
            "vantage": recorded.vantage,
            "at": recorded.at,
            "outcome": judgement.outcome,
            "message": judgement.message,
            "layers": recorded.trace.observations,
        })
    });
    serde_json::Value::from(rows.collect::<Vec<_>>()).to_string()
}
