//! How bad something is: a colour, and always a shape and a word beside it.

use maud::{Markup, html};

use crate::model::verdict::Verdict;

/// How bad something is, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    /// It is as it should be.
    Good,
    /// Nothing is known yet, and nothing has to be.
    Idle,
    /// Somebody has to know it.
    Caution,
    /// Somebody has to do something.
    Bad,
}

impl Tone {
    /// Of a verdict.
    pub(in crate::report) const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Go | Verdict::GoWithIssues => Self::Good,
            Verdict::ProvisionalGo | Verdict::Hold => Self::Caution,
            Verdict::NoGo => Self::Bad,
        }
    }

    /// The word in the style sheet.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Idle => "idle",
            Self::Caution => "caution",
            Self::Bad => "bad",
        }
    }

    /// Its shape within 16 by 16: a circle with a tick, an empty circle, a triangle with a mark, an octagon with a cross.
    pub(crate) fn outline(self) -> Markup {
        let (edge, mark) = match self {
            Self::Good => ("M8 .5a7.5 7.5 0 1 0 .01 0z", "M4.5 8.3 7 10.8 11.5 5.6"),
            Self::Idle => ("M8 .5a7.5 7.5 0 1 0 .01 0z", "M5 8h6"),
            Self::Caution => ("M8 .8 15.6 15H.4z", "M8 5.5v4.5M8 12.2v.6"),
            Self::Bad => ("M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z", "M5 5l6 6M11 5l-6 6"),
        };
        html! { path class="edge" d=(edge) {} path class="mark" d=(mark) {} }
    }

    /// The shape beside words that say the same.
    pub(in crate::report) fn shape(self) -> Markup {
        html! { svg class={ "shape " (self.name()) } viewBox="0 0 16 16" aria-hidden="true" { (self.outline()) } }
    }
}
