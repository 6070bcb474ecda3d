//! Findings in the making: a cause, and apart from it all that goes away with it, so that each can be excepted alone.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::rc::Rc;

use super::causes::relations;
use super::{Judge, Judgement};
use crate::grants::change::Change;
use crate::grants::diff::people::Person;
use crate::grants::finding::{Consequence, Finding, FindingId, Repair, Severity};
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
    /// Whom it shuts out of which schema, or of the database.
    pub(super) doors: Vec<(Rc<Key>, Person)>,
    /// The recorded statements that need it; none when no workload was recorded.
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
            doors: Vec::new(),
            statements: None,
        }
    }

    pub(super) fn is_alarm(&self) -> bool {
        self.judgement.severity > Severity::Info
    }

    fn consequence(&self) -> Consequence {
        let Judgement { id, severity, message, grantee, privilege, .. } = &self.judgement;
        Consequence {
            id: id.name().into(),
            subject: self.subject.clone(),
            grantee: grantee.clone(),
            privilege: privilege.clone(),
            severity: *severity,
            message: message.clone(),
        }
    }

    /// Take over what only says the same of itself.
    fn absorb(&mut self, said: Self) {
        let Judgement { severity, app_error, .. } = said.judgement;
        if app_error.is_some() && (severity > self.judgement.severity || self.judgement.app_error.is_none()) {
            self.judgement.app_error = app_error;
        }
        self.judgement.severity = self.judgement.severity.max(severity);
        self.effective |= said.effective;
        self.doors.extend(said.doors);
        if let Some(statements) = said.statements {
            self.statements.get_or_insert_default().extend(statements);
        }
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
        for said in said {
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
        let worst_first = |one: &&Item| Reverse(one.judgement.severity);
        let mut sorted: Vec<&Item> = items().collect();
        sorted.sort_by_key(worst_first);
        let app_error = sorted.iter().find_map(|item| item.judgement.app_error.clone());
        let severity = sorted.first().map_or(cause.judgement.severity, |item| item.judgement.severity);
        let mut consequences: Vec<Consequence> = parts.iter().map(Item::consequence).collect();
        consequences.extend(self.behind_doors(items()));
        consequences.sort_by_key(|one| Reverse(one.severity));
        let known = items().filter_map(|item| item.statements.as_ref());
        let statements = known.fold(None, |all: Option<HashSet<usize>>, some| {
            let mut all = all.unwrap_or_default();
            all.extend(some);
            Some(all)
        });
        let used = statements.map(|statements| self.usage.used(&statements));
        let effective = items().any(|item| item.effective);
        let mut fix = cause.fix;
        fix.extend(parts.into_iter().flat_map(|part| part.fix));
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

    /// What those who lost it can no longer reach.
    fn behind_doors<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Vec<Consequence> {
        let mut doors: Vec<(&Key, Severity, Vec<Person>)> = Vec::new();
        for item in items {
            let severity = item.judgement.severity;
            for (key, person) in &item.doors {
                match doors.iter_mut().find(|(door, ..)| *door == &**key) {
                    Some((_, worst, people)) => {
                        *worst = severity.max(*worst);
                        people.push(*person);
                    }
                    None => doors.push((key, severity, vec![*person])),
                }
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
