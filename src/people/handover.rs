//! `handover`: the night is in other hands.

use serde::Deserialize;

use super::{Refusal, Word, person, speaker};
use crate::journal::event::{Actor, Event};
use crate::journal::people::HandedOver;
use crate::verdict::Assessment;

/// Who is in charge from now on.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Who is in charge from now on
    pub to: String,
    /// What they have to know
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

impl Word for Handover {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let to = person(told.outline, &self.to)?.to_owned();
        let speaker = speaker(told.outline, &self.by, actor)?;
        let (from, new) = (told.outline.person(&speaker.by), told.outline.person(&to));
        let line = format!("handed over: from {from} to {new}");
        Ok((Event::Handover(HandedOver { to, because: self.because.clone(), speaker }), line))
    }
}
