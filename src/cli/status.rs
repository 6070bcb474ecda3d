//! `gonogo status`: the newest run as it stands now, with what people have said since; looks at nothing.

use std::sync::Arc;

use super::arguments::{Format, JournalFolder};
use super::{Shared, journal, reporting};
use crate::clock;
use crate::report::{self, Options};
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess_live};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    journal: JournalFolder,
    /// Print only the sentence to read aloud
    #[arg(long, conflicts_with = "format")]
    say: bool,
    /// How to print: the summary, or result.json
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) async fn status(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let store = match journal::named(&arguments.journal, shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let (run, reading) = match store.newest().await {
        Ok(Some(newest)) => newest,
        Ok(None) => {
            let message = format!("no run is recorded in {}", store.place());
            shared.terminal.error(&message, Some("start one: gonogo run"));
            return Exit::Usage;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            return Exit::NotWritten;
        }
    };
    journal::tell_behind(&reading, shared);
    let assessment = assess_live(&run, clock::now(), None);
    let text = if arguments.say {
        report::sentence(&assessment)
    } else {
        let format = match arguments.format {
            Format::Text => report::Format::Summary,
            Format::Json => report::Format::Json,
        };
        let options = Options { color: shared.terminal.color_out, ..reporting::plain() };
        format
            .render(&assessment, &options)
            .into_iter()
            .next()
            .map(|rendered| rendered.text)
            .unwrap_or_default()
    };
    shared.terminal.print(&text);
    Exit::of(assessment.verdict)
}
