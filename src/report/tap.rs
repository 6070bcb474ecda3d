//! `gonogo.tap`: TAP version 14. One test point a row, the last one the verdict of the run.
//!
//! Nothing is `ok` that was not seen to pass. What does not decide for now (owed, waived, accepted, left out, for a person
//! to record) is `not ok` with `# TODO`, which no harness counts as a failure; `# SKIP` is never written, for harnesses do
//! not agree on what a `not ok` of that kind is.

use std::fmt::Write as _;

use super::causes;
use super::junit::xml;
use super::{EarlyEnd, JunitMinor, Options, Rendered, text};
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::model::trace::Seen;
use crate::model::verdict::{Reason, ReasonId, Verdict};
use crate::verdict::{Assessment, Row, Standing};

/// The file's name.
const NAME: &str = "gonogo.tap";
/// Characters of one value in a diagnostics block.
const LONGEST: usize = 2_000;

/// Tell a run as TAP.
#[must_use]
pub fn render(told: &Assessment<'_>, options: &Options) -> Vec<Rendered> {
    let mut points = Points::default();
    for stage in told.stages.iter().filter(|stage| stage.verdict.is_some()) {
        for row in &stage.rows {
            let name = format!("{}: {}", stage.stage.id, row.name());
            points.add(row.standing == Standing::Passed, &name, todo(told, row, options).as_deref());
            details(&mut points, told, row);
        }
        for check in &told.run.stages[stage.index].left_out {
            let check = told.run.check_index(check).and_then(|index| told.outline.checks.get(index));
            for (check, vantage) in
                check.iter().flat_map(|check| check.from.iter().map(move |from| (check, from)))
            {
                let name = format!("{}: {} from {vantage}", stage.stage.id, check.id);
                points.add(false, &name, Some("LEFT OUT by hand"));
            }
        }
    }
    verdict(&mut points, told.verdict, &told.reasons, &[]);
    points.finish()
}

/// Tell of a run that died before it could be judged.
#[must_use]
pub fn render_early(end: &EarlyEnd) -> Vec<Rendered> {
    let mut points = Points::default();
    verdict(&mut points, Verdict::NoGo, std::slice::from_ref(&end.reason), &end.diagnostics);
    points.finish()
}

/// The last point; a harness that sees nothing else sees a NO-GO. A run that died bails out.
fn verdict(points: &mut Points, verdict: Verdict, reasons: &[Reason], diagnostics: &[String]) {
    let todo = match verdict {
        Verdict::Go | Verdict::GoWithIssues | Verdict::Hold | Verdict::NoGo => None,
        Verdict::ProvisionalGo => Some("PROVISIONAL GO"),
    };
    points.add(verdict.is_go(), "RUN VERDICT", todo);
    let why: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    points
        .block(&[("verdict", verdict.name())], &[("reasons", &why), ("diagnostics", &strings(diagnostics))]);
    points.bail = reasons.iter().find(|reason| is_death(reason.id)).map(|reason| reason.text.clone());
}

/// Whether a run of which this is said has not come to its own end.
const fn is_death(id: ReasonId) -> bool {
    matches!(id, ReasonId::Interrupted | ReasonId::PlanError | ReasonId::JournalError)
}

/// Why a row that did not pass is no failure.
fn todo(told: &Assessment<'_>, row: &Row<'_>, options: &Options) -> Option<String> {
    let message = &row.judgement.message;
    match row.standing {
        Standing::Passed => None,
        Standing::Owed => {
            let until = row.deferred_until.and_then(|until| told.outline.stages.get(until));
            let because = row.check.defer.as_ref().map_or("", |defer| &defer.because);
            Some(format!("DEFERRED until {}: {because}", until.map_or("later", |stage| &stage.id)))
        }
        Standing::Waived => Some(row.waiver.map_or_else(
            || format!("WAIVED: {message}"),
            |waiver| format!("WAIVED until {} by {}: {}", waiver.until, waiver.by, waiver.because),
        )),
        Standing::Accepted => Some(row.accepted.map_or_else(
            || format!("ACCEPTED: {message}"),
            |accepted| {
                let by = told.outline.person(&accepted.said.speaker.by);
                format!("ACCEPTED by {by}: {}", accepted.said.because)
            },
        )),
        Standing::Awaiting => {
            Some(format!("MANUAL not recorded: {}", row.check.title.as_deref().unwrap_or(message)))
        }
        Standing::Counts(severity) => {
            let lenient = match severity {
                Severity::Info => true,
                Severity::Minor => options.junit_minor == JunitMinor::Skipped,
                Severity::Major | Severity::Blocker => false,
            };
            lenient
                .then(|| format!("{} {}: {message}", severity.name().to_uppercase(), row.judgement.outcome))
        }
    }
}

