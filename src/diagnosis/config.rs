//! What an application is configured with: the address it calls, against the one that was meant and the one it called
//! before.

use std::net::SocketAddr;

use super::evidence::{Evidence, listed, passes, resolved, tried};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::Confidence;
use crate::model::fault::{Fault, Mismatch};
use crate::model::host::Toward;
use crate::model::layer::Layer;
use crate::model::outline::{Check, LinkPart};
use crate::model::trace::{Ended, Trace, VantageError};
use crate::probe::config::LOADED;
use crate::probe::config::agree::{EMPTY, UNSEEN};

causes! { Config:
    OLD_HOST = "cfg-old-host" at Source,
        "The source is configured with another address than the one that is meant, such as the old host.",
        "What it is configured with differs from what the plan says, or from the name it called in the baseline.",
        ["correct the address in the application's configuration, and restart it"];
    EMPTY_SETTING = "cfg-env-var-empty" at Source,
        "The setting that holds the address is empty, or not there at all.",
        "The configuration was read, and has no address in it; nothing is ever sent.",
        ["set the variable where the application is started, and restart it"];
    UNSEEN_CHARACTER = "cfg-trailing-space-host" at Source,
        "The configured address has a character that nobody sees, such as a space or a carriage return at its end.",
        "The address reads right; its bytes are others. Files written on Windows end lines with a carriage return.",
        ["trim the value: dos2unix FILE, or take the space away"];
    NOT_RELOADED = "app-config-not-reloaded" at Source,
        "The application still runs with the configuration of before: it was not restarted since the file was changed.",
        "What the file says is right; the process that reads it when it starts is older than the file's last change.",
        ["restart the application, or let it read its configuration again"];
    CACHED_ADDRESS = "dns-app-cached-address" at Source,
        "The application still uses the address that the name had before.",
        "A fresh probe is led to the new address and works; a process of this host has connections to the old one.",
        ["restart or reload the application", "let it ask again: networkaddress.cache.ttl of the JVM, resolver in nginx, the lifetime of its pool"];
    OTHER_USER = "probe-other-user-env" at Source,
        "It fails as the application, and works from the same host for another user with another environment.",
        "The same probe at the same place and time: once as the application, once as the vantage's own user.",
        ["compare the rights of its user, and SSL_CERT_FILE, RES_OPTIONS, LOCALDOMAIN and HOSTALIASES of its process"];
}

pub(super) const RULES: &[Rule] = &[not_reloaded, cached, empty, unseen, differs, other_name, own_file, own_environment];

/// Whether it fails each time as the application, and works from the same place as the vantage's own user: then neither the
/// way nor the target is to blame.
pub(super) fn is_the_application_s(evidence: &Evidence<'_>) -> bool {
    let works = |trace: &Trace| trace.broken().is_none() && !trace.observations.is_empty();
    evidence.own_environment().is_some_and(works) && evidence.again().all(|trace| trace.broken().is_some())
}

/// What a configuration says, when it was read and is not what was meant.
fn configured<'a>(evidence: &Evidence<'a>) -> Option<&'a [Mismatch]> {
    let Fault::Mismatch { mismatches, .. } = evidence.broken_at(Layer::Payload)? else { return None };
    (evidence.check.kind == "config").then_some(mismatches)
}

/// What is declared and probed, beside what is configured.
fn meant(evidence: &Evidence<'_>, one: &Mismatch) -> String {
    let declared = format!("The plan means {} for {}.", one.expected, one.what);
    let Some(link) = &evidence.check.link else { return declared };
    let is_path = |check: &&Check| {
        check.link.as_ref().is_some_and(|other| other.id == link.id && other.part == LinkPart::Path)
    };
    match evidence.outline.checks.iter().find(is_path) {
        Some(path) => format!("{declared} Declared for the link and probed from there is {}.", path.target),
        None => declared,
    }
}

/// A file of our own that the application's user may not read.
fn own_file(evidence: &Evidence<'_>) -> Option<Ruling> {
    let Ended::Blind(error @ VantageError::Unreadable { .. }) = &evidence.trace.ended else { return None };
    let contrast = "From the same place, as the vantage's own user, the file is read and it works.";
    is_the_application_s(evidence).then(|| Ruling::new(OTHER_USER, Layer::Vantage, error.to_string()).proved(contrast))
}

/// Whatever else there is in the application's environment.
fn own_environment(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (layer, fault) = evidence.broken().filter(|_| is_the_application_s(evidence))?;
    let contrast = "From the same place, as the vantage's own user and with its own environment, it works.";
    Some(Ruling::new(OTHER_USER, layer, fault.to_string()).because(contrast))
}

