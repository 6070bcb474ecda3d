//! What PostgreSQL says of a statement, by SQLSTATE, beside what the catalogs and the session say.

use super::{
    IDLE, LOCKED, NO_MAPPING, OLD_DSN, PREPARED, READ_ONLY, REMOTE_DOWN, SEQUENCE_BEHIND, STANDBY, TIMEOUT, catalog,
    elsewhere, failed, identity, seen, stated,
};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::grants::quote::{Quoted, Text};
use crate::model::cause::Confidence;
use crate::model::database::{CatalogFacts, RelationFacts, SettingFacts};
use crate::model::fault::{Fault, ServerError};
use crate::model::layer::Layer;

fn state<'a>(evidence: &Evidence<'a>, wanted: &str) -> Option<&'a ServerError> {
    failed(evidence).filter(|error| error.sqlstate == wanted)
}

/// How a setting of a role or a database is taken back.
fn reset(setting: &SettingFacts, role: &str, database: &str) -> Option<String> {
    let what = match setting.source.as_str() {
        "database" => format!("database {}", Quoted(database)),
        "user" => format!("role {}", Quoted(role)),
        "database user" => format!("role {} in database {}", Quoted(role), Quoted(database)),
        _ => return None,
    };
    Some(format!("alter {what} reset {}", setting.name))
}

pub(super) fn read_only(evidence: &Evidence<'_>) -> Option<Ruling> {
    state(evidence, "25006")?;
    let own = identity(evidence.trace).filter(|own| own.read_only && !own.in_recovery)?;
    let before = evidence.before.and_then(identity).is_some_and(|before| !before.read_only);
    let before = if before { " In the baseline they could write." } else { "" };
    let said = format!("Its sessions begin read only, and pg_is_in_recovery() is false: it is no standby.{before}");
    let ruling = known(evidence, Ruling::new(READ_ONLY, Layer::Payload, seen(evidence)), &said, !before.is_empty());
    let setting = catalog(evidence).and_then(|facts| Some((facts.setting("default_transaction_read_only")?, &facts.role)));
    Some(match setting.and_then(|(setting, role)| reset(setting, role, &own.database)) {
        Some(next) => ruling.next(next),
        None => ruling,
    })
}

pub(super) fn standby(evidence: &Evidence<'_>) -> Option<Ruling> {
    state(evidence, "25006")?;
    let own = identity(evidence.trace).filter(|own| own.in_recovery)?;
    let server = own.server_address.as_deref().unwrap_or("The server");
    let before = evidence.before.and_then(identity).is_some_and(|before| !before.in_recovery);
    let before = if before { " In the baseline it was a primary." } else { "" };
    let said = format!("{server} says that it is in recovery.{before}");
    Some(known(evidence, Ruling::new(STANDBY, Layer::Payload, seen(evidence)), &said, !before.is_empty()))
}

/// Proved by what the baseline had or other places say; else what the session says of itself.
fn known(evidence: &Evidence<'_>, ruling: Ruling, said: &str, before: bool) -> Ruling {
    let ruling = stated(ruling, said, &elsewhere(evidence, Layer::Payload));
    if before { ruling.sure(Confidence::High) } else { ruling }
}

