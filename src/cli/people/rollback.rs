//! `gonogo rollback`: the way back, timed, and verified against what was recorded before the first change.

use super::super::Shared;
use super::{Refusal, Speaking, decider, say, speaker};
use crate::journal::event::Event;
use crate::journal::people::Decision;
use crate::journal::rollback::{Rollback, RollbackEvent, Step};
use crate::verdict::{Assessment, Exit};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Arguments {
    /// It begins now
    Start(Plain),
    /// A stage is undone: its time is measured from here for the next attempt
    Undone(Undone),
    /// Everything is undone
    Done(Plain),
    /// Look at everything that was green in the baseline: it must be green again
    Verify(super::super::rollback_verify::Arguments),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Plain {
    #[command(flatten)]
    speaking: Speaking,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Undone {
    /// The stage
    stage: String,
    #[command(flatten)]
    speaking: Speaking,
}

pub(in crate::cli) async fn rollback(arguments: &Arguments, shared: &Shared) -> Exit {
    match arguments {
        Arguments::Start(arguments) => start(&arguments.speaking, shared).await,
        Arguments::Undone(arguments) => undone(arguments, shared).await,
        Arguments::Done(arguments) => done(&arguments.speaking, shared).await,
        Arguments::Verify(arguments) => super::super::rollback_verify::verify(arguments, shared).await,
    }
}

async fn start(speaking: &Speaking, shared: &Shared) -> Exit {
    say(&speaking.journal, shared, |told| {
        if told.run.rollback.is_some() {
            return Err(Refusal::new("it is being rolled back already", "gonogo status tells how far it is"));
        }
        if told.current.is_none() {
            return Err(Refusal::new("no stage was begun", "there is nothing to roll back"));
        }
        // Once it is decided, whoever does it may say so.
        let decided = told.run.people.decision();
        let speaker = if decided.is_some_and(|decided| decided.said.decision == Decision::Rollback) {
            speaker(told.outline, &speaking.by, shared)?
        } else {
            decider(told.outline, &speaking.by, shared)?
        };
        Ok((
            Event::Rollback(RollbackEvent { step: Step::Started, speaker }),
            "rollback: it begins".to_owned(),
        ))
    })
    .await
}

async fn undone(arguments: &Undone, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let rollback = begun(told)?;
        let id = &arguments.stage;
        let Some(stage) = told.outline.stage(id) else {
            return Err(Refusal::new(format!("this plan has no stage `{id}`"), "gonogo plan lists them"));
        };
        if told.stages[stage].started_at.is_none() {
            return Err(Refusal::new(format!("stage {id} was not begun"), "there is nothing to undo"));
        }
        if rollback.undone.iter().any(|&(known, _)| known == stage) {
            return Err(Refusal::new(
                format!("stage {id} is undone already"),
                "gonogo status tells the rest",
            ));
        }
        let speaker = speaker(told.outline, &arguments.speaking.by, shared)?;
        let step = Step::Undone { stage: id.clone() };
        Ok((Event::Rollback(RollbackEvent { step, speaker }), format!("rollback: stage {id} is undone")))
    })
    .await
}

async fn done(speaking: &Speaking, shared: &Shared) -> Exit {
    say(&speaking.journal, shared, |told| {
        let rollback = begun(told)?;
        if rollback.done_at.is_some() {
            return Err(Refusal::new(
                "the rollback is done already",
                "see that it worked: gonogo rollback verify",
            ));
        }
        let speaker = speaker(told.outline, &speaking.by, shared)?;
        let left: Vec<&str> = told
            .stages
            .iter()
            .filter(|stage| stage.started_at.is_some() && stage.stage.undo_s.is_some())
            .filter(|stage| rollback.undone.iter().all(|&(known, _)| known != stage.index))
            .map(|stage| stage.stage.id.as_str())
            .collect();
        let mut line = "rollback: done; see that it worked: gonogo rollback verify".to_owned();
        if !left.is_empty() {
            line = format!(
                "{line}\nnobody said when these were undone, so they were not measured: {}",
                left.join(", ")
            );
        }
        Ok((Event::Rollback(RollbackEvent { step: Step::Done, speaker }), line))
    })
    .await
}

fn begun<'a>(told: &'a Assessment<'_>) -> Result<&'a Rollback, Refusal> {
    let rollback = told.run.rollback.as_ref();
    rollback
        .ok_or_else(|| Refusal::new("it is not being rolled back", "begin: gonogo rollback start --by NAME"))
}
