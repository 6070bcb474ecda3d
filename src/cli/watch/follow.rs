//! What is known of the newest run, for whoever shows it. Our own trouble is kept apart from what is known, as `serve` keeps it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::journal::event::Line;
use crate::journal::follow::{self, Reader, STALE};
use crate::journal::run::Run;
use crate::journal::{Reading, Store};
use crate::report::timeline::{Entry, Timeline};

/// Between two looks at a file while something is written to it; a team's database is asked less often.
const BUSY: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(1);
/// A file that nothing was written to for so long is idle.
const CALM: Duration = Duration::from_secs(20);
/// Events of the timeline that a screen shows.
pub(super) const LATEST: usize = 200;

/// What is known.
#[derive(Debug)]
pub(super) struct Known {
    /// The newest run as it is told; none before the first.
    timeline: Option<Timeline>,
    /// What was told of it and not taken out yet, oldest first.
    pub(super) entries: VecDeque<Entry>,
    /// Why it may be older than what the journal holds.
    trouble: Option<String>,
    /// When the journal was last looked at to its end.
    looked: Instant,
    /// Whether it was ever looked at to its end.
    pub(super) is_begun: bool,
}

impl Known {
    /// The newest run.
    pub(super) fn run(&self) -> Option<&Run> {
        self.timeline.as_ref()?.run()
    }

    /// Why what is known may be older than what the journal holds; nothing known is then a go.
    pub(super) fn trouble(&self) -> Option<String> {
        let silence = self.looked.elapsed();
        if silence > STALE {
            return Some(format!("the journal was not looked at for {} s", silence.as_secs()));
        }
        self.trouble.clone()
    }
}

/// Who follows.
#[derive(Debug)]
pub(super) struct Follower {
    store: Store,
    known: Mutex<Known>,
    /// Events kept for whoever shows them.
    kept: usize,
    /// Something is known that was not.
    pub(super) changed: Notify,
}

impl Follower {
    pub(super) fn new(store: Store, kept: usize) -> Self {
        let known = Known {
            timeline: None,
            entries: VecDeque::new(),
            trouble: None,
            looked: Instant::now(),
            is_begun: false,
        };
        Self { store, known: Mutex::new(known), kept, changed: Notify::new() }
    }

    /// Where runs are looked for.
    pub(super) fn place(&self) -> String {
        self.store.place()
    }

    /// What is known now; nothing is taken in while it is looked at.
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follow the journal for as long as the program runs.
    pub(super) async fn follow(&self) -> Infallible {
        let mut follower = follow::Follower::new(self.store.clone());
        let mut wrote = Instant::now();
        loop {
            let is_new = follower.look(&mut &*self).await;
            if self.looked(follower.trouble()) | is_new {
                wrote = Instant::now();
                self.changed.notify_one();
            }
            let is_slow = self.store.is_team() || wrote.elapsed() > CALM;
            tokio::time::sleep(if is_slow { IDLE } else { BUSY }).await;
        }
    }

    /// Keep that the journal was looked at, and what went wrong; whether that was the first time.
    fn looked(&self, trouble: Option<&str>) -> bool {
        let mut known = self.known();
        known.trouble = trouble.map(ToOwned::to_owned);
        known.looked = Instant::now();
        !std::mem::replace(&mut known.is_begun, true)
    }

    fn trim(&self, entries: &mut VecDeque<Entry>) {
        let over = entries.len().saturating_sub(self.kept);
        entries.drain(..over);
    }
}

impl Reader for &Follower {
    type Fresh = (Timeline, VecDeque<Entry>);

    fn begin(&self, run: &str) -> Self::Fresh {
        (Timeline::new(run, false), VecDeque::new())
    }

    fn read(&self, (timeline, entries): &mut Self::Fresh, line: Line) -> Result<(), String> {
        entries.extend(timeline.tell(line)?);
        self.trim(entries);
        Ok(())
    }

    fn adopt(&mut self, (timeline, mut entries): Self::Fresh, _: Reading) {
        let mut known = self.known();
        known.timeline = Some(timeline);
        if self.kept == usize::MAX {
            known.entries.append(&mut entries);
        } else {
            known.entries = entries;
        }
    }

    fn more(&mut self, lines: Vec<Line>, _: Reading) -> Result<(), String> {
        let mut known = self.known();
        let Known { timeline: Some(timeline), entries, .. } = &mut *known else { return Ok(()) };
        for line in lines {
            entries.extend(timeline.tell(line)?);
        }
        self.trim(entries);
        Ok(())
    }
}
