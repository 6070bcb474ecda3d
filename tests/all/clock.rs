//! The clock from the outside: what it makes of a verdict, `gonogo clock`, and plans that cannot be done in their window.

use gonogo::model::outcome::Outcome;
use gonogo::model::verdict::{ReasonId, Verdict};
use gonogo::verdict::{Assessment, assess};
use gonogo::window::State;
use jiff::{SignedDuration, Timestamp};

use crate::night::{Answer, Night, check, filtered, outline, with_window};
use crate::support::program::Program;

fn at(text: &str) -> Timestamp {
    format!("2007-09-23T{text}-04:00").parse().expect("an instant")
}

/// Two stages, the second with a check that only a person can answer; up by 07:00, so decide by 06:10.
fn night() -> Night {
    let by_hand = check("by-hand", 1, |check| check.manual = true);
    let plan = outline(&["db-split", "app2"], vec![check("orders", 0, |_| {}), by_hand]);
    let mut night = Night::begin(with_window(plan, "2007-09-23T07:00-04:00"));
    night.stage(0, |_, _| Answer::Pass);
    night.stage(1, |id, _| match id {
        "by-hand" => Answer::NotRun("a person has not recorded it yet".to_owned()),
        _ => Answer::Pass,
    });
    night
}

fn state(told: &Assessment<'_>) -> State {
    told.clock.as_ref().expect("a clock").state
}

#[test]
fn at_decide_by_a_hold_becomes_no_go() {
    let night = night();
    for (now, verdict, wanted) in [
        ("03:00", Verdict::Hold, State::Comfortable),
        ("05:30", Verdict::Hold, State::Tight),
        ("06:09:59", Verdict::Hold, State::DecideNow),
        ("06:10", Verdict::NoGo, State::Overdue),
        ("08:00", Verdict::NoGo, State::Overdue),
    ] {
        let told = assess(&night.run, at(now));
        assert_eq!((told.verdict, state(&told)), (verdict, wanted), "at {now}");
        // Who reads only the stage reads the same.
        assert_eq!(told.stages[1].verdict, Some(verdict), "at {now}");
    }
    let told = assess(&night.run, at("06:30"));
    assert_eq!(told.reasons[0].id, ReasonId::Overdue);
    assert_eq!(
        told.reasons[0].text,
        "the last moment to decide was 20m ago: turning back now would end 10m after the deadline"
    );
}

#[test]
fn what_was_up_in_time_stays_up() {
    let mut night = night();
    night.record("by-hand", Outcome::Pass, "seen");
    let told = assess(&night.run, at("06:30"));
    assert_eq!((told.verdict, state(&told)), (Verdict::Go, State::Up));
    // Once it was well after the deadline, it was late.
    night.run.latest_at = at("07:20");
    let told = assess(&night.run, at("07:20"));
    assert_eq!((told.verdict, state(&told)), (Verdict::NoGo, State::Overdue));
    assert_eq!(told.reasons[0].text, "everything was up 20m after the deadline");

    let plan = outline(&["all"], vec![check("orders", 0, |_| {})]);
    let mut night = Night::begin(with_window(plan, "2007-09-23T07:00-04:00"));
    night.stage(0, |_, _| Answer::Pass);
    // It was said at 02:00, so looking at it the next day is no overdue.
    let told = assess(&night.run, at("23:00"));
    assert_eq!((told.verdict, state(&told)), (Verdict::Go, State::Up));
    // Nor is looking again, while it stays well.
    night.stage(0, |_, _| filtered());
    let told = assess(&night.run, at("23:00"));
    assert_eq!((told.verdict, state(&told)), (Verdict::NoGo, State::Overdue));
    night.stage(0, |_, _| Answer::Pass);
    assert_eq!(assess(&night.run, at("23:00")).verdict, Verdict::Go);
}

/// A plan of two stages whose window begins and ends so many minutes from now.
fn plan(start: i64, end: i64, stages: &str) -> Program {
    let now = Timestamp::now();
    let moment =
        |minutes: i64| (now + SignedDuration::from_mins(minutes)).strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    Program::with_plan(&format!(
        "gonogo: 1\nname: night\nwindow: {{ start: \"{}\", must_be_up_by: \"{}\" }}\nchecks:\n  - id: one\n    command: \
         {{ argv: [\"true\"] }}\nstages:\n{stages}",
        moment(start),
        moment(end),
    ))
}

const STAGES: &str =
    "  - { id: app2, duration: 20m, sanity: 10m, undo: 20m }\n  - { id: app1, duration: 30m, undo: 20m }\n";

