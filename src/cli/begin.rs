//! The beginning of a round: what stands in its way is told before anything is written.

use std::sync::Arc;

use super::stage::Round;
use super::{early, reporting};
use crate::clock;
use crate::journal::JournalError;
use crate::journal::edited::PlanEdited;
use crate::journal::event::OutOfOrder;
use crate::journal::run::Run;
use crate::model::verdict::ReasonId;
use crate::people::decider;
use crate::plan::{Edit, Side, definitions};
use crate::report::text;
use crate::runner::{self, Beginning, Opening, Session};
use crate::verdict::{Exit, assess, out_of_order};

/// What somebody stands for, so that a round may begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Leave {
    /// `--accept-plan`: whose word it is that the plan was edited.
    pub(super) accept_plan: Option<String>,
    /// `--out-of-order`, with `--because`.
    pub(super) out_of_order: Option<String>,
}

impl Round<'_> {
    /// Take the lease and begin; or say why not.
    pub(super) async fn begin(&self) -> Result<Session, Exit> {
        let actor = reporting::actor(self.shared);
        let opening = Box::pin(Opening::take(&self.store, self.wish.clone(), actor)).await;
        let opening = opening.map_err(|error| self.not_begun(&error))?;
        let definitions: Arc<[String]> = definitions(&self.plan, &self.scrubber).into();
        let edit = opening.changed(&self.plan).map(|run| self.edit(run, &definitions));
        let mut round = runner::Round {
            selection: self.selection.clone(),
            definitions: Arc::clone(&definitions),
            ..runner::Round::default()
        };
        if !self.selection.stages.is_empty() {
            let run =
                opening.current().filter(|run| run.stages.iter().any(|stage| stage.started_at.is_some()));
            round.edited = match (run, &edit) {
                (Some(run), Some(edit)) => Some(self.accepted(run, edit, definitions)?),
                (_, _) => None,
            };
            round.out_of_order = self.in_order(run, round.edited.clone())?;
        }
        let session = Box::pin(opening.begin(&self.store, &self.plan, round)).await;
        let session = session.map_err(|error| self.not_begun(&error))?;
        self.tell_beginning(&session, edit.as_ref());
        Ok(session)
    }

    fn edit(&self, run: &Run, definitions: &[String]) -> Edit {
        let before = Side { outline: &run.outline, definitions: &run.definitions, sources: &run.sources };
        let after = Side { outline: &self.plan.outline, definitions, sources: &self.plan.sources };
        Edit::between(before, after)
    }

    /// The plan was edited in the middle of the night: somebody stands for it, or it is refused.
    fn accepted(&self, run: &Run, edit: &Edit, definitions: Arc<[String]>) -> Result<PlanEdited, Exit> {
        let terminal = &self.shared.terminal;
        let told = format!("the plan was edited since run {} began: {}", run.id, edit.told());
        let refuse = |message: &str, help: &str| {
            terminal.error(message, Some(help));
            Err(self.refused(ReasonId::PlanEdited, message))
        };
        let Some(name) = &self.leave.accept_plan else {
            // Somebody else may have written them.
            edit.lines.iter().for_each(|line| terminal.tell(&text::line(line)));
            let help = format!(
                "go on under it, in the name of somebody who decides: gonogo run {} --accept-plan NAME; or begin anew: gonogo run",
                self.selection.stages.join(" ")
            );
            return refuse(&told, &help);
        };
        let speaker = match decider(&run.outline, name, &reporting::actor(self.shared)) {
            Ok(speaker) => speaker,
            Err(refusal) => return refuse(&refusal.message, &refusal.help),
        };
        Ok(PlanEdited {
            edit: edit.clone(),
            outline: Arc::clone(&self.plan.outline),
            definitions,
            sources: self.plan.sources.clone().into(),
            speaker,
        })
    }

    /// Stages in their order, or with a reason why not.
    fn in_order(&self, run: Option<&Run>, edited: Option<PlanEdited>) -> Result<Option<OutOfOrder>, Exit> {
        // It looks again at what was begun.
        if self.selection.retest {
            return Ok(None);
        }
        let outline = &self.plan.outline;
        let mut wanted: Vec<usize> =
            self.selection.stages.iter().filter_map(|id| outline.stage(id)).collect();
        wanted.sort_unstable();
        let as_edited = run.zip(edited).map(|(run, edited)| run.as_edited(edited));
        let run = as_edited.as_ref().or(run);
        let told = run.map(|run| assess(run, clock::now()));
        let before = out_of_order(outline, told.as_ref(), &wanted);
        if before.is_empty() {
            return Ok(None);
        }
        // A run that was killed had its leave.
        let known = run.filter(|run| !run.finished && run.selection == self.selection);
        let known = known.and_then(|run| run.out_of_order.as_ref()).map(|known| &known.because);
        if let Some(because) = self.leave.out_of_order.as_ref().or(known) {
            return Ok(Some(OutOfOrder { before, because: because.clone() }));
        }
        let message =
            format!("stage {} is out of order: {}", self.selection.stages.join(", "), before.join("; "));
        let help = "run what comes before it first; or say why it cannot wait: --out-of-order --because WHY";
        self.shared.terminal.error(&message, Some(help));
        Err(self.refused(ReasonId::OutOfOrder, &message))
    }

    /// Nothing was looked at, and the reports say so.
    fn refused(&self, id: ReasonId, message: &str) -> Exit {
        let name = &self.plan.outline.name;
        early::end(id, message.to_owned(), Vec::new(), name, self.probing, Exit::Usage, self.shared)
    }

    fn tell_beginning(&self, session: &Session, edit: Option<&Edit>) {
        let run = session.run();
        let edited = edit.map(|edit| format!(" ({})", edit.told())).unwrap_or_default();
        let text = match session.beginning {
            Beginning::Fresh if run.attempt > 1 => {
                let edited = edit.map(|_| format!(", under an edited plan{edited}")).unwrap_or_default();
                format!("run {}: attempt {} begins{edited}", run.id, run.attempt)
            }
            Beginning::Fresh => return,
            Beginning::PlanChanged => format!(
                "run {}: the plan has changed{edited}, so this is a new run; nothing of the one before is carried over",
                run.id
            ),
            Beginning::TooOld => {
                format!(
                    "run {}: the run before began over a day ago, so this is a new one; its stages are not carried over",
                    run.id
                )
            }
            Beginning::Round => {
                let edited = edit.map(|_| format!(", under the edited plan{edited}")).unwrap_or_default();
                format!("run {}: round {} of attempt {}{edited}", run.id, run.rounds, run.attempt)
            }
            Beginning::Resumed { torn } => {
                let settled = run.stages.iter().flat_map(|stage| stage.rows.values());
                let settled = settled.filter(|row| row.judged_at.is_some()).count();
                let torn = if torn > 0 { "; its last line was never completed and is dropped" } else { "" };
                format!(
                    "run {} was cut off: going on with {settled} checks already settled{torn} (--fresh begins anew)",
                    run.id
                )
            }
        };
        self.shared.terminal.tell(&text);
    }

    /// The journal cannot be used: nothing was looked at.
    fn not_begun(&self, error: &JournalError) -> Exit {
        let help = error.help().unwrap_or("nothing was probed");
        // The reports belong to the run that goes on.
        if let JournalError::Leased { .. } = error {
            self.shared.terminal.error(&error.to_string(), Some(help));
            return Exit::NotWritten;
        }
        self.nothing_probed(error, help)
    }
}
