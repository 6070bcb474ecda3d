//! What holds of every journal, whatever is in it: the chain finds what was done to it, and folding goes one way.

use std::path::Path;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::Index;

use super::event::{Event, Late, Line};
use super::generated::{CHECKS, NAMES, STAGES, Written, begin, journal, round, speaker};
use super::people::Way;
use super::read::fold;
use super::rollback::{RollbackEvent, Step};
use super::run::Run;
use super::tail::Tail;
use super::tests::judged;
use super::write::header;
use super::{JournalError, Reading, read};
use crate::model::outcome::Outcome;

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
    let times = (run.started_at, run.latest_at, run.looked_at, run.set_back);
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
            let tells = matches!(line.what, Event::Notified(_));
            run.apply(line);
            prop_assert!((run.latest_at, run.set_back) >= before && run.set_back >= before.1);
            prop_assert!(is_late || tells || run.latest_at >= written);
            if let Some(back) = &run.rollback {
                prop_assert!(back.undone.is_sorted_by_key(|&(_, at)| at), "{:?}", back);
            }
        }
    }

    #[test]
    fn telling_people_changes_nothing(journal in journal(30)) {
        let is_judged = |written: &&Written| !matches!(written.2, Event::Notified(_));
        let untold: Vec<Written> = journal.iter().filter(is_judged).cloned().collect();
        let [one, other] = [&journal, &untold].map(|journal| {
            let (lines, _) = given(&lines(journal).concat());
            let mut lines = lines.into_iter();
            let mut run = Run::begin("x", lines.next().unwrap()).unwrap();
            lines.for_each(|line| run.apply(line));
            told(&run)
        });
        prop_assert_eq!(one, other);
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
