//! The text of a JUnit file.

use quick_junit::TestSuite;

use super::{is_wide, report};
use crate::report::{Options, text};

/// Most bytes of the text of one case: some readers drop a file with more, others the case.
const LONGEST: usize = 64 * 1024;

/// The whole file.
pub(super) fn file(plan: &str, suites: Vec<TestSuite>, options: &Options) -> String {
    let report = report(plan, suites);
    // Every text was cleaned before, and a String takes any amount: this cannot fail. Should it, the file says so
    // in a way that no reader takes for a success.
    let xml = report.to_string().unwrap_or_else(|error| {
        let error = text::line(&error.to_string()).replace(['<', '&', '"'], " ");
        format!("<testsuites tests=\"1\" errors=\"1\"><testsuite name=\"gonogo\" tests=\"1\" failures=\"0\" errors=\"1\"><testcase name=\"report\" classname=\"gonogo\"><error message=\"{error}\"/></testcase></testsuite></testsuites>\n")
    });
    if is_wide(options) { xml } else { without_skipped(xml, report.skipped) }
}

/// `junit-10.xsd` has no `skipped` at `testsuites`, and quick-junit always writes it.
fn without_skipped(xml: String, skipped: usize) -> String {
    let attribute = format!(" skipped=\"{skipped}\"");
    // In the root element alone: a `>` and a quote in an attribute's value are written as references.
    let root = xml.find("<testsuites").and_then(|start| Some((start, start + xml[start..].find('>')?)));
    match root.and_then(|(start, end)| Some(start + xml[start..end].find(&attribute)?)) {
        Some(at) => format!("{}{}", &xml[..at], &xml[at + attribute.len()..]),
        None => xml,
    }
}

/// Text for an attribute or a line of a body.
pub(super) fn clean(text: &str) -> String {
    bounded(text::line(text).into_owned())
}

/// No longer than a reader takes.
pub(super) fn bounded(mut text: String) -> String {
    if text.len() > LONGEST {
        let mut end = LONGEST - 4;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

/// A name that readers keep whole: some split at the last dot, some do not decode references.
pub(super) fn name(text: &str) -> String {
    text::line(text).replace('.', "_").replace(['<', '>', '&', '"', '\''], "-")
}
