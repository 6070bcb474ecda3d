//! Follows the newest run of a journal as it is written. Our own trouble is kept apart from what is known: whoever follows
//! has to call that no go.

use std::time::{Duration, Instant};

use super::event::Line;
use super::{JournalError, Reading, Store};

/// A journal that nobody has looked at for so long is not known: we hang, or what it lies on does.
pub const STALE: Duration = Duration::from_secs(30);
/// Between two looks for a newer run; a team's database is asked less often.
const NEWER: Duration = Duration::from_millis(250);
const NEWER_OF_TEAM: Duration = Duration::from_secs(10);

/// Who takes in what is followed.
pub trait Reader {
    /// A run that is being read from its beginning.
    type Fresh;

    /// Begin to read a run.
    fn begin(&self, run: &str) -> Self::Fresh;

    /// The next line of a run that is being read.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(&self, fresh: &mut Self::Fresh, line: Line) -> Result<(), String>;

    /// It was read to its end, and is followed from now on.
    fn adopt(&mut self, fresh: Self::Fresh, reading: Reading);

    /// What was appended to the run that is followed. Without lines, only how well it is known is new.
    ///
    /// # Errors
    /// What is wrong with it.
    fn more(&mut self, lines: Vec<Line>, reading: Reading) -> Result<(), String>;
}

/// How far the newest run is followed.
#[derive(Debug)]
pub struct Follower {
    store: Store,
    reading: Option<Reading>,
    sought: Option<Instant>,
    /// Why a newer run could not be looked for.
    unsought: Option<String>,
    /// Why the latest events could not be read.
    unread: Option<String>,
}

impl Follower {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, reading: None, sought: None, unsought: None, unread: None }
    }

    /// Look once, and hand over what is new; whether anything is.
    pub async fn look(&mut self, reader: &mut impl Reader) -> bool {
        let newer = if self.store.is_team() { NEWER_OF_TEAM } else { NEWER };
        let is_due = self.sought.is_none_or(|sought| sought.elapsed() >= newer);
        let mut is_new = false;
        if is_due || self.reading.is_none() {
            self.sought = Some(Instant::now());
            let renewed = self.renew(reader).await;
            is_new |= kept(&mut self.unsought, renewed);
        }
        let caught_up = self.catch_up(reader).await;
        is_new | kept(&mut self.unread, caught_up)
    }

    /// Why what is known may be older than what the journal holds.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        let behind = self.reading.as_ref().and_then(|reading| reading.behind.as_ref());
        self.unsought.as_ref().or(self.unread.as_ref()).or(behind).map(String::as_str)
    }

    /// Begin to follow the newest run, unless it is the one that is followed.
    async fn renew(&mut self, reader: &mut impl Reader) -> Result<bool, JournalError> {
        let known = self.reading.as_ref().map(|reading| &reading.run);
        let newest = match self.store.newest_id().await {
            Ok(None) => return Ok(false),
            Ok(newest) if newest.as_ref() == known => return Ok(false),
            Ok(newest) => newest,
            // This machine's copy of a team's journal that is away says that it is one.
            Err(JournalError::Away { .. }) if known.is_none() => None,
            Err(error) => return Err(error),
        };
        // What was still written to the run before is told too. What is wrong with that one is of no more use to anybody.
        let _ = self.catch_up(reader).await;
        let mut fresh = None;
        let read = |id: &str, line: Line| reader.read(fresh.get_or_insert_with(|| reader.begin(id)), line);
        let reading = self.store.lines(newest.as_deref(), read).await?;
        let (Some(fresh), Some(reading)) = (fresh, reading) else { return Ok(false) };
        self.reading = Some(reading.clone());
        self.unread = None;
        reader.adopt(fresh, reading);
        Ok(true)
    }

    async fn catch_up(&mut self, reader: &mut impl Reader) -> Result<bool, JournalError> {
        let Some(reading) = &self.reading else { return Ok(false) };
        let (lines, now) = self.store.since(reading).await?;
        if lines.is_empty() && now == *reading {
            return Ok(false);
        }
        let (path, line) = (self.store.path(&now.run), now.seq);
        reader.more(lines, now.clone()).map_err(|reason| JournalError::Corrupt { path, line, reason })?;
        self.reading = Some(now);
        Ok(true)
    }
}

/// Keep the trouble, or that there is none; whether anything is new.
fn kept(trouble: &mut Option<String>, looked: Result<bool, JournalError>) -> bool {
    let (is_new, found) = match looked {
        Ok(is_new) => (is_new, None),
        Err(error) => (false, Some(error.to_string())),
    };
    let is_other = *trouble != found;
    *trouble = found;
    is_new | is_other
}
