//! `gonogo baseline`: what every check shows from every place while all is well.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::{Baseline as Arguments, Format};
use super::{Shared, journal, load, signals};
use crate::clock;
use crate::journal::Recorded;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::Ended;
use crate::plan::Plan;
use crate::report::text;
use crate::secret::Scrubber;
use crate::vantage::Places;
use crate::verdict::Exit;

pub(super) async fn baseline(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    // What is wrong with it is told.
    let Ok(plan) = load::usable(&arguments.plan, shared, &scrubber) else { return Exit::Usage };
    let store = match journal::planned(&arguments.journal, plan.journal.as_deref(), shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let cancel = signals::cancelled_by_signals();
    let places = match load::places(&plan.vantages, plan.applications(), shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    let wanted = wanted(&plan);
    shared.terminal.tell(&format!("looking at {} checks and places", wanted.len()));
    let (from, stop, of) = (&places, &cancel, &plan);
    let looking = wanted.into_iter().map(|row| async move { look(of, row, from, stop).await });
    let seen: Vec<Shown> = stream::iter(looking).buffered(arguments.concurrency.into()).collect().await;
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
    let kept = seen.into_iter().map(|one| one.recorded).filter(|one| one.trace.ended == Ended::Complete);
    let kept: Vec<Recorded> = kept.collect();
    if kept.is_empty() {
        shared.terminal.print(&scrubber.text(&shown));
        shared.terminal.error("nothing could be looked at, so the baseline is as it was before", None);
        return Exit::NoGo;
    }
    if let Err(error) = store.keep_baseline(kept).await {
        shared.terminal.error(&error.to_string(), error.help());
        return Exit::NotWritten;
    }
    shared.terminal.print(&scrubber.text(&shown));
    Exit::Go
}

/// Every check from its own vantages and from those it will be compared with, in the order of the plan; those that only a
/// person can answer are left out.
fn wanted(plan: &Plan) -> Vec<(usize, Arc<str>)> {
    let mut known = HashSet::new();
    let checks = plan.outline.checks.iter().enumerate().filter(|(_, check)| !check.manual);
    let rows = checks.flat_map(|(index, check)| {
        let again = plan.jobs[index].probe.harmless().is_some();
        let compared = if again { check.compared_from() } else { Vec::new() };
        check.from.iter().cloned().chain(compared).map(move |vantage| (index, vantage))
    });
    rows.filter(|row| known.insert(row.clone())).collect()
}

/// One check from one place.
pub(super) struct Shown {
    pub(super) recorded: Recorded,
    pub(super) judgement: Judgement,
    /// The place never decides: it is looked from only to compare.
    compared: bool,
}

/// Look at one check from one place, changing nothing there.
pub(super) async fn look(
    plan: &Plan,
    (index, vantage): (usize, Arc<str>),
    places: &Places,
    cancel: &CancellationToken,
) -> Shown {
    let (job, check) = (&plan.jobs[index], &plan.outline.checks[index]);
    let at = clock::now();
    // A statement is never committed for a baseline.
    let harmless = job.probe.harmless();
    let probe = harmless.as_ref().unwrap_or(&job.probe);
    let compared = !check.from.contains(&vantage);
    // Other places have neither the application's user nor its process.
    let who = job.as_application.as_ref().filter(|_| !compared);
    let trace = places.look((&vantage, who), probe, job.timeout, check.expect_break, cancel).await;
    let judgement = Judgement::of(&trace, &check.layers, check.expect_break);
    let recorded = Recorded { check: check.id.clone(), vantage, at, trace };
    Shown { recorded, judgement, compared }
}

fn as_text(seen: &[Shown]) -> String {
    let (compared, own): (Vec<&Shown>, Vec<&Shown>) = seen.iter().partition(|one| one.compared);
    let passed = |rows: &[&Shown]| rows.iter().filter(|one| one.judgement.outcome == Outcome::Pass).count();
    let mut out = format!("baseline: {} of {} passed\n", passed(&own), own.len());
    for Shown { recorded, judgement, .. } in own.iter().filter(|one| one.judgement.outcome != Outcome::Pass) {
        let message = text::line(&judgement.message);
        // Writing to a String cannot fail.
        let _ =
            writeln!(out, "  {} {} from {}: {message}", judgement.outcome, recorded.check, recorded.vantage);
    }
    if passed(&own) < own.len() {
        out.push_str("those are kept as they are: what did not work before proves nothing later\n");
    }
    if !compared.is_empty() {
        let _ = writeln!(
            out,
            "to compare with: {} of {} work from other places too",
            passed(&compared),
            compared.len()
        );
    }
    out
}

fn as_json(seen: &[Shown]) -> String {
    let rows = seen.iter().map(|Shown { recorded, judgement, compared }| {
        json!({
            "check": recorded.check,
            "vantage": recorded.vantage,
            "compared": compared,
            "at": recorded.at,
            "outcome": judgement.outcome,
            "message": judgement.message,
            "layers": recorded.trace.observations,
        })
    });
    serde_json::Value::from(rows.collect::<Vec<_>>()).to_string()
}
