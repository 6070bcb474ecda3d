//! Who answers: application, environment, version, and by which clock.

use super::{CLOCK, OLD_VERSION, WRONG_APP, WRONG_ENV};
use crate::diagnosis::answer::{Answer, response, well};
use crate::diagnosis::evidence::{Evidence, Place, listed};
use crate::diagnosis::lb::{VERSIONS, last_name};
use crate::diagnosis::registry::Ruling;
use crate::model::cause::{Cause, Confidence};
use crate::model::fault::Mismatch;
use crate::model::layer::Layer;
use crate::model::response::BodyKind;

const APPLICATIONS: &[&str] = &["application", "app", "appname", "app_name", "applicationname", "service", "servicename", "service_name", "component"];
const ENVIRONMENTS: &[&str] = &["env", "environment", "stage", "profile", "profiles", "activeprofiles", "deployment", "landscape"];

/// What an answer that was understood says of itself, and what was expected.
fn says<'a>(answer: &Answer<'a>, names: &[&str]) -> Option<&'a Mismatch> {
    let known = |one: &&Mismatch| one.what.starts_with('$') && names.contains(&&*last_name(&one.what)) && one.got != "nothing";
    answer.mismatches().iter().find(known)
}

fn tell(evidence: &Evidence<'_>, cause: &'static Cause, names: &[&str]) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::Json) && answer.layer == Layer::Payload)?;
    let one = says(&answer, names)?;
    // From where the right one answers, another node or another address does.
    if well(evidence).is_some() {
        return None;
    }
    let mut ruling = answer.tell(cause);
    ruling.seen = format!("{} is {}, not {}", one.what, one.got, one.expected);
    Some(ruling)
}

pub(super) fn wrong_app(evidence: &Evidence<'_>) -> Option<Ruling> {
    tell(evidence, WRONG_APP, APPLICATIONS)
}

pub(super) fn wrong_environment(evidence: &Evidence<'_>) -> Option<Ruling> {
    if wrong_app(evidence).is_some() {
        return None;
    }
    tell(evidence, WRONG_ENV, ENVIRONMENTS)
}

/// Numbers of a version, the greatest first.
fn numbers(text: &str) -> Vec<u64> {
    let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    parts.filter_map(|part| part.parse().ok()).collect()
}

pub(super) fn old_version(evidence: &Evidence<'_>) -> Option<Ruling> {
    if wrong_app(evidence).is_some() || wrong_environment(evidence).is_some() {
        return None;
    }
    let ruling = tell(evidence, OLD_VERSION, VERSIONS)?;
    let answer = Answer::steady(evidence)?;
    let one = says(&answer, VERSIONS)?;
    let (got, expected) = (numbers(&one.got), numbers(&one.expected));
    let dotted = got.len() > 1 && expected.len() > 1;
    if dotted && got > expected {
        // A newer one than was meant is no old one.
        return None;
    }
    Some(if dotted { ruling } else { let sure = ruling.confidence.less(); ruling.sure(sure) })
}

/// Seconds between two clocks that something breaks over: tokens and certificates allow for about a minute.
const WRONG_S: i64 = 60;

/// Told of answers that are well, too: what it breaks comes later.
pub(super) fn clock(evidence: &Evidence<'_>) -> Option<Ruling> {
    let offset = |trace| response(trace).and_then(|response| response.clock_offset_s).filter(|offset| offset.abs() > WRONG_S);
    let here = offset(evidence.trace)?;
    let others: Vec<Place<'_>> = evidence.elsewhere().filter(|place| response(place.trace).is_some()).collect();
    let (same, other): (Vec<Place<'_>>, Vec<Place<'_>>) = others.into_iter().partition(|place| offset(place.trace).is_some_and(|there| (there - here).abs() <= WRONG_S));
    if !other.is_empty() && other.len() > same.len() {
        // Then it is the clock of the place that asks.
        return None;
    }
    let days = here.abs() / (24 * 60 * 60);
    let far = if days > 1 { format!("{days} days") } else { format!("{} s", here.abs()) };
    let way = if here < 0 { "behind" } else { "ahead of" };
    let seen = format!("the Date of its answer is {far} {way} the clock here");
    let ruling = Ruling::new(CLOCK, Layer::Protocol, seen);
    let was_right = evidence.before.and_then(response).is_some_and(|was| was.clock_offset_s.is_none_or(|was| was.abs() <= WRONG_S));
    let before = if was_right { " Before: the same time." } else { "" };
    Some(if same.is_empty() {
        let own = "compare the clock of the place that asked, too: timedatectl";
        ruling.because(format!("No other place was asked.{before}")).sure(Confidence::Low).next(own)
    } else {
        ruling.proved(format!("It is the same from {}.{before}", listed(same.iter().map(Place::name))))
    })
}
