//! A connection that was left idle and then used again, as pools of applications do.

use std::time::Duration;

use super::{IDLE_CLOSED, IDLE_FORGOTTEN};
use crate::diagnosis::evidence::{Evidence, facts};
use crate::diagnosis::registry::{Rule, Ruling};
use crate::model::cause::Confidence;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, Mismatch, ServerError};
use crate::model::trace::Trace;
use crate::period::Period;

/// Of an idle connection nothing else is to be told: what it answered before it was idle was good.
pub(in crate::diagnosis) const RULES: &[Rule] = &[closed, forgotten];

/// Whether what broke is the connection that was idle, and not what was answered on it.
pub(in crate::diagnosis) fn is_to_blame(evidence: &Evidence<'_>) -> bool {
    RULES.iter().any(|rule| rule(evidence).is_some())
}

/// The server said or showed that it closes what is idle.
fn closed(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    let says_so = if let Fault::Mismatch { mismatches, .. } = fault {
        mismatches.iter().any(|one| one.what == Mismatch::IDLE_CONNECTION)
    } else if let Fault::StatementFailed(error) = fault {
        rested(evidence.trace).is_some() && is_of_idle_time(error)
    } else {
        false
    };
    says_so.then(|| {
        let ruling = Ruling::new(IDLE_CLOSED, layer, fault.to_string());
        ruling.proved(format!("{ANSWERED} {}", before(evidence).unwrap_or_default()))
    })
}

/// PostgreSQL's `idle_session_timeout` (SQLSTATE 57P05), and `client_idle_timeout` of `PgBouncer`, which has no code of its own.
fn is_of_idle_time(error: &ServerError) -> bool {
    error.sqlstate == "57P05" || error.message.contains("client_idle_timeout")
}

/// Nothing, or a reset, in answer to what is sent after the rest, while new connections work.
fn forgotten(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken()?;
    let rested = rested(evidence.trace)?;
    let (cause, other) = if matches!(fault, Fault::TimedOut { .. } | Fault::ConnectionLost { .. }) {
        (IDLE_FORGOTTEN, None)
    } else if matches!(fault, Fault::Reset { .. }) {
        (IDLE_FORGOTTEN, Some(IDLE_CLOSED))
    } else if matches!(fault, Fault::ClosedEarly { .. }) {
        (IDLE_CLOSED, Some(IDLE_FORGOTTEN))
    } else {
        return None;
    };
    let fresh: Vec<bool> = evidence.again().map(|trace| trace.broken().is_none()).collect();
    // New connections fail too: the rest has nothing to do with it.
    if fresh.contains(&false) {
        return None;
    }
    let ruling = Ruling::new(cause, layer, format!("after {} of rest on an open connection: {fault}", Period(rested)));
    let ruling = match fresh.len() {
        0 => {
            let next = "gonogo probe the same target: does a new connection work?";
            ruling.because(ANSWERED).sure(Confidence::Low).next(next)
        }
        calls => {
            let new = format!("{calls} new connections were answered right after it.");
            ruling.proved(format!("{ANSWERED} {new} {}", before(evidence).unwrap_or_default()))
        }
    };
    Some(match other {
        Some(other) => ruling.or(&[other]).sure(Confidence::Medium),
        None => ruling,
    })
}

/// How long a connection was left idle.
fn rested(trace: &Trace) -> Option<Duration> {
    facts(trace).find_map(|fact| {
        let Fact::Idled { idle_ms } = fact else { return None };
        Duration::try_from_secs_f64(idle_ms / 1000.0).ok()
    })
}

const ANSWERED: &str = "The same call on the same connection was answered before it was idle.";

/// What the baseline has, where it rested too.
fn before(evidence: &Evidence<'_>) -> Option<&'static str> {
    let before = evidence.before.filter(|before| before.broken().is_none())?;
    rested(before).is_some().then_some("Before: after the same rest it was answered too.")
}
