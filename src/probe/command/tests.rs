//! Programs run for real: `sh`, `cat`, `sleep`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Command;
use crate::environment::Environment;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::{Ended, Seen, Trace, VantageError};
use crate::probe::{Context, Probe, Recorder, Surroundings};
use crate::secret::{Scrubber, Vault};

fn command(node: serde_json::Value) -> Command {
    serde_json::from_value(node).unwrap()
}

fn sh(script: &str) -> serde_json::Value {
    json!({ "argv": ["sh", "-c", script] })
}

fn context(extra: &[(&str, &str)]) -> Context {
    let path = std::env::var("PATH").unwrap_or_default();
    let pairs = [("PATH", path.as_str()), ("HOME", "/nowhere"), ("ORDERS_PASSWORD", "hunter22")];
    let environment = Arc::new(Environment::from_pairs(pairs.into_iter().chain(extra.iter().copied())));
    let vault = Arc::new(Vault::new(Arc::clone(&environment), Arc::new(Scrubber::default())));
    Context { vault, environment, net: Arc::default() }
}

async fn look(probe: &Command, timeout: Duration) -> Trace {
    let mut recorder = Recorder::new(context(&[]), timeout, CancellationToken::new());
    let result = probe.run(&mut recorder).await;
    recorder.finish(result)
}

async fn judged(node: serde_json::Value) -> Judgement {
    let probe = command(node);
    Judgement::of(&look(&probe, Duration::from_secs(10)).await, &probe.layers(), None)
}

fn with(mut node: serde_json::Value, key: &str, value: serde_json::Value) -> serde_json::Value {
    node[key] = value;
    node
}

#[tokio::test]
async fn exit_zero_passes_and_shows_its_first_line() {
    let judgement = judged(sh("echo ready; echo more")).await;
    assert_eq!((judgement.outcome, judgement.message.as_str()), (Outcome::Pass, "exit 0: ready"));
}

#[tokio::test]
async fn what_a_quiet_program_prints_is_in_no_trace() {
    let quiet = |script: &str, expect| with(with(sh(script), "quiet", json!(true)), "expect", expect);
    for (node, outcome) in [
        (quiet("echo hunter44", json!({ "stdout": { "contains": "hunter" } })), Outcome::Pass),
        (quiet("echo hunter44", json!({ "stdout": { "not": { "contains": "hunter" } } })), Outcome::Fail),
        (quiet("echo hunter44", json!({ "stdout": "other" })), Outcome::Fail),
        (quiet("echo hunter44 >&2; exit 1", json!({ "exit": 0 })), Outcome::Fail),
        (with(with(sh("echo hunter44; exit 2"), "quiet", json!(true)), "nagios", json!(true)), Outcome::Fail),
    ] {
        let probe = command(node);
        let trace = look(&probe, Duration::from_secs(10)).await;
        assert_eq!(Judgement::of(&trace, &probe.layers(), None).outcome, outcome, "{trace:?}");
        let text = serde_json::to_string(&trace).unwrap();
        assert!(!text.contains("hunter44"), "{text}");
    }
}

#[tokio::test]
async fn another_exit_code_fails_unless_it_is_expected() {
    let judgement = judged(sh("exit 3")).await;
    assert_eq!((judgement.outcome, judgement.message.as_str()), (Outcome::Fail, "exit: 3, want 0"));
    let judgement = judged(with(sh("exit 3"), "expect", json!({ "exit": 3 }))).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    // An expectation about the output does not take the exit code's away.
    let judgement = judged(with(sh("echo ok; exit 3"), "expect", json!({ "stdout": "ok" }))).await;
    assert_eq!(judgement.outcome, Outcome::Fail);
}

#[tokio::test]
async fn a_signal_is_never_a_pass() {
    for expect in [json!({}), json!({ "exit": 0 }), json!({ "exit": 9 })] {
        let judgement = judged(with(sh("kill -9 $$"), "expect", expect)).await;
        assert_eq!(judgement.outcome, Outcome::Fail);
        assert!(judgement.message.contains("ended by signal 9"), "{}", judgement.message);
    }
}

#[tokio::test]
async fn input_environment_and_folder_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let probe = command(json!({
        "argv": ["sh", "-c", "cat; echo \"$STAGE\"; pwd; echo \"<$ORDERS_PASSWORD>\""],
        "stdin": "fed\n",
        "environment": { "STAGE": 2 },
        "directory": folder.path(),
    }));
    let trace = look(&probe, Duration::from_secs(10)).await;
    let Some(Seen::Worked(Fact::Exited { stdout, .. })) = trace.observations.last().map(|last| &last.seen)
    else {
        panic!("{trace:?}")
    };
    // The password of our own environment is not handed on.
    assert_eq!(*stdout, format!("fed\n2\n{}\n<>\n", folder.path().canonicalize().unwrap().display()));
}

