//! Findings in the making: a cause, and apart from it all that goes away with it, so that each can be excepted alone.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::causes::relations;
use super::{Judge, Judgement};
use crate::grants::change::Change;
use crate::grants::finding::{Class, FindingId, Repair, Severity};
use crate::grants::snapshot::{Attribute, Key, Kind};

/// One difference, or one thing that follows from it, judged alone. There may be a million of them: each holds what
/// decides, and what it says is made when it is told.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) source: Source,
    pub(super) id: FindingId,
    pub(super) severity: Severity,
    pub(super) effective: bool,
    /// The sentence of its cause says it already.
    pub(super) is_said: bool,
    /// A grant that nobody misses.
    pub(super) is_idle: bool,
    /// The effect that it is or says, by index.
    pub(super) effect: Option<usize>,
}

/// Where what an item says comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// An effect, by index.
    Effect(usize),
    /// A grant that differs, by index, and which of its judgements.
    Grant(usize, usize),
    /// An object that has another owner, and which of the grants that this rewrote.
    Rewritten(Rc<Key>, usize),
    /// It is made already: there are few.
    Now(Box<Text>),
}

/// What an item says.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) judgement: Judgement,
    pub(super) subject: String,
    /// What it is a part of, and is not without: who names that names this too.
    pub(super) whole: Option<String>,
    pub(super) direct: bool,
    pub(super) fix: Vec<Repair>,
    /// Recorded statements that need it, beside those of the effect; none when no workload was recorded.
    pub(super) statements: Option<HashSet<usize>>,
}

impl Text {
    /// Something direct.
    pub(super) const fn new(judgement: Judgement, subject: String) -> Self {
        Self { judgement, subject, whole: None, direct: true, fix: Vec::new(), statements: None }
    }
}

/// A cause, and what goes away with it.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) cause: Item,
    pub(super) parts: Vec<Item>,
}

impl Item {
    /// Something of which nothing follows yet, told when it is needed.
    pub(super) const fn later(source: Source, id: FindingId, severity: Severity) -> Self {
        Self { source, id, severity, effective: false, is_said: false, is_idle: false, effect: None }
    }

    /// The same, with what it says.
    pub(super) fn now(text: Text) -> Self {
        let Judgement { id, severity, .. } = text.judgement;
        Self::later(Source::Now(Box::new(text)), id, severity)
    }

    pub(super) fn is_alarm(&self) -> bool {
        self.severity > Severity::Info
    }

    /// What it says, where that is made already.
    pub(super) fn told_already(&self) -> Option<&Text> {
        match &self.source {
            Source::Now(text) => Some(text),
            Source::Effect(_) | Source::Grant(..) | Source::Rewritten(..) => None,
        }
    }

    /// Take over what only says the same of itself.
    fn absorb(&mut self, said: &Self) {
        self.severity = self.severity.max(said.severity);
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
        let Self { mut cause, mut parts } = self;
        parts.retain(|part| {
            if part.is_said {
                cause.absorb(part);
            }
            !part.is_said
        });
        Self { cause, parts }
    }

    /// The worst of these, with the others: what is left when their cause is meant.
    pub(super) fn of_parts(mut parts: Vec<Item>) -> Option<Self> {
        let worst = parts.iter().map(|part| part.severity).max()?;
        let first = parts.iter().position(|part| part.severity == worst)?;
        let cause = parts.remove(first);
        for part in &mut parts {
            part.is_said = false;
        }
        Some(Self { cause, parts })
    }
}

impl Judge<'_> {
    /// What a difference means if it were the only one, ready to be folded.
    pub(super) fn items(&self, index: usize) -> Vec<Item> {
        if let Change::Grant { .. } = &self.changes[index] {
            let judgements = self.alone(index).into_iter().enumerate();
            let item = |(nth, judgement): (usize, Judgement)| {
                Item::later(Source::Grant(index, nth), judgement.id, judgement.severity)
            };
            return judgements.map(item).collect();
        }
        self.texts(index).into_iter().map(Item::now).collect()
    }

    /// What a difference says if it were the only one.
    pub(super) fn texts(&self, index: usize) -> Vec<Text> {
        self.alone(index).into_iter().map(|judgement| self.text_of(index, judgement)).collect()
    }

    fn text_of(&self, index: usize, judgement: Judgement) -> Text {
        let change = &self.changes[index];
        Text {
            fix: super::repairs(change, self.context),
            whole: self.whole(change),
            ..Text::new(judgement, Self::subject(change))
        }
    }

    /// What an item says.
    pub(super) fn text<'i>(&self, item: &'i Item) -> Cow<'i, Text> {
        let mut text = match &item.source {
            Source::Now(text) => return Cow::Borrowed(text),
            Source::Effect(index) => self.effect_text(*index),
            Source::Grant(index, nth) => {
                let judgement = self.alone(*index).swap_remove(*nth);
                self.text_of(*index, judgement)
            }
            Source::Rewritten(key, nth) => {
                let message = self.rewritten(key).swap_remove(*nth);
                let judgement = Judgement::new(item.id, Class::Changed, item.severity, message);
                Text { direct: false, ..Text::new(judgement, key.to_string()) }
            }
        };
        if item.is_idle {
            text.judgement.message.push_str(", and everybody can do as before");
        }
        Cow::Owned(text)
    }

    /// What repairs an item, alone.
    pub(super) fn fix<'i>(&self, item: &'i Item) -> Cow<'i, [Repair]> {
        match &item.source {
            Source::Now(text) => Cow::Borrowed(&text.fix),
            Source::Grant(index, _) => Cow::Owned(super::repairs(&self.changes[*index], self.context)),
            Source::Effect(_) | Source::Rewritten(..) => Cow::Borrowed(&[]),
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
}
