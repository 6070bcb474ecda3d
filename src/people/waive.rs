//! `waive`: a named, expiring exception for one check, granted while the run goes on.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Refusal, Word, decider};
use crate::clock;
use crate::journal::event::{Actor, Event};
use crate::journal::people::Waived;
use crate::model::outline::Waiver;
use crate::verdict::{Assessment, Standing};

/// An exception.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    /// The check
    pub check: String,
    /// The last day it holds, such as `2007-09-30`
    #[arg(long, value_name = "DATE")]
    pub until: Date,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

impl Word for Waive {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let check = self.check.as_str();
        if told.run.check_index(check).is_none() {
            return Err(Refusal::new(format!("this plan has no check `{check}`"), "gonogo plan lists them"));
        }
        let zone = told.outline.zone.as_deref().and_then(clock::zone);
        let today = told.at.to_zoned(zone.unwrap_or_else(jiff::tz::TimeZone::system)).date();
        if self.until < today {
            let message = format!("a waiver until {} covers nothing: today is {today}", self.until);
            return Err(Refusal::new(message, "name a day that is still to come"));
        }
        let speaker = decider(told.outline, &self.by, actor)?;
        // Only what was seen is excused: another failure is another matter.
        let failing = told.rows.iter().find(|row| {
            *row.check.id == *check && matches!(row.standing, Standing::Counts(_) | Standing::Accepted)
        });
        let Some(failing) = failing else {
            let help = "there is nothing to waive; what is known beforehand belongs in the plan's `waivers`";
            return Err(Refusal::new(format!("`{check}` has not failed"), help));
        };
        let waiver = Waiver {
            check: check.into(),
            until: self.until,
            by: speaker.by.clone(),
            because: self.because.clone(),
            outcome: Some(failing.judgement.outcome),
            layer: failing.judgement.layer,
        };
        let by = told.outline.person(&speaker.by);
        let line = format!("waived: {check} until {}, by {by}", self.until);
        Ok((Event::Waived(Waived { waiver, speaker }), line))
    }
}
