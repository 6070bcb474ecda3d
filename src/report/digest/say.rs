//! The sentences to read aloud. They claim nothing that is not known.

use super::{Digest, count, names};
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::model::verdict::{Reason, ReasonId, Verdict};
use crate::report::text;
use crate::verdict::Standing;

/// Reasons told; what follows is of less weight and is in the sections.
const MOST_REASONS: usize = 4;

pub(super) fn sentences(digest: &Digest<'_>) -> Vec<String> {
    let told = digest.told;
    if let Some(back) = told.reasons.iter().find(|reason| reason.id == ReasonId::RolledBack) {
        return vec![as_sentence(&back.text)];
    }
    let mut sentences = vec![format!("{} is {}.", subject(digest), phrase(told.verdict))];
    sentences.extend(no_blocker_failed(digest));
    let mut ids: Vec<ReasonId> = Vec::new();
    for reason in &told.reasons {
        if !ids.contains(&reason.id) {
            ids.push(reason.id);
        }
    }
    for &id in ids.iter().take(MOST_REASONS) {
        let same: Vec<&Reason> = told.reasons.iter().filter(|reason| reason.id == id).collect();
        sentences.push(sentence(digest, id, &same));
    }
    let revoked = told.stages.iter().filter(|stage| !stage.revoked_by.is_empty());
    sentences.extend(revoked.map(|stage| format!("The provisional go of {} is revoked.", stage.stage.id)));
    sentences.push(passed(digest));
    if told.counts.flaky > 0 {
        sentences.push(format!("{} passed only after a retry.", told.counts.flaky));
    }
    sentences.extend(trouble_to_come(digest));
    sentences.extend(told.clock.as_ref().and_then(|clock| digest.wall.decide(clock, told.verdict)));
    sentences
}

/// The stage by title, else by id.
fn subject(digest: &Digest<'_>) -> String {
    match (digest.title(), digest.told.current) {
        (Some(title), _) => text::cut(&text::ascii_words(title), 60).into_owned(),
        (None, Some(index)) => format!("Stage {}", digest.told.outline.stages[index].id),
        (None, None) => "This run".to_owned(),
    }
}

const fn phrase(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Go => "go",
        Verdict::GoWithIssues => "go, with issues",
        Verdict::ProvisionalGo => "provisionally go",
        Verdict::Hold => "on hold",
        Verdict::NoGo => "no-go",
    }
}

/// Said only when it is true of every blocker that was looked at, and when the verdict is not about one.
fn no_blocker_failed(digest: &Digest<'_>) -> Option<String> {
    let told = digest.told;
    match told.verdict {
        Verdict::Go | Verdict::NoGo => return None,
        _ if told.reasons.iter().any(|reason| reason.id == ReasonId::NothingExecuted) => return None,
        Verdict::GoWithIssues | Verdict::ProvisionalGo | Verdict::Hold => {}
    }
    let mut blockers = told.rows.iter().filter(|row| row.check.severity == Severity::Blocker).peekable();
    blockers.peek()?;
    let mut all_passed = told.left_out.iter().all(|check| check.severity != Severity::Blocker);
    for row in blockers {
        match row.judgement.outcome {
            Outcome::Pass => {}
            Outcome::NotRun => all_passed = false,
            Outcome::Fail | Outcome::Error | Outcome::NoAnswer => return None,
        }
    }
    let skipped = told.reasons.iter().any(|reason| reason.id == ReasonId::StageSkipped);
    Some(if all_passed && !skipped {
        "Every blocker that is due has passed.".to_owned()
    } else {
        "No blocker that was tested has failed.".to_owned()
    })
}

/// What passes now, and may not for long.
fn trouble_to_come(digest: &Digest<'_>) -> Option<String> {
    let checks: Vec<&str> = digest.look_at.iter().map(|item| &*item.check.id).collect();
    let shows = if checks.len() == 1 { "shows" } else { "show" };
    let number = count(checks.len(), "check");
    (!checks.is_empty()).then(|| format!("{number} that passed {shows} trouble to come: {}.", names(&checks)))
}

