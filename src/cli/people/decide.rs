//! `gonogo decide`: go on, or take it back.

use clap::ValueEnum;

use super::super::Shared;
use super::{Refusal, Speaking, decider, say};
use crate::journal::event::Event;
use crate::journal::people::{self, Decided};
use crate::model::verdict::{ReasonId, Verdict};
use crate::verdict::{Assessment, Exit};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// What
    #[arg(value_enum)]
    decision: Decision,
    /// Why
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    speaking: Speaking,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decision {
    Go,
    Rollback,
}

pub(in crate::cli) async fn decide(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let speaker = decider(told.outline, &arguments.speaking.by, shared)?;
        let decision = match arguments.decision {
            Decision::Go => {
                may_go(told)?;
                people::Decision::Go
            }
            Decision::Rollback => people::Decision::Rollback,
        };
        let who = told.outline.person(&speaker.by);
        let line = match decision {
            people::Decision::Go => format!("decided: {who} says go"),
            people::Decision::Rollback => format!("decided: {who} says roll back (gonogo rollback start)"),
        };
        let because = arguments.because.clone();
        Ok((Event::Decided(Decided { decision, because, speaker }), line))
    })
    .await
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
