//! `gonogo handover`: the night is in other hands.

use super::super::Shared;
use super::{Speaking, person, say, speaker};
use crate::journal::event::Event;
use crate::journal::people::HandedOver;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Who is in charge from now on
    to: String,
    /// What they have to know
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    speaking: Speaking,
}

pub(in crate::cli) async fn handover(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let to = person(told.outline, &arguments.to)?.to_owned();
        let speaker = speaker(told.outline, &arguments.speaking.by, shared)?;
        let (from, new) = (told.outline.person(&speaker.by), told.outline.person(&to));
        let line = format!("handed over: from {from} to {new}");
        Ok((Event::Handover(HandedOver { to, because: arguments.because.clone(), speaker }), line))
    })
    .await
}
