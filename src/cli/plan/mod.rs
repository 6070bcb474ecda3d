//! `gonogo plan`: what would be looked at, when, and what is owed until when.

mod clock;
mod graph_dot;
mod graph_html;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::arguments::{Format, Picture, Plan as Arguments};
use super::validate::counted;
use super::{Shared, load};
use crate::environment::{PROXIES, TRUST_AND_NAMES};
use crate::model::application::{AsApplication, Variables};
use crate::model::notification::Target;
use crate::model::outline::{Check, HERE, LinkPart, Outline, Stage};
use crate::period::Period;
use crate::plan::Plan;
use crate::report::picture::Graph;
use crate::report::text;
use crate::secret::Scrubber;
use crate::verdict::Exit;
use crate::window::Night;
pub(super) use clock::cannot_work;

pub(super) fn plan(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Scrubber::default();
    let Ok(plan) = load::usable(&arguments.files, shared, &scrubber) else { return Exit::Usage };
    let night = Night::of(&plan.outline);
    let shown = match (arguments.graph, arguments.format, arguments.commands) {
        (Some(Picture::Dot), ..) => graph_dot::render(&Graph::of(&plan.outline)),
        (Some(Picture::Html), ..) => graph_html::render(&Graph::of(&plan.outline)),
        (None, Format::Json, _) => json(&plan, night.as_ref()),
        (None, Format::Text, true) => commands(&plan),
        (None, Format::Text, false) => stages(&plan.outline, night.as_ref()) + &told(&plan),
    };
    shared.terminal.print(&scrubber.text(&shown));
    match cannot_work(&plan.outline) {
        Some(mistake) => {
            shared.terminal.tell(&mistake.render(shared.terminal.color_err));
            Exit::Usage
        }
        None => Exit::Go,
    }
}

fn stages(outline: &Outline, night: Option<&Night>) -> String {
    let mut out = format!(
        "{}: {} in {}\n",
        outline.name,
        counted(outline.checks.len(), "check"),
        counted(outline.stages.len(), "stage")
    );
    out.push_str(&night.map_or_else(String::new, |night| clock::window(outline, night)));
    for (index, stage) in outline.stages.iter().enumerate() {
        let _ = write!(out, "\n{} {}", index + 1, stage.id);
        if let Some(title) = &stage.title {
            let _ = write!(out, "  {}", text::line(title));
        }
        if let Some(owner) = &stage.owner {
            let _ = write!(out, "  owner {}", text::line(outline.person(owner)));
        }
        out.push_str(&times(stage));
        out.push('\n');
        out.push_str(&night.map_or_else(String::new, |night| clock::stage(outline, night, index)));
        let due = outline.checks.iter().filter(|check| check.due() == index);
        let owed = outline.checks.iter().filter(|check| check.stage == index && check.due() != index);
        let mut empty = true;
        for check in due {
            empty = false;
            out.push_str(&line(outline, check));
        }
        for check in owed {
            empty = false;
            let until = &outline.stages[check.due()].id;
            let because = check.defer.as_ref().map_or("", |defer| defer.because.as_str());
            let _ = writeln!(out, "  owed until {until}  {}: {}", check.id, text::line(because));
        }
        if empty {
            out.push_str("  nothing is due here but the blockers that were green before\n");
        }
    }
    for waiver in &outline.waivers {
        let _ = writeln!(
            out,
            "\nwaiver  {} until {} by {}: {}",
            waiver.check,
            waiver.until,
            outline.person(&waiver.by),
            text::line(&waiver.because)
        );
    }
    out
}

/// Who is told of a run, how, and of what.
fn told(plan: &Plan) -> String {
    let lines = plan.notify.iter().map(|Target { name, way, on }| {
        let of: Vec<&str> = on.0.iter().map(|occasion| occasion.name()).collect();
        format!("\nnotify  {name} of {}: {}\n", of.join(", "), text::line(&way.to_string()))
    });
    lines.collect()
}

fn times(stage: &Stage) -> String {
    let parts = [
        ("work", stage.duration_s),
        ("settle", stage.wait_s),
        ("sanity", stage.sanity_s),
        ("undo", stage.undo_s),
    ];
    let shown = parts.into_iter().filter_map(|(word, seconds)| {
        seconds.map(|seconds| format!("  {word} {}", Period(Duration::from_secs(seconds))))
    });
    shown.collect()
}

fn line(outline: &Outline, check: &Check) -> String {
    let mut line =
        format!("  {:8} {}  {} {}", check.severity.name(), check.id, check.kind, text::line(&check.target));
    if let Some(link) = &check.link {
        let _ = match link.part {
            LinkPart::Path => {
                let who = link.as_application.as_ref().map_or_else(String::new, |who| format!(" {who}"));
                write!(
                    line,
                    "  link {} to {}, from {}{}",
                    link.from,
                    link.to,
                    check.from.join(", "),
                    text::line(&who)
                )
            }
            LinkPart::Through => write!(line, "  through {}, from {}", link.from, check.from.join(", ")),
            LinkPart::Configured => {
                write!(line, "  as {} is configured, on {}", link.from, check.from.join(", "))
            }
        };
    } else if check.from.iter().any(|vantage| **vantage != *HERE) {
        let _ = write!(line, "  from {}", check.from.join(", "));
    }
    if let Some(owner) = &check.owner {
        let _ = write!(line, "  owner {}", text::line(outline.person(owner)));
    }
    if !check.needs.is_empty() {
        let _ = write!(line, "  needs {}", check.needs.join(", "));
    }
    if let Some(link) =
        check.link.as_ref().filter(|link| link.part == LinkPart::Path && !link.compare_from.is_empty())
    {
        let _ = write!(line, "  when it fails, also asked from {}", link.compare_from.join(", "));
    }
    if let Some(layer) = check.expect_break {
        let _ = write!(line, "  must break at {layer}");
    }
    if check.defer.is_some() {
        let _ = write!(line, "  owed since {}", outline.stages[check.stage].id);
    }
    line.push('\n');
    line
}

