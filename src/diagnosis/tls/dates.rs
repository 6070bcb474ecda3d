//! Certificates whose time is over, has not come, or ends soon.

use super::super::evidence::{Evidence, Place, facts, listed};
use super::super::registry::Ruling;
use super::certificate::{distrusted, judged, only_here};
use super::{CLOCK, ENDS_SOON, EXPIRED, NOT_YET_VALID, chain, leaf, same};
use crate::model::cause::{Cause, Confidence};
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::model::trace::Seen;

/// Places that find nothing wrong with the dates of the very same certificate.
fn in_date_elsewhere<'a>(evidence: &Evidence<'a>) -> Vec<Place<'a>> {
    let Some(own) = leaf(evidence.trace) else { return Vec::new() };
    let dated = |place: &Place<'_>| {
        let reasons = match place.trace.broken() {
            Some((Layer::Tls, Fault::Distrusted { reasons, .. })) => reasons.as_slice(),
            Some(_) | None => &[],
        };
        !reasons
            .iter()
            .any(|reason| matches!(reason, Distrust::Expired { .. } | Distrust::NotYetValid { .. }))
    };
    let fine = |place: &Place<'_>| leaf(place.trace).is_some_and(|there| same(own, there)) && dated(place);
    evidence.elsewhere().filter(fine).collect()
}

/// The clock of the place that looked, less the runner's, in seconds, when it is far off.
fn clock_off(evidence: &Evidence<'_>) -> Option<i64> {
    const FAR_MS: u64 = 60_000;
    facts(evidence.trace).find_map(|fact| {
        let Fact::LookedFrom { clock_offset_ms, .. } = fact else { return None };
        (clock_offset_ms.unsigned_abs() >= FAR_MS).then_some(clock_offset_ms / 1000)
    })
}

/// Out of date by the clock of the source, and by no other.
pub(super) fn wrong_clock(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, _, fault) = distrusted(evidence)?;
    let dated = |reason: &Distrust| matches!(reason, Distrust::Expired { .. } | Distrust::NotYetValid { .. });
    let seconds = clock_off(evidence).filter(|_| reasons.iter().any(dated))?;
    let off = match seconds.unsigned_abs() {
        seconds @ 0..172_800 => format!("{} minutes", seconds / 60),
        seconds => format!("{} days", seconds / 86_400),
    };
    let late = if seconds < 0 { "behind" } else { "ahead of" };
    let clock = format!("The clock of {} is {off} {late} the one of the runner.", evidence.vantage);
    let ruling = Ruling::new(CLOCK, Layer::Tls, fault);
    let places = in_date_elsewhere(evidence);
    if places.is_empty() {
        return Some(ruling.because(clock).sure(Confidence::Low).or(&[EXPIRED, NOT_YET_VALID]))
            .filter(|_| evidence.elsewhere().next().is_none());
    }
    let names = listed(places.iter().map(Place::name));
    Some(ruling.proved(format!("{clock} For {names} the same certificate is in date.")))
}

fn dates(
    evidence: &Evidence<'_>,
    cause: &'static Cause,
    is: impl Fn(&Distrust) -> bool,
    of: impl Fn(&Certificate) -> bool,
) -> Option<Ruling> {
    let (reasons, chain, fault) = distrusted(evidence)?;
    if !reasons.iter().any(is) || only_here(evidence) || !in_date_elsewhere(evidence).is_empty() {
        return None;
    }
    let own = leaf(evidence.trace)?;
    let confirmed = evidence.elsewhere().any(|place| leaf(place.trace).is_some_and(|there| same(own, there)));
    let ruling = judged(evidence, cause, fault);
    let ruling = if confirmed {
        ruling
    } else {
        ruling.sure(Confidence::Medium).next("compare the clock of the source with another: date -u")
    };
    Some(match chain.iter().position(of) {
        Some(0) | None => ruling,
        Some(number) => {
            let who = chain.get(number).map(|one| one.subject.as_str()).unwrap_or_default();
            ruling.next(format!(
                "it is not the server's own certificate but the one of {who} that it sends along"
            ))
        }
    })
}

pub(super) fn expired(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, ..) = distrusted(evidence)?;
    let ends: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| {
            if let Distrust::Expired { not_after } = reason { Some(not_after.as_str()) } else { None }
        })
        .collect();
    dates(
        evidence,
        EXPIRED,
        |reason| matches!(reason, Distrust::Expired { .. }),
        |one| ends.contains(&one.not_after.as_str()),
    )
}

pub(super) fn not_yet_valid(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (reasons, ..) = distrusted(evidence)?;
    let begins: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| {
            if let Distrust::NotYetValid { not_before } = reason { Some(not_before.as_str()) } else { None }
        })
        .collect();
    dates(
        evidence,
        NOT_YET_VALID,
        |reason| matches!(reason, Distrust::NotYetValid { .. }),
        |one| begins.contains(&one.not_before.as_str()),
    )
}

pub(super) fn ends_soon(evidence: &Evidence<'_>) -> Option<Ruling> {
    let now = evidence.seen_at.filter(|_| evidence.broken().is_none())?;
    let chain = chain(evidence.trace)?;
    let (certificate, days) = chain.iter().find_map(|one| Some((one, one.ends_soon(now)?)))?;
    let own = evidence
        .trace
        .observations
        .iter()
        .any(|seen| matches!(seen.seen, Seen::Worked(Fact::Secured { .. })));
    own.then(|| {
        let left = match days {
            0 => "today or tomorrow".to_owned(),
            1 => "in a day".to_owned(),
            days => format!("in {days} days"),
        };
        let seen = format!("{} ends {left}, on {}", certificate.subject, certificate.not_after);
        judged(evidence, ENDS_SOON, seen)
    })
}

/// Less days are left than the check wants.
pub(super) fn too_few_days(evidence: &Evidence<'_>) -> Option<Ruling> {
    let too_few = |fault: &Fault| {
        let Fault::Mismatch { mismatches, .. } = fault else { return false };
        mismatches.iter().any(|one| {
            one.what == "days_left"
                && one.expected.contains("at least")
                && one.got.parse::<i64>().is_ok_and(|days| days >= 0)
        })
    };
    let fault = evidence.broken_at(Layer::Tls).filter(|fault| too_few(fault))?;
    let ruling = Ruling::new(ENDS_SOON, Layer::Tls, fault.to_string());
    let alike: Vec<Place<'_>> = evidence
        .elsewhere()
        .filter(|place| place.trace.broken().is_some_and(|(_, fault)| too_few(fault)))
        .collect();
    Some(if alike.is_empty() {
        ruling
            .because("No other place was asked.")
            .next("compare the clock of the source with another: date -u")
    } else {
        ruling.proved(format!("It is the same from {}.", listed(alike.iter().map(Place::name))))
    })
}
