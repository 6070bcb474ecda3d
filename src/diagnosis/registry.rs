//! The one list of families: from it come the modules, every rule in its order and every cause.

use super::{Cause, Confidence, Evidence, Layer};

/// A rule: a cause, when the evidence shows it.
pub(super) type Rule = fn(&Evidence<'_>) -> Option<Ruling>;

/// What a rule found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruling {
    pub(super) cause: &'static Cause,
    /// The layer that broke, or that tells.
    pub(super) layer: Layer,
    /// What was seen from the source, without a full stop.
    pub(super) seen: String,
    /// What was seen elsewhere, or before, that proves it; sentences.
    pub(super) contrast: String,
    pub(super) confidence: Confidence,
    /// Other causes that the evidence does not exclude.
    pub(super) or: Vec<&'static str>,
    /// What to do here, before what is always to be done.
    pub(super) next: Vec<String>,
    /// Causes that what was seen excludes, though rules that see less of it tell them.
    pub(super) excludes: Vec<&'static str>,
    /// It is so, and may not be why the check broke.
    pub(super) beside: bool,
}

impl Ruling {
    pub(super) fn new(cause: &'static Cause, layer: Layer, seen: impl Into<String>) -> Self {
        Self {
            cause,
            layer,
            // What a server said may be of several lines, and ends with a full stop or without.
            seen: one_line(&seen.into()),
            contrast: String::new(),
            confidence: Confidence::Medium,
            or: Vec::new(),
            next: Vec::new(),
            excludes: Vec::new(),
            beside: false,
        }
    }

    /// The contrast that proves it.
    pub(super) fn proved(mut self, contrast: impl Into<String>) -> Self {
        contrast.into().trim().clone_into(&mut self.contrast);
        self.confidence = Confidence::High;
        self
    }

    /// What speaks for it, without proving it.
    pub(super) fn because(mut self, contrast: impl Into<String>) -> Self {
        contrast.into().trim().clone_into(&mut self.contrast);
        self
    }

    pub(super) fn sure(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    pub(super) fn or(mut self, causes: &[&Cause]) -> Self {
        self.or.extend(causes.iter().map(|cause| cause.id));
        self
    }

    /// What rules of other families would tell of the same, and is not so.
    pub(super) fn not(mut self, causes: &[&Cause]) -> Self {
        self.excludes.extend(causes.iter().map(|cause| cause.id));
        self
    }

    /// It is so, and may not be why the check broke: what explains that is told before it.
    pub(super) fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    /// The same of what costs time and no more, unless time is what the check broke by.
    pub(super) fn beside_unless_late(self, evidence: &Evidence<'_>) -> Self {
        if evidence.broken().is_none() || evidence.is_late() { self } else { self.beside() }
    }

    pub(super) fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }
}

fn one_line(text: &str) -> String {
    text.trim_end_matches('.').split_whitespace().collect::<Vec<_>>().join(" ")
}

macro_rules! families {
    ($($family:ident),+ $(,)?) => {
        $(mod $family;)+

        /// The rules of every family.
        const RULES: &[&[registry::Rule]] = &[$($family::RULES),+];

        /// Every cause that has a rule.
        pub fn causes() -> impl Iterator<Item = &'static Cause> {
            [$($family::CAUSES),+].into_iter().flatten().copied()
        }
    };
}
pub(super) use families;

/// The causes of a family, each a constant, and all of them.
macro_rules! causes {
    ($family:ident: $($NAME:ident = $id:literal at $blame:ident, $what:literal, $tells:literal, [$($next:literal),+ $(,)?];)+) => {
        $(
            pub(in crate::diagnosis) const $NAME: &crate::model::cause::Cause = &crate::model::cause::Cause {
                id: $id,
                family: crate::model::cause::Family::$family,
                blame: crate::model::cause::Blame::$blame,
                what: $what,
                tells: $tells,
                next: &[$($next),+],
            };
        )+
        pub(super) const CAUSES: &[&crate::model::cause::Cause] = &[$($NAME),+];
    };
}
pub(super) use causes;