/// What diagnosis asks beyond the plan (`runner::questions`).
const ONCE_FAILED: &str = "
once a check has failed, at most 32 times a stage, for at most 4 s each once a place is open:
  from here, the target's own hosts and compare_from: the same, or a connection when it would change something
  from its own place: the same up to 5 times, connections to the baseline's address and to ports 22, 443 and 1 of
  the target's host, and the name asked of each name server; the same without the proxy, and of
  as_application the same as the vantage's own user with its own variables; of TLS, client hellos with old versions and suites
  and without the name, a handshake with another version, name or no client certificate, and
  GET / in clear text without headers and credentials
  on the target's own hosts: connections to the port on loopback, and the list of listening sockets
  of a web server that answers 4xx or 5xx, by GET: the path without its own headers, the root path, the path of the next
  version; on the target's own hosts, the path from up to 12 other listening ports, without credentials
  of PostgreSQL, with the login of the check: pg_catalog for the names in a statement that failed; a login over TLS, or at
  port 5432 of its host, where that may tell why a login was refused
";

fn commands(plan: &Plan) -> String {
    let mut out = String::new();
    let program = ["gonogo".to_owned(), "__agent".to_owned()];
    for (id, vantage) in &*plan.vantages {
        // Of a set, which ones they are, and of a place of ours beside it, how it is made.
        let set = vantage.set();
        let place = if set.is_some() { vantage.member("POD") } else { vantage.clone() };
        let beside = place.beside("gonogo-RANDOM");
        let place = beside.as_ref().map_or(&place, |beside| &beside.place);
        let command = place.command(&program, Path::new("PRIVATE-FOLDER"));
        let before =
            set.map(|set| set.list).into_iter().chain(beside.as_ref().map(|beside| beside.make.clone()));
        for command in before.chain([command]) {
            let _ = writeln!(out, "{HERE}  {id}  {}", text::line(&command.join(" ")));
        }
    }
    for (vantage, who) in plan.applications() {
        let _ = writeln!(out, "{vantage}  {}", text::line(&of_application(&who)));
    }
    for (check, job) in plan.outline.checks.iter().zip(&plan.jobs) {
        for vantage in &check.from {
            for command in job.probe.commands() {
                let _ = writeln!(out, "{vantage}  {}  {}", check.id, text::line(&command));
            }
        }
    }
    for Target { name, way, .. } in plan.notify.iter() {
        let _ = writeln!(out, "{HERE}  notify {name}  {}", text::line(&way.to_string()));
    }
    out.push_str(ONCE_FAILED);
    out
}

/// What is done at a vantage to look as an application.
fn of_application(who: &AsApplication) -> String {
    let user = who.user.as_ref().map_or_else(String::new, |user| {
        format!("become {user} with its groups (root), else: sudo -n -u {user} -- gonogo __agent; ")
    });
    let variables = match &who.environment {
        Variables::Vantage => "keep the vantage's own variables".to_owned(),
        Variables::Process(pattern) => {
            format!("read /proc/*/cmdline, and /proc/PID/environ of processes that match /{pattern}/")
        }
        Variables::PidFile(file) => format!("read {}, and /proc/PID/environ", file.display()),
        Variables::Unit(unit) => {
            format!("read /proc/*/cgroup, and /proc/PID/environ of processes of {unit}")
        }
    };
    let taken = PROXIES.iter().chain(&TRUST_AND_NAMES).filter(|name| **name == name.to_ascii_uppercase());
    let taken = taken.copied().collect::<Vec<_>>().join(", ");
    let only = if who.environment.are_of_process() { format!("; of it only {taken}") } else { String::new() };
    format!("{user}{variables}{only}")
}

fn json(plan: &Plan, night: Option<&Night>) -> String {
    let outline = &plan.outline;
    let checks = outline.checks.iter().zip(&plan.jobs).map(|(check, job)| {
        json!({
            "id": check.id, "title": check.title, "kind": check.kind, "target": check.target, "from": check.from,
            "severity": check.severity, "owner": check.owner, "needs": check.needs, "tags": check.tags,
            "stage": outline.stages[check.stage].id, "due": outline.stages[check.due()].id,
            "deferred_because": check.defer.as_ref().map(|defer| &defer.because),
            "link": check.link, "file": check.place.file, "line": check.place.line, "commands": job.probe.commands(),
        })
    });
    let checks: Vec<_> = checks.collect();
    let pieces = outline.pieces.iter().map(|piece| {
        json!({
            "kind": piece.kind.name(), "id": piece.id, "owner": piece.owner, "runs_on": piece.runs_on,
            "up_from": outline.stages.get(piece.up_from).map(|stage| &stage.id),
        })
    });
    let pieces: Vec<_> = pieces.collect();
    let told = plan
        .notify
        .iter()
        .map(|Target { name, way, on }| json!({ "to": name, "by": way.to_string(), "of": on.0 }));
    let told: Vec<_> = told.collect();
    let shown = json!({
        "plan": { "name": outline.name, "sha256": outline.sha256 },
        "window": outline.window, "clock": night.map(|night| clock::json(outline, night)),
        "stages": outline.stages, "pieces": pieces, "checks": checks, "waivers": outline.waivers,
        "notify": told,
    });
    shown.to_string()
}
