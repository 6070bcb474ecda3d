//! What people say of the newest run, with their name: who may say it, and what it makes in the journal. It is on disk before
//! anybody is told, and accepted while a run goes on. One file a word; each reads as the arguments of a command and as a form.

pub mod accept;
pub mod decide;
pub mod extend;
pub mod handover;
pub mod note;
pub mod record;
pub mod rollback;
pub mod vote;
pub mod waive;

use crate::clock;
use crate::journal::event::{Actor, Event};
use crate::journal::people::Speaker;
use crate::journal::run::Run;
use crate::journal::{Journal, JournalError, Reading, Store};
use crate::model::outline::Outline;
use crate::suggest::suggestion;
use crate::verdict::{Assessment, Exit, assess};

/// Something that a person can say of a run.
pub trait Word {
    /// What it makes in the journal of the run as it stands, and the line that confirms it.
    ///
    /// # Errors
    /// `Refusal` when it makes no sense of this run, or is not theirs to say.
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal>;
}

/// Why a word is not taken down.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// How a command ends that was refused.
    pub exit: Exit,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), exit: Exit::Usage }
    }
}

/// Why nothing was recorded.
#[derive(Debug)]
pub enum NotTaken {
    /// No run is recorded yet.
    NoRun,
    /// It was refused, of the run as far as it is known.
    Refused(Refusal, Box<Reading>),
    /// The journal could not be read or written.
    Journal(JournalError),
}

/// What was taken down.
#[derive(Debug)]
pub struct Taken {
    /// The line that confirms it.
    pub line: String,
    /// The run as it stands now.
    pub run: Run,
    /// How far the run was read before.
    pub reading: Reading,
    /// Where it was written.
    pub journal: Journal,
}

/// Take down what a person says about the newest run.
///
/// # Errors
/// `NotTaken`; nothing was recorded then.
pub async fn take_down(store: &Store, actor: &Actor, word: &(dyn Word + Sync)) -> Result<Taken, NotTaken> {
    let (mut run, reading) = store.newest().await.map_err(NotTaken::Journal)?.ok_or(NotTaken::NoRun)?;
    let (event, line) = match word.taken(&assess(&run, clock::now()), actor) {
        Ok(taken) => taken,
        Err(refusal) => return Err(NotTaken::Refused(refusal, Box::new(reading))),
    };
    let journal = store.join(reading.clone(), actor).await.map_err(NotTaken::Journal)?;
    for line in journal.append(vec![event]).await.map_err(NotTaken::Journal)? {
        run.apply(line);
    }
    Ok(Taken { line, run, reading, journal })
}

/// A word's speaker: one of the plan's people; of a plan without people, any name.
///
/// # Errors
/// When it is none of them.
pub fn speaker(outline: &Outline, by: &str, actor: &Actor) -> Result<Speaker, Refusal> {
    Ok(Speaker { by: person(outline, by)?.to_owned(), actor: actor.clone() })
}

/// One of the plan's people, by id or by name.
fn person<'a>(outline: &'a Outline, by: &'a str) -> Result<&'a str, Refusal> {
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
///
/// # Errors
/// When they are none of the plan's people, or do not decide.
pub fn decider(outline: &Outline, by: &str, actor: &Actor) -> Result<Speaker, Refusal> {
    let speaker = speaker(outline, by, actor)?;
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
