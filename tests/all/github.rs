//! GitHub's deployment protection rules: a deployment waits until the run is go, and the answers are signed as GitHub wants.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::receiver::{Receiver, Request};
use crate::support::server::Server;

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
const SECRET: &str = "the-secret-of-the-webhook";
const GRANTED: &str = "ghs_canary-of-the-installation";
const ACCESS: &str = "/app/installations/9001/access_tokens";
const REVIEW: &str = "/repos/shop/orders/actions/runs/4711/deployment_protection_rule";

/// GitHub, as far as we ask it.
fn github() -> Receiver {
    Receiver::start(|path, _| match path {
        ACCESS => {
            "201 Created\n\n{\"token\":\"ghs_canary-of-the-installation\",\"expires_at\":\"2026-11-29T20:00:00Z\"}"
        }
        REVIEW => "204 No Content",
        _ => "404 Not Found",
    })
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// A night with an App's key and secret.
fn night() -> Program {
    let program = Program::with_plan(PLAN);
    program.write("secret", SECRET);
    let key = program.path("key.pem").to_string_lossy().into_owned();
    openssl(&["genrsa", "-out", &key, "2048"], b"");
    openssl(&["rsa", "-in", &key, "-pubout", "-out", &key.replace("key.pem", "public.pem")], b"");
    program
}

fn served(program: &Program, github: &Receiver) -> Server {
    let api = github.url("");
    let more = ["--github-app", "12345", "--github-key", "key.pem", "--github-secret-file", "secret"];
    Server::start(program, &[&more[..], &["--github-api", &api]].concat())
}

/// What GitHub sends, as documented for `deployment_protection_rule`.
fn payload(github: &Receiver) -> String {
    let path =
        format!("{}/fixtures/gates/github-deployment-protection-rule.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace("API", &github.url(""))
}

/// Send it, signed with this secret.
fn send(server: &Server, path: &str, body: &str, secret: &str, event: &str) -> (u16, String) {
    let signature = openssl(&["dgst", "-sha256", "-hmac", secret, "-r"], body.as_bytes());
    let signature = String::from_utf8(signature).unwrap();
    let headers = [
        "Content-Type: application/json".to_owned(),
        "User-Agent: GitHub-Hookshot/044aadd".to_owned(),
        format!("X-GitHub-Event: {event}"),
        "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned(),
        format!("X-Hub-Signature-256: sha256={}", signature.split(' ').next().unwrap()),
    ];
    let mut more = vec!["--data-binary", body];
    more.extend(headers.iter().flat_map(|header| ["-H", header]));
    server.get(path, &more)
}

/// The answers to the deployment, once there are so many.
fn reviews(github: &Receiver, wanted: usize) -> Vec<Request> {
    let began = Instant::now();
    loop {
        let got = github.got(REVIEW);
        if got.len() >= wanted {
            return got;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{got:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_deployment_waits_for_the_verdict_and_is_then_approved() {
    let (program, github) = (night(), github());
    let server = served(&program, &github);
    let body = payload(&github);
    assert_eq!(send(&server, "/github", &body, SECRET, "deployment_protection_rule").0, 202);
    let waits = reviews(&github, 1).remove(0).json();
    assert_eq!(
        (&waits["environment_name"], &waits["state"]),
        (&"production".into(), &Value::Null),
        "{waits}"
    );
    assert!(waits["comment"].as_str().unwrap().starts_with("HOLD: no run is recorded yet"), "{waits}");
    // Sent once more, it still is one deployment.
    assert_eq!(send(&server, "/github", &body, SECRET, "deployment_protection_rule").0, 202);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let told = reviews(&github, 2).remove(1);
    assert_eq!(
        (&told.json()["state"], told.json()["environment_name"] == "production"),
        (&"approved".into(), true)
    );
    assert!(told.json()["comment"].as_str().unwrap().starts_with("GO: "), "{told:?}");
    assert_eq!(told.header("authorization"), format!("Bearer {GRANTED}"));
    assert_eq!(told.header("x-github-api-version"), "2022-11-28");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(github.got(REVIEW).len(), 2, "told once");

    // Who we are, proven by somebody else: RS256 over a claim of at most ten minutes.
    let access = github.got(ACCESS).remove(0);
    let token = access.header("authorization").strip_prefix("Bearer ").unwrap().to_owned();
    let (claimed, signature) = token.rsplit_once('.').unwrap();
    program.write("signature", "");
    std::fs::write(program.path("signature"), URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (public, signature) = (program.path("public.pem"), program.path("signature"));
    let verify =
        ["dgst", "-sha256", "-verify", public.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    assert_eq!(openssl(&verify, claimed.as_bytes()), b"Verified OK\n");
    let (header, claims) = claimed.split_once('.').unwrap();
    let decoded =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(decoded(header)["alg"], "RS256");
    let claims = decoded(claims);
    assert_eq!(claims["iss"], "12345");
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 600, "{claims}");
    let said = program.read("serve.stderr");
    assert!(said.contains("GitHub, deployment to production: approved, GO"), "{said}");
    for canary in [SECRET, GRANTED, "PRIVATE KEY", &token] {
        assert!(!said.contains(canary) && !program.journal().contains(canary), "{canary}");
    }
}

#[test]
fn a_no_go_rejects_and_a_stage_is_asked_about_alone() {
    let (program, github) = (night(), github());
    let server = served(&program, &github);
    program.run(&["run"]).code(1);
    server.until("/gate", |got| got.1.starts_with("NO-GO: "));
    let body = payload(&github);
    assert_eq!(send(&server, "/github", &body, SECRET, "deployment_protection_rule").0, 202);
    let told = reviews(&github, 1).remove(0).json();
    assert_eq!(told["state"], "rejected");
    assert!(told["comment"].as_str().unwrap().starts_with("NO-GO: 1 blocker failed"), "{told}");
    assert_eq!(send(&server, "/github?stage=first", &body, SECRET, "deployment_protection_rule").0, 202);
    assert_eq!(reviews(&github, 2).remove(1).json()["state"], "approved");
}

#[test]
fn what_github_did_not_send_is_refused_and_our_token_goes_nowhere_else() {
    let (program, github) = (night(), github());
    let server = served(&program, &github);
    let body = payload(&github);
    let rule = "deployment_protection_rule";
    assert_eq!(send(&server, "/github", &body, "another-secret-of-some-length", rule).0, 401);
    assert_eq!(server.get("/github", &["-d", &body]).0, 401, "not signed");
    let forged = body.replace("production", "staging");
    assert_eq!(server.get("/github", &["-H", "X-Hub-Signature-256: sha256=00", "-d", &forged]).0, 401);
    assert_eq!(send(&server, "/github", "{\"zen\":\"x\"}", SECRET, "ping").0, 200);
    assert_eq!(send(&server, "/github", "{}", SECRET, rule).0, 400);
    let elsewhere = Receiver::fine();
    for url in [elsewhere.url("/repos/x"), github.url("/app/../../etc"), github.url(".evil.example/repos/x")]
    {
        let body = body.replace(&github.url(REVIEW), &url);
        let (status, told) = send(&server, "/github", &body, SECRET, rule);
        assert!(status == 400 && told.contains("--github-api"), "{url}: {status} {told}");
    }
    assert!(elsewhere.requests.lock().unwrap().is_empty() && github.requests.lock().unwrap().is_empty());
    assert_eq!(server.get("/github", &[]).0, 404);

    let refused = |arguments: &[&str], words: &str| {
        let ended = program.run(&[&["serve"], arguments].concat());
        assert!(ended.code(2).stderr.contains(words), "{}", ended.stderr);
    };
    refused(&["--github-app", "1"], "--github-key");
    refused(&["--github-app", "1", "--github-key", "key.pem"], "webhook secret is missing");
    refused(&["--github-app", "1", "--github-key", "secret", "--github-secret-file", "secret"], "secret: ");
    let clear = ["--github-app", "1", "--github-key", "key.pem", "--github-secret-file", "secret"];
    refused(&[&clear[..], &["--github-api", "http://github.example"]].concat(), "only https");
}

#[test]
fn github_that_cannot_be_told_is_said_and_the_deployment_waits() {
    let program = night();
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let github = Receiver::start(|_, _| "403 Forbidden");
    let server = served(&program, &github);
    server.until("/gate", |got| got.0 == 200);
    assert_eq!(send(&server, "/github", &payload(&github), SECRET, "deployment_protection_rule").0, 202);
    let began = Instant::now();
    while !program.read("serve.stderr").contains("could not be told, and is tried again: it answered 403") {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", program.read("serve.stderr"));
        std::thread::sleep(Duration::from_millis(50));
    }
}
