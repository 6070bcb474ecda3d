//! What PostgreSQL itself says of a login, by SQLSTATE and by the routine that refuses; the words only where those leave
//! two causes, for they may be in another language (`lc_messages`).

use std::net::IpAddr;

use super::{
    FROZEN, HBA_REJECT, NO_CONNECT, NO_DATABASE, NO_HBA, NO_LOGIN, NO_PASSWORD, NO_ROLE, NO_ROLE_PASSWORD,
    PASSWORD_EXPIRED, ROLE_LIMIT, SHUTDOWN, STARTING, TLS_REQUIRED, TOO_MANY, WRONG_PASSWORD, WRONG_SIDE, admitted,
    elsewhere, identity, quoted, refused_by_server, seen, sqlstate, stated,
};
use crate::diagnosis::evidence::{Evidence, passes, source};
use crate::diagnosis::registry::Ruling;
use crate::grants::quote::{Quoted, Text};
use crate::model::cause::Confidence;
use crate::model::fault::{Fault, ServerError};
use crate::model::layer::Layer;

/// Who a role is, and whether it may log in (`InitializeSessionUserId`).
const BY_ROLE: &str = "InitializeSessionUserId";
/// Whether a database may be used (`CheckMyDatabase`).
const BY_DATABASE: &str = "CheckMyDatabase";

fn refused<'a>(evidence: &Evidence<'a>, state: &str) -> Option<&'a ServerError> {
    refused_by_server(evidence).filter(|error| error.sqlstate == state)
}

fn by(error: &ServerError, routine: &str) -> bool {
    error.routine.as_deref() == Some(routine)
}

pub(super) fn no_database(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "3D000")?;
    let ruling = Ruling::new(NO_DATABASE, Layer::Auth, seen(evidence));
    let asked = quoted(&error.message).first().copied().unwrap_or_default();
    let before = evidence.before.and_then(identity).filter(|before| before.database != asked);
    let others = elsewhere(evidence, Layer::Auth);
    let said = "The role and its password are accepted.";
    Some(match before {
        Some(before) => ruling.proved(format!("{said} In the baseline the database was {}. {others}", before.database)),
        None => stated(ruling, said, &others).or(&[WRONG_SIDE]),
    })
}

pub(super) fn no_role(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "28000").filter(|error| by(error, BY_ROLE))?;
    if !error.message.contains("does not exist") {
        return None;
    }
    let ruling = Ruling::new(NO_ROLE, Layer::Auth, seen(evidence));
    let role = quoted(&error.message).first().copied().unwrap_or_default();
    let before = evidence.before.is_some_and(admitted);
    let said = if before { "In the baseline the role was let in." } else { "The server names the role that it lacks." };
    Some(stated(ruling, said, &elsewhere(evidence, Layer::Auth)).next(format!("create role {} login", Quoted(role))))
}

/// Not permitted to log in, or a server that says either in another language.
pub(super) fn no_login(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "28000").filter(|error| by(error, BY_ROLE))?;
    if error.message.contains("does not exist") {
        return None;
    }
    let ruling = Ruling::new(NO_LOGIN, Layer::Auth, seen(evidence));
    let role = quoted(&error.message).first().copied();
    let ruling = match role {
        Some(role) => ruling.next(format!("alter role {} login", Quoted(role))),
        None => ruling,
    };
    let before = evidence.before.is_some_and(admitted);
    let said = if before { "In the baseline the role was let in." } else { "The server says so of the role." };
    let ruling = stated(ruling, said, &elsewhere(evidence, Layer::Auth));
    Some(if error.message.contains("not permitted") { ruling } else { ruling.or(&[NO_ROLE]) })
}

/// The address that a message of `pg_hba.conf` names.
fn address(message: &str) -> Option<IpAddr> {
    message.split(|letter: char| !(letter.is_ascii_hexdigit() || letter == '.' || letter == ':')).find_map(|word| {
        let address = word.parse::<IpAddr>().ok()?;
        (word.len() > 3).then_some(address)
    })
}

/// What the server sees us as, when that is not what we left as.
fn translated(evidence: &Evidence<'_>, error: &ServerError) -> String {
    match (address(&error.message), source(evidence.trace)) {
        (Some(sees), Some(own)) if sees != own => {
            format!("The server sees {sees}, while this host sends from {own}: an address is translated on the way. ")
        }
        (Some(sees), _) => format!("The server sees {sees}. "),
        (None, _) => String::new(),
    }
}

pub(super) fn tls_required(evidence: &Evidence<'_>) -> Option<Ruling> {
    refused(evidence, "28000")?;
    let over_tls = evidence.otherwise("tls").filter(|trace| passes(trace, Layer::Tls))?;
    let answered = match over_tls.broken() {
        None => "lets the role in".to_owned(),
        Some((Layer::Auth, Fault::LoginRefused(error))) if error.sqlstate != "28000" => {
            format!("is answered with {}", error.sqlstate)
        }
        Some(_) => return None,
    };
    let contrast = format!("The same login over TLS {answered}. {}", elsewhere(evidence, Layer::Auth));
    Some(Ruling::new(TLS_REQUIRED, Layer::Auth, seen(evidence)).proved(contrast))
}

