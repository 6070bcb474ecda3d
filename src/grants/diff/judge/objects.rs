//! Objects that are missing or too many, and owners, judged.

use super::causes::{extension_of, relations};
use super::{Judge, Judgement, words};
use crate::grants::acl::{Acl, Grantee};
use crate::grants::change::Delta;
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::privilege::Privilege;
use crate::grants::snapshot::{Attribute, Fact, Facts, Key, Kind, Object, Role};

impl Judge<'_> {
    pub(super) fn of_object(&self, key: &Key, delta: &Delta<Option<String>>) -> Vec<Judgement> {
        let missing = delta.got.is_none();
        vec![if key.kind == Kind::Policy {
            self.of_policy(key, missing)
        } else if missing {
            self.missing_object(key)
        } else {
            let message = format!("{} is too many", words::noun(key));
            Judgement::new(FindingId::ObjectExtra, Class::Extra, Severity::Info, message)
        }]
    }

    fn missing_object(&self, key: &Key) -> Judgement {
        let relation = match (key.kind, &key.schema, &key.of) {
            (Kind::Column, Some(schema), Some(of)) => {
                relations(schema, of).find(|key| self.context.expected.objects.contains_key(key))
            }
            _ => None,
        };
        let mut users: Vec<String> = self
            .users(relation.as_ref().unwrap_or(key))
            .into_iter()
            .map(|(person, _)| words::role(self.people.name(person)))
            .collect();
        if let Kind::UserMapping = key.kind
            && (key.name.is_empty() || self.serves_applications(&key.name))
        {
            users.push(if key.name.is_empty() { "PUBLIC".to_owned() } else { words::role(&key.name) });
        }
        let severity = if self.went_with_a_version(key, relation.as_ref().unwrap_or(key)) {
            Severity::Info
        } else if users.is_empty() {
            Severity::Major
        } else {
            Severity::Blocker
        };
        let id = if key.kind == Kind::Column { FindingId::ColumnMissing } else { FindingId::ObjectMissing };
        let message = format!("{} is missing{}", words::noun(key), words::in_use_by(&users));
        let judgement = Judgement::new(id, Class::Missing, severity, message);
        Judgement { app_error: words::not_there(key), ..judgement }
    }

    /// Whether another version of its extension is why it is missing, when nobody was granted it apart and nobody is
    /// known to use it.
    fn went_with_a_version(&self, key: &Key, relation: &Key) -> bool {
        let version = |facts: &Facts, extension: &str| {
            let extension = facts.objects.get(&Key::plain(Kind::Extension, extension))?;
            extension.text(Attribute::Version).map(ToOwned::to_owned)
        };
        let (expected, actual) = (self.context.expected, self.context.actual);
        let renewed = extension_of(expected, key).is_some_and(|extension| {
            let versions = (version(expected, extension), version(actual, extension));
            versions.1.is_some() && versions.0 != versions.1
        });
        let as_made = expected.objects.get(relation).is_some_and(|object| {
            object.acl == object.initial && object.columns.get(&key.name).is_none_or(Option::is_none)
        });
        let everybody = (0..self.people.len()).map(|person| self.people.name(person));
        renewed && as_made && self.usage.statements(everybody, relation).is_none_or(|used| used.is_empty())
    }

    /// Without a permissive policy rows are hidden, without a restrictive one they are shown.
    fn of_policy(&self, key: &Key, missing: bool) -> Judgement {
        let facts = if missing { self.context.expected } else { self.context.actual };
        let restrictive = facts.objects.get(key).is_some_and(|policy| policy.is(Attribute::Restrictive));
        let noun = words::noun(key);
        let effect = if missing == restrictive {
            "rows are shown that were hidden"
        } else {
            "rows are silently hidden"
        };
        let (id, class, verb) = if missing {
            (FindingId::PolicyMissing, Class::Missing, "is missing")
        } else {
            (FindingId::PolicyExtra, Class::Extra, "is too many")
        };
        if self.table_of(key).is_some_and(|table| table.is(Attribute::RowSecurity)) {
            return Judgement::new(id, class, Severity::Blocker, format!("{noun} {verb}: {effect}"));
        }
        let severity = if missing { Severity::Minor } else { Severity::Info };
        Judgement::new(id, class, severity, format!("{noun} {verb}; row security is off, so it does nothing"))
    }

    /// The table of a policy, as it is now.
    pub(super) fn table_of(&self, policy: &Key) -> Option<&Object> {
        let (schema, of) = (policy.schema.as_deref()?, policy.of.as_deref()?);
        relations(schema, of).find_map(|key| self.context.actual.objects.get(&key))
    }

    pub(super) fn of_owner(&self, key: &Key, delta: &Delta<String>) -> Judgement {
        let noun = words::noun(key);
        let name = |owner: &Option<String>| owner.as_deref().map_or("nobody".to_owned(), words::role);
        let (old, new) = (name(&delta.expected), name(&delta.got));
        let message = format!("the owner of {noun} is {new}, and was {old}");
        let changed = |severity, message| {
            Judgement::new(FindingId::OwnerChanged, Class::Changed, severity, message)
                .of(&old)
                .privilege("OWNER")
        };
        let (Some(expected), Some(got)) = (&delta.expected, &delta.got) else {
            return changed(Severity::Major, message);
        };
        let object = self.context.actual.objects.get(key);
        let is = |attribute| object.is_some_and(|object| object.is(attribute));
        let runs_as_owner = (key.kind == Kind::View && !is(Attribute::SecurityInvoker))
            || (key.kind.is_routine() && is(Attribute::SecurityDefiner));
        if runs_as_owner && self.is_stronger(expected, got) {
            let message = format!("{message}: it runs with the rights of {new}, which are more");
            return Judgement { id: FindingId::OwnerEscalated, ..changed(Severity::Blocker, message) };
        }
        let superuser = |name: &str| {
            let roles = &self.context.actual.roles;
            roles.id(name).is_some_and(|id| roles.get(id).superuser)
        };
        if runs_as_owner && !superuser(got) && !self.users(key).is_empty() {
            let message = format!("{message}: it runs with the rights of {new}, which may be too few");
            return changed(Severity::Blocker, message).told(words::denied_below(key));
        }
        let still = self.people.find(expected).zip(self.people.find(got));
        let still = still.is_some_and(|(old, new)| self.closures.has(true, old, new));
        if superuser(expected) || still {
            return changed(Severity::Info, message);
        }
        let hidden = is(Attribute::RowSecurity) && !is(Attribute::ForceRowSecurity);
        let severity = match (self.serves_applications(expected), hidden) {
            (true, true) => Severity::Blocker,
            (true, false) => Severity::Major,
            (false, _) => Severity::Minor,
        };
        changed(severity, message).told(words::must_be_owner(key, &self.context.actual.server.database))
    }

    /// Whether what runs with the new owner's rights can do more than with the old one's.
    fn is_stronger(&self, old: &str, new: &str) -> bool {
        let role = |facts: &Facts, name: &str| facts.roles.id(name).map(|id| facts.roles.get(id).clone());
        let Some(after) = role(self.context.actual, new) else { return false };
        let before = role(self.context.expected, old);
        let had = |power: fn(&Role) -> bool| before.as_ref().is_some_and(power);
        if had(|role| role.superuser) {
            return false;
        }
        let pair = self.people.find(old).zip(self.people.find(new));
        after.superuser
            || (after.bypass_rls && !had(|role| role.bypass_rls))
            || pair.is_some_and(|(old, new)| self.closures.has(true, new, old))
    }

    /// What could be reached through a door that is closed now.
    pub(super) fn behind(&self, door: &Key, losers: &[usize]) -> Vec<String> {
        if door.kind == Kind::Database {
            return vec!["nothing in the database can be reached".to_owned()];
        }
        let expected = self.context.expected;
        let inside = expected.objects.iter().filter(|(key, _)| key.schema.as_deref() == Some(&*door.name));
        inside
            .filter(|(key, object)| {
                if !key.kind.privileges().has(Privilege::Select)
                    && !key.kind.privileges().has(Privilege::Execute)
                    && !key.kind.privileges().has(Privilege::Usage)
                {
                    return false;
                }
                let may = self.closures.before.on(key, object);
                losers.iter().any(|&person| {
                    self.people.expected.id(person).is_some_and(|id| !may[id.index()].is_empty())
                })
            })
            .map(|(key, _)| format!("{} can no longer be reached", words::noun(key)))
            .collect()
    }

    /// The grants that ALTER ... OWNER TO rewrote.
    pub(super) fn rewritten(&self, key: &Key) -> Vec<String> {
        let told = |facts: &Facts| -> Vec<String> {
            let Some(object) = facts.objects.get(key) else { return Vec::new() };
            let acl = facts.acl(key, object).unwrap_or_default();
            let lists = std::iter::once((None, Some(acl)))
                .chain(object.columns.iter().map(|(name, acl)| (Some(name), acl.clone())));
            let mut told = Vec::new();
            for (column, acl) in lists {
                for item in acl.iter().flat_map(Acl::items) {
                    let to = match item.to {
                        Grantee::Public => "PUBLIC".to_owned(),
                        Grantee::Role(id) => words::role(facts.roles.name(id)),
                    };
                    let by = words::role(facts.roles.name(item.by));
                    let noun = match column {
                        Some(column) => words::noun(&key.column(column)),
                        None => words::noun(key),
                    };
                    told.push(format!("{to}: {} on {noun}, granted by {by}", item.privileges));
                }
            }
            told
        };
        let after = told(self.context.actual);
        let before = told(self.context.expected);
        before
            .into_iter()
            .filter(|line| !after.contains(line))
            .map(|line| format!("no longer {line}"))
            .collect()
    }

    /// Applications' roles that could use anything of an extension.
    pub(super) fn extension_users(&self, extension: &str) -> (Vec<String>, Option<Key>) {
        let members = self.context.expected.objects.iter().filter(|(_, object)| {
            matches!(object.facts.get(&Attribute::Extension), Some(Fact::Text(name)) if name == extension)
        });
        let mut users = Vec::new();
        let mut example = None;
        for (key, _) in members {
            let found = self.users(key);
            if !found.is_empty() && example.is_none() {
                example = Some(key.clone());
            }
            users.extend(found.into_iter().map(|(person, _)| words::role(self.people.name(person))));
        }
        users.sort();
        users.dedup();
        (users, example)
    }
}
