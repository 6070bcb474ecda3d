//! `gonogo record`: a person's answer to a manual check.

use std::sync::Arc;

use super::arguments::{Answer, Record as Arguments};
use super::people::{Refusal, person, say};
use super::{Shared, reporting};
use crate::journal::event::{Event, Record};
use crate::model::outcome::Outcome;
use crate::model::outline::Outline;
use crate::verdict::Exit;

pub(super) async fn record(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.journal, shared, |told| {
        is_manual(told.outline, &arguments.check)?;
        person(told.outline, &arguments.by)?;
        let (outcome, word) = match arguments.answer {
            Answer::Pass => (Outcome::Pass, "pass"),
            Answer::Fail => (Outcome::Fail, "fail"),
        };
        let record = Record {
            check: Arc::from(arguments.check.as_str()),
            outcome,
            by: arguments.by.clone(),
            evidence: arguments.evidence.clone(),
            actor: reporting::actor(shared),
        };
        let line = format!("recorded: {} {word}, says {}", arguments.check, arguments.by);
        Ok((Event::Recorded(record), line))
    })
    .await
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
