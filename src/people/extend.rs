//! `extend`: more time, granted or only asked for.

use serde::Deserialize;

use super::{Refusal, Word, decider, speaker};
use crate::clock;
use crate::journal::event::{Actor, Event};
use crate::journal::people::Extended;
use crate::model::window::Extension;
use crate::moment::Moment;
use crate::verdict::Assessment;

/// More time.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["granted_by", "asked_by"])))]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// By when everything must be up instead, such as `2007-09-23 08:00`; in the plan's zone
    pub until: Moment,
    /// Who granted it: somebody who decides
    #[arg(long, value_name = "NAME")]
    pub granted_by: Option<String>,
    /// Who asked for it; what is only asked for moves no deadline
    #[arg(long, value_name = "NAME")]
    pub asked_by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
}

impl Word for Extend {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let Some(window) = &told.outline.window else {
            let help = "there is no deadline to move: the plan has no `window`";
            return Err(Refusal::new("this plan has no window", help));
        };
        let zone = told.outline.zone.as_deref().and_then(clock::zone);
        let until = self.until.at(zone.as_ref());
        let until = until.map_err(|unclear| Refusal::new(unclear.message, unclear.help))?;
        if until <= window.must_be_up_by {
            let message = "that is no extension: everything must be up later than that anyway";
            return Err(Refusal::new(message, format!("the plan says {}", window.must_be_up_by)));
        }
        let (granted, speaker) = match (&self.granted_by, &self.asked_by) {
            (Some(by), _) => (true, decider(told.outline, by, actor)?),
            (None, Some(by)) => (false, speaker(told.outline, by, actor)?),
            (None, None) => return Err(Refusal::new("nobody granted it", "name them: --granted-by NAME")),
        };
        let who = told.outline.person(&speaker.by);
        let line = if granted {
            format!("extended until {until}, granted by {who}")
        } else {
            format!("asked for until {until}, by {who}: the deadline stays until somebody grants it")
        };
        let because = self.because.clone();
        Ok((Event::Extended(Extended { extension: Extension { until, granted }, because, speaker }), line))
    }
}
