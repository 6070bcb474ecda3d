//! What to do now: at most a handful of steps, each with the command that does it.

use super::{Digest, Item, names};
use crate::model::outcome::Outcome;
use crate::model::verdict::{ReasonId, Verdict};
use crate::report::text;
use crate::verdict::Standing;

/// Ids named on a command line; with more, `--failed` is shorter.
const MOST_IDS: usize = 3;

pub(super) fn steps(digest: &Digest<'_>) -> Vec<String> {
    let told = digest.told;
    let mut steps = Vec::new();
    let spoke = |id| told.reasons.iter().any(|reason| reason.id == id);
    let stage = told.current.map_or("", |index| &told.outline.stages[index].id);
    if spoke(ReasonId::Interrupted) {
        steps.push(format!("run the stage again, to its end: gonogo run {stage}"));
    }
    steps.extend(repair(digest));
    steps.extend(look_again(digest));
    steps.extend(record(digest));
    if spoke(ReasonId::DebtPastDue) || spoke(ReasonId::LeftOut) {
        steps.push(format!("look at everything that is due: gonogo run {stage}"));
    }
    if spoke(ReasonId::NothingSelected) {
        steps.push("see what is due where: gonogo plan".to_owned());
    }
    if spoke(ReasonId::StageSkipped) || spoke(ReasonId::EarlierStage) {
        steps.push("judge the earlier stages as well: gonogo run".to_owned());
    }
    match told.verdict {
        Verdict::NoGo => steps.push("or turn back".to_owned()),
        Verdict::Hold => {}
        Verdict::Go | Verdict::GoWithIssues | Verdict::ProvisionalGo => steps.extend(go_on(digest)),
    }
    steps
}

/// Blockers and majors that failed.
fn repair(digest: &Digest<'_>) -> Vec<String> {
    let failed: Vec<&Item<'_>> = digest.blockers.iter().chain(&digest.majors).collect();
    if failed.is_empty() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    let mut faults: Vec<&str> = Vec::new();
    for row in failed.iter().flat_map(|item| &item.rows) {
        if let Some((_, fault)) = row.trace.as_ref().and_then(|trace| trace.broken())
            && !faults.contains(&fault.id())
        {
            faults.push(fault.id());
        }
    }
    if let Some(fault) = faults.first() {
        steps.push(format!("what it means and what to try: gonogo explain {fault}"));
    }
    let owners = owners(digest, &failed);
    let tags: Vec<&str> = failed.iter().map(|item| item.tag.as_str()).collect();
    steps.push(format!("repair {}{owners}, then: gonogo retest {}", names(&tags), selected(&failed)));
    steps
}

/// Blockers and majors nobody has seen, though they were due.
fn look_again(digest: &Digest<'_>) -> Vec<String> {
    let blind = |item: &&Item<'_>, outcomes: &[Outcome]| {
        item.rows.iter().any(|row| {
            matches!(row.standing, Standing::Counts(_)) && outcomes.contains(&row.judgement.outcome)
        })
    };
    let errors: Vec<&Item<'_>> =
        digest.unknown.iter().filter(|item| blind(item, &[Outcome::Error])).collect();
    let silent: Vec<&Item<'_>> =
        digest.unknown.iter().filter(|item| blind(item, &[Outcome::NoAnswer, Outcome::NotRun])).collect();
    let mut steps = Vec::new();
    for (items, what) in [(errors, "make it possible to look at"), (silent, "look again at")] {
        if !items.is_empty() {
            let tags: Vec<&str> = items.iter().map(|item| item.tag.as_str()).collect();
            steps.push(format!("{what} {}: gonogo retest {}", names(&tags), selected(&items)));
        }
    }
    steps
}

/// What people have to record.
fn record(digest: &Digest<'_>) -> Vec<String> {
    let awaited = |item: &&Item<'_>| item.rows.iter().any(|row| row.standing == Standing::Awaiting);
    let awaited: Vec<&Item<'_>> = digest.unknown.iter().filter(awaited).collect();
    let steps = awaited.iter().take(MOST_IDS).map(|item| {
        let who = digest.owner(item.check).map_or_else(|| "somebody".into(), text::ascii_words);
        format!("ask {who} about {}: gonogo record {} pass|fail --by NAME", item.tag, item.check.id)
    });
    let mut steps: Vec<String> = steps.collect();
    if awaited.len() > MOST_IDS {
        steps.push(format!("record the other {} as well", awaited.len() - MOST_IDS));
    }
    steps
}

/// The next stage, or the end.
fn go_on(digest: &Digest<'_>) -> Vec<String> {
    let told = digest.told;
    let Some(current) = told.current else { return Vec::new() };
    if let Some(next) = told.outline.stages.get(current + 1) {
        let owed = told.debts.iter().filter(|debt| debt.due == current + 1).count();
        let owed = if owed == 0 { "" } else { " (it settles what is owed)" };
        return vec![format!("go on with stage {}, then{owed}: gonogo run {}", next.id, next.id)];
    }
    match told.verdict {
        Verdict::Go => vec!["nothing: this was the last stage".to_owned()],
        Verdict::GoWithIssues => vec!["this was the last stage: hand the issues to their owners".to_owned()],
        Verdict::ProvisionalGo | Verdict::Hold | Verdict::NoGo => Vec::new(),
    }
}

fn selected(items: &[&Item<'_>]) -> String {
    if items.len() > MOST_IDS {
        return "--failed".to_owned();
    }
    items.iter().map(|item| &*item.check.id).collect::<Vec<_>>().join(" ")
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
