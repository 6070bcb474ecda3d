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
use crate::model::trace::Trace;
use crate::plan::Job;
use crate::probe::{Spec, Surroundings};
use crate::report::text;
use crate::runner::look;
use crate::secret::Scrubber;
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
    let mut look = look(&job, &layers, None, &load::context(shared, &scrubber), &cancel).await;
    let Some(trace) = look.tries.pop() else { return Exit::NoGo };
    let shown = match arguments.format {
        Format::Json => as_json(&target, &trace, &look.judgement),
        Format::Text => as_table(&target, &trace, &look.judgement),
    };
    shared.terminal.print(&scrubber.text(&shown));
    match (cancel.is_cancelled(), look.judgement.outcome) {
        (true, _) => Exit::Interrupted,
        (false, Outcome::Pass) => Exit::Go,
        (false, Outcome::Fail | Outcome::Error | Outcome::NoAnswer | Outcome::NotRun) => Exit::NoGo,
    }
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

fn as_json(target: &str, trace: &Trace, judgement: &Judgement) -> String {
    let mut shown = json!({
        "target": target,
        "vantage": HERE,
        "layers": trace.observations,
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
    shown.to_string()
}

fn as_table(target: &str, trace: &Trace, judgement: &Judgement) -> String {
    let mut out = format!("{} from {HERE}\n", text::line(target));
    for observation in &trace.observations {
        let word = match &observation.seen {
            crate::model::trace::Seen::Worked(_) => "ok",
            crate::model::trace::Seen::Broke(_) => "BROKE",
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
    let _ = writeln!(out, "{}: {}", judgement.outcome, text::line(&judgement.message));
    if let Some((_, fault)) = trace.broken() {
        let _ = writeln!(out, "what it means: gonogo explain {}", fault.id());
    }
    out
}
