//! One look at one check: the probe, its retries, its judgement.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::journal::event::Flaky;
use crate::model::layer::Layer;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::{Ended, Trace, VantageError};
use crate::plan::Job;
use crate::probe::{Context, Recorder};

/// A probe keeps its own limits; one that does not is abandoned this much later.
const GRACE: Duration = Duration::from_secs(2);

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

/// Look at one check, trying again as long as its plan says.
pub async fn look(
    job: &Job,
    layers: &[Layer],
    expect_break: Option<Layer>,
    context: &Context,
    cancel: &CancellationToken,
) -> Look {
    let began = Instant::now();
    let mut tries = Vec::with_capacity(1);
    let mut first = None;
    loop {
        let trace = one_try(job, context, cancel).await;
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

async fn one_try(job: &Job, context: &Context, cancel: &CancellationToken) -> Trace {
    let mut recorder = Recorder::new(context.clone(), job.timeout, cancel.clone());
    let internal = |reason: String| Trace::blind(VantageError::Internal { reason });
    let running = AssertUnwindSafe(job.probe.run(&mut recorder)).catch_unwind();
    let stopped = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = tokio::time::timeout(job.timeout + GRACE, running) => match ended {
            Ok(Ok(result)) => recorder.finish(result),
            Ok(Err(_)) => internal("the probe failed in a way it should not; please report this".to_owned()),
            Err(_) => internal("the probe did not keep its time limit; please report this".to_owned()),
        },
        () = stopped => Trace { observations: Vec::new(), ended: Ended::Cancelled },
    }
}
