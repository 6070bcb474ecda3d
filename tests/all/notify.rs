//! Who is told of a run: by real servers on loopback, once, whatever servers do, and never with a say in the verdict.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::program::Program;
use crate::support::receiver::{Receiver, Request};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn program(notify: &str, rest: &str, receiver: &Receiver) -> Program {
    Program::with_plan(&format!("gonogo: 1\nname: night\nnotify:\n{notify}{rest}"))
        .env("SLACK_URL", &receiver.url("/slack"))
        .env("TEAMS_URL", &receiver.url("/teams"))
        .env("HOOK_URL", &receiver.url("/hook"))
        .env("HOOK_SECRET", KEY)
}

const EVERYBODY: &str = "  - slack: { url: { env: SLACK_URL } }
    on: [stage]
  - teams: { url: { env: TEAMS_URL } }
    on: [stage]
  - webhook: { url: { env: HOOK_URL }, secret: { env: HOOK_SECRET } }
    on: [stage]
  - command: { argv: [sh, -c, 'cat >> told.jsonl; echo >> told.jsonl; test \"$TOKEN\" = x'], environment: { TOKEN: x } }
    on: [stage]
";
pub(crate) const WEBHOOK: &str = "  - webhook: { url: { env: HOOK_URL }, secret: { env: HOOK_SECRET } }\n";
pub(crate) const MARK: &str = "checks:\n  - { id: mark, command: { argv: [test, -e, mark] } }\n";

