//! What the server's own host lacks, or has another of: space, a library, a collation, a way to log in.

use super::{AUTH_METHOD, COLLATION, DISK_FULL, NO_LIBRARY, admitted, elsewhere, failed, identity, seen};
use crate::diagnosis::evidence::{Evidence, facts};
use crate::diagnosis::registry::Ruling;
use crate::model::cause::Confidence;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, ServerError};
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Trace, VantageError};
use crate::postgres::session::UNSPOKEN;

/// Proved by the baseline or by other places, else what the server says alone.
fn known(evidence: &Evidence<'_>, ruling: Ruling, said: &str) -> Ruling {
    let before = evidence.before.is_some_and(|before| before.broken().is_none());
    let worked = if before { " In the baseline the statement worked." } else { "" };
    let others = elsewhere(evidence, Layer::Payload);
    let contrast = format!("{said}{worked} {others}");
    if before || !others.is_empty() { ruling.proved(contrast) } else { ruling.because(contrast) }
}

/// `disk_full`.
pub(super) fn disk_full(evidence: &Evidence<'_>) -> Option<Ruling> {
    failed(evidence).filter(|error| error.sqlstate == "53100")?;
    let ruling = Ruling::new(DISK_FULL, Layer::Payload, seen(evidence));
    Some(known(evidence, ruling, "The login works, and the server says which file it could not make longer."))
}

/// `undefined_file` of a library; `feature_not_supported` of `CREATE EXTENSION` (`parse_extension_control_file`).
pub(super) fn no_library(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = failed(evidence)?;
    let by = error.routine.as_deref().unwrap_or_default();
    let lacks = match error.sqlstate.as_str() {
        "58P01" => by.contains("library") || by.contains("extension"),
        "0A000" => by == "parse_extension_control_file",
        _ => false,
    };
    lacks.then(|| {
        let ruling = Ruling::new(NO_LIBRARY, Layer::Payload, seen(evidence));
        known(evidence, ruling, "The login works and the name is known; its file is not on the server.")
    })
}

/// A warning at the login, by the routine that checks the database and the command it advises: words are translated,
/// SQL is not.
fn collation_warning(trace: &Trace) -> Option<&ServerError> {
    let own = identity(trace)?;
    own.warnings.iter().find(|one| {
        let advises = |text: &str| text.contains("REFRESH COLLATION VERSION");
        one.routine.as_deref() == Some("CheckMyDatabase") && one.hint.as_deref().is_some_and(advises)
    })
}

/// Told of checks that pass, and of those where other values came.
pub(super) fn collation(evidence: &Evidence<'_>) -> Option<Ruling> {
    let warning = collation_warning(evidence.trace)?;
    if !matches!(evidence.broken(), None | Some((Layer::Payload, Fault::Mismatch { .. }))) {
        return None;
    }
    let detail = warning.detail.as_deref().unwrap_or_default().trim_end_matches('.');
    let before = evidence.before.filter(|before| admitted(before));
    let new = before.is_some_and(|before| collation_warning(before).is_none());
    let before = if new { " In the baseline it did not warn." } else { "" };
    let same = evidence.elsewhere().any(|place| collation_warning(place.trace).is_some());
    let same = if same { " It warns other places too." } else { "" };
    let ruling = Ruling::new(COLLATION, Layer::Payload, warning.message.clone());
    let ruling = ruling.because(format!("{detail}.{before}{same}"));
    Some(if evidence.broken().is_none() && (new || !same.is_empty()) { ruling.sure(Confidence::High) } else { ruling })
}

/// How a login was let in.
fn scheme(trace: &Trace) -> Option<&str> {
    facts(trace).find_map(|fact| if let Fact::Admitted { scheme, .. } = fact { Some(scheme.as_str()) } else { None })
}

/// The server asks for what we do not speak, or what the connection string does not accept (`require_auth`).
pub(super) fn auth_method(evidence: &Evidence<'_>) -> Option<Ruling> {
    let seen = match (&evidence.trace.ended, evidence.broken_at(Layer::Auth)) {
        (Ended::Blind(VantageError::Setting { setting, reason }), _) if setting == UNSPOKEN => reason.clone(),
        (_, Some(fault @ Fault::Mismatch { mismatches, .. })) if mismatches.iter().any(|one| one.what == "require_auth") => {
            fault.to_string()
        }
        _ => return None,
    };
    let ruling = Ruling::new(AUTH_METHOD, Layer::Auth, seen);
    let was = evidence.before.and_then(scheme).map(|was| format!("In the baseline it let the role in by {was}."));
    let other = evidence.elsewhere().find_map(|place| Some((place.name(), scheme(place.trace)?)));
    let other = other.map(|(place, scheme)| format!("From {place} it lets the role in by {scheme}."));
    let contrast: Vec<String> = [was, other].into_iter().flatten().collect();
    Some(if contrast.is_empty() {
        ruling.because("No other place was asked, and there is no baseline.").sure(Confidence::Low)
    } else {
        ruling.proved(contrast.join(" "))
    })
}
