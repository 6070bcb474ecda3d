//! A whole stage: every row that was examined is diagnosed, and what breaks for the same reason is told once.

use std::collections::HashMap;

use super::diagnose;
use super::evidence::{Evidence, tried};
use crate::journal::event::Expected;
use crate::journal::run::{RowState, Run, StageState};
use crate::model::cause::Diagnosis;
use crate::model::fact::Attempt;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, LinkPart};
use crate::model::trace::Trace;

/// Causes by row, best first; rows without a known cause are left out.
pub type Diagnoses = HashMap<Expected, Vec<Diagnosis>>;

/// Causes of a name server that are not about the name it was asked for.
const OF_THE_RESOLVER: [&str; 6] = [
    "dns-servfail",
    "dns-refused-rcode",
    "dns-resolver-timeout",
    "dns-resolver-down",
    "dns-nsswitch-no-dns",
    "dns-truncated-tcp-blocked",
];

/// How a row broke, and at which server.
type Way = (Layer, String, String);

/// Diagnose a stage of a run.
///
/// Rows that break in the same way at the same server have the same cause, though only one of them was examined.
#[must_use]
pub fn diagnose_stage(run: &Run, stage: &StageState) -> Diagnoses {
    let mut found: Diagnoses = HashMap::new();
    let mut first: HashMap<Way, Expected> = HashMap::new();
    for (expected, row) in &stage.rows {
        if let Some(diagnoses) = of_row(run, stage, expected, row) {
            let of_the_resolver =
                diagnoses.first().is_some_and(|cause| OF_THE_RESOLVER.contains(&&*cause.id));
            let resolver = of_the_resolver.then(|| way_of_names(expected, row)).flatten();
            for way in way(row).into_iter().chain(resolver) {
                first.entry(way).or_insert_with(|| expected.clone());
            }
            found.insert(expected.clone(), diagnoses);
        }
    }
    // Before any of them explains others: the list stands with the examined row alone, or ten thousand rows would each have one.
    let causes: HashMap<Expected, Vec<Diagnosis>> =
        first.values().filter_map(|one| Some((one.clone(), found.get(one)?.clone()))).collect();
    for (expected, row) in stage.rows.iter().filter(|(_, row)| row.outcome() == Outcome::Fail) {
        let same_cause = |own: &[Diagnosis], theirs: &[Diagnosis]| {
            own.first().map(|one| &one.id) == theirs.first().map(|one| &one.id)
        };
        // What names have in common before one name: its first row may itself be explained by another name's.
        let ways = way_of_names(expected, row).into_iter().chain(way(row));
        let explaining = ways.filter_map(|way| first.get(&way)).find_map(|examined| {
            let theirs = causes.get(examined)?;
            found.get(expected).is_none_or(|own| same_cause(own, theirs)).then_some((examined, theirs))
        });
        let Some((examined, theirs)) = explaining.filter(|(examined, _)| *examined != expected) else {
            continue;
        };
        if let Some(cause) = found.get_mut(examined).and_then(|causes| causes.first_mut()) {
            cause.explains.push(format!("{} from {}", expected.check, expected.vantage));
            found.entry(expected.clone()).or_insert_with(|| theirs.clone());
        }
    }
    found
}

fn of_row(run: &Run, stage: &StageState, expected: &Expected, row: &RowState) -> Option<Vec<Diagnosis>> {
    let (examination, trace) = (row.examination.as_deref(), row.trace.as_ref()?);
    if examination.is_none() && !(row.outcome() == Outcome::Pass && has_dead_address(trace)) {
        return None;
    }
    let check = run.outline.checks.get(run.check_index(&expected.check)?)?;
    if check.expect_break.is_some() {
        return None;
    }
    let beside = stage
        .rows
        .iter()
        .filter(|(other, _)| other.check == expected.check && other.vantage != expected.vantage);
    let evidence = Evidence {
        outline: &run.outline,
        check,
        vantage: &expected.vantage,
        trace,
        seen_at: row.seen_at,
        before: examination.and_then(|known| known.before.as_ref()).map(|before| &before.trace),
        answers: examination.map_or(&[], |known| &known.answers),
        beside: beside.filter_map(|(other, row)| Some((&*other.vantage, row.trace.as_ref()?))).collect(),
        back: back(run, check),
        path: path(run, check),
    };
    Some(diagnose(&evidence)).filter(|found| !found.is_empty())
}

