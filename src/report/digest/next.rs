//! What to do now: at most a handful of steps, each with the command that does it.

use super::{Digest, Item, names};
use crate::journal::people::Decision;
use crate::model::outcome::Outcome;
use crate::model::verdict::{ReasonId, Verdict};
use crate::report::text;
use crate::verdict::Standing;
use crate::window::State;

/// Ids named on a command line; with more, `--failed` is shorter.
const MOST_IDS: usize = 3;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Step {
    /// What to do, in ASCII.
    pub(in crate::report) what: String,
    /// The command that does it, to be copied.
    pub(in crate::report) command: Option<String>,
}

impl Step {
    fn new(what: impl Into<String>, command: impl Into<String>) -> Self {
        Self { what: what.into(), command: Some(command.into()) }
    }

    fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), command: None }
    }
}

pub(super) fn steps(digest: &Digest<'_>) -> Vec<Step> {
    let told = digest.told;
    let mut steps = Vec::new();
    let spoke = |id| told.reasons.iter().any(|reason| reason.id == id);
    let Some(current) = told.current else {
        return vec![Step::new("begin", "gonogo run")];
    };
    let run = format!("gonogo run {}", told.outline.stages[current].id);
    if spoke(ReasonId::Interrupted) {
        steps.push(Step::new("run the stage again, to its end", &run));
    }
    let back = on_the_way_back(digest);
    if !back.is_empty() {
        return back;
    }
    steps.extend(repair(digest));
    steps.extend(look_again(digest));
    steps.extend(suspects(digest));
    steps.extend(record(digest));
    steps.extend(votes(digest, current));
    if spoke(ReasonId::DebtPastDue) || spoke(ReasonId::LeftOut) {
        steps.push(Step::new("look at everything that is due", &run));
    }
    if spoke(ReasonId::NothingSelected) {
        steps.push(Step::new("see what is due where", "gonogo plan"));
    }
    if spoke(ReasonId::StageSkipped) || spoke(ReasonId::EarlierStage) {
        steps.push(Step::new("judge the earlier stages as well", "gonogo run"));
    }
    match told.verdict {
        Verdict::NoGo => steps.push(turn_back(digest, !steps.is_empty())),
        Verdict::Hold => {}
        Verdict::Go | Verdict::GoWithIssues | Verdict::ProvisionalGo => steps.extend(go_on(digest, current)),
    }
    steps
}

/// Blockers and majors that failed.
fn repair(digest: &Digest<'_>) -> Vec<Step> {
    let failed: Vec<&Item<'_>> = digest.blockers.iter().chain(&digest.majors).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    // What has the same cause as another one is repaired with it.
    let roots: Vec<&Item<'_>> = failed.iter().copied().filter(|item| item.same_as.is_none()).collect();
    let what = format!("repair {}{}, then look again", tags(&roots), owners(digest, &roots));
    let mut steps = vec![Step::new(what, again(digest, &failed))];
    if let Some(major) = digest.majors.first().filter(|_| digest.blockers.is_empty()) {
        let command = format!("gonogo accept {} --by NAME --because TEXT", major.check.id);
        steps.push(Step::new(format!("or take {} upon yourself", major.tag), command));
    }
    let mut faults = failed.iter().flat_map(|item| &item.rows).filter_map(|row| {
        let (_, fault) = row.trace.as_ref()?.broken()?;
        Some(fault.id())
    });
    if let Some(fault) = faults.next() {
        let more = faults.any(|other| other != fault);
        let what = if more { "what the first one means" } else { "what it means, and what to try" };
        steps.push(Step::new(what, format!("gonogo explain {fault}")));
    }
    steps
}

