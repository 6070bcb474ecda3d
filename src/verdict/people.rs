//! What people's words do to a verdict: votes on a stage, and the decision to turn back.

use crate::journal::people::{Decision, Vote};
use crate::journal::run::Run;
use crate::model::verdict::{Reason, ReasonId, Verdict};

/// The roll call of a stage that was begun: nobody is taken to agree by saying nothing.
pub(super) fn votes(run: &Run, index: usize) -> Vec<Reason> {
    let stage = &run.outline.stages[index];
    let cast = |voter: &str| run.people.vote(&stage.id, voter).map(|vote| vote.said.vote);
    let who = |wanted: Option<Vote>| -> Vec<&str> {
        let voters = stage.votes.iter().filter(|voter| cast(voter) == wanted);
        voters.map(|voter| run.outline.person(voter)).collect()
    };
    let reason = |id, verdict, people: &[&str], says: &str| {
        let text = format!("{} {says} {}", people.join(", "), stage.id);
        (!people.is_empty()).then_some(Reason { id, verdict, text, checks: Vec::new() })
    };
    let against = who(Some(Vote::NoGo));
    let silent = who(None);
    let has = if silent.len() == 1 { "has not voted on stage" } else { "have not voted on stage" };
    let say = if against.len() == 1 { "says no-go to stage" } else { "say no-go to stage" };
    let against = reason(ReasonId::VotedNoGo, Verdict::NoGo, &against, say);
    against.into_iter().chain(reason(ReasonId::AwaitingVote, Verdict::Hold, &silent, has)).collect()
}

/// The decision to take everything back, and the way back itself: whatever the checks say, it does not go on.
pub(super) fn turned_back(run: &Run) -> Option<Reason> {
    let reason = |id, text| Some(Reason { id, verdict: Verdict::NoGo, text, checks: Vec::new() });
    if let Some(rollback) = &run.rollback {
        let text = match (&rollback.verified, rollback.done_at) {
            (Some((_, verified)), _) if verified.is_good() => {
                "everything was rolled back and verified".to_owned()
            }
            (Some((_, verified)), _) if verified.differs.is_empty() => {
                "everything was rolled back; nothing was green before, so nothing is verified".to_owned()
            }
            (Some((_, verified)), _) => {
                format!("everything was rolled back, and {} of it is not as it was", verified.differs.len())
            }
            (None, Some(_)) => "everything was rolled back; nobody has verified it yet".to_owned(),
            (None, None) => "it is being rolled back".to_owned(),
        };
        return reason(ReasonId::RolledBack, text);
    }
    let decided = run.people.decision()?;
    match decided.said.decision {
        Decision::Go => None,
        Decision::Rollback => {
            let by = run.outline.person(&decided.said.speaker.by);
            reason(ReasonId::DecidedRollback, format!("{by} decided to roll back"))
        }
    }
}

/// The plan was edited while the run went on: a check that is gone, or asks for less, made nothing better.
pub(super) fn edits(run: &Run) -> Option<Reason> {
    let told: Vec<String> = run
        .edits
        .iter()
        .filter(|(edit, _)| edit.may_loosen())
        .map(|(edit, speaker)| format!("{} (says {})", edit.told(), run.outline.person(&speaker.by)))
        .collect();
    (!told.is_empty()).then(|| Reason {
        id: ReasonId::PlanEdited,
        verdict: Verdict::GoWithIssues,
        text: format!("the plan was edited while the run went on: {}", told.join("; ")),
        checks: Vec::new(),
    })
}
