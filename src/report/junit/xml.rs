//! The text of a JUnit file.

use std::cell::RefCell;
use std::collections::HashMap;

use quick_junit::{Report, TestSuite, XmlString};

use super::is_wide;
use crate::report::{Options, text};

/// Most bytes of the text of one case: some readers drop a file with more, others the case.
pub(in crate::report) const LONGEST: usize = 64 * 1024;

/// The end of a file.
const END: &str = "</testsuites>";

/// The file of all suites. Each is written once, and joined here as text: with many checks that is half the work.
#[derive(Debug)]
pub(super) struct Merged {
    /// The totals; its suites are in `suites`.
    report: Report,
    suites: String,
}

impl Merged {
    pub(super) fn new(plan: &str) -> Self {
        Self { report: empty(plan), suites: String::new() }
    }

    fn add(&mut self, totals: &Report, file: &str) {
        self.report.tests += totals.tests;
        self.report.failures += totals.failures;
        self.report.errors += totals.errors;
        self.report.skipped += totals.skipped;
        self.report.time = Some(self.report.time.unwrap_or_default() + totals.time.unwrap_or_default());
        if let Some((_, end)) = root(file)
            && let Some(last) = file.rfind(END)
        {
            self.suites.push_str(file[end..last].trim_end());
        }
    }

    pub(super) fn finish(self, options: &Options) -> String {
        let empty = written(&self.report, options);
        match root(&empty) {
            Some((_, end)) => format!("{}{}{}", &empty[..end], self.suites, &empty[end..]),
            None => empty,
        }
    }
}

/// The file of one suite, which is added to the merged one.
pub(super) fn file(plan: &str, suite: TestSuite, options: &Options, merged: &mut Merged) -> String {
    let mut report = empty(plan);
    report.time = suite.time;
    report.add_test_suite(suite);
    let file = written(&report, options);
    merged.add(&report, &file);
    file
}

fn empty(plan: &str) -> Report {
    Report::new(format!("gonogo {plan}"))
}

pub(in crate::report) fn written(report: &Report, options: &Options) -> String {
    // Every text was cleaned before, and a String takes any amount: this cannot fail. Should it, the file says so
    // in a way that no reader takes for a success.
    let xml = report.to_string().unwrap_or_else(|error| {
        let error = text::line(&error.to_string()).replace(['<', '&', '"'], " ");
        format!(
            "<testsuites tests=\"1\" errors=\"1\"><testsuite name=\"gonogo\" tests=\"1\" failures=\"0\" \
             errors=\"1\"><testcase name=\"report\" classname=\"gonogo\"><error message=\"{error}\"/></testcase>\
             </testsuite></testsuites>\n"
        )
    });
    if is_wide(options) { xml } else { without_skipped(xml, report.skipped) }
}

/// Where the root's opening tag begins and ends: a `>` in an attribute's value is written as a reference.
fn root(xml: &str) -> Option<(usize, usize)> {
    let start = xml.find("<testsuites")?;
    Some((start, start + xml[start..].find('>')? + 1))
}

/// `junit-10.xsd` has no `skipped` at `testsuites`, and quick-junit always writes it.
fn without_skipped(xml: String, skipped: usize) -> String {
    let attribute = format!(" skipped=\"{skipped}\"");
    match root(&xml).and_then(|(start, end)| Some(start + xml[start..end].find(&attribute)?)) {
        Some(at) => format!("{}{}", &xml[..at], &xml[at + attribute.len()..]),
        None => xml,
    }
}

/// A text that many cases repeat, made once: quick-junit looks through each for escape sequences.
pub(super) fn word(text: &str) -> XmlString {
    thread_local! {
        static WORDS: RefCell<HashMap<String, XmlString>> = RefCell::default();
    }
    WORDS.with_borrow_mut(|words| {
        if let Some(word) = words.get(text) {
            return word.clone();
        }
        words.entry(text.to_owned()).or_insert_with(|| XmlString::new(text)).clone()
    })
}

/// Text for an attribute or a line of a body.
pub(in crate::report) fn clean(text: &str) -> String {
    bounded(text::line(text).into_owned())
}

/// No longer than a reader takes.
pub(in crate::report) fn bounded(mut text: String) -> String {
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
pub(in crate::report) fn name(text: &str) -> String {
    text::line(text).replace('.', "_").replace(['<', '>', '&', '"', '\''], "-")
}
