//! The night of September 2007, hour by hour, by its own plan: what each moment's summary said when somebody last read it.
//! `UPDATE_FIXTURES=1` writes them anew.

use std::path::{Path, PathBuf};

use gonogo::compare::compare;
use gonogo::environment::Environment;
use gonogo::journal::event::{Event, Selection};
use gonogo::journal::people::{Accepted, Decided, Decision, Extended, HandedOver, Speaker, Vote, Voted, Way};
use gonogo::journal::rollback::{RollbackEvent, Step, Verification};
use gonogo::model::fault::Fault;
use gonogo::model::layer::Layer;
use gonogo::model::outcome::Outcome;
use gonogo::model::outline::Outline;
use gonogo::model::verdict::Verdict;
use gonogo::model::window::Extension;
use gonogo::plan::{LoadRequest, load};
use gonogo::report::{self, Format, Options};
use gonogo::secret::Scrubber;
use gonogo::verdict::assess;
use gonogo::window::State;

use crate::night::{Answer, Night, actor, differs, filtered};

fn plan() -> Outline {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/september-2007.yaml");
    let loaded = load(&LoadRequest {
        files: std::slice::from_ref(&path),
        vars: &[],
        set: &[],
        environment: &Environment::default(),
        scrubber: &Scrubber::default(),
        today: jiff::civil::date(2007, 9, 22),
    });
    let mut outline = (*loaded.plan.expect("a plan").outline).clone();
    // Who edits a comment changes no summary.
    outline.sha256 = "9c41e2".repeat(10) + "9c41";
    outline
}

fn speaker(by: &str) -> Speaker {
    Speaker { by: by.to_owned(), actor: actor() }
}

fn back(step: Step, by: &str) -> Event {
    Event::Rollback(RollbackEvent { step, speaker: speaker(by) })
}

/// The summary and the Markdown as they are now, each beside what it was.
fn told(night: &Night, name: &str, differing: &mut Vec<String>) {
    let assessment = assess(&night.run, night.now());
    for format in [Format::Summary, Format::Markdown] {
        let rendered = format.render(&assessment, &Options::default());
        keep(
            &format!("{name}.{}", rendered[0].name.rsplit('.').next().expect("an ending")),
            &rendered[0].text,
            differing,
        );
    }
}

/// Of the page its text, where it says most.
fn told_on_the_page(night: &Night, name: &str, differing: &mut Vec<String>) {
    let rendered = Format::Html.render(&assess(&night.run, night.now()), &Options::default());
    let text = crate::reports::page::text_of(&rendered[0].text);
    let text = text.replace(&format!("gonogo {}", env!("CARGO_PKG_VERSION")), "gonogo VERSION");
    keep(&format!("{name}.page.txt"), &text, differing);
}

fn keep(name: &str, text: &str, differing: &mut Vec<String>) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/september-2007").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a fixture");
    } else if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
        differing.push(format!("--- {}\n{text}", path.display()));
    }
}

fn verdict(night: &Night) -> Verdict {
    assess(&night.run, night.now()).verdict
}

fn clock(night: &Night) -> State {
    assess(&night.run, night.now()).clock.expect("a clock").state
}

/// App 2's status page tells an old version; the path from App 1 to App 2 is as `path` says.
fn september(path: impl Fn() -> Answer) -> impl Fn(&str, &str) -> Answer {
    move |check, _| match check {
        "app2-status" => differs("json $.version", "4.2.0", "4.1.9"),
        "app1-to-app2" => path(),
        "app1-to-app2/through" => {
            Answer::Seen(gonogo::model::trace::Trace::blind(gonogo::model::trace::VantageError::Internal {
                reason: "not asked in this story".to_owned(),
            }))
        }
        _ => Answer::Pass,
    }
}

