//! `gonogo probe`: one look at one target, layer by layer, without a plan.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::arguments::{Format, PlanFiles, Probe as Arguments};
use super::{Shared, load, signals};
use crate::clock;
use crate::diagnosis::{Evidence, diagnose};
use crate::model::cause::Diagnosis;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::{Check, HERE, Link, LinkPart, Outline, Place, Severity, VantageId};
use crate::model::trace::{self, Trace};
use crate::plan::Job;
use crate::probe::{Spec, Surroundings};
use crate::report::{causes, text};
use crate::runner::{examine, look};
use crate::secret::Scrubber;
use crate::vantage::{Places, ad_hoc};
use crate::verdict::Exit;

pub(super) async fn probe(arguments: &Arguments, shared: &Shared) -> Exit {
    let scrubber = Arc::new(Scrubber::default());
    let probe = match spec(&arguments.target, &scrubber) {
        Ok(probe) => probe,
        Err(reason) => {
            let help =
                "a target is https://..., postgres://..., tcp://host:port, tls://host:port or dns:name";
            shared.terminal.error(&scrubber.text(&reason), Some(help));
            return Exit::Usage;
        }
    };
    let job = Job { probe, as_application: None, timeout: arguments.timeout.0, retry: None };
    let outline = outline(arguments, &job);
    let cancel = signals::cancelled_by_signals();
    let places = match places(arguments, shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    let Some(check) = outline.checks.first() else { return Exit::Usage };
    let looking = check.from.iter().map(async |vantage| {
        let look = look(&job, &check.layers, None, (&places, vantage), &cancel).await;
        (vantage, look.tries.into_iter().last(), look.judgement)
    });
    let seen: Vec<(&VantageId, Option<Trace>, Judgement)> = join_all(looking).await;
    // Without a comparison every place decides.
    let deciding = if arguments.compare { 1 } else { seen.len() };
    let telling = seen.iter().enumerate().map(async |(index, (vantage, trace, judgement))| {
        let beside = seen.iter().filter(|(other, ..)| other != vantage);
        let beside = beside.filter_map(|(other, trace, _)| Some((&***other, trace.as_ref()?))).collect();
        let asked = match trace {
            Some(trace) if index < deciding => {
                let seen = (judgement.outcome, trace);
                examine((check, &job), vantage, seen, &places, &cancel).await.map(|asked| (trace, asked))
            }
            Some(_) | None => None,
        };
        let findings = asked.map(|(trace, asked)| {
            let answers = &asked.answers;
            let (outline, seen_at) = (&outline, Some(clock::now()));
            diagnose(&Evidence {
                outline,
                check,
                vantage,
                seen_at,
                trace,
                before: None,
                answers,
                beside,
                back: Vec::new(),
                path: None,
            })
        });
        Seen {
            target: &check.target,
            vantage,
            trace: trace.as_ref(),
            judgement,
            findings: findings.unwrap_or_default(),
        }
    });
    let shown = join_all(telling).await;
    places.close().await;
    let text = match arguments.format {
        Format::Json => as_json(&shown),
        Format::Text => shown.iter().map(|one| as_table(one, &outline)).collect::<Vec<_>>().join("\n"),
    };
    shared.terminal.print(&scrubber.text(&text));
    let passed = shown.iter().take(deciding).all(|seen| seen.judgement.outcome == Outcome::Pass);
    match (cancel.is_cancelled(), passed) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Go,
        (false, false) => Exit::NoGo,
    }
}

/// What one vantage showed.
struct Seen<'a> {
    target: &'a str,
    vantage: &'a str,
    trace: Option<&'a Trace>,
    judgement: &'a Judgement,
    findings: Vec<Diagnosis>,
}

/// A plan of one check, as diagnosis knows it.
fn outline(arguments: &Arguments, job: &Job) -> Outline {
    let from: Vec<VantageId> = arguments.from.iter().map(|word| word.as_str().into()).collect();
    let target = job.probe.target();
    let link = Link {
        id: "probe".into(),
        part: LinkPart::Path,
        from: arguments.from.first().cloned().unwrap_or_default(),
        to: target.clone(),
        to_owner: None,
        to_runs_on: arguments.target_host.iter().map(|word| word.as_str().into()).collect(),
        compare_from: Vec::new(),
        as_application: None,
    };
    let check = Check {
        id: "probe".into(),
        title: None,
        kind: job.probe.kind().to_owned(),
        target,
        layers: job.probe.layers(),
        from,
        severity: Severity::Blocker,
        owner: None,
        tags: Vec::new(),
        needs: Vec::new(),
        touches: Vec::new(),
        expect_break: None,
        stage: 0,
        defer: None,
        again: false,
        manual: false,
        link: Some(Arc::new(link)),
        place: Place { file: "".into(), line: 1 },
    };
    Outline {
        name: "probe".to_owned(),
        change: None,
        sha256: String::new(),
        zone: None,
        window: None,
        max_minor: 0,
        people: IndexMap::new(),
        stages: Vec::new(),
        checks: vec![check],
        waivers: Vec::new(),
        pieces: Vec::new(),
    }
}

