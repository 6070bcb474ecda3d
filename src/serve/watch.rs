//! Whoever is told that the time runs out: the clock goes on when no command runs, and `serve` sees it. Who was told
//! is written down in the run it was told of, so that nobody is told twice, and who could not be told is told again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::Feed;
use crate::journal::event::{Actor, Event, Line};
use crate::journal::notifications::Notifications;
use crate::journal::{JournalError, Reading, Store};
use crate::model::notification::{Sender, Target};
use crate::net::Context;
use crate::notify::News;

/// Between two looks at the clock.
const PACE: Duration = Duration::from_secs(1);

/// Looks at the clock of the newest run.
pub(super) struct Watch {
    targets: Arc<[Target]>,
    context: Context,
    actor: Actor,
    /// Who sends, among all that watch.
    id: String,
    looked: Option<Instant>,
    /// The newest run is the last; those before it still have something under way.
    runs: Vec<Watched>,
}

/// A run, and what there is to tell of it.
struct Watched {
    reading: Reading,
    news: News,
}

impl Watch {
    pub(super) fn new(targets: Arc<[Target]>, context: Context, actor: Actor) -> Result<Self, String> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let id = format!("{:016x}", u64::from_ne_bytes(random));
        Ok(Self { targets, context, actor, id, looked: None, runs: Vec::new() })
    }

    /// Tell when the time runs out, and write down who was told since.
    pub(super) async fn look(&mut self, feed: &Feed) {
        if self.looked.is_some_and(|looked| looked.elapsed() < PACE) {
            return;
        }
        self.looked = Some(Instant::now());
        let known = self.newest(feed);
        let newest = self.runs.len().saturating_sub(1);
        for (place, watched) in self.runs.iter_mut().enumerate() {
            let events = watched.news.pending();
            if events.is_empty() {
                continue;
            }
            match (append(&feed.store, watched.reading.clone(), &self.actor, events).await, &known) {
                (Ok(lines), Some(known)) if place == newest => watched.news.begin(&with(known, lines)),
                (Ok(_), _) => {}
                (Err(error), _) => {
                    tracing::warn!(%error, "who is told is not recorded");
                    watched.news.begin_unclaimed();
                }
            }
        }
    }

    /// Look at the clock of the newest run; what is known of who was told of it.
    fn newest(&mut self, feed: &Feed) -> Option<Notifications> {
        let state = feed.state();
        let (run, reading) = state.newest.as_ref()?;
        if self.runs.last().is_none_or(|watched| watched.reading.run != reading.run) {
            self.runs.retain(|watched| !watched.news.is_idle());
            let sender = Sender::Watcher(self.id.clone());
            let news = News::new(Arc::clone(&self.targets), self.context.clone(), sender);
            self.runs.push(Watched { reading: reading.clone(), news });
        }
        let watched = self.runs.last_mut()?;
        watched.reading.clone_from(reading);
        watched.news.time_runs_out(run);
        Some(run.notified.clone())
    }

    /// Serving ends: wait a little for what is under way.
    pub(super) async fn end(self, feed: &Feed) {
        for mut watched in self.runs {
            let events = watched.news.settle(std::future::ready(())).await;
            if !events.is_empty()
                && let Err(error) = append(&feed.store, watched.reading, &self.actor, events).await
            {
                tracing::warn!(%error, "who was told is not recorded");
            }
        }
    }
}

async fn append(
    store: &Store,
    reading: Reading,
    actor: &Actor,
    events: Vec<Event>,
) -> Result<Vec<Line>, JournalError> {
    store.join(reading, actor).await?.append(events).await
}

/// What is known once these lines are.
fn with(known: &Notifications, lines: Vec<Line>) -> Notifications {
    let mut known = known.clone();
    for line in lines {
        if let Event::Notified(notified) = line.what {
            known.take_in(line.at, notified);
        }
    }
    known
}
