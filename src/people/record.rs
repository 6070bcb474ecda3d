//! `record`: a person's answer to a manual check.

use std::sync::Arc;

use clap::ValueEnum;
use serde::Deserialize;

use super::{Refusal, Word, person};
use crate::journal::event::{self, Actor, Event};
use crate::model::outcome::Outcome;
use crate::model::outline::Outline;
use crate::verdict::Assessment;

/// The answer to a manual check.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// A `manual` check of the plan
    pub check: String,
    /// What came of it
    #[arg(value_enum)]
    pub answer: Answer,
    /// Who says so
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// What was seen, such as an order number
    #[arg(long, value_name = "TEXT")]
    pub evidence: Option<String>,
}

/// What can come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is as it should be
    Pass,
    /// It is not
    Fail,
}

impl Word for Record {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        is_manual(told.outline, &self.check)?;
        person(told.outline, &self.by)?;
        let (outcome, word) = match self.answer {
            Answer::Pass => (Outcome::Pass, "pass"),
            Answer::Fail => (Outcome::Fail, "fail"),
        };
        let record = event::Record {
            check: Arc::from(self.check.as_str()),
            outcome,
            by: self.by.clone(),
            evidence: self.evidence.clone(),
            actor: actor.clone(),
        };
        let line = format!("recorded: {} {word}, says {}", self.check, self.by);
        Ok((Event::Recorded(record), line))
    }
}

fn is_manual(outline: &Outline, check: &str) -> Result<(), Refusal> {
    let known = outline.checks.iter().find(|known| *known.id == *check);
    if known.is_some_and(|known| known.manual) {
        return Ok(());
    }
    let message = match known {
        Some(_) => format!("`{check}` is answered by a probe, not by a person"),
        None => format!("this plan has no check `{check}`"),
    };
    let manual: Vec<&str> =
        outline.checks.iter().filter(|check| check.manual).map(|check| &*check.id).collect();
    let help = if manual.is_empty() {
        "this plan has no manual checks".to_owned()
    } else {
        format!("its manual checks are {}", manual.join(", "))
    };
    Err(Refusal::new(message, help))
}
