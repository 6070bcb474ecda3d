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
use crate::journal::run::Run;
use crate::journal::{JournalError, Reading, Store};

/// Between two looks at a file; a team's database is asked less often.
const TICK: Duration = Duration::from_millis(40);
const TICK_OF_TEAM: Duration = Duration::from_secs(1);
/// Between two looks for a newer run.
const NEWER: Duration = Duration::from_millis(250);
const NEWER_OF_TEAM: Duration = Duration::from_secs(10);
/// A journal that nobody has looked at for so long is not known: we hang, or what it lies on does.
const STALE: Duration = Duration::from_secs(30);
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
    /// Why a newer run could not be looked for.
    unsought: Option<String>,
    /// Why its latest events could not be read.
    unread: Option<String>,
}

impl State {
    fn trouble(&self) -> Option<&String> {
        let behind = self.newest.as_ref().and_then(|(_, reading)| reading.behind.as_ref());
        self.unsought.as_ref().or(self.unread.as_ref()).or(behind)
    }
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
        self.state().trouble().cloned()
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

    /// Tell readers first, then take it in: a page that is being made must not keep them waiting.
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

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A part that is no longer kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone;

/// Follow the journal until told to stop.
pub(super) async fn follow(feed: Arc<Feed>, mut watch: Option<Watch>, stop: CancellationToken) {
    let is_team = feed.store.is_team();
    let (tick, newer) = if is_team { (TICK_OF_TEAM, NEWER_OF_TEAM) } else { (TICK, NEWER) };
    let mut teller: Option<Teller> = None;
    let mut looked: Option<Instant> = None;
    loop {
        let looks_for_newer = teller.is_none() || looked.is_none_or(|looked| looked.elapsed() >= newer);
        if looks_for_newer {
            let is_first = looked.replace(Instant::now()).is_none();
            let renewed = renew(&feed, &mut teller, is_first).await;
            feed.change(|state| state.unsought = renewed.err().map(|error| error.to_string()));
        }
        if let Some(teller) = &mut teller {
            let caught_up = catch_up(&feed, teller).await;
            if caught_up.is_err() || feed.state().unread.is_some() {
                feed.change(|state| state.unread = caught_up.err().map(|error| error.to_string()));
            }
        }
        *feed.looked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
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

/// Begin to follow the newest run, unless it is the one that is followed. Of a run that begins while we look, readers are
/// told everything.
async fn renew(feed: &Feed, teller: &mut Option<Teller>, is_first: bool) -> Result<(), JournalError> {
    let newest = feed.store.newest_id().await?;
    let known = feed.state().newest.as_ref().map(|(run, _)| run.id.clone());
    if newest.is_some() && newest == known && teller.is_some() {
        return Ok(());
    }
    let Some((run, reading)) = feed.store.newest().await? else { return Ok(()) };
    if known.as_ref() == Some(&run.id) && teller.is_some() {
        return Ok(());
    }
    let mut fresh = Teller::new(&run.id);
    let mut begun = fresh.begun();
    let taken_in = |_: &str, line: Line| {
        if line.seq > reading.seq {
            return Ok(());
        }
        let told = fresh.tell(line)?;
        if !is_first && begun.len() < MOST_AT_ONCE {
            begun.push_str(&told);
        }
        Ok(())
    };
    feed.store.lines(Some(&run.id), taken_in).await?;
    *teller = Some(fresh);
    feed.change(|state| *state = State { newest: Some((run, reading)), ..State::default() });
    feed.publish(begun);
    Ok(())
}

async fn catch_up(feed: &Feed, teller: &mut Teller) -> Result<(), JournalError> {
    let Some(reading) = feed.state().newest.as_ref().map(|(_, reading)| reading.clone()) else {
        return Ok(());
    };
    let (lines, now) = feed.store.since(&reading).await?;
    if lines.is_empty() && now == reading {
        return Ok(());
    }
    let part = lines.iter().cloned().map(|line| teller.tell(line)).collect::<Result<String, String>>();
    let part = part.map_err(|reason| JournalError::Corrupt {
        path: feed.store.path(&now.run),
        line: now.seq,
        reason,
    })?;
    feed.publish(part);
    feed.change(|state| {
        if let Some((run, reading)) = &mut state.newest {
            for line in lines {
                run.apply(line);
            }
            *reading = now;
        }
    });
    Ok(())
}
