//! Differences of permissions, as every report tells them: the worst ones, how many more there are, and what to do.

use std::fmt::Write as _;

use super::text;
use crate::explain::explain;
use crate::model::permission::{Consequence, Counts, Finding, FindingId, Repair, Severity, open};
use crate::verdict::Row;

/// The worst findings of a check, and how many of each severity are not among them.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// No more than were asked for, worst first.
    pub(super) shown: Vec<&'a Finding>,
    /// All that are open.
    pub(super) all: Counts,
    /// Those that are not shown.
    pub(super) more: Counts,
}

impl<'a> Told<'a> {
    /// What a row found, at most so many; none when nothing is open.
    pub(super) fn of(row: &'a Row<'_>, most: usize) -> Option<Self> {
        let (findings, left_out) = row.findings();
        let open: Vec<&Finding> = open(findings).collect();
        let (shown, rest) = open.split_at(open.len().min(most));
        let more = Counts::of(rest.iter().copied()) + left_out;
        let all = Counts::of(shown.iter().copied()) + more;
        (!all.is_empty()).then(|| Self { shown: shown.to_vec(), all, more })
    }

    /// `and 12 more (3 blocker, 9 minor): see result.json`; none when all are shown.
    pub(super) fn rest(&self) -> Option<String> {
        let Self { more, .. } = self;
        (!more.is_empty()).then(|| format!("and {} more ({more}): see result.json", more.total()))
    }
}

/// Rule, subject, grantee and privilege in one line, not cleaned.
pub(super) fn heading(finding: &Finding) -> String {
    let Finding { id, subject, grantee, privilege, .. } = finding;
    let whom = [grantee, privilege].into_iter().flatten();
    whom.fold(format!("{id} {subject}"), |line, word| format!("{line} {word}"))
}

/// What the application is told; not cleaned.
pub(super) fn app_error(finding: &Finding) -> Option<String> {
    finding.app_error.as_ref().map(|error| format!("{}: {}", error.sqlstate, error.message))
}

/// What to do first: the first statement that repairs it, or what `gonogo explain` advises; not cleaned.
pub(super) fn first_step(finding: &Finding) -> Option<String> {
    match finding.fix.as_slice() {
        [] => explain(&finding.id).first()?.next.first().map(|step| (*step).to_owned()),
        [Repair { sql, .. }] => Some(format!("{sql};")),
        [Repair { sql, .. }, more @ ..] => {
            Some(format!("{sql}; and {} more: gonogo grants fix", more.len() as u64 + finding.fix_left_out))
        }
    }
}

/// The consequences beyond the first ones, counted: no blocker hides among them. None when all are shown.
pub(super) fn more_consequences(finding: &Finding, shown: usize) -> Option<String> {
    let rest = finding.consequences.get(shown..).unwrap_or_default();
    let left_out = finding.consequences_left_out;
    let total = rest.len() as u64 + left_out.total();
    if total == 0 {
        return None;
    }
    let count = |is: &dyn Fn(&Consequence) -> bool| rest.iter().filter(|one| is(one)).count() as u64;
    let blockers = count(&|one| one.severity == Severity::Blocker) + left_out.blocker;
    let open = count(&|one| one.id == FindingId::OpenedToPublic.name()) + finding.opened_left_out;
    let mut words = format!("{total} more go away with it");
    if blockers > 0 {
        // Writing to a String cannot fail.
        let _ = write!(words, ", {blockers} of them blocker");
    }
    if open > 0 {
        let _ = write!(words, ", {open} open to PUBLIC");
    }
    Some(words)
}

/// The statements beyond the first ones; none when all are shown.
pub(super) fn more_statements(finding: &Finding, shown: usize) -> Option<String> {
    let more = finding.fix.len().saturating_sub(shown) as u64 + finding.fix_left_out;
    (more > 0).then(|| format!("{more} more statements: gonogo grants fix"))
}

/// A finding as lines of plain text, none longer than a reader takes; cleaned.
pub(super) fn lines(finding: &Finding) -> Vec<String> {
    /// Characters of one line.
    const LONGEST: usize = 1000;
    /// Consequences told.
    const CONSEQUENCES: usize = 5;
    let line = |word: &str, told: &str| {
        let told = text::line(told);
        format!("{word}{}", text::cut(&told, LONGEST))
    };
    let mut lines =
        vec![line(&format!("{} ", finding.severity), &heading(finding)), line("  ", &finding.message)];
    lines.extend(app_error(finding).map(|error| line("  error: ", &error)));
    lines.extend(finding.consequences.iter().take(CONSEQUENCES).map(|one| line("  also: ", &one.message)));
    lines.extend(more_consequences(finding, CONSEQUENCES).map(|more| line("  also: ", &more)));
    lines.extend(first_step(finding).map(|step| line("  fix: ", &step)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::permission::Class;

    fn consequence(id: FindingId, severity: Severity) -> Consequence {
        Consequence {
            id: id.name().into(),
            subject: String::new(),
            grantee: None,
            privilege: None,
            severity,
            message: "x".to_owned(),
        }
    }

    fn finding(consequences: Vec<Consequence>, left_out: Counts) -> Finding {
        Finding {
            id: FindingId::HbaChanged.name().into(),
            class: Class::Changed,
            subject: "pg_hba:app".to_owned(),
            grantee: None,
            privilege: None,
            direct: true,
            effective: false,
            severity: Severity::Blocker,
            message: String::new(),
            used: None,
            app_error: None,
            consequences,
            consequences_left_out: left_out,
            opened_left_out: 0,
            fix_left_out: 0,
            fix: Vec::new(),
            expected: None,
            key: String::new(),
        }
    }

    #[test]
    fn no_blocker_hides_among_those_that_are_not_told() {
        let mut all = vec![consequence(FindingId::OpenedToPublic, Severity::Blocker); 3];
        all.extend(vec![consequence(FindingId::EffectiveChanged, Severity::Minor); 9]);
        let found = finding(all, Counts::default());
        let more = |finding: &Finding, shown| more_consequences(finding, shown).unwrap_or_default();
        assert_eq!(more(&found, 0), "12 more go away with it, 3 of them blocker, 3 open to PUBLIC");
        assert_eq!(more(&found, 2), "10 more go away with it, 1 of them blocker, 1 open to PUBLIC");
        assert_eq!(more(&found, 3), "9 more go away with it");
        assert_eq!(more(&found, 12), "");
        let left_out = Counts { blocker: 2, info: 5, ..Counts::default() };
        assert_eq!(more(&finding(Vec::new(), left_out), 5), "7 more go away with it, 2 of them blocker");
    }

    #[test]
    fn without_a_statement_people_are_told_what_to_do() {
        let step = first_step(&finding(Vec::new(), Counts::default())).unwrap_or_default();
        assert!(step.contains("pg_hba.conf"), "{step}");
    }
}
