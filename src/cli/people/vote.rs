//! `gonogo vote`: a word of the roll call.

use clap::ValueEnum;

use super::super::Shared;
use super::{Refusal, Speaking, say, speaker};
use crate::journal::event::Event;
use crate::journal::people::{Vote, Voted};
use crate::model::outline::Outline;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The stage
    stage: String,
    /// The vote
    #[arg(value_enum)]
    vote: Word,
    /// Whose vote it is, when a deputy of several speaks
    #[arg(long = "for", value_name = "PERSON")]
    voter: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    speaking: Speaking,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Word {
    Go,
    NoGo,
}

impl Word {
    const fn vote(self) -> Vote {
        match self {
            Self::Go => Vote::Go,
            Self::NoGo => Vote::NoGo,
        }
    }

    const fn shown(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::NoGo => "no-go",
        }
    }
}

pub(in crate::cli) async fn vote(arguments: &Arguments, shared: &Shared) -> Exit {
    say(&arguments.speaking.journal, shared, |told| {
        let outline = told.outline;
        let Some(index) = outline.stage(&arguments.stage) else {
            let stages: Vec<&str> = outline.stages.iter().map(|stage| stage.id.as_str()).collect();
            return Err(Refusal::new(
                format!("this plan has no stage `{}`", arguments.stage),
                format!("its stages are {}", stages.join(", ")),
            ));
        };
        let speaker = speaker(outline, &arguments.speaking.by, shared)?;
        let voter = voter(outline, index, &speaker.by, arguments.voter.as_deref())?.to_owned();
        if told.stages[index].started_at.is_none() {
            let help = format!("vote when it was run: gonogo run {}", arguments.stage);
            return Err(Refusal::new(format!("stage {} was not begun", arguments.stage), help));
        }
        let who = outline.person(&voter);
        let line = format!("voted: {who} says {} to stage {}", arguments.vote.shown(), arguments.stage);
        let (stage, because) = (arguments.stage.clone(), arguments.because.clone());
        Ok((Event::Voted(Voted { stage, voter, vote: arguments.vote.vote(), because, speaker }), line))
    })
    .await
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

fn no_vote(stage: &crate::model::outline::Stage, by: &str) -> Refusal {
    let help = if stage.votes.is_empty() {
        "it asks nobody for a vote".to_owned()
    } else {
        format!("its voters are {}", stage.votes.join(", "))
    };
    Refusal::new(format!("`{by}` has no vote on stage {}", stage.id), help)
}
