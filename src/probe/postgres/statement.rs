//! The payload layer: one statement inside a transaction that gonogo begins and ends, and what has to come of it.

use std::time::Duration;

use serde_json::Value;

use crate::matcher::Matcher;
use crate::model::fact::{DatabaseIdentity, Fact, Looked};
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::net::stream::Stream;
use crate::postgres::session::{Answer, CancelKey, Limits, Session, SessionError};
use crate::probe::{Recorder, Stop, Trouble};

use super::identify::LoggedIn;
use super::reach::Peer;
use super::{ExpectServer, Postgres};

/// Characters shown of a value.
const SHOWN: usize = 400;
/// Past our own limit, so that ours is told; the server then stops by itself even when it cannot be asked to.
const BEYOND: Duration = Duration::from_secs(1);

impl Postgres {
    /// How the transaction begins.
    pub(super) fn begin(&self) -> &'static str {
        if self.read_only { "BEGIN READ ONLY" } else { "BEGIN" }
    }

    /// How it ends when all is as expected; otherwise it is rolled back.
    pub(super) fn end(&self) -> &'static str {
        if self.commit { "COMMIT" } else { "ROLLBACK" }
    }

    pub(super) async fn payload(&self, logged_in: &mut LoggedIn, recorder: &mut Recorder) -> Result<(), Stop> {
        let limit = recorder.remaining();
        let stopper = Stopper::new(logged_in);
        let LoggedIn { session, identity, .. } = logged_in;
        recorder
            .layer(Layer::Payload, limit, "answer to the statement", async {
                let values = match &self.query {
                    Some(query) => self.transaction(query, limit, session, identity).await,
                    None => self.compare(None, identity).map_err(Trouble::from),
                };
                // After an answer that is too large the statement is still running.
                if !matches!(values, Err(Trouble::Fault(Fault::TooLarge { .. }))) {
                    stopper.disarm();
                }
                Ok((Fact::Matched { values: values?, excerpt: None }, ()))
            })
            .await
    }

    /// How the server comes to stop the statement: after the plan's own time; otherwise past ours, unless the role or the
    /// database has a shorter limit, which its application has too.
    fn patience(&self, limit: Duration) -> String {
        // The largest value the setting has (milliseconds in an int4).
        let milliseconds = |period: Duration| period.as_millis().clamp(1, 2_147_483_647);
        let ours = limit.saturating_add(BEYOND);
        if let Some(period) = self.statement_timeout {
            return format!("SET LOCAL statement_timeout = {}", milliseconds(period.0.min(ours)));
        }
        let ours = milliseconds(ours);
        format!(
            "SELECT pg_catalog.set_config('statement_timeout', '{ours}', true) FROM pg_catalog.pg_settings \
             WHERE name = 'statement_timeout' AND setting::bigint NOT BETWEEN 1 AND {ours}"
        )
    }

    async fn transaction(
        &self,
        query: &str,
        limit: Duration,
        session: &mut Session<Stream>,
        identity: &DatabaseIdentity,
    ) -> Result<Vec<Looked>, Trouble> {
        let begin = format!("{}; {}", self.begin(), self.patience(limit));
        session.batch(&begin).await.map_err(failed)?;
        let answer = session.run(query, Limits::default()).await.map_err(failed)?;
        let compared = self.compare(Some(&answer), identity);
        let end = if compared.is_ok() { self.end() } else { "ROLLBACK" };
        let ended = session.batch(end).await.map_err(failed)?;
        let values = compared?;
        // A transaction that failed meanwhile answers COMMIT with ROLLBACK.
        if ended.tag != end {
            let mismatch =
                Mismatch { what: "end of the transaction".to_owned(), expected: end.to_owned(), got: ended.tag };
            return Err(Fault::Mismatch { mismatches: vec![mismatch], excerpt: None }.into());
        }
        Ok(values)
    }

    /// What was looked at, or every difference.
    fn compare(&self, answer: Option<&Answer>, identity: &DatabaseIdentity) -> Result<Vec<Looked>, Fault> {
        let mut looks = Looks::default();
        let expect = self.expect.clone().unwrap_or_default();
        if let Some(answer) = answer {
            looks.always("rows", expect.rows.as_ref(), &Value::from(answer.count));
            let value = answer.value().map(Value::from);
            looks.asked("value", expect.value.as_ref(), value.as_ref());
            let columns = Value::from(answer.columns.clone());
            looks.asked("columns", expect.columns.as_ref(), Some(&columns));
        }
        let ExpectServer { in_recovery, read_only, database, version } = expect.server.unwrap_or_default();
        looks.asked("server.in_recovery", in_recovery.as_ref(), Some(&identity.in_recovery.into()));
        looks.asked("server.read_only", read_only.as_ref(), Some(&identity.read_only.into()));
        looks.asked("server.database", database.as_ref(), Some(&identity.database.as_str().into()));
        looks.asked("server.version", version.as_ref(), Some(&identity.version.as_str().into()));
        if looks.mismatches.is_empty() {
            return Ok(looks.values);
        }
        Err(Fault::Mismatch { mismatches: looks.mismatches, excerpt: None })
    }
}

fn failed(error: SessionError) -> Trouble {
    match error {
        SessionError::Server(error) => Fault::StatementFailed(error).into(),
        SessionError::Peer(fault) => fault.into(),
        SessionError::Ours(error) => error.into(),
        SessionError::PasswordNeeded { .. } => Fault::BadProtocol {
            expected: "PostgreSQL".to_owned(),
            reason: "it asks for a password after the login".to_owned(),
            head: String::new(),
        }
        .into(),
    }
}

#[derive(Default)]
struct Looks {
    values: Vec<Looked>,
    mismatches: Vec<Mismatch>,
}

impl Looks {
    fn always(&mut self, what: &str, matcher: Option<&Matcher>, got: &Value) {
        self.values.push(Looked { what: what.to_owned(), got: shown(&text(got)) });
        self.mismatches.extend(matcher.and_then(|matcher| matcher.mismatch(what, Some(got))));
    }

    /// Shown only when it is compared: what a table holds is not ours to spread.
    fn asked(&mut self, what: &str, matcher: Option<&Matcher>, got: Option<&Value>) {
        let Some(matcher) = matcher else { return };
        match matcher.mismatch(what, got) {
            None => {
                let got = got.map_or_else(|| "nothing".to_owned(), text);
                self.values.push(Looked { what: what.to_owned(), got: shown(&got) });
            }
            Some(mismatch) => {
                self.mismatches.push(Mismatch { got: shown(&mismatch.got), ..mismatch });
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Stops the statement on the server when we stop waiting for it: at our own limit, and when the run is cancelled.
struct Stopper(Option<(Peer, CancelKey)>);

impl Stopper {
    fn new(logged_in: &LoggedIn) -> Self {
        Self(logged_in.session.cancel_key().map(|key| (logged_in.peer.clone(), key)))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        if let Some((peer, key)) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(peer.cancel(key));
        }
    }
}
