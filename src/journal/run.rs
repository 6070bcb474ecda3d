//! The fold: events in, the state of a run out. The same for a live run, a resumed one and a report.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};

use super::event::{Actor, Event, Expected, Flaky, Line, OutOfOrder, Record, Selection};
use super::notifications::Notifications;
use super::people::{People, Speaker};
use super::rollback::{Measured, Rollback};
use crate::model::examination::Examination;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{CheckId, Outline};
use crate::model::trace::Trace;
use crate::model::verdict::Verdict;
use crate::plan::{Edit, Source};

/// The state of a run after some events.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run's id.
    pub id: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Rounds begun.
    pub rounds: u32,
    /// When the latest round began: one that goes on after a kill began before it.
    pub round_began_at: Timestamp,
    /// When its first round began.
    pub started_at: Timestamp,
    /// When its latest event was written: times never run back, whatever the clocks did.
    pub latest_at: Timestamp,
    /// When a check or a person last said how it is: what people say of the run makes no answer younger.
    pub looked_at: Timestamp,
    /// The furthest that a clock was behind what was written before: it was set back, or those of two machines differ.
    pub set_back: SignedDuration,
    /// Something was written with a clock that was set by hand: a rehearsal.
    pub clock_set: bool,
    /// The plan.
    pub outline: Arc<Outline>,
    /// What each of its checks hangs on: [`crate::plan::definitions`]; empty when an older version wrote it.
    pub definitions: Arc<[String]>,
    /// Its files, secrets starred.
    pub sources: Arc<[Source]>,
    /// How the plan was edited while the run went on, and who stood for it.
    pub edits: Vec<(Edit, Speaker)>,
    /// What the latest round was asked for.
    pub selection: Selection,
    /// The latest round ended by itself.
    pub finished: bool,
    /// The latest round was stopped by somebody.
    pub interrupted: bool,
    /// The latest verdict of a round.
    pub verdict: Option<Verdict>,
    /// Stages by index; those not begun are empty.
    pub stages: Vec<StageState>,
    /// What people recorded, the latest word by check.
    pub records: HashMap<CheckId, (Timestamp, Record)>,
    /// Who began the latest round.
    pub actor: Actor,
    /// The latest round's stages were begun out of order.
    pub out_of_order: Option<OutOfOrder>,
    /// Events that came late, after another run had taken the lease: they do not count.
    pub superseded: u64,
    /// What people have said: votes, acceptances, waivers, extensions, decisions.
    pub people: People,
    /// What the way back took in an earlier attempt.
    pub measured: Measured,
    /// The way back, once it has begun.
    pub rollback: Option<Rollback>,
    /// Events of a newer version that were passed over.
    pub unknown: u64,
    /// Who was told of what, or could not be, and when.
    pub notified: Notifications,
    /// What was said and decided, line by line, for the timeline: every event but what was looked at.
    pub history: Vec<Line>,
    places: HashMap<CheckId, usize>,
    stage_places: HashMap<String, usize>,
}

/// A stage after its latest beginning.
#[derive(Debug, Clone, Default)]
pub struct StageState {
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// The round it began in.
    pub round: u32,
    /// When its verdict was said.
    pub ended_at: Option<Timestamp>,
    /// What was said at its end.
    pub said: Option<Verdict>,
    /// When it was first said to be a go; looking again later does not take that back.
    pub first_go_at: Option<Timestamp>,
    /// What has to be answered, with what is known; in the order of the plan.
    pub rows: IndexMap<Expected, RowState>,
    /// Checks left out by hand.
    pub left_out: Vec<CheckId>,
}

/// What is known of one check from one vantage in one stage.
#[derive(Debug, Clone, Default)]
pub struct RowState {
    /// The latest trace.
    pub trace: Option<Trace>,
    /// When it was seen.
    pub seen_at: Option<Timestamp>,
    /// The judgement; without one the check gave no answer.
    pub judgement: Option<Judgement>,
    /// When it was judged.
    pub judged_at: Option<Timestamp>,
    /// It passed only after retries.
    pub flaky: Option<Flaky>,
    /// What was asked beyond it.
    pub examination: Option<Box<Examination>>,
}

