//! One round over a journal: the events go in, the fold comes along.

use std::sync::Arc;

use jiff::{SignedDuration, Span, Timestamp};

use crate::clock;
use crate::journal::edited::PlanEdited;
use crate::journal::event::{
    Actor, Change, Event, Expected, LeaseChange, Line, OutOfOrder, RunStarted, Selection,
};
use crate::journal::rollback::Measured;
use crate::journal::run::Run;
use crate::journal::{Journal, JournalError, Lease, Reading, Store};
use crate::model::verdict::Verdict;
use crate::plan::Plan;

/// A journal with the state it folds to, and the right to probe.
#[derive(Debug)]
pub struct Session {
    journal: Journal,
    run: Run,
    /// How it began.
    pub beginning: Beginning,
    _lease: Lease,
}

/// How a session began, to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// A new run.
    Fresh,
    /// A new run: the plan has changed since the newest run.
    PlanChanged,
    /// A new run, though stages were named: the newest run is too old to be gone on with.
    TooOld,
    /// A new round of the newest run.
    Round,
    /// A run that was killed goes on; so many bytes were torn off its end.
    Resumed {
        /// Bytes of a last line that was never completed.
        torn: u64,
    },
}

/// A run that began longer ago is not gone on with: yesterday's stages make no GO today, whatever was recorded since.
const CURRENT: SignedDuration = SignedDuration::from_hours(24);

/// What the newest run is to be used for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// `--fresh`: ignore what is there.
    pub fresh: bool,
    /// `--new-attempt`: a new run, numbered one higher.
    pub new_attempt: bool,
    /// `--take-over`: take the lease from a run that goes on, in this person's name.
    pub take_over: Option<String>,
}

/// The lease, and the newest run as it was found: nothing is written yet.
#[derive(Debug)]
pub struct Opening {
    lease: Lease,
    newest: Option<Box<(Run, Reading)>>,
    wish: Wish,
    actor: Actor,
    passed_on: Option<Event>,
}

/// What a round is begun with.
#[derive(Debug, Default)]
pub struct Round {
    /// What it looks at.
    pub selection: Selection,
    /// The plan was edited since, and somebody stands for it: the run goes on under it.
    pub edited: Option<PlanEdited>,
    /// Its stages are begun though others come before them.
    pub out_of_order: Option<OutOfOrder>,
    /// What each check of the plan hangs on, for a new run: [`crate::plan::definitions`].
    pub definitions: Arc<[String]>,
}

impl Opening {
    /// Take the lease and read the newest run.
    ///
    /// # Errors
    /// `Leased` when another run goes on; `Newer`, `Corrupt`, `Io`.
    pub async fn take(store: &Store, wish: Wish, actor: Actor) -> Result<Self, JournalError> {
        let lease = store.lease(&actor, clock::now(), wish.take_over.is_some()).await?;
        let newest = match store.newest().await {
            // Begun anew just because of that.
            Err(JournalError::Corrupt { .. } | JournalError::Newer { .. }) if wish.fresh => None,
            newest => newest?.map(Box::new),
        };
        // It went away since the lease was taken: what others have done meanwhile is not known.
        if let Some((_, reading)) = newest.as_deref().filter(|(_, reading)| reading.away) {
            let reason = reading.behind.clone().unwrap_or_default();
            return Err(JournalError::Away { place: store.place(), reason });
        }
        let run = newest.as_ref().map(|newest| &newest.0);
        let passed_on = passed_on(&lease, run, &actor, wish.take_over.clone());
        let newest = newest.filter(|_| !wish.fresh);
        Ok(Self { lease, newest, wish, actor, passed_on })
    }

    /// The run whose stages `run STAGE` would go on with, were the plan the same: the newest, unless a new one is wanted or it
    /// is too old.
    #[must_use]
    pub fn current(&self) -> Option<&Run> {
        let run = self.newest.as_ref().map(|newest| &newest.0)?;
        (!self.wish.new_attempt && !is_old(run)).then_some(run)
    }

    /// The newest run, if the plan has changed since.
    #[must_use]
    pub fn changed(&self, plan: &Plan) -> Option<&Run> {
        let run = self.newest.as_ref().map(|newest| &newest.0)?;
        (run.outline.sha256 != plan.outline.sha256).then_some(run)
    }

