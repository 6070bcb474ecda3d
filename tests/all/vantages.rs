//! Looking from elsewhere: the same program over a prefix, a real sshd and a real container, and far sides that misbehave.

mod application;
mod application_far;
mod container;
mod cuts;
mod hung;
mod kubectl;
mod misbehaving;
mod reduced;
mod secret;
mod ssh;

use serde_json::Value;

use crate::support::program::Program;
use crate::support::skip;

/// What `gonogo probe TARGET --from VANTAGE` says.
fn look(program: &Program, target: &str, from: &str, code: i32) -> Value {
    let ended = program.run(&["probe", target, "--from", from, "--format", "json"]);
    ended.code(code);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// Nothing of ours is left: no far side runs, and no folder it was brought in is there.
fn nothing_is_left(marker: &str) {
    let processes = std::process::Command::new("ps").args(["-eo", "args"]).output().expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let left: Vec<&str> =
        processes.lines().filter(|line| line.contains("__agent") && line.contains(marker)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_check_is_looked_at_from_its_vantages_and_here() {
    let program = Program::with_plan(
        "gonogo: 1\nvantages:\n  side: { exec: { prefix: [sh, -c, 'cd /usr && exec \"$@\"', sh] } }\nchecks:\n  - { id: where, from: [here, side], command: { argv: [pwd] } }\n",
    );
    program.run(&["run"]).code(0);
    let result = program.result();
    let rows: Vec<(&str, &str)> = result["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|row| {
            (row["vantage"].as_str().expect("a vantage"), row["outcome"].as_str().expect("an outcome"))
        })
        .collect();
    assert_eq!(rows, [("here", "pass"), ("side", "pass")], "{result}");
    let journal = program.journal();
    assert!(journal.contains("exit 0: /") && journal.contains("exit 0: /usr\""), "{journal}");
    assert!(journal.contains("looked_from"), "{journal}");
}

/// Other rights and other namespaces are words before the program, as an operator would type them.
#[test]
fn sudo_and_nsenter_are_words_like_others() {
    if !nix::unistd::geteuid().is_root() {
        return skip("root");
    }
    for (words, user) in [("sudo -n -u nobody", "nobody"), ("nsenter --net=/proc/self/ns/net", "root")] {
        let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &format!("exec:{words}"), 1);
        assert_eq!(seen["outcome"], "fail", "{words}: {seen}");
        let place = &seen["layers"][0]["worked"];
        assert_eq!(
            (&place["fact"], &place["user"]),
            (&"looked_from".into(), &user.into()),
            "{words}: {seen}"
        );
    }
    // One that would ask for a password says so at once, and nothing about the target.
    let asks = "exec:setpriv --reuid=65534 --regid=65534 --clear-groups sudo -n";
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", asks, 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(seen["message"].as_str().expect("a message").contains("password is required"), "{seen}");
}

#[test]
fn a_secret_goes_over_stdin_and_nowhere_else() {
    let (address, received) = header_catcher();
    let program = Program::with_plan(&format!(
        "gonogo: 1\nvantages:\n  side: {{ exec: {{ prefix: [env, -u, TOKEN] }} }}\nchecks:\n  - id: shop\n    from: side\n    http: {{ url: 'http://{address}/', auth: {{ bearer: {{ env: TOKEN }} }} }}\n"
    ))
    .env("TOKEN", "canary-4711");
    program.run(&["run"]).code(0);
    assert!(received.recv().expect("a request").contains("Bearer canary-4711"));
    assert!(!program.journal().contains("canary-4711"));
    assert!(!program.read("gonogo-out/result.json").contains("canary-4711"));
}

/// A server that answers one request, and gives its head.
fn header_catcher() -> (std::net::SocketAddr, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        let mut chunk = [0; 1024];
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).expect("a request");
            head.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("an answer");
        sender.send(String::from_utf8_lossy(&head).into_owned()).expect("the test waits");
    });
    (address, received)
}

#[test]
fn a_file_of_ours_is_sent_along() {
    let program = Program::empty();
    let certificate =
        rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).expect("a certificate");
    program.write("ca.pem", &certificate.cert.pem());
    program.write(
        "gonogo.yaml",
        "gonogo: 1\nvantages:\n  side: { exec: { prefix: [env] } }\nchecks:\n  - id: shop\n    from: side\n    tls: { address: 'localhost:1', ca: { here: ca.pem } }\n",
    );
    program.run(&["run"]).code(1);
    let journal = program.journal();
    assert!(journal.contains("refused"), "{journal}");
    std::fs::remove_file(program.path("ca.pem")).expect("it was there");
    program.run(&["run", "--fresh"]).code(1);
    let row = &program.result()["checks"][0];
    assert_eq!(row["outcome"], "error", "{row}");
    assert!(row["message"].as_str().expect("a message").contains("ca.pem"), "{row}");
}