/// The signature, by somebody else.
fn signed(request: &Request) -> String {
    let script = "import base64, hashlib, hmac, sys\nkey = base64.b64decode(sys.argv[1][6:])\nsigned = '.'.join(sys.argv[2:4]).encode() + b'.' + sys.stdin.buffer.read()\nprint('v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())";
    let mut child = Command::new("python3")
        .args(["-c", script, KEY, request.header("webhook-id"), request.header("webhook-timestamp")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.body.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn each_is_told_once_of_a_verdict_and_again_of_another() {
    let receiver = Receiver::fine();
    let program = program(EVERYBODY, MARK, &receiver);
    program.run(&["run"]).code(1);
    for path in ["/slack", "/teams", "/hook"] {
        assert_eq!(receiver.got(path).len(), 1, "{path}");
    }
    let hook = &receiver.got("/hook")[0];
    assert_eq!(hook.header("webhook-signature"), signed(hook));
    let told = hook.json();
    assert_eq!(told["schema"], "gonogo.notification/1");
    assert_eq!(told["id"], hook.header("webhook-id"));
    assert_eq!(
        (&told["of"], &told["verdict"], &told["go"], &told["stage"]),
        (&"stage".into(), &"no_go".into(), &false.into(), &"all".into())
    );
    assert_eq!(told["failures"][0]["check"], "mark");
    let schema = jsonschema::validator_for(&gonogo::notify::notification_schema()).expect("a schema");
    let mistakes: Vec<_> = schema.iter_errors(&told).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let slack = receiver.got("/slack")[0].json();
    assert_eq!(slack["blocks"][0]["text"]["text"], "NO-GO: stage 1 of 1: all");
    assert!(receiver.got("/teams")[0].body.contains("NO-GO: stage 1 of 1: all"));
    assert_eq!(program.read("told.jsonl").lines().count(), 1);
    assert_eq!(program.read("told.jsonl").trim(), hook.body, "a program reads what a webhook gets");

    let result = program.result();
    let sent: Vec<_> = result["notifications"].as_array().unwrap().iter().map(|one| &one["sent"]).collect();
    assert_eq!(sent, [true, true, true, true], "{result}");
    assert!(!program.read("gonogo-out/summary.txt").contains("NOT TOLD"));
    assert!(program.run(&["log"]).stdout.contains("slack was told: NO-GO: stage 1 of 1: all"));

    // The same again is no news.
    program.run(&["run", "all"]).code(1);
    program.run(&["retest", "--failed"]).code(1);
    assert_eq!(receiver.got("/slack").len(), 1);
    // What is another verdict is, and so is the first one when it comes back.
    program.write("mark", "");
    program.run(&["retest", "--failed"]).code(0);
    std::fs::remove_file(program.path("mark")).unwrap();
    program.run(&["retest", "mark"]).code(1);
    let headlines: Vec<_> =
        receiver.got("/hook").iter().map(|request| request.json()["headline"].to_string()).collect();
    assert_eq!(
        headlines,
        ["\"NO-GO: stage 1 of 1: all\"", "\"GO: stage 1 of 1: all\"", "\"NO-GO: stage 1 of 1: all\""]
    );
    assert_eq!(program.read("told.jsonl").lines().count(), 3);
}

#[test]
fn who_is_busy_is_asked_again_with_the_same_id_and_who_says_no_is_not() {
    let receiver = Receiver::start(|path, before| match (path, before) {
        ("/hook", 0) => "500 Internal Server Error",
        ("/hook", 1) => "429 Too Many Requests\r\nRetry-After: 1",
        ("/slack", _) => "404 Not Found",
        ("/teams", _) => "302 Found\r\nLocation: /elsewhere",
        _ => "202 Accepted",
    });
    let program = program(EVERYBODY, MARK, &receiver);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let hooks = receiver.got("/hook");
    assert_eq!(hooks.len(), 3);
    assert!(hooks.iter().all(|hook| hook.header("webhook-id") == hooks[0].header("webhook-id")));
    assert!(hooks.iter().all(|hook| hook.header("webhook-signature") == signed(hook)));
    assert!(
        hooks[2].at.duration_since(hooks[1].at) >= Duration::from_secs(1),
        "Retry-After was not honoured"
    );
    assert_eq!((receiver.got("/slack").len(), receiver.got("/teams").len()), (1, 1));
    assert!(receiver.got("/elsewhere").is_empty(), "a redirect was followed");
    let result = program.result();
    let came: Vec<_> = result["notifications"].as_array().unwrap().iter().collect();
    let of = |to: &str| came.iter().find(|one| one["to"] == to).expect(to);
    assert_eq!((&of("webhook")["sent"], &of("webhook")["tries"]), (&true.into(), &3.into()));
    assert_eq!((&of("slack")["reason"], &of("slack")["tries"]), (&"it answered 404".into(), &1.into()));
    assert_eq!(of("teams")["reason"], "it answered 302, a redirect, which is not followed");
}

#[test]
fn who_cannot_be_told_is_shown_and_changes_nothing() {
    let nobody = Receiver { port: closed(), requests: Arc::default() };
    let program = program(EVERYBODY, MARK, &nobody);
    program.write("mark", "");
    let ended = program.run(&["run"]);
    ended.code(0);
    assert!(ended.stderr.contains("slack could not be told: GO: stage 1 of 1: all"), "{}", ended.stderr);
    let result = program.result();
    assert_eq!((&result["verdict"], &result["go"]), (&"go".into(), &true.into()));
    let summary = program.read("gonogo-out/summary.txt");
    assert!(summary.lines().nth(1).unwrap().starts_with("GO "), "{summary}");
    for (name, mark) in [
        ("summary.txt", "NOT TOLD  slack could not be told"),
        ("summary.md", "slack could not be told"),
        ("report.html", "slack could not be told"),
        ("result.json", "\"sent\":false"),
    ] {
        let text = program.read(&format!("gonogo-out/{name}"));
        assert!(text.contains(mark), "{name}: {text}");
    }
    assert!(program.run(&["status"]).stdout.contains("NOT TOLD"));
    // A journal with it is sound, and another round goes on from it.
    program.run(&["run", "all"]).code(0);
}

/// A port of this machine at which nobody listens.
pub(crate) fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn what_servers_say_calls_nobody_and_fits() {
    let receiver = Receiver::fine();
    let harm = "<!channel> <@U1|x> @here **b** [x](http://evil.example) ::error::";
    let mut checks = "checks:\n".to_owned();
    for number in 0..60 {
        let _ = writeln!(
            checks,
            "  - {{ id: check-{number}, command: {{ argv: [sh, -c, 'cat harm'], expect: {{ stdout: fine }} }} }}"
        );
    }
    let program = program(EVERYBODY, &checks, &receiver);
    program.write("harm", &harm.repeat(200));
    program.run(&["run"]).code(1);
    let slack = &receiver.got("/slack")[0].body;
    assert!(slack.contains("&lt;!channel&gt;"), "{slack}");
    for mark in ["<!", "<@", "@here"] {
        assert!(!slack.contains(mark), "{mark}: {slack}");
    }
    let teams = &receiver.got("/teams")[0].body;
    assert!(teams.len() <= 28_000 && teams.contains("<!channel>"), "{} bytes", teams.len());
    assert!(!teams.contains("\"TextBlock\"") && !teams.contains("entities"), "nothing of it is Markdown");
    assert!(teams.contains("and 50 more: gonogo status"), "{teams}");
}

#[test]
fn a_new_blocker_is_told_while_the_stage_runs() {
    let receiver = Receiver::fine();
    let notify =
        "  - webhook: { url: { env: HOOK_URL }, secret: { env: HOOK_SECRET } }\n    on: [blocker, stage]\n";
    let checks = "checks:\n  - { id: one, command: { argv: ['false'] } }\n  - { id: two, command: { argv: ['false'] } }\n  - { id: waived, command: { argv: ['false'] } }\n  - { id: slow, command: { argv: [sleep, '5'] } }\nwaivers:\n  - { check: waived, until: 2999-01-01, by: ann, because: known }\n";
    let program = program(notify, checks, &receiver);
    program.run(&["run"]).code(1);
    let ended = Instant::now();
    let got = receiver.got("/hook");
    let of: Vec<Value> = got.iter().map(|request| request.json()["of"].clone()).collect();
    assert_eq!(of, ["blocker", "stage"]);
    let first = got[0].json();
    assert_eq!(first["headline"], "2 new blockers in stage 1 of 1: all: one, two");
    assert_eq!((&first["verdict"], &first["go"]), (&Value::Null, &false.into()));
    assert!(ended.duration_since(got[0].at) > Duration::from_secs(2), "it was told only at the end");
    // They are known by now.
    program.run(&["run", "all"]).code(1);
    assert_eq!(receiver.got("/hook").len(), 2);
}

#[test]
fn a_run_that_was_killed_tells_nothing_twice() {
    let receiver = Receiver::fine();
    let notify = "  - webhook: { url: { env: HOOK_URL }, secret: { env: HOOK_SECRET } }\n    on: [stage]\n";
    let checks = "checks:\n  - { id: quick, command: { argv: ['true'] } }\n  - { id: slow, command: { argv: [sh, -c, 'test -e mark || sleep 60'] }, timeout: 90s }\nstages:\n  - { id: first, checks: [quick] }\n  - { id: second, checks: [slow] }\n";
    let program = program(notify, checks, &receiver);
    let mut child = program.start(&["run"]);
    let began = Instant::now();
    // What the journal does not say may never have arrived.
    let is_told = || !receiver.got("/hook").is_empty() && program.journal().contains("\"sent\"");
    while !is_told() && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let headlines: Vec<_> =
        receiver.got("/hook").iter().map(|request| request.json()["headline"].to_string()).collect();
    assert_eq!(headlines, ["\"GO: stage 1 of 2: first\"", "\"GO: stage 2 of 2: second\""]);
}

/// A window that ends so many minutes from now: the last moment to decide is half an hour before.
pub(crate) fn window(minutes: i64) -> String {
    let moment = |minutes: i64| {
        (Timestamp::now() + SignedDuration::from_mins(minutes)).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    };
    format!(
        "window: {{ start: \"{}\", must_be_up_by: \"{}\" }}\nstages:\n  - {{ id: all, undo: 20m }}\n  - {{ id: more, undo: 1m }}\n",
        moment(-60),
        moment(minutes)
    )
}

#[test]
fn that_time_runs_out_is_told_once_by_whoever_sees_it() {
    let receiver = Receiver::fine();
    let clock = "  - webhook: { url: { env: HOOK_URL }, secret: { env: HOOK_SECRET } }\n    on: [decide_now, overdue]\n";
    let program = program(clock, &format!("{MARK}{}", window(35)), &receiver);
    program.write("mark", "");
    program.run(&["run", "all"]);
    program.run(&["run", "all"]);
    let got = receiver.got("/hook");
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got[0].json()["headline"], "DECIDE NOW: stage 1 of 2: all");

    // A run that nobody was told of, watched by somebody who tells.
    program.write("told.yaml", &program.read("gonogo.yaml"));
    program.write("gonogo.yaml", &format!("gonogo: 1\nname: night\n{MARK}{}", window(20)));
    program.run(&["run", "all", "--fresh"]).code(1);
    assert_eq!(receiver.got("/hook").len(), 1);
    for _ in 0..2 {
        let mut child = program
            .command(&["serve", "--listen", "127.0.0.1:0", "--notify", "-f", "told.yaml"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !program.journal().contains("notified") && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // It looks again at least once.
        std::thread::sleep(Duration::from_millis(1500));
        child.kill().unwrap();
        child.wait().unwrap();
        let got = receiver.got("/hook");
        assert_eq!(got.len(), 2, "{got:?}");
        assert_eq!(got[1].json()["headline"], "OVERDUE: stage 1 of 2: all");
    }
    program.run(&["serve", "--listen", "127.0.0.1:0", "--notify"]).code(2);
}

#[test]
fn doctor_proves_that_people_can_be_told_and_sends_nothing() {
    let receiver = Receiver::fine();
    let doctored = program(EVERYBODY, MARK, &receiver);
    let told = doctored.run(&["doctor"]).code(0).stdout.clone();
    assert!(told.contains("POST to env SLACK_URL of stage; nothing was sent"), "{told}");
    let bad = program(WEBHOOK, MARK, &receiver).env("HOOK_URL", "http://hooks.example/canary");
    let told = bad.run(&["doctor"]).code(1).stdout.clone();
    assert!(told.contains("env HOOK_URL: its scheme is `http`") && !told.contains("canary"), "{told}");
    let bad = program(WEBHOOK, MARK, &receiver).env("HOOK_SECRET", "whsec_");
    assert!(bad.run(&["doctor"]).code(1).stdout.contains("env HOOK_SECRET is empty: anybody could sign"));
    let bad = program("  - command: { argv: [no-such-program] }\n", MARK, &receiver);
    assert!(bad.run(&["doctor"]).code(1).stdout.contains("no-such-program is no program"));
    assert!(receiver.requests.lock().unwrap().is_empty());
    // Unless it is asked to: then each gets a message that says that it is none.
    doctored.run(&["doctor", "--notify"]).code(0);
    let hooks = receiver.got("/hook");
    assert_eq!((hooks.len(), receiver.got("/slack").len(), receiver.got("/teams").len()), (1, 1, 1));
    assert_eq!((&hooks[0].json()["rehearsal"], &hooks[0].json()["go"]), (&true.into(), &false.into()));
    let dead = program(
        "  - slack: { url: { env: SLACK_URL } }\n",
        MARK,
        &Receiver { port: closed(), ..Receiver::fine() },
    );
    assert!(dead.run(&["doctor", "--notify"]).code(1).stdout.contains("a test message was not taken: "));
    // A run tells why, and judges all the same.
    let missing = program("  - slack: { url: { env: NOWHERE } }\n", MARK, &receiver);
    missing.write("mark", "");
    missing.run(&["run"]).code(0);
    let reason = &missing.result()["notifications"][0]["reason"];
    assert_eq!(reason, "secret env NOWHERE is not available: the variable is not set");
}