pub(super) fn hba(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "28000").filter(|error| error.message.contains("pg_hba.conf"))?;
    if tls_required(evidence).is_some() {
        return None;
    }
    let rejects = error.message.contains("rejects");
    let cause = if rejects { HBA_REJECT } else { NO_HBA };
    let mut ruling = Ruling::new(cause, Layer::Auth, seen(evidence));
    let others = elsewhere(evidence, Layer::Auth);
    let before = evidence.before.is_some_and(admitted);
    let before = if before { "In the baseline it was let in. " } else { "" };
    let contrast = format!("{before}{}{others}", translated(evidence, error));
    ruling = if others.is_empty() && before.is_empty() { ruling.because(contrast) } else { ruling.proved(contrast) };
    // Without the words of either the two look the same.
    if !rejects && !error.message.starts_with("no pg_hba.conf entry") {
        ruling = ruling.or(&[HBA_REJECT]).sure(Confidence::Medium);
    }
    if let ([_, role, database, ..], Some(sees), false) = (quoted(&error.message).as_slice(), address(&error.message), rejects) {
        let bits = if sees.is_ipv4() { 32 } else { 128 };
        let line = format!("host {} {} {sees}/{bits} scram-sha-256", Quoted(database), Quoted(role));
        ruling = ruling.next(format!("add to pg_hba.conf: {line}"));
    }
    Some(ruling)
}

/// One text for four causes: only an administrator of the server can tell them apart.
pub(super) fn password(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "28P01")?;
    let ruling = Ruling::new(WRONG_PASSWORD, Layer::Auth, seen(evidence));
    let works = evidence.elsewhere().find(|place| place.passes(Layer::Auth));
    if let Some(place) = works {
        let contrast = format!("The same role logs in from {}: its password there is another one.", place.name());
        return Some(ruling.proved(contrast));
    }
    let before = evidence.before.is_some_and(admitted);
    let before = if before { "In the baseline the role logged in. " } else { "" };
    let contrast = format!("{before}{}", elsewhere(evidence, Layer::Auth));
    let ruling = ruling.because(contrast).or(&[NO_ROLE_PASSWORD, PASSWORD_EXPIRED, NO_PASSWORD]);
    let Some(role) = quoted(&error.message).first().copied() else { return Some(ruling) };
    Some(ruling.next(format!(
        "as an administrator of the server: select rolvaliduntil, rolpassword is null from pg_authid where rolname = {}; \
         no row: the role is missing",
        Text(role)
    )))
}

pub(super) fn limits(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "53300")?;
    let others = elsewhere(evidence, Layer::Auth);
    if by(error, BY_ROLE) || by(error, BY_DATABASE) {
        let ruling = Ruling::new(ROLE_LIMIT, Layer::Auth, seen(evidence));
        let name = quoted(&error.message).first().copied().unwrap_or_default();
        let kind = if by(error, BY_ROLE) { "role" } else { "database" };
        let next = format!("alter {kind} {} connection limit -1", Quoted(name));
        return Some(stated(ruling, &format!("The server counts the sessions of this {kind} alone."), &others).next(next));
    }
    let ruling = Ruling::new(TOO_MANY, Layer::Auth, seen(evidence));
    Some(stated(ruling, "The server refuses before it looks at the role.", &others))
}

pub(super) fn frozen(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "55000").filter(|error| by(error, BY_DATABASE))?;
    let name = quoted(&error.message).first().copied().unwrap_or_default();
    let ruling = Ruling::new(FROZEN, Layer::Auth, seen(evidence));
    let before = evidence.before.is_some_and(admitted);
    let said = if before { "In the baseline it accepted the role." } else { "The server says so of the database." };
    let next = format!("alter database {} allow_connections true", Quoted(name));
    Some(stated(ruling, said, &elsewhere(evidence, Layer::Auth)).next(next))
}

pub(super) fn no_connect(evidence: &Evidence<'_>) -> Option<Ruling> {
    let error = refused(evidence, "42501").filter(|error| by(error, BY_DATABASE))?;
    let name = quoted(&error.message).first().copied().unwrap_or_default();
    let ruling = Ruling::new(NO_CONNECT, Layer::Auth, seen(evidence));
    let before = evidence.before.and_then(identity);
    let said = if before.is_some() { "In the baseline the role was let in." } else { "The password was accepted first." };
    let role = before.map_or_else(|| "ROLE".to_owned(), |before| Quoted(&before.user).to_string());
    let next = format!("GRANT CONNECT ON DATABASE {} TO {role};", Quoted(name));
    Some(stated(ruling, said, &elsewhere(evidence, Layer::Auth)).next(next))
}

pub(super) fn starting(evidence: &Evidence<'_>) -> Option<Ruling> {
    refused(evidence, "57P03")?;
    let ruling = Ruling::new(STARTING, Layer::Auth, seen(evidence));
    Some(stated(ruling, "The server answers, and refuses everybody.", &elsewhere(evidence, Layer::Auth)))
}

/// The session was ended while it was used; a new one works.
pub(super) fn shut_down(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, _) = evidence.broken()?;
    // admin_shutdown, crash_shutdown
    let ended = matches!(sqlstate(evidence.trace), Some("57P01" | "57P02"));
    let works = evidence.again().any(|trace| trace.broken().is_none());
    (ended && works).then(|| {
        let contrast = "The same again, in a new session, works.";
        Ruling::new(SHUTDOWN, layer, seen(evidence)).proved(contrast)
    })
}
