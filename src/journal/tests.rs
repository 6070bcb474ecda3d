//! Cuts, edits, two writers and the lease.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::event::{Actor, Event, Expected, Header, Line, Record, RunStarted, Selection, VERSION};
use super::rollback::Measured;
use super::{Journal, JournalError, Store, read};
use crate::clock;
use crate::model::layer::Layer;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, Outline, Place, Severity, Stage};

pub(super) fn actor() -> Actor {
    Actor { user: "tester".to_owned(), host: "here".to_owned(), pid: 1, page: None }
}

pub(super) fn outline() -> Outline {
    let check = |id: &str| Check {
        id: id.into(),
        title: None,
        kind: "tcp".to_owned(),
        target: "127.0.0.1:1".to_owned(),
        layers: vec![Layer::Tcp],
        from: vec!["here".into()],
        severity: Severity::Blocker,
        owner: None,
        tags: Vec::new(),
        needs: Vec::new(),
        touches: Vec::new(),
        expect_break: None,
        stage: 0,
        defer: None,
        again: true,
        manual: id == "by-hand",
        link: None,
        place: Place { file: "plan.yaml".into(), line: 3 },
    };
    let stage = Stage { id: "all".to_owned(), ..Stage::default() };
    Outline {
        name: "test".to_owned(),
        change: None,
        sha256: "0".repeat(64),
        zone: None,
        window: None,
        max_minor: 5,
        people: indexmap::IndexMap::new(),
        stages: vec![stage],
        checks: vec![check("a"), check("b"), check("by-hand")],
        waivers: Vec::new(),
        pieces: Vec::new(),
    }
}

fn started() -> Event {
    Event::RunStarted(Box::new(RunStarted {
        attempt: 1,
        round: 1,
        version: "0".to_owned(),
        actor: actor(),
        plan_sha256: "0".repeat(64),
        selection: Selection::default(),
        measured: Measured::default(),
        outline: Some(Arc::new(outline())),
        sources: Arc::default(),
        out_of_order: None,
        definitions: Arc::default(),
    }))
}

pub(super) fn expected(check: &str) -> Expected {
    Expected { check: check.into(), vantage: "here".into() }
}

pub(super) fn judged(check: &str, outcome: Outcome) -> Event {
    Event::Judged {
        stage: "all".into(),
        check: check.into(),
        vantage: "here".into(),
        judgement: Judgement::plain(outcome, "said so"),
        flaky: None,
    }
}

fn night() -> Vec<Event> {
    vec![
        started(),
        Event::StageStarted {
            stage: "all".to_owned(),
            expected: vec![expected("a"), expected("b")],
            left_out: vec![],
        },
        judged("a", Outcome::Pass),
        judged("b", Outcome::Fail),
    ]
}

async fn written(folder: &Path) -> std::path::PathBuf {
    let store = Store::new(folder);
    let mut lease = store.lease(&actor(), clock::now(), false).await.unwrap();
    let (id, journal) = store.create(clock::now(), &mut lease).await.unwrap();
    for event in night() {
        journal.append(vec![event]).await.unwrap();
    }
    store.path(&id)
}

/// Two runs in one second, and a clock set back: what was last begun is the newest.
#[tokio::test]
async fn the_run_that_was_begun_last_is_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut lease = store.lease(&actor(), clock::now(), false).await.unwrap();
    let now = clock::now();
    for hours_back in [0, 0, 0, 0, 0, 0, 5, 0, 5, 0] {
        let at = now - jiff::SignedDuration::from_hours(hours_back);
        let (id, journal) = store.create(at, &mut lease).await.unwrap();
        journal.append(night()).await.unwrap();
        assert_eq!(store.newest_id().await.unwrap(), Some(id));
    }
    std::fs::create_dir(folder.path().join("runs/of-somebody-else")).unwrap();
    std::fs::write(folder.path().join("runs/of-somebody-else/journal.jsonl"), "").unwrap();
    assert_eq!(store.ids().await.unwrap().len(), 11);
    store.create(now, &mut lease).await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_read_back_and_folds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let (run, reading) = Store::new(folder.path()).newest().await.unwrap().unwrap();
    assert_eq!((reading.seq, reading.torn), (4, 0));
    assert_eq!(run.stages[0].rows[&expected("a")].outcome(), Outcome::Pass);
    assert_eq!(run.stages[0].rows[&expected("b")].outcome(), Outcome::Fail);
    assert!(!run.finished);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_reads_up_to_its_last_whole_line_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.jsonl");
    for length in 0..whole.len() {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let mut lines = 0;
        let reading = read(&cut, |_| {
            lines += 1;
            Ok(())
        });
        let complete = whole[..length].split(|byte| *byte == b'\n').count() - 1;
        match reading {
            Ok(reading) => {
                assert_eq!(lines + 1, complete, "at byte {length}");
                assert_eq!(reading.whole + reading.torn, length as u64);
            }
            Err(error) => assert_eq!(complete, 0, "at byte {length}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_by_the_next_append() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let torn = b"{\"seq\":5,\"prev\":\"half a li";
    bytes.extend_from_slice(torn);
    std::fs::write(&path, &bytes).unwrap();
    let store = Store::new(folder.path());
    let (_, reading) = store.newest().await.unwrap().unwrap();
    assert_eq!(reading.torn, torn.len() as u64);
    let journal = Journal::open(&path, reading).unwrap();
    journal.append(vec![judged("b", Outcome::Pass)]).await.unwrap();
    let (run, reading) = store.newest().await.unwrap().unwrap();
    assert_eq!((reading.seq, reading.torn), (5, 0));
    assert_eq!(run.stages[0].rows[&expected("b")].outcome(), Outcome::Pass);
}

/// Half a line is cut off and written over while somebody reads: they read neither.
#[tokio::test]
async fn who_reads_while_a_torn_line_is_written_over_reads_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let (stop, place) = (Arc::new(AtomicBool::new(false)), path.clone());
    let stopped = Arc::clone(&stop);
    let reading = std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            read(&place, |_| Ok(()))?;
        }
        Ok::<(), JournalError>(())
    });
    for _ in 0..200 {
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.lock().unwrap();
        file.write_all(b"{\"seq\":1,\"prev\":\"half a li").unwrap();
        drop(file);
        let Ok(reading) = read(&path, |_| Ok(())) else { break };
        let journal = Journal::open(&path, reading).unwrap();
        journal.append(vec![judged("b", Outcome::Pass)]).await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    reading.join().unwrap().unwrap();
    assert_eq!(read(&path, |_| Ok(())).unwrap().seq, 204);
}

