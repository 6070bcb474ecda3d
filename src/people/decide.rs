//! `decide`: go on, or take it back.

use clap::ValueEnum;
use serde::Deserialize;

use super::{Refusal, Word, decider};
use crate::journal::event::{Actor, Event};
use crate::journal::people::{self, Decided};
use crate::model::verdict::{ReasonId, Verdict};
use crate::verdict::{Assessment, Exit};

/// Whether the release goes on.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// What
    #[arg(value_enum)]
    pub decision: Decision,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// What can be decided.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It goes on
    Go,
    /// It is taken back
    Rollback,
}

impl Word for Decide {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let speaker = decider(told.outline, &self.by, actor)?;
        let who = told.outline.person(&speaker.by);
        let (decision, line) = match self.decision {
            Decision::Go => {
                may_go(told)?;
                (people::Decision::Go, format!("decided: {who} says go"))
            }
            Decision::Rollback => {
                let line = format!("decided: {who} says roll back (gonogo rollback start)");
                (people::Decision::Rollback, line)
            }
        };
        Ok((Event::Decided(Decided { decision, because: self.because.clone(), speaker }), line))
    }
}

/// Nobody decides over what is red: that is what acceptances and waivers are for, each with its own name.
fn may_go(told: &Assessment<'_>) -> Result<(), Refusal> {
    let against = told.reasons.iter().filter(|reason| reason.id != ReasonId::DecidedRollback);
    let worst = against.max_by_key(|reason| reason.verdict);
    match worst {
        Some(reason) if reason.verdict >= Verdict::Hold => Err(Refusal {
            message: format!("the run stands at {}: {}", reason.verdict, reason.text),
            help: "accept or waive what is in the way, each by name, or wait for whose word is awaited"
                .to_owned(),
            exit: Exit::of(reason.verdict),
        }),
        Some(_) | None => Ok(()),
    }
}
