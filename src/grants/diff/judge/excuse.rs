//! Differences that are meant: an exception covers what it names, and nothing that merely goes away with it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::item::{Folded, Item, Text};
use super::{Judge, Judgement};
use crate::grants::finding::{Class, Finding, FindingId, Severity};
use crate::grants::map::Exception;

/// The exceptions, and which of them anything needed.
#[derive(Debug)]
pub(super) struct Exceptions<'a> {
    all: &'a [Exception],
    needed: Vec<bool>,
    today: jiff::civil::Date,
}

impl<'a> Exceptions<'a> {
    pub(super) fn new(all: &'a [Exception], today: jiff::civil::Date) -> Self {
        Self { all, needed: vec![false; all.len()], today }
    }

    /// Why this is meant: by the first exception that names it and still holds.
    fn reason(&mut self, judge: &Judge<'_>, item: &Item) -> Option<&'a str> {
        if self.all.is_empty() {
            return None;
        }
        let text = judge.text(item);
        let mut reason = None;
        for (exception, needed) in self.all.iter().zip(&mut self.needed) {
            if names(exception, &text) {
                *needed = true;
                if reason.is_none() && !exception.is_over(self.today) {
                    reason = Some(exception.why.as_str());
                }
            }
        }
        reason
    }

    /// Take out what is meant. A cause is meant when nothing that alarms is left of it; otherwise each thing that is
    /// meant stands by itself, and the rest stays open. The findings that are meant go to `findings`.
    pub(super) fn excuse(
        &mut self,
        judge: &Judge<'_>,
        folded: Folded,
        findings: &mut Vec<Finding>,
    ) -> Option<Folded> {
        let cause = self.reason(judge, &folded.cause);
        let parts: Vec<Option<&str>> = folded.parts.iter().map(|part| self.reason(judge, part)).collect();
        let mut reasons: Vec<&str> = cause.iter().chain(parts.iter().flatten()).copied().collect();
        if reasons.is_empty() {
            return Some(folded.absorbed());
        }
        let items =
            || std::iter::once((&folded.cause, cause)).chain(folded.parts.iter().zip(parts.iter().copied()));
        let alarms = items().any(|(item, reason)| reason.is_none() && item.is_alarm());
        let is_meant = cause.is_some() || items().any(|(item, reason)| reason.is_some() && item.is_alarm());
        if is_meant && !alarms {
            let mut seen = Vec::new();
            reasons.retain(|reason| {
                !seen.contains(reason) && {
                    seen.push(*reason);
                    true
                }
            });
            findings.push(Finding { expected: Some(reasons.join("; ")), ..judge.told(folded, usize::MAX) });
            return None;
        }
        let mut meant = |item: Item, why: &str| {
            let finding = judge.told(Folded::alone(item), usize::MAX);
            findings.push(Finding { expected: Some(why.to_owned()), ..finding });
        };
        let mut left = Vec::new();
        for (part, reason) in folded.parts.into_iter().zip(parts) {
            match reason {
                // What the cause says is told with it, or was never told.
                Some(why) if !part.is_said => meant(part, why),
                Some(_) => {}
                None => left.push(part),
            }
        }
        match cause {
            None => Some(Folded { cause: folded.cause, parts: left }.absorbed()),
            Some(why) => {
                meant(folded.cause, why);
                Folded::of_parts(left)
            }
        }
    }

    /// Exceptions that have run out, or that nothing needs.
    pub(super) fn told(&self) -> impl Iterator<Item = Finding> {
        self.all.iter().zip(&self.needed).filter_map(|(exception, &needed)| {
            let Exception { ignore, why, until } = exception;
            let (id, severity, message) = match until {
                Some(until) if exception.is_over(self.today) => (
                    FindingId::ExceptionExpired,
                    Severity::Minor,
                    format!("the exception for {ignore} ended on {until} and counts no more ({why})"),
                ),
                _ if needed => return None,
                _ => (
                    FindingId::ExceptionUnneeded,
                    Severity::Info,
                    format!("the exception for {ignore} covers nothing ({why})"),
                ),
            };
            let judgement = Judgement::new(id, Class::Changed, severity, message);
            Some(Finding { direct: false, ..judgement.finding(format!("expect:{ignore}")) })
        })
    }
}

/// Whether an exception names this, or what it is a part of.
fn names(exception: &Exception, text: &Text) -> bool {
    let Judgement { grantee, privilege, .. } = &text.judgement;
    let covers = |subject: &str| exception.covers(subject, grantee.as_deref(), privilege.as_deref());
    covers(&text.subject) || text.whole.as_deref().is_some_and(covers)
}

/// What follows from several causes, all of which are meant, is left of each of them: it is told once.
pub(super) fn once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut told: HashMap<(String, bool), usize> = HashMap::new();
    let mut all: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        if finding.id != FindingId::EffectiveChanged.name() {
            all.push(finding);
            continue;
        }
        match told.entry((finding.key.clone(), finding.expected.is_some())) {
            Entry::Vacant(entry) => {
                entry.insert(all.len());
                all.push(finding);
            }
            Entry::Occupied(entry) => {
                let first = &mut all[*entry.get()];
                first.severity = first.severity.max(finding.severity);
                let new: Vec<_> = finding
                    .consequences
                    .into_iter()
                    .filter(|one| !first.consequences.contains(one))
                    .collect();
                first.consequences.extend(new);
                first.consequences.sort_by_key(|one| Reverse(one.severity));
                first.fix.extend(finding.fix);
            }
        }
    }
    all
}
