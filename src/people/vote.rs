//! `vote`: a word of the roll call.

use clap::ValueEnum;
use serde::Deserialize;

use super::{Refusal, speaker};
use crate::journal::event::{Actor, Event};
use crate::journal::people::{self, Voted};
use crate::model::outline::{Outline, Stage};
use crate::verdict::Assessment;

/// A vote on a stage.
#[derive(Debug, Clone, clap::Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The stage
    pub stage: String,
    /// The vote
    #[arg(value_enum)]
    pub vote: Word,
    /// Whose vote it is, when a deputy of several speaks
    #[arg(long = "for", value_name = "PERSON")]
    #[serde(rename = "for")]
    pub voter: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who says so: one of the plan's people, by id or by name
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// What can be voted.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Go on
    Go,
    /// Do not go on
    NoGo,
}

impl Word {
    const fn vote(self) -> people::Vote {
        match self {
            Self::Go => people::Vote::Go,
            Self::NoGo => people::Vote::NoGo,
        }
    }

    const fn shown(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::NoGo => "no-go",
        }
    }
}

impl super::Word for Vote {
    fn taken(&self, told: &Assessment<'_>, actor: &Actor) -> Result<(Event, String), Refusal> {
        let outline = told.outline;
        let Some(index) = outline.stage(&self.stage) else {
            let stages: Vec<&str> = outline.stages.iter().map(|stage| stage.id.as_str()).collect();
            return Err(Refusal::new(
                format!("this plan has no stage `{}`", self.stage),
                format!("its stages are {}", stages.join(", ")),
            ));
        };
        let speaker = speaker(outline, &self.by, actor)?;
        let voter = voter(outline, index, &speaker.by, self.voter.as_deref())?.to_owned();
        if told.stages[index].started_at.is_none() {
            let help = format!("vote when it was run: gonogo run {}", self.stage);
            return Err(Refusal::new(format!("stage {} was not begun", self.stage), help));
        }
        let who = outline.person(&voter);
        let line = format!("voted: {who} says {} to stage {}", self.vote.shown(), self.stage);
        let (stage, because) = (self.stage.clone(), self.because.clone());
        Ok((Event::Voted(Voted { stage, voter, vote: self.vote.vote(), because, speaker }), line))
    }
}

/// Whose vote somebody casts: their own, or that of the one voter they stand in for.
fn voter<'a>(outline: &'a Outline, stage: usize, by: &str, wanted: Option<&str>) -> Result<&'a str, Refusal> {
    let stage = &outline.stages[stage];
    let may = |voter: &&String| {
        let deputy = outline.people.get(*voter).and_then(|person| person.deputy.as_deref());
        voter.as_str() == by || deputy == Some(by)
    };
    let own: Vec<&str> = stage.votes.iter().filter(may).map(String::as_str).collect();
    let wanted = wanted.or_else(|| own.iter().copied().find(|voter| *voter == by));
    match (wanted, own.as_slice()) {
        (Some(wanted), _) if own.contains(&wanted) => {
            own.iter().copied().find(|voter| *voter == wanted).ok_or_else(|| no_vote(stage, by))
        }
        (None, [only]) => Ok(only),
        (None, [_, _, ..]) => Err(Refusal::new(
            format!("`{by}` stands in for several voters of stage {}", stage.id),
            format!("say whose vote it is: --for {}", own.join(" or --for ")),
        )),
        (_, _) => Err(no_vote(stage, by)),
    }
}

fn no_vote(stage: &Stage, by: &str) -> Refusal {
    let help = if stage.votes.is_empty() {
        "it asks nobody for a vote".to_owned()
    } else {
        format!("its voters are {}", stage.votes.join(", "))
    };
    Refusal::new(format!("`{by}` has no vote on stage {}", stage.id), help)
}
