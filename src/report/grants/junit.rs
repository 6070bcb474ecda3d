//! The audit for CI systems: one case a finding, named by what it is about; one that passes when there is none.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Audit;
use crate::grants::finding::{Finding, Severity};
use crate::report::Options;
use crate::report::findings::{app_error, first_step, heading, more_consequences, more_statements};
use crate::report::junit::xml::{bounded, clean, name, written};

/// Tell an audit as JUnit XML.
#[must_use]
pub fn render(audit: &Audit<'_>) -> String {
    let mut suite = TestSuite::new(clean(&format!("grants {}", audit.after.database)));
    for finding in audit.findings {
        suite.add_test_case(case(finding));
    }
    if audit.findings.is_empty() {
        let mut case = TestCase::new("same permissions", TestCaseStatus::success());
        case.set_classname("grants");
        suite.add_test_case(case);
    }
    let mut report = Report::new("gonogo grants");
    report.add_test_suite(suite);
    written(&report, &Options::default())
}

fn case(finding: &Finding) -> TestCase {
    let message = clean(&finding.message);
    let status = match (&finding.expected, finding.severity) {
        (Some(why), _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(&format!("EXPECTED: {why}"))).set_description(message);
            status
        }
        (None, Severity::Info) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(&format!("INFO: {message}"))).set_description(message);
            status
        }
        (None, severity) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(severity.name()).set_message(&message).set_description(body(finding));
            status
        }
    };
    let mut case = TestCase::new(name(&finding.key), status);
    case.set_classname(format!("grants.{}", finding.id));
    case
}

/// The message again, for readers that show only the body; then what follows, and all that repairs it. Bounded.
fn body(finding: &Finding) -> String {
    /// Consequences and statements told; JSON has more.
    const TOLD: usize = 20;
    let mut lines = vec![clean(&finding.message), clean(&format!("rule: {}", heading(finding)))];
    lines.extend(app_error(finding).map(|error| clean(&format!("error: {error}"))));
    lines.extend(finding.consequences.iter().take(TOLD).map(|one| clean(&format!("also: {}", one.message))));
    lines.extend(more_consequences(finding, TOLD).map(|more| format!("also: {more}")));
    lines.extend(finding.fix.iter().take(TOLD).map(|repair| clean(&format!("fix: {};", repair.sql))));
    lines.extend(more_statements(finding, TOLD).map(|more| format!("fix: {more}")));
    if finding.fix.is_empty() {
        lines.extend(first_step(finding).map(|step| clean(&format!("do: {step}"))));
    }
    bounded(lines.join("\n"))
}
