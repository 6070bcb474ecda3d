//! The stream of what happens, as server-sent events (HTML Living Standard, section 9.2). Each event of the journal is one
//! message with the id `RUN:NUMBER`; who was cut off says the last it got (`Last-Event-ID`) and gets what it missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::watch;

use super::feed::Feed;
use crate::journal::JournalError;
use crate::journal::event::Line;
use crate::report::timeline::Timeline;

/// Silence after which a comment is sent, so that a connection that is gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// Bytes of what was missed that are sent again; who missed more is told to load the page anew.
const MOST_MISSED: usize = 16 * 1024 * 1024;
/// Tells a reader to load the page anew.
const RELOAD: &str = "event: reload\ndata: {}\n\n";

/// Which part of the feed a reader waits for; nothing before it reads events.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Arc<AtomicU64>);

impl Place {
    /// The number of the part.
    pub(super) fn get(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    fn set(&self, number: u64) {
        self.0.store(number.saturating_add(1), Ordering::Relaxed);
    }
}

/// Tells the events of one run as messages.
#[derive(Debug)]
pub(super) struct Teller {
    run: String,
    timeline: Timeline,
}

impl Teller {
    pub(super) fn new(run: &str) -> Self {
        Self { run: run.to_owned(), timeline: Timeline::new(run, true) }
    }

    /// Which run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// A run that was begun: whoever watches another one loads the page anew.
    pub(super) fn begun(&self) -> String {
        format!("event: run\ndata: {}\n\n", json!({ "run": self.run }))
    }

    /// Take in an event that readers know already.
    pub(super) fn skip(&mut self, line: Line) -> Result<(), String> {
        self.timeline.tell(line).map(drop)
    }

    /// One event.
    pub(super) fn tell(&mut self, line: Line) -> Result<String, String> {
        let seq = line.seq;
        let told: Vec<_> = self.timeline.tell(line)?;
        let told: Vec<_> = told
            .iter()
            .map(|entry| json!({ "at": entry.at, "local": entry.local, "text": entry.text }))
            .collect();
        // JSON has no line breaks, so each message is one line of data.
        let data = json!({ "run": self.run, "seq": seq, "told": told });
        Ok(format!("id: {}:{seq}\nevent: event\ndata: {data}\n\n", self.run))
    }
}

/// The last event a reader has: of which run, and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    run: String,
    seq: u64,
}

impl Last {
    /// Read an id that we gave; nobody else's means anything.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (run, seq) = text.rsplit_once(':')?;
        Some(Self { run: run.to_owned(), seq: seq.parse().ok()? })
    }
}

/// What a reader missed, then everything that happens.
pub(super) async fn stream_of(
    feed: Arc<Feed>,
    last: Option<Last>,
    place: Place,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    // First where to go on, then what came before: an event may be sent twice, and is never left out.
    let (next, changed) = feed.end();
    place.set(next);
    let mut first = String::from("retry: 1000\n\n");
    if let Some(last) = last {
        first.push_str(&missed(&feed, &last).await.unwrap_or_else(|_| RELOAD.to_owned()));
    }
    let state = Reader { feed, place, next, changed, first: Some(first.into()) };
    stream::unfold(state, |mut reader| async move {
        let part = reader.part().await?;
        Some((Ok(Frame::data(part)), reader))
    })
}

struct Reader {
    feed: Arc<Feed>,
    place: Place,
    next: u64,
    changed: watch::Receiver<u64>,
    first: Option<Bytes>,
}

impl Reader {
    /// The next bytes; none when the reader was left behind.
    async fn part(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if let Some(part) = self.feed.part(self.next).ok()? {
                self.next += 1;
                self.place.set(self.next);
                return Some(part);
            }
            match tokio::time::timeout(SILENCE, self.changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}

/// What came after the last event that a reader has.
async fn missed(feed: &Feed, last: &Last) -> Result<String, JournalError> {
    let current = feed.state().newest.as_ref().map(|(run, reading)| (run.id.clone(), reading.seq));
    match current {
        Some((run, seq)) if run == last.run && last.seq <= seq => {
            if last.seq == seq {
                return Ok(String::new());
            }
        }
        Some(_) | None => return Ok(RELOAD.to_owned()),
    }
    let _turn = feed.replays.acquire().await;
    let mut teller = Teller::new(&last.run);
    let mut told = String::new();
    feed.store
        .lines(Some(&last.run), |_, line| {
            if line.seq <= last.seq {
                return teller.skip(line);
            }
            if told.len() > MOST_MISSED {
                return Err("too much was missed".to_owned());
            }
            told.push_str(&teller.tell(line)?);
            Ok(())
        })
        .await?;
    Ok(told)
}
