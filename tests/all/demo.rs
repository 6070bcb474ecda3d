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

/// The first finding of the link's rows.
fn cause(result: &Value) -> &str {
    let rows = result["checks"].as_array().unwrap().iter();
    let mut of_link = rows.filter(|row| row["id"].as_str().unwrap().starts_with("app1-to-app2"));
    of_link.find_map(|row| row["findings"][0]["id"].as_str()).unwrap_or("nothing")
}

/// Nothing runs, and no folder is there.
#[track_caller]
fn nothing_is_left(temporary: &TempDir) {
    assert_eq!(left_running(&temporary.path().to_string_lossy()), "");
    let found = Command::new("find").arg(temporary.path()).args(["-mindepth", "1"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "its folders are removed");
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
    // Which fault it is depends on what the machine allows; what is found is what was injected.
    let injected = ended.stdout.lines().find_map(|line| line.strip_prefix("Injected: ")).unwrap();
    let injected = injected.split('.').next().unwrap();
    let broken = result(&program, &format!("attempt-1/{injected}/"));
    assert_eq!(stage(&broken, "app2"), "no_go");
    assert_eq!(cause(&broken), injected);
    assert!(ended.stdout.contains(&format!("[{injected}, ")), "{}", ended.stdout);
    assert_eq!(check(&broken, "app2-status")["outcome"], "pass", "Application 2 itself is up");
    let back = result(&program, "attempt-1/app2/");
    assert_eq!(stage(&back, "app2"), "provisional_go");
    assert_eq!(back["go"], false);
    assert_eq!(check(&back, "app2-version")["outcome"], "fail");
    assert_eq!(check(&back, "app2-version")["got"], "4.1.9");
    assert_eq!(check(&back, "app1-to-app2")["outcome"], "pass");
    assert_eq!(check(&back, "app1-to-app2/through")["outcome"], "not_run");
    let web = result(&program, "attempt-1/app1/");
    assert_eq!(web["verdict"], "go_with_issues");
    assert_eq!(check(&web, "app1-to-app2/through")["outcome"], "pass");
    let repaired = result(&program, "");
    assert_eq!(repaired["attempt"], 2);
    assert_eq!(repaired["verdict"], "go");
    assert_eq!(repaired["go"], true);

    assert!(ended.stdout.contains(&program.read("gonogo-out/plan.yaml").lines().next().unwrap().to_owned()));
    assert!(!program.path(".gonogo").exists(), "the journal of one's own plans is left alone");
    nothing_is_left(&temporary);
}

/// Faults that are made in the network between two namespaces.
const OF_NETWORK: [&str; 8] = [
    "fw-drop-port",
    "fw-reject-rst",
    "fw-reject-admin",
    "fw-acl-old-source-ip",
    "route-none-on-source",
    "dns-hosts-override",
    "tcp-loopback-only",
    "tls-wrong-san",
];
/// Faults that need none.
const OF_APPLICATIONS: [&str; 13] = [
    "tcp-not-listening",
    "tcp-process-hung",
    "tls-expired",
    "tls-unknown-issuer",
    "tls-https-to-plain-port",
    "http-404-context-path",
    "auth-credentials-rotated",
    "http-redirect-login",
    "app-maintenance-503",
    "app-wrong-env",
    "app-health-ok-dependency-down",
    "http-slow-first-byte",
    "cfg-old-host",
];

/// Play the night with these faults; each is told by its name, and all is well in the end.
fn each_is_named(program: &Program, temporary: &TempDir, faults: &[&str]) {
    let ended = program.run(&["demo", "--fault", &faults.join(",")]);
    if cannot_play(&ended) {
        return skip("PostgreSQL");
    }
    if ended.stderr.contains("needs network namespaces") {
        return skip("permission for network namespaces");
    }
    let seen: Vec<String> = faults
        .iter()
        .map(|fault| {
            let broken = result(program, &format!("attempt-1/{fault}/"));
            assert_eq!(stage(&broken, "app2"), "no_go", "{fault}");
            cause(&broken).to_owned()
        })
        .collect();
    assert_eq!(seen, faults, "{}", ended.stdout);
    ended.code(0);
    assert_eq!(result(program, "")["verdict"], "go");
    nothing_is_left(temporary);
}

#[test]
fn each_fault_of_the_network_is_named() {
    let temporary = workshop();
    let program = Program::empty().env("TMPDIR", temporary.path().to_str().unwrap());
    each_is_named(&program, &temporary, &OF_NETWORK);
}

/// A `PATH` with what a demo cannot do without, and nothing that makes namespaces.
fn path_without_namespaces(folder: &Path) {
    for name in ["sh", "env", "cat", "mktemp", "stat", "uname", "chmod", "rm", "sha256sum", "printf"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, folder.join(name)).unwrap();
        }
    }
}

