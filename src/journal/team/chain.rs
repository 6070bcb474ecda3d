//! One run's chain in the database: what is appended to it follows what anybody appended before, on every machine.

use std::collections::HashSet;
use std::path::Path;

use super::Sender;
use super::database::{Database, Row};
use super::spool::{Entry, Waiting};
use crate::clock;
use crate::journal::JournalError;
use crate::journal::event::{Event, Late, Line};
use crate::journal::folder::make_folder;
use crate::journal::read::{Reading, read};
use crate::journal::tail::Tail;

/// Events sent at once at most.
pub(super) const PART: usize = 1000;

/// The chain, as far as this program has read it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) run: String,
    pub(super) reading: Reading,
    /// This machine's copy; it may be ahead, when another program here has read more.
    copy: Tail,
}

/// What came of appending.
pub(super) struct Appended {
    /// Lines of others that came before.
    pub(super) others: Vec<Line>,
    pub(super) own: Vec<Line>,
}

/// How events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// As they happen, under the lease if the sender has it.
    AtOnce,
    /// Out of a spool: those that have arrived are left out.
    Late,
}

impl Chain {
    /// Go on from this machine's copy, which is begun when there is none.
    pub(super) async fn open(database: &mut Database, run: &str, path: &Path) -> Result<Self, JournalError> {
        begin_copy(database, run, path).await?;
        let reading = read(path, |_| Ok(()))?;
        Self::at(run, path, reading)
    }

    /// Go on from a copy that was read.
    pub(super) fn at(run: &str, path: &Path, reading: Reading) -> Result<Self, JournalError> {
        let copy = Tail::open(path, reading.clone())?;
        Ok(Self { run: run.to_owned(), reading, copy })
    }

    /// Take in what was appended since; every line is given to `see`, with its sender.
    pub(super) async fn pull(
        &mut self,
        database: &mut Database,
        mut see: impl FnMut(Line, &str) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        // The last line that is known comes again: the database has to know it too.
        let from = self.reading.seq;
        let mut next = self.reading.clone();
        next.torn = 0;
        let mut bytes = Vec::new();
        let mut known = false;
        let path = self.copy.path().to_owned();
        let corrupt = |line: u64, reason: String| JournalError::Corrupt { path: path.clone(), line, reason };
        let ahead = || {
            let reason = "the team's database does not hold this line, or holds another one: it has lost events that \
                          this machine's copy has";
            corrupt(from + 1, reason.to_owned())
        };
        let run = self.run.clone();
        database
            .lines(&run, from, |text, sender| {
                if !known {
                    known = true;
                    return if crate::journal::read::digest(text.as_bytes()) == next.hash {
                        Ok(())
                    } else {
                        Err(ahead())
                    };
                }
                let line = next.follow(text.as_bytes()).map_err(|reason| {
                    let mut error = corrupt(next.seq + 2, reason);
                    if let JournalError::Corrupt { path, .. } = &mut error {
                        *path = format!("{}: run {run}", path.display()).into();
                    }
                    error
                })?;
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b'\n');
                see(line, sender)
            })
            .await?;
        if !known {
            return Err(ahead());
        }
        self.keep(&bytes, next)
    }

    /// Number events and append them. In the order of the entries, all of them or none.
    pub(super) async fn append(
        &mut self,
        database: &mut Database,
        sender: &Sender,
        entries: Vec<Entry>,
        sent: Sent,
    ) -> Result<Appended, JournalError> {
        database.begin().await?;
        let mut others = Vec::new();
        self.pull(database, |line, from| {
            if from != sender.id {
                others.push(line);
            }
            Ok(())
        })
        .await?;
        let mut superseded = false;
        if sender.holds {
            let holders = database.holders(&self.run).await?;
            let is_other =
                |holder: &Option<String>| holder.as_ref().is_some_and(|holder| *holder != sender.id);
            // Until it has taken the lease with a line of its own, nobody can have taken it away.
            let begins = entries.iter().any(|entry| matches!(entry.what, Event::RunStarted(_)));
            if sent == Sent::AtOnce && !begins && is_other(&holders.latest) {
                database.roll_back().await?;
                return Err(JournalError::Superseded { holder: holders.name });
            }
            superseded = sent == Sent::Late && is_other(&holders.of_run);
        }
        let arrived: HashSet<u64> = match (sent, entries.first(), entries.last()) {
            (Sent::Late, Some(first), Some(last)) => database
                .arrived(&self.run, &sender.id, first.number..=last.number)
                .await?
                .into_iter()
                .collect(),
            (Sent::Late | Sent::AtOnce, _, _) => HashSet::new(),
        };
        let mut next = self.reading.clone();
        let mut bytes = Vec::with_capacity(64 * 1024);
        let mut own = Vec::with_capacity(entries.len());
        let mut places = Vec::with_capacity(entries.len());
        for Entry { number, at, what } in entries {
            if arrived.contains(&number) {
                continue;
            }
            let late = (sent == Sent::Late).then(|| Late {
                arrived: clock::now(),
                sender: sender.id.clone(),
                number,
                superseded,
            });
            let takes = sender.holds && !superseded && matches!(what, Event::RunStarted(_));
            let begin = bytes.len();
            let line = next.write(&mut bytes, (at, late, what))?;
            places.push((line.seq, begin..bytes.len() - 1, number, takes.then(|| sender.actor.to_string())));
            own.push(line);
        }
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let rows: Vec<Row<'_>> = places
            .into_iter()
            .map(|(seq, range, number, holder)| Row {
                seq,
                line: text.get(range).unwrap_or_default(),
                number,
                holder,
            })
            .collect();
        database.commit(&self.run, &sender.id, &rows).await?;
        self.keep(&bytes, next)?;
        Ok(Appended { others, own })
    }

    /// Send a spool, part by part; the lines of others that came before.
    pub(super) async fn send(
        &mut self,
        database: &mut Database,
        waiting: &mut Waiting,
    ) -> Result<(Vec<Line>, u64), JournalError> {
        let sender = waiting.sender.clone();
        let (mut others, mut sent) = (Vec::new(), 0);
        loop {
            let entries = waiting.next(PART)?;
            if entries.is_empty() {
                return Ok((others, sent));
            }
            sent += entries.len() as u64;
            others.extend(self.append(database, &sender, entries, Sent::Late).await?.others);
        }
    }

    /// Bring the copy up to what was read; another program of this machine may have done so already.
    fn keep(&mut self, bytes: &[u8], next: Reading) -> Result<(), JournalError> {
        self.reading = next;
        let reading = &self.reading;
        self.copy.locked(|copy| {
            copy.catch_up()?;
            let missing = reading.whole.saturating_sub(copy.reading.whole);
            let missing = usize::try_from(missing).ok().and_then(|missing| bytes.len().checked_sub(missing));
            match missing.and_then(|begin| bytes.get(begin..)) {
                Some([]) | None => Ok(()),
                Some(rest) => copy.write(rest, reading.clone(), false),
            }
        })
    }
}

/// Begin this machine's copy of a run, unless it is there.
pub(super) async fn begin_copy(database: &mut Database, run: &str, path: &Path) -> Result<(), JournalError> {
    if path.is_file() {
        return Ok(());
    }
    let Some(header) = database.header(run).await? else {
        return Err(JournalError::Missing { reason: format!("the team's journal has no run `{run}`") });
    };
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    match Tail::create(path, header.as_bytes()) {
        Ok(_) => Ok(()),
        // Another program of this machine was first.
        Err(_) if path.is_file() => Ok(()),
        Err(error) => Err(error),
    }
}
