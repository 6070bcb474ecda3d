//! Screens of `gonogo watch`: nights as they look at several sizes, beside what they were when somebody last read them.
//! `UPDATE_FIXTURES=1` writes them anew.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use gonogo::journal::event::Event;
use gonogo::report::screen::{Screen, Shown, Size, draw};
use gonogo::report::timeline::Timeline;
use gonogo::verdict::{assess, assess_live};
use jiff::{SignedDuration, Timestamp};

use super::scenarios;
use crate::night::{Answer, Night};

const SIZES: [(usize, usize); 3] = [(80, 24), (40, 12), (160, 50)];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/screens")
}

fn named(name: &str) -> Night {
    finished(scenarios::all().into_iter().find(|(known, _)| *known == name).unwrap().1)
}

fn finished(mut night: Night) -> Night {
    let verdict = assess(&night.run, night.now()).verdict;
    night.said(Event::RunFinished { verdict, interrupted: false });
    night
}

/// Application 1 is being looked at.
fn running() -> Night {
    let mut night = scenarios::all().into_iter().find(|(known, _)| *known == "clock").unwrap().1;
    night.probe(
        2,
        |id, vantage| if id == "app1-front" || vantage == "app1-b" { Answer::Silent } else { Answer::Pass },
    );
    night
}

fn drawn(
    night: Option<&Night>,
    trouble: Option<&str>,
    (columns, rows): (usize, usize),
    scroll: usize,
) -> Screen {
    let now = night.map_or_else(
        || "2007-09-22T22:00:07-04:00".parse::<Timestamp>().unwrap(),
        |night| night.now() + SignedDuration::from_secs(7),
    );
    let timeline: VecDeque<_> = night.map(|night| Timeline::of(&night.run).into()).unwrap_or_default();
    let told = night.map(|night| assess_live(&night.run, now, trouble));
    let shown = Shown { told: told.as_ref(), place: ".gonogo", trouble, timeline: &timeline, now };
    draw(&shown, Size { columns, rows }, scroll)
}

fn text(screen: &Screen) -> String {
    let mut all = String::new();
    for line in &screen.lines {
        let line: String = line.iter().map(|(_, text)| text.as_str()).collect();
        all.push_str(line.trim_end());
        all.push('\n');
    }
    all
}

/// What a clock on the wall of the system says, of a screen without a plan's zone.
fn without_time(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap();
    let kept = first.trim_end().rsplitn(5, ' ').last().unwrap().trim_end();
    format!("{kept}   NOW\n{rest}")
}

#[test]
fn screens_are_what_somebody_has_read() {
    let nights: [(&str, Option<Night>, Option<&str>); 7] = [
        ("no-run", None, None),
        ("running", Some(running()), None),
        ("no-go", Some(named("clock-tight")), None),
        ("provisional", Some(named("clock")), None),
        ("overdue", Some(named("clock-overdue")), None),
        ("trouble", Some(named("go")), Some("cannot read .gonogo/runs: permission denied")),
        ("go", Some(named("clock-up")), None),
    ];
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let (mut expected, mut differing) = (BTreeSet::new(), Vec::new());
    for (name, night, trouble) in &nights {
        for (columns, rows) in SIZES {
            let mut text = text(&drawn(night.as_ref(), *trouble, (columns, rows), 0));
            if night.is_none() {
                text = without_time(&text);
            }
            let path = folder().join(format!("{name}-{columns}x{rows}.txt"));
            if update {
                fs::create_dir_all(folder()).unwrap();
                fs::write(&path, &text).unwrap();
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                differing.push(format!("--- {}\n{text}", path.display()));
            }
            expected.insert(path);
        }
    }
    let found: BTreeSet<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, expected);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn no_screen_is_too_small_and_no_text_gets_out_of_it() {
    for (name, night) in scenarios::all() {
        for columns in [1, 7, 39, 40, 61, 80, 119, 120, 121, 300] {
            for rows in [1, 2, 3, 10, 24, 100] {
                for scroll in [0, 5, usize::MAX] {
                    let screen = drawn(Some(&night), Some("\x1b[2Jaway\n\u{202e}"), (columns, rows), scroll);
                    assert_eq!(screen.lines.len(), rows, "{name} at {columns}x{rows}");
                    for line in text(&screen).lines() {
                        assert!(line.len() <= columns, "{name} at {columns}x{rows}: {line}");
                        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {line:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn scrolling_shows_every_line_and_ends_at_the_end() {
    let night = named("many-failures");
    let (first, last) =
        (drawn(Some(&night), None, (80, 24), 0), drawn(Some(&night), None, (80, 24), usize::MAX));
    assert!(text(&first).contains("more below"));
    assert!(text(&last).contains("end"));
    let next = drawn(Some(&night), None, (80, 24), last.scroll);
    assert_eq!(next, last, "there is nothing after the end");
    let verdict = |screen: &Screen| text(screen).lines().next().unwrap().to_owned();
    assert_eq!(verdict(&first), verdict(&last), "the verdict stays");
}

#[test]
fn our_own_trouble_never_reads_as_go() {
    for (name, night) in scenarios::all() {
        let night = finished(night);
        let text = text(&drawn(Some(&night), Some("the disk is gone"), (80, 24), 0));
        assert!(text.contains("!! WHAT FOLLOWS MAY BE OLD: the disk is gone"), "{name}\n{text}");
        assert!(text.starts_with("NO-GO "), "{name}\n{text}");
    }
    let text = text(&drawn(None, Some("the disk is gone"), (80, 24), 0));
    assert!(text.starts_with("NOT KNOWN"), "{text}");
    assert!(text.contains("the disk is gone"), "{text}");
}
