//! The story's numbers, and what holds of every night.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Clock, Night, State, Step};
use crate::model::outline::Place;
use crate::model::window::{Extension, Margin, Window};
use crate::moment::Moment;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn at(text: &str, zone: &TimeZone) -> Timestamp {
    text.parse::<Moment>().expect("a moment").at(Some(zone)).expect("an instant")
}

fn montreal(text: &str) -> Timestamp {
    at(&format!("2007-09-{text}"), &zone("America/Montreal"))
}

fn zone(name: &str) -> TimeZone {
    crate::clock::zone(name).expect("a zone")
}

fn step(index: usize, work: u64, sanity: u64, undo: u64) -> Step {
    Step {
        after: index.checked_sub(1).into_iter().collect(),
        work: minutes(work),
        sanity: minutes(sanity),
        undo: minutes(undo),
        ..Step::default()
    }
}

fn window(start: Timestamp, must_be_up_by: Timestamp) -> Window {
    Window {
        start,
        must_be_up_by,
        margin: Margin { percent: 25, at_least_s: 600 },
        verify_s: 0,
        place: Place { file: "night.yaml".into(), line: 7 },
    }
}

/// The night of September 2007: the database, application 2, application 1, the landing tests.
fn september() -> Night {
    Night {
        window: window(montreal("22 22:00"), montreal("23 07:00")),
        steps: vec![step(0, 90, 10, 20), step(1, 60, 15, 20), step(2, 45, 15, 20), step(3, 20, 0, 0)],
        measured_verify: None,
        extensions: Vec::new(),
    }
}

fn clock(night: &Night, touched: usize, now: Timestamp) -> Clock {
    night.clock(&|index| index < touched, None, now)
}

#[test]
fn the_summary_of_two_o_clock() {
    let clock = clock(&september(), 2, montreal("23 02:00"));
    let now = clock.turn_back.expect("a way back");
    assert_eq!((now.rollback, now.margin), (minutes(40), minutes(10)));
    assert_eq!(now.decide_by, montreal("23 06:10"));
    let next = clock.next.expect("a stage");
    assert_eq!(next.then.expect("a way back").decide_by, montreal("23 05:45"));
    assert_eq!(next.start_by, montreal("23 04:25"));
    assert_eq!((next.stage, next.to_do), (2, vec![2, 3]));
    assert_eq!((clock.state, clock.deadline), (State::Comfortable, montreal("23 07:00")));
}

#[test]
fn an_extension_counts_once_it_is_granted() {
    let mut night = september();
    let decide_by = |night: &Night| night.turn_back(&|_| true).expect("a way back").decide_by;
    assert_eq!(decide_by(&night), montreal("23 05:45"));
    night.extensions.push(Extension { until: montreal("23 08:00"), granted: false });
    assert_eq!(decide_by(&night), montreal("23 05:45"));
    let asked = clock(&night, 3, montreal("23 05:40"));
    assert_eq!((asked.asked, asked.extended), (Some(montreal("23 08:00")), false));
    night.extensions.push(Extension { until: montreal("23 08:00"), granted: true });
    assert_eq!(decide_by(&night), montreal("23 06:45"));
    let granted = clock(&night, 3, montreal("23 05:40"));
    assert_eq!((granted.asked, granted.extended), (None, true));
    // An earlier one takes nothing away.
    night.extensions.push(Extension { until: montreal("23 06:00"), granted: true });
    assert_eq!(decide_by(&night), montreal("23 06:45"));
}

#[test]
fn what_undoing_took_last_time_replaces_the_plan() {
    let mut night = september();
    for step in &mut night.steps[..3] {
        step.measured_undo = Some(minutes(25));
    }
    night.measured_verify = Some(minutes(5));
    let back = night.turn_back(&|_| true).expect("a way back");
    assert_eq!(
        (back.rollback, back.margin, back.verify),
        (minutes(75), Duration::from_secs(1125), minutes(5))
    );
    // Of the first night: 75 minutes from 06:45 on would have ended at 08:00.
    night.measured_verify = None;
    let back = night.turn_back(&|_| true).expect("a way back");
    assert_eq!(back.ends_at(montreal("23 06:45")), montreal("23 08:00"));
}

#[test]
fn states_change_at_their_minute() {
    let state = |now: &str| clock(&september(), 3, montreal(now)).state;
    for (now, wanted) in [
        ("23 04:45", State::Comfortable),
        ("23 04:45:01", State::Tight),
        ("23 05:34:59", State::Tight),
        ("23 05:35", State::DecideNow),
        ("23 05:44:59", State::DecideNow),
        ("23 05:45", State::Overdue),
        ("23 09:00", State::Overdue),
    ] {
        assert_eq!(state(now), wanted, "at {now}");
    }
    let up = |up_at, now| september().clock(&|_| true, Some(montreal(up_at)), montreal(now)).state;
    assert_eq!(up("23 06:30", "24 12:00"), State::Up, "once it was up in time, the clock stands");
    assert_eq!(up("23 07:01", "23 07:01"), State::Overdue, "up, and too late");
}

