//! Whoever is told that the time runs out: the clock goes on when no command runs, and `serve` sees it. Who was told
//! is written down, so that nobody is told twice.

use std::time::Duration;

use tokio::time::Instant;

use super::feed::Feed;
use crate::clock;
use crate::journal::JournalError;
use crate::journal::event::{Actor, Event};
use crate::notify::News;
use crate::verdict::assess;

/// Between two looks at the clock.
const PACE: Duration = Duration::from_secs(1);

/// Looks at the clock of the newest run.
#[derive(Debug)]
pub(super) struct Watch {
    news: News,
    actor: Actor,
    looked: Option<Instant>,
}

impl Watch {
    pub(super) fn new(news: News, actor: Actor) -> Self {
        Self { news, actor, looked: None }
    }

    /// Tell when the time runs out, and write down who was told since.
    pub(super) async fn look(&mut self, feed: &Feed) {
        if self.looked.is_some_and(|looked| looked.elapsed() < PACE) {
            return;
        }
        self.looked = Some(Instant::now());
        if let Some((run, _)) = &feed.state().newest {
            self.news.time_runs_out(&assess(run, clock::now()));
        }
        let told = self.news.finished();
        self.keep(feed, told).await;
    }

    /// Serving ends: wait a little for what is under way.
    pub(super) async fn end(mut self, feed: &Feed) {
        let told = self.news.settle(true).await;
        self.keep(feed, told).await;
    }

    async fn keep(&self, feed: &Feed, told: Vec<Event>) {
        if told.is_empty() {
            return;
        }
        if let Err(error) = self.append(feed, told).await {
            tracing::warn!(%error, "who was told is not recorded");
        }
    }

    async fn append(&self, feed: &Feed, told: Vec<Event>) -> Result<(), JournalError> {
        let reading = feed.state().newest.as_ref().map(|(_, reading)| reading.clone());
        let Some(reading) = reading else { return Ok(()) };
        let journal = feed.store.join(reading, &self.actor).await?;
        // It comes back to us as everything does: by the journal.
        journal.append(told).await.map(drop)
    }
}