/// Whether one address of several did not answer while another one did: nothing more has to be asked to tell. A host without
/// IPv6 does not reach any address of that family, which is no trouble of the name.
fn has_dead_address(trace: &Trace) -> bool {
    let answered = |good: &Attempt, bad: &Attempt| {
        good.error.is_none() && bad.error.is_some() && good.address.is_ipv4() == bad.address.is_ipv4()
    };
    tried(trace).any(|bad| tried(trace).any(|good| answered(good, bad)))
}

/// Paths from what a link calls to who calls it that are broken, in any stage.
fn back<'a>(run: &'a Run, check: &Check) -> Vec<(&'a str, &'a Trace)> {
    let Some(own) = &check.link else { return Vec::new() };
    let rows = run.stages.iter().flat_map(|stage| &stage.rows);
    let broken = rows.filter_map(|(expected, row)| {
        let trace = row.trace.as_ref().filter(|trace| trace.broken().is_some())?;
        let link = run.outline.checks.get(run.check_index(&expected.check)?)?.link.as_ref()?;
        let is_back = link.part == LinkPart::Path && link.from == own.to && link.to == own.from;
        is_back.then_some((&*link.id, trace))
    });
    broken.collect()
}

/// What was seen last on the path of the link that a check goes through.
fn path<'a>(run: &'a Run, check: &Check) -> Option<&'a Trace> {
    let own = check.link.as_ref().filter(|link| link.part == LinkPart::Through)?;
    let rows = run.stages.iter().flat_map(|stage| &stage.rows);
    let mut seen = rows.filter_map(|(expected, row)| {
        let link = run.outline.checks.get(run.check_index(&expected.check)?)?.link.as_ref()?;
        let is_path = link.part == LinkPart::Path && link.id == own.id;
        row.trace.as_ref().filter(|_| is_path)
    });
    seen.next_back()
}

/// How a row broke, and at which server.
fn way(row: &RowState) -> Option<Way> {
    let trace = row.trace.as_ref()?;
    let (layer, fault) = trace.broken()?;
    Some((layer, fault.way(), peer(trace, fault)?))
}

/// The same when it is the name server that broke, whatever the name: which one, and the place that asks it.
fn way_of_names(expected: &Expected, row: &RowState) -> Option<Way> {
    let (Layer::Dns, fault) = row.trace.as_ref()?.broken()? else { return None };
    let server = if let Fault::ServerFailure { by, .. } | Fault::QueryRefused { by, .. } = fault {
        by.clone()
    } else if let Fault::ResolverFailed { name, code } = fault {
        code.replace(name.as_str(), "")
    } else if let Fault::TimedOut { waiting_for, .. } = fault {
        // What was waited for may name the name, at its end.
        waiting_for.split(" for ").next()?.to_owned()
    } else {
        return None;
    };
    Some((Layer::Dns, fault.way(), format!("{server}, asked from {}", expected.vantage)))
}

/// The server a trace is about: its address, or the name that was not found.
fn peer(trace: &Trace, fault: &Fault) -> Option<String> {
    if let Fault::NameNotFound { name, .. }
    | Fault::NoRecord { name, .. }
    | Fault::ServerFailure { name, .. }
    | Fault::QueryRefused { name, .. }
    | Fault::ResolverFailed { name, .. } = fault
    {
        return Some(name.clone());
    }
    tried(trace).next().map(|attempt| attempt.address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_of_name_servers_are_known_ones() {
        for id in OF_THE_RESOLVER {
            assert!(crate::diagnosis::causes().any(|cause| cause.id == id), "{id}");
        }
    }
}
