//! The writer of a team's journal: sends what waits at once; while the database is away it writes into the spool, tries
//! again and again, and sends the spool when it is back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, OptionFuture};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::chain::{Chain, Sent};
use super::database::Database;
use super::spool::{Entry, Spool};
use super::{Held, Sender, Team};
use crate::clock;
use crate::journal::event::{Actor, Change, Event, LeaseChange, Line};
use crate::journal::write::{Journal, Request, answer, gather, header};
use crate::journal::{JournalError, Reading};

/// Silence after which whoever holds the lease looks whether the session it hangs on is still there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Between two tries to reach the database.
const PAUSE: Duration = Duration::from_secs(1);

/// The connection as the writer knows it.
enum Link {
    /// Logged in; the first append waits for the login of a writer that has no lease.
    Online(Box<Database>),
    Away,
    /// Nothing can be appended any more.
    Over(JournalError),
}

struct Writer {
    team: Team,
    sender: Sender,
    chain: Chain,
    spool: Spool,
    link: Link,
    /// The number of the last event.
    number: u64,
    /// Lines of others that were not given to anybody yet.
    others: Vec<Line>,
    waiting: Arc<AtomicU64>,
    settles: Vec<oneshot::Sender<()>>,
    /// The server's process of a session that held the lease and broke.
    broken: Option<i64>,
}

impl Team {
    /// Begin a run in the database, under the lease.
    pub(in crate::journal) async fn create(
        &self,
        run: &str,
        path: &Path,
        held: Held,
    ) -> Result<Journal, JournalError> {
        let Held { mut database, sender, .. } = held;
        let first = String::from_utf8_lossy(&header(run)).into_owned();
        database.create(run, &first, &sender.id).await?;
        let chain = Chain::open(&mut database, run, path).await?;
        self.start(path, sender, chain, Link::Online(Box::new(database)))
    }

    /// Go on with a run that was read: under the lease, or without it, for what people say.
    pub(in crate::journal) async fn open(
        &self,
        path: &Path,
        reading: Reading,
        by: Result<Held, &Actor>,
    ) -> Result<Journal, JournalError> {
        let (run, away) = (reading.run.clone(), reading.away);
        let chain = Chain::at(&run, path, reading)?;
        let (sender, link) = match by {
            Ok(Held { database, sender, .. }) => (sender, Link::Online(Box::new(database))),
            // Whoever speaks does not wait for it twice.
            Err(actor) if away => (Sender::new(actor.clone(), false)?, Link::Away),
            Err(actor) => (Sender::new(actor.clone(), false)?, self.link().await?),
        };
        self.start(path, sender, chain, link)
    }

    async fn link(&self) -> Result<Link, JournalError> {
        let mut database = match Database::connect(self).await {
            Ok(database) => database,
            Err(JournalError::Away { .. }) => return Ok(Link::Away),
            Err(error) => return Err(error),
        };
        database.prepare().await?;
        Ok(Link::Online(Box::new(database)))
    }

    fn start(&self, path: &Path, sender: Sender, chain: Chain, link: Link) -> Result<Journal, JournalError> {
        let team = self.clone();
        let spool = Spool::new(path.parent().unwrap_or(path), sender.clone());
        // Of its own: that of the program goes down while the last events may still be on their way.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| JournalError::io("start the writer of", path, &error))?;
        Journal::start(path, move |received, waiting| {
            let (others, settles) = (Vec::new(), Vec::new());
            let writer = Writer {
                team,
                sender,
                chain,
                spool,
                link,
                number: 0,
                others,
                waiting,
                settles,
                broken: None,
            };
            runtime.block_on(writer.work(received));
        })
    }
}

impl Writer {
    async fn work(mut self, mut received: mpsc::UnboundedReceiver<Request>) {
        let mut connecting: Option<BoxFuture<'static, Result<Database, JournalError>>> = None;
        let mut again = Instant::now();
        loop {
            let is_away = matches!(self.link, Link::Away);
            let is_online = matches!(self.link, Link::Online(_));
            tokio::select! {
                biased;
                request = received.recv() => {
                    let Some(first) = request else { break };
                    let mut batch = gather(first, &mut received);
                    self.settles.append(&mut batch.settles);
                    let (events, answers) = batch.into_parts();
                    if !answers.is_empty() {
                        let appended = self.append(events).await;
                        answer(answers, appended);
                    }
                    self.tell_settled();
                }
                Some(connected) = OptionFuture::from(connecting.as_mut()) => {
                    connecting = None;
                    again = Instant::now() + PAUSE;
                    match connected {
                        Ok(database) => self.regain(database).await,
                        Err(error) => {
                            tracing::debug!(%error, "the team's journal is still away");
                            self.tell_decided();
                        }
                    }
                    self.tell_settled();
                }
                () = sleep(HEARTBEAT), if is_online && self.sender.holds => self.look_after_lease().await,
                () = sleep_until(again), if is_away && connecting.is_none() => {
                    let team = self.team.clone();
                    connecting = Some(Box::pin(async move {
                        let mut database = Database::connect(&team).await?;
                        database.prepare().await?;
                        Ok(database)
                    }));
                }
            }
        }
    }