#[test]
fn before_the_first_stage_it_has_to_begin_in_time() {
    let night = september();
    let clock = clock(&night, 0, montreal("22 22:00"));
    assert_eq!(clock.turn_back, None);
    // 05:45 less 100, 75, 60 and 20 minutes.
    assert_eq!((clock.by, clock.state), (montreal("23 01:30"), State::Comfortable));
    assert_eq!(self::clock(&night, 0, montreal("23 01:31")).state, State::Overdue);
    assert_eq!(night.short_by(), None);
}

#[test]
fn there_is_no_way_back_from_some_stages() {
    let mut night = september();
    night.steps[2].irreversible = true;
    let before = clock(&night, 2, montreal("23 02:00"));
    assert_eq!(before.turn_back.expect("a way back").decide_by, montreal("23 06:10"));
    let next = before.next.expect("a stage");
    assert_eq!(next.then, None);
    // Done by 06:50, with ten minutes in hand.
    assert_eq!(next.start_by, montreal("23 05:30"));
    // What comes before has to be over while it can still be undone.
    assert_eq!(night.start_by(1), montreal("23 04:15"));
    night.steps[2].irreversible = false;
    night.steps[3].irreversible = true;
    assert_eq!((night.start_by(3), night.start_by(2)), (montreal("23 05:45"), montreal("23 04:45")));
    night.steps[2].irreversible = true;
    night.steps[3].irreversible = false;
    let after = clock(&night, 3, montreal("23 06:00"));
    assert_eq!((after.turn_back, after.no_way_back, after.by), (None, Some(2), montreal("23 07:00")));
    assert_eq!(
        (after.state, clock(&night, 3, montreal("23 07:00")).state),
        (State::Comfortable, State::Overdue)
    );
}

#[test]
fn undo_steps_that_wait_for_nothing_go_on_at_once() {
    let mut night = september();
    night.steps[2].after = vec![0];
    night.steps[3].after = vec![1, 2];
    let back = night.turn_back(&|_| true).expect("a way back");
    assert_eq!(back.rollback, minutes(40));
    let next = clock(&night, 1, montreal("23 00:00")).next.expect("a stage");
    // Application 2 takes longer than application 1, at the same time.
    assert_eq!((next.to_do, next.start_by), (vec![1, 3], montreal("23 04:35")));
}

#[test]
fn a_window_too_short_says_by_how_much() {
    let mut night = september();
    night.window.start = montreal("23 01:30");
    assert_eq!(night.short_by(), None);
    night.window.start = montreal("23 02:05");
    assert_eq!(night.short_by(), Some(minutes(35)));
}

/// A window from 22:00 to 07:00 on the wall lasts an hour less in spring, and an hour more in autumn.
#[test]
fn nights_when_clocks_change() {
    for (name, from, until, hours) in [
        ("America/Montreal", "2007-03-10 22:00", "2007-03-11 07:00", 8),
        ("America/Montreal", "2007-11-03 22:00", "2007-11-04 07:00", 10),
        ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 07:00", 8),
        ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 07:00", 10),
        ("Pacific/Auckland", "2026-09-26 22:00", "2026-09-27 07:00", 8),
        ("Pacific/Auckland", "2026-04-04 22:00", "2026-04-05 07:00", 10),
        ("Asia/Kolkata", "2026-03-28 22:00", "2026-03-29 07:00", 9),
    ] {
        let zone = zone(name);
        let mut night = september();
        night.window = window(at(from, &zone), at(until, &zone));
        let lasts = night.window.must_be_up_by.duration_since(night.window.start);
        assert_eq!(lasts, SignedDuration::from_hours(hours), "{name} {from}");
        // Undoing takes as long whatever the clocks on the wall do.
        let back = night.turn_back(&|_| true).expect("a way back");
        assert_eq!(night.deadline().duration_since(back.decide_by), SignedDuration::from_mins(75), "{name}");
        assert_eq!(at(&until.replace("07:00", "05:45"), &zone), back.decide_by, "{name} {from}");
    }
    // Here the hour that is missing lies between decide-by and the deadline.
    let zone = zone("America/Montreal");
    let mut night = september();
    night.window = window(at("2007-03-10 18:00", &zone), at("2007-03-11 03:30", &zone));
    let back = night.turn_back(&|_| true).expect("a way back");
    assert_eq!(back.decide_by, at("2007-03-11 01:15", &zone));
}