#[test]
fn the_night_is_told_hour_by_hour() {
    let mut differing = Vec::new();
    let mut night = Night::begin_at("2007-09-22T22:00-04:00", plan(), Selection::default());
    until_the_connection_fails(&mut night, &mut differing);
    until_the_decision(&mut night, &mut differing);
    the_way_back(&mut night, &mut differing);
    the_second_attempt(&night, &mut differing);
    assert!(
        differing.is_empty(),
        "{} texts differ; read them, then UPDATE_FIXTURES=1:\n{}",
        differing.len(),
        differing[0]
    );
}

/// The night at three o'clock: everything of Application 1 works except its connection to Application 2.
pub(crate) fn at_three() -> Night {
    let mut night = Night::begin_at("2007-09-22T22:00-04:00", plan(), Selection::default());
    until_the_connection_fails(&mut night, &mut Vec::new());
    night
}

/// The first attempt as it ended, and the second as it goes well, until two votes are awaited.
pub(crate) fn both_attempts() -> (Night, Night) {
    let mut first = at_three();
    let differing = &mut Vec::new();
    until_the_decision(&mut first, differing);
    the_way_back(&mut first, differing);
    let second = the_second_attempt(&first, differing);
    (first, second)
}

fn until_the_connection_fails(night: &mut Night, differing: &mut Vec<String>) {
    // 23:40 to 00:35: the split goes well.
    night.stage_between(0, ("2007-09-23T00:25-04:00", "2007-09-23T00:35-04:00"), september(|| Answer::Pass));
    told(night, "00-35", differing);
    assert_eq!(verdict(night), Verdict::Go);

    // 01:58: App 2's sanity test passes, with a minor issue, or so they thought.
    let status = |check: &str, vantage: &str| september(|| Answer::Pass)(check, vantage);
    night.stage_between(1, ("2007-09-23T01:43-04:00", "2007-09-23T01:58-04:00"), status);
    told(night, "01-58", differing);
    assert_eq!(verdict(night), Verdict::ProvisionalGo);
    let suspect = assess(&night.run, night.now()).rows.iter().any(|row| row.suspect.is_some());
    assert!(suspect, "the minor issue is on the path that cannot be tested yet");

    // 02:00: the back-end team takes it upon itself.
    night.at("2007-09-23T02:00-04:00").said(Event::Accepted(Accepted {
        check: "app2-status".into(),
        ways: vec![Way { outcome: Outcome::Fail, layer: Some(Layer::Payload) }],
        because: "the page was not updated, the version is right".to_owned(),
        speaker: speaker("back"),
    }));
    told(night, "02-00", differing);
    assert_eq!(verdict(night), Verdict::ProvisionalGo);

    // 03:00: everything of App 1 works except its connection to App 2.
    night.stage_between(2, ("2007-09-23T02:55-04:00", "2007-09-23T03:00-04:00"), |check, _| match check {
        "app1-to-app2" => filtered(),
        "app1-to-app2/through" => crate::night::broke(
            Layer::Protocol,
            Fault::Mismatch {
                mismatches: vec![gonogo::model::fault::Mismatch {
                    what: "status".to_owned(),
                    expected: "2xx".to_owned(),
                    got: "502".to_owned(),
                }],
                excerpt: None,
            },
        ),
        "app2-status" => differs("json $.version", "4.2.0", "4.1.9"),
        _ => Answer::Pass,
    });
    told(night, "03-00", differing);
    told_on_the_page(night, "03-00", differing);
    assert_eq!(verdict(night), Verdict::NoGo);
    assert!(
        !assess(&night.run, night.now()).stages[1].revoked_by.is_empty(),
        "the provisional go is revoked"
    );
}

fn until_the_decision(night: &mut Night, differing: &mut Vec<String>) {
    // 05:40: ten minutes are left, one more hour is asked for; 05:45: it is granted.
    night.at("2007-09-23T05:40-04:00");
    assert_eq!(clock(night), State::DecideNow);
    let more = |granted| Extension { until: "2007-09-23T08:00-04:00".parse().expect("a moment"), granted };
    night.said(Event::Extended(Extended { extension: more(false), because: None, speaker: speaker("web") }));
    night.at("2007-09-23T05:45-04:00");
    assert_eq!(clock(night), State::Overdue, "what is only asked for moves nothing");
    night.said(Event::Extended(Extended {
        extension: more(true),
        because: Some("the client tests around the hole".to_owned()),
        speaker: speaker("relmgr"),
    }));
    told(night, "05-45", differing);
    assert_eq!(clock(night), State::Comfortable);
}

