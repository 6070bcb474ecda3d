//! When somebody is told: at the end of a stage, of a new blocker while it runs, and when the time runs out. Who was told of
//! what is in the journal, so that whoever goes on, or watches beside, tells nothing twice.

use std::sync::Arc;

use super::Notifier;
use super::blockers::Blockers;
use super::notice::Notice;
use crate::clock;
use crate::journal::event::Event;
use crate::journal::run::Run;
use crate::model::notification::{Occasion, Target};
use crate::model::outcome::Judgement;
use crate::model::outline::Check;
use crate::probe::Context;
use crate::verdict::{Assessment, assess};

/// What there is to tell of a run that goes on, or is watched.
pub struct News {
    notifier: Notifier,
    blockers: Option<Blockers>,
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("News").field("blockers", &self.blockers).finish_non_exhaustive()
    }
}

impl News {
    /// For these people; without any, nothing is ever done.
    #[must_use]
    pub fn new(targets: Arc<[Target]>, context: Context) -> Self {
        Self { notifier: Notifier::new(targets, context), blockers: None }
    }

    fn is_wanted(&self) -> bool {
        !self.notifier.targets.is_empty()
    }

    /// A stage is about to begin.
    pub fn stage_begins(&mut self, run: &Run) {
        self.blockers = self.is_wanted().then(|| Blockers::before(&assess(run, clock::now())));
    }

    /// A check of the stage is settled.
    pub fn settled(&mut self, check: &Check, judgement: &Judgement) {
        if let Some(blockers) = &mut self.blockers {
            blockers.settled(check, judgement);
        }
    }

    /// The run as it is known, now and then: blockers that are new are told.
    pub fn known(&mut self, run: &Run, stage: usize) {
        if let Some(blockers) = self.blockers.as_mut().filter(|blockers| blockers.is_due()) {
            let told = assess(run, clock::now());
            let fresh = blockers.fresh(&told);
            if !fresh.is_empty() {
                self.notifier.tell(run, &Notice::of_blockers(&told, stage, &fresh), None);
            }
        }
    }

    /// A stage has ended, and its verdict is in the run. What failed last is told with it, to all but those who hear of
    /// blockers alone.
    pub fn stage_ended(&mut self, run: &Run, stage: usize) {
        if !self.is_wanted() {
            return;
        }
        let told = assess(run, clock::now());
        if let Some(mut blockers) = self.blockers.take().filter(Blockers::is_open) {
            let fresh = blockers.fresh(&told);
            if !fresh.is_empty() {
                let notice = Notice::of_blockers(&told, stage, &fresh);
                self.notifier.tell(run, &notice, Some(Occasion::Stage));
            }
        }
        self.notifier.tell(run, &Notice::of_stage(&told, stage), None);
        self.time_runs_out(&told);
    }

    /// Tell that the time runs out, when it does.
    pub fn time_runs_out(&mut self, told: &Assessment<'_>) {
        if self.is_wanted()
            && let Some(notice) = Notice::of_clock(told)
        {
            self.notifier.tell(told.run, &notice, None);
        }
    }

    /// What came of it since, for the journal.
    pub fn finished(&mut self) -> Vec<Event> {
        self.notifier.finished()
    }

    /// Wait a little for what is under way, and less when somebody has stopped us; what came of everything, for the journal.
    pub async fn settle(&mut self, stopped: bool) -> Vec<Event> {
        self.notifier.settle(stopped).await
    }
}
