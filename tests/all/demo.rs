//! The release night in miniature, played for real: each stage's verdict, and that nothing is left running.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{Ended, Program};
use crate::support::skip;

/// Whether PostgreSQL is here; the demo itself says so when it is not.
fn cannot_play(ended: &Ended) -> bool {
    ended.stderr.contains("the demo needs PostgreSQL")
}

/// What is running with this folder in its command line, or what runs in it.
fn left_running(folder: &str) -> String {
    let listing = Command::new("ps").args(["-eo", "pid,args"]).output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    listing.lines().filter(|line| line.contains(folder)).collect::<Vec<_>>().join("\n")
}

/// A folder for the demo's servers, which run as another account when we are root.
fn workshop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    folder
}

fn result(program: &Program, folder: &str) -> Value {
    serde_json::from_str(&program.read(&format!("gonogo-out/{folder}result.json"))).unwrap()
}

fn stage<'a>(result: &'a Value, id: &str) -> &'a Value {
    let stages = result["stages"].as_array().unwrap();
    &stages.iter().find(|stage| stage["id"] == id).unwrap()["verdict"]
}

fn check<'a>(result: &'a Value, id: &str) -> &'a Value {
    result["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn the_night_goes_as_told() {
    let temporary = workshop();
    let program = Program::empty().env("TMPDIR", temporary.path().to_str().unwrap());
    let ended = program.run(&["demo"]);
    if cannot_play(&ended) {
        return skip("PostgreSQL");
    }
    ended.code(0);

    let split = result(&program, "attempt-1/db-split/");
    assert_eq!(stage(&split, "db-split"), "go");
    let back = result(&program, "attempt-1/app2/");
    assert_eq!(stage(&back, "app2"), "provisional_go");
    assert_eq!(back["go"], false);
    assert_eq!(check(&back, "app2-version")["outcome"], "fail");
    assert_eq!(check(&back, "app2-version")["got"], "4.1.9");
    assert_eq!(check(&back, "app1-to-app2")["outcome"], "not_run");
    let web = result(&program, "attempt-1/app1/");
    assert_eq!(stage(&web, "app1"), "no_go");
    assert_eq!(check(&web, "app1-front")["outcome"], "pass", "Application 1 itself is up");
    let through = check(&web, "app1-to-app2")["got"].as_str().unwrap();
    assert!(through.contains("onnection refused"), "in Application 1's own words: {through}");
    let layers = check(&web, "app1-calls")["layers"].as_array().unwrap();
    let broke = layers.iter().find(|layer| layer.get("broke").is_some()).unwrap();
    assert_eq!(broke["layer"], "tcp");
    let repaired = result(&program, "");
    assert_eq!(repaired["attempt"], 2);
    assert_eq!(repaired["verdict"], "go");
    assert_eq!(repaired["go"], true);

    assert!(ended.stdout.contains(&program.read("gonogo-out/plan.yaml").lines().next().unwrap().to_owned()));
    assert!(!program.path(".gonogo").exists(), "the journal of one's own plans is left alone");
    assert_eq!(left_running(&temporary.path().to_string_lossy()), "");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "its folders are removed");
}

/// Play until both database servers are up, then send this signal. None when there is no PostgreSQL.
fn interrupted_by(signal: Signal, temporary: &TempDir) -> Option<ExitStatus> {
    let program = Program::empty().env("TMPDIR", temporary.path().to_str().unwrap());
    let mut playing = program.command(&["demo"]);
    let mut playing = playing.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(playing.stdout.take().unwrap()).lines();
    if !lines.any(|line| line.unwrap().contains("gonogo run db-split")) {
        let ended = Ended::of(&playing.wait_with_output().unwrap());
        assert!(cannot_play(&ended), "{}", ended.stderr);
        skip("PostgreSQL");
        return None;
    }
    assert_ne!(left_running(&temporary.path().to_string_lossy()), "");
    kill(Pid::from_raw(playing.id().try_into().unwrap()), signal).unwrap();
    // What it still prints has to go somewhere.
    let rest = std::thread::spawn(move || lines.for_each(drop));
    let status = playing.wait().unwrap();
    rest.join().unwrap();
    Some(status)
}

#[test]
fn ctrl_c_stops_the_servers() {
    let temporary = workshop();
    let Some(status) = interrupted_by(Signal::SIGINT, &temporary) else { return };
    assert_eq!(status.code(), Some(130));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(left_running(&temporary.path().to_string_lossy()), "");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "its folders are removed");
}

#[test]
fn no_server_outlives_a_demo_that_is_killed() {
    let temporary = workshop();
    let Some(status) = interrupted_by(Signal::SIGKILL, &temporary) else { return };
    assert_eq!(status.code(), None);
    let began = Instant::now();
    let folder = temporary.path().to_string_lossy();
    while !left_running(&folder).is_empty() && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left_running(&folder), "");
}
