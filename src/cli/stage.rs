//! One round: stages in order, each probed, judged, said and reported, until the first NO-GO or HOLD.

use std::sync::Arc;

use jiff::Span;
use tokio_util::sync::CancellationToken;

use super::arguments::{Format, Probing};
use super::begin::Leave;
use super::progress::Live;
use super::{Shared, compare, early, github, load, reporting, signals};
use crate::clock;
use crate::compare::Comparison;
use crate::journal::event::{Event, Expected, Selection};
use crate::journal::{Baseline, JournalError, Store};
use crate::model::notification::{Delivery, Notified, Sender};
use crate::model::verdict::{ReasonId, Verdict};
use crate::notify::News;
use crate::plan::Plan;
use crate::report::{self, Options, text};
use crate::runner::{Beginning, Limits, Progress, Runner, Session, Wish, due};
use crate::secret::Scrubber;
use crate::vantage::Places;
use crate::verdict::{Assessment, Exit, assess};

/// What a round is made of.
pub(super) struct Round<'a> {
    pub(super) plan: Arc<Plan>,
    pub(super) scrubber: Arc<Scrubber>,
    pub(super) store: Store,
    pub(super) selection: Selection,
    pub(super) wish: Wish,
    pub(super) leave: Leave,
    pub(super) max_age: Span,
    /// For a retest: exactly these rows of the one stage.
    pub(super) rows: Option<Vec<Expected>>,
    pub(super) probing: &'a Probing,
    pub(super) shared: &'a Shared,
}

/// What stages are run with.
struct Means {
    places: Arc<Places>,
    baseline: Arc<Baseline>,
    cancel: CancellationToken,
}

