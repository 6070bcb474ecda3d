//! Follows the newest run of a journal as it is written. Our own trouble is kept apart from what is known, as `serve` keeps it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::journal::event::Line;
use crate::journal::run::Run;
use crate::journal::{JournalError, Reading, Store};
use crate::report::timeline::{Entry, Timeline};

/// Between two looks at a file while something is written to it; a team's database is asked less often.
const BUSY: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(1);
/// A file that nothing was written to for so long is idle.
const CALM: Duration = Duration::from_secs(20);
/// Between two looks for a newer run in a team's database; in a folder it is looked for each time.
const NEWER_OF_TEAM: Duration = Duration::from_secs(10);
/// A journal that nobody has looked at for so long is not known: we hang, or what it lies on does.
const STALE: Duration = Duration::from_secs(30);
/// Events of the timeline that a screen shows.
pub(super) const LATEST: usize = 200;

/// What is known.
#[derive(Debug)]
pub(super) struct Known {
    /// The newest run as it is told; none before the first.
    timeline: Option<Timeline>,
    reading: Option<Reading>,
    /// What was told of it and not taken out yet, oldest first.
    pub(super) entries: VecDeque<Entry>,
    /// Why a newer run could not be looked for.
    unsought: Option<String>,
    /// Why its latest events could not be read.
    unread: Option<String>,
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
        let behind = self.reading.as_ref().and_then(|reading| reading.behind.as_ref());
        self.unsought.as_ref().or(self.unread.as_ref()).or(behind).cloned()
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
            reading: None,
            entries: VecDeque::new(),
            unsought: None,
            unread: None,
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
        let is_team = self.store.is_team();
        let mut sought: Option<Instant> = None;
        let mut wrote = Instant::now();
        loop {
            let is_known = self.known().timeline.is_some();
            let seeks =
                !is_team || !is_known || sought.is_none_or(|sought| sought.elapsed() >= NEWER_OF_TEAM);
            let mut changed = false;
            if seeks {
                sought = Some(Instant::now());
                let (is_new, unsought) = told(self.renew().await);
                changed |= is_new | self.keep(|known| &mut known.unsought, unsought);
            }
            let (is_more, unread) = told(self.catch_up().await);
            changed |= is_more | self.keep(|known| &mut known.unread, unread);
            changed |= self.looked();
            if changed {
                wrote = Instant::now();
                self.changed.notify_one();
            }
            tokio::time::sleep(if is_team || wrote.elapsed() > CALM { IDLE } else { BUSY }).await;
        }
    }

    /// Keep that the journal was looked at; whether that was the first time.
    fn looked(&self) -> bool {
        let mut known = self.known();
        known.looked = Instant::now();
        !std::mem::replace(&mut known.is_begun, true)
    }

    /// Keep a trouble, or that there is none; whether that is new.
    fn keep(&self, which: impl FnOnce(&mut Known) -> &mut Option<String>, trouble: Option<String>) -> bool {
        let mut known = self.known();
        let kept = which(&mut known);
        let is_new = *kept != trouble;
        *kept = trouble;
        is_new
    }

    /// Begin to follow the newest run, unless it is the one that is followed.
    async fn renew(&self) -> Result<bool, JournalError> {
        let known = self.known().run().map(|run| run.id.clone());
        let newest = match self.store.newest_id().await {
            Ok(None) => return Ok(false),
            Ok(newest) if newest == known => return Ok(false),
            Ok(newest) => newest,
            // This machine's copy of a team's journal that is away says that it is one.
            Err(JournalError::Away { .. }) if known.is_none() => None,
            Err(error) => return Err(error),
        };
        // What was still written to the run before is told too. What is wrong with that one is of no more use to anybody.
        let _ = self.catch_up().await;
        let mut timeline: Option<Timeline> = None;
        let mut entries = VecDeque::new();
        let take = |id: &str, line: Line| {
            let timeline = timeline.get_or_insert_with(|| Timeline::new(id, false));
            entries.extend(timeline.tell(line)?);
            self.trim(&mut entries);
            Ok(())
        };
        let reading = self.store.lines(newest.as_deref(), take).await?;
        let mut known = self.known();
        known.timeline = timeline;
        known.reading = reading;
        known.unread = None;
        if self.kept == usize::MAX {
            known.entries.append(&mut entries);
        } else {
            known.entries = entries;
        }
        Ok(true)
    }

    async fn catch_up(&self) -> Result<bool, JournalError> {
        let Some(reading) = self.known().reading.clone() else { return Ok(false) };
        let (lines, now) = self.store.since(&reading).await?;
        if lines.is_empty() && now == reading {
            return Ok(false);
        }
        let mut known = self.known();
        let Some(mut timeline) = known.timeline.take() else { return Ok(false) };
        let told = lines.into_iter().try_for_each(|line| {
            known.entries.extend(timeline.tell(line)?);
            Ok(())
        });
        known.timeline = Some(timeline);
        self.trim(&mut known.entries);
        told.map_err(|reason| JournalError::Corrupt {
            path: self.store.path(&now.run),
            line: now.seq,
            reason,
        })?;
        known.reading = Some(now);
        Ok(true)
    }

    fn trim(&self, entries: &mut VecDeque<Entry>) {
        let over = entries.len().saturating_sub(self.kept);
        entries.drain(..over);
    }
}

/// Whether something is new, and what went wrong.
fn told(looked: Result<bool, JournalError>) -> (bool, Option<String>) {
    match looked {
        Ok(is_new) => (is_new, None),
        Err(error) => (false, Some(error.to_string())),
    }
}
