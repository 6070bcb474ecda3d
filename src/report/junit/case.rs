//! One row, one case: how each outcome and standing is told in JUnit. Exactly one of failure, error and skipped, or
//! none of them.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestRerun};

use super::{is_wide, xml};
use crate::model::outcome::Outcome;
use crate::model::outline::{Check, Severity};
use crate::model::trace::Seen;
use crate::model::verdict::{Reason, Verdict};
use crate::report::causes;
use crate::report::findings::{self, Told};
use crate::report::layers::LayerTable;
use crate::report::{EarlyEnd, JunitMinor, Options};
use crate::verdict::{Assessment, Row, StageAssessment, Standing};

/// The first case of a suite: the verdict itself, so that a reader that counts red cases sees a NO-GO.
pub(super) fn of_verdict(stage: &StageAssessment<'_>, verdict: Verdict) -> TestCase {
    let mut case = judged("STAGE VERDICT", verdict, &stage.reasons);
    case.set_classname(format!("{}.verdict", xml::name(&stage.stage.id)));
    case
}

/// The verdict of a whole run.
pub(super) fn of_run(told: &Assessment<'_>) -> TestCase {
    let mut case = judged("RUN VERDICT", told.verdict, &told.reasons);
    case.set_classname("run.verdict");
    case
}

fn judged(name: &'static str, verdict: Verdict, reasons: &[Reason]) -> TestCase {
    let why = reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>();
    let message = xml::clean(&format!("{verdict}: {}", why.join("; ")));
    let mut output = None;
    let status = match verdict {
        Verdict::Go => TestCaseStatus::success(),
        Verdict::GoWithIssues => {
            output = Some(message);
            TestCaseStatus::success()
        }
        Verdict::ProvisionalGo => skipped(message),
        Verdict::Hold => red(NonSuccessKind::Error, "verdict", &message, ""),
        Verdict::NoGo => red(NonSuccessKind::Failure, "verdict", &message, ""),
    };
    let mut case = TestCase::new(name, status);
    case.set_time(Duration::ZERO);
    if let Some(output) = output {
        case.set_system_out(output);
    }
    case
}

/// A check from a vantage.
pub(super) fn of_row(
    told: &Assessment<'_>,
    stage: &StageAssessment<'_>,
    row: &Row<'_>,
    options: &Options,
) -> TestCase {
    let mut case = named(stage, row.check, row.vantage, options, status(told, row, options));
    case.set_time(Duration::try_from_secs_f64(row.took_ms() / 1000.0).unwrap_or_default());
    if matches!(row.standing, Standing::Waived | Standing::Accepted) {
        case.set_system_out(body(told, row));
    } else if let Some(trouble) = trouble_to_come(told, row) {
        case.set_system_out(trouble);
    }
    case
}

/// What a check that passes shows of trouble to come.
fn trouble_to_come(told: &Assessment<'_>, row: &Row<'_>) -> Option<String> {
    let cause = causes::best(row).filter(|_| row.standing == Standing::Passed)?;
    let lines = causes::lines_of_a_pass(told.outline, cause).into_iter().map(|line| xml::clean(&line));
    let lines = ["passes, and shows trouble to come".to_owned()].into_iter().chain(lines);
    Some(xml::bounded(lines.collect::<Vec<_>>().join("\n")))
}

/// A check that somebody left out by hand.
pub(super) fn left_out(
    stage: &StageAssessment<'_>,
    check: &Check,
    vantage: &str,
    options: &Options,
) -> TestCase {
    let mut case = named(stage, check, vantage, options, skipped("LEFT OUT by hand".to_owned()));
    case.set_time(Duration::ZERO);
    case
}

/// A run that began no stage.
pub(super) fn not_begun(why: &str) -> TestCase {
    plan_error(&xml::clean(why), "")
}

/// A run that died before it could be judged.
pub(super) fn early(end: &EarlyEnd) -> TestCase {
    let diagnostics: Vec<String> = end.diagnostics.iter().map(|diagnostic| xml::clean(diagnostic)).collect();
    plan_error(&xml::clean(&end.reason.text), &diagnostics.join("\n"))
}

