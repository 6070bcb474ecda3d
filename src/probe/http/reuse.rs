//! A second call on a connection that was idle.

use std::time::{Duration, Instant};

use super::Http;
use super::ask::{Asked, ask};
use super::way::Ready;
use crate::clock::milliseconds;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::period::Period;
use crate::probe::{Recorder, Stop};

impl Http {
    /// The same call once more on the same connection, after it was idle.
    pub(super) async fn reuse(
        &self,
        recorder: &mut Recorder,
        mut ready: Ready,
        asked: &Asked<'_>,
        idle: Duration,
    ) -> Result<(), Stop> {
        let idle_ms = milliseconds(idle);
        if let Err(closed_after) = recorder.waiting(ready.conversation.rest(idle)).await? {
            let got = if closed_after.is_zero() {
                "closed by the server with its answer".to_owned()
            } else {
                format!("closed by the server after {:.1}s", closed_after.as_secs_f64())
            };
            let expected = format!("still open after {}", Period(idle));
            let mismatch = Mismatch { what: Mismatch::IDLE_CONNECTION.to_owned(), expected, got };
            let fault = Fault::Mismatch { mismatches: vec![mismatch], excerpt: None };
            return Err(recorder.broke(Layer::Protocol, closed_after, fault));
        }
        recorder.worked(Layer::Protocol, idle, Fact::Idled { idle_ms });
        let began = Instant::now();
        let answer = ask(recorder, &mut ready, asked).await?;
        self.judge(recorder, &answer, began.elapsed())
    }
}
