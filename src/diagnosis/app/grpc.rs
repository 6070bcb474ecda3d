//! gRPC over HTTP/2: the status in the answer's head or trailers ("gRPC over HTTP2", Responses; codes of `statuscodes.md`).

use super::{DEADLINE, EXHAUSTED, NO_TRAILERS, UNAVAILABLE, UNIMPLEMENTED};
use crate::diagnosis::answer::{Answer, before};
use crate::diagnosis::auth;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::response::Response;

fn is_grpc(response: &Response) -> bool {
    response.header("content-type").is_some_and(|kind| kind.starts_with("application/grpc"))
}

/// What the server says: a proxy's own answer is of another type.
pub(super) fn status(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| is_grpc(answer.response))?;
    let code = answer.response.header("grpc-status")?;
    let cause = match code {
        "4" => DEADLINE,
        "7" | "16" => auth::GRPC,
        "8" => EXHAUSTED,
        "12" => UNIMPLEMENTED,
        "14" => UNAVAILABLE,
        _ => return None,
    };
    let said = answer.response.header("grpc-message").map_or_else(String::new, |said| format!(": {said}"));
    let mut ruling = answer.tell(cause);
    ruling.seen = format!("answered grpc-status {code}{said}");
    Some(ruling)
}

/// The body came, and nothing after it.
pub(super) fn no_trailers(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| is_grpc(answer.response) && answer.response.status == 200)?;
    if answer.response.header("grpc-status").is_some() {
        return None;
    }
    let was = before(evidence).and_then(|was| was.header("grpc-status"));
    let ruling = answer.tell(NO_TRAILERS);
    Some(match was {
        Some(was) => ruling.saying(&format!("In the baseline grpc-status was {was}.")),
        None => ruling.sure(Confidence::Low),
    })
}
