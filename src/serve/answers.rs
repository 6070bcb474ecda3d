//! What is answered, of the run as it stands. Gates are answered in doubt with what is no go: a run that goes on is not
//! judged yet, and one of which nothing was looked at for long says nothing about now.

use std::sync::PoisonError;

use bytes::Bytes;
use hyper::StatusCode;
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use serde_json::json;

use super::Server;
use super::door::Role;
use super::feed::State;
use crate::clock;
use crate::model::verdict::{ReasonId, Verdict};
use crate::period::Period;
use crate::report::{self, Format, Options, html as page_of};
use crate::verdict::{Assessment, assess, assess_live};

/// What keeps the page up to date.
const LIVE: &str = include_str!("live.js");

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        let body = Bytes::copy_from_slice(text.as_bytes());
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    pub(super) fn html(status: StatusCode, text: String) -> Self {
        Self { status, content_type: "text/html; charset=utf-8", body: text.into() }
    }

    pub(super) fn json(status: StatusCode, text: String) -> Self {
        Self { status, content_type: "application/json", body: text.into() }
    }
}

/// That we are there.
pub(super) fn health(server: &Server) -> Answer {
    match server.feed.trouble() {
        None => Answer::text(StatusCode::OK, "ok\n"),
        Some(_) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be read\n"),
    }
}

/// What is in the page, for everybody who asks for the same.
#[derive(Debug)]
pub(super) struct Rendered {
    /// What it was made of: the run, its last event, our trouble, and the second, as the clock goes on.
    of: (String, Option<String>, i64),
    body: Bytes,
}

/// The page, which keeps itself up to date.
pub(super) fn page(server: &Server) -> Answer {
    let script = format!("{}\n{LIVE}", page_of::SCRIPT);
    let body = live_body(server);
    let trouble = server.feed.trouble();
    let title = told(&server.feed.state(), trouble.as_deref())
        .map_or_else(|| "gonogo".to_owned(), |told| page_of::title(&told));
    let head = page_of::Head { title: &title, script: Some(&script), live: true };
    let body = PreEscaped(String::from_utf8_lossy(&body).into_owned());
    Answer::html(StatusCode::OK, page_of::page(&head, &body))
}

/// What is in the page, once more.
pub(super) fn body(server: &Server) -> Answer {
    Answer { body: live_body(server), ..Answer::html(StatusCode::OK, String::new()) }
}

/// The body with what is only true of a page that is live: up to which event it is, and whether a run goes on. It is made
/// once for all who ask before the next event or second.
fn live_body(server: &Server) -> Bytes {
    let mut rendered = server.body.lock().unwrap_or_else(PoisonError::into_inner);
    let trouble = server.feed.trouble();
    let state = server.feed.state();
    let last = state
        .newest
        .as_ref()
        .map_or_else(String::new, |(run, reading)| format!("{}:{}", run.id, reading.seq));
    let of = (last, trouble, clock::now().as_second());
    if let Some(known) = rendered.as_ref().filter(|known| known.of == of) {
        return known.body.clone();
    }
    let lets_write = server.door.lets_write();
    let body = Bytes::from(markup(&state, &of.0, of.1.as_deref(), lets_write).into_string());
    *rendered = Some(Rendered { of, body: body.clone() });
    body
}

fn markup(state: &State, last: &str, trouble: Option<&str>, lets_write: bool) -> Markup {
    let Some(told) = told(state, trouble) else {
        return html! {
            main {
                @match trouble {
                    Some(trouble) => p role="status" {
                        "The journal cannot be read, and that is no go. This page goes on trying: "
                        (page_of::words::Words(trouble))
                    },
                    None => p {
                        "No run is recorded yet. This page shows it as soon as one begins: " code { "gonogo run" }
                    },
                }
            }
        };
    };
    let counts = told.counts;
    html! {
        div #live data-last=(last) {
            @if let Some(trouble) = trouble {
                p.live role="status" { "What follows may be old: " (page_of::words::Words(trouble)) }
            }
            @if !told.run.finished {
                p.live role="status" {
                    "A run goes on, or was killed: " (counts.total - counts.no_answer) " of " (counts.total) " have answered."
                }
            }
            @if lets_write { p.live { a href="/say" { "Operators: record, accept, waive, vote, decide" } } }
        }
        (page_of::body(&told, &Options::default()))
    }
}

