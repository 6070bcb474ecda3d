//! Journals made up at random: of a run, of its people, with clocks that run back and with what came late.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::edited::PlanEdited;
use super::event::{Event, Flaky, Late, OutOfOrder, Record, RunStarted, Selection};
use super::people::{
    Accepted, Decided, Decision, Extended, HandedOver, Noted, Speaker, Vote, Voted, Waived, Way,
};
use super::rollback::{Measured, RollbackEvent, Step, Verification};
use super::tests::{actor, expected, outline};
use crate::model::notification::{Delivery, Notified, Sender};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Outline, Stage, Waiver};
use crate::model::verdict::Verdict;
use crate::model::window::Extension;
use crate::plan::Edit;

pub(super) const CHECKS: [&str; 3] = ["a", "b", "by-hand"];
pub(super) const STAGES: [&str; 3] = ["all", "next", "elsewhere"];
pub(super) const NAMES: [&str; 2] = ["ann", "ben"];

/// When something was written, late or not, and what.
pub(super) type Written = (Timestamp, Option<Late>, Event);

fn two_stages() -> Outline {
    let mut outline = outline();
    outline.stages.push(Stage { id: "next".to_owned(), ..Stage::default() });
    outline
}

pub(super) fn speaker(by: &str) -> Speaker {
    Speaker { by: by.to_owned(), actor: actor() }
}

pub(super) fn round(round: u32, begins: bool) -> Event {
    let out_of_order =
        OutOfOrder { before: vec!["stage all was not run".to_owned()], because: "late".to_owned() };
    Event::RunStarted(Box::new(RunStarted {
        attempt: 1,
        round,
        version: "0".to_owned(),
        actor: actor(),
        plan_sha256: "0".repeat(64),
        selection: Selection { retest: round == 3, ..Selection::default() },
        measured: Measured::default(),
        outline: begins.then(|| Arc::new(two_stages())),
        sources: Arc::default(),
        out_of_order: (round > 1).then_some(out_of_order),
        definitions: Arc::default(),
    }))
}

/// A plan in which one check is gone, or is another.
fn edited(check: &str, gone: bool, by: &str) -> Event {
    let mut outline = two_stages();
    outline.sha256 = "1".repeat(64);
    let (mut edit, id) = (Edit::default(), check.into());
    if gone {
        outline.checks.retain(|known| *known.id != *check);
        edit.removed.push(id);
    } else {
        edit.changed.push(id);
    }
    Event::PlanEdited(Box::new(PlanEdited {
        edit,
        outline: Arc::new(outline),
        definitions: Arc::default(),
        sources: Arc::default(),
        speaker: speaker(by),
    }))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Pass, Outcome::Fail, Outcome::Error, Outcome::NoAnswer, Outcome::NotRun])
}

fn of_the_run() -> impl Strategy<Value = Event> {
    let (check, stage) = (|| select(&CHECKS[..]), || select(&STAGES[..]));
    prop_oneof![
        (2_u32..4).prop_map(|number| round(number, false)),
        (stage(), any::<bool>()).prop_map(|(stage, all)| Event::StageStarted {
            stage: stage.to_owned(),
            expected: CHECKS.iter().take(if all { 3 } else { 1 }).map(|check| expected(check)).collect(),
            left_out: if all { vec![] } else { vec!["b".into()] },
        }),
        (stage(), check(), outcome(), any::<bool>()).prop_map(|(stage, check, outcome, flaky)| {
            Event::Judged {
                stage: stage.into(),
                check: check.into(),
                vantage: "here".into(),
                judgement: Judgement::plain(outcome, "caf\u{e9} \"said\" so\n"),
                flaky: flaky.then(|| Flaky { attempt: 2, first: "nothing".to_owned() }),
            }
        }),
        (stage(), select(vec![Verdict::Go, Verdict::ProvisionalGo, Verdict::NoGo])).prop_map(
            |(stage, verdict)| {
                Event::Verdict { stage: stage.to_owned(), verdict, reasons: vec![], revokes: vec![] }
            }
        ),
        any::<bool>().prop_map(|interrupted| Event::RunFinished { verdict: Verdict::Hold, interrupted }),
        (check(), any::<bool>(), select(&NAMES[..])).prop_map(|(check, gone, by)| edited(check, gone, by)),
    ]
}

