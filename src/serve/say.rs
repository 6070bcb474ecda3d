//! What an operator says on the page: the words of `people`, as a form or as JSON, taken down as the command line takes them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Server;
use super::answers::Answer;
use crate::clock;
use crate::journal::event::Actor;
use crate::people::accept::Accept;
use crate::people::decide::Decide;
use crate::people::extend::Extend;
use crate::people::handover::Handover;
use crate::people::note::Note;
use crate::people::record::Record;
use crate::people::vote::Vote;
use crate::people::waive::Waive;
use crate::people::{NotTaken, Refusal, Taken, Word, rollback, take_down};
use crate::verdict::assess;

/// What can be said.
const WORDS: &str = "accept, decide, extend, handover, note, record, rollback-done, rollback-start, rollback-undone, vote, waive";
/// The longest that we wait for a team's journal that is away.
const LIMIT: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Debug)]
pub(super) struct Said {
    /// Who said it, as they stated it.
    pub(super) by: Option<String>,
    /// The confirmation and how the run stands; or what is wrong, and what to do.
    pub(super) outcome: Result<Confirmed, Wrong>,
}

/// It is in the journal.
#[derive(Debug)]
pub(super) struct Confirmed {
    line: String,
    stands: Value,
}

/// Nothing was recorded.
#[derive(Debug)]
pub(super) struct Wrong {
    status: StatusCode,
    pub(super) message: String,
    pub(super) help: String,
}

impl Said {
    /// For programs: JSON for whoever asks for it, text for others.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Answer {
        let wants_json = accepts(headers, "application/json");
        match &self.outcome {
            Ok(Confirmed { line, stands }) if wants_json => {
                let told = json!({ "said": line, "run": stands["run"], "verdict": stands["verdict"], "go": stands["go"] });
                Answer::json(StatusCode::OK, format!("{told}\n"))
            }
            Ok(Confirmed { line, .. }) => Answer::text(StatusCode::OK, &format!("{line}\n")),
            Err(wrong) if wants_json => {
                let told = json!({ "error": wrong.message, "help": wrong.help });
                Answer::json(wrong.status, format!("{told}\n"))
            }
            Err(wrong) => {
                let text = format!("{}: nothing was recorded\n{}\n", wrong.message, wrong.help);
                Answer::text(wrong.status, &text)
            }
        }
    }
}

impl Wrong {
    fn new(status: StatusCode, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { status, message: message.into(), help: help.into() }
    }

    /// The status of an answer to a browser.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }
}

/// Whether a browser asks, for somebody who reads.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains(media_type))
}

/// Take down what was sent from this address. It goes on when whoever sent it is gone.
pub(super) async fn say(server: &Arc<Server>, headers: &HeaderMap, body: &[u8], from: IpAddr) -> Said {
    let fields = match fields(headers, body) {
        Ok(fields) => fields,
        Err(reason) => {
            let wrong = Wrong::new(StatusCode::BAD_REQUEST, reason, format!("the words are {WORDS}"));
            return Said { by: None, outcome: Err(wrong) };
        }
    };
    let by = ["by", "granted_by", "asked_by"]
        .iter()
        .find_map(|name| fields.get(*name)?.as_str().map(ToOwned::to_owned));
    let server = Arc::clone(server);
    let taken = tokio::spawn(async move { taken(&server, fields, from).await }).await;
    let outcome = taken.unwrap_or_else(|error| {
        tracing::error!(%error, "a word was not taken down");
        let help = "please report this; gonogo log tells whether it is in the journal";
        Err(Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error", help))
    });
    Said { by, outcome }
}

/// The fields of a form, or of a JSON object; what was left empty was not said.
fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut fields: Map<String, Value> = if content_type.starts_with("application/json") {
        serde_json::from_slice(body).map_err(|error| format!("this is no JSON object: {error}"))?
    } else {
        let pairs = url::form_urlencoded::parse(body).into_owned();
        pairs.map(|(name, value)| (name, Value::String(value))).collect()
    };
    fields.retain(|_, value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
    Ok(fields)
}

/// One of the words, as it was sent.
fn word(mut fields: Map<String, Value>) -> Result<Box<dyn Word + Send + Sync>, Wrong> {
    let word = fields.remove("word");
    match word.as_ref().and_then(Value::as_str).unwrap_or_default() {
        "accept" => read::<Accept>(fields),
        "decide" => read::<Decide>(fields),
        "extend" => read::<Extend>(fields),
        "handover" => read::<Handover>(fields),
        "note" => read::<Note>(fields),
        "record" => read::<Record>(fields),
        "rollback-done" => read::<rollback::Done>(fields),
        "rollback-start" => read::<rollback::Start>(fields),
        "rollback-undone" => read::<rollback::Undone>(fields),
        "vote" => read::<Vote>(fields),
        "waive" => read::<Waive>(fields),
        other => {
            let message = format!("`{other}` is not something that can be said here");
            Err(Wrong::new(StatusCode::BAD_REQUEST, message, format!("`word` is one of {WORDS}")))
        }
    }
}

fn read<W: Word + DeserializeOwned + Send + Sync + 'static>(
    fields: Map<String, Value>,
) -> Result<Box<dyn Word + Send + Sync>, Wrong> {
    match serde_json::from_value::<W>(Value::Object(fields)) {
        Ok(word) => Ok(Box::new(word)),
        Err(error) => {
            let help = "the fields are those of the command of the same name: gonogo WORD --help";
            Err(Wrong::new(StatusCode::BAD_REQUEST, error.to_string(), help))
        }
    }
}

async fn taken(server: &Server, fields: Map<String, Value>, from: IpAddr) -> Result<Confirmed, Wrong> {
    let word = word(fields)?;
    let actor = Actor { page: Some(from), ..server.actor.clone() };
    let taken = take_down(&server.feed.store, &actor, &*word).await;
    let Taken { mut line, run, journal, .. } = taken.map_err(|error| match error {
        NotTaken::NoRun => {
            Wrong::new(StatusCode::CONFLICT, "no run is recorded yet", "start one first: gonogo run")
        }
        NotTaken::Refused(Refusal { message, help, .. }, _) => {
            Wrong::new(StatusCode::CONFLICT, message, help)
        }
        NotTaken::Journal(error) => {
            let help = error.help().unwrap_or("say it again when the journal can be written");
            Wrong::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), help)
        }
    })?;
    if journal.settle(LIMIT).await > 0 {
        line.push_str("; it waits on the machine of this page until the team's journal is back");
    }
    let verdict = assess(&run, clock::now()).verdict;
    let go = verdict.is_go() && run.finished;
    Ok(Confirmed { line, stands: json!({ "run": run.id, "verdict": verdict, "go": go }) })
}
