//! Every fault, cause, error, reason, finding, outcome, verdict, exit code and layer in plain words, with what to do.
//! A new variant in the model needs an entry in the file of its kind: the tests ask for it.

mod aliases;
mod errors;
mod faults;
mod findings;
mod reasons;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::diagnosis::causes;

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What broke, at the target.
    Fault,
    /// Why we could not look.
    Error,
    /// A rule that gave a verdict.
    Reason,
    /// The result of one check.
    Outcome,
    /// The decision.
    Verdict,
    /// How the program ended.
    ExitCode,
    /// A step on the way to an answer.
    Layer,
    /// A rule of the permission audit.
    Finding,
    /// What diagnosis names.
    Cause,
}

impl Kind {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 9] = [
        Self::Verdict,
        Self::Reason,
        Self::Outcome,
        Self::Layer,
        Self::Fault,
        Self::Cause,
        Self::Finding,
        Self::Error,
        Self::ExitCode,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Error => "error of our own",
            Self::Reason => "reason for a verdict",
            Self::Outcome => "outcome of a check",
            Self::Verdict => "verdict",
            Self::ExitCode => "exit code",
            Self::Layer => "layer",
            Self::Finding => "finding of the permission audit",
            Self::Cause => "cause of a failure",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One name, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The name, as results write it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// One sentence.
    pub what: &'static str,
    /// What it says about the target or about us, and what it does not say.
    pub means: &'static str,
    /// What to do next, the likeliest first.
    pub next: &'static [&'static str],
}

/// Everything that can be explained, by kind.
pub fn all() -> impl Iterator<Item = Explanation> {
    Kind::ALL.into_iter().flat_map(entries)
}

/// Explain a name: `connect_timed_out`, `connect-timed-out`, `NO-GO`, `exit 3`. Where a name stands for two things,
/// such as `unknown`, every one is given. What is no name may lead to some: `ECONNREFUSED`, `28P01`, `timeout`.
#[must_use]
pub fn explain(name: &str) -> Vec<Explanation> {
    let name = normal(name);
    let named: Vec<Explanation> = all().filter(|entry| normal(entry.name) == name).collect();
    if named.is_empty() { aliases::found(&name) } else { named }
}

/// The known name nearest to one that is not known.
#[must_use]
pub fn suggest(name: &str) -> Option<&'static str> {
    let name = normal(name);
    crate::suggest::closest(&name, all().map(|entry| entry.name))
}

fn entries(kind: Kind) -> impl Iterator<Item = Explanation> {
    let (some, others): (&[Explanation], &[Explanation]) = match kind {
        Kind::Fault => (faults::ALL, &[]),
        Kind::Error => (errors::ALL, &[]),
        Kind::Reason => (reasons::ALL, &[]),
        Kind::Outcome => (words::OUTCOMES, &[]),
        Kind::Verdict => (words::VERDICTS, &[]),
        Kind::ExitCode => (words::EXIT_CODES, &[]),
        Kind::Layer => (words::LAYERS, &[]),
        Kind::Finding => (findings::PEOPLE, findings::OBJECTS),
        Kind::Cause => (&[], &[]),
    };
    let causes = causes().filter(move |_| kind == Kind::Cause).map(move |cause| Explanation {
        name: cause.id,
        kind,
        what: cause.what,
        means: cause.tells,
        next: cause.next,
    });
    some.iter().chain(others).copied().chain(causes)
}

/// Lower case, `_` between words, and no `exit` before a code.
fn normal(name: &str) -> String {
    let name = name.trim().to_lowercase().replace([' ', '-'], "_");
    let code = name.strip_prefix("exit_").unwrap_or(&name);
    code.strip_prefix("code_").unwrap_or(code).to_owned()
}

/// An entry, for the lists.
const fn entry(
    kind: Kind,
    name: &'static str,
    what: &'static str,
    means: &'static str,
    next: &'static [&'static str],
) -> Explanation {
    Explanation { name, kind, what, means, next }
}