#[test]
fn a_window_that_cannot_work_is_refused_and_says_by_how_much() {
    // 60 minutes of work, 40 back and 10 in hand: 110 in all.
    let program = plan(-1, 111, STAGES);
    program.run(&["plan"]).code(0);
    program.run(&["validate"]).code(0);
    let program = plan(-1, 74, STAGES);
    for command in ["plan", "validate"] {
        let ended = program.run(&[command]);
        ended.code(2);
        assert!(
            ended.stderr.contains("this window cannot work: it is 35m too short (line 3)"),
            "{}",
            ended.stderr
        );
    }
    let shown = program.run(&["validate", "--format", "json"]);
    shown.code(2);
    assert!(shown.stdout.contains("35m too short"), "{}", shown.stdout);
    // A run in the middle of the night is not refused for it.
    let ended = program.run(&["run", "app2"]);
    ended.code(0);
    assert!(ended.stdout.contains("do not begin app1"), "{}", ended.stdout);
    assert_eq!(program.result()["clock"]["turn_back"]["rollback_s"], 1200);
}

#[test]
fn plan_shows_until_when_each_stage_can_begin_and_be_undone() {
    let program = Program::with_plan(
        "gonogo: 1\nzone: America/Montreal\nwindow: { start: 2007-09-22 22:00, must_be_up_by: 2007-09-23 07:00 }\n\
         checks:\n  - id: one\n    command: { argv: [\"true\"] }\nstages:\n  - { id: db-split, duration: 90m, sanity: 10m, undo: \
         20m }\n  - { id: app2, duration: 60m, wait: 5m, sanity: 10m, undo: 20m }\n  - { id: app1, duration: 45m, sanity: 15m, \
         undo: 20m }\n  - { id: landing, duration: 20m, reversible: false }\n",
    );
    let shown = program.run(&["plan"]);
    shown.code(0);
    for line in [
        "window  Sat 22 Sep 22:00 to Sun 23 Sep 07:00, margin 25 % or 10m",
        "  start by Sun 23 Sep 04:45; once touched, decide by Sun 23 Sep 05:45",
        "  start by Sun 23 Sep 05:45; once touched, there is no way back",
        "  work 1h  settle 5m  sanity 10m  undo 20m",
    ] {
        assert!(shown.stdout.contains(line), "{line}\n{}", shown.stdout);
    }
    let json = program.run(&["plan", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["clock"][2]["decide_by"], "2007-09-23T09:45:00Z");
    assert!(json["clock"][3]["decide_by"].is_null());
}

#[test]
fn the_clock_is_one_line_before_a_run_and_after() {
    let program = plan(-1, 300, STAGES);
    let before = program.run(&["clock"]);
    before.code(0);
    assert_eq!(before.stdout.lines().count(), 1, "{}", before.stdout);
    assert!(before.stdout.starts_with("COMFORTABLE; start stage 1 no later than "), "{}", before.stdout);

    program.run(&["run", "app2"]).code(0);
    let after = program.run(&["clock"]);
    after.code(0);
    assert!(after.stdout.starts_with("COMFORTABLE; decide by "), "{}", after.stdout);
    assert!(after.stdout.contains("start stage 2 no later than"), "{}", after.stdout);
    let json = program.run(&["clock", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["state"], &json["next"]["stage"]), (&"comfortable".into(), &"app1".into()));
    assert_eq!(json["turn_back"]["margin_s"], 600);

    let summary = program.run(&["report"]).stdout;
    assert!(summary.contains("\nCLOCK  must be up "), "{summary}");
    let junit = program.run(&["report", "--format", "junit"]).stdout;
    assert!(junit.contains("gonogo.decide_by") && junit.contains("gonogo.deadline"), "{junit}");
}

#[test]
fn a_clock_that_has_run_out_exits_one_and_none_is_no_clock() {
    let program = plan(-600, -60, STAGES);
    let ended = program.run(&["clock"]);
    ended.code(1);
    assert!(ended.stdout.starts_with("OVERDUE"), "{}", ended.stdout);
    program.run(&["run"]).code(1);
    assert_eq!(program.result()["reasons"][0]["id"], "overdue");
    program.run(&["clock"]).code(1);

    let program = Program::with_plan("gonogo: 1\nchecks:\n  - id: one\n    command: { argv: [\"true\"] }\n");
    let ended = program.run(&["clock"]);
    ended.code(2);
    assert!(ended.stderr.contains("has no window"), "{}", ended.stderr);
}