#[tokio::test]
async fn a_secret_reaches_the_program_and_nothing_else() {
    let node = json!({
        "argv": ["sh", "-c", "echo got $TOKEN; echo $TOKEN >&2; exit 1"],
        "environment": { "TOKEN": { "env": "ORDERS_PASSWORD" } },
    });
    let trace = look(&command(node), Duration::from_secs(10)).await;
    let written = serde_json::to_string(&trace).unwrap();
    assert!(written.contains("***") && !written.contains("hunter22"), "{written}");
}

#[tokio::test]
async fn a_program_that_cannot_start_is_our_trouble() {
    for argv in [json!(["no-such-program-here"]), json!(["/etc/passwd"])] {
        let trace = look(&command(json!({ "argv": argv })), Duration::from_secs(10)).await;
        assert!(matches!(trace.ended, Ended::Blind(VantageError::Start { .. })), "{trace:?}");
    }
    let node = json!({ "argv": ["true"], "directory": "/no/such/folder" });
    let trace = look(&command(node), Duration::from_secs(10)).await;
    assert!(matches!(trace.ended, Ended::Blind(VantageError::Unreadable { .. })), "{trace:?}");
}

#[tokio::test]
async fn everything_it_started_ends_with_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!("(sleep 1.5; touch {}) & sleep 30", mark.display());
    let began = Instant::now();
    let trace = look(&command(sh(&script)), Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(matches!(trace.broken(), Some((_, Fault::TimedOut { .. }))), "{trace:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!mark.exists(), "the grandchild lived on");
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_does_not_hold_us() {
    let began = Instant::now();
    let judgement = judged(sh("sleep 4 & echo ready")).await;
    assert_eq!((judgement.outcome, judgement.message.as_str()), (Outcome::Pass, "exit 0: ready"));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn endless_output_is_drained_and_never_half_judged() {
    let flood = "head -c 3000000 /dev/zero | tr '\\0' x";
    assert_eq!(judged(sh(flood)).await.outcome, Outcome::Pass);
    let expect = json!({ "stdout": { "not": { "contains": "ERROR" } } });
    let probe = command(with(sh(flood), "expect", expect));
    let trace = look(&probe, Duration::from_secs(10)).await;
    assert!(matches!(trace.broken(), Some((_, Fault::TooLarge { .. }))));
}

#[tokio::test]
async fn an_input_nobody_reads_is_no_fault() {
    let node = with(json!({ "argv": ["true"] }), "stdin", json!("x".repeat(1_000_000)));
    assert_eq!(judged(node).await.outcome, Outcome::Pass);
}

#[tokio::test]
async fn plugin_states() {
    let plugin = |code: u8, line: &str| {
        with(sh(&format!("echo '{line}|time=1'; exit {code}")), "nagios", json!(true))
    };
    let judgement = judged(plugin(0, "DISK OK - 80% free")).await;
    assert_eq!(judgement.message, "exit 0: DISK OK - 80% free|time=1");
    for (code, line, word) in [(1, "DISK WARNING - 9% free", "WARNING"), (2, "full", "CRITICAL")] {
        let judgement = judged(plugin(code, line)).await;
        assert_eq!(judgement.outcome, Outcome::Fail);
        assert!(judgement.message.contains(word), "{}", judgement.message);
    }
    for code in [3, 4, 127] {
        let judgement = judged(plugin(code, "no idea")).await;
        assert_eq!(judgement.outcome, Outcome::Error, "{judgement:?}");
        assert!(judgement.message.contains("no idea"), "{}", judgement.message);
    }
    assert_eq!(judged(with(sh("kill -9 $$"), "nagios", json!(true))).await.outcome, Outcome::Error);
}

#[test]
fn mistakes_are_told_when_the_plan_is_loaded() {
    let surroundings =
        Surroundings { folder: std::path::Path::new("/plans"), databases: &indexmap::IndexMap::new() };
    let problems = |node| command(node).bind(&surroundings).into_iter().map(|problem| problem.message);
    assert_eq!(problems(json!({ "argv": [] })).collect::<Vec<_>>(), ["`argv` needs at least a program"]);
    assert_eq!(
        problems(json!({ "argv": ["true"], "expect": {} })).collect::<Vec<_>>(),
        ["`expect` asserts nothing"]
    );
    assert_eq!(
        problems(json!({ "argv": ["x"], "nagios": true, "expect": { "exit": 1 } })).count(),
        1
    );
    let mut relative = command(json!({ "argv": ["./check.sh", "a b"], "directory": "work" }));
    assert_eq!(relative.bind(&surroundings), []);
    assert_eq!(relative.target(), "/plans/check.sh 'a b'");
    assert_eq!(relative.directory.as_deref(), Some(std::path::Path::new("/plans/work")));
}
