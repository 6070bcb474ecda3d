//! A judged run in, texts out. Each report is one pure function in one file; a new one is that file and a line below.

pub mod causes;
pub mod clock;
pub mod compare;
mod digest;
mod early;
mod findings;
pub mod grants;
mod layers;
pub mod merged;
mod page;
pub(crate) mod picture;
mod registry;
pub mod screen;
pub mod text;
pub mod timeline;
mod write;

use std::sync::Arc;

use crate::compare::Comparison;
pub use early::EarlyEnd;
pub use merged::Merged;
pub use page::Tone;
pub use write::{Mode, WriteFailure, replace, write};

registry::reports! {
    /// The summary to read aloud: 80 columns, ASCII.
    Summary = "summary" in summary, kept: true;
    /// Everything, for programs: `gonogo.result/1`.
    Json = "json" in json, kept: true;
    /// JUnit XML for CI systems.
    Junit = "junit" in junit, kept: true;
    /// The summary as Markdown, for tickets and merge requests.
    Markdown = "markdown" in markdown, kept: true;
    /// A page of its own for the call, phone and wall: the systems, failures with their layers and causes, filters.
    Html = "html" in html, kept: true;
    /// Metrics for a Prometheus text-file collector.
    Prometheus = "prometheus" in prometheus, kept: true;
    /// Test Anything Protocol, version 14.
    Tap = "tap" in tap, kept: true;
    /// Annotations for a GitHub Actions log.
    Github = "github" in github, kept: false;
}

/// A text and the name of the file it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// File name, without a folder.
    pub name: String,
    /// The whole text, with its last line ended.
    pub text: String,
}

/// How reports are told, and what there is to tell beside the run; nothing here changes what is told of the run itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Columns of the summary, 60 to 80.
    pub width: usize,
    /// Colour in the summary, for a terminal; no meaning is in colour alone.
    pub color: bool,
    /// What a minor that did not pass is in JUnit.
    pub junit_minor: JunitMinor,
    /// Which readers the JUnit files are for.
    pub junit_dialect: Dialect,
    /// The host the run was made from, for JUnit.
    pub hostname: String,
    /// This attempt beside the one before, for the page; none for a first attempt.
    pub before: Option<Arc<Comparison>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            junit_minor: JunitMinor::Failure,
            junit_dialect: Dialect::Wide,
            hostname: "localhost".to_owned(),
            before: None,
        }
    }
}

/// What a minor that did not pass is in JUnit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JunitMinor {
    /// A failure or an error, like any other.
    #[default]
    Failure,
    /// Skipped, where red must mean NO-GO.
    Skipped,
}

/// Which readers JUnit files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// What the most readers take.
    #[default]
    Wide,
    /// Only what Jenkins' xunit plugin accepts: its `junit-10.xsd`.
    XunitPlugin,
}

impl Format {
    /// The report with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }
}

/// The sentences to read aloud, without quotes.
#[must_use]
pub fn sentence(told: &crate::verdict::Assessment<'_>) -> String {
    digest::Digest::of(told).say().join(" ")
}

/// Every report that `run --out` keeps; each is rendered by a thread of its own.
#[must_use]
pub fn kept(told: &crate::verdict::Assessment<'_>, options: &Options) -> Vec<Rendered> {
    std::thread::scope(|scope| {
        let formats = Format::ALL.iter().filter(|format| format.is_kept());
        let threads: Vec<_> =
            formats.map(|format| scope.spawn(move || format.render(told, options))).collect();
        let texts = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        texts.collect()
    })
}