fn passed(digest: &Digest<'_>) -> String {
    let counts = digest.told.counts;
    if counts.total == 0 {
        "Nothing was tested.".to_owned()
    } else if counts.pass == counts.total {
        // What was left out has no row: all of those that were run is not all.
        let all = digest.told.verdict == Verdict::Go;
        match counts.total {
            1 if all => "The one check passed.".to_owned(),
            1 => "The one that was run passed.".to_owned(),
            total if all => format!("All {total} checks passed."),
            total => format!("The {total} that were run passed."),
        }
    } else {
        format!("{} of {} passed.", counts.pass, count(counts.total, "check"))
    }
}

fn sentence(digest: &Digest<'_>, id: ReasonId, reasons: &[&Reason]) -> String {
    let mut checks: Vec<&str> =
        reasons.iter().flat_map(|reason| &reason.checks).map(String::as_str).collect();
    checks.sort_unstable();
    checks.dedup();
    let number = checks.len();
    let (was, is, has) = if number == 1 { ("was", "is", "has") } else { ("were", "are", "have") };
    let list = names(&checks);
    match id {
        ReasonId::BlockerFailed => format!("{} failed: {list}.", count(number, "blocker")),
        ReasonId::BlockerErrored => {
            format!("We could not look at {}: {list}.", count(number, "blocker"))
        }
        ReasonId::BlockerSilent => format!("{} gave no answer: {list}.", count(number, "blocker")),
        ReasonId::BlockerNotRun => format!("{} {was} not run: {list}.", count(number, "blocker")),
        ReasonId::MajorNotPassed => format!("{} did not pass: {list}.", count(number, "major")),
        ReasonId::TooManyMinors => format!(
            "{} did not pass, more than the {} allowed: {list}.",
            count(number, "minor"),
            digest.told.outline.max_minor
        ),
        ReasonId::MinorsNotPassed => format!("{} did not pass: {list}.", count(number, "minor")),
        ReasonId::Waived => format!("{} did not pass and {is} waived: {list}.", count(number, "check")),
        ReasonId::Suspect => {
            let verb = if number == 1 { "is about" } else { "are about" };
            format!("{} {verb} the same as what is not known or fails: {list}.", count(number, "minor issue"))
        }
        ReasonId::Accepted => {
            format!("{} did not pass and {is} accepted by name: {list}.", count(number, "major"))
        }
        ReasonId::AwaitingPerson => format!("We wait for a person to record {list}."),
        ReasonId::DebtsOpen => owed(digest, &checks),
        ReasonId::DebtPastDue => {
            format!("{} {is} due by now and {has} not been looked at: {list}.", count(number, "check"))
        }
        ReasonId::LeftOut => format!("{} {was} left out by hand: {list}.", count(number, "check")),
        ReasonId::VotedNoGo
        | ReasonId::AwaitingVote
        | ReasonId::DecidedRollback
        | ReasonId::RolledBack
        | ReasonId::StageSkipped
        | ReasonId::EarlierStage
        | ReasonId::NothingSelected
        | ReasonId::NothingExecuted
        | ReasonId::Interrupted
        | ReasonId::Overdue
        | ReasonId::ClockSetBack
        | ReasonId::Rehearsal
        | ReasonId::OutOfOrder
        | ReasonId::PlanEdited
        | ReasonId::PlanError
        | ReasonId::JournalError => {
            reasons.iter().map(|reason| as_sentence(&reason.text)).collect::<Vec<_>>().join(" ")
        }
    }
}

/// What is owed, and until which stage.
fn owed(digest: &Digest<'_>, checks: &[&str]) -> String {
    let stages = &digest.told.outline.stages;
    let mut due: Vec<usize> = digest
        .told
        .rows
        .iter()
        .filter(|row| row.standing == Standing::Owed && checks.binary_search(&&*row.check.id).is_ok())
        .filter_map(|row| row.deferred_until)
        .collect();
    due.sort_unstable();
    due.dedup();
    let due: Vec<&str> = due.into_iter().map(|index| &*stages[index].id).collect();
    let list = names(checks);
    format!("{} cannot be tested before {}: {list}.", count(checks.len(), "check"), names(&due))
}

/// With a capital and a full stop.
pub(in crate::report) fn as_sentence(text: &str) -> String {
    let text = text::ascii_words(text);
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    let mut sentence: String = first.into_iter().chain(characters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
