//! Mistakes and warnings gathered while a plan is loaded, before any of them is shown.

use std::collections::HashSet;

use super::diagnostic::{Diagnostic, Gravity};
use super::shown::{Stars, visible};
use super::source::Source;
use crate::secret::Scrubber;
use crate::yaml::parse::Mistake;
use crate::yaml::tree::Span;

/// More than this nobody reads.
const SHOWN: usize = 1000;
/// More than this is not even kept.
const KEPT: usize = 20_000;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// The command line.
    Command,
    /// A whole file.
    File(String),
    /// A place in a file.
    Place(Span),
}

/// One mistake or warning.
#[derive(Debug, Clone)]
pub struct Finding {
    gravity: Gravity,
    about: About,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

impl Finding {
    /// An error.
    pub fn error(about: About, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Error, about, message: message.into(), label: None, help: None }
    }

    /// An error at a place.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self::error(About::Place(span), message)
    }

    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::at(span, message) }
    }

    /// A warning about the command line.
    pub fn of_command(message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, ..Self::error(About::Command, message) }
    }

    /// What to write under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Mistake> for Finding {
    fn from(mistake: Mistake) -> Self {
        let Mistake { span, message, label, help } = mistake;
        Self { gravity: Gravity::Error, about: About::Place(span), message, label, help }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    has_errors: bool,
    /// Found after `KEPT`.
    dropped: usize,
}

impl Findings {
    /// Add one.
    pub fn push(&mut self, finding: impl Into<Finding>) {
        let finding = finding.into();
        self.has_errors |= finding.gravity == Gravity::Error;
        if self.list.len() < KEPT {
            self.list.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether there is an error among them.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Ready to be shown: errors first, then in the order of the files; the copies of one check tell a mistake once.
    #[must_use]
    pub fn finish(mut self, sources: &[Source], stars: &Stars, scrubber: &Scrubber) -> Vec<Diagnostic> {
        self.list.sort_by(|left, right| (left.gravity, &left.about).cmp(&(right.gravity, &right.about)));
        let mut seen = HashSet::new();
        self.list.retain(|finding| seen.insert((finding.about.clone(), finding.message.clone())));
        let more = self.list.len().saturating_sub(SHOWN) + self.dropped;
        let clean = |text: &str| visible(&scrubber.text(text));
        let mut shown: Vec<Diagnostic> = self
            .list
            .into_iter()
            .take(SHOWN)
            .map(|Finding { gravity, about, message, label, help }| {
                let (file, place) = match about {
                    About::Command => (None, None),
                    About::File(name) => (Some(clean(&name)), None),
                    About::Place(span) => {
                        let source = sources.get(span.file.0 as usize);
                        let label = label.map(|label| clean(&label));
                        (
                            source.map(|source| clean(&source.name)),
                            source.map(|source| stars.show(span, source, label)),
                        )
                    }
                };
                let help = help.map(|help| clean(&help));
                Diagnostic { severity: gravity, message: clean(&message), file, place, help }
            })
            .collect();
        if more > 0 {
            let severity = if self.has_errors { Gravity::Error } else { Gravity::Warning };
            shown.push(Diagnostic {
                severity,
                message: format!("{more} more are not shown"),
                file: None,
                place: None,
                help: Some("repair these first".to_owned()),
            });
        }
        shown
    }
}