/// Once it is taken back: the next step of the way.
fn on_the_way_back(digest: &Digest<'_>) -> Vec<Step> {
    let (run, stages) = (digest.told.run, &digest.told.stages);
    let Some(rollback) = &run.rollback else {
        let decided =
            run.people.decision().is_some_and(|decided| decided.said.decision == Decision::Rollback);
        let begin = decided.then(|| Step::new("begin to roll back", "gonogo rollback start --by NAME"));
        return begin.into_iter().collect();
    };
    match (rollback.done_at, &rollback.verified) {
        (_, Some((_, verified))) if verified.is_good() => {
            vec![Step::new("repair what failed, then try again", "gonogo run --new-attempt")]
        }
        (Some(_), Some(_)) => {
            vec![Step::new("repair what is not as it was, then look again", "gonogo rollback verify")]
        }
        (Some(_), None) => vec![Step::new("see that everything is as it was", "gonogo rollback verify")],
        (None, _) => {
            let open = stages.iter().rev().filter(|stage| stage.started_at.is_some());
            let open = open.filter(|stage| stage.stage.undo_s.is_some());
            let next = open
                .map(|stage| stage.index)
                .find(|index| rollback.undone.iter().all(|(known, _)| known != index));
            let step = |index: usize| {
                let id = &digest.told.outline.stages[index].id;
                Step::new(format!("undo {id}, then say so"), format!("gonogo rollback undone {id} --by NAME"))
            };
            let done = Step::new("when every stage is undone", "gonogo rollback done --by NAME");
            next.map(step).into_iter().chain([done]).collect()
        }
    }
}

/// Minor failures that may be the first sign of more.
fn suspects(digest: &Digest<'_>) -> Vec<Step> {
    let suspect = digest.issues.iter().filter(|item| item.rows.iter().any(|row| row.suspect.is_some()));
    let step = |item: &Item<'_>| {
        let command = format!("gonogo accept {} --by NAME --because TEXT", item.check.id);
        Step::new(format!("repair {}, or take it upon yourself", item.tag), command)
    };
    suspect.take(MOST_IDS).map(step).collect()
}

/// Whose word on the stage is awaited.
fn votes(digest: &Digest<'_>, current: usize) -> Vec<Step> {
    let (run, stage) = (digest.told.run, &digest.told.outline.stages[current]);
    let silent = stage.votes.iter().filter(|voter| run.people.vote(&stage.id, voter).is_none());
    let step = |voter: &String| {
        let who = text::ascii_words(digest.told.outline.person(voter)).into_owned();
        Step::new(format!("ask {who} for a vote"), format!("gonogo vote {} go|no-go --by {voter}", stage.id))
    };
    silent.take(MOST_IDS).map(step).collect()
}

/// What was due and nobody has seen.
fn look_again(digest: &Digest<'_>) -> Vec<Step> {
    let blind = |outcomes: &[Outcome]| -> Vec<&Item<'_>> {
        let counts = |item: &&Item<'_>| {
            item.rows.iter().any(|row| {
                matches!(row.standing, Standing::Counts(_)) && outcomes.contains(&row.judgement.outcome)
            })
        };
        digest.unknown.iter().filter(counts).collect()
    };
    let groups = [
        (blind(&[Outcome::Error]), "make it possible to look at"),
        (blind(&[Outcome::NoAnswer, Outcome::NotRun]), "look again at"),
    ];
    let steps = groups
        .iter()
        .filter(|(items, _)| !items.is_empty())
        .map(|(items, what)| Step::new(format!("{what} {}", tags(items)), again(digest, items)));
    steps.collect()
}

/// What people have to record.
fn record(digest: &Digest<'_>) -> Vec<Step> {
    let awaited = |item: &&Item<'_>| item.rows.iter().any(|row| row.standing == Standing::Awaiting);
    let awaited: Vec<&Item<'_>> = digest.unknown.iter().filter(awaited).collect();
    let steps = awaited.iter().take(MOST_IDS).map(|item| {
        let who = digest.owner(item.check).map_or_else(|| "somebody".into(), text::ascii_words);
        let command = format!("gonogo record {} pass|fail --by NAME", item.check.id);
        Step::new(format!("ask {who} about {}", item.tag), command)
    });
    let mut steps: Vec<Step> = steps.collect();
    if awaited.len() > MOST_IDS {
        steps.push(Step::plain(format!("record the other {} as well", awaited.len() - MOST_IDS)));
    }
    steps
}