fn empty(evidence: &Evidence<'_>) -> Option<Ruling> {
    if let Some(fault @ Fault::KeyMissing { source, key }) = evidence.broken_at(Layer::Payload) {
        let contrast = format!("{source} was read, and {key} is not in it.");
        return Some(Ruling::new(EMPTY_SETTING, Layer::Payload, fault.to_string()).proved(contrast));
    }
    let one = configured(evidence)?.iter().find(|one| one.got.contains(EMPTY))?;
    let ruling = Ruling::new(EMPTY_SETTING, Layer::Payload, format!("{}: {}", one.what, one.got));
    Some(ruling.proved(meant(evidence, one)))
}

fn unseen(evidence: &Evidence<'_>) -> Option<Ruling> {
    let one = configured(evidence)?.iter().find(|one| one.got.contains(UNSEEN))?;
    let ruling = Ruling::new(UNSEEN_CHARACTER, Layer::Payload, format!("{}: {}", one.what, one.got));
    Some(ruling.proved(meant(evidence, one)))
}

/// The address that is configured is not the one of the plan.
fn differs(evidence: &Evidence<'_>) -> Option<Ruling> {
    let is_link = evidence.check.link.is_some();
    let one = configured(evidence)?
        .iter()
        .find(|one| is_link && !is_start(one) && !one.got.contains(EMPTY) && !one.got.contains(UNSEEN))?;
    let ruling = Ruling::new(OLD_HOST, Layer::Payload, format!("{} is {}", one.what, one.got));
    Some(ruling.proved(meant(evidence, one)))
}

fn is_start(one: &Mismatch) -> bool {
    one.what.starts_with(LOADED)
}

/// The plan names the process that reads the file, and that is older.
fn not_reloaded(evidence: &Evidence<'_>) -> Option<Ruling> {
    let one = configured(evidence)?.iter().find(|one| is_start(one))?;
    let ruling = Ruling::new(NOT_RELOADED, Layer::Payload, format!("{} was at {}", one.what, one.got));
    let changed = format!("It has to be {}.", one.expected);
    let before = evidence.before.is_some_and(|before| before.broken().is_none());
    Some(if before { ruling.proved(format!("{changed} In the baseline it was.")) } else { ruling.because(changed) })
}

/// Connections to the address of before, while the name leads elsewhere.
fn cached(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (name, addresses) = evidence.resolved()?;
    let was: Vec<SocketAddr> = tried(evidence.before?).filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.address).collect();
    let moved = |one: &&Toward| was.contains(&one.address) && !addresses.contains(&one.address.ip());
    let old = evidence.sockets()?.toward.iter().find(moved)?;
    let program = old.program.as_deref().unwrap_or("A process");
    let now = addresses.first()?;
    let ruling = Ruling::new(CACHED_ADDRESS, Layer::Dns, format!("{name} is {now}, and was {}", old.address.ip()));
    let asked = if old.asked > 0 { format!(", {} of them in vain", old.asked) } else { String::new() };
    let contrast = format!("{program} of this host has {} connections to {}{asked}.", old.established + old.asked, old.address);
    // What asks in vain was told the old address just now; a pool may end its connections by itself.
    Some(if old.asked > 0 && old.program.is_some() { ruling.proved(contrast) } else { ruling.because(contrast) })
}

/// Another name than in the baseline is called, and both are there: not the name server gives another address, the
/// caller asks for another name.
fn other_name(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (_, fault) = evidence.broken()?;
    let (now, addresses) = evidence.resolved()?;
    let (was, _) = resolved(evidence.before?).filter(|(was, _)| !was.eq_ignore_ascii_case(now))?;
    let address = addresses.first()?;
    let still = evidence.baseline_address().filter(|(_, trace)| passes(trace, Layer::Tcp));
    let still = still.map_or_else(String::new, |(address, _)| format!(" {address}, as in the baseline, connects."));
    let same = evidence.elsewhere().filter(|place| place.trace.broken().is_some());
    let same = listed(same.map(|place| place.name()).collect::<Vec<_>>());
    let same = if same.is_empty() { same } else { format!(" It is the same from {same}.") };
    let contrast = format!("It calls {now} ({address}); in the baseline it called {was}.{still}{same}");
    let sure = if still.is_empty() { Confidence::Medium } else { Confidence::High };
    Some(Ruling::new(OLD_HOST, Layer::Dns, fault.to_string()).because(contrast).sure(sure))
}
