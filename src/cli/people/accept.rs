//! `gonogo accept`: a person takes upon themselves that a check does not pass.

use super::super::Shared;
use super::{Refusal, Speaking, say, speaker};
use crate::journal::event::Event;
use crate::journal::people::{Accepted, Way};
use crate::model::outline::Severity;
use crate::verdict::{Assessment, Exit, Row, Standing};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A major that did not pass, or a minor that is suspect
    check: String,
    /// Why it may stay as it is
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    speaking: Speaking,
}

pub(in crate::cli) async fn accept(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let ways = ways(told, &arguments.check)?;
        let speaker = speaker(told.outline, &arguments.speaking.by, shared)?;
        let line = format!("accepted: {}, by {}", arguments.check, told.outline.person(&speaker.by));
        let (check, because) = (arguments.check.as_str().into(), arguments.because.clone());
        Ok((Event::Accepted(Accepted { check, ways, because, speaker }), line))
    })
    .await
}

/// How a check does not pass, from all its places: what is accepted, and nothing else.
fn ways(told: &Assessment<'_>, check: &str) -> Result<Vec<Way>, Refusal> {
    let Some(severity) =
        told.outline.checks.iter().find(|known| *known.id == *check).map(|check| check.severity)
    else {
        return Err(Refusal::new(format!("this plan has no check `{check}`"), "gonogo plan lists them"));
    };
    match severity {
        Severity::Major | Severity::Minor => {}
        Severity::Blocker => {
            return Err(Refusal::new(
                format!("`{check}` is a blocker: nobody can simply accept it"),
                format!(
                    "waive it, with an end date: gonogo waive {check} --until DATE --by NAME --because TEXT"
                ),
            ));
        }
        Severity::Info => {
            return Err(Refusal::new(format!("`{check}` never decides"), "there is nothing to accept"));
        }
    }
    let failing = |row: &&Row<'_>| {
        *row.check.id == *check && matches!(row.standing, Standing::Counts(_) | Standing::Accepted)
    };
    let rows = told.rows.iter().filter(failing);
    let mut ways: Vec<Way> =
        rows.map(|row| Way { outcome: row.judgement.outcome, layer: row.judgement.layer }).collect();
    ways.dedup();
    if ways.is_empty() {
        return Err(Refusal::new(format!("`{check}` has not failed"), "there is nothing to accept"));
    }
    Ok(ways)
}
