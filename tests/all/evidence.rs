//! Rules held to evidence that was recorded in the lab, fault by fault: without a lab, and in a moment.

use gonogo::diagnosis::{Evidence, diagnose};
use gonogo::model::cause::{Confidence, Diagnosis};
use gonogo::model::examination::Examination;
use gonogo::model::outline::Outline;
use gonogo::model::trace::Trace;
use jiff::Timestamp;
use serde::Deserialize;

use crate::lab::fixture;

#[derive(Deserialize)]
struct Recorded {
    /// What was injected.
    cause: String,
    /// What shows the same from outside.
    alike: Vec<String>,
    outline: Outline,
    vantage: String,
    at: Timestamp,
    trace: Trace,
    examination: Examination,
    /// Links in the other direction that are broken.
    #[serde(default)]
    back: Vec<(String, Trace)>,
}

impl Recorded {
    fn diagnosed(&self) -> Vec<Diagnosis> {
        diagnose(&Evidence {
            outline: &self.outline,
            check: &self.outline.checks[0],
            vantage: &self.vantage,
            seen_at: Some(self.at),
            trace: &self.trace,
            before: self.examination.before.as_ref().map(|before| &before.trace),
            answers: &self.examination.answers,
            beside: Vec::new(),
            back: self.back.iter().map(|(link, trace)| (link.as_str(), trace)).collect(),
            path: None,
        })
    }
}

fn all() -> Vec<Recorded> {
    let mut files: Vec<_> = std::fs::read_dir(fixture::folder())
        .expect("fixtures")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("text"));
    let recorded: Vec<Recorded> = texts
        .flat_map(|text| {
            text.lines().map(|line| serde_json::from_str(line).expect("a fixture")).collect::<Vec<_>>()
        })
        .collect();
    assert!(recorded.len() > 30, "only {} fixtures", recorded.len());
    recorded
}

#[test]
fn every_recorded_fault_is_named() {
    let wrong: Vec<String> = all()
        .iter()
        .filter_map(|one| {
            let told = one.diagnosed();
            let Some(first) = told.first() else { return Some(format!("{}: nothing is told", one.cause)) };
            let right = first.id == one.cause
                || first.or.iter().any(|other| *other == one.cause)
                || one.alike.iter().any(|other| *other == first.id);
            (!right).then(|| format!("{}: taken for {}", one.cause, first.id))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// That a way back is broken is told beside what the answer itself says, which may be true as well.
#[test]
fn a_broken_way_back_is_told_among_others() {
    let all = all();
    let one = all.iter().find(|one| !one.back.is_empty()).expect("a fixture");
    assert!(one.diagnosed().iter().any(|told| *told.id == *one.cause), "{:#?}", one.diagnosed());
}

/// Causes of which one look holds the contrast: the kernel of the source or a router says it itself; another address of the
/// same name, or another call of the same look, is answered; what is configured stands beside what the plan means; the
/// server has told of its state before it refuses, or says what our own clock says too.
const SELF_EVIDENT: [&str; 20] = [
    "app-pool-exhausted",
    "cfg-env-var-empty",
    "cfg-old-host",
    "cfg-trailing-space-host",
    "db-25006-default-read-only",
    "db-25006-standby",
    "dns-round-robin-one-dead",
    "dns-v6-only-answer-no-route",
    "dns-v6-preferred-blackhole",
    "ephemeral-ports-exhausted",
    "fw-reject-icmp-port",
    "route-local-prohibit",
    "route-loop",
    "keepalive-race",
    "lb-one-bad-node",
    "lb-one-old-version-node",
    "route-none-on-source",
    "tcp-other-service-on-port",
    "tls-mtls-expired-client",
    "tls-one-node-old-cert",
];

/// A cause is never told for sure from one observation alone.
#[test]
fn without_anything_to_compare_with_nothing_is_sure() {
    let sure: Vec<String> = all()
        .into_iter()
        .filter_map(|mut one| {
            one.examination = Examination::default();
            let told = one.diagnosed();
            let sure = told
                .iter()
                .find(|told| told.confidence == Confidence::High && !SELF_EVIDENT.contains(&&*told.id))?;
            Some(format!("{}: {} is told for sure: {}", one.cause, sure.id, sure.contrast))
        })
        .collect();
    assert_eq!(sure, Vec::<String>::new());
}

/// What is told can be read: a contrast, something to do, and no piece of a sentence left empty.
#[test]
fn every_cause_is_told_with_its_contrast_and_a_next_step() {
    for one in all() {
        for told in one.diagnosed() {
            assert!(!told.contrast.trim().is_empty(), "{}: {told:#?}", one.cause);
            assert!(!told.next.is_empty(), "{}: {told:#?}", one.cause);
            for text in [&told.says, &told.contrast, &told.cause] {
                assert!(
                    !text.contains("  ")
                        && !text.contains(". .")
                        && !text.contains(".. ")
                        && !text.ends_with(".."),
                    "{}: {text}",
                    one.cause
                );
            }
        }
    }
}