/// The places that are named: vantages of the plan, or words.
fn places(arguments: &Arguments, shared: &Shared, scrubber: &Arc<Scrubber>) -> Result<Arc<Places>, Exit> {
    let known = match &arguments.file {
        Some(file) => {
            let wanted = PlanFiles { file: vec![file.clone()], ..PlanFiles::default() };
            let plan = load::usable(&wanted, shared, scrubber).map_err(|_| Exit::Usage)?;
            IndexMap::clone(&plan.vantages)
        }
        None => IndexMap::new(),
    };
    let mut vantages = IndexMap::new();
    for word in arguments.from.iter().chain(&arguments.target_host).filter(|word| *word != HERE) {
        let found = match known.get(word) {
            Some(vantage) => Ok(vantage.clone()),
            None => ad_hoc(word),
        };
        match found {
            Ok(vantage) => vantages.insert(word.clone(), vantage),
            Err(reason) => {
                let help = "a vantage is here, ssh:HOST, docker:NAME, podman:NAME, kubectl:NAMESPACE/POD/CONTAINER or exec:WORDS; \
                            with -f PLAN also one of its vantages";
                shared.terminal.error(&reason, Some(help));
                return Err(Exit::Usage);
            }
        };
    }
    load::places(&vantages, Vec::new(), shared, scrubber)
}

fn spec(target: &str, scrubber: &Scrubber) -> Result<Spec, String> {
    learn_password(target, scrubber);
    let (kind, fields) = if let Some(name) = target.strip_prefix("dns:") {
        ("dns", json!({ "name": name.trim_start_matches("//") }))
    } else {
        let Some((scheme, rest)) = target.split_once("://") else {
            return Err(format!("`{target}` has no scheme"));
        };
        match scheme {
            "http" | "https" => ("http", json!({ "url": target })),
            "postgres" | "postgresql" => ("postgres", json!({ "url": target })),
            "tcp" => ("tcp", json!({ "address": rest.trim_end_matches('/') })),
            "tls" => ("tls", json!({ "address": rest.trim_end_matches('/') })),
            other => return Err(format!("there is no probe for `{other}://`")),
        }
    };
    let read = Spec::read(kind, fields).ok_or_else(|| format!("there is no `{kind}` probe"))?;
    let mut spec = read.map_err(|error| format!("`{target}`: {error}"))?;
    let databases = IndexMap::new();
    let surroundings = Surroundings { folder: Path::new("."), databases: &databases };
    match spec.bind(&surroundings).into_iter().next() {
        Some(problem) => Err(match problem.help {
            Some(help) => format!("`{target}`: {} ({help})", problem.message),
            None => format!("`{target}`: {}", problem.message),
        }),
        None => Ok(spec),
    }
}

/// A password typed in a URL must not come back in anything printed; the URL need not make sense for that.
pub(super) fn learn_password(target: &str, scrubber: &Scrubber) {
    for range in crate::file::url_secrets(target) {
        let password = &target[range];
        scrubber.learn(password);
        scrubber.learn(&percent_encoding::percent_decode_str(password).decode_utf8_lossy());
    }
}

/// One object, or a list of them when several vantages were asked for.
fn as_json(seen: &[Seen<'_>]) -> String {
    match seen {
        [one] => json_of(one).to_string(),
        several => Value::from(several.iter().map(json_of).collect::<Vec<_>>()).to_string(),
    }
}

fn json_of(seen: &Seen<'_>) -> Value {
    let judgement = seen.judgement;
    let mut shown = json!({
        "target": seen.target,
        "vantage": seen.vantage,
        "layers": seen.trace.map_or(&[][..], |trace| &trace.observations),
        "outcome": judgement.outcome,
        "message": judgement.message,
        "findings": seen.findings,
    });
    if let (Value::Object(fields), Some(expected), Some(got)) =
        (&mut shown, &judgement.expected, &judgement.got)
    {
        fields.insert("expected".to_owned(), Value::from(expected.as_str()));
        fields.insert("got".to_owned(), Value::from(got.as_str()));
    }
    shown
}

fn as_table(seen: &Seen<'_>, outline: &Outline) -> String {
    let mut out = format!("{} from {}\n", text::line(seen.target), text::line(seen.vantage));
    for observation in seen.trace.iter().flat_map(|trace| &trace.observations) {
        let word = match &observation.seen {
            trace::Seen::Worked(_) => "ok",
            trace::Seen::Broke(_) => "BROKE",
        };
        let address = observation.address.map_or_else(String::new, |address| format!("{address}: "));
        let seen = observation.seen.to_string();
        let seen = text::line(&seen);
        let _ = writeln!(
            out,
            "  {:8} {word:5} {:>9.1} ms  {address}{seen}",
            observation.layer, observation.took_ms
        );
    }
    let _ = writeln!(out, "{}: {}", seen.judgement.outcome, text::line(&seen.judgement.message));
    if let Some(cause) = seen.findings.first() {
        for (word, told) in causes::told(outline, cause) {
            let _ = writeln!(out, "{word:<6} {}", text::line(&told));
        }
        let _ = writeln!(out, "what it means: gonogo explain {}", cause.id);
    } else if let Some((_, fault)) = seen.trace.and_then(Trace::broken) {
        let _ = writeln!(out, "what it means: gonogo explain {}", fault.id());
    }
    out
}
