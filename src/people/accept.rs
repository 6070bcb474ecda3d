//! `accept`: a person takes upon themselves that a check does not pass.

use serde::Deserialize;

use super::{Refusal, Word, speaker};
use crate::journal::event::{Actor, Event};
use crate::journal::people::{Accepted, Way};
use crate::model::outline::Severity;
use crate::verdict::{Assessment, Row, Standing};

/// A check that may stay as it is.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// A major that did not pass, or a minor that is suspect
    pub check: String,
    /// Why it may stay as it is
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

impl Word for Accept {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let ways = ways(told, &self.check)?;
        let speaker = speaker(told.outline, &self.by, actor)?;
        let line = format!("accepted: {}, by {}", self.check, told.outline.person(&speaker.by));
        let (check, because) = (self.check.as_str().into(), self.because.clone());
        Ok((Event::Accepted(Accepted { check, ways, because, speaker }), line))
    }
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
