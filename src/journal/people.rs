//! What people say into a journal: votes, acceptances, waivers, extensions, decisions, handovers, notes. Each carries the
//! name that was given and who typed it, by operating system; the latest word of each counts, and none is overwritten.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Actor;
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::{CheckId, Waiver};
use crate::model::window::Extension;

/// Who said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// The name given: a log, not authentication.
    pub by: String,
    /// Who typed it.
    pub actor: Actor,
}

/// A word of the roll call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Go on.
    Go,
    /// Do not go on.
    NoGo,
}

/// A person voted on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voted {
    /// The stage's id.
    pub stage: String,
    /// Whose vote it is: the id of one of the stage's voters.
    pub voter: String,
    /// The word.
    pub vote: Vote,
    /// Why, when they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Who said it: the voter, or their deputy.
    pub speaker: Speaker,
}

/// A person took a failure upon themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The check.
    pub check: CheckId,
    /// The ways in which it did not pass when it was accepted: another one is not covered.
    pub ways: Vec<Way>,
    /// Why.
    pub because: String,
    /// Who.
    pub speaker: Speaker,
}

/// One way of not passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Way {
    /// The outcome.
    pub outcome: Outcome,
    /// The layer that broke, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
}

/// A person granted a waiver while the run went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The waiver, as a plan would hold it.
    pub waiver: Waiver,
    /// Who.
    pub speaker: Speaker,
}

/// More time was asked for, or granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// Until when, and whether it is granted; what is only asked for moves nothing.
    pub extension: Extension,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Who granted it, or who asked.
    pub speaker: Speaker,
}

/// Whether the release goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It goes on.
    Go,
    /// It is taken back.
    Rollback,
}

/// Somebody who may decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Why, when they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Who.
    pub speaker: Speaker,
}

/// The night is in other hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Who is in charge from now on.
    pub to: String,
    /// What they have to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Who was, until now.
    pub speaker: Speaker,
}

/// A remark for the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The remark.
    pub text: String,
    /// Who made it.
    pub speaker: Speaker,
}

/// Something said, with when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub said: T,
}

/// What people have said so far in a run.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// The latest vote, by stage and voter.
    votes: HashMap<(String, String), At<Voted>>,
    /// The latest acceptance of each check.
    accepted: HashMap<CheckId, At<Accepted>>,
    /// Waivers granted since the plan was written, oldest first.
    waivers: Vec<At<Waived>>,
    /// Extensions, granted or only asked for, oldest first.
    extensions: Vec<At<Extended>>,
    /// The latest decision.
    decision: Option<At<Decided>>,
    /// The latest handover.
    in_charge: Option<At<HandedOver>>,
}

impl People {
    /// The latest vote of a voter on a stage.
    #[must_use]
    pub fn vote(&self, stage: &str, voter: &str) -> Option<&At<Voted>> {
        self.votes.get(&(stage.to_owned(), voter.to_owned()))
    }

    /// Who accepted that a check does not pass in this way.
    #[must_use]
    pub fn acceptance(&self, check: &str, way: Way) -> Option<&At<Accepted>> {
        self.accepted.get(check).filter(|accepted| accepted.said.ways.contains(&way))
    }

    /// Waivers granted while the run went on, oldest first.
    pub fn waivers(&self) -> impl Iterator<Item = &Waiver> {
        self.waivers.iter().map(|waived| &waived.said.waiver)
    }

    /// Extensions, granted or only asked for, oldest first.
    #[must_use]
    pub fn extensions(&self) -> &[At<Extended>] {
        &self.extensions
    }

    /// The latest decision.
    #[must_use]
    pub const fn decision(&self) -> Option<&At<Decided>> {
        self.decision.as_ref()
    }

    /// The latest handover: who is in charge.
    #[must_use]
    pub const fn in_charge(&self) -> Option<&At<HandedOver>> {
        self.in_charge.as_ref()
    }

    /// What waited in a spool while the journal was away (`late`) does not replace what was said since; of the rest the order
    /// of the journal counts, whatever the clocks said.
    pub(super) fn voted(&mut self, at: Timestamp, said: Voted, late: bool) {
        let key = (said.stage.clone(), said.voter.clone());
        if counts(self.votes.get(&key), at, late) {
            self.votes.insert(key, At { at, said });
        }
    }

    pub(super) fn accept(&mut self, at: Timestamp, said: Accepted, late: bool) {
        if counts(self.accepted.get(&said.check), at, late) {
            self.accepted.insert(said.check.clone(), At { at, said });
        }
    }

    /// Acceptances of checks that are no longer what was accepted.
    pub(super) fn forget_accepted(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.accepted.retain(|check, _| !is_gone(check));
    }

    pub(super) fn waived(&mut self, at: Timestamp, said: Waived) {
        self.waivers.push(At { at, said });
    }

    pub(super) fn extended(&mut self, at: Timestamp, said: Extended) {
        self.extensions.push(At { at, said });
    }

    pub(super) fn decided(&mut self, at: Timestamp, said: Decided, late: bool) {
        if counts(self.decision.as_ref(), at, late) {
            self.decision = Some(At { at, said });
        }
    }

    pub(super) fn handed_over(&mut self, at: Timestamp, said: HandedOver, late: bool) {
        if counts(self.in_charge.as_ref(), at, late) {
            self.in_charge = Some(At { at, said });
        }
    }
}

fn counts<T>(known: Option<&At<T>>, at: Timestamp, late: bool) -> bool {
    !late || known.is_none_or(|known| known.at <= at)
}
