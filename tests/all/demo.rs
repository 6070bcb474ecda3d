//! The release night in miniature, played for real: each stage's verdict, and that nothing is left running.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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

/// The split as it was done is no-go for what it lost; repaired, it is go.
fn the_split_is_audited(program: &Program, ended: &Ended) {
    let split = result(program, "attempt-1/db-split/");
    assert_eq!(stage(&split, "db-split"), "no_go");
    for plain in ["orders-read", "orders-write", "customers-read"] {
        assert_eq!(check(&split, plain)["outcome"], "pass", "{plain} sees nothing");
    }
    let found = |check_id: &str, message: &str| {
        let findings = check(&split, check_id)["findings"].as_array().unwrap();
        let told = |finding: &&Value| {
            finding["severity"] != "info" && serde_json::to_string(finding).unwrap().contains(message)
        };
        let found = findings.iter().find(told).unwrap_or_else(|| panic!("{message}: {findings:#?}"));
        assert!(!found["fix"].as_array().unwrap().is_empty(), "{found:#}");
        found.clone()
    };
    let group = found("customers-grants", "the role shop_staff does not exist");
    assert_eq!(group["severity"], "blocker");
    assert_eq!(group["app_error"]["message"], "permission denied for table addresses");
    found("customers-grants", "PUBLIC is now granted EXECUTE on function customers.forget(integer)");
    found("orders-grants", "the setting search_path of app2_rw in this database is gone; it was orders");
    found("orders-grants", "app2_rw will no longer be granted SELECT on new tables of shop_owner");

    let repaired = result(program, "attempt-1/db-split-repaired/");
    assert_eq!(stage(&repaired, "db-split"), "go");
    assert_eq!(repaired["attempt"], 1);
    let sql = program.read("gonogo-out/customers.sql");
    assert!(sql.contains("GRANT \"shop_staff\" TO \"app1_rw\""), "{sql}");
    assert!(!sql.contains("VALID UNTIL"), "an end that was never set: {sql}");
    assert!(ended.stdout.contains("3 permitted at top level"), "{}", ended.stdout);
    // What was written can be copied: the snapshots and the map work without the servers.
    let diff = ["before.json", "customers.json", "--map", "split.yaml", "--target", "customers_db"];
    let diff = diff.map(|word| {
        let is_file = program.path("gonogo-out").join(word).is_file();
        if is_file { format!("gonogo-out/{word}") } else { word.to_owned() }
    });
    let words: Vec<&str> = ["grants", "diff"].into_iter().chain(diff.iter().map(String::as_str)).collect();
    program.run(&words).code(1);
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

    the_split_is_audited(&program, &ended);
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

/// Every password of the demo: those of `.pgpass` files, and those of the applications' properties.
fn passwords(temporary: &TempDir) -> Vec<String> {
    let folder = std::fs::read_dir(temporary.path()).unwrap().next().unwrap().unwrap().path();
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_properties = file.extension().is_some_and(|extension| extension == "properties");
        let separator = if is_properties { "database.password=" } else { ":dba:" };
        if is_properties || file.ends_with("pgpass") {
            let text = std::fs::read_to_string(file).unwrap();
            let values = text.lines().filter_map(|line| Some(line.split_once(separator)?.1.to_owned()));
            found.extend(values);
        }
    }
    found
}

/// Every file under this folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_password_is_shown_or_written() {
    let temporary = workshop();
    let program = Program::empty().env("TMPDIR", temporary.path().to_str().unwrap());
    let mut playing = program.command(&["demo"]);
    let mut playing = playing.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = playing.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let (mut told, mut secrets) = (String::new(), Vec::new());
    for line in BufReader::new(playing.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.starts_with("$ gonogo run app1 ") {
            secrets = passwords(&temporary);
        }
        told += &(line + "\n");
    }
    told += &errors.join().unwrap();
    if told.contains("the demo needs PostgreSQL") {
        playing.wait().unwrap();
        return skip("PostgreSQL");
    }
    assert_eq!(playing.wait().unwrap().code(), Some(0), "{told}");
    assert_eq!(secrets.len(), 4, "two of DBAs, two of applications");
    let files = files(&program.path("gonogo-out"));
    assert!(files.len() > 20, "{files:?}");
    for secret in secrets {
        assert_eq!(secret.len(), 32);
        assert!(!told.contains(&secret), "a password is shown");
        for file in &files {
            let text = std::fs::read(file).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(&secret), "a password in {}", file.display());
        }
    }
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
