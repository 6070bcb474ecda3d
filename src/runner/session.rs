//! One round over a journal: the events go in, the fold comes along.

use std::sync::Arc;

use jiff::{SignedDuration, Span, Timestamp};

use crate::clock;
use crate::journal::event::{Actor, Change, Event, Expected, LeaseChange, RunStarted, Selection};
use crate::journal::rollback::Measured;
use crate::journal::run::Run;
use crate::journal::{Journal, JournalError, Lease, Store};
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
    /// A new run, though stages were named: the plan has changed since the newest run.
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

impl Session {
    /// Take the lease and begin a round: a killed run goes on, `run STAGE` and a run on hold get another round,
    /// anything else is a new run.
    ///
    /// # Errors
    /// `Leased` when another run goes on; `Newer`, `Corrupt`, `Io`.
    pub async fn begin(
        store: &Store,
        plan: &Plan,
        selection: Selection,
        wish: Wish,
        actor: Actor,
    ) -> Result<Self, JournalError> {
        let mut lease = store.lease(&actor, clock::now(), wish.take_over.is_some()).await?;
        let newest = match store.newest().await {
            // Begun anew just because of that.
            Err(JournalError::Corrupt { .. } | JournalError::Newer { .. }) if wish.fresh => None,
            newest => newest?,
        };
        let passed_on = passed_on(&lease, newest.as_ref().map(|(run, _)| run), &actor, wish.take_over);
        let newest = newest.filter(|_| !wish.fresh);
        let attempt = newest.as_ref().map_or(1, |(run, _)| run.attempt + u32::from(wish.new_attempt));
        let changed = newest.as_ref().is_some_and(|(run, _)| run.outline.sha256 != plan.outline.sha256);
        let old =
            newest.as_ref().is_some_and(|(run, _)| clock::now().duration_since(run.started_at) > CURRENT);
        let attempt = if changed && !wish.new_attempt { 1 } else { attempt };
        let mut started = RunStarted {
            attempt,
            round: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            actor,
            plan_sha256: plan.outline.sha256.clone(),
            selection,
            measured: Measured::default(),
            outline: None,
            sources: Vec::new(),
        };
        if wish.new_attempt
            && let Some((run, _)) = &newest
        {
            started.measured = Measured::after(run);
        }
        let named = !started.selection.stages.is_empty();
        if !wish.new_attempt
            && !changed
            && !old
            && let Some((run, reading)) = newest
        {
            let resumed = !run.finished && run.selection == started.selection;
            let goes_on = named || run.verdict == Some(Verdict::Hold);
            let beginning = if resumed {
                Some(Beginning::Resumed { torn: reading.torn })
            } else {
                goes_on.then_some(Beginning::Round)
            };
            if let Some(beginning) = beginning {
                let journal = store.resume(reading, &mut lease).await?;
                started.round = run.rounds + u32::from(beginning == Beginning::Round);
                let mut session = Self { journal, run, beginning, _lease: lease };
                let began = Event::RunStarted(Box::new(started));
                session.append(std::iter::once(began).chain(passed_on).collect()).await?;
                return Ok(session);
            }
        }
        let beginning = match (named && !wish.new_attempt, changed, old) {
            (true, true, _) => Beginning::PlanChanged,
            (true, false, true) => Beginning::TooOld,
            (true, false, false) | (false, _, _) => Beginning::Fresh,
        };
        let (id, journal) = store.create(clock::now(), &mut lease).await?;
        started.outline = Some(Arc::clone(&plan.outline));
        started.sources = plan.sources.clone();
        let began = Event::RunStarted(Box::new(started));
        let lines = journal.append(std::iter::once(began).chain(passed_on).collect()).await?;
        let mut lines = lines.into_iter();
        let first = lines.next().ok_or(JournalError::Closed)?;
        let mut run = Run::begin(&id, first).map_err(|reason| JournalError::Missing { reason })?;
        lines.for_each(|line| run.apply(line));
        Ok(Self { journal, run, beginning, _lease: lease })
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
    pub fn take_in(&mut self, lines: Vec<crate::journal::event::Line>) {
        for line in lines {
            self.run.apply(line);
        }
    }

    /// Rows of a stage that a resumed run still has to answer: not judged, or judged longer ago than `max_age`.
    #[must_use]
    pub fn unsettled(&self, stage: usize, max_age: Span) -> Vec<Expected> {
        let oldest = clock::now().checked_sub(max_age).unwrap_or(Timestamp::MIN);
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
