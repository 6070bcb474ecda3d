//! `gonogo record`: a person's answer to a manual check, on disk before the command returns.

use std::sync::Arc;

use super::arguments::{Answer, Record as Arguments};
use super::{Shared, journal, reporting};
use crate::clock;
use crate::journal::event::{Event, Record};
use crate::journal::run::Run;
use crate::model::outcome::Outcome;
use crate::secret::Scrubber;
use crate::verdict::{Exit, assess};

pub(super) async fn record(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let store = match journal::named(&arguments.journal, shared, &scrubber) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    let (mut run, reading) = match store.newest().await {
        Ok(Some(newest)) => newest,
        Ok(None) => {
            let help = "start one first: gonogo run";
            shared.terminal.error(&format!("no run is recorded in {}", store.place()), Some(help));
            return Exit::Usage;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), error.help());
            return Exit::NotWritten;
        }
    };
    journal::tell_behind(&reading, shared);
    if let Err((message, help)) = sensible(arguments, &run) {
        shared.terminal.error(&message, Some(&help));
        return Exit::Usage;
    }
    let record = Record {
        check: Arc::from(arguments.check.as_str()),
        outcome: match arguments.answer {
            Answer::Pass => Outcome::Pass,
            Answer::Fail => Outcome::Fail,
        },
        by: arguments.by.clone(),
        evidence: arguments.evidence.clone(),
        actor: reporting::actor(shared),
    };
    let appended = match store.join(reading, &record.actor).await {
        Ok(journal) => {
            journal.append(vec![Event::Recorded(record)]).await.map(|lines| (journal, lines))
        }
        Err(error) => Err(error),
    };
    match appended {
        Ok((journal, lines)) => {
            for line in lines {
                run.apply(line);
            }
            reporting::settle(&journal, shared).await;
        }
        Err(error) => {
            shared.terminal.error(&error.to_string(), Some("nothing was recorded"));
            return Exit::NotWritten;
        }
    }
    let assessment = assess(&run, clock::now());
    shared.terminal.print(&format!(
        "recorded: {} {}, says {}",
        arguments.check,
        word(arguments.answer),
        arguments.by
    ));
    if run.finished {
        let stage = assessment.current.map_or("", |index| run.outline.stages[index].id.as_str());
        shared.terminal.print(&format!(
            "run {} stands at {}; say so again with: gonogo run {stage}",
            run.id, assessment.verdict
        ));
    }
    Exit::Go
}

const fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Pass => "pass",
        Answer::Fail => "fail",
    }
}

fn sensible(arguments: &Arguments, run: &Run) -> Result<(), (String, String)> {
    let manual: Vec<&str> =
        run.outline.checks.iter().filter(|check| check.manual).map(|check| &*check.id).collect();
    if !manual.contains(&arguments.check.as_str()) {
        let known = run.check_index(&arguments.check).is_some();
        let message = if known {
            format!("`{}` is answered by a probe, not by a person", arguments.check)
        } else {
            format!("the plan of run {} has no check `{}`", run.id, arguments.check)
        };
        let help = if manual.is_empty() {
            "this plan has no manual checks".to_owned()
        } else {
            format!("its manual checks are {}", manual.join(", "))
        };
        return Err((message, help));
    }
    let people = &run.outline.people;
    let known = people.is_empty()
        || people.contains_key(&arguments.by)
        || people.values().any(|person| person.name == arguments.by);
    if known {
        return Ok(());
    }
    let names: Vec<&str> = people.keys().map(String::as_str).collect();
    Err((
        format!("`{}` is not one of the plan's people", arguments.by),
        format!("they are {}", names.join(", ")),
    ))
}
