//! Each difference judged alone, and one finding made of those that go away together.

use std::rc::Rc;

use super::attribution::Attributed;
use super::item::{Folded, Item, Source, Text};
use super::{Judge, Judgement, words};
use crate::grants::change::{Change, Who};
use crate::grants::diff::effects::Effect;
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::snapshot::Kind;

impl Judge<'_> {
    /// What a difference means if it were the only one.
    pub(super) fn alone(&self, index: usize) -> Vec<Judgement> {
        match &self.changes[index] {
            Change::Role { name, delta } => self.of_role(name, delta),
            Change::Membership { role, member, delta } => self.of_membership(role, member, delta),
            Change::Object { key, delta } => self.of_object(key, delta),
            Change::Owner { key, delta } => vec![self.of_owner(key, delta)],
            Change::Grant { key, to, .. } => self.of_grant(index, key, to),
            Change::Effective { key, role, delta } => {
                let of = |privileges: Option<_>| privileges.unwrap_or_default();
                let (lost, gained) = (of(delta.expected) - of(delta.got), of(delta.got) - of(delta.expected));
                let role = words::role(role);
                let noun = words::noun(key);
                let message = format!("{role} loses {lost} and gains {gained} on {noun}");
                let severity = if lost.is_empty() { Severity::Info } else { Severity::Blocker };
                vec![Judgement::new(FindingId::EffectiveChanged, Class::Changed, severity, message).of(&role)]
            }
            Change::Fact { key, attribute, delta } => vec![self.of_fact(key, *attribute, delta)],
            Change::Setting { in_database, role, name, delta } => {
                vec![self.of_setting((*in_database, role.as_deref(), name), delta)]
            }
            Change::DefaultPrivilege { creator, schema, objects, to, delta } => Self::of_default_privilege(
                (creator, schema.as_deref(), *objects),
                to,
                (delta.expected.as_ref(), delta.got.as_ref()),
            ),
            Change::Sequence { key, delta } => vec![Self::of_sequence(key, delta)],
            Change::Populated { key, .. } => vec![Self::of_populated(key)],
            Change::Access { role, delta } => vec![self.of_access(role, delta)],
            Change::Unreadable { aspect, why, after } => {
                self.of_unreadable(*aspect, why, *after).into_iter().collect()
            }
            Change::Unmapped { key } => {
                let message = format!("the map sends {} nowhere", words::noun(key));
                vec![Judgement::new(FindingId::Unmapped, Class::Unmapped, Severity::Major, message)]
            }
            Change::Crossing { reference } => vec![Self::of_crossing(reference)],
        }
    }

    pub(super) fn subject(change: &Change) -> String {
        match change {
            Change::Role { name, .. } => format!("role:{}", words::role(name)),
            Change::Membership { role, member, .. } => {
                format!("membership:{}.{}", words::role(role), words::role(member))
            }
            Change::Object { key, .. }
            | Change::Owner { key, .. }
            | Change::Grant { key, .. }
            | Change::Effective { key, .. }
            | Change::Fact { key, .. }
            | Change::Sequence { key, .. }
            | Change::Populated { key, .. }
            | Change::Unmapped { key } => key.to_string(),
            Change::Setting { in_database, role, name, .. } => {
                let place = if *in_database { "database" } else { "server" };
                let role = role.as_deref().map(|role| format!("{}.", words::role(role))).unwrap_or_default();
                format!("setting:{place}.{role}{name}")
            }
            Change::DefaultPrivilege { creator, schema, objects, .. } => {
                let creator = words::role(creator);
                let schema =
                    schema.as_deref().map(|schema| format!(".{}", words::role(schema))).unwrap_or_default();
                let objects = words::schema_objects(*objects).replace(' ', "_");
                format!("default_privileges:{creator}{schema}.{objects}")
            }
            Change::Access { role, .. } => format!("pg_hba:{}", words::role(role)),
            Change::Unreadable { aspect, .. } => format!("coverage:{}", words::aspect(*aspect)),
            Change::Crossing { reference } => reference.from.to_string(),
        }
    }

    /// A cause for each thing the root says, the first with all that follows.
    pub(super) fn fold(&self, root: usize, members: &[usize], effects: &Attributed) -> Vec<Folded> {
        let mut causes = self.root(root).into_iter();
        let Some(mut cause) = causes.next() else { return Vec::new() };
        let others = causes.map(Folded::alone);
        let mut parts = self.effects_of(root, &mut cause, effects);
        for &member in members.iter().filter(|&&member| member != root) {
            parts.extend(self.items(member));
        }
        if let Change::Owner { key, .. } = &self.changes[root] {
            let shared = Rc::new(key.clone());
            let rewritten = |nth| {
                let source = Source::Rewritten(Rc::clone(&shared), nth);
                Item::later(source, FindingId::GrantorChanged, Severity::Info)
            };
            parts.extend((0..self.rewritten(key).len()).map(rewritten));
        }
        std::iter::once(Folded { cause, parts }).chain(others).collect()
    }

    /// What the root says. The recorded statements that name what is missing will break, whoever runs them.
    fn root(&self, root: usize) -> Vec<Item> {
        let Change::Object { key, delta } = &self.changes[root] else { return self.items(root) };
        let mut texts = self.texts(root);
        if let Some(cause) = texts.first_mut().filter(|_| delta.got.is_none()) {
            let names = (0..self.people.len()).map(|person| self.people.name(person));
            cause.statements = self.usage.statements(names, key);
            if cause.statements.as_ref().is_some_and(|statements| !statements.is_empty()) {
                cause.judgement.severity = Severity::Blocker;
            }
        }
        texts.into_iter().map(Item::now).collect()
    }

    /// Who can no longer do what because of it.
    fn effects_of(&self, root: usize, cause: &mut Item, effects: &Attributed) -> Vec<Item> {
        let lost = effects.lost.get(&root).map(Vec::as_slice).unwrap_or_default();
        cause.effective = !lost.is_empty() || effects.gained.contains_key(&root);
        let parts: Vec<Item> = lost.iter().map(|&index| self.effect(root, index)).collect();
        if cause.id == FindingId::GrantMissing && !parts.iter().any(Item::is_alarm) {
            cause.id = FindingId::Regrouped;
            cause.is_idle = parts.is_empty();
        }
        parts
    }

    fn effect(&self, root: usize, index: usize) -> Item {
        let Effect { person, key, lost, .. } = &self.effects[index];
        let is_said = matches!(
            &self.changes[root],
            Change::Grant { key: granted, to: Who::Role(name), .. }
                if name == self.people.name(*person) && granted == &**key
        );
        let severity = self.gravity(*person, key, *lost);
        let item = Item::later(Source::Effect(index), FindingId::EffectiveChanged, severity);
        Item { effective: true, is_said, effect: Some(index), ..item }
    }

    /// What an effect says.
    pub(super) fn effect_text(&self, index: usize) -> Text {
        let Effect { person, key, lost, .. } = &self.effects[index];
        let role = words::role(self.people.name(*person));
        let message = format!("{role} can no longer {lost} on {}", words::noun(key));
        let judgement = Judgement::new(FindingId::EffectiveChanged, Class::Missing, Severity::Info, message);
        let whole = if key.kind == Kind::Column { self.relation(key) } else { None };
        let judgement = judgement.of(&role).privilege(lost);
        Text { whole, direct: false, ..Text::new(judgement, key.to_string()) }
    }
}
