//! Vantages that are cut off at random moments: what was not seen is an error, and never a fault of the target.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::container::{Container, PROGRAMS};
use crate::support::program::{Ended, Moments, Program, count};
use crate::support::sshd::{Process, Setup, Sshd};

/// A run whose vantage is lost ends within the limit of its checks, the way there and back, and one new try.
const LIMIT: Duration = Duration::from_secs(40);
/// The longest until the far side has noticed.
const NOTICED: Duration = Duration::from_secs(10);

/// Wait until this is so.
#[track_caller]
fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Looks that take from no time at all to more than three seconds; all of them pass, as long as there is somebody to look.
fn checks(target: Option<u16>) -> String {
    let mut text = String::new();
    for number in 0..12 {
        let _ = writeln!(
            text,
            "  - {{ id: wait-{number}, from: app1, timeout: 6s, command: {{ argv: [sleep, '{}.{}'] }} }}",
            number / 3,
            number % 3
        );
    }
    for number in 0..target.map_or(0, |_| 12) {
        let port = target.unwrap_or_default();
        let _ = writeln!(
            text,
            "  - {{ id: port-{number}, from: app1, timeout: 6s, tcp: {{ address: '127.0.0.1:{port}' }} }}"
        );
    }
    text
}

/// Nothing is told of the target, and nobody waited in vain. How many looks were lost.
#[track_caller]
fn only_our_trouble(program: &Program, running: Child, cut: Instant) -> usize {
    let ended = Ended::of(&running.wait_with_output().expect("it ends"));
    assert!(cut.elapsed() < LIMIT, "it hung for {:?}", cut.elapsed());
    let result = program.result();
    let rows = result["checks"].as_array().expect("checks");
    let mut lost = 0;
    for row in rows {
        let outcome = row["outcome"].as_str().expect("an outcome");
        assert!(matches!(outcome, "pass" | "error" | "no_answer"), "{row:#}");
        assert_eq!(row["findings"], serde_json::json!([]), "{row:#}");
        lost += usize::from(outcome != "pass");
    }
    ended.code(i32::from(lost > 0));
    lost
}

#[test]
fn an_sshd_that_is_killed_leaves_errors_and_nothing_else() {
    // It is up all the time: a fault told of it is made up.
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = target.local_addr().expect("an address").port();
    let (mut kills, mut lost) = (0, 0);
    for moment in Moments::up_to(Duration::from_millis(2500)).take(count(3, 60)) {
        let Some(mut sshd) = Sshd::start(&Setup { bare: true, ..Setup::default() }) else { return };
        let program = Program::with_plan(&sshd.plan(&checks(Some(port))));
        let running = program.start(&["run"]);
        let agent = |processes: &[Process]| processes.iter().any(|process| process.name == "gonogo");
        within(Duration::from_mins(1), "a far side", || agent(&sshd.far_side()));
        assert_eq!(sshd.brought(), 1, "it was brought");
        std::thread::sleep(moment);
        let far = sshd.far_side();
        sshd.kill();
        lost += only_our_trouble(&program, running, Instant::now());
        within(NOTICED, &format!("the end of {far:?}"), || !far.iter().any(Process::runs));
        within(NOTICED, "the end of what was brought", || sshd.brought() == 0);
        kills += 1;
    }
    assert!(lost > 0, "{kills} kills, and nothing was lost");
    eprintln!("{kills} kills, {lost} looks lost");
}

#[test]
fn a_way_that_is_cut_while_the_program_is_brought_leaves_nothing() {
    for moment in Moments::up_to(Duration::from_millis(400)).take(count(2, 40)) {
        let Some(mut sshd) = Sshd::start(&Setup { bare: true, ..Setup::default() }) else { return };
        let program = Program::with_plan(&sshd.plan(&checks(None)));
        let running = program.start(&["run"]);
        within(Duration::from_mins(1), "a folder", || sshd.brought() == 1);
        std::thread::sleep(moment);
        let far = sshd.far_side();
        let is_under_way = far.iter().any(|process| process.name == "cat");
        sshd.kill();
        only_our_trouble(&program, running, Instant::now());
        within(NOTICED, &format!("the end of {far:?}"), || !far.iter().any(Process::runs));
        if is_under_way {
            within(NOTICED, "the end of what was brought", || sshd.brought() == 0);
        }
    }
}

#[test]
fn a_container_that_is_killed_or_stopped_leaves_errors_and_nothing_else() {
    let mut lost = 0;
    let moments = Moments::up_to(Duration::from_millis(2500)).take(count(2, 20));
    for (word, moment) in ["kill", "stop"].into_iter().cycle().zip(moments) {
        let Some(container) = Container::start(&format!("cut-{word}"), PROGRAMS, &[]) else { return };
        let program = Program::with_plan(&format!(
            "gonogo: 1\nvantages:\n  app1: {{ docker: {{ container: {} }} }}\nchecks:\n{}",
            container.0,
            checks(None)
        ));
        let running = program.start(&["run"]);
        within(Duration::from_mins(1), "a far side", || {
            let top = Command::new("docker").args(["top", &container.0]).output().expect("docker");
            String::from_utf8_lossy(&top.stdout).contains("__agent")
        });
        std::thread::sleep(moment);
        let _ = Command::new("docker").args([word, &container.0]).output();
        lost += only_our_trouble(&program, running, Instant::now());
    }
    assert!(lost > 0, "nothing was lost");
}