/// `result.json`.
pub(super) fn result(server: &Server) -> Answer {
    let trouble = server.feed.trouble();
    let state = server.feed.state();
    match told(&state, trouble.as_deref()) {
        Some(told) => Answer::json(StatusCode::OK, first(Format::Json, &told)),
        None => nothing(trouble.as_deref()),
    }
}

/// For Prometheus.
pub(super) fn metrics(server: &Server) -> Answer {
    let trouble = server.feed.trouble();
    let state = server.feed.state();
    match told(&state, trouble.as_deref()) {
        Some(told) => {
            let text = first(Format::Prometheus, &told);
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            Answer { content_type, ..Answer::text(StatusCode::OK, &text) }
        }
        None => nothing(trouble.as_deref()),
    }
}

/// The verdict in a few words, for gates that read JSON; of one stage, when it is named.
pub(super) fn verdict(server: &Server, stage: Option<&str>) -> Answer {
    match Gate::of(server, stage) {
        Ok(gate) => Answer::json(StatusCode::OK, format!("{}\n", gate.json())),
        Err(answer) => answer,
    }
}

/// 200 to go on, 409 not to, for gates that read the status alone; the reason is for whoever may read.
pub(super) fn gate(server: &Server, stage: Option<&str>, may_read: bool) -> Answer {
    match Gate::of(server, stage) {
        Ok(gate) => {
            let status = if gate.verdict.is_go() { StatusCode::OK } else { StatusCode::CONFLICT };
            let why = if may_read { format!(": {}", gate.why) } else { String::new() };
            Answer::text(status, &format!("{}{why}\n", gate.verdict))
        }
        Err(answer) if may_read => answer,
        Err(answer) => Answer::text(answer.status, "no go\n"),
    }
}

/// What a gate is told.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) verdict: Verdict,
    pub(super) why: String,
    stage: Option<String>,
    run: String,
    attempt: u32,
    at: Timestamp,
    running: bool,
    decide_by: Option<Timestamp>,
}

impl Gate {
    pub(super) fn of(server: &Server, stage: Option<&str>) -> Result<Self, Answer> {
        let trouble = server.feed.trouble();
        let known = server.feed.state();
        let Some((run, _)) = &known.newest else { return Err(nothing(trouble.as_deref())) };
        let now = clock::now();
        let judged = assess(run, now);
        let (mut verdict, mut why) = match stage {
            None => (judged.verdict, reason(&judged)),
            Some(id) => stage_verdict(&judged, id)?,
        };
        let age = run.time(now).duration_since(run.looked_at).unsigned_abs();
        let in_doubt = if !run.finished {
            Some("a run goes on, or was killed".to_owned())
        } else if age > server.max_age {
            let age = Period(age).brief();
            Some(format!("nothing was looked at for {age}: look again (gonogo retest, gonogo run)"))
        } else {
            // What was a no-go is still one, whatever we cannot read.
            trouble
                .filter(|_| verdict != Verdict::NoGo)
                .map(|trouble| format!("the journal cannot be read: {trouble}"))
        };
        if let Some(doubt) = in_doubt {
            (verdict, why) = (Verdict::Hold, doubt);
        }
        Ok(Self {
            verdict,
            why,
            stage: stage.map(ToOwned::to_owned).or_else(|| {
                judged
                    .current
                    .and_then(|index| judged.outline.stages.get(index))
                    .map(|stage| stage.id.clone())
            }),
            run: run.id.clone(),
            attempt: run.attempt,
            at: run.latest_at,
            running: !run.finished,
            decide_by: judged.clock.as_ref().and_then(|clock| clock.turn_back).map(|back| back.decide_by),
        })
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "schema": "gonogo.gate/1",
            "verdict": self.verdict,
            "go": self.verdict.is_go(),
            "why": self.why,
            "stage": self.stage,
            "run": self.run,
            "attempt": self.attempt,
            "seen_at": self.at,
            "running": self.running,
            "decide_by": self.decide_by,
        })
    }
}

