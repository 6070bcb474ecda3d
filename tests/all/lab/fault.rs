//! A fault as data, and the test of a table of them: healthy, injected, recovered.

use std::fmt::Write as _;

use serde_json::Value;

use super::network::Host;
use super::score::{Finding, Score};
use super::{Lab, fixture};
use crate::support::program::Program;

/// One fault that can be injected.
pub(super) struct Fault {
    /// What it is, as `gonogo explain` knows it.
    pub(super) cause: &'static str,
    /// Causes that show the same from outside.
    pub(super) or: &'static [&'static str],
    /// The check that meets it: one probe with its fields, as in a plan; `LAB` is the lab's folder, `FILLER` 1500 letters.
    pub(super) check: &'static str,
    /// The check as a wrongly configured application makes it.
    instead: Option<&'static str>,
    /// What the check shows.
    shows: Shows,
    /// Do it.
    pub(super) inject: fn(&Lab),
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
    findings: Vec<Finding>,
}

/// A folder with a plan for checks, each the path of a link.
pub(super) fn write_plan(lab: &Lab, program: &Program, checks: &[&str]) {
    let mut text = String::from(
        "gonogo: 1\npeople: { web: { name: Web team }, back: { name: Back-end team }, dba: { name: DBA team } }\nvantages:\n",
    );
    for host in [Host::App1, Host::App2, Host::Db] {
        let _ = writeln!(text, "  {}: {{ exec: {{ prefix: {} }} }}", host.name(), lab.prefix(host));
    }
    text.push_str("apps:\n");
    for (app, owner) in [("app1", "web"), ("app2", "back"), ("db", "dba")] {
        let _ = writeln!(text, "  {app}: {{ runs_on: [{app}], owner: {owner} }}");
    }
    text.push_str("links:\n");
    for (number, check) in checks.iter().enumerate() {
        let check = filled(lab, check);
        let to = if check.contains("db.corp.test") { "db" } else { "app2" };
        let _ = writeln!(
            text,
            "  - id: link-{number}\n    from: app1\n    to: {to}\n    timeout: 8s\n    {check}\n    compare_from: [here, {to}]"
        );
    }
    program.write("gonogo.yaml", &text);
}

fn filled(lab: &Lab, check: &str) -> String {
    check.replace("LAB", &lab.folder.path().display().to_string()).replace("FILLER", &"x".repeat(1500))
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
    let findings = row["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    Seen {
        shows,
        message: row["message"].as_str().unwrap_or_default().to_owned(),
        findings: findings.iter().map(Finding::read).collect(),
    }
}

/// The layers that can break.
const LAYERS: [&str; 7] = ["dns", "route", "tcp", "tls", "protocol", "auth", "payload"];

/// What became of a table of faults.
#[derive(Default)]
pub(super) struct Proof {
    /// What is not as the table says.
    pub(super) mistakes: Vec<String>,
    /// What was told of each fault.
    pub(super) score: Score,
    /// The evidence of each, to be kept.
    pub(super) recorded: Vec<(&'static str, Value)>,
}

/// Inject one fault after the other, and hold what is seen and told to the table.
pub(super) fn prove<'f>(lab: &Lab, faults: impl Iterator<Item = &'f Fault>) -> Proof {
    let mut proof = Proof::default();
    for fault in faults {
        let began = std::time::Instant::now();
        let program = Program::empty();
        let mut mistake = |text: String| proof.mistakes.push(format!("{}: {text}", fault.cause));
        let mut healthy = |when: &str| {
            write_plan(lab, &program, &[fault.check]);
            let seen = look(lab, &program);
            if seen.shows != Some(Shows::Passes) {
                mistake(format!("not healthy {when}: {}", seen.message));
            }
            if let Some(finding) = seen.findings.first() {
                mistake(format!("{} is told though all is well {when}", finding.id));
            }
        };
        healthy("before it");
        lab.record_baseline(&program);
        (fault.inject)(lab);
        if let Some(instead) = fault.instead {
            write_plan(lab, &program, &[instead]);
        }
        let seen = look(lab, &program);
        let ended = lab.ended();
        let recorded = fixture::of(lab, &program, fault);
        lab.restore();
        healthy("after it");
        proof.mistakes.extend(ended.into_iter().map(|ended| format!("{}: {ended}", fault.cause)));
        if seen.shows != Some(fault.shows) {
            let Seen { shows, message, .. } = &seen;
            proof
                .mistakes
                .push(format!("{}: {shows:?} instead of {:?}: {message}", fault.cause, fault.shows));
        }
        proof.score.add(fault, &seen.findings);
        proof.recorded.extend(recorded);
        println!(
            "{:32} {:12} {:5.1} s  {:28} {}",
            fault.cause,
            seen.shows.map_or_else(|| "?".to_owned(), |shows| format!("{shows:?}")),
            began.elapsed().as_secs_f64(),
            seen.findings.first().map_or("-", |finding| &finding.id),
            seen.message
        );
    }
    proof
}
