//! A spool that is cut, and one whose program goes on.

use std::path::Path;

use super::{Entry, Found, Spool, found};
use crate::clock;
use crate::journal::event::{Actor, Event};
use crate::journal::people::{Noted, Speaker};
use crate::journal::team::Sender;
use crate::journal::team::read::waiting_lines;

fn actor() -> Actor {
    Actor { user: "tester".to_owned(), host: "two.int".to_owned(), pid: 7, page: None }
}

fn entry(number: u64) -> Entry {
    let speaker = Speaker { by: "ann".to_owned(), actor: actor() };
    Entry { number, at: clock::now(), what: Event::Note(Noted { text: format!("word {number}\n"), speaker }) }
}

/// A spool with five entries, written in three parts.
fn spool(run: &Path) -> Spool {
    let mut spool = Spool::new(run, Sender::new(actor(), false).unwrap());
    for entries in [vec![entry(1)], vec![entry(2), entry(3)], vec![entry(4), entry(5)]] {
        spool.add(&entries).unwrap();
    }
    spool
}

fn numbers(spool: &Found) -> Vec<u64> {
    let Some(mut waiting) = spool.waiting().unwrap() else { return Vec::new() };
    let mut numbers = Vec::new();
    loop {
        let entries = waiting.next(2).unwrap();
        if entries.is_empty() {
            return numbers;
        }
        numbers.extend(entries.iter().map(|entry| entry.number));
    }
}

#[test]
fn a_spool_cut_at_any_byte_holds_its_whole_lines() {
    let run = tempfile::tempdir().unwrap();
    drop(spool(run.path()));
    let path = found(run.path()).unwrap()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let spools = found(run.path()).unwrap();
        assert_eq!(spools.len(), 1);
        assert!(spools[0].is_left_behind(), "its program is gone");
        let lines = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
        let wanted: Vec<u64> = (1..lines as u64).collect();
        assert_eq!(numbers(&spools[0]), wanted, "at byte {cut}");
        let told = waiting_lines(&run.path().join("journal.jsonl")).unwrap();
        assert_eq!(told.len(), wanted.len());
        assert!(told.iter().all(|line| line.seq == 0 && line.late.is_some()));
    }
}

#[test]
fn a_spool_is_left_to_its_program_while_that_goes_on() {
    let run = tempfile::tempdir().unwrap();
    let mut own = spool(run.path());
    let spools = found(run.path()).unwrap();
    assert!(!spools[0].is_left_behind());
    assert_eq!(numbers(&spools[0]), [1, 2, 3, 4, 5]);
    own.clear().unwrap();
    assert!(found(run.path()).unwrap().is_empty());
    // It begins anew with the next event, and then belongs to whoever comes.
    own.add(&[entry(6)]).unwrap();
    drop(own);
    let spools = found(run.path()).unwrap();
    assert!(spools[0].is_left_behind());
    assert_eq!(numbers(&spools[0]), [6]);
}

#[test]
fn a_spool_that_could_not_be_begun_is_begun_with_the_next_event() {
    let run = tempfile::tempdir().unwrap();
    let mut own = Spool::new(run.path(), Sender::new(actor(), false).unwrap());
    let path = own.path();
    std::fs::create_dir_all(&path).unwrap();
    own.add(&[entry(1)]).unwrap_err();
    std::fs::remove_dir(&path).unwrap();
    own.add(&[entry(2)]).unwrap();
    drop(own);
    assert_eq!(numbers(&found(run.path()).unwrap()[0]), [2]);
}
