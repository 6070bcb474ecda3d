//! `gonogo probe`: one look at one target, layer by layer, without a plan.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::arguments::{Format, Probe as Arguments};
use super::{Shared, load, signals};
use crate::model::outcome::{Judgement, Outcome};
use crate::model::outline::HERE;
use crate::model::trace::{self, Trace};
use crate::plan::Job;
use crate::probe::{Spec, Surroundings};
use crate::report::text;
use crate::runner::look;
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
    let (target, layers) = (probe.target(), probe.layers());
    let job = Job { probe, timeout: arguments.timeout.0, retry: None };
    let cancel = signals::cancelled_by_signals();
    let places = match places(&arguments.from, shared, &scrubber) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    let looking = arguments.from.iter().map(async |vantage| {
        let look = look(&job, &layers, None, (&places, vantage), &cancel).await;
        Seen { target: &target, vantage, trace: look.tries.into_iter().last(), judgement: look.judgement }
    });
    let seen = futures_util::future::join_all(looking).await;
    places.close().await;
    let shown = match arguments.format {
        Format::Json => as_json(&seen),
        Format::Text => seen.iter().map(as_table).collect::<Vec<_>>().join("\n"),
    };
    shared.terminal.print(&scrubber.text(&shown));
    let passed = seen.iter().all(|seen| seen.judgement.outcome == Outcome::Pass);
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
    trace: Option<Trace>,
    judgement: Judgement,
}

fn places(from: &[String], shared: &Shared, scrubber: &Arc<Scrubber>) -> Result<Arc<Places>, Exit> {
    let mut vantages = IndexMap::new();
    for word in from.iter().filter(|word| *word != HERE) {
        match ad_hoc(word) {
            Ok(vantage) => vantages.insert(word.clone(), vantage),
            Err(reason) => {
                let help = "a vantage is here, ssh:HOST, docker:NAME, podman:NAME, kubectl:NAMESPACE/POD/CONTAINER or exec:WORDS";
                shared.terminal.error(&reason, Some(help));
                return Err(Exit::Usage);
            }
        };
    }
    load::places(vantages, shared, scrubber)
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
    if let Some(range) = crate::file::url_password(target) {
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
    let judgement = &seen.judgement;
    let mut shown = json!({
        "target": seen.target,
        "vantage": seen.vantage,
        "layers": seen.trace.as_ref().map_or(&[][..], |trace| &trace.observations),
        "outcome": judgement.outcome,
        "message": judgement.message,
        "findings": [],
    });
    if let (Value::Object(fields), Some(expected), Some(got)) =
        (&mut shown, &judgement.expected, &judgement.got)
    {
        fields.insert("expected".to_owned(), Value::from(expected.as_str()));
        fields.insert("got".to_owned(), Value::from(got.as_str()));
    }
    shown
}

fn as_table(seen: &Seen<'_>) -> String {
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
    if let Some((_, fault)) = seen.trace.as_ref().and_then(Trace::broken) {
        let _ = writeln!(out, "what it means: gonogo explain {}", fault.id());
    }
    out
}
