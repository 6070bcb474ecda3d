//! Requests of those who ask before they go on, as their sources send them (`fixtures/gates`), on the wire to a real server.

use std::io::Read as _;

use serde_yaml::Value as Yaml;

use crate::support::program::Program;
use crate::support::server::{Server, json};

const PLAN: &str = "
gonogo: 1
name: night
checks:
  - { id: other, command: { argv: ['true'] } }
  - { id: mark, command: { argv: [test, -e, mark] } }
stages:
  - { id: first, checks: [other] }
  - { id: second, checks: [mark] }
";
const TOKEN: &str = "a-token-that-nobody-guesses";

/// The status and the body that this consumer gets.
fn ask(server: &Server, consumer: &str) -> (u16, String) {
    let path = format!("{}/fixtures/gates/{consumer}.http", env!("CARGO_MANIFEST_DIR"));
    let request = std::fs::read_to_string(path).unwrap().replace("TOKEN", TOKEN);
    let closing = request.replacen("\r\nUser-Agent", "\r\nConnection: close\r\nUser-Agent", 1);
    let mut answer = String::new();
    server.send(closing.as_bytes()).read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn argo_flagger_and_curl_are_answered_as_each_of_them_reads_it() {
    let program = Program::with_plan(PLAN);
    program.write("token", TOKEN);
    let server = Server::start(&program, &["--token-file", "token", "--open-gate"]);
    // Argo Rollouts measures an error for what is not 2xx; Flagger waits for what is above 202.
    for consumer in ["argo-rollouts", "flagger", "curl"] {
        assert_eq!(ask(&server, consumer).0, 503, "{consumer}: nothing is recorded");
    }
    program.run(&["run"]).code(1);
    server.until_as(TOKEN, "/gate", |got| got.1.starts_with("NO-GO: "));
    let (status, verdict) = ask(&server, "argo-rollouts");
    assert_eq!((status, argo(&json(&verdict))), (200, "Failed"), "{verdict}");
    assert_eq!(ask(&server, "flagger"), (409, "NO-GO\n".to_owned()), "the reason is for whoever may read");
    let (status, told) = ask(&server, "curl");
    assert!(status == 409 && told.starts_with("NO-GO: 1 blocker failed"), "{told}");

    program.write("mark", "");
    program.run(&["run"]).code(0);
    server.until_as(TOKEN, "/gate", |got| got.0 == 200);
    let (status, verdict) = ask(&server, "argo-rollouts");
    assert_eq!((status, argo(&json(&verdict))), (200, "Successful"), "{verdict}");
    assert_eq!(ask(&server, "flagger"), (200, "GO\n".to_owned()));
    assert_eq!(ask(&server, "curl").0, 200);
    // Without the option, nobody is answered who shows no token.
    let shut = Server::start(&program, &["--token-file", "token"]);
    shut.until_as(TOKEN, "/gate", |got| got.0 == 200);
    assert_eq!(ask(&shut, "flagger").0, 401);
    assert_eq!(server.get("/verdict", &[]).0, 401, "the gate alone is open");
}

#[test]
fn a_gate_of_one_stage_is_shut_by_what_concerns_the_whole_night() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    let server = Server::start(&program, &[]);
    program.run(&["run"]).code(0);
    for stage in ["first", "second"] {
        server.until(&format!("/gate?stage={stage}"), |got| got.0 == 200);
    }
    program.run(&["decide", "rollback", "--by", "ann"]).code(0);
    for stage in ["first", "second"] {
        let (status, why) = server.until(&format!("/gate?stage={stage}"), |got| got.0 != 200);
        assert!(status == 409 && why.starts_with("NO-GO: ann decided to roll back"), "{stage}: {why}");
        let verdict = json(&server.get(&format!("/verdict?stage={stage}"), &[]).1);
        assert_eq!((&verdict["go"], &verdict["verdict"]), (&false.into(), &"no_go".into()));
    }
}

#[test]
fn words_make_no_answer_younger() {
    let program = Program::with_plan(PLAN);
    program.run(&["run"]).code(1);
    let server = Server::start(&program, &["--max-age", "2s"]);
    let old = |got: &(u16, String)| got.1.starts_with("HOLD: nothing was looked at for ");
    server.until("/gate", old);
    program.run(&["note", "fetching coffee", "--by", "ann"]).code(0);
    // The note has arrived once the page tells it.
    server.until("/body", |got| got.1.contains("fetching coffee"));
    let answer = server.get("/gate", &[]);
    assert!(old(&answer), "a no-go of long ago is one that has to be looked at again: {answer:?}");
    program.write("mark", "");
    program.run(&["run"]).code(0);
    server.until("/gate", |got| got.0 == 200);
}

#[test]
fn a_rehearsed_clock_opens_no_gate() {
    let program = Program::with_plan(PLAN);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let now = jiff::Timestamp::now().to_string();
    let server = Server::start(&program, &["--now", &now]);
    let (status, why) = server.until("/gate", |got| got.0 != 503);
    assert!(status == 409 && why.contains("rehearsal"), "{why}");
}

#[test]
fn a_journal_that_cannot_be_read_is_not_called_empty() {
    let program = Program::with_plan(PLAN);
    std::fs::create_dir(program.path(".gonogo")).unwrap();
    program.write(".gonogo/runs", "this is no folder");
    let server = Server::start(&program, &[]);
    for path in ["/gate", "/verdict", "/result.json"] {
        let (status, told) = server.until(path, |got| got.1.contains("cannot be read"));
        assert_eq!(status, 503, "{path}: {told}");
    }
    assert!(server.get("/", &[]).1.contains("The journal cannot be read"));
}

/// What the conditions of our template make of an answer, as `evaluate.EvaluateResult` of Argo Rollouts does.
fn argo(verdict: &serde_json::Value) -> &'static str {
    let path = format!("{}/ready-made/argo-rollouts.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let template = text.split("\n---\n").next().unwrap();
    let template: Yaml = serde_yaml::from_str(template).unwrap();
    let metric = &template["spec"]["metrics"][0];
    assert_eq!(metric["successCondition"], "result.go == true");
    assert_eq!(metric["failureCondition"], "result.verdict == \"no_go\"");
    assert_eq!(metric["provider"]["web"]["jsonPath"], "{$}");
    match (verdict["verdict"] == "no_go", verdict["go"] == true) {
        (true, _) => "Failed",
        (false, true) => "Successful",
        (false, false) => "Inconclusive",
    }
}