fn the_way_back(night: &mut Night, differing: &mut Vec<String>) {
    // 06:50: the power is cut, and it is taken back.
    night.at("2007-09-23T06:48-04:00").said(Event::Handover(HandedOver {
        to: "web".to_owned(),
        because: Some("power cut, on the phone from the car".to_owned()),
        speaker: speaker("relmgr"),
    }));
    night.at("2007-09-23T06:50-04:00").said(Event::Decided(Decided {
        decision: Decision::Rollback,
        because: Some("three hours, and no cause".to_owned()),
        speaker: speaker("web"),
    }));
    night.said(back(Step::Started, "web"));
    told(night, "06-50", differing);
    assert_eq!(verdict(night), Verdict::NoGo);

    // It takes longer than planned, and that is seen early.
    for (at, stage) in [("07:20", "app1"), ("07:45", "app2"), ("08:05", "db-split")] {
        night
            .at(&format!("2007-09-23T{at}-04:00"))
            .said(back(Step::Undone { stage: stage.to_owned() }, "web"));
        if stage == "app1" {
            told(night, "07-20", differing);
            let late =
                assess(&night.run, night.now()).clock.expect("a clock").way_back.expect("a way back").late;
            assert_eq!(late.as_mins(), 0, "40 minutes are planned for what is left");
        }
    }
    night.said(back(Step::Done, "web"));
    night.at("2007-09-23T08:15-04:00");
    let verified = Verification { same: 9, ..Verification::default() };
    night.said(back(Step::Verified(verified), "web"));
    told(night, "08-15", differing);
    told_on_the_page(night, "08-15", differing);
    assert_eq!(verdict(night), Verdict::NoGo);
}

fn the_second_attempt(night: &Night, differing: &mut Vec<String>) -> Night {
    // Two weeks later, with what was measured: 75 minutes back instead of 60.
    let mut later = plan();
    let window = later.window.as_mut().expect("a window");
    let two_weeks = jiff::SignedDuration::from_hours(14 * 24);
    (window.start, window.must_be_up_by) = (window.start + two_weeks, window.must_be_up_by + two_weeks);
    let mut second = night.again(later, "2007-10-06T22:00-04:00");
    assert_eq!(second.run.measured.undo_s["app1"], 30 * 60);
    for (index, (from, to)) in [("22:40", "22:50"), ("23:00", "23:10")].into_iter().enumerate() {
        let (from, to) = (format!("2007-10-06T{from}-04:00"), format!("2007-10-06T{to}-04:00"));
        second.stage_between(index, (&from, &to), |_, _| Answer::Pass);
    }
    for (index, (from, to)) in [(2, ("23:30", "23:40")), (3, ("23:50", "23:55"))] {
        let (from, to) = (format!("2007-10-06T{from}-04:00"), format!("2007-10-06T{to}-04:00"));
        second.record("client-landing-order", Outcome::Pass, "order 10042");
        second.stage_between(index, (&from, &to), |_, _| Answer::Pass);
    }
    assert_eq!(verdict(&second), Verdict::Hold, "two votes are awaited");
    told(&second, "second-hold", differing);
    for voter in ["client", "web"] {
        second.said(Event::Voted(Voted {
            stage: "landing".to_owned(),
            voter: voter.to_owned(),
            vote: Vote::Go,
            because: None,
            speaker: speaker(voter),
        }));
    }
    told(&second, "second-go", differing);
    assert_eq!(verdict(&second), Verdict::Go);
    let compared = compare(&assess(&night.run, night.now()), &assess(&second.run, second.now()));
    let zone = gonogo::clock::zone("America/Montreal").expect("a zone");
    keep("compare.txt", &report::compare::render(&compared, &zone), differing);
    assert!(!compared.is_worse());
    second
}