fn any_step() -> impl Strategy<Value = Step> {
    let time = || (0_u64..600).prop_map(minutes);
    let after = proptest::collection::vec(0_usize..8, 0..3);
    (after, time(), time(), time(), proptest::option::of(time()), proptest::bool::weighted(0.1)).prop_map(
        |(after, work, sanity, undo, measured_undo, irreversible)| Step {
            after,
            work,
            sanity,
            undo,
            measured_undo,
            irreversible,
        },
    )
}

fn any_night() -> impl Strategy<Value = Night> {
    let zones = prop_oneof![
        Just("America/Montreal"),
        Just("Europe/Berlin"),
        Just("Australia/Lord_Howe"),
        Just("Africa/Casablanca"),
        Just("UTC")
    ];
    let extension = (-600_i64..600, any::<bool>());
    (
        // Any hour of two years: nights when clocks change in both directions among them.
        (0_i64..17_520, 1_i64..72, zones, 0_u8..=100, 0_u64..7200, 0_u64..7200),
        proptest::collection::vec(any_step(), 1..8),
        proptest::option::of((0_u64..90).prop_map(minutes)),
        proptest::collection::vec(extension, 0..4),
    )
        .prop_map(
            |((from, lasts, zone_name, percent, at_least_s, verify_s), steps, measured_verify, more)| {
                let local = at("2026-01-01 00:00", &zone(zone_name));
                let start = local + SignedDuration::from_hours(from);
                let must_be_up_by = start + SignedDuration::from_hours(lasts);
                let extensions = more.into_iter().map(|(minutes, granted)| Extension {
                    until: must_be_up_by + SignedDuration::from_mins(minutes),
                    granted,
                });
                let margin = Margin { percent, at_least_s };
                let window = Window { margin, verify_s, ..window(start, must_be_up_by) };
                Night { window, steps, measured_verify, extensions: extensions.collect() }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turning_back_at_the_last_moment_meets_the_deadline(night in any_night(), touched in any::<u8>()) {
        let touched = |index: usize| touched & (1 << index) != 0;
        if let Some(back) = night.turn_back(&touched) {
            prop_assert!(back.ends_at(back.decide_by) <= night.deadline());
            let whole = night.deadline().duration_since(back.decide_by);
            let parts = back.rollback + back.margin + back.verify;
            prop_assert_eq!(whole, SignedDuration::try_from(parts).expect("no months"));
            // Nothing undone is forgotten, and nothing counts twice.
            let undo = |index: usize| night.steps[index].measured_undo.unwrap_or(night.steps[index].undo);
            let undone = (0..night.steps.len()).filter(|&index| touched(index)).map(undo);
            prop_assert!(back.rollback <= undone.clone().sum::<Duration>());
            prop_assert!(back.rollback >= undone.max().unwrap_or_default());
        }
    }

    #[test]
    fn what_is_only_asked_for_never_counts(night in any_night(), touched in 0_usize..9, now in 0_i64..6000) {
        let now = night.window.start + SignedDuration::from_mins(now);
        let mut granted = night.clone();
        granted.extensions.retain(|extension| extension.granted);
        let (all, only) = (clock(&night, touched, now), clock(&granted, touched, now));
        prop_assert_eq!(&all.deadline, &only.deadline);
        prop_assert_eq!(Clock { asked: None, ..all }, only);
    }

    #[test]
    fn more_touched_is_never_more_time(night in any_night(), one in any::<u8>(), more in any::<u8>()) {
        let few = night.turn_back(&|index| one & (1 << index) != 0);
        let many = night.turn_back(&|index| (one | more) & (1 << index) != 0);
        match (few, many) {
            (Some(few), Some(many)) => prop_assert!(many.decide_by <= few.decide_by),
            (None, many) => prop_assert_eq!(many, None, "there is no way back from there"),
            (Some(_), None) => {}
        }
    }

    #[test]
    fn beginning_at_the_last_moment_is_in_time(night in any_night(), touched in 0_usize..9) {
        let clock = clock(&night, touched, night.window.start);
        let Some(next) = clock.next else { return Ok(()) };
        let lasts = |index: &usize| night.steps[*index].lasts();
        let done = next.start_by + SignedDuration::try_from(next.to_do.iter().map(lasts).sum::<Duration>()).expect("no months");
        prop_assert!(done <= night.deadline());
        if let Some(back) = night.turn_back(&|_| true) {
            prop_assert_eq!(done, back.decide_by);
        }
        // No stage that is still to do could begin later and be in time.
        for stage in touched..night.steps.len() {
            prop_assert!(next.start_by <= night.start_by(stage));
        }
    }

    #[test]
    fn time_only_makes_it_worse(night in any_night(), touched in 0_usize..9, now in -6000_i64..6000, later in 0_i64..6000) {
        let now = night.window.start + SignedDuration::from_mins(now);
        let later = now + SignedDuration::from_mins(later);
        prop_assert!(clock(&night, touched, now).state <= clock(&night, touched, later).state);
    }
}
