//! A real sshd, with its own keys, configuration and port.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::Program;
use crate::support::sshd::{Setup, Sshd};

fn outcomes(program: &Program) -> Vec<(String, String)> {
    let result = program.result();
    let rows = result["checks"].as_array().expect("checks").iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.map(|row| (text(&row["outcome"]), text(&row["message"]))).collect()
}

#[test]
fn many_looks_over_one_real_ssh() {
    let Some(sshd) = Sshd::start(&Setup::default()) else { return };
    let check =
        |n| format!("  - {{ id: port-{n}, from: app1, tcp: {{ address: '127.0.0.1:{}' }} }}\n", sshd.port);
    let checks = (0..40).map(check).collect::<Vec<_>>().concat();
    let program = Program::with_plan(&sshd.plan(&checks));
    program.run(&["run"]).code(0);
    assert_eq!(outcomes(&program).len(), 40);
    // The master connection ended with the run: its sockets were in a folder of ours.
    let processes = Command::new("ps").args(["-eo", "args"]).output().expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let ours = format!("{}/config", sshd.path().display());
    assert!(!processes.contains(&ours), "{processes}");
}

#[test]
fn a_host_that_asks_for_a_password_is_an_error_at_once() {
    let Some(sshd) = Sshd::start(&Setup::default()) else { return };
    // None of its keys is ours: what is left is to ask.
    std::fs::write(sshd.path().join("authorized"), "").expect("a file");
    let program =
        Program::with_plan(&sshd.plan("  - { id: port, from: app1, tcp: { address: '127.0.0.1:1' } }\n"));
    let began = Instant::now();
    program.run(&["run"]).code(1);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let (outcome, message) = outcomes(&program).remove(0);
    assert_eq!(outcome, "error", "{message}");
    assert!(message.contains(": root@127.0.0.1: Permission denied"), "{message}");
    assert!(message.contains("ssh-add -l"), "{message}");
}

#[test]
fn a_host_whose_key_changed_is_not_looked_from() {
    let Some(sshd) = Sshd::start(&Setup::default()) else { return };
    sshd.forge();
    let program =
        Program::with_plan(&sshd.plan("  - { id: port, from: app1, tcp: { address: '127.0.0.1:1' } }\n"));
    program.run(&["run"]).code(1);
    let (outcome, message) = outcomes(&program).remove(0);
    assert_eq!(outcome, "error", "{message}");
    assert!(message.contains("its host key is another one than before"), "{message}");
}

/// Add lines to what the configuration says of the host.
fn configure(sshd: &Sshd, lines: &str) {
    let path = sshd.path().join("config");
    let config = std::fs::read_to_string(&path).expect("a configuration");
    std::fs::write(path, format!("{config}{lines}")).expect("a file");
}

#[test]
fn a_host_whose_key_is_not_known_is_not_looked_from_whatever_is_configured() {
    for setting in ["no", "accept-new"] {
        let Some(sshd) = Sshd::start(&Setup::default()) else { return };
        let known = sshd.path().join("known");
        std::fs::write(&known, "").expect("a file");
        configure(&sshd, &format!("  StrictHostKeyChecking {setting}\n"));
        let program =
            Program::with_plan(&sshd.plan("  - { id: port, from: app1, tcp: { address: '127.0.0.1:1' } }\n"));
        program.run(&["run"]).code(1);
        let (outcome, message) = outcomes(&program).remove(0);
        assert_eq!(outcome, "error", "{message}");
        assert!(message.contains("its host key is not known here: connect once by hand"), "{message}");
        assert_eq!(std::fs::read_to_string(&known).expect("a file"), "", "it was taken");
    }
}

#[test]
fn what_is_configured_to_run_there_does_not() {
    let Some(sshd) = Sshd::start(&Setup::default()) else { return };
    configure(&sshd, "  RemoteCommand exec tmux new\n  RequestTTY force\n");
    let check = format!("  - {{ id: port, from: app1, tcp: {{ address: '127.0.0.1:{}' }} }}\n", sshd.port);
    Program::with_plan(&sshd.plan(&check)).run(&["run"]).code(0);
}
