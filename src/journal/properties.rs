//! What holds of every journal, whatever is in it: the chain finds what was done to it, and folding goes one way.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::edited::PlanEdited;
use super::event::{Event, Flaky, Late, Line, OutOfOrder, Record, RunStarted, Selection};
use super::people::{
    Accepted, Decided, Decision, Extended, HandedOver, Noted, Speaker, Vote, Voted, Waived, Way,
};
use super::rollback::{Measured, RollbackEvent, Step, Verification};
use super::run::Run;
use super::store::fold;
use super::tail::Tail;
use super::tests::{actor, expected, judged, outline};
use super::write::header;
use super::{JournalError, Reading, read};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Outline, Stage, Waiver};
use crate::model::verdict::Verdict;
use crate::model::window::Extension;
use crate::plan::Edit;

const CHECKS: [&str; 3] = ["a", "b", "by-hand"];
const STAGES: [&str; 3] = ["all", "next", "elsewhere"];
const NAMES: [&str; 2] = ["ann", "ben"];

/// When something was written, late or not, and what.
type Written = (Timestamp, Option<Late>, Event);

fn two_stages() -> Outline {
    let mut outline = outline();
    outline.stages.push(Stage { id: "next".to_owned(), ..Stage::default() });
    outline
}

fn speaker(by: &str) -> Speaker {
    Speaker { by: by.to_owned(), actor: actor() }
}

fn round(round: u32, begins: bool) -> Event {
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
    (0..11, words).prop_map(|(which, (check, stage, by, yes, outcome))| {
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
            _ => rollback(Step::Verified(Verification { same: usize::from(yes), ..Verification::default() })),
        }
    })
}

fn begin() -> Timestamp {
    Timestamp::constant(1_790_000_000, 0)
}

