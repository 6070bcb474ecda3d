//! Pods, by a stand-in for `kubectl` that behaves like the real one, its lost exit status included.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::program::Program;

/// A folder with the stand-in first on the PATH, and a cluster for it.
pub(super) fn program(cluster: &Value) -> Program {
    let program = Program::empty();
    let folder = program.path("bin");
    std::fs::create_dir(&folder).expect("a folder");
    program.write("bin/kubectl", include_str!("kubectl.py"));
    std::fs::set_permissions(folder.join("kubectl"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    program.write("bin/cluster.json", &cluster.to_string());
    let path = std::env::var("PATH").expect("PATH");
    program.env("PATH", &format!("{}:{path}", folder.display()))
}

/// A pod of the shop, in which one container runs.
fn pod(app: &str) -> Value {
    json!({ "labels": { "app": app }, "phase": "Running", "containers": ["app"] })
}

/// The only check's row, after a run of a plan with this vantage and this check.
fn row(program: &Program, vantage: &str, check: &str) -> Value {
    program.write(
        "gonogo.yaml",
        &format!(
            "gonogo: 1\nvantages:\n  pods: {{ kubectl: {{ namespace: shop, {vantage} }} }}\nchecks:\n  - {{ id: look, from: pods, {check} }}\n"
        ),
    );
    let ended = program.run(&["run", "--fresh"]);
    let row = program.result()["checks"][0].clone();
    ended.code(i32::from(row["outcome"] != "pass"));
    row
}

fn message(row: &Value) -> &str {
    row["message"].as_str().expect("a message")
}

/// Passes in every pod but `checkout-2`.
const ALL_BUT_ONE: &str = "command: { argv: [sh, -c, 'case $(pwd) in */checkout-2/*) exit 1; esac'] }";

#[test]
fn every_pod_is_looked_from_and_the_worst_one_counts() {
    let mut ended = pod("checkout");
    ended["phase"] = json!("Succeeded");
    let mut leaving = pod("checkout");
    leaving["deleting"] = json!("2026-11-29T03:00:00Z");
    let program = program(&json!({ "namespace": "shop", "pods": {
        "checkout-1": pod("checkout"), "checkout-2": pod("checkout"), "checkout-3": pod("checkout"),
        "checkout-0": ended, "checkout-9": leaving, "mail-1": pod("mail"),
    } }));
    let each = "selector: app=checkout, pods: each";
    let seen = row(&program, each, ALL_BUT_ONE);
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert!(program.journal().contains(r#""of_set":{"name":"checkout-2","places":3,"passed":2}"#));
    // The break that is wanted is missing in two of three: the worst is one of these.
    let seen = row(&program, each, &format!("{ALL_BUT_ONE}, expect_break: payload"));
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert!(program.journal().contains(r#""places":3,"passed":1}"#));
    let seen =
        row(&program, each, "command: { argv: [sh, -c, 'case $(pwd) in */app) exit 0; esac; exit 1'] }");
    assert_eq!(seen["outcome"], "pass", "{seen}");
    assert!(program.journal().contains(r#""places":3,"passed":3}"#));
    // Any one will do.
    let seen = row(&program, "selector: app=checkout, pods: one", ALL_BUT_ONE);
    assert_eq!(seen["outcome"], "pass", "{seen}");
    assert!(program.journal().contains(r#""of_set":{"name":"checkout-1","places":1,"passed":1}"#));
}

#[test]
fn pods_that_cannot_be_found_or_looked_from_are_an_error() {
    let mut waiting = pod("checkout");
    waiting["phase"] = json!("Pending");
    let program = program(&json!({ "namespace": "shop", "pods": {
        "checkout-1": pod("checkout"), "checkout-2": waiting,
    } }));
    let always = "command: { argv: ['true'] }";
    let seen = row(&program, "selector: app=checkout", always);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(message(&seen).contains("pods/checkout-2") && message(&seen).contains("Pending"), "{seen}");
    let seen = row(&program, "selector: app=nobody", always);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(message(&seen).contains("there is no pod with the labels `app=nobody`"), "{seen}");
    // A cluster that does not answer.
    let seen = row(&program, "context: gone, selector: app=checkout", always);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(message(&seen).contains("does not know this namespace"), "{seen}");
    let doctor = program.run(&["doctor"]);
    doctor.code(1);
    assert!(doctor.stdout.contains("FAULT    vantage   pods"), "{}", doctor.stdout);
}

#[test]
fn a_command_that_fails_in_a_pod_is_never_a_pass() {
    let program = program(&json!({ "namespace": "shop", "pods": { "checkout-1": pod("checkout") } }));
    let seen = row(&program, "pod: checkout-1", "command: { argv: ['false'] }");
    assert_eq!(seen["outcome"], "fail", "{seen}");
    // What runs there ends with 1, and the stand-in with 0.
    let seen = row(&program, "pod: checkout-1, program: /bin/false", "command: { argv: ['true'] }");
    assert_eq!(seen["outcome"], "error", "{seen}");
}

#[test]
fn a_pod_without_a_shell_is_looked_from_beside() {
    let mut distroless = pod("checkout");
    distroless["distroless"] = json!(true);
    let mut cluster = json!({ "namespace": "shop", "pods": { "checkout-1": distroless } });
    let program = program(&cluster);
    let beside = "command: { argv: [pwd], expect: { stdout: { contains: /checkout-1/gonogo- } } }";
    let seen = row(&program, "pod: checkout-1, container: app", beside);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(message(&seen).contains("executable file not found"), "{seen}");
    for vantage in ["pod: checkout-1", "selector: app=checkout"] {
        let vantage = format!("{vantage}, container: app, debug_image: 'registry.example/tools:1'");
        let seen = row(&program, &vantage, beside);
        assert_eq!(seen["outcome"], "pass", "{seen}");
    }
    // Every container of ours was told to end, and does.
    let containers = || {
        let entries = std::fs::read_dir(program.path("bin")).expect("the cluster");
        let names = entries.map(|entry| entry.expect("an entry").path());
        names.filter(|path| path.join("pid").exists()).collect::<Vec<_>>()
    };
    assert_eq!(containers().len(), 2);
    let began = std::time::Instant::now();
    for container in containers() {
        let process = std::fs::read_to_string(container.join("pid")).expect("a process");
        while std::path::Path::new("/proc").join(&process).join("fd/0").exists() {
            assert!(began.elapsed() < std::time::Duration::from_secs(10), "{process} still runs");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    cluster["forbidden"] = json!(true);
    program.write("bin/cluster.json", &cluster.to_string());
    let vantage = "pod: checkout-1, container: app, debug_image: 'registry.example/tools:1'";
    let seen = row(&program, vantage, beside);
    assert_eq!(seen["outcome"], "error", "{seen}");
    assert!(message(&seen).contains("ephemeralcontainers is forbidden"), "{seen}");
}