fn plan_error(message: &str, details: &str) -> TestCase {
    let mut case = TestCase::new("STAGE VERDICT", red(NonSuccessKind::Error, "plan", message, details));
    case.set_classname("gonogo.verdict");
    case.set_time(Duration::ZERO);
    case
}

/// Name and class are unique in a suite and stay the same from run to run: no outcome, address or time is in them.
fn named(
    stage: &StageAssessment<'_>,
    check: &Check,
    vantage: &str,
    options: &Options,
    status: TestCaseStatus,
) -> TestCase {
    let mut case = TestCase::new(xml::name(&format!("{} from {vantage}", check.id)), status);
    case.set_classname(xml::word(&format!("{}.{}", xml::name(&stage.stage.id), xml::name(&check.kind))));
    if is_wide(options) {
        case.extra.insert(xml::word("file"), xml::word(&xml::clean(&check.place.file)));
        case.extra.insert(xml::word("line"), check.place.line.to_string().into());
        case.add_property((xml::word("gonogo.severity"), xml::word(check.severity.name())));
        case.add_property(Property::new(xml::word("gonogo.target"), xml::clean(&check.target)));
        if let Some(owner) = &check.owner {
            case.add_property(Property::new(xml::word("gonogo.owner"), xml::clean(owner)));
        }
    }
    case
}

fn status(told: &Assessment<'_>, row: &Row<'_>, options: &Options) -> TestCaseStatus {
    let check = row.check;
    let message = &row.judgement.message;
    match row.standing {
        Standing::Passed => passed(row),
        Standing::Owed => {
            let until = row.deferred_until.map_or("later", |until| &told.outline.stages[until].id);
            let because = check.defer.as_ref().map_or("", |defer| &defer.because);
            skipped(xml::clean(&format!("DEFERRED until {until}: {because}")))
        }
        Standing::Waived => skipped(xml::clean(&row.waiver.map_or_else(
            || format!("WAIVED: {message}"),
            |waiver| format!("WAIVED until {} by {}: {}", waiver.until, waiver.by, waiver.because),
        ))),
        Standing::Accepted => skipped(xml::clean(&row.accepted.map_or_else(
            || format!("ACCEPTED: {message}"),
            |accepted| {
                let by = told.outline.person(&accepted.said.speaker.by);
                format!("ACCEPTED by {by}: {}", accepted.said.because)
            },
        ))),
        Standing::Awaiting => {
            let what = check.title.as_deref().unwrap_or(message);
            skipped(xml::clean(&format!("MANUAL not recorded: {what}")))
        }
        Standing::Counts(severity) => counting(told, row, severity, options),
    }
}

fn passed(row: &Row<'_>) -> TestCaseStatus {
    let mut status = TestCaseStatus::success();
    if let Some(flaky) = row.flaky {
        let first = xml::clean(&flaky.first);
        let mut rerun = TestRerun::new(NonSuccessKind::Failure);
        rerun.set_type(row.check.severity.name()).set_message(&first);
        rerun.set_stack_trace(xml::clean(&format!("{first} (passed on try {})", flaky.attempt)));
        status.add_rerun(rerun);
    }
    status
}

/// What did not pass and counts. Only closed lists of types: readers group by them.
fn counting(told: &Assessment<'_>, row: &Row<'_>, severity: Severity, options: &Options) -> TestCaseStatus {
    let message = xml::clean(&row.judgement.message);
    let outcome = row.judgement.outcome;
    let lenient = match severity {
        Severity::Info => true,
        Severity::Minor => options.junit_minor == JunitMinor::Skipped,
        Severity::Major | Severity::Blocker => false,
    };
    if lenient && outcome != Outcome::NotRun {
        let severity = severity.name().to_uppercase();
        return skipped(xml::bounded(format!("{severity} {outcome}: {message}")));
    }
    match outcome {
        Outcome::Fail => red(NonSuccessKind::Failure, severity.name(), &message, &body(told, row)),
        Outcome::Error => red(NonSuccessKind::Error, "inconclusive", &message, &body(told, row)),
        // A pass never counts against anything; told as silence, should it ever come here.
        Outcome::NoAnswer | Outcome::Pass => {
            red(NonSuccessKind::Error, "no-answer", &message, &body(told, row))
        }
        Outcome::NotRun => skipped(xml::bounded(format!("NOT RUN because {message}"))),
    }
}