/// Locks of others on what the statement names, in a sentence.
fn locks(facts: &CatalogFacts) -> Option<String> {
    let meant = (0..facts.named.len()).filter_map(|of| facts.meant(of));
    let held = meant.flat_map(|relation| relation.locks.iter().map(move |lock| (relation, lock)));
    let words = held.take(3).map(|(relation, lock)| {
        let role = lock.role.as_ref().map_or_else(String::new, |role| format!(" of {role}"));
        format!("Process {}{role} holds {} on {}.{}.", lock.process, lock.mode, relation.schema, relation.name)
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// How long the statement ran, in milliseconds.
fn took(evidence: &Evidence<'_>) -> f64 {
    let last = evidence.trace.observations.iter().rfind(|seen| seen.layer == Layer::Payload);
    last.map_or(0.0, |seen| seen.took_ms)
}

pub(super) fn timeout(evidence: &Evidence<'_>) -> Option<Ruling> {
    state(evidence, "57014")?;
    let facts = catalog(evidence);
    let locks = facts.and_then(locks);
    let limit = facts.and_then(|facts| facts.setting("statement_timeout"));
    let ran = format!("It ran for {:.1} s", took(evidence) / 1000.0);
    let ruling = Ruling::new(TIMEOUT, Layer::Payload, seen(evidence));
    let contrast = match limit {
        Some(limit) => format!("{ran}; statement_timeout is {} ms, set for the {}.", limit.value, limit.source),
        None => format!("{ran}, as long as the check itself allows: the role has no limit of its own."),
    };
    let others = elsewhere(evidence, Layer::Payload);
    let contrast = [Some(contrast), locks.clone(), Some(others)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let ruling = if limit.is_some() { ruling.proved(contrast) } else { ruling.because(contrast) };
    Some(if locks.is_some() { ruling.or(&[LOCKED]) } else { ruling })
}

/// A lock was not had in time, or the check gave up while somebody held one.
pub(super) fn locked(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|(layer, _)| *layer == Layer::Payload)?;
    let told = state(evidence, "55P03").is_some();
    if !told && !matches!(fault, Fault::TimedOut { .. }) {
        return None;
    }
    let ruling = Ruling::new(LOCKED, layer, fault.to_string());
    match (catalog(evidence).and_then(locks), told) {
        (Some(locks), true) => Some(ruling.proved(locks)),
        (Some(locks), false) => Some(ruling.because(locks)),
        (None, true) => Some(
            ruling
                .because("When it was looked for, nobody held the lock any more.")
                .sure(Confidence::Medium)
                .next("select pid, pg_blocking_pids(pid) from pg_stat_activity where wait_event_type = 'Lock', while it happens"),
        ),
        (None, false) => None,
    }
}

/// The column of `Key (id)=(2) already exists`, however the rest is translated.
fn key(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once('(')?;
    let (column, _) = rest.split_once(")=(")?;
    Some(column.trim_matches('"'))
}

pub(super) fn sequence_behind(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = state(evidence, "23505")?;
    let column = key(error.detail.as_deref()?)?;
    let facts = catalog(evidence)?;
    let filled = (0..facts.named.len()).filter_map(|of| facts.meant(of)).find_map(|relation| {
        let own = relation.sequences.iter().find(|one| one.column == column && !one.given)?;
        Some((relation, own))
    });
    let (relation, sequence) = filled?;
    let named = format!("{}.{}", Quoted(&sequence.schema), Quoted(&sequence.name));
    let contrast = format!(
        "The statement gives {column} no value: it came from the sequence {}.{}, and is taken.",
        sequence.schema, sequence.name
    );
    let next = format!(
        "select setval({}, (select max({}) from {}.{}))",
        Text(&named),
        Quoted(column),
        Quoted(&relation.schema),
        Quoted(&relation.name)
    );
    Some(Ruling::new(SEQUENCE_BEHIND, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

/// Foreign tables that the statement names.
fn foreign(facts: &CatalogFacts) -> impl Iterator<Item = &RelationFacts> {
    (0..facts.named.len()).filter_map(|of| facts.meant(of)).filter(|relation| relation.foreign.is_some())
}

pub(super) fn no_mapping(evidence: &Evidence<'_>) -> Option<Ruling> {
    failed(evidence)?;
    let facts = catalog(evidence)?;
    let (relation, server) = foreign(facts).find_map(|relation| {
        let to = relation.foreign.as_ref().filter(|to| !to.mapped)?;
        Some((relation, &to.server))
    })?;
    let contrast = format!(
        "{}.{} is a foreign table of the server {server}, and neither {} nor public has a mapping there.",
        relation.schema, relation.name, facts.role
    );
    let next = format!("create user mapping for {} server {} options (user ..., password ...)", Quoted(&facts.role), Quoted(server));
    Some(Ruling::new(NO_MAPPING, Layer::Payload, seen(evidence)).proved(contrast).next(next))
}

/// `sqlclient_unable_to_establish_sqlconnection`, said by a function of dblink (`contrib/dblink/dblink.c`).
pub(super) fn old_dsn(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = state(evidence, "08001").filter(|error| by_dblink(error))?;
    let detail = error.detail.as_deref().and_then(|detail| detail.lines().next()).unwrap_or_default();
    let here = identity(evidence.trace).and_then(|own| own.server_address.as_deref());
    let here = here.map_or_else(|| "The login here works.".to_owned(), |here| format!("The login at {here} works."));
    let before = if evidence.before.is_some() { " In the baseline the statement worked." } else { "" };
    let said = format!("{here} dblink says: {}.{before}", detail.trim().trim_end_matches('.'));
    let ruling = Ruling::new(OLD_DSN, Layer::Payload, seen(evidence)).or(&[REMOTE_DOWN]);
    Some(known(evidence, ruling, &said, !before.is_empty()))
}

fn by_dblink(error: &ServerError) -> bool {
    error.routine.as_deref().is_some_and(|routine| routine.starts_with("dblink"))
}

/// `invalid_sql_statement_name`, `duplicate_prepared_statement`.
pub(super) fn prepared(evidence: &Evidence<'_>) -> Option<Ruling> {
    failed(evidence).filter(|error| matches!(error.sqlstate.as_str(), "26000" | "42P05"))?;
    let before = evidence.before.is_some();
    let said = if before { "In the baseline the statement worked." } else { "A session forgets no statement by itself." };
    let ruling = Ruling::new(PREPARED, Layer::Payload, seen(evidence));
    Some(known(evidence, ruling, said, false).sure(Confidence::Medium))
}

/// `idle_in_transaction_session_timeout`.
pub(super) fn idle(evidence: &Evidence<'_>) -> Option<Ruling> {
    state(evidence, "25P03")?;
    let ruling = Ruling::new(IDLE, Layer::Payload, seen(evidence));
    Some(stated(ruling, "The server says why it ended the session.", &elsewhere(evidence, Layer::Payload)))
}

pub(super) fn remote_down(evidence: &Evidence<'_>) -> Option<Ruling> {
    // sqlclient_unable_to_establish_sqlconnection
    let error = state(evidence, "08001").filter(|error| !by_dblink(error))?;
    let ruling = Ruling::new(REMOTE_DOWN, Layer::Payload, seen(evidence));
    let detail = error.detail.as_deref().and_then(|detail| detail.lines().next());
    let detail = detail.map_or_else(String::new, |detail| format!(" It says: {}.", detail.trim().trim_end_matches('.')));
    let to = catalog(evidence).and_then(|facts| {
        let relation = foreign(facts).next()?;
        let to = relation.foreign.as_ref()?;
        Some(format!("{}.{} leads to the server {} ({}).", relation.schema, relation.name, to.server, to.options.join(" ")))
    });
    Some(match to {
        Some(to) => ruling.proved(format!("The login and local names work. {to}{detail}")),
        None => stated(ruling, &format!("The server itself cannot connect to another one.{detail}"), &elsewhere(evidence, Layer::Payload)),
    })
}