    /// The lines of each request; the first request also gets those of others.
    async fn append(&mut self, requests: Vec<Vec<Event>>) -> Result<Vec<Vec<Line>>, JournalError> {
        if let Link::Over(error) = &self.link {
            return Err(error.clone());
        }
        let mut sizes = Vec::with_capacity(requests.len());
        let mut entries = Vec::new();
        for events in requests {
            sizes.push(events.len());
            for what in events {
                self.number += 1;
                entries.push(Entry { number: self.number, at: clock::now(), what });
            }
        }
        let lines = if let Some(lines) = self.send(&entries).await? {
            lines
        } else {
            self.spool.add(&entries)?;
            self.waiting.fetch_add(entries.len() as u64, Ordering::SeqCst);
            entries.into_iter().map(|entry| entry.unnumbered(&self.sender.id)).collect()
        };
        let mut lines = lines.into_iter();
        let mut others = std::mem::take(&mut self.others);
        let answers = sizes.into_iter().map(|size| {
            let mut answer = std::mem::take(&mut others);
            answer.extend(lines.by_ref().take(size));
            answer
        });
        Ok(answers.collect())
    }

    /// Send events as they happen; nothing when they have to wait.
    async fn send(&mut self, entries: &[Entry]) -> Result<Option<Vec<Line>>, JournalError> {
        let Link::Online(database) = &mut self.link else { return Ok(None) };
        let appending = self.chain.append(database, &self.sender, entries.to_vec(), Sent::AtOnce);
        match appending.await {
            Ok(appended) => {
                self.others.extend(appended.others);
                Ok(Some(appended.own))
            }
            Err(error @ (JournalError::Away { .. } | JournalError::Refused { .. })) => {
                self.lose(&error);
                Ok(None)
            }
            Err(error @ JournalError::Superseded { .. }) => {
                self.spool.add(entries)?;
                self.concede(error.clone()).await;
                Err(error)
            }
            Err(error) => {
                self.link = Link::Over(error.clone());
                Err(error)
            }
        }
    }

    /// A run that has nothing to write would not notice that its session is gone, and with it the lease.
    async fn look_after_lease(&mut self) {
        if let Link::Online(database) = &mut self.link
            && let Err(error) = database.still_there().await
        {
            self.lose(&error);
        }
    }

    fn lose(&mut self, error: &JournalError) {
        if let Link::Online(database) = &self.link {
            self.broken = database.backend;
        }
        self.link = Link::Away;
        self.team.tell(&format!("{error}: events wait on this machine and are sent when it is back"));
    }

    /// The database is back: take the lease again, and send what waits.
    async fn regain(&mut self, database: Database) {
        let backend = self.broken;
        self.link = Link::Online(Box::new(database));
        match self.regained(backend).await {
            Ok(()) => {}
            Err(error @ JournalError::Superseded { .. }) => self.concede(error).await,
            Err(JournalError::Away { .. } | JournalError::Refused { .. }) => self.link = Link::Away,
            Err(error) => {
                self.team.tell(&error.to_string());
                self.link = Link::Over(error);
            }
        }
    }

    async fn regained(&mut self, backend: Option<i64>) -> Result<(), JournalError> {
        let Link::Online(database) = &mut self.link else { return Ok(()) };
        if self.sender.holds {
            if let Some(holder) = database.lease(&self.sender, backend).await? {
                return Err(JournalError::Superseded { holder });
            }
            self.broken = database.backend;
            let holders = database.holders("").await?;
            if holders.latest.is_some_and(|latest| latest != self.sender.id) {
                return Err(JournalError::Superseded { holder: holders.name });
            }
        }
        let sent = self.send_spool().await?;
        if self.sender.holds {
            self.say(Change::Regained, self.sender.actor.to_string(), Sent::AtOnce).await?;
        }
        if sent > 0 {
            self.team.tell(&format!("the team's journal is back: {sent} events that waited here are sent"));
        }
        Ok(())
    }

    async fn send_spool(&mut self) -> Result<u64, JournalError> {
        let Link::Online(database) = &mut self.link else { return Ok(0) };
        let Some(mut waiting) = self.spool.waiting()? else { return Ok(0) };
        let (others, sent) = self.chain.send(database, &mut waiting).await?;
        self.others.extend(others);
        self.spool.clear()?;
        self.waiting.store(0, Ordering::SeqCst);
        Ok(sent)
    }

    /// Somebody else has the lease: what waits is sent, as what no longer counts, and nothing more is appended.
    async fn concede(&mut self, error: JournalError) {
        let JournalError::Superseded { holder } = &error else { return };
        let holder = holder.clone();
        let told = match self.send_spool().await {
            Ok(_) => self.say(Change::Lost, holder, Sent::Late).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            self.team.tell(&format!("{error}: what waits on this machine is sent by the next command here"));
        }
        self.link = Link::Over(error);
    }

    async fn say(&mut self, change: Change, before: String, sent: Sent) -> Result<(), JournalError> {
        let Link::Online(database) = &mut self.link else { return Ok(()) };
        self.number += 1;
        let what = Event::Lease(LeaseChange { change, before, actor: self.sender.actor.clone(), by: None });
        let entry = Entry { number: self.number, at: clock::now(), what };
        let appended = self.chain.append(database, &self.sender, vec![entry], sent).await?;
        self.others.extend(appended.others);
        Ok(())
    }

    fn tell_settled(&mut self) {
        if self.waiting.load(Ordering::SeqCst) == 0 || matches!(self.link, Link::Over(_)) {
            self.tell_decided();
        }
    }

    fn tell_decided(&mut self) {
        for done in self.settles.drain(..) {
            // Whoever asked may have given up.
            let _ = done.send(());
        }
    }
}
