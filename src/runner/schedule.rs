//! The order of probes in one stage: needs first, so many at once, so many on one server.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, OptionFuture};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::examine::Examinations;
use super::look::{Look, look};
use super::needs::{Needed, lacking};
use super::progress::{Limits, Progress};
use super::session::Session;
use crate::journal::event::{Event, Expected, Flaky, Line};
use crate::journal::{Baseline, JournalError};
use crate::model::examination::Examination;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::Check;
use crate::model::trace::Trace;
use crate::plan::Plan;
use crate::vantage::Places;

/// Events on their way to the disk at most; beyond that no new probe is begun.
const UNWRITTEN: usize = 2048;
/// Between two writes at least: a sync costs more processor time than a probe.
const PACE: Duration = Duration::from_millis(20);

/// Between two looks of whoever watches at the run itself.
const BEAT: Duration = Duration::from_millis(500);

/// Probes what a stage expects.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Where it looks from.
    pub places: Arc<Places>,
    /// What was seen when all was well.
    pub baseline: Arc<Baseline>,
    /// How many at once.
    pub limits: Limits,
    /// Stops everything.
    pub cancel: CancellationToken,
}

/// What a task of a stage came to.
enum Done {
    Looked(Look),
    Examined(Examination),
}

type Written = BoxFuture<'static, Result<Vec<Line>, JournalError>>;

/// One stage in progress.
struct Stage<'r, W> {
    runner: &'r Runner,
    index: usize,
    id: Arc<str>,
    watch: W,
    /// What has to be answered.
    todo: Vec<Expected>,
    /// Index into the plan of each.
    checks: Vec<usize>,
    /// Number of each one's server.
    endpoints: Vec<usize>,
    ready: VecDeque<usize>,
    /// Waiting for their server, by server.
    parked: Vec<VecDeque<usize>>,
    on_endpoint: Vec<usize>,
    /// By needed check: rows of it still open, whether all passed so far, and who waits.
    needed: HashMap<usize, Needed>,
    /// Needs still open, by row.
    open_needs: Vec<usize>,
    probes: JoinSet<(usize, Done)>,
    /// Probes under way, examinations left out.
    looking: usize,
    examinations: Examinations,
    /// Events of rows that are settled, for the next write.
    unwritten: Vec<Event>,
    /// The write under way: one at a time, so that what settles meanwhile goes together into the next.
    writing: Option<Written>,
    settled: Vec<bool>,
}

impl Runner {
    /// Probe `todo`, rows of stage `index` that are already expected, and journal what is seen.
    ///
    /// # Errors
    /// When the journal cannot be written: probing stops at once.
    pub async fn stage(
        &self,
        session: &mut Session,
        index: usize,
        todo: Vec<Expected>,
        watch: impl FnMut(Progress<'_>),
    ) -> Result<(), JournalError> {
        let mut stage = Stage::new(self, session, index, todo, watch);
        stage.settle_unprobed(session);
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            stage.fill();
            tokio::select! {
                Some(joined) = stage.probes.join_next() => {
                    // A task of ours does not panic: the probe is caught inside. A lost one stays unanswered.
                    match joined {
                        Ok((row, Done::Looked(look))) => stage.seen(row, look),
                        Ok((row, Done::Examined(examination))) => stage.examined(row, examination),
                        Err(_) => {}
                    }
                }
                _ = pace.tick(), if stage.writing.is_none() && !stage.unwritten.is_empty() => {
                    stage.write(session);
                }
                _ = beat.tick(), if !stage.probes.is_empty() => {
                    (stage.watch)(Progress::Known(session.run(), &mut stage.unwritten));
                }
                Some(written) = OptionFuture::from(stage.writing.as_mut()) => {
                    stage.writing = None;
                    match written {
                        Ok(lines) => session.take_in(lines),
                        Err(error) => {
                            stage.probes.shutdown().await;
                            return Err(error);
                        }
                    }
                }
                else => break,
            }
        }
        stage.close(session).await
    }
}

