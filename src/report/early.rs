//! A run that died before it could be judged still leaves a result, a JUnit file and a sentence: silence is no go.

use jiff::Timestamp;

use super::{Options, Rendered, html, json, junit, markdown, prometheus, summary, tap};
use crate::model::verdict::Reason;

/// How a run died: its plan does not load, or its journal cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyEnd {
    /// When.
    pub at: Timestamp,
    /// The plan's name; its file's stem when it could not be read.
    pub plan: String,
    /// Why, with verdict NO-GO.
    pub reason: Reason,
    /// Each mistake as `file:line:column: message`.
    pub diagnostics: Vec<String>,
}

impl EarlyEnd {
    /// Every report of it.
    #[must_use]
    pub fn render(&self, options: &Options) -> Vec<Rendered> {
        let mut reports = summary::render_early(self, options);
        reports.extend(json::render_early(self));
        reports.extend(junit::render_early(self, options));
        reports.extend(markdown::render_early(self));
        reports.extend(html::render_early(self));
        reports.extend(prometheus::render_early(self));
        reports.extend(tap::render_early(self));
        reports
    }
}