impl Round<'_> {
    /// Run it, and end as its verdict says.
    pub(super) async fn run(self) -> Exit {
        let cancel = signals::cancelled_by_signals();
        let terminal = &self.shared.terminal;
        let mut session = match Box::pin(self.begin()).await {
            Ok(session) => session,
            Err(exit) => return exit,
        };
        // With the lease: the reports of a run that goes on are left alone.
        let baseline = match self.store.baseline().await {
            Ok(baseline) => Arc::new(baseline),
            Err(error) => {
                let help = "nothing was probed; record it again while all is well (gonogo baseline), or take the file away";
                return self.nothing_probed(&error, help);
            }
        };
        if early::placeholder(&self.plan.outline.name, self.probing, self.shared) != Exit::Go {
            terminal.error(
                "the reports cannot be written, so nothing was probed",
                Some("name another folder: --out DIR"),
            );
            return Exit::NotWritten;
        }
        let places =
            match load::places(&self.plan.vantages, self.plan.applications(), self.shared, &self.scrubber) {
                Ok(places) => places,
                Err(exit) => return exit,
            };
        let means = Means { places, baseline, cancel };
        let context = load::context(self.shared, &self.scrubber);
        let mut news = News::new(Arc::clone(&self.plan.notify), context, Sender::Run);
        let exit = self.stages_in_order(&mut session, &means, &mut news).await;
        means.places.close().await;
        let waited = session.journal().waiting() > 0;
        // Whoever was cut off at the end hears only now that somebody else had taken the lease.
        if waited
            && reporting::settle(session.journal(), self.shared).await == 0
            && let Err(error) = session.append(Vec::new()).await
        {
            return self.broken_off(&session, &error, &means.cancel);
        }
        session.end();
        std::mem::forget(self.plan);
        exit
    }

    async fn stages_in_order(&self, session: &mut Session, means: &Means, news: &mut News) -> Exit {
        news.time_runs_out(session.run());
        self.tell(session, news).await;
        let stages = self.stages(session);
        let mut worst = Exit::Go;
        for (position, &stage) in stages.iter().enumerate() {
            let more = position + 1 < stages.len();
            if more && self.is_said(session, stage) {
                // It may have been killed before it told so. That this cannot be found out changes nothing that is known.
                if !self.plan.notify.is_empty()
                    && let Ok(Some(then)) = session.when_said(&self.store, stage).await
                {
                    news.stage_had_ended(session.run(), &then, stage);
                }
                continue;
            }
            news.stage_begins(session.run());
            if let Err(error) = self.stage(session, stage, means, news).await {
                return self.broken_off(session, &error, &means.cancel);
            }
            let last = match self.conclude(session, stage, more, means.cancel.is_cancelled()).await {
                Ok(last) => last,
                Err(error) => return self.broken_off(session, &error, &means.cancel),
            };
            news.stage_ended(session.run(), stage);
            worst = self.say(&assess(session.run(), clock::now()));
            self.tell(session, news).await;
            if last {
                // The verdict is said; what is kept also says who could not be told.
                let told = news.settle(means.cancel.cancelled()).await;
                untold(&told).for_each(|line| self.shared.terminal.tell(&line));
                self.keep(session, told).await;
                let assessment = assess(session.run(), clock::now());
                let before = compare::with_attempt_before(&self.store, &assessment).await;
                worst = self.publish(&assessment, before);
                break;
            }
        }
        // As the journal says, and so the reports: a signal that comes after the last verdict changes nothing.
        if session.run().interrupted { Exit::Interrupted } else { worst }
    }

    fn stages(&self, session: &Session) -> Vec<usize> {
        let outline = &self.plan.outline;
        if !self.selection.stages.is_empty() {
            let mut named: Vec<usize> =
                self.selection.stages.iter().filter_map(|id| outline.stage(id)).collect();
            named.sort_unstable();
            named.dedup();
            return named;
        }
        // A run on hold goes on where it was held; what was go before that stays said.
        let held = session.run().current_stage().filter(|_| session.beginning == Beginning::Round);
        (held.unwrap_or(0)..outline.stages.len()).collect()
    }

    /// A run that was killed had said so of this stage, and had gone on.
    fn is_said(&self, session: &Session, stage: usize) -> bool {
        let known = &session.run().stages[stage];
        known.round == session.run().rounds
            && known.said.is_some_and(|said| said < Verdict::Hold)
            && session.unsettled(stage, self.max_age).is_empty()
    }

    async fn stage(
        &self,
        session: &mut Session,
        stage: usize,
        means: &Means,
        news: &mut News,
    ) -> Result<(), JournalError> {
        let begun_in_this_round = session.run().stages[stage].round == session.run().rounds;
        let todo = if begun_in_this_round {
            session.unsettled(stage, self.max_age)
        } else {
            let due = match &self.rows {
                Some(rows) => crate::runner::Due { expected: rows.clone(), left_out: Vec::new() },
                None => due(session.run(), stage, &self.selection),
            };
            session
                .append(vec![Event::StageStarted {
                    stage: self.plan.outline.stages[stage].id.clone(),
                    expected: due.expected.clone(),
                    left_out: due.left_out,
                }])
                .await?;
            due.expected
        };
        let runner = Runner {
            plan: Arc::clone(&self.plan),
            places: Arc::clone(&means.places),
            baseline: Arc::clone(&means.baseline),
            limits: Limits {
                concurrency: self.probing.concurrency.into(),
                per_target: self.probing.per_target.into(),
            },
            cancel: means.cancel.clone(),
        };
        let mut live = Live::new(self.shared.terminal, &self.plan.outline.stages[stage].id, todo.len());
        let watch = |progress: Progress<'_>| {
            live.show(&progress);
            match progress {
                Progress::Started(_) => {}
                Progress::Settled(_, check, judgement, _) => news.settled(check, judgement),
                Progress::Known(run, written) => {
                    let told = news.known(run, stage);
                    untold(&told).for_each(|line| live.note(&line));
                    written.extend(told);
                }
            }
        };
        let probed = runner.stage(session, stage, todo, watch).await;
        live.end();
        probed
    }

    /// Say the stage's verdict into the journal, and the run's when it ends here; comes back with whether it does.
    async fn conclude(
        &self,
        session: &mut Session,
        stage: usize,
        more: bool,
        interrupted: bool,
    ) -> Result<bool, JournalError> {
        let (events, last) = {
            let assessment = assess(session.run(), clock::now());
            let own = &assessment.stages[stage];
            let verdict = own.verdict.unwrap_or(Verdict::NoGo);
            let revoked = assessment
                .stages
                .iter()
                .filter(|earlier| earlier.index < stage && !earlier.revoked_by.is_empty());
            let mut events = vec![Event::Verdict {
                stage: own.stage.id.clone(),
                verdict,
                reasons: own.reasons.clone(),
                revokes: revoked.map(|earlier| earlier.stage.id.clone()).collect(),
            }];
            let last = !more || interrupted || verdict >= Verdict::Hold;
            if last {
                let verdict = if interrupted { Verdict::NoGo } else { assessment.verdict };
                events.push(Event::RunFinished { verdict, interrupted });
            }
            (events, last)
        };
        session.append(events).await?;
        Ok(last)
    }

    /// Begin to send what there is to tell; and tell who could not be told.
    async fn tell(&self, session: &mut Session, news: &mut News) {
        let told = news.pending();
        untold(&told).for_each(|line| self.shared.terminal.tell(&line));
        if self.keep(session, told).await {
            news.begin(&session.run().notified);
        } else {
            news.begin_unclaimed();
        }
    }

    /// Keep who was told. That it cannot be written down changes nothing that is known.
    async fn keep(&self, session: &mut Session, told: Vec<Event>) -> bool {
        if told.is_empty() {
            return true;
        }
        let kept = session.append(told).await;
        if let Err(error) = &kept {
            self.shared
                .terminal
                .error(&error.to_string(), Some("who was told is not recorded; the verdict stands"));
        }
        kept.is_ok()
    }

    /// Print the run as it stands after a stage.
    fn say(&self, assessment: &Assessment<'_>) -> Exit {
        if self.probing.format == Format::Text {
            let colored = Options { color: self.shared.terminal.color_out, ..self.options() };
            let summary = report::Format::Summary.render(assessment, &colored).into_iter().next();
            self.shared.terminal.print(&summary.map(|summary| summary.text).unwrap_or_default());
        }
        Exit::of(assessment.verdict)
    }

    /// Write the reports, at the end. Until then the folder says that the run has not finished: a run that is killed between
    /// two stages leaves no GO.
    fn publish(&self, assessment: &Assessment<'_>, before: Option<Arc<Comparison>>) -> Exit {
        let options = Options { before, ..self.options() };
        let exit = Exit::of(assessment.verdict);
        let rendered = report::kept(assessment, &options);
        if self.probing.format == Format::Json {
            let result = rendered.iter().find(|rendered| rendered.name == "result.json");
            self.shared.terminal.print(result.map_or("", |result| &result.text));
        }
        let exit = reporting::write(&self.probing.out, self.probing.mode, &rendered, exit, self.shared);
        self.shared.terminal.tell(&format!("reports: {}", self.probing.out.display()));
        github::publish(assessment, &options, exit, self.shared)
    }

    /// Our own files cannot be used: a NO-GO, in the reports too.
    pub(super) fn nothing_probed(&self, error: &JournalError, help: &str) -> Exit {
        self.shared.terminal.error(&error.to_string(), Some(help));
        let name = &self.plan.outline.name;
        early::end(
            ReasonId::JournalError,
            error.to_string(),
            Vec::new(),
            name,
            self.probing,
            Exit::NotWritten,
            self.shared,
        )
    }

    /// The journal broke in the middle: what is known is reported, and it is never a go.
    fn broken_off(&self, session: &Session, error: &JournalError, cancel: &CancellationToken) -> Exit {
        self.shared
            .terminal
            .error(&error.to_string(), Some("probing was stopped; what was recorded before is kept"));
        let mut assessment = assess(session.run(), clock::now());
        let exit = Exit::of(assessment.verdict).not_written();
        assessment.fail(ReasonId::JournalError, error.to_string());
        self.say(&assessment);
        self.publish(&assessment, None);
        if cancel.is_cancelled() { Exit::Interrupted } else { exit }
    }

    fn options(&self) -> Options {
        reporting::options(self.probing.junit, self.probing.junit_minor)
    }
}

/// A line about each who could not be told.
fn untold(told: &[Event]) -> impl Iterator<Item = String> {
    told.iter().filter_map(|event| {
        let Event::Notified(Notified { to, of, outcome: Delivery::Failed(reason), .. }) = event else {
            return None;
        };
        Some(text::line(&format!("note: {to} could not be told: {of}: {reason}")).into_owned())
    })
}
