//! What is served: the newest run, followed as it is written, and the latest of its events for those who watch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::events::{Place, Teller};
use super::watch::Watch;
use crate::journal::event::Line;
use crate::journal::follow::{Follower, Reader, STALE};
use crate::journal::run::Run;
use crate::journal::{Reading, Store};

/// Between two looks at a file; a team's database is asked less often.
const TICK: Duration = Duration::from_millis(40);
const TICK_OF_TEAM: Duration = Duration::from_secs(1);
/// Readers at once that get what they missed: each has the whole journal read.
const REPLAYS: usize = 2;
/// Bytes of events that are kept for readers: who is further behind has to read them again from the journal.
const KEPT: usize = 4 * 1024 * 1024;

/// Bytes of a run's events that are told when it is found: when it is longer, readers load the page anew.
const MOST_AT_ONCE: usize = KEPT;

/// The newest run and its latest events.
pub(super) struct Feed {
    pub(super) store: Store,
    state: RwLock<State>,
    ring: Mutex<Ring>,
    /// The number of the ring's next part.
    changed: watch::Sender<u64>,
    /// When the journal was last looked at to its end.
    looked: Mutex<Instant>,
    pub(super) replays: Semaphore,
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The newest run, and how far it was read; none before the first.
    pub(super) newest: Option<(Run, Reading)>,
    /// Why it may be older than what the journal holds.
    trouble: Option<String>,
}

/// Parts of the stream of events, each with what was read at once.
#[derive(Debug, Default)]
struct Ring {
    parts: VecDeque<Bytes>,
    bytes: usize,
    /// The number of the part after the last.
    next: u64,
}

impl Feed {
    pub(super) fn new(store: Store) -> Self {
        let (changed, _) = watch::channel(0);
        let (looked, replays) = (Mutex::new(Instant::now()), Semaphore::new(REPLAYS));
        Self { store, state: RwLock::default(), ring: Mutex::default(), changed, looked, replays }
    }

    /// Why what is known may be older than what the journal holds; nothing known is then a go.
    pub(super) fn trouble(&self) -> Option<String> {
        let silence = self.looked.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if silence > STALE {
            return Some(format!("it was not looked at for {} s", silence.as_secs()));
        }
        self.state().trouble.clone()
    }

    /// What is known now; nothing is taken in while it is looked at.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next part, and how to hear of it.
    pub(super) fn end(&self) -> (u64, watch::Receiver<u64>) {
        let changed = self.changed.subscribe();
        (self.ring().next, changed)
    }

    /// The part with this number: none yet, or an error when it is no longer kept.
    pub(super) fn part(&self, number: u64) -> Result<Option<Bytes>, Gone> {
        let ring = self.ring();
        let behind = ring.next.saturating_sub(number);
        let length = ring.parts.len() as u64;
        if behind > length {
            return Err(Gone);
        }
        let at = usize::try_from(length - behind).unwrap_or(usize::MAX);
        Ok(ring.parts.get(at).cloned())
    }

    /// Whether somebody waits for a part that is no longer kept.
    pub(super) fn has_left_behind(&self, place: &Place) -> bool {
        place.get().is_some_and(|number| self.part(number).is_err())
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, part: String) {
        if part.is_empty() {
            return;
        }
        let mut ring = self.ring();
        ring.bytes += part.len();
        ring.parts.push_back(part.into());
        ring.next += 1;
        while ring.bytes > KEPT && ring.parts.len() > 1 {
            let gone = ring.parts.pop_front().map_or(0, |part| part.len());
            ring.bytes -= gone;
        }
        let next = ring.next;
        drop(ring);
        self.changed.send_replace(next);
    }

    /// Keep that the journal was looked at, and what went wrong.
    fn looked(&self, trouble: Option<&str>) {
        if self.state().trouble.as_deref() != trouble {
            self.change(|state| state.trouble = trouble.map(ToOwned::to_owned));
        }
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A part that is no longer kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone;

/// Follow the journal until told to stop.
pub(super) async fn follow(feed: Arc<Feed>, mut watch: Option<Watch>, stop: CancellationToken) {
    let tick = if feed.store.is_team() { TICK_OF_TEAM } else { TICK };
    let mut follower = Follower::new(feed.store.clone());
    let mut sink = Sink { feed: &feed, teller: None, is_first: true };
    loop {
        follower.look(&mut sink).await;
        sink.is_first = false;
        feed.looked(follower.trouble());
        if let Some(watch) = &mut watch {
            watch.look(&feed).await;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(tick) => {}
        }
    }
    if let Some(watch) = watch {
        watch.end(&feed).await;
    }
}

/// Takes in what is followed, for readers and for pages.
struct Sink<'f> {
    feed: &'f Feed,
    teller: Option<Teller>,
    /// What is there now was there before anybody read.
    is_first: bool,
}

/// A run that is being read.
struct Fresh {
    teller: Teller,
    run: Option<Run>,
    /// What readers are told of it.
    part: String,
}

impl Reader for Sink<'_> {
    type Fresh = Fresh;

    fn begin(&self, run: &str) -> Fresh {
        let teller = Teller::new(run);
        Fresh { part: teller.begun(), teller, run: None }
    }

    fn read(&self, fresh: &mut Fresh, line: Line) -> Result<(), String> {
        let told = fresh.teller.tell(line.clone())?;
        // Of a run that begins while we look, readers are told everything.
        if !self.is_first && fresh.part.len() < MOST_AT_ONCE {
            fresh.part.push_str(&told);
        }
        match &mut fresh.run {
            Some(run) => run.apply(line),
            None => fresh.run = Some(Run::begin(fresh.teller.run(), line)?),
        }
        Ok(())
    }

    fn adopt(&mut self, fresh: Fresh, reading: Reading) {
        self.teller = Some(fresh.teller);
        self.feed.change(|state| state.newest = fresh.run.map(|run| (run, reading)));
        self.feed.publish(fresh.part);
    }

    fn more(&mut self, lines: Vec<Line>, reading: Reading) -> Result<(), String> {
        let Some(teller) = &mut self.teller else { return Ok(()) };
        let part = lines.iter().cloned().map(|line| teller.tell(line)).collect::<Result<String, String>>()?;
        // Readers first: a page that is being made must not keep them waiting.
        self.feed.publish(part);
        self.feed.change(|state| {
            if let Some((run, known)) = &mut state.newest {
                for line in lines {
                    run.apply(line);
                }
                *known = reading;
            }
        });
        Ok(())
    }
}