impl Run {
    /// The state before any event but the first, which must be a `RunStarted` with an outline.
    ///
    /// # Errors
    /// A sentence, when the line cannot begin a run.
    pub fn begin(id: &str, line: Line) -> Result<Self, String> {
        let Event::RunStarted(started) = &line.what else {
            return Err("its first event is not run_started".to_owned());
        };
        let Some(outline) = started.outline.clone() else {
            return Err("its first event carries no plan".to_owned());
        };
        if outline.stages.is_empty() {
            return Err("its plan has no stages".to_owned());
        }
        let (definitions, sources) = (Arc::clone(&started.definitions), Arc::clone(&started.sources));
        let mut run = Self {
            id: id.to_owned(),
            attempt: started.attempt,
            rounds: 0,
            round_began_at: line.at,
            started_at: line.at,
            latest_at: line.at,
            looked_at: line.at,
            set_back: SignedDuration::ZERO,
            clock_set: false,
            definitions: Arc::default(),
            sources: Arc::default(),
            edits: Vec::new(),
            selection: Selection::default(),
            finished: false,
            interrupted: false,
            verdict: None,
            stages: vec![StageState::default(); outline.stages.len()],
            records: HashMap::new(),
            actor: started.actor.clone(),
            out_of_order: None,
            superseded: 0,
            people: People::default(),
            measured: started.measured.clone(),
            rollback: None,
            unknown: 0,
            notified: Notifications::default(),
            history: Vec::new(),
            places: HashMap::new(),
            stage_places: HashMap::new(),
            outline: Arc::clone(&outline),
        };
        run.follow(outline, definitions, sources);
        run.apply(line);
        Ok(run)
    }

    /// Take in one more event.
    pub fn apply(&mut self, line: Line) {
        if line.what.is_for_people() {
            self.history.push(line.clone());
        }
        // Whoever tells of a run must not change it: neither how old it is nor what its clocks show.
        if let Event::Notified(notified) = line.what {
            self.notified.take_in(line.at, notified);
            return;
        }
        let is_late = line.late.is_some();
        if line.late.is_some_and(|late| late.superseded) {
            self.superseded += 1;
            return;
        }
        self.clock_set |= line.clock_set;
        let at = if is_late { line.at } else { line.at.max(self.latest_at) };
        self.set_back = self.set_back.max(at.duration_since(line.at));
        self.latest_at = self.latest_at.max(at);
        if matches!(line.what, Event::Judged { .. } | Event::Verdict { .. } | Event::Recorded(_)) {
            self.looked_at = self.looked_at.max(at);
        }
        match line.what {
            Event::RunStarted(started) => {
                let is_new = started.round != self.rounds;
                self.notified.run_begins(is_new);
                if is_new {
                    self.round_began_at = at;
                }
                self.rounds = started.round;
                self.actor = started.actor;
                self.selection = started.selection;
                self.out_of_order = started.out_of_order;
                self.finished = false;
                self.interrupted = false;
            }
            Event::StageStarted { stage, expected, left_out } => {
                let (retest, round) = (self.selection.retest, self.rounds);
                if let Some(state) = self.stage_mut(&stage) {
                    state.round = round;
                    state.begin(at, expected, left_out, retest);
                }
            }
            Event::Seen { stage, check, vantage, attempt: _, trace } => {
                if let Some(row) = self.row_mut(&stage, check, vantage) {
                    row.trace = Some(trace);
                    row.seen_at = Some(at);
                }
            }
            Event::Judged { stage, check, vantage, judgement, flaky } => {
                if let Some(row) = self.row_mut(&stage, check, vantage) {
                    row.judgement = Some(judgement);
                    row.judged_at = Some(at);
                    row.flaky = flaky;
                }
            }
            Event::Examined { stage, check, vantage, examination } => {
                if let Some(row) = self.row_mut(&stage, check, vantage) {
                    row.examination = Some(examination);
                }
            }
            Event::Verdict { stage, verdict, .. } => {
                if let Some(state) = self.stage_mut(&stage) {
                    state.ended_at = Some(at);
                    state.said = Some(verdict);
                    state.first_go_at = state.first_go_at.or(verdict.is_go().then_some(at));
                }
            }
            Event::Recorded(record) => {
                // What waited in a spool does not replace what was said since.
                let said_since = self.records.get(&record.check).is_some_and(|(known, _)| *known > at);
                if !(is_late && said_since) {
                    self.records.insert(record.check.clone(), (at, record));
                }
            }
            Event::Voted(said) => self.people.voted(at, said, is_late),
            Event::Accepted(said) => self.people.accept(at, said, is_late),
            Event::Waived(said) => self.people.waived(at, said),
            Event::Extended(said) => self.people.extended(at, said),
            Event::Decided(said) => self.people.decided(at, said, is_late),
            Event::Handover(said) => self.people.handed_over(at, said, is_late),
            Event::PlanEdited(edited) => self.edited(*edited),
            // Told by the timeline alone.
            Event::Lease(_) | Event::Note(_) | Event::Notified(_) => {}
            Event::Rollback(event) => Rollback::apply(&mut self.rollback, at, event, &self.outline),
            Event::RunFinished { verdict, interrupted } => {
                self.finished = true;
                self.interrupted = interrupted;
                self.verdict = Some(verdict);
            }
            Event::Unknown => self.unknown += 1,
        }
    }

