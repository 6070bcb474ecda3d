//! Far sides that say too much, too little or nonsense, and prefixes that are not there: always `error`, never a fault of
//! the target, never a pass.

use super::{look, nothing_is_left};
use crate::support::program::Program;

/// A vantage whose far side is this shell script.
pub(super) fn far_side(program: &Program, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    program.write(name, &format!("#!/bin/sh\n{script}\n"));
    let path = program.path(name);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

#[test]
fn noise_is_not_an_answer() {
    let program = Program::empty();
    for (name, script) in [
        ("banner", "printf 'Welcome to app1'; exec \"$@\""),
        ("megabytes", "head -c 3000000 /dev/zero | tr '\\0' x; echo; exec \"$@\""),
        ("complaints", "head -c 3000000 /dev/zero | tr '\\0' x >&2; exec \"$@\""),
    ] {
        let prefix = far_side(&program, name, script);
        let seen = look(&program, "tcp://127.0.0.1:1", &format!("exec:{prefix}"), 1);
        assert_eq!(seen["outcome"], "fail", "{name}: {seen}");
        assert_eq!(seen["layers"][0]["layer"], "vantage", "{name}: {seen}");
    }
}

#[test]
fn what_is_no_far_side_is_an_error_that_says_why() {
    let program = Program::empty();
    let hello = r#"read -r order; echo 'gonogo/1 {"hello":{"version":"9.9","protocol":2,"user":"u","host":"h","now_ms":0}}'; cat > /dev/null"#;
    let answer = r#"hello='gonogo/1 {"hello":{"version":"0.1.0","protocol":1,"user":"u","host":"h","now_ms":0}}'
read -r order; echo "$hello"; read -r order; echo "$hello"; read -r order"#;
    for (name, script, told) in [
        ("gone", "exit 7", "exit status: 7"),
        ("newer", hello, "speaks protocol 2"),
        ("older", &hello.replace("\"protocol\":2", "\"protocol\":0"), "speaks protocol 0"),
        (
            "ancient",
            "read -r order; echo 'error: unrecognized subcommand __agent' >&2; exit 2",
            "unrecognized subcommand",
        ),
        ("cut", &format!("{answer}; printf 'gonogo/1 {{\"looked\":'"), "was cut in the middle"),
        ("nonsense", &format!("{answer}; echo 'gonogo/1 {{]'; cat > /dev/null"), "cannot be read"),
        ("silent", &format!("{answer}; echo I am leaving >&2"), "I am leaving"),
        (
            "refuses",
            &format!(
                "{answer}; echo 'gonogo/1 {{\"refused\":{{\"id\":0,\"reason\":\"too old\"}}}}'; cat >/dev/null"
            ),
            "too old",
        ),
        (
            "curious",
            &format!(
                "{answer}; echo 'gonogo/1 {{\"ask\":{{\"ask\":1,\"secret\":{{\"env\":\"HOME\"}}}}}}'; read -r order; echo \"$order\" >&2; exit 1"
            ),
            "no check asks for it",
        ),
    ] {
        let path = far_side(&program, name, script);
        let plan = format!(
            "gonogo: 1\nvantages:\n  far: {{ exec: {{ prefix: [env], program: '{path}' }} }}\nchecks:\n  - {{ id: port, from: far, tcp: {{ address: '127.0.0.1:1' }} }}\n"
        );
        program.write("gonogo.yaml", &plan);
        program.run(&["run", "--fresh"]).code(1);
        let row = &program.result()["checks"][0];
        assert_eq!(row["outcome"], "error", "{name}: {row}");
        let message = row["message"].as_str().expect("a message");
        assert!(message.contains(told), "{name}: {message}");
    }
}

#[test]
fn words_that_lead_nowhere_are_an_error() {
    let program = Program::empty();
    for (from, told) in [
        ("exec:/nonexistent/prefix", "cannot start /nonexistent/prefix"),
        ("exec:false", "no shell answered there"),
        ("ssh:nowhere.invalid", "cannot be used: ssh: Could not resolve hostname"),
        ("ssh:nowhere.invalid", "getent hosts nowhere.invalid"),
    ] {
        let seen = look(&program, "tcp://127.0.0.1:1", from, 1);
        assert_eq!(seen["outcome"], "error", "{from}: {seen}");
        assert!(seen["message"].as_str().expect("a message").contains(told), "{from}: {seen}");
    }
    let ended = program.run(&["probe", "tcp://127.0.0.1:1", "--from", "ssh:-oProxyCommand=id"]);
    ended.code(2);
    assert!(ended.stderr.contains("taken for an option"), "{}", ended.stderr);
}

#[test]
fn a_far_side_that_is_killed_is_an_error_and_nothing_is_left() {
    let program = Program::empty();
    let marker = "MARK=killed";
    let far = far_side(
        &program,
        "far",
        &format!(
            "[ \"$2\" = __agent ] || exec \"$@\"\nenv {marker} \"$@\" {marker}-is-no-option &\nsleep 0.5; kill -9 $!"
        ),
    );
    let plan = format!(
        "gonogo: 1\nvantages:\n  far: {{ exec: {{ prefix: ['{far}'] }} }}\nchecks:\n  - {{ id: slow, from: far, command: {{ argv: [sleep, '30'] }} }}\n"
    );
    program.write("gonogo.yaml", &plan.replace(&format!(" {marker}-is-no-option"), ""));
    program.run(&["run"]).code(1);
    let row = &program.result()["checks"][0];
    assert_eq!(row["outcome"], "error", "{row}");
    nothing_is_left(marker);
}

#[test]
fn a_prompt_is_an_error_and_nobody_waits_for_an_answer() {
    let program = Program::empty();
    let prefix =
        far_side(&program, "prompt", "printf 'Password: ' >&2; read -r password || exit 1; exec \"$@\"");
    let began = std::time::Instant::now();
    let seen = look(&program, "tcp://127.0.0.1:1", &format!("exec:{prefix}"), 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(seen["message"].as_str().expect("a message").contains("Password:"), "{seen}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_clock_that_is_an_hour_off_is_told() {
    let program = Program::empty();
    let late = "python3 -uc 'import re, sys\nfor line in sys.stdin:\n    print(re.sub(r\"(?<=now_ms.:)\\d+\", lambda now: str(int(now[0]) + 3600000), line), end=\"\", flush=True)'";
    let prefix = far_side(&program, "late", &format!("[ \"$2\" = __agent ] || exec \"$@\"\n\"$@\" | {late}"));
    let seen = look(&program, "tcp://127.0.0.1:1", &format!("exec:{prefix}"), 1);
    let offset = seen["layers"][0]["worked"]["clock_offset_ms"].as_i64().expect("an offset");
    assert!((3_595_000..3_605_000).contains(&offset), "{seen}");
    program.write(
        "gonogo.yaml",
        &format!("gonogo: 1\nvantages: {{ late: {{ exec: {{ prefix: ['{prefix}'] }} }} }}\nchecks:\n  - {{ id: port, from: late, tcp: {{ address: '127.0.0.1:1' }} }}\n"),
    );
    let doctor = program.run(&["doctor"]);
    assert!(doctor.stdout.contains("CAUTION  vantage   late"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("s off ours"), "{}", doctor.stdout);
}

#[test]
fn a_place_with_hardly_any_programs_and_no_proc_is_looked_from() {
    let allowed = std::process::Command::new("unshare").args(["-m", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        crate::support::skip("a mount namespace, as root");
        return;
    }
    let program = Program::empty();
    std::fs::create_dir(program.path("bin")).expect("a folder");
    for name in ["sh", "stat", "uname"] {
        let found = ["/bin", "/usr/bin"].map(|folder| std::path::Path::new(folder).join(name));
        let found = found.into_iter().find(|path| path.exists()).expect("a program");
        std::os::unix::fs::symlink(found, program.path("bin").join(name)).expect("a link");
    }
    // No bash, no ip, nothing of /proc.
    let bare = format!(
        "exec unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs /proc; PATH={}; export PATH; exec \"$@\"' sh \"$@\"",
        program.path("bin").display()
    );
    let prefix = far_side(&program, "bare", &bare);
    let seen = look(&program, "tcp://127.0.0.1:1", &format!("exec:{prefix}"), 1);
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert!(seen["message"].as_str().expect("a message").contains("refused"), "{seen}");
}
