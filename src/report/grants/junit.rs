//! The audit for CI systems: one case a finding, named by what it is about; one that passes when there is none.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Audit;
use crate::grants::finding::{Finding, Severity};
use crate::report::Options;
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

fn body(finding: &Finding) -> String {
    let mut lines = vec![clean(&finding.message)];
    if let Some(error) = &finding.app_error {
        lines.push(clean(&format!("error: {}: {}", error.sqlstate, error.message)));
    }
    lines.extend(finding.consequences.iter().map(|text| clean(&format!("also: {}", text.message))));
    lines.extend(finding.fix.iter().map(|repair| clean(&format!("fix: {};", repair.sql))));
    bounded(lines.join("\n"))
}