    /// Take this plan as its own.
    pub(super) fn follow(
        &mut self,
        outline: Arc<Outline>,
        definitions: Arc<[String]>,
        sources: Arc<[Source]>,
    ) {
        let places = outline.checks.iter().enumerate().map(|(index, check)| (check.id.clone(), index));
        self.places = places.collect();
        let stages = outline.stages.iter().enumerate().map(|(index, stage)| (stage.id.clone(), index));
        self.stage_places = stages.collect();
        (self.outline, self.definitions, self.sources) = (outline, definitions, sources);
    }

    /// The time to judge it at: now, and never before what was written.
    #[must_use]
    pub fn time(&self, now: Timestamp) -> Timestamp {
        now.max(self.latest_at)
    }

    /// The plan's index of a check.
    #[must_use]
    pub fn check_index(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The latest stage that was begun.
    #[must_use]
    pub fn current_stage(&self) -> Option<usize> {
        self.stages.iter().rposition(|stage| stage.started_at.is_some())
    }

    /// The latest known outcome of a check over all its vantages, the worst of them, and the stage it was seen in.
    /// Looks at stages up to and with `stage`.
    #[must_use]
    pub fn latest(&self, check: &str, stage: usize) -> Option<(usize, Outcome)> {
        let check = self.outline.checks.get(self.check_index(check)?)?;
        let keys: Vec<Expected> = check
            .from
            .iter()
            .map(|vantage| Expected { check: check.id.clone(), vantage: vantage.clone() })
            .collect();
        let record = self.records.get(&check.id).filter(|_| check.manual).map(|(_, record)| record.outcome);
        let mut stages = self.stages.iter().enumerate().take(stage + 1).rev();
        stages.find_map(|(index, state)| {
            let rows = keys.iter().filter_map(|key| state.rows.get(key));
            let worst = rows.map(|row| record.unwrap_or_else(|| row.outcome())).max();
            worst.map(|outcome| (index, outcome))
        })
    }

    fn stage_mut(&mut self, id: &str) -> Option<&mut StageState> {
        let index = *self.stage_places.get(id)?;
        self.stages.get_mut(index)
    }

    fn row_mut(&mut self, stage: &str, check: CheckId, vantage: Arc<str>) -> Option<&mut RowState> {
        self.stage_mut(stage)?.rows.get_mut(&Expected { check, vantage })
    }
}

impl StageState {
    fn begin(&mut self, at: Timestamp, expected: Vec<Expected>, left_out: Vec<CheckId>, retest: bool) {
        if retest {
            for item in expected {
                self.rows.insert(item, RowState::default());
            }
        } else {
            self.rows = expected.into_iter().map(|item| (item, RowState::default())).collect();
            self.left_out = left_out;
            self.started_at = Some(at);
        }
        self.ended_at = None;
        self.said = None;
    }
}

impl RowState {
    /// The outcome; silence until it is judged.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.judgement.as_ref().map_or(Outcome::NoAnswer, |judgement| judgement.outcome)
    }
}
