//! One look at one check: the probe, its retries, its judgement.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::journal::event::Flaky;
use crate::model::layer::Layer;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::{Ended, Trace};
use crate::plan::Job;
use crate::vantage::Places;

/// What looking came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Every try, the last one last; never empty.
    pub tries: Vec<Trace>,
    /// The judgement of the last try.
    pub judgement: Judgement,
    /// It passed only after retries.
    pub flaky: Option<Flaky>,
    /// We were told to stop: the judgement says nothing.
    pub cancelled: bool,
}

/// Look at one check from one place, trying again as long as its plan says.
pub async fn look(
    job: &Job,
    layers: &[Layer],
    expect_break: Option<Layer>,
    (places, vantage): (&Places, &str),
    cancel: &CancellationToken,
) -> Look {
    let began = Instant::now();
    let mut tries = Vec::with_capacity(1);
    let mut first = None;
    loop {
        let trace = places
            .look((vantage, job.as_application.as_ref()), &job.probe, job.timeout, expect_break, cancel)
            .await;
        let cancelled = trace.ended == Ended::Cancelled;
        let judgement = Judgement::of(&trace, layers, expect_break);
        tries.push(trace);
        let attempt = u32::try_from(tries.len()).unwrap_or(u32::MAX);
        let passed = judgement.outcome == Outcome::Pass;
        let again = job.retry.filter(|retry| began.elapsed() + retry.every.0 < retry.lasting.0);
        let Some(retry) = again.filter(|_| !passed && !cancelled) else {
            let flaky = first.filter(|_| passed).map(|first| Flaky { attempt, first });
            return Look { tries, judgement, flaky, cancelled };
        };
        first.get_or_insert(judgement.message);
        // A wait cut short shows in the next try, which is cancelled at once.
        let _ = tokio::time::timeout(retry.every.0, cancel.cancelled()).await;
    }
}
