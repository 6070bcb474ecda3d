//! Secrets that stay where the application runs: `on: vantage`.

use crate::support::program::Program;

/// A vantage with a variable of its own, which its far side is given by `env`, and one that lacks it.
const VANTAGES: &str = "gonogo: 1\nvantages:\n  app1: { exec: { prefix: ['./app1'] } }\n  app2: { exec: { prefix: [env, -u, ORDERS_TOKEN] } }\n";

fn program(check: &str) -> Program {
    use std::os::unix::fs::PermissionsExt as _;
    let program = Program::with_plan(&format!("{VANTAGES}{check}"));
    // What comes and goes over the pipe of the far side is written down.
    program.write(
        "app1",
        "#!/bin/sh\nread_token() { cat there; }\nORDERS_TOKEN=$(read_token)\nexport ORDERS_TOKEN\n[ \"$2\" = __agent ] || exec \"$@\"\ntee -a pipe | \"$@\" | tee -a pipe\n",
    );
    program.write("there", "canary-there\n");
    std::fs::set_permissions(program.path("app1"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    program
}

fn check(from: &str, address: std::net::SocketAddr) -> String {
    format!(
        "checks:\n  - id: orders\n    from: {from}\n    http: {{ url: 'http://{address}/', auth: {{ bearer: {{ env: ORDERS_TOKEN, on: vantage }} }} }}\n"
    )
}

#[test]
fn a_secret_of_the_vantage_never_leaves_it() {
    let (address, received) = super::header_catcher();
    // The runner has one of the same name, which is not the one.
    let program = program(&check("app1", address)).env("ORDERS_TOKEN", "canary-here");
    program.run(&["run"]).code(0);
    assert!(received.recv().expect("a request").contains("Bearer canary-there"));
    let pipe = program.read("pipe");
    assert!(pipe.contains("looked"), "{pipe}");
    for text in [pipe, program.journal(), program.read("gonogo-out/result.json")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_vantage_that_lacks_it_is_named() {
    let nobody = "127.0.0.1:1".parse().expect("an address");
    let program = program(&check("[app1, app2]", nobody)).env("ORDERS_TOKEN", "canary-here");
    program.run(&["run"]).code(1);
    let result = program.result();
    let row = |vantage: &str| {
        let rows = result["checks"].as_array().expect("checks").iter();
        rows.clone().find(|row| row["vantage"] == vantage).expect("a row").clone()
    };
    assert_eq!(row("app1")["outcome"], "fail", "{result}");
    assert_eq!(row("app2")["outcome"], "error", "{result}");
    let message = row("app2")["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("env ORDERS_TOKEN on vantage app2"), "{message}");
    let doctor = program.run(&["doctor"]);
    doctor.code(1);
    let line = |text: &str| doctor.stdout.lines().any(|line| line.contains(text));
    assert!(line("ok       secret    env ORDERS_TOKEN on app1"), "{}", doctor.stdout);
    assert!(line("FAULT    secret    env ORDERS_TOKEN on app2"), "{}", doctor.stdout);
    assert!(!doctor.stdout.contains("canary"), "{}", doctor.stdout);
}
