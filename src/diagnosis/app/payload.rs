//! Status 200, and what came is not the data that was asked for.

use super::{CHARSET, EMPTY, ERROR_BODY, ERROR_PAGE, MAINTENANCE_PAGE, SCHEMA, WSDL};
use crate::diagnosis::answer::{Answer, before, bodies, response, well};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::layer::Layer;
use crate::model::response::{BodyKind, Response};

use super::state::is_maintenance;

/// An answer that succeeded, and not as it was meant; not where other places get the right one.
fn odd<'a>(evidence: &'a Evidence<'a>) -> Option<Answer<'a>> {
    let succeeded = |answer: &Answer<'_>| (200..300).contains(&answer.response.status) && answer.layer >= Layer::Protocol;
    Answer::steady(evidence).filter(succeeded).filter(|answer| well(answer.evidence).is_none())
}

/// What `Content-Type` says of the character set, in small letters.
fn charset(response: &Response) -> Option<String> {
    let media = response.header("content-type")?.to_lowercase();
    let charset = media.split(';').find_map(|part| part.trim().strip_prefix("charset="))?;
    Some(charset.trim_matches('"').to_owned())
}

/// Another character set, where a value or the whole body is not what it should be.
pub(super) fn charset_differs(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = odd(evidence).filter(|answer| answer.fault.id() == "mismatch")?;
    let (was, now) = (charset(before(evidence)?)?, charset(answer.response)?);
    (was != now).then(|| answer.tell(CHARSET).saying(&format!("The charset is {now}; in the baseline it was {was}.")))
}

/// The host of a URL.
fn host(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.host_str()?.to_owned())
}

/// The WSDL names another host than in the baseline, which is not the one that was called; told of checks that pass, too.
pub(super) fn wsdl(evidence: &Evidence<'_>) -> Option<Ruling> {
    let called = host(&evidence.check.target)?;
    let (was, now) = (before(evidence)?.body.as_ref()?, response(evidence.trace)?.body.as_ref()?);
    let new = now.endpoints.iter().find(|one| !was.endpoints.contains(one) && host(one).is_some_and(|host| host != called))?;
    let was = was.endpoints.first()?;
    let layer = evidence.broken().map_or(Layer::Payload, |(layer, _)| layer);
    let ruling = Ruling::new(WSDL, layer, format!("the WSDL sends its callers to {new}"));
    Some(ruling.proved(format!("{called} was called; in the baseline the WSDL had {was}.")))
}

/// Words of pages that tell of an error.
const ERRORS: &[&str] = &[
    "<title>error", "error occurred", "error has occurred", "unexpected error", "exception", "stack trace", "something went wrong",
    "internal error", "server error", "unavailable", "could not be processed",
];

/// Words of pages by which web application firewalls reject a request: no application's error.
const FIREWALLS: &[&str] = &["your support id is", "request rejected", "web application firewall", "incapsula", "reference&#32;&#35;"];

/// A page in the place of data.
pub(super) fn page(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = odd(evidence).filter(|answer| answer.is(BodyKind::Html) || (answer.is(BodyKind::Text) && is_maintenance(answer)))?;
    let was_page = before(evidence).and_then(|was| was.body.as_ref()).is_some_and(|body| body.kind == BodyKind::Html);
    if was_page && !is_maintenance(&answer) {
        return None;
    }
    let title = answer.response.body.as_ref().and_then(|body| body.title.clone());
    let cause = if is_maintenance(&answer) {
        MAINTENANCE_PAGE
    } else if answer.says(ERRORS) && !answer.says(FIREWALLS) {
        ERROR_PAGE
    } else {
        return None;
    };
    let ruling = answer.tell(cause);
    Some(match title {
        Some(title) => {
            ruling.saying(&format!("The page's title is \"{title}\"."))
        }
        None => ruling,
    })
}

/// Names in a body that tell of an error, where no such name was before (RFC 9457 has `type`, `title`, `detail`).
const ERROR_NAMES: &[&str] = &["error", "errors", "exception", "fault", "stacktrace", "trace", "errorcode", "error_code", "errormessage", "error_message", "faultstring"];
/// Values of `status`, `result` and the like that are no success.
const FAILED: &[&str] = &["error", "fail", "failed", "failure", "down", "ko", "nok", "unhealthy"];

/// JSON that tells of an error.
pub(super) fn error(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = odd(evidence).filter(|answer| answer.is(BodyKind::Json) && answer.layer == Layer::Payload)?;
    let body = answer.response.body.as_ref()?;
    let known = before(evidence).and_then(|was| was.body.as_ref()).map(|was| was.keys.as_slice()).unwrap_or_default();
    let new = |name: &&String| !known.contains(*name);
    let tree = answer.json();
    // `"errors": []` and `"error": null` tell of none.
    let is_told = |name: &str| {
        use serde_json::Value;
        match tree.as_ref().and_then(|tree| tree.get(name)) {
            Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Bool(true) | Value::Number(_) | Value::Object(_)) | None => true,
        }
    };
    let named = body.keys.iter().filter(new).find(|name| {
        let name = name.to_lowercase();
        ERROR_NAMES.contains(&&*name) && is_told(&name)
    });
    let status = ["status", "result", "state", "outcome", "success", "ok"].into_iter().find(|name| {
        let value = tree.as_ref().and_then(|tree| tree.get(*name));
        value.is_some_and(|value| {
            value == &serde_json::Value::Bool(false) || value.as_str().is_some_and(|text| FAILED.contains(&text))
        })
    });
    let name = named.map(String::as_str).or(status)?;
    let said = ["message", "detail", "error", "errors", "reason", "description"].into_iter().find_map(|name| tree.as_ref()?.get(name).cloned());
    let said = said.map(|said| format!(" It says {}.", said.to_string().chars().take(200).collect::<String>()));
    let ruling = answer.tell(ERROR_BODY);
    Some(ruling.saying(&format!("The body has `{name}`.{}", said.unwrap_or_default())))
}

/// The same fields, and nothing in them.
pub(super) fn empty(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = odd(evidence).filter(|answer| answer.layer == Layer::Payload)?;
    let (was, now) = bodies(&answer)?;
    let (name, had) = was.items.iter().find(|(name, had)| {
        *had > 0 && now.items.iter().any(|(other, has)| other == name && *has == 0)
    })?;
    Some(answer.tell(EMPTY).proved(format!("{name} has no items; in the baseline it had {had}.")))
}

/// Other names than before.
pub(super) fn schema(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = odd(evidence).filter(|answer| answer.layer == Layer::Payload && answer.is(BodyKind::Json))?;
    if error(evidence).is_some() || super::identity::wrong_app(evidence).is_some() {
        return None;
    }
    let (was, now) = bodies(&answer)?;
    let names = |keys: &[String], others: &[String]| {
        keys.iter().filter(|key| !others.contains(key)).cloned().collect::<Vec<_>>().join(", ")
    };
    let (gone, new) = (names(&was.keys, &now.keys), names(&now.keys, &was.keys));
    // A field more breaks no reader of JSON; one that is gone does.
    let missed = answer.mismatches().iter().any(|one| one.got == "nothing");
    (!gone.is_empty() && missed).then(|| {
        let new = if new.is_empty() { String::new() } else { format!(" New: {new}.") };
        answer.tell(SCHEMA).proved(format!("Gone since the baseline: {gone}.{new}")).sure(Confidence::High)
    })
}
