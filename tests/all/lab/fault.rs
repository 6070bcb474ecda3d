//! A fault as data, and the test of a table of them: healthy, injected, recovered.

use std::fmt::Write as _;

use super::Lab;
use super::network::Host;
use crate::support::program::Program;

/// One fault that can be injected.
pub(super) struct Fault {
    /// What it is, as `gonogo explain` knows it.
    pub(super) cause: &'static str,
    /// Causes that show the same from outside.
    pub(super) or: &'static [&'static str],
    /// The check that meets it: one probe with its fields, as in a plan; `LAB` is the lab's folder, `FILLER` 1500 letters.
    check: &'static str,
    /// The check as a wrongly configured application makes it.
    instead: Option<&'static str>,
    /// What the check shows.
    shows: Shows,
    /// Do it.
    inject: fn(&Lab),
}

/// What the check shows while the fault is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// It passes: only what it recorded tells.
    Passes,
    /// It fails, and this layer is the lowest that breaks.
    Breaks(&'static str),
    /// It cannot look at all, and says so.
    Errs,
}

impl Fault {
    pub(super) const fn new(
        cause: &'static str,
        check: &'static str,
        shows: Shows,
        inject: fn(&Lab),
    ) -> Self {
        Self { cause, or: &[], check, instead: None, shows, inject }
    }

    /// The same seen from outside has these causes too.
    pub(super) const fn or(mut self, or: &'static [&'static str]) -> Self {
        self.or = or;
        self
    }

    /// A fault of the caller's own configuration: this is what it calls.
    pub(super) const fn configured(
        cause: &'static str,
        check: &'static str,
        instead: &'static str,
        shows: Shows,
    ) -> Self {
        Self::configured_and(cause, check, instead, shows, |_| {})
    }

    /// The same, with what it meets there.
    pub(super) const fn configured_and(
        cause: &'static str,
        check: &'static str,
        instead: &'static str,
        shows: Shows,
        inject: fn(&Lab),
    ) -> Self {
        Self { cause, or: &[], check, instead: Some(instead), shows, inject }
    }
}

/// The call of application 1 to application 2.
pub(super) const VERSION: &str = "http: { url: 'http://app2.corp.test:8080/api/version', expect: { json: { '$.application': app2, '$.version': '4.2.0', '$.environment': production } } }";

/// What the check showed from application 1.
struct Seen {
    shows: Option<Shows>,
    message: String,
}

/// A folder with a plan for one check.
fn write_plan(lab: &Lab, program: &Program, check: &str) {
    let mut text = String::from("gonogo: 1\nvantages:\n");
    for host in [Host::App1, Host::App2] {
        let _ = writeln!(text, "  {}: {{ exec: {{ prefix: {} }} }}", host.name(), lab.prefix(host));
    }
    let check =
        check.replace("LAB", &lab.folder.path().display().to_string()).replace("FILLER", &"x".repeat(1500));
    let _ = write!(text, "checks:\n  - id: app1-to-app2\n    from: app1\n    timeout: 8s\n    {check}\n");
    program.write("gonogo.yaml", &text);
}

fn look(lab: &Lab, program: &Program) -> Seen {
    let ended = lab.gonogo(program, &["run", "--fresh"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{:?}: {}{}", ended.code, ended.stdout, ended.stderr);
    let result = program.result();
    let row = &result["checks"][0];
    let broken =
        row["layers"].as_array().and_then(|layers| layers.iter().find(|layer| layer.get("broke").is_some()));
    let layer = broken.and_then(|layer| layer["layer"].as_str());
    let shows = match (row["outcome"].as_str(), layer) {
        (Some("pass"), None) => Some(Shows::Passes),
        (Some("error"), None) => Some(Shows::Errs),
        (Some("fail"), Some(layer)) => {
            LAYERS.iter().find(|one| **one == layer).map(|layer| Shows::Breaks(layer))
        }
        _ => None,
    };
    Seen { shows, message: row["message"].as_str().unwrap_or_default().to_owned() }
}

/// The layers that can break.
const LAYERS: [&str; 7] = ["dns", "route", "tcp", "tls", "protocol", "auth", "payload"];

/// Inject one fault after the other, and hold what the check shows to the table; the mistakes.
pub(super) fn prove(lab: &Lab, faults: &[Fault]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for fault in faults {
        let began = std::time::Instant::now();
        let program = Program::empty();
        write_plan(lab, &program, fault.check);
        let healthy = look(lab, &program);
        if healthy.shows != Some(Shows::Passes) {
            mistakes.push(format!("{}: not healthy before it: {}", fault.cause, healthy.message));
        }
        (fault.inject)(lab);
        if let Some(instead) = fault.instead {
            write_plan(lab, &program, instead);
        }
        let seen = look(lab, &program);
        mistakes.extend(lab.ended().into_iter().map(|ended| format!("{}: {ended}", fault.cause)));
        lab.restore();
        if seen.shows != Some(fault.shows) {
            mistakes.push(format!(
                "{}: {:?} instead of {:?}: {}",
                fault.cause, seen.shows, fault.shows, seen.message
            ));
        }
        write_plan(lab, &program, fault.check);
        let after = look(lab, &program);
        if after.shows != Some(Shows::Passes) {
            mistakes.push(format!("{}: not healthy after it: {}", fault.cause, after.message));
        }
        println!(
            "{:32} {:12} {:5.1} s  {}",
            fault.cause,
            seen.shows.map_or_else(|| "?".to_owned(), |shows| format!("{shows:?}")),
            began.elapsed().as_secs_f64(),
            seen.message
        );
    }
    mistakes
}
