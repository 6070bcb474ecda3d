//! What people say into the journal of the newest run, with their name: on disk before the command returns, and accepted
//! while a run goes on. One file a word.

pub(super) mod accept;
pub(super) mod decide;
pub(super) mod extend;
pub(super) mod handover;
pub(super) mod note;
pub(super) mod rollback;
pub(super) mod vote;
pub(super) mod waive;

use std::sync::Arc;

use super::arguments::JournalFolder;
use super::{Shared, reporting};
use crate::clock;
use crate::journal::event::Event;
use crate::journal::people::Speaker;
use crate::model::outline::Outline;
use crate::secret::Scrubber;
use crate::suggest::suggestion;
use crate::verdict::{Assessment, Exit, assess};

/// Who says so, and where runs are recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Speaking {
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    journal: JournalFolder,
}

/// Why a word is not taken down.
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) help: String,
    exit: Exit,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), exit: Exit::Usage }
    }
}

/// Take down what a person says about the newest run: `word` sees the run as it stands, and makes the event and the line
/// that is printed.
pub(super) async fn say(
    journal: &JournalFolder,
    shared: &Shared,
    word: impl FnOnce(&Assessment<'_>) -> Result<(Event, String), Refusal>,
) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let store = match super::journal::named(journal, shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let (mut run, reading) = match store.newest().await {
        Ok(Some(newest)) => newest,
        Ok(None) => {
            let message = format!("no run is recorded in {}", store.place());
            shared.terminal.error(&message, Some("start one first: gonogo run"));
            return Exit::Usage;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            return Exit::NotWritten;
        }
    };
    super::journal::tell_behind(&reading, shared);
    let (event, told) = match word(&assess(&run, clock::now())) {
        Ok(word) => word,
        Err(Refusal { message, help, exit }) => {
            shared.terminal.error(&message, Some(&help));
            return exit;
        }
    };
    let appended = match store.join(reading, &reporting::actor(shared)).await {
        Ok(journal) => journal.append(vec![event]).await.map(|lines| (journal, lines)),
        Err(error) => Err(error),
    };
    match appended {
        Ok((journal, lines)) => {
            for line in lines {
                run.apply(line);
            }
            shared.terminal.print(&told);
            reporting::settle_once(&journal, shared).await;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), Some("nothing was recorded"));
            return Exit::NotWritten;
        }
    }
    if run.finished {
        let assessment = assess(&run, clock::now());
        shared.terminal.print(&format!("run {} stands at {}: gonogo status", run.id, assessment.verdict));
    }
    Exit::Go
}

/// A word's speaker: one of the plan's people; of a plan without people, any name.
pub(super) fn speaker(outline: &Outline, by: &str, shared: &Shared) -> Result<Speaker, Refusal> {
    Ok(Speaker { by: person(outline, by)?.to_owned(), actor: reporting::actor(shared) })
}

/// One of the plan's people, by id or by name.
pub(super) fn person<'a>(outline: &'a Outline, by: &'a str) -> Result<&'a str, Refusal> {
    let people = &outline.people;
    if by.trim().is_empty() {
        return Err(Refusal::new("a name is missing", "say who it is: --by NAME"));
    }
    if people.is_empty() {
        return Ok(by);
    }
    let found = people.iter().find(|(id, person)| *id == by || person.name == by);
    found.map(|(id, _)| id.as_str()).ok_or_else(|| {
        let names: Vec<&str> = people.keys().map(String::as_str).collect();
        let help = suggestion(by, names.iter().copied());
        Refusal::new(format!("`{by}` is not one of the plan's people"), help)
    })
}

/// Whether somebody may decide for the whole release: who `decides`, or stands in for one who does. Of a plan in which
/// nobody decides, everybody may.
fn decides(outline: &Outline, id: &str) -> bool {
    let mut deciding = outline.people.iter().filter(|(_, person)| person.decides).peekable();
    deciding.peek().is_none()
        || deciding.any(|(own, person)| own == id || person.deputy.as_deref() == Some(id))
}

/// Somebody who decides for the whole release.
pub(super) fn decider(outline: &Outline, by: &str, shared: &Shared) -> Result<Speaker, Refusal> {
    let speaker = speaker(outline, by, shared)?;
    if decides(outline, &speaker.by) {
        return Ok(speaker);
    }
    let deciding = outline.people.iter().filter(|(_, person)| person.decides);
    let names = deciding.flat_map(|(id, person)| [Some(id.as_str()), person.deputy.as_deref()]).flatten();
    let names: Vec<&str> = names.collect();
    Err(Refusal::new(
        format!("`{by}` does not decide for this release"),
        format!("the plan leaves it to {}", names.join(", ")),
    ))
}
