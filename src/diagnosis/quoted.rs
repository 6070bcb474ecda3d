//! What the application that is asked quotes of a third one: the words of a broker, a directory, a mail server, a driver.
//! Codes and names that their protocols define, in whatever sentence they stand.

use super::answer::Answer;
use super::app;
use super::evidence::{Evidence, Place, facts, listed};
use super::registry::Ruling;
use crate::model::cause::{Cause, Confidence};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;

/// A cause, and the words that tell it: all of one row, in small letters of ASCII.
pub(super) type Words = (&'static Cause, &'static [&'static [&'static str]]);

/// Words that broke a check: an answer's body, or what a program printed.
pub(super) struct Quoted<'a> {
    evidence: &'a Evidence<'a>,
    answer: Option<Answer<'a>>,
    layer: Layer,
    said: String,
    /// The same in small letters of ASCII, as long as it.
    pub(super) text: String,
}

impl<'a> Quoted<'a> {
    /// None when nothing was said.
    pub(super) fn of(evidence: &'a Evidence<'a>) -> Option<Self> {
        let answer = Answer::of(evidence);
        let (layer, fault) = evidence.broken()?;
        let said = match &answer {
            Some(answer) => answer.said.clone(),
            None if evidence.check.kind == "command" => printed(evidence, fault),
            None => return None,
        };
        let text = said.to_ascii_lowercase();
        (!said.is_empty()).then_some(Self { evidence, answer, layer, said, text })
    }

    /// The first cause of a table whose words are there.
    pub(super) fn find(&self, table: &[Words]) -> Option<Ruling> {
        table.iter().find_map(|(cause, rows)| {
            let row = rows.iter().find(|row| row.iter().all(|word| self.text.contains(word)))?;
            Some(self.tell(cause, row.first()?))
        })
    }

    /// A cause, with the words from this one on: that the application says so, and not a probe of ours.
    pub(super) fn tell(&self, cause: &'static Cause, from: &str) -> Ruling {
        /// Letters that are quoted.
        const MOST: usize = 200;
        let begin = self.text.find(from).unwrap_or_default();
        let words: String = self.said.get(begin..).unwrap_or_default().chars().take(MOST).collect();
        let words = words.trim_end_matches(['"', '}', ']', '.']);
        let Some(answer) = &self.answer else {
            let said = format!("The program says \"{words}\".");
            return self.compared(cause).saying(&said);
        };
        let ruling = answer.tell(cause).saying(&format!("The application says \"{words}\"."));
        ruling.not(&[app::DEPENDENCY, app::EXCEPTION, app::ERROR_BODY, app::POOL])
    }

    /// Of a program that was run: what the baseline and other places have.
    fn compared(&self, cause: &'static Cause) -> Ruling {
        let seen = self.evidence.broken().map_or_else(String::new, |(_, fault)| fault.to_string());
        let ruling = Ruling::new(cause, self.layer, seen);
        let passed = self.evidence.before.is_some_and(|before| before.broken().is_none());
        let well: Vec<Place<'_>> =
            self.evidence.elsewhere().filter(|place| place.trace.broken().is_none()).collect();
        let well = listed(well.iter().map(Place::name));
        match (passed, well.is_empty()) {
            (true, true) => ruling.proved("Before: it passed."),
            (_, false) => ruling.proved(format!("It passes from {well}.")),
            (false, true) => ruling.because("There is no baseline in which it passed.").sure(Confidence::Low),
        }
    }
}

/// What a program printed, on one line.
fn printed(evidence: &Evidence<'_>, fault: &Fault) -> String {
    let outputs = facts(evidence.trace).find_map(|fact| {
        let Fact::Exited { stdout, stderr, .. } = fact else { return None };
        Some(format!("{stderr} {stdout}"))
    });
    let excerpt = if let Fault::Mismatch { excerpt, .. } = fault { excerpt.clone() } else { None };
    outputs.or(excerpt).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
