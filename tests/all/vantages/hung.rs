//! Ways to a vantage that hang: given up soon, with all that they started, and told as `error`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::misbehaving::far_side;
use crate::support::program::Program;

/// How long a vantage may be silent, and what a loaded machine adds.
const GIVEN_UP: Duration = Duration::from_secs(25);

/// Whether a process with these words still runs.
fn runs(words: &str) -> bool {
    let processes = std::process::Command::new("ps").args(["-eo", "args"]).output().expect("ps").stdout;
    String::from_utf8_lossy(&processes).lines().any(|line| line.trim() == words)
}

/// Run a plan whose vantage is this; the time it took and the message of its check.
fn run(vantage: &str) -> (Duration, String) {
    let program = Program::with_plan(&format!(
        "gonogo: 1\nvantages: {{ x: {vantage} }}\nchecks:\n  - {{ id: port, from: x, timeout: 3s, tcp: {{ address: '127.0.0.1:1' }} }}\n"
    ));
    let began = Instant::now();
    program.run(&["run"]).code(1);
    let took = began.elapsed();
    let row = program.result()["checks"][0].clone();
    assert_eq!(row["outcome"], "error", "{row}");
    (took, row["message"].as_str().expect("a message").to_owned())
}

#[test]
fn a_way_that_hangs_is_given_up_with_all_that_it_started() {
    let (took, message) = run("{ exec: { prefix: [sh, -c, 'sleep 1097.1; :', x] } }");
    assert!(took < GIVEN_UP, "{took:?}");
    assert!(message.contains("nothing was heard from it within 15 s"), "{message}");
    assert!(!runs("sleep 1097.1"));
}

#[test]
fn a_program_that_hangs_is_given_up_with_all_that_it_started() {
    let folder = Program::empty();
    let far = far_side(&folder, "far", "sleep 1097.2; :");
    let (took, message) = run(&format!("{{ exec: {{ prefix: [env], program: '{far}' }} }}"));
    assert!(took < GIVEN_UP, "{took:?}");
    assert!(message.contains("did not answer there within 15 s"), "{message}");
    assert!(!runs("sleep 1097.2"));
}

#[test]
fn what_was_said_before_it_hung_is_told() {
    let (took, message) = run("{ exec: { prefix: [sh, -c, 'printf Passphrase:; sleep 1097.3; :', x] } }");
    assert!(took < GIVEN_UP, "{took:?}");
    assert!(message.contains("nothing more was heard") && message.contains("Passphrase:"), "{message}");
    assert!(!runs("sleep 1097.3"));
}

#[test]
fn a_way_that_hangs_is_left_at_once_when_a_run_is_interrupted() {
    let program = Program::with_plan(
        "gonogo: 1\nvantages: { x: { exec: { prefix: [sh, -c, 'sleep 1097.4; :', x] } } }\nchecks:\n  - { id: port, from: x, tcp: { address: '127.0.0.1:1' } }\n",
    );
    let mut running =
        program.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("gonogo");
    let began = Instant::now();
    while !runs("sleep 1097.4") {
        assert!(began.elapsed() < GIVEN_UP, "it never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    let began = Instant::now();
    let id = nix::unistd::Pid::from_raw(i32::try_from(running.id()).expect("an id"));
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).expect("a signal");
    assert_eq!(running.wait().expect("an end").code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!runs("sleep 1097.4"));
}