#[tokio::test]
async fn nothing_is_written_after_a_line_that_is_not_the_one_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let (_, reading) = Store::new(folder.path()).newest().await.unwrap().unwrap();
    let other = std::fs::read_to_string(&path).unwrap().replace("said so", "SAID SO");
    std::fs::write(&path, &other).unwrap();
    let journal = Journal::open(&path, reading).unwrap();
    let error = journal.append(vec![judged("b", Outcome::Pass)]).await.unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { line: 5, .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
}

/// A journal whose first event was never completed says nothing, and stands in nobody's way.
#[tokio::test]
async fn a_journal_without_a_whole_event_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let whole = std::fs::read(&path).unwrap();
    let later = folder.path().join("runs/99991231-235959-ffff/journal.jsonl");
    std::fs::create_dir(later.parent().unwrap()).unwrap();
    for length in 0..whole.split_inclusive(|byte| *byte == b'\n').take(2).flatten().count() {
        std::fs::write(&later, &whole[..length]).unwrap();
        let (_, reading) = Store::new(folder.path()).newest().await.unwrap().unwrap();
        assert_eq!(reading.seq, 4, "at byte {length}");
    }
}

#[tokio::test]
async fn a_changed_lost_or_swapped_line_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let edited = text.replacen("\"fail\"", "\"pass\"", 1);
    // An edit of the last line is only found by what follows it; so the journal gets one more line first.
    let follow = |text: &str| {
        format!(
            "{text}{}\n",
            serde_json::json!({"seq": 6, "prev": super::read::digest(lines[4].as_bytes()), "at": "2026-01-01T00:00:00Z", "what": {"event": "run_finished", "verdict": "go"}})
        )
    };
    let lost = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let swapped = swapped.join("\n") + "\n";
    for (what, text) in [("edited", follow(&edited)), ("lost", lost), ("swapped", swapped)] {
        std::fs::write(&path, &text).unwrap();
        let error = Store::new(folder.path()).newest().await.map(|_| ()).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_and_an_unknown_event_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    std::fs::write(&path, "{\"gonogo_journal\":2,\"run\":\"x\"}\n").unwrap();
    assert!(matches!(read(&path, |_| Ok(())), Err(JournalError::Newer { found: 2, .. })));
    let line: Line = serde_json::from_str(
        r#"{"seq":1,"prev":"","at":"2026-01-01T00:00:00Z","what":{"event":"teleported","to":"mars"}}"#,
    )
    .unwrap();
    assert_eq!(line.what, Event::Unknown);
    let header: Header = serde_json::from_str(r#"{"gonogo_journal":1,"run":"x","more":1}"#).unwrap();
    assert_eq!(header.gonogo_journal, VERSION);
}

#[tokio::test]
async fn two_writers_share_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path()).await;
    let store = Store::new(folder.path());
    let one = Journal::open(&path, store.newest().await.unwrap().unwrap().1).unwrap();
    let other = Journal::open(&path, store.newest().await.unwrap().unwrap().1).unwrap();
    let record = Record {
        check: "by-hand".into(),
        outcome: Outcome::Pass,
        by: "ann".to_owned(),
        evidence: None,
        actor: actor(),
    };
    let mut writers = tokio::task::JoinSet::new();
    for turn in 0..40 {
        let (journal, event) = if turn % 2 == 0 {
            (one.clone(), judged("a", Outcome::Pass))
        } else {
            (other.clone(), Event::Recorded(record.clone()))
        };
        writers.spawn(async move { journal.append(vec![event]).await.unwrap().len() });
    }
    let mut heard = 0;
    while let Some(lines) = writers.join_next().await {
        heard += lines.unwrap();
    }
    assert!(heard > 40, "each writer also hears of the other's lines: {heard}");
    let (run, reading) = store.newest().await.unwrap().unwrap();
    assert_eq!(reading.seq, 44);
    assert_eq!(run.records["by-hand"].1.by, "ann");
}

#[tokio::test]
async fn a_second_lease_names_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("j"));
    let held = store.lease(&actor(), clock::now(), false).await.unwrap();
    let error = store.lease(&actor(), clock::now(), false).await.unwrap_err();
    assert!(error.to_string().contains("tester on here (process 1)"), "{error}");
    drop(held);
    store.lease(&actor(), clock::now(), false).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::new(file.join("journal")).lease(&actor(), clock::now(), false).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot create"), "{error}");
}
