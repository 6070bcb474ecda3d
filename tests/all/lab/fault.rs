//! A fault as data, and the test of a table of them: healthy, injected, recovered.

use std::fmt::Write as _;

use serde_json::Value;

use super::Lab;
use super::network::Host;
use crate::support::program::Program;

/// One fault that can be injected.
pub(super) struct Fault {
    /// What it is, as `gonogo explain` knows it.
    pub(super) cause: &'static str,
    /// Causes that show the same from outside.
    pub(super) or: &'static [&'static str],
    /// The check that meets it: one probe with its fields, as in a plan.
    pub(super) check: &'static str,
    /// The layer that must break; none when the check passes, and only what it recorded tells.
    pub(super) breaks: Option<&'static str>,
    /// Do it.
    pub(super) inject: fn(&Lab),
}

/// The call of application 1 to application 2.
pub(super) const VERSION: &str = "http: { url: 'http://app2.corp.test:8080/api/version', expect: { json: { '$.application': app2, '$.version': '4.2.0', '$.environment': production } } }";

/// What the check showed from application 1.
struct Seen {
    outcome: String,
    broken: Option<String>,
    message: String,
}

/// A folder with a plan for one check.
fn plan(lab: &Lab, check: &str) -> Program {
    let mut text = String::from("gonogo: 1\nvantages:\n");
    for host in [Host::App1, Host::App2] {
        let _ = writeln!(text, "  {}: {{ exec: {{ prefix: {} }} }}", host.name(), lab.prefix(host));
    }
    let _ = write!(text, "checks:\n  - id: app1-to-app2\n    from: app1\n    timeout: 8s\n    {check}\n");
    Program::with_plan(&text)
}

fn look(lab: &Lab, program: &Program) -> Seen {
    let ended = lab.gonogo(program, &["run", "--fresh"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{:?}: {}{}", ended.code, ended.stdout, ended.stderr);
    let result = program.result();
    let row = &result["checks"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let layers = row["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    Seen {
        outcome: text(&row["outcome"]),
        broken: layers.iter().find(|layer| layer.get("broke").is_some()).map(|layer| text(&layer["layer"])),
        message: text(&row["message"]),
    }
}

/// Inject each fault into a lab of its own, and hold what the check shows to the table; every mistake in one text.
pub(super) fn prove(lab: &Lab, faults: &[Fault]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for fault in faults {
        let began = std::time::Instant::now();
        let program = plan(lab, fault.check);
        let healthy = look(lab, &program);
        if healthy.outcome != "pass" {
            mistakes.push(format!("{}: not healthy before it: {}", fault.cause, healthy.message));
        }
        (fault.inject)(lab);
        let seen = look(lab, &program);
        lab.restore();
        let wanted = if fault.breaks.is_some() { "fail" } else { "pass" };
        if seen.outcome != wanted || seen.broken.as_deref() != fault.breaks {
            mistakes.push(format!(
                "{}: {} at {:?}, want {wanted} at {:?}: {}",
                fault.cause, seen.outcome, seen.broken, fault.breaks, seen.message
            ));
        }
        let after = look(lab, &program);
        if after.outcome != "pass" {
            mistakes.push(format!("{}: not healthy after it: {}", fault.cause, after.message));
        }
        println!(
            "{:32} {:9} {:5.1} s  {}",
            fault.cause,
            seen.broken.as_deref().unwrap_or("-"),
            began.elapsed().as_secs_f64(),
            seen.message
        );
    }
    mistakes
}
