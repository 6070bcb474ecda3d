//! `gonogo.prom`: metrics for the text-file collector of a node exporter, in the Prometheus text format 0.0.4.
//!
//! Names follow "Metric and label naming" of Prometheus: one prefix, base units, the unit last. No label holds a check, a
//! host or a text of a server: there are as many series as the plan has stages, and some hundred more.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

use super::{EarlyEnd, Options, Rendered, text};
use crate::model::layer::Layer;
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::model::verdict::Verdict;
use crate::verdict::{Assessment, Row};

/// The file's name: a text-file collector reads `*.prom`.
const NAME: &str = "gonogo.prom";

/// Every verdict, best first.
const VERDICTS: [Verdict; 5] =
    [Verdict::Go, Verdict::GoWithIssues, Verdict::ProvisionalGo, Verdict::Hold, Verdict::NoGo];

/// Every outcome.
const OUTCOMES: [Outcome; 5] =
    [Outcome::Pass, Outcome::Fail, Outcome::Error, Outcome::NoAnswer, Outcome::NotRun];

/// Upper bounds of the histogram's buckets, in milliseconds, with the words for them in seconds. A layer has four to six
/// seconds, and a probe ten.
const BUCKETS: [(f64, &str); 11] = [
    (1.0, "0.001"),
    (5.0, "0.005"),
    (10.0, "0.01"),
    (25.0, "0.025"),
    (50.0, "0.05"),
    (100.0, "0.1"),
    (250.0, "0.25"),
    (500.0, "0.5"),
    (1_000.0, "1"),
    (5_000.0, "5"),
    (10_000.0, "10"),
];

/// Tell a run as metrics.
#[must_use]
pub fn render(told: &Assessment<'_>, _: &Options) -> Vec<Rendered> {
    let mut page = Page::new(&told.outline.name);
    let attempt = told.run.attempt.to_string();
    page.info(&[
        ("run", &told.run.id),
        ("attempt", &attempt),
        ("plan_sha256", &told.outline.sha256),
        ("version", env!("CARGO_PKG_VERSION")),
    ]);
    page.run(told.verdict, told.run.latest_at);
    page.about("gonogo_run_started_timestamp_seconds", "When the run began.");
    page.moment("gonogo_run_started_timestamp_seconds", &[], told.run.started_at);
    stages(&mut page, told);
    checks(&mut page, told);
    clock(&mut page, told);
    durations(&mut page, &told.rows);
    page.finish()
}

/// Tell of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd) -> Vec<Rendered> {
    let mut page = Page::new(&end.plan);
    page.info(&[("run", ""), ("attempt", "0"), ("plan_sha256", ""), ("version", env!("CARGO_PKG_VERSION"))]);
    page.run(Verdict::NoGo, end.at);
    page.finish()
}

/// The verdict of each stage as a set of states: one of them is 1, and none of a stage that was not begun.
fn stages(page: &mut Page, told: &Assessment<'_>) {
    let name = "gonogo_stage_verdict";
    page.about(
        name,
        "Verdict of each stage: 1 for the one it has, and 0 for all of a stage that was not begun.",
    );
    for stage in &told.stages {
        for verdict in VERDICTS {
            let labels = [("stage", stage.stage.id.as_str()), ("verdict", verdict.name())];
            page.sample(name, &labels, u8::from(stage.verdict == Some(verdict)));
        }
    }
    let name = "gonogo_debts";
    page.about(name, "Checks that are owed, by the stage they are due at.");
    for stage in &told.stages {
        let due = told.debts.iter().filter(|debt| debt.due == stage.index).count();
        page.sample(name, &[("stage", &stage.stage.id)], due);
    }
}

fn checks(page: &mut Page, told: &Assessment<'_>) {
    let name = "gonogo_checks";
    page.about(name, "Checks, each from each of its vantages, by outcome and severity: what was seen last.");
    for severity in Severity::WORST_FIRST {
        for outcome in OUTCOMES {
            let counted = |row: &&Row<'_>| row.check.severity == severity && row.judgement.outcome == outcome;
            let labels = [("outcome", outcome.name()), ("severity", severity.name())];
            page.sample(name, &labels, told.rows.iter().filter(counted).count());
        }
    }
    for (name, about, value) in [
        ("gonogo_checks_flaky", "Checks that passed only after retries.", told.counts.flaky),
        ("gonogo_checks_waived", "Checks that did not pass and are covered by a waiver.", told.counts.waived),
        (
            "gonogo_checks_accepted",
            "Checks that did not pass and were accepted by name.",
            told.counts.accepted,
        ),
        ("gonogo_checks_left_out", "Checks that were left out by hand.", told.left_out.len()),
    ] {
        page.about(name, about);
        page.sample(name, &[], value);
    }
}