fn of_people() -> impl Strategy<Value = Event> {
    let words = (select(&CHECKS[..]), select(&STAGES[..]), select(&NAMES[..]), any::<bool>(), outcome());
    (0..12, words).prop_map(|(which, (check, stage, by, yes, outcome))| {
        let (because, speaker) = (format!("so says {by}"), speaker(by));
        let rollback = |step| Event::Rollback(RollbackEvent { step, speaker: speaker.clone() });
        match which {
            0 => Event::Recorded(Record {
                check: check.into(),
                outcome,
                by: by.to_owned(),
                evidence: yes.then_some(because),
                actor: actor(),
            }),
            1 => Event::Voted(Voted {
                stage: stage.to_owned(),
                voter: by.to_owned(),
                vote: if yes { Vote::Go } else { Vote::NoGo },
                because: None,
                speaker,
            }),
            2 => Event::Accepted(Accepted {
                check: check.into(),
                ways: vec![Way { outcome, layer: None }],
                because,
                speaker,
            }),
            3 => Event::Waived(Waived {
                waiver: Waiver {
                    check: check.into(),
                    until: jiff::civil::date(2099, 1, 31),
                    by: by.to_owned(),
                    because,
                    outcome: Some(outcome),
                    layer: None,
                },
                speaker,
            }),
            4 => {
                let until = begin() + SignedDuration::from_hours(9);
                Event::Extended(Extended {
                    extension: Extension { until, granted: yes },
                    because: None,
                    speaker,
                })
            }
            5 => {
                let decision = if yes { Decision::Go } else { Decision::Rollback };
                Event::Decided(Decided { decision, because: Some(because), speaker })
            }
            6 => Event::Handover(HandedOver { to: by.to_owned(), because: None, speaker }),
            7 => Event::Note(Noted { text: because, speaker }),
            8 => rollback(if yes { Step::Started } else { Step::Done }),
            9 => rollback(Step::Undone { stage: stage.to_owned() }),
            10 => Event::Notified(Notified {
                key: format!("stage:{stage}:1:go"),
                to: by.to_owned(),
                of: because,
                checks: Vec::new(),
                tries: 1,
                outcome: match (yes, by) {
                    (true, "ann") => Delivery::Begun(Sender::Run),
                    (true, _) => Delivery::Sent,
                    (false, _) => Delivery::Failed("nobody listens".to_owned()),
                },
            }),
            _ => rollback(Step::Verified(Verification { same: usize::from(yes), ..Verification::default() })),
        }
    })
}

pub(super) fn begin() -> Timestamp {
    Timestamp::constant(1_790_000_000, 0)
}

/// A journal: its clocks run back now and then, and some of it comes late.
pub(super) fn journal(most: usize) -> impl Strategy<Value = Vec<Written>> {
    let when = (-400_i64..400, prop::option::weighted(0.3, any::<bool>()));
    let event = prop_oneof![of_the_run(), of_people()];
    prop::collection::vec((when, event), 1..most).prop_map(|events| {
        let rest = events.into_iter().enumerate().map(|(index, ((seconds, late), what))| {
            let number = index as u64 + 1;
            let arrived = begin() + SignedDuration::from_secs(i64::try_from(index).unwrap() * 60);
            let late =
                late.map(|superseded| Late { arrived, sender: "two-1-00".to_owned(), number, superseded });
            (arrived + SignedDuration::from_secs(seconds), late, what)
        });
        std::iter::once((begin(), None, round(1, true))).chain(rest).collect()
    })
}