/// The block below what did not pass, passed only after retries, or shows trouble to come.
fn details(points: &mut Points, told: &Assessment<'_>, row: &Row<'_>) {
    let best = causes::best(row).into_iter();
    if row.judgement.outcome == Outcome::Pass {
        let cause: Vec<String> =
            best.flat_map(|cause| causes::lines_of_a_pass(told.outline, cause)).collect();
        let flaky =
            row.flaky.map(|flaky| format!("passed on try {}; at first {}", flaky.attempt, flaky.first));
        let fields: Vec<(&str, &str)> = flaky.iter().map(|first| ("flaky", first.as_str())).collect();
        if !fields.is_empty() || !cause.is_empty() {
            points.block(&fields, &[("trouble", &strings(&cause))]);
        }
        return;
    }
    let place = row.check.place.to_string();
    let took = format!("{:.3}", row.took_ms());
    let mut fields = vec![
        ("outcome", row.judgement.outcome.name()),
        ("severity", row.check.severity.name()),
        ("message", &*row.judgement.message),
    ];
    fields.extend(row.judgement.expected.as_deref().map(|expected| ("expected", expected)));
    fields.extend(row.judgement.got.as_deref().map(|got| ("got", got)));
    fields.extend([("target", &*row.check.target), ("took_ms", took.as_str())]);
    fields.extend(row.check.owner.as_deref().map(|owner| ("owner", told.outline.person(owner))));
    fields.push(("plan", &place));
    let layers: Vec<String> = row
        .layers()
        .iter()
        .map(|observation| {
            let how = match observation.seen {
                Seen::Worked(_) => "worked",
                Seen::Broke(_) => "broke",
            };
            format!("{} {how} after {:.3} ms: {}", observation.layer, observation.took_ms, observation.seen)
        })
        .collect();
    let cause: Vec<String> = best.flat_map(|cause| causes::lines(told.outline, cause)).collect();
    points.block(&fields, &[("layers", &strings(&layers)), ("cause", &strings(&cause))]);
}

fn strings(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The test points so far.
#[derive(Default)]
struct Points {
    count: usize,
    text: String,
    bail: Option<String>,
}

impl Points {
    /// One test point. Our `ok` stands only here.
    fn add(&mut self, passed: bool, name: &str, todo: Option<&str>) {
        self.count += 1;
        let word = if passed { "ok" } else { "not ok" };
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{word} {} - {}", self.count, escaped(name));
        if let Some(reason) = todo {
            let _ = write!(self.text, " # TODO {}", escaped(&text::cut(reason, LONGEST)));
        }
        self.text.push('\n');
    }

    /// Diagnostics of the point before, as YAML: a value is a quoted text, several are the lines of a literal one. Perl's
    /// reader takes `- "a: b"` for a map, so that there are no lists.
    fn block(&mut self, fields: &[(&str, &str)], lists: &[(&str, &[&str])]) {
        let mut block = String::new();
        for (name, value) in fields {
            let _ = writeln!(block, "  {name}: {}", quoted(value));
        }
        for (name, values) in lists {
            let lines = values.iter().map(|value| one_line(value)).filter(|line| !line.is_empty());
            for (index, line) in lines.enumerate() {
                if index == 0 {
                    let _ = writeln!(block, "  {name}: |");
                }
                if block.len() > xml::LONGEST {
                    let _ = writeln!(block, "    ... see result.json");
                    break;
                }
                let _ = writeln!(block, "    {line}");
            }
        }
        let _ = write!(self.text, "  ---\n{block}  ...\n");
    }

    fn finish(self) -> Vec<Rendered> {
        let mut text = format!("TAP version 14\n1..{}\n{}", self.count, self.text);
        if let Some(why) = self.bail {
            let _ = writeln!(text, "Bail out! {}", escaped(&text::cut(&why, LONGEST)));
        }
        vec![Rendered { name: NAME.to_owned(), text }]
    }
}

/// Text of a description: `#` begins a directive, and `\` escapes it.
fn escaped(value: &str) -> String {
    text::line(value).replace('\\', "\\\\").replace('#', "\\#")
}

/// A line of a literal text, whose first one says how far all are indented.
fn one_line(value: &str) -> String {
    text::line(&text::cut(value, LONGEST)).trim().to_owned()
}

fn quoted(value: &str) -> String {
    let value = text::cut(value, LONGEST);
    // Nothing that needs more escapes than these is left in a line.
    format!("\"{}\"", text::line(&value).replace('\\', "\\\\").replace('"', "\\\""))
}