/// A journal: its clocks run back now and then, and some of it comes late.
fn journal(most: usize) -> impl Strategy<Value = Vec<Written>> {
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

/// Its lines, each with its line break, the header first.
fn lines(journal: &[Written]) -> Vec<Vec<u8>> {
    let first = header("x");
    let mut reading = Reading::begin(Path::new("x"), &first).unwrap();
    let mut lines = vec![[first.as_slice(), b"\n"].concat()];
    for written in journal {
        let mut line = Vec::new();
        reading.write(&mut line, written.clone()).unwrap();
        lines.push(line);
    }
    lines
}

/// What a file of these bytes gives.
fn given(bytes: &[u8]) -> (Vec<Line>, Result<Reading, JournalError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    std::fs::write(&path, bytes).unwrap();
    let mut lines = Vec::new();
    let reading = read(&path, |line| {
        lines.push(line);
        Ok(())
    });
    (lines, reading)
}

/// The line it names, from 1, of those it gave before which are all sound; none when it found nothing.
fn found(whole: &[Vec<u8>], bytes: &[u8]) -> Option<usize> {
    let (sound, _) = given(&whole.concat());
    let (lines, reading) = given(bytes);
    match reading {
        Ok(reading) => {
            let known = lines.iter().zip(&sound).take_while(|(line, known)| line == known).count();
            assert!(known + 1 >= lines.len(), "only what nothing follows can have been changed unnoticed");
            assert_eq!(reading.seq, lines.len() as u64);
            None
        }
        Err(JournalError::Corrupt { line, .. }) => {
            let named = usize::try_from(line).unwrap();
            assert_eq!(lines, sound[..lines.len()], "what comes before is sound");
            assert!(lines.len() < named, "nothing is believed that comes after line {named}");
            Some(named)
        }
        Err(JournalError::Newer { .. }) => Some(1),
        Err(error) => panic!("{error}"),
    }
}

/// Everything a run has come to.
fn told(run: &Run) -> String {
    let mut records: Vec<_> = run.records.iter().collect();
    records.sort_by_key(|(check, _)| (*check).clone());
    let people = &run.people;
    let votes: Vec<_> =
        STAGES.iter().flat_map(|stage| NAMES.iter().map(|name| people.vote(stage, name))).collect();
    let accepted: Vec<_> = CHECKS
        .iter()
        .flat_map(|check| {
            [Outcome::Fail, Outcome::Error]
                .map(|outcome| people.acceptance(check, Way { outcome, layer: None }))
        })
        .collect();
    let waivers: Vec<_> = people.waivers().collect();
    let said = (votes, accepted, waivers, people.extensions(), people.decision(), people.in_charge());
    let round = (
        run.attempt,
        run.rounds,
        &run.selection,
        run.finished,
        run.interrupted,
        run.verdict,
        &run.out_of_order,
    );
    let times = (run.started_at, run.latest_at, run.set_back);
    let rest = (&run.outline, &run.stages, &run.rollback, run.superseded, run.unknown);
    format!("{round:?}\n{times:?}\n{records:?}\n{said:?}\n{rest:?}")
}

fn cases() -> u32 {
    if std::env::var("GONOGO_SOAK").as_deref() == Ok("1") { 2000 } else { 64 }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    // Each reads a file again for every byte of a line.
    #![proptest_config(config(cases() / 4))]

    #[test]
    fn a_journal_that_is_cut_gives_its_whole_lines(journal in journal(12), at in any::<Index>()) {
        let lines = lines(&journal);
        // Every byte of one line, and that of the line break before it.
        let line = at.index(lines.len());
        let before = lines[..line].concat();
        for cut in 0..=lines[line].len() {
            let bytes = [before.as_slice(), &lines[line][..cut]].concat();
            let whole = line + usize::from(cut == lines[line].len());
            let (given, reading) = given(&bytes);
            match reading {
                Ok(reading) => {
                    prop_assert_eq!(given.len() + 1, whole);
                    prop_assert_eq!(reading.whole + reading.torn, bytes.len() as u64);
                }
                Err(error) => prop_assert_eq!(whole, 0, "{}", error),
            }
        }
    }
}

proptest! {
    #![proptest_config(config(cases()))]

    #[test]
    fn what_was_done_to_a_journal_is_found_and_named(
        journal in journal(12),
        (one, other, byte, bits) in (any::<Index>(), any::<Index>(), any::<Index>(), 1_u8..),
    ) {
        let lines = lines(&journal);
        let count = lines.len();
        let (one, other) = (one.index(count), other.index(count));
        let (first, second) = (one.min(other), one.max(other));
        if first != second {
            let mut swapped = lines.clone();
            swapped.swap(first, second);
            prop_assert_eq!(found(&lines, &swapped.concat()), Some(first + 1), "swapped");
        }
        let mut lost = lines.clone();
        lost.remove(one);
        // Nothing follows the last one: that it is gone cannot be seen.
        prop_assert_eq!(found(&lines, &lost.concat()), (one + 1 < count).then_some(one + 1), "lost");
        let mut doubled = lines.clone();
        doubled.insert(one, lines[one].clone());
        prop_assert_eq!(found(&lines, &doubled.concat()), Some(one + 2), "doubled");
        let mut edited = lines.clone();
        let byte = byte.index(edited[one].len());
        edited[one][byte] ^= bits;
        // What still reads as an event is found by what follows it.
        if let Some(named) = found(&lines, &edited.concat()) {
            prop_assert!(named == one + 1 || named == one + 2, "line {} edited, {} named", one + 1, named);
        } else {
            prop_assert_eq!(one + 1, count, "edited");
        }
    }

    #[test]
    fn a_fold_goes_on_from_any_line_to_the_same_end(journal in journal(30), at in any::<Index>()) {
        let lines = lines(&journal);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let known = 2 + at.index(lines.len() - 1);
        std::fs::write(&path, lines[..known].concat()).unwrap();
        let (run, reading) = fold(&path).unwrap();
        let mut run = run.unwrap();
        let mut tail = Tail::open(&path, reading).unwrap();
        std::fs::write(&path, lines.concat()).unwrap();
        for line in tail.locked(Tail::catch_up).unwrap() {
            run.apply(line);
        }
        let (whole, reading) = fold(&path).unwrap();
        prop_assert_eq!(&tail.reading, &reading);
        prop_assert_eq!(told(&run).replace(&run.id, ""), told(&whole.unwrap()).replace(&run.id, ""));
    }

    #[test]
    fn times_never_run_back(journal in journal(30)) {
        let (lines, _) = given(&lines(&journal).concat());
        let mut lines = lines.into_iter();
        let mut run = Run::begin("x", lines.next().unwrap()).unwrap();
        for line in lines {
            let (before, is_late) = ((run.latest_at, run.set_back), line.late.is_some());
            let written = line.at;
            run.apply(line);
            prop_assert!((run.latest_at, run.set_back) >= before && run.set_back >= before.1);
            prop_assert!(is_late || run.latest_at >= written);
            if let Some(back) = &run.rollback {
                prop_assert!(back.undone.is_sorted_by_key(|&(_, at)| at), "{:?}", back);
            }
        }
    }

    #[test]
    fn what_follows_something_came_after_it(journal in journal(30)) {
        let at_once: Vec<Written> = journal.into_iter().map(|(at, _, what)| (at, None, what)).collect();
        let (lines, _) = given(&lines(&at_once).concat());
        let mut lines = lines.into_iter();
        let mut run = Run::begin("x", lines.next().unwrap()).unwrap();
        lines.for_each(|line| run.apply(line));
        for stage in &run.stages {
            prop_assert!(stage.ended_at.is_none_or(|ended| stage.started_at.is_none_or(|began| began <= ended)));
            let looked = stage.rows.values().filter_map(|row| row.judged_at);
            prop_assert!(looked.min() >= stage.started_at.filter(|_| stage.rows.values().any(|row| row.judged_at.is_some())));
        }
        if let Some(back) = &run.rollback {
            let undone = back.undone.iter().map(|&(_, at)| at);
            let times = std::iter::once(back.started_at).chain(undone);
            prop_assert!(times.is_sorted(), "{:?}", back);
        }
        prop_assert_eq!(run.superseded, 0);
    }
}

/// Two machines that did not hear of each other for a while.
#[test]
fn a_rollback_that_two_machines_tell_of_is_one() {
    let at = |minutes: i64| begin() + SignedDuration::from_mins(minutes);
    let late = || Some(Late { arrived: at(60), sender: "two-1-00".to_owned(), number: 1, superseded: false });
    let step = |step, by: &str| Event::Rollback(RollbackEvent { step, speaker: speaker(by) });
    let undone = |stage: &str| Step::Undone { stage: stage.to_owned() };
    let journal = [
        (at(0), None, round(1, true)),
        (at(10), None, step(Step::Started, "ann")),
        (at(50), None, step(undone("all"), "ann")),
        (at(5), late(), step(Step::Started, "ben")),
        (at(30), late(), step(undone("next"), "ben")),
        (at(55), None, step(Step::Done, "ann")),
        (at(40), late(), step(Step::Done, "ben")),
    ];
    let (lines, _) = given(&lines(&journal).concat());
    let mut lines = lines.into_iter();
    let mut run = Run::begin("x", lines.next().unwrap()).unwrap();
    lines.for_each(|line| run.apply(line));
    let back = run.rollback.unwrap();
    assert_eq!((back.started_at, back.by.as_str()), (at(5), "ben"));
    assert_eq!(back.took_s(), [(1, 25 * 60), (0, 20 * 60)], "each from the one before it");
    assert_eq!(back.done_at, Some(at(55)));
}

/// Nothing of an edited line is told: neither it nor what follows is confirmed.
#[test]
fn an_edited_line_is_not_given() {
    let journal = [
        (begin(), None, round(1, true)),
        (begin(), None, judged("a", Outcome::Fail)),
        (begin(), None, judged("b", Outcome::Pass)),
    ];
    let mut lines = lines(&journal);
    lines[2] = String::from_utf8(lines[2].clone()).unwrap().replace("\"fail\"", "\"pass\"").into_bytes();
    let (given, reading) = given(&lines.concat());
    assert!(matches!(reading, Err(JournalError::Corrupt { line: 4, .. })), "{reading:?}");
    assert_eq!(given.len(), 1);
}
