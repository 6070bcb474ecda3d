//! What is told of a cause in the end: the finding, with the worst of what goes away with it.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::item::{Folded, Item};
use super::{Judge, Judgement, words};
use crate::grants::diff::effects::Effect;
use crate::grants::diff::people::Person;
use crate::grants::finding::{AppError, Consequence, Finding, FindingId, Severity};
use crate::grants::snapshot::Key;

impl Judge<'_> {
    /// The finding that tells it all: as bad as the worst of it, with that one's error, the consequences worst first.
    /// So many consequences and statements are made; the others are counted.
    pub(super) fn told(&self, folded: Folded, most: usize) -> Finding {
        let Folded { cause, parts } = folded.absorbed();
        let items = || std::iter::once(&cause).chain(&parts);
        let mut sorted: Vec<&Item> = items().collect();
        sorted.sort_by_key(|item| Reverse(item.severity));
        let app_error = sorted.iter().find_map(|item| self.app_error(item));
        let severity = sorted.first().map_or(cause.severity, |item| item.severity);
        let used = self.statements(items()).map(|statements| self.usage.used(&statements));
        let effective = items().any(|item| item.effective);
        sorted.retain(|item| !std::ptr::eq(*item, &raw const cause));
        let (kept, rest) = sorted.split_at(sorted.len().min(most));
        let mut consequences: Vec<Consequence> = kept.iter().map(|item| self.consequence(item)).collect();
        consequences.extend(self.behind_doors(items()));
        consequences.sort_by_key(|one| Reverse(one.severity));
        let (mut fix, mut fix_left_out) = (Vec::new(), 0);
        for item in items() {
            let repairs = self.fix(item);
            let room = repairs.len().min(most - fix.len());
            fix_left_out += (repairs.len() - room) as u64;
            fix.extend_from_slice(&repairs[..room]);
        }
        let opened = rest.iter().filter(|item| item.id == FindingId::OpenedToPublic);
        let text = self.text(&cause).into_owned();
        let judgement = Judgement { id: cause.id, ..text.judgement };
        let mut finding = Finding {
            direct: text.direct,
            effective,
            severity,
            app_error,
            used,
            consequences,
            consequences_left_out: rest.iter().map(|item| item.severity).collect(),
            opened_left_out: opened.count() as u64,
            fix,
            fix_left_out,
            ..judgement.finding(text.subject)
        };
        finding.keep(most);
        finding
    }

    fn consequence(&self, item: &Item) -> Consequence {
        let text = self.text(item).into_owned();
        let Judgement { message, grantee, privilege, .. } = text.judgement;
        let (id, severity) = (item.id.name().into(), item.severity);
        Consequence { id, subject: text.subject, grantee, privilege, severity, message }
    }

    /// What the application is told of this alone.
    fn app_error(&self, item: &Item) -> Option<AppError> {
        let denied = || {
            let Effect { key, lost, .. } = &self.effects[item.effect.filter(|_| item.is_alarm())?];
            Some(words::denied(key, *lost, &self.context.actual.server.database))
        };
        item.told_already().and_then(|text| text.judgement.app_error.clone()).or_else(denied)
    }

    /// The recorded statements that need any of these; none when no workload was recorded.
    fn statements<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Option<HashSet<usize>> {
        let mut all: Option<HashSet<usize>> = None;
        for item in items {
            let effect = item.effect.and_then(|index| {
                let Effect { person, key, .. } = &self.effects[index];
                self.usage.statements(std::iter::once(self.people.name(*person)), key)
            });
            for some in [item.told_already().and_then(|text| text.statements.as_ref()), effect.as_ref()]
                .into_iter()
                .flatten()
            {
                all.get_or_insert_default().extend(some);
            }
        }
        all
    }

    /// What those who lost it can no longer reach.
    fn behind_doors<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Vec<Consequence> {
        let mut doors: Vec<(&Key, Severity, Vec<Person>)> = Vec::new();
        for item in items {
            let Some(Effect { person, key, lost, .. }) = item.effect.map(|index| &self.effects[index]) else {
                continue;
            };
            if !Self::is_a_door(key, *lost) {
                continue;
            }
            let severity = item.severity;
            match doors.iter_mut().find(|(door, ..)| *door == &**key) {
                Some((_, worst, people)) => {
                    *worst = severity.max(*worst);
                    people.push(*person);
                }
                None => doors.push((key, severity, vec![*person])),
            }
        }
        let told = doors.into_iter().flat_map(|(key, severity, people)| {
            let told = move |message| Consequence {
                id: FindingId::OutOfReach.name().into(),
                subject: key.to_string(),
                grantee: None,
                privilege: None,
                severity,
                message,
            };
            self.behind(key, &people).into_iter().map(told)
        });
        told.collect()
    }
}