/// Back, until when that is possible.
fn turn_back(digest: &Digest<'_>, is_other_way: bool) -> Step {
    let or = if is_other_way { "or " } else { "" };
    let Some(clock) = &digest.told.clock else { return Step::plain(format!("{or}turn back")) };
    let back = match (&clock.turn_back, clock.no_way_back, clock.state) {
        (_, Some(stage), _) => {
            let id = &digest.told.outline.stages[stage].id;
            return Step::plain(format!("there is no way back since {id} was begun: only forward"));
        }
        (Some(_), None, State::Overdue) => "turn back now, or have an extension granted".to_owned(),
        (None, None, _) => "turn back".to_owned(),
        (Some(back), None, State::Up | State::Comfortable | State::Tight | State::DecideNow) => {
            format!("turn back, by {}", digest.wall.with_left(back.decide_by))
        }
    };
    Step::plain(format!("{or}{back}"))
}

/// Why the next stage must not begin any more.
fn too_late(digest: &Digest<'_>) -> Option<Step> {
    let clock = digest.told.clock.as_ref()?;
    let next = clock.next.as_ref().filter(|next| next.start_by < clock.at)?;
    let id = &digest.told.outline.stages[next.stage].id;
    let by = digest.wall.with_left(next.start_by);
    let back = clock.turn_back.map_or_else(String::new, |back| {
        format!(", or turn back by {}", digest.wall.with_left(back.decide_by))
    });
    Some(Step::plain(format!("do not begin {id}: the latest was {by}; have an extension granted{back}")))
}

/// The next stage, or the end.
fn go_on(digest: &Digest<'_>, current: usize) -> Option<Step> {
    let told = digest.told;
    if let Some(step) = too_late(digest) {
        return Some(step);
    }
    if let Some(next) = told.outline.stages.get(current + 1) {
        let owed = told.debts.iter().any(|debt| debt.due == current + 1);
        let owed = if owed { "; what is owed is tested there" } else { "" };
        return Some(Step::new(
            format!("go on with stage {}{owed}", next.id),
            format!("gonogo run {}", next.id),
        ));
    }
    match told.verdict {
        Verdict::Go => Some(Step::plain("nothing: this was the last stage")),
        Verdict::GoWithIssues => {
            Some(Step::plain("this was the last stage: hand the issues to their owners"))
        }
        Verdict::ProvisionalGo | Verdict::Hold | Verdict::NoGo => None,
    }
}

fn tags(items: &[&Item<'_>]) -> String {
    names(&items.iter().map(|item| item.tag.as_str()).collect::<Vec<_>>())
}

/// The command that looks at checks again: `retest` is for the current stage, others have to be run.
fn again(digest: &Digest<'_>, items: &[&Item<'_>]) -> String {
    /// Longer commands do not fit a line.
    const LONGEST: usize = 60;
    let mut stages: Vec<usize> = items.iter().flat_map(|item| &item.rows).map(|row| row.stage).collect();
    stages.sort_unstable();
    stages.dedup();
    if stages.iter().any(|&stage| Some(stage) != digest.told.current) {
        let ids: Vec<&str> =
            stages.into_iter().map(|index| digest.told.outline.stages[index].id.as_str()).collect();
        return format!("gonogo run {}", ids.join(" "));
    }
    let ids = items.iter().map(|item| &*item.check.id).collect::<Vec<_>>().join(" ");
    let ids = if items.len() > MOST_IDS || ids.len() > LONGEST { "--failed" } else { &ids };
    format!("gonogo retest {ids}")
}

fn owners(digest: &Digest<'_>, items: &[&Item<'_>]) -> String {
    let mut owners: Vec<String> = items
        .iter()
        .filter_map(|item| digest.owner(item.check).map(|owner| text::ascii_words(owner).into_owned()))
        .collect();
    owners.sort_unstable();
    owners.dedup();
    if owners.is_empty() { String::new() } else { format!(" ({})", names(&owners)) }
}
