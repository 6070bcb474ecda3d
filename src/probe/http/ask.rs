//! The protocol layer: one request, its answer, and what is kept of both.

use std::sync::{Arc, OnceLock};

use super::fields::Expect;
use super::request::Message;
use super::way::Ready;
use super::{EXCERPT, judge, respond};
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::response::Response;
use crate::net::http::Answer;
use crate::probe::{Recorder, Stop};

/// What is asked, and what is expected of the answer.
pub(in crate::probe) struct Asked<'a> {
    pub(in crate::probe) message: &'a Message,
    pub(in crate::probe) expect: Option<&'a Expect>,
    /// Redirects followed so far.
    pub(in crate::probe) redirects: &'a [String],
    /// Whether a redirect is followed: then its answer is not the one that was asked for.
    pub(in crate::probe) follows: bool,
    /// Whether the connection was left idle before.
    pub(in crate::probe) rested: bool,
}

/// Ask, and record the protocol layer; an answer that breaks it is recorded too.
pub(in crate::probe) async fn ask(
    recorder: &mut Recorder,
    ready: &mut Ready,
    asked: &Asked<'_>,
) -> Result<Answer, Stop> {
    let Asked { message, expect, redirects, follows, rested } = *asked;
    let request = message.for_connection(ready)?;
    let sent = respond::sent(&request);
    let vault = Arc::clone(&recorder.context().vault);
    let excerpt = |body: &[u8]| vault.scrubber().excerpt(body, EXCERPT);
    let head = OnceLock::new();
    let whole: OnceLock<Response> = OnceLock::new();
    let step = async {
        let answer = Box::pin(ready.conversation.ask(request, vault.scrubber(), &head)).await?;
        let mut response = respond::response(&answer.head(), expect, redirects, &sent);
        response.body = Some(respond::body(&answer, excerpt));
        let is_followed = follows && super::target_of(&answer, &message.url).is_some();
        if !is_followed && let Err(fault) = judge::protocol(&answer, expect, excerpt) {
            let _ = whole.set(response);
            return Err(fault.into());
        }
        Ok((Fact::Responded(Box::new(response)), answer))
    };
    let limit = recorder.remaining();
    let waiting_for = if rested { "complete HTTP response on the connection that was idle" } else { "complete HTTP response" };
    let ended = recorder.layer(Layer::Protocol, limit, waiting_for, step).await;
    if matches!(ended, Err(Stop::Broke)) {
        let broken = || head.into_inner().map(|head| respond::broken(&head, expect, redirects, &sent));
        if let Some(response) = whole.into_inner().or_else(broken) {
            recorder.answered(response);
        }
    }
    ended
}