impl<'r, W: FnMut(Progress<'_>)> Stage<'r, W> {
    fn new(runner: &'r Runner, session: &Session, index: usize, todo: Vec<Expected>, watch: W) -> Self {
        let mut servers: HashMap<String, usize> = HashMap::new();
        let mut checks = Vec::with_capacity(todo.len());
        let mut endpoints = Vec::with_capacity(todo.len());
        for item in &todo {
            let check = session.run().check_index(&item.check).unwrap_or(usize::MAX);
            checks.push(check);
            let endpoint = runner.plan.jobs.get(check).map_or_else(String::new, |job| job.probe.endpoint());
            let next = servers.len();
            endpoints.push(*servers.entry(endpoint).or_insert(next));
        }
        let rows = todo.len();
        Self {
            runner,
            index,
            id: runner.plan.outline.stages[index].id.as_str().into(),
            watch,
            todo,
            checks,
            endpoints,
            ready: VecDeque::with_capacity(rows),
            parked: vec![VecDeque::new(); servers.len()],
            on_endpoint: vec![0; servers.len()],
            needed: HashMap::new(),
            open_needs: vec![0; rows],
            probes: JoinSet::new(),
            looking: 0,
            examinations: Examinations::default(),
            unwritten: Vec::new(),
            writing: None,
            settled: vec![false; rows],
        }
    }

    fn check(&self, row: usize) -> Option<&'r Check> {
        self.runner.plan.outline.checks.get(self.checks[row])
    }

    /// Queue what can run, let what has needs wait, and settle what no probe can answer.
    fn settle_unprobed(&mut self, session: &Session) {
        let mut rows_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (row, &check) in self.checks.iter().enumerate() {
            rows_of.entry(check).or_default().push(row);
        }
        let mut at_once = Vec::new();
        for row in 0..self.todo.len() {
            let Some(check) = self.check(row) else { continue };
            if let Some(judgement) = self.not_now(session, check) {
                at_once.push((row, judgement));
                continue;
            }
            let mut broken = None;
            for need in &check.needs {
                let index = session.run().check_index(need).unwrap_or(usize::MAX);
                if let Some(rows) = rows_of.get(&index) {
                    self.open_needs[row] += 1;
                    let fresh = || Needed { open: rows.len(), worst: Outcome::Pass, waiting: Vec::new() };
                    self.needed.entry(index).or_insert_with(fresh).waiting.push(row);
                } else {
                    let latest = session.run().latest(need, self.index).map(|(_, outcome)| outcome);
                    if latest != Some(Outcome::Pass) {
                        broken.get_or_insert_with(|| lacking(need, latest));
                    }
                }
            }
            if let Some(judgement) = broken {
                at_once.push((row, judgement));
            } else if self.open_needs[row] == 0 {
                self.ready.push_back(row);
            }
        }
        for (row, judgement) in at_once {
            self.judged(row, Vec::new(), judgement, None);
        }
    }

    /// Why no probe answers this row in this stage.
    fn not_now(&self, session: &Session, check: &Check) -> Option<Judgement> {
        if let Some(defer) = check.defer.as_ref().filter(|defer| self.index < defer.until) {
            let until = &self.runner.plan.outline.stages[defer.until].id;
            return Some(Judgement::plain(
                Outcome::NotRun,
                format!("deferred until {until}: {}", defer.because),
            ));
        }
        if !check.manual {
            return None;
        }
        let judgement = match session.run().records.get(&check.id) {
            Some((_, record)) => Judgement::plain(record.outcome, format!("recorded by {}", record.by)),
            None => Judgement::plain(Outcome::NotRun, "a person has not recorded it yet"),
        };
        Some(judgement)
    }

    /// Begin as many probes as the limits allow.
    fn fill(&mut self) {
        while self.looking < self.runner.limits.concurrency.max(1)
            && self.unwritten.len() < UNWRITTEN
            && !self.runner.cancel.is_cancelled()
            && let Some(row) = self.ready.pop_front()
        {
            let endpoint = self.endpoints[row];
            if self.on_endpoint[endpoint] >= self.runner.limits.per_target.max(1) {
                self.parked[endpoint].push_back(row);
                continue;
            }
            if self.settled[row] {
                continue;
            }
            self.on_endpoint[endpoint] += 1;
            self.looking += 1;
            (self.watch)(Progress::Started(&self.todo[row]));
            let (plan, index) = (Arc::clone(&self.runner.plan), self.checks[row]);
            let (places, cancel) = (Arc::clone(&self.runner.places), self.runner.cancel.clone());
            let vantage = Arc::clone(&self.todo[row].vantage);
            // Boxed: a task is moved several times on its way to a worker, and this one is large.
            self.probes.spawn(Box::pin(async move {
                let check = &plan.outline.checks[index];
                let from = (&*places, &*vantage);
                let look = look(&plan.jobs[index], &check.layers, check.expect_break, from, &cancel).await;
                (row, Done::Looked(look))
            }));
        }
    }

    /// Begin to write what waits, unless a write is under way.
    fn write(&mut self, session: &Session) {
        if self.writing.is_none() && !self.unwritten.is_empty() {
            let (journal, events) = (session.journal().clone(), std::mem::take(&mut self.unwritten));
            self.writing = Some(Box::pin(async move { journal.append(events).await }));
        }
    }

    fn seen(&mut self, row: usize, look: Look) {
        let endpoint = self.endpoints[row];
        self.on_endpoint[endpoint] -= 1;
        self.looking -= 1;
        if let Some(next) = self.parked[endpoint].pop_front() {
            self.ready.push_front(next);
        }
        if look.cancelled {
            return;
        }
        if let Some(trace) = look.tries.last() {
            self.examine(row, look.judgement.outcome, trace);
        }
        let seen = look.tries.into_iter().zip(1..).map(|(trace, attempt)| Event::Seen {
            stage: Arc::clone(&self.id),
            check: Arc::clone(&self.todo[row].check),
            vantage: Arc::clone(&self.todo[row].vantage),
            attempt,
            trace,
        });
        let seen = seen.collect();
        self.judged(row, seen, look.judgement, look.flaky);
    }

    /// Begin to ask what else tells the cause, unless the same has broken before.
    fn examine(&mut self, row: usize, outcome: Outcome, trace: &Trace) {
        let (Some(check), Some(job)) = (self.check(row), self.runner.plan.jobs.get(self.checks[row])) else {
            return;
        };
        let expected = &self.todo[row];
        let from = (self.endpoints[row], &expected.vantage);
        let Some(begun) =
            self.examinations.begin((check, job), from, (outcome, trace), &self.runner.baseline)
        else {
            return;
        };
        let (places, cancel) = (Arc::clone(&self.runner.places), self.runner.cancel.clone());
        self.probes.spawn(async move { (row, Done::Examined(begun.ask(&places, &cancel).await)) });
    }

    fn examined(&mut self, row: usize, examination: Examination) {
        self.unwritten.push(Event::Examined {
            stage: Arc::clone(&self.id),
            check: Arc::clone(&self.todo[row].check),
            vantage: Arc::clone(&self.todo[row].vantage),
            examination: Box::new(examination),
        });
    }

    /// Journal a row's judgement, and let go those that needed it; a chain of needs falls in one go.
    fn judged(&mut self, row: usize, events: Vec<Event>, judgement: Judgement, flaky: Option<Flaky>) {
        let mut fallen = self.settle(row, events, judgement, flaky);
        while let Some((row, judgement)) = fallen.pop() {
            fallen.extend(self.settle(row, Vec::new(), judgement, None));
        }
    }

    /// Settle one row; comes back with the rows that can no longer be looked at.
    fn settle(
        &mut self,
        row: usize,
        mut events: Vec<Event>,
        judgement: Judgement,
        flaky: Option<Flaky>,
    ) -> Vec<(usize, Judgement)> {
        if std::mem::replace(&mut self.settled[row], true) {
            return Vec::new();
        }
        if let Some(check) = self.check(row) {
            (self.watch)(Progress::Settled(&self.todo[row], check, &judgement, flaky.is_some()));
        }
        let outcome = judgement.outcome;
        events.push(Event::Judged {
            stage: Arc::clone(&self.id),
            check: Arc::clone(&self.todo[row].check),
            vantage: Arc::clone(&self.todo[row].vantage),
            judgement,
            flaky,
        });
        self.unwritten.append(&mut events);
        let Some(needed) = self.needed.get_mut(&self.checks[row]) else { return Vec::new() };
        needed.open -= 1;
        needed.worst = needed.worst.max(outcome);
        if needed.open > 0 {
            return Vec::new();
        }
        let (worst, waiting) = (needed.worst, std::mem::take(&mut needed.waiting));
        let need = Arc::clone(&self.todo[row].check);
        let mut fallen = Vec::new();
        for waiting in waiting {
            self.open_needs[waiting] -= 1;
            if worst != Outcome::Pass {
                fallen.push((waiting, lacking(&need, Some(worst))));
            } else if self.open_needs[waiting] == 0 {
                self.ready.push_back(waiting);
            }
        }
        fallen
    }

    /// Say of what is left that nobody looked.
    async fn close(mut self, session: &mut Session) -> Result<(), JournalError> {
        if self.runner.cancel.is_cancelled() {
            for row in 0..self.todo.len() {
                let stopped =
                    Judgement::plain(Outcome::NotRun, "the run was interrupted before it had answered");
                self.judged(row, Vec::new(), stopped, None);
            }
        }
        self.write(session);
        while let Some(writing) = self.writing.take() {
            session.take_in(writing.await?);
            self.write(session);
        }
        Ok(())
    }
}
