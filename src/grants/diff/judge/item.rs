//! Findings in the making: a cause, and apart from it all that goes away with it, so that each can be excepted alone.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::causes::relations;
use super::{Judge, Judgement, words};
use crate::grants::change::Change;
use crate::grants::diff::effects::Effect;
use crate::grants::diff::people::Person;
use crate::grants::finding::{AppError, Consequence, Finding, FindingId, Repair, Severity};
use crate::grants::snapshot::{Attribute, Key, Kind};

/// One difference, or one thing that follows from it, judged alone.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) judgement: Judgement,
    pub(super) subject: String,
    /// What it is a part of, and is not without: who names that names this too.
    pub(super) whole: Option<String>,
    pub(super) direct: bool,
    pub(super) effective: bool,
    pub(super) fix: Vec<Repair>,
    /// The sentence of its cause says it already.
    pub(super) is_said: bool,
    /// The effect that it is or says, by index: there may be very many, so what follows from it is told at the end.
    pub(super) effect: Option<usize>,
    /// Recorded statements that need it, beside those of the effect; none when no workload was recorded.
    pub(super) statements: Option<HashSet<usize>>,
}

/// A cause, and what goes away with it.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) cause: Item,
    pub(super) parts: Vec<Item>,
}

impl Item {
    /// Something direct, of which nothing follows yet.
    pub(super) fn new(judgement: Judgement, subject: String) -> Self {
        Self {
            judgement,
            subject,
            whole: None,
            direct: true,
            effective: false,
            fix: Vec::new(),
            is_said: false,
            effect: None,
            statements: None,
        }
    }

    pub(super) fn is_alarm(&self) -> bool {
        self.judgement.severity > Severity::Info
    }

    fn into_consequence(self) -> Consequence {
        let Judgement { id, severity, message, grantee, privilege, .. } = self.judgement;
        Consequence { id: id.name().into(), subject: self.subject, grantee, privilege, severity, message }
    }

    /// Take over what only says the same of itself.
    fn absorb(&mut self, said: &Self) {
        self.judgement.severity = self.judgement.severity.max(said.judgement.severity);
        self.effective |= said.effective;
        self.effect = self.effect.or(said.effect);
    }
}

impl Folded {
    /// A cause of which nothing follows.
    pub(super) const fn alone(cause: Item) -> Self {
        Self { cause, parts: Vec::new() }
    }

    /// The same without the parts that the cause says already.
    pub(super) fn absorbed(self) -> Self {
        let Self { mut cause, parts } = self;
        let (said, parts): (Vec<Item>, Vec<Item>) = parts.into_iter().partition(|part| part.is_said);
        for said in &said {
            cause.absorb(said);
        }
        Self { cause, parts }
    }

    /// The worst of these, with the others: what is left when their cause is meant.
    pub(super) fn of_parts(mut parts: Vec<Item>) -> Option<Self> {
        let worst = parts.iter().map(|part| part.judgement.severity).max()?;
        let first = parts.iter().position(|part| part.judgement.severity == worst)?;
        let cause = parts.remove(first);
        for part in &mut parts {
            part.is_said = false;
        }
        Some(Self { cause, parts })
    }
}

impl Judge<'_> {
    /// A difference judged alone, ready to be folded.
    pub(super) fn item(&self, index: usize, judgement: Judgement) -> Item {
        let change = &self.changes[index];
        Item {
            fix: super::repairs(change, self.context),
            whole: self.whole(change),
            ..Item::new(judgement, Self::subject(change))
        }
    }

    /// What a difference's object is a part of.
    fn whole(&self, change: &Change) -> Option<String> {
        match change {
            Change::Object { key, .. } => {
                let extension = || {
                    let sides = [self.context.expected, self.context.actual];
                    let object = sides.into_iter().find_map(|facts| facts.objects.get(key))?;
                    Some(Key::plain(Kind::Extension, object.text(Attribute::Extension)?).to_string())
                };
                self.relation(key).or_else(extension)
            }
            Change::Owner { key, .. } | Change::Grant { key, .. } | Change::Fact { key, .. }
                if key.kind == Kind::Column =>
            {
                self.relation(key)
            }
            Change::Role { .. }
            | Change::Membership { .. }
            | Change::Owner { .. }
            | Change::Grant { .. }
            | Change::Effective { .. }
            | Change::Fact { .. }
            | Change::Setting { .. }
            | Change::DefaultPrivilege { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => None,
        }
    }

    /// The relation of a column, policy or trigger.
    pub(super) fn relation(&self, key: &Key) -> Option<String> {
        let (schema, of) = (key.schema.as_deref()?, key.of.as_deref()?);
        let there = |key: &Key| {
            [self.context.expected, self.context.actual].iter().any(|facts| facts.objects.contains_key(key))
        };
        relations(schema, of).find(there).map(|key| key.to_string())
    }

    /// The finding that tells it all: as bad as the worst of it, with that one's error, the consequences worst first.
    pub(super) fn told(&self, folded: Folded) -> Finding {
        let Folded { cause, parts } = folded.absorbed();
        let items = || std::iter::once(&cause).chain(&parts);
        let mut sorted: Vec<&Item> = items().collect();
        sorted.sort_by_key(|item| Reverse(item.judgement.severity));
        let app_error = sorted.iter().find_map(|item| self.app_error(item));
        let severity = sorted.first().map_or(cause.judgement.severity, |item| item.judgement.severity);
        let used = self.statements(items()).map(|statements| self.usage.used(&statements));
        let effective = items().any(|item| item.effective);
        let behind = self.behind_doors(items());
        let mut fix = cause.fix;
        let mut consequences = Vec::with_capacity(parts.len() + behind.len());
        for mut part in parts {
            fix.append(&mut part.fix);
            consequences.push(part.into_consequence());
        }
        consequences.extend(behind);
        consequences.sort_by_key(|one| Reverse(one.severity));
        Finding {
            direct: cause.direct,
            effective,
            severity,
            app_error,
            used,
            consequences,
            fix,
            ..cause.judgement.finding(cause.subject)
        }
    }

    /// What the application is told of this alone.
    fn app_error(&self, item: &Item) -> Option<AppError> {
        let denied = || {
            let Effect { key, lost, .. } = &self.effects[item.effect.filter(|_| item.is_alarm())?];
            Some(words::denied(key, *lost, &self.context.actual.server.database))
        };
        item.judgement.app_error.clone().or_else(denied)
    }

    /// The recorded statements that need any of these; none when no workload was recorded.
    fn statements<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Option<HashSet<usize>> {
        let mut all: Option<HashSet<usize>> = None;
        for item in items {
            let effect = item.effect.and_then(|index| {
                let Effect { person, key, .. } = &self.effects[index];
                self.usage.statements(std::iter::once(self.people.name(*person)), key)
            });
            for some in [item.statements.as_ref(), effect.as_ref()].into_iter().flatten() {
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
            let severity = item.judgement.severity;
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