/// Message and text are the same: readers show the one or the other.
fn skipped(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_description(&message).set_message(message);
    status
}

/// The body repeats the message, for readers that show only the body.
fn red(kind: NonSuccessKind, kind_name: &str, message: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let body = if details.is_empty() { message.to_owned() } else { format!("{message}\n{details}") };
    status.set_type(kind_name).set_message(message).set_description(xml::bounded(body));
    status
}

/// Expected, got, the layers, the owner and the place in the plan, a line each.
fn body(told: &Assessment<'_>, row: &Row<'_>) -> String {
    let mut lines = Vec::new();
    if matches!(row.standing, Standing::Waived | Standing::Accepted) {
        lines.push(format!("{}: {}", row.judgement.outcome, xml::clean(&row.judgement.message)));
    }
    for (word, value) in [("expected", &row.judgement.expected), ("got", &row.judgement.got)] {
        if let Some(value) = value {
            lines.push(format!("{word}: {}", xml::clean(value)));
        }
    }
    let causes = causes::best(row).into_iter().flat_map(|cause| causes::lines(told.outline, cause));
    lines.extend(causes.map(|line| xml::clean(&line)));
    lines.extend(all_findings(row));
    for observation in row.layers() {
        let how = match observation.seen {
            Seen::Worked(_) => "worked",
            Seen::Broke(_) => "broke",
        };
        let shown = xml::clean(&observation.seen.to_string());
        lines.push(format!("{:<8} {how} after {:.3} ms: {shown}", observation.layer, observation.took_ms));
    }
    lines.extend(elsewhere(row));
    lines.push(format!("target: {}", xml::clean(&row.check.target)));
    if let Some(owner) = &row.check.owner {
        lines.push(format!("owner: {}", xml::clean(told.outline.person(owner))));
    }
    lines.push(format!("plan: {}", xml::clean(&row.check.place.to_string())));
    xml::bounded(lines.join("\n"))
}

/// What other places saw of the same, and the baseline, a line each.
fn elsewhere(row: &Row<'_>) -> Vec<String> {
    let Some(table) = LayerTable::of(row.check, &[row], |at| at.to_string()) else { return Vec::new() };
    let others = table.rows.iter().skip(1).map(|seen| {
        let cells =
            table.layers.iter().zip(&seen.cells).map(|(layer, cell)| format!("{layer} {}", cell.timed()));
        let note = if seen.note.is_empty() { String::new() } else { format!(" ({})", seen.note) };
        xml::clean(&format!("from {}{note}: {}", seen.name(), cells.collect::<Vec<_>>().join(", ")))
    });
    others.collect()
}

/// Every open finding, as far as there is room; a pointer to the others.
fn all_findings(row: &Row<'_>) -> Vec<String> {
    /// Bytes of all findings: half of what a reader takes.
    const ROOM: usize = xml::LONGEST / 2;
    let Some(told) = Told::of(row, usize::MAX) else { return Vec::new() };
    let mut lines = vec![format!("findings: {}", told.all)];
    let mut used = 0;
    for (index, finding) in told.shown.iter().enumerate() {
        let more: Vec<String> = findings::lines(finding);
        used += more.iter().map(|line| line.len() + 1).sum::<usize>();
        if used > ROOM {
            let rest = Told::of(row, index).and_then(|told| told.rest());
            lines.extend(rest);
            return lines;
        }
        lines.extend(more);
    }
    lines.extend(told.rest());
    lines
}