fn stage_verdict(told: &Assessment<'_>, id: &str) -> Result<(Verdict, String), Answer> {
    let Some(stage) = told.stages.iter().find(|stage| *stage.stage.id == *id) else {
        let stages: Vec<&str> = told.outline.stages.iter().map(|stage| stage.id.as_str()).collect();
        let text = format!("this plan has no stage `{id}`; its stages are {}\n", stages.join(", "));
        return Err(Answer::text(StatusCode::NOT_FOUND, &text));
    };
    let Some(verdict) = stage.verdict else {
        return Ok((Verdict::Hold, "this stage was not begun".to_owned()));
    };
    let of_run = told.reasons.iter().find(|reason| concerns_every_stage(reason.id));
    if let Some(reason) = of_run.filter(|reason| reason.verdict > verdict) {
        return Ok((reason.verdict, reason.text.clone()));
    }
    let why = stage.reasons.first().map_or("no reason against it", |reason| &reason.text);
    Ok((verdict, why.to_owned()))
}

/// Whether nothing may go on with any stage, however good that one is.
fn concerns_every_stage(id: ReasonId) -> bool {
    matches!(id, ReasonId::DecidedRollback | ReasonId::RolledBack | ReasonId::Overdue | ReasonId::Rehearsal)
}

fn reason(told: &Assessment<'_>) -> String {
    told.reasons.first().map_or_else(|| report::sentence(told), |reason| reason.text.clone())
}

/// The newest run judged, as `status` says it: one that goes on is no go, and so is one of which we may not know everything.
fn told<'s>(state: &'s State, trouble: Option<&str>) -> Option<Assessment<'s>> {
    let (run, _) = state.newest.as_ref()?;
    Some(assess_live(run, clock::now(), trouble))
}

fn first(format: Format, told: &Assessment<'_>) -> String {
    let rendered = format.render(told, &Options::default()).into_iter().next();
    rendered.map(|rendered| rendered.text).unwrap_or_default()
}

fn nothing(trouble: Option<&str>) -> Answer {
    let text = match trouble {
        Some(trouble) => format!("the journal cannot be read, and this is no go: {trouble}\n"),
        None => "no run is recorded yet: this is no go\n".to_owned(),
    };
    Answer::text(StatusCode::SERVICE_UNAVAILABLE, &text)
}

/// What programs without a token are told.
pub(super) fn no_token() -> Answer {
    Answer::text(StatusCode::UNAUTHORIZED, "a token is wanted: Authorization: Bearer TOKEN\n")
}

/// What programs are told that read only.
pub(super) fn no_operator() -> Answer {
    let text = "the operator's token is wanted: Authorization: Bearer TOKEN\n";
    Answer::text(StatusCode::UNAUTHORIZED, text)
}

/// The form for a token; it is sent in the body, so that no log holds it.
pub(super) fn login(role: Role, wrong: bool) -> Answer {
    let (who, label, button) = match role {
        Role::Reader => ("reader", "Token", "Show the page"),
        Role::Operator => ("operator", "Operator's token", "To the desk"),
    };
    let markup = html! {
        main {
            h1 { "gonogo" }
            @if wrong { p role="alert" { "This is not the token." } }
            form method="post" action="/login" {
                // For whoever keeps tokens in a browser: two kinds of them.
                input type="text" name="who" value=(who) autocomplete="username" hidden;
                label for="token" { (label) }
                " "
                input id="token" name="token" type="password" autocomplete="current-password" required;
                " "
                button { (button) }
            }
        }
    };
    let head = page_of::Head { title: "gonogo", script: None, live: true };
    Answer::html(StatusCode::UNAUTHORIZED, page_of::page(&head, &markup))
}
