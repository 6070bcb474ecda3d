//! `rollback`: the way back, and when each part of it was done.

use serde::Deserialize;

use super::{Refusal, Word, decider, speaker};
use crate::journal::event::{Actor, Event};
use crate::journal::people::Decision;
use crate::journal::rollback::{Rollback, RollbackEvent, Step};
use crate::verdict::Assessment;

/// It begins.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// A stage is undone.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undone {
    /// The stage
    pub stage: String,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// Everything is undone.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

impl Word for Start {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        if told.run.rollback.is_some() {
            return Err(Refusal::new("it is being rolled back already", "gonogo status tells how far it is"));
        }
        if told.current.is_none() {
            return Err(Refusal::new("no stage was begun", "there is nothing to roll back"));
        }
        // Once it is decided, whoever does it may say so.
        let decided = told.run.people.decision();
        let speaker = if decided.is_some_and(|decided| decided.said.decision == Decision::Rollback) {
            speaker(told.outline, &self.by, actor)?
        } else {
            decider(told.outline, &self.by, actor)?
        };
        Ok((
            Event::Rollback(RollbackEvent { step: Step::Started, speaker }),
            "rollback: it begins".to_owned(),
        ))
    }
}

impl Word for Undone {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let rollback = begun(told)?;
        let id = &self.stage;
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
        let speaker = speaker(told.outline, &self.by, actor)?;
        let step = Step::Undone { stage: id.clone() };
        Ok((Event::Rollback(RollbackEvent { step, speaker }), format!("rollback: stage {id} is undone")))
    }
}

impl Word for Done {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let rollback = begun(told)?;
        if rollback.done_at.is_some() {
            return Err(Refusal::new(
                "the rollback is done already",
                "see that it worked: gonogo rollback verify",
            ));
        }
        let speaker = speaker(told.outline, &self.by, actor)?;
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
    }
}

fn begun<'a>(told: &'a Assessment<'_>) -> Result<&'a Rollback, Refusal> {
    let rollback = told.run.rollback.as_ref();
    rollback
        .ok_or_else(|| Refusal::new("it is not being rolled back", "begin: gonogo rollback start --by NAME"))
}
