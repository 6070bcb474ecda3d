//! `note`: a remark for the timeline of the night.

use serde::Deserialize;

use super::{Refusal, Word, speaker};
use crate::journal::event::{Actor, Event};
use crate::journal::people::Noted;
use crate::verdict::Assessment;

/// A remark.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The remark
    pub text: String,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

impl Word for Note {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        if self.text.trim().is_empty() {
            return Err(Refusal::new("a remark without words", "say it in a sentence"));
        }
        let speaker = speaker(told.outline, &self.by, actor)?;
        Ok((Event::Note(Noted { text: self.text.clone(), speaker }), "noted".to_owned()))
    }
}