    /// Begin the round: a killed run goes on, `run STAGE` and a run on hold get another round, anything else is a new run.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn begin(mut self, store: &Store, plan: &Plan, round: Round) -> Result<Session, JournalError> {
        let Round { selection, edited, out_of_order, definitions } = round;
        let changed = edited.is_none() && self.changed(plan).is_some();
        let goes_on = self.current().filter(|_| !changed).and_then(|run| {
            let named = !selection.stages.is_empty();
            if !run.finished && run.selection == selection && edited.is_none() {
                let torn = self.newest.as_ref().map_or(0, |newest| newest.1.torn);
                return Some(Beginning::Resumed { torn });
            }
            (named || run.verdict == Some(Verdict::Hold)).then_some(Beginning::Round)
        });
        let wants_more = !selection.stages.is_empty() && !self.wish.new_attempt;
        let mut started = RunStarted {
            attempt: 1,
            round: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            actor: self.actor.clone(),
            plan_sha256: plan.outline.sha256.clone(),
            selection,
            out_of_order,
            measured: Measured::default(),
            outline: None,
            sources: Arc::default(),
            definitions: Arc::default(),
        };
        match (goes_on, self.newest.take()) {
            (Some(beginning), Some(newest)) => {
                let (run, reading) = *newest;
                let journal = store.resume(reading, &mut self.lease).await?;
                started.attempt = run.attempt;
                started.round = run.rounds + u32::from(beginning == Beginning::Round);
                let mut session = Session { journal, run, beginning, _lease: self.lease };
                let edited = edited.map(|edited| Event::PlanEdited(Box::new(edited)));
                let events = std::iter::once(Event::RunStarted(Box::new(started)));
                session.append(events.chain(self.passed_on).chain(edited).collect()).await?;
                Ok(session)
            }
            (_, newest) => {
                let newest = newest.map(|newest| newest.0);
                let beginning = match &newest {
                    Some(_) if changed && !self.wish.new_attempt => Beginning::PlanChanged,
                    Some(run) if wants_more && is_old(run) => Beginning::TooOld,
                    Some(_) | None => Beginning::Fresh,
                };
                if let Some(run) = newest.filter(|_| self.wish.new_attempt || !changed) {
                    started.attempt = run.attempt + u32::from(self.wish.new_attempt);
                    if self.wish.new_attempt {
                        started.measured = Measured::after(&run);
                    }
                }
                let (id, journal) = store.create(clock::now(), &mut self.lease).await?;
                started.outline = Some(Arc::clone(&plan.outline));
                started.sources = plan.sources.clone().into();
                started.definitions = definitions;
                let began = Event::RunStarted(Box::new(started));
                let lines = journal.append(std::iter::once(began).chain(self.passed_on).collect()).await?;
                let mut lines = lines.into_iter();
                let first = lines.next().ok_or(JournalError::Closed)?;
                let mut run = Run::begin(&id, first).map_err(|reason| JournalError::Missing { reason })?;
                lines.for_each(|line| run.apply(line));
                Ok(Session { journal, run, beginning, _lease: self.lease })
            }
        }
    }
}

/// Whether a run began too long ago to be gone on with.
fn is_old(run: &Run) -> bool {
    clock::now().duration_since(run.started_at) > CURRENT
}

impl Session {
    /// Let go of the lease. The state is left to the system, which frees ten thousand rows at once when the process ends.
    pub fn end(self) {
        std::mem::forget(self.run);
    }

    /// The state so far.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The journal, for appending while the state is borrowed.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The run as it was when a verdict was last said of a stage; none when that was never done.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn when_said(&self, store: &Store, stage: usize) -> Result<Option<Run>, JournalError> {
        let id = &self.run.outline.stages[stage].id;
        let is_verdict = |line: &&Line| matches!(&line.what, Event::Verdict { stage, .. } if stage == id);
        let Some(said) = self.run.history.iter().rfind(is_verdict).map(|line| line.seq) else {
            return Ok(None);
        };
        let mut run: Option<Run> = None;
        let see = |id: &str, line: Line| {
            match &mut run {
                Some(run) if line.seq <= said => run.apply(line),
                Some(_) => {}
                None => run = Some(Run::begin(id, line)?),
            }
            Ok(())
        };
        store.lines(Some(&self.run.id), see).await?;
        Ok(run)
    }

    /// Append events and take them in.
    ///
    /// # Errors
    /// When they could not be written.
    pub async fn append(&mut self, events: Vec<Event>) -> Result<(), JournalError> {
        let lines = self.journal.append(events).await?;
        self.take_in(lines);
        Ok(())
    }

    /// Take in lines that were appended.
    pub fn take_in(&mut self, lines: Vec<Line>) {
        for line in lines {
            self.run.apply(line);
        }
    }

    /// Rows of a stage that a resumed run still has to answer: not judged, or judged longer ago than `max_age`.
    #[must_use]
    pub fn unsettled(&self, stage: usize, max_age: Span) -> Vec<Expected> {
        let now = clock::now();
        // A clock that was set back says nothing about how old an answer is.
        let is_back = self.run.latest_at.duration_since(now) > clock::AGREEMENT;
        let oldest =
            if is_back { Timestamp::MAX } else { now.checked_sub(max_age).unwrap_or(Timestamp::MIN) };
        self.run.stages.get(stage).map_or_else(Vec::new, |state| {
            let open = state.rows.iter().filter(|(_, row)| row.judged_at.is_none_or(|at| at < oldest));
            open.map(|(expected, _)| expected.clone()).collect()
        })
    }
}

/// What became of the lease, when its last holder did not let it go by an orderly end.
fn passed_on(lease: &Lease, newest: Option<&Run>, actor: &Actor, by: Option<String>) -> Option<Event> {
    let (change, before, by) = match (&lease.taken_from, newest) {
        (Some(holder), _) => (Change::TakenOver, holder.clone(), by),
        (None, Some(run)) if !run.finished => (Change::Expired, run.actor.to_string(), None),
        (None, _) => return None,
    };
    Some(Event::Lease(LeaseChange { change, before, actor: actor.clone(), by }))
}
