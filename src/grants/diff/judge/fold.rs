//! Each difference judged alone, and one finding made of those that go away together.

use super::attribution::Attributed;
use super::{Judge, Judgement, words};
use crate::grants::change::Change;
use crate::grants::finding::{Class, Finding, Severity, Used};
use crate::grants::snapshot::Key;

impl Judge<'_> {
    /// What a difference means if it were the only one.
    fn alone(&self, index: usize) -> Vec<Judgement> {
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
                vec![Judgement::new("effective_changed", Class::Changed, severity, message).of(&role)]
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
                vec![Judgement::new("unmapped", Class::Unmapped, Severity::Major, message)]
            }
            Change::Crossing { reference } => vec![Self::of_crossing(reference)],
        }
    }

    fn subject(change: &Change) -> String {
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

    /// One finding for each thing the root says, the first with all that follows.
    pub(super) fn fold(&self, root: usize, members: &[usize], effects: &Attributed) -> Vec<Finding> {
        let subject = Self::subject(&self.changes[root]);
        let mut findings: Vec<Finding> = self
            .alone(root)
            .into_iter()
            .map(|judgement| self.with_fix(root, judgement.finding(subject.clone())))
            .collect();
        let Some(mut first) = (!findings.is_empty()).then(|| findings.remove(0)) else { return findings };
        self.add_effects(root, &mut first, effects);
        for &member in members.iter().filter(|&&member| member != root) {
            for judgement in self.alone(member) {
                Self::add_consequence(&mut first, self.with_fix(member, judgement.finding(String::new())));
            }
        }
        if let Change::Owner { key, .. } = &self.changes[root] {
            first.consequences.extend(self.rewritten(key));
        }
        findings.insert(0, first);
        findings
    }

    fn with_fix(&self, index: usize, finding: Finding) -> Finding {
        Finding { fix: super::repairs(&self.changes[index], self.context), ..finding }
    }

    /// What goes away with a cause makes it as bad as itself.
    pub(super) fn add_consequence(cause: &mut Finding, consequence: Finding) {
        if consequence.severity < cause.severity {
            cause.severity = consequence.severity;
            if consequence.app_error.is_some() {
                cause.app_error = consequence.app_error;
            }
        } else if cause.app_error.is_none() {
            cause.app_error = consequence.app_error;
        }
        cause.effective |= consequence.effective;
        if let Some(used) = consequence.used {
            let known = cause.used.get_or_insert_default();
            *known = Used {
                calls: known.calls.max(used.calls),
                statements: known.statements.max(used.statements),
            };
        }
        cause.consequences.push(consequence.message);
        cause.consequences.extend(consequence.consequences);
        cause.fix.extend(consequence.fix);
    }

    /// Who can no longer do what because of it.
    fn add_effects(&self, root: usize, finding: &mut Finding, effects: &Attributed) {
        let none = Vec::new();
        let lost = effects.lost.get(&root).unwrap_or(&none);
        finding.effective = !lost.is_empty() || effects.gained.contains_key(&root);
        let is_grant = matches!(self.changes[root], Change::Grant { .. });
        if lost.is_empty() {
            if finding.id == "grant_missing" {
                finding.id = "regrouped".into();
                finding.message.push_str(", and everybody can do as before");
            }
            self.add_usage(root, finding, &[]);
            return;
        }
        let database = &self.context.actual.server.database;
        let mut worst: Option<Severity> = None;
        for &index in lost {
            let effect = &self.effects[index];
            let severity = self.gravity(effect.person, &effect.key, effect.lost);
            if worst.is_none_or(|worst| severity < worst) {
                worst = Some(severity);
                if severity < finding.severity || finding.app_error.is_none() {
                    finding.app_error = (severity < Severity::Info)
                        .then(|| words::denied(&effect.key, effect.lost, database))
                        .or(finding.app_error.take());
                }
            }
            let role = words::role(self.people.name(effect.person));
            if !is_grant || finding.grantee.as_ref() != Some(&role) {
                let noun = words::noun(&effect.key);
                finding.consequences.push(format!("{role} can no longer {} on {noun}", effect.lost));
            }
        }
        if let Some(worst) = worst {
            if finding.id == "grant_missing" && worst == Severity::Info {
                finding.id = "regrouped".into();
            }
            finding.severity = finding.severity.min(worst);
        }
        self.add_doors(lost, finding);
        self.add_usage(root, finding, lost);
    }

    fn add_doors(&self, lost: &[usize], finding: &mut Finding) {
        let doors = lost.iter().filter(|&&index| {
            let effect = &self.effects[index];
            Self::is_a_door(&effect.key, effect.lost)
        });
        let mut keys: Vec<(&Key, Vec<usize>)> = Vec::new();
        for &index in doors {
            let effect = &self.effects[index];
            match keys.iter_mut().find(|(key, _)| **key == *effect.key) {
                Some((_, people)) => people.push(effect.person),
                None => keys.push((&effect.key, vec![effect.person])),
            }
        }
        for (key, people) in keys {
            finding.consequences.extend(self.behind(key, &people));
        }
    }

    fn add_usage(&self, root: usize, finding: &mut Finding, lost: &[usize]) {
        let mut total: Option<Used> = None;
        let mut add = |used: Option<Used>| {
            if let Some(used) = used {
                let known = total.get_or_insert_default();
                known.calls += used.calls;
                known.statements += used.statements;
            }
        };
        for &index in lost {
            let effect = &self.effects[index];
            add(self.usage.of(std::iter::once(self.people.name(effect.person)), &effect.key));
        }
        if let Change::Object { key, delta } = &self.changes[root]
            && delta.got.is_none()
        {
            let names = (0..self.people.len()).map(|person| self.people.name(person));
            add(self.usage.of(names, key));
            if total.is_some_and(|used| used.statements > 0) {
                finding.severity = Severity::Blocker;
            }
        }
        finding.used = finding.used.or(total);
    }
}
