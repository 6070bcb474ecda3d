//! `PgBouncer`: what it says by itself, and how the same login goes straight to PostgreSQL. Its words are never translated,
//! and it names no routine of PostgreSQL's.

use super::{NO_POOLED_DATABASE, POOL_FULL, POOLER_AUTH, POOLER_SERVER, WRONG_PASSWORD, admitted, elsewhere, refused, seen};
use crate::diagnosis::evidence::{Evidence, facts, tried};
use crate::diagnosis::registry::Ruling;
use crate::model::fact::Fact;
use crate::model::fault::{Fault, ServerError};
use crate::model::layer::Layer;
use crate::model::trace::Trace;

/// What it says, by itself or while it passes on what the server behind it says.
const UNREACHED: [&str; 4] =
    ["server login has been failing", "server login failed", "cannot connect to server", "server_login_retry"];
const DENIED: [&str; 4] = ["authentication failed", "auth failed", "no such user", "password authentication"];

fn said<'a>(evidence: &Evidence<'a>) -> Option<&'a ServerError> {
    refused(evidence).filter(|error| error.routine.is_none())
}

fn says(error: &ServerError, words: &[&str]) -> bool {
    words.iter().any(|word| error.message.contains(word))
}

/// The same login straight to a PostgreSQL server of the same host, when it was let in.
fn straight(evidence: &Evidence<'_>) -> Option<String> {
    let trace = evidence.otherwise("port").filter(|trace| admitted(trace))?;
    let address = tried(trace).next()?.address;
    Some(format!("Straight to PostgreSQL at {address} the same login works."))
}

/// Proved by the way past the pooler, else what it says itself.
fn past(evidence: &Evidence<'_>, ruling: Ruling, said: &str) -> Ruling {
    let others = elsewhere(evidence, Layer::Auth);
    match straight(evidence) {
        Some(straight) => ruling.proved(format!("{straight} {others}")),
        None => ruling
            .because(format!("{said} {others}"))
            .next("log in to the PostgreSQL server itself, past the pooler: that tells whose fault it is"),
    }
}

pub(super) fn no_database(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = said(evidence).filter(|error| says(error, &["no such database"]))?;
    let ruling = Ruling::new(NO_POOLED_DATABASE, Layer::Auth, seen(evidence));
    let name = error.message.split_once(':').map_or("NAME", |(_, name)| name.trim());
    let ruling = past(evidence, ruling, "PostgreSQL itself says \"does not exist\" of a database, and names its routine.");
    Some(ruling.next(format!("[databases] of pgbouncer.ini: {name} = host=... port=... dbname={name}")))
}

pub(super) fn auth(evidence: &Evidence<'_>) -> Option<Ruling> {
    said(evidence).filter(|error| says(error, &DENIED) && !says(error, &UNREACHED))?;
    let ruling = Ruling::new(POOLER_AUTH, Layer::Auth, seen(evidence));
    let ruling = past(evidence, ruling, "The pooler itself refuses.");
    Some(if straight(evidence).is_some() { ruling } else { ruling.or(&[WRONG_PASSWORD]) })
}

pub(super) fn pool_full(evidence: &Evidence<'_>) -> Option<Ruling> {
    said(evidence).filter(|error| says(error, &["query_wait_timeout"]))?;
    let ruling = Ruling::new(POOL_FULL, Layer::Auth, seen(evidence));
    let ruling = past(evidence, ruling, "The pooler waited for a connection to the server behind it.");
    Some(if straight(evidence).is_some() { ruling } else { ruling.or(&[POOLER_SERVER]) })
}

/// It says that the server behind it is not reached, or nothing at all once it has asked for the password.
pub(super) fn server_down(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer == Layer::Auth)?;
    let traces = || std::iter::once(evidence.trace).chain(evidence.again()).chain(evidence.elsewhere().map(|place| place.trace));
    let told = traces().find_map(|trace| match trace.broken() {
        Some((_, Fault::LoginRefused(error))) if error.routine.is_none() && says(error, &UNREACHED) => Some(&error.message),
        Some(_) | None => None,
    });
    let waits = matches!(fault, Fault::TimedOut { .. }) && spoke(evidence.trace);
    let ruling = Ruling::new(POOLER_SERVER, layer, fault.to_string());
    match (told, waits, straight(evidence)) {
        (Some(told), _, Some(straight)) => Some(ruling.proved(format!("It says: {told}. {straight}"))),
        (Some(told), _, None) => Some(ruling.because(format!("It says: {told}."))),
        (None, true, Some(straight)) => {
            Some(ruling.because(format!("It asks for the password and then waits. {straight}")).or(&[POOL_FULL]))
        }
        (None, true | false, _) => None,
    }
}

/// Whether it spoke PostgreSQL's protocol before it fell silent.
fn spoke(trace: &Trace) -> bool {
    facts(trace).any(|fact| matches!(fact, Fact::Greeted { protocol, .. } if protocol == "postgres"))
}
