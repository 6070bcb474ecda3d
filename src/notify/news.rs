//! When somebody is told: at the end of a stage, of a new blocker while it runs, and when the time runs out. Who was told of
//! what is in the journal, so that whoever goes on, or watches beside, tells nothing twice, and what could not be told again.

use std::collections::HashSet;
use std::sync::Arc;

use super::blockers::Blockers;
use super::notice::Notice;
use super::notifier::Notifier;
use crate::clock;
use crate::journal::event::Event;
use crate::journal::notifications::Notifications;
use crate::journal::run::Run;
use crate::model::notification::{Occasion, Sender, Target};
use crate::model::outcome::Judgement;
use crate::model::outline::{Check, CheckId};
use crate::net::Context;
use crate::verdict::{Assessment, assess};

/// What there is to tell of a run that goes on, or is watched. What it gives for the journal has to be written there; then
/// [`News::begin`] sends what is ours.
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
    pub fn new(targets: Arc<[Target]>, context: Context, sender: Sender) -> Self {
        Self { notifier: Notifier::new(targets, context, sender), blockers: None }
    }

    fn is_wanted(&self) -> bool {
        !self.notifier.targets.is_empty()
    }

    /// A stage is about to begin, or to go on.
    pub fn stage_begins(&mut self, run: &Run) {
        let is_wanted = self.notifier.targets.iter().any(|target| target.wants(Occasion::Blocker));
        self.blockers = is_wanted.then(|| Blockers::before(&assess(run, clock::now())));
    }

    /// A check of the stage is settled.
    pub fn settled(&mut self, check: &Check, judgement: &Judgement) {
        if let Some(blockers) = &mut self.blockers {
            blockers.settled(check, judgement);
        }
    }

    /// The run as it is known, now and then: blockers that are new are told. For the journal: what came of messages since, and
    /// which ones we are about to send.
    pub fn known(&mut self, run: &Run, stage: usize) -> Vec<Event> {
        if self.blockers.as_ref().is_some_and(Blockers::is_due) {
            self.tell_blockers(&assess(run, clock::now()), stage, None);
        }
        self.begin(&run.notified);
        self.pending()
    }

    /// A stage has ended, and its verdict is in the run. What failed last is told with it, to all but those who hear of
    /// blockers alone.
    pub fn stage_ended(&mut self, run: &Run, stage: usize) {
        if !self.is_wanted() {
            return;
        }
        let told = assess(run, clock::now());
        self.tell_blockers(&told, stage, Some(Occasion::Stage));
        self.blockers = None;
        self.notifier.tell(run, &Notice::of_stage(&told, stage), None);
        self.time_runs_out(run);
    }

    /// A stage had ended before the run was killed and went on: whoever had not been told by then is told of it as it was.
    pub fn stage_had_ended(&mut self, run: &Run, then: &Run, stage: usize) {
        self.notifier.tell(run, &Notice::of_stage(&assess(then, then.latest_at), stage), None);
    }

    /// Tell that the time runs out, when it does.
    pub fn time_runs_out(&mut self, run: &Run) {
        if self.is_wanted()
            && let Some(notice) = Notice::of_clock(&assess(run, clock::now()))
        {
            self.notifier.tell(run, &notice, None);
        }
    }

    /// Everybody is told of the new blockers they have not heard of.
    fn tell_blockers(&mut self, told: &Assessment<'_>, stage: usize, better: Option<Occasion>) {
        let Some(blockers) = &mut self.blockers else { return };
        let new = blockers.new_ones(told);
        for target in Arc::clone(&self.notifier.targets).iter() {
            if !target.wants(Occasion::Blocker) || better.is_some_and(|better| target.wants(better)) {
                continue;
            }
            let (heard, telling) =
                (told.run.notified.heard(&target.name), self.notifier.telling(&target.name));
            let known: HashSet<&CheckId> = heard.chain(telling).collect();
            let unheard: Vec<_> = new.iter().filter(|check| !known.contains(check)).cloned().collect();
            if !unheard.is_empty() {
                self.notifier.tell_one(told.run, &Notice::of_blockers(told, stage, &unheard), target);
            }
        }
    }

    /// For the journal: what came of messages since, and which ones we are about to send.
    pub fn pending(&mut self) -> Vec<Event> {
        self.notifier.pending()
    }

    /// Send what we said we are about to, unless somebody else had said so before.
    pub fn begin(&mut self, known: &Notifications) {
        self.notifier.begin(known);
    }

    /// What we said could not be written: send it all the same.
    pub fn begin_unclaimed(&mut self) {
        self.notifier.begin_unclaimed();
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.notifier.is_idle()
    }

    /// Wait a little for what is under way, and less once somebody has stopped us; what came of everything, for the journal.
    pub async fn settle(&mut self, stopped: impl Future<Output = ()>) -> Vec<Event> {
        self.notifier.settle(stopped).await
    }
}
