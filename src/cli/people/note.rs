//! `gonogo note`: a remark for the timeline of the night.

use super::super::Shared;
use super::{Speaking, say, speaker};
use crate::journal::event::Event;
use crate::journal::people::Noted;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The remark
    text: String,
    #[command(flatten)]
    speaking: Speaking,
}

pub(in crate::cli) async fn note(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let speaker = speaker(told.outline, &arguments.speaking.by, shared)?;
        Ok((Event::Note(Noted { text: arguments.text.clone(), speaker }), "noted".to_owned()))
    })
    .await
}