#[test]
fn without_namespaces_each_fault_of_the_applications_is_named_and_others_are_refused() {
    let temporary = workshop();
    let path = tempfile::tempdir().unwrap();
    path_without_namespaces(path.path());
    let program = Program::empty()
        .env("TMPDIR", temporary.path().to_str().unwrap())
        .env("PATH", path.path().to_str().unwrap());
    let refused = program.run(&["demo", "--fault", "app-wrong-env,fw-drop-port"]);
    if cannot_play(&refused) {
        return skip("PostgreSQL");
    }
    refused.code(1);
    assert!(refused.stderr.contains("fw-drop-port needs network namespaces"), "{}", refused.stderr);
    assert!(refused.stderr.contains("unshare"), "it says why: {}", refused.stderr);
    assert!(!program.path("gonogo-out").exists(), "nothing is played");
    each_is_named(&program, &temporary, &OF_APPLICATIONS);
}

#[test]
fn a_user_without_rights_plays_it_in_namespaces_too() {
    // Anybody may make a user namespace; some distributions forbid it (user_namespaces(7)).
    let as_nobody = |command: &mut Command| {
        use std::os::unix::process::CommandExt as _;
        if nix::unistd::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
    };
    let mut allowed = Command::new("unshare");
    allowed.args(["--user", "--map-current-user", "--keep-caps", "--net", "true"]);
    as_nobody(&mut allowed);
    if !allowed.output().is_ok_and(|output| output.status.success()) {
        return skip("permission for user namespaces");
    }
    let temporary = workshop();
    std::fs::set_permissions(temporary.path(), Permissions::from_mode(0o777)).unwrap();
    let program = Program::empty();
    std::fs::set_permissions(program.path(""), Permissions::from_mode(0o777)).unwrap();
    // A project in somebody's home is often closed to others, so it is not run from there.
    let own = program.path("gonogo");
    std::fs::copy(env!("CARGO_BIN_EXE_gonogo"), &own).unwrap();
    let mut demo = Command::new(own);
    demo.args(["demo", "--fault", "fw-acl-old-source-ip"]).current_dir(program.path(""));
    demo.env("TMPDIR", temporary.path()).env("HOME", temporary.path());
    as_nobody(&mut demo);
    let ended = Ended::of(&demo.output().unwrap());
    if cannot_play(&ended) {
        return skip("PostgreSQL");
    }
    ended.code(0);
    assert_eq!(cause(&result(&program, "attempt-1/fw-acl-old-source-ip/")), "fw-acl-old-source-ip");
    nothing_is_left(&temporary);
}

#[test]
fn the_machine_s_own_network_is_never_taken_for_a_new_one() {
    let ended = Program::empty().run(&["demo", "--in-namespace"]);
    if cannot_play(&ended) {
        return skip("PostgreSQL");
    }
    ended.code(1);
    assert!(ended.stderr.contains("it is not ours to change"), "{}", ended.stderr);
}

#[test]
fn an_unknown_fault_is_a_usage_error_that_suggests() {
    let program = Program::empty();
    let ended = program.run(&["demo", "--fault", "tls-expird"]);
    ended.code(2);
    assert!(ended.stderr.contains("'tls-expired'"), "{}", ended.stderr);
    let help = program.run(&["demo", "--help"]).stdout;
    for fault in OF_NETWORK.iter().chain(&OF_APPLICATIONS) {
        assert!(help.contains(fault), "{fault}: {help}");
    }
}

/// Every password of the demo: those of `.pgpass` files, and those of the applications' properties.
fn passwords(temporary: &TempDir) -> Vec<String> {
    let folder = std::fs::read_dir(temporary.path()).unwrap().next().unwrap().unwrap().path();
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_properties = file.extension().is_some_and(|extension| extension == "properties");
        let separator = if is_properties { ".password=" } else { ":dba:" };
        if is_properties || file.ends_with("pgpass") {
            let text = std::fs::read_to_string(file).unwrap();
            let values = text.lines().filter_map(|line| Some(line.split_once(separator)?.1.to_owned()));
            found.extend(values);
        }
    }
    found.sort();
    found.dedup();
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
    assert_eq!(secrets.len(), 5, "two of DBAs, two of applications, one between those");
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
    // Far sides end by themselves once nobody gives them orders, and take away what they were sent.
    let began = Instant::now();
    while std::fs::read_dir(temporary.path()).unwrap().next().is_some()
        && began.elapsed() < Duration::from_secs(10)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    nothing_is_left(&temporary);
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
