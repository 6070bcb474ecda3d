//! One probe run once, whatever it does: it keeps its limit or is abandoned, and a panic is ours.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{Context, Recorder, Spec};
use crate::model::trace::{Ended, Trace, VantageError};

/// A probe keeps its own limits; one that does not is abandoned this much later.
pub const GRACE: Duration = Duration::from_secs(2);

/// Look once, within `limit`; comes back in any case.
pub async fn once(probe: &Spec, limit: Duration, context: &Context, cancel: &CancellationToken) -> Trace {
    let mut recorder = Recorder::new(context.clone(), limit, cancel.clone());
    let internal = |reason: String| Trace::blind(VantageError::Internal { reason });
    let running = AssertUnwindSafe(probe.run(&mut recorder)).catch_unwind();
    let stopped = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = tokio::time::timeout(limit + GRACE, running) => match ended {
            Ok(Ok(result)) => recorder.finish(result),
            Ok(Err(_)) => internal("the probe failed in a way it should not; please report this".to_owned()),
            Err(_) => internal("the probe did not keep its time limit; please report this".to_owned()),
        },
        () = stopped => Trace { observations: Vec::new(), ended: Ended::Cancelled },
    }
}
