//! The exit codes, in one table: `--help`, the README and the tests read this one.

use crate::model::verdict::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// GO or GO WITH ISSUES, or the command did what it was asked.
    Go,
    /// NO-GO, or a probe that did not pass.
    NoGo,
    /// Wrong usage, or a plan that does not load.
    Usage,
    /// PROVISIONAL GO.
    ProvisionalGo,
    /// HOLD.
    Hold,
    /// A report or the journal could not be written.
    NotWritten,
    /// Interrupted by Ctrl-C or SIGTERM.
    Interrupted,
}

impl Exit {
    /// Every exit code, with what it means.
    pub const TABLE: [(Self, &'static str); 7] = [
        (Self::Go, "GO or GO WITH ISSUES; or the command did what it was asked"),
        (Self::NoGo, "NO-GO; `probe`: it did not pass"),
        (Self::Usage, "wrong usage, or a plan that does not load"),
        (Self::ProvisionalGo, "PROVISIONAL GO: something is owed or was left out"),
        (Self::Hold, "HOLD: a person's word is awaited"),
        (Self::NotWritten, "a report or the journal could not be written (replaces 0, 3 and 4)"),
        (Self::Interrupted, "interrupted by Ctrl-C or SIGTERM; the verdict is NO-GO"),
    ];

    /// The process exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Go => 0,
            Self::NoGo => 1,
            Self::Usage => 2,
            Self::ProvisionalGo => 3,
            Self::Hold => 4,
            Self::NotWritten => 5,
            Self::Interrupted => 130,
        }
    }

    /// The exit for a verdict.
    #[must_use]
    pub const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Go | Verdict::GoWithIssues => Self::Go,
            Verdict::ProvisionalGo => Self::ProvisionalGo,
            Verdict::Hold => Self::Hold,
            Verdict::NoGo => Self::NoGo,
        }
    }

    /// This exit when something could not be written: 5 replaces 0, 3 and 4; the others win.
    #[must_use]
    pub const fn not_written(self) -> Self {
        match self {
            Self::Go | Self::ProvisionalGo | Self::Hold | Self::NotWritten => Self::NotWritten,
            Self::NoGo | Self::Usage | Self::Interrupted => self,
        }
    }
}
