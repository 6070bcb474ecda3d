//! `gonogo waive`: a named, expiring exception for one check, granted while the run goes on.

use jiff::civil::Date;

use super::super::Shared;
use super::{Refusal, Speaking, decider, say};
use crate::clock;
use crate::journal::event::Event;
use crate::journal::people::Waived;
use crate::model::outline::Waiver;
use crate::verdict::{Exit, Standing};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The check
    check: String,
    /// The last day it holds, such as `2007-09-30`
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// Why
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    speaking: Speaking,
}

pub(in crate::cli) async fn waive(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let check = arguments.check.as_str();
        if told.run.check_index(check).is_none() {
            return Err(Refusal::new(format!("this plan has no check `{check}`"), "gonogo plan lists them"));
        }
        let zone = told.outline.zone.as_deref().and_then(clock::zone);
        let today = told.at.to_zoned(zone.unwrap_or_else(jiff::tz::TimeZone::system)).date();
        if arguments.until < today {
            let message = format!("a waiver until {} covers nothing: today is {today}", arguments.until);
            return Err(Refusal::new(message, "name a day that is still to come"));
        }
        let speaker = decider(told.outline, &arguments.speaking.by, shared)?;
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
            until: arguments.until,
            by: speaker.by.clone(),
            because: arguments.because.clone(),
            outcome: Some(failing.judgement.outcome),
            layer: failing.judgement.layer,
        };
        let by = told.outline.person(&speaker.by);
        let line = format!("waived: {check} until {}, by {by}", arguments.until);
        Ok((Event::Waived(Waived { waiver, speaker }), line))
    })
    .await
}