/// Absent where there is no window, or no way back any more: a moment that was made up would be compared with.
fn clock(page: &mut Page, told: &Assessment<'_>) {
    let Some(clock) = &told.clock else { return };
    let back = clock.turn_back.map(|back| back.decide_by);
    let next = clock.next.as_ref().map(|next| next.start_by);
    for (name, about, at) in [
        (
            "gonogo_decide_by_timestamp_seconds",
            "The last moment at which rolling back still meets the deadline.",
            back,
        ),
        ("gonogo_start_by_timestamp_seconds", "When the next stage has to begin at the latest.", next),
        ("gonogo_deadline_timestamp_seconds", "When everything must be up.", Some(clock.deadline)),
    ] {
        if let Some(at) = at {
            page.about(name, about);
            page.moment(name, &[], at);
        }
    }
}

fn durations(page: &mut Page, rows: &[Row<'_>]) {
    let name = "gonogo_probe_layer_duration_seconds";
    page.head(name, "What each layer of the latest probes took.", "histogram");
    for layer in Layer::ALL {
        let mut buckets = [0_usize; BUCKETS.len()];
        let (mut count, mut sum) = (0_usize, 0.0);
        for seen in rows.iter().flat_map(Row::layers).filter(|seen| seen.layer == layer) {
            count += 1;
            sum += seen.took_ms;
            for (bucket, (bound, _)) in buckets.iter_mut().zip(BUCKETS) {
                *bucket += usize::from(seen.took_ms <= bound);
            }
        }
        let bounds = BUCKETS.iter().map(|(_, word)| *word).chain(["+Inf"]);
        for (bucket, bound) in buckets.into_iter().chain([count]).zip(bounds) {
            page.sample(&format!("{name}_bucket"), &[("layer", layer.name()), ("le", bound)], bucket);
        }
        page.sample(&format!("{name}_sum"), &[("layer", layer.name())], format_args!("{:.6}", sum / 1000.0));
        page.sample(&format!("{name}_count"), &[("layer", layer.name())], count);
    }
}

/// The text so far; each of its samples has the plan's name.
struct Page {
    plan: String,
    text: String,
}

impl Page {
    fn new(plan: &str) -> Self {
        Self { plan: label(plan), text: String::new() }
    }

    fn info(&mut self, labels: &[(&str, &str)]) {
        self.about("gonogo_run_info", "The run that the other metrics are about; always 1.");
        self.sample("gonogo_run_info", labels, 1);
    }

    fn run(&mut self, verdict: Verdict, at: Timestamp) {
        let name = "gonogo_run_verdict";
        self.about(name, "Verdict of the run as far as it has come: 1 for the one it has.");
        for known in VERDICTS {
            self.sample(name, &[("verdict", known.name())], u8::from(known == verdict));
        }
        self.about("gonogo_run_go", "1 for GO and GO WITH ISSUES, else 0.");
        self.sample("gonogo_run_go", &[], u8::from(verdict.is_go()));
        self.about("gonogo_last_run_timestamp_seconds", "When something was last recorded of the run.");
        self.moment("gonogo_last_run_timestamp_seconds", &[], at);
    }

    /// What a gauge is.
    fn about(&mut self, name: &str, about: &str) {
        self.head(name, about, "gauge");
    }

    fn head(&mut self, name: &str, about: &str, kind: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "# HELP {name} {about}\n# TYPE {name} {kind}\n");
    }

    fn moment(&mut self, name: &str, labels: &[(&str, &str)], at: Timestamp) {
        self.sample(name, labels, format_args!("{}.{:03}", at.as_second(), at.subsec_millisecond().max(0)));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{name}{{plan=\"{}\"", self.plan);
        for (key, value) in labels {
            let _ = write!(self.text, ",{key}=\"{}\"", label(value));
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn finish(self) -> Vec<Rendered> {
        vec![Rendered { name: NAME.to_owned(), text: self.text }]
    }
}

/// A label's value: one tame line, with `\` and `"` escaped as the text format says.
fn label(value: &str) -> String {
    text::line(value).replace('\\', "\\\\").replace('"', "\\\"")
}
