//! Which difference goes away with which other one: a role's grants with the role, a table's policies with the table.

use std::collections::HashMap;

use super::Judge;
use crate::grants::change::{Change, Delta, Told, Who};
use crate::grants::snapshot::{Attribute, Confidence, Facts, Key, Kind};

/// The differences by what they are about, and each one's cause.
#[derive(Debug, Default)]
pub(super) struct Causes<'a> {
    roots: Vec<usize>,
    pub(super) roles: HashMap<&'a str, usize>,
    pub(super) memberships: HashMap<(&'a str, &'a str), usize>,
    pub(super) grants: HashMap<&'a Key, Vec<usize>>,
    pub(super) owners: HashMap<&'a Key, usize>,
    missing: HashMap<&'a Key, usize>,
    extra: HashMap<&'a Key, usize>,
    /// By extension: where its schema changed.
    moved: HashMap<&'a str, usize>,
    /// By extension: where its version changed.
    renewed: HashMap<&'a str, usize>,
    /// What a missing object refers to that is missing too.
    refers: HashMap<&'a Key, Vec<usize>>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(judge: &Judge<'a>) -> Self {
        let mut causes = Self::default();
        for (index, change) in judge.changes.iter().enumerate() {
            causes.enter(index, change);
        }
        causes.enter_references(judge.context.expected);
        let direct: Vec<Option<usize>> = judge
            .changes
            .iter()
            .enumerate()
            .map(|(index, change)| causes.cause(judge, index, change).filter(|&cause| cause != index))
            .collect();
        causes.roots = (0..direct.len()).map(|index| root(&direct, index)).collect();
        causes
    }

    /// The difference that this one goes away with; itself when there is none.
    pub(super) fn root(&self, index: usize) -> usize {
        self.roots[index]
    }

    fn enter(&mut self, index: usize, change: &'a Change) {
        match change {
            Change::Role { name, .. } => {
                self.roles.insert(name, index);
            }
            Change::Membership { role, member, .. } => {
                self.memberships.insert((role, member), index);
            }
            Change::Object { key, delta } => {
                let side = if delta.got.is_none() { &mut self.missing } else { &mut self.extra };
                side.insert(key, index);
            }
            Change::Owner { key, .. } => {
                self.owners.insert(key, index);
            }
            Change::Grant { key, .. } => self.grants.entry(key).or_default().push(index),
            Change::Fact { key, attribute: Attribute::ExtensionSchema, .. } => {
                self.moved.insert(&key.name, index);
            }
            Change::Fact { key, attribute: Attribute::Version, .. } => {
                self.renewed.insert(&key.name, index);
            }
            Change::Fact { .. }
            | Change::Effective { .. }
            | Change::Setting { .. }
            | Change::DefaultPrivilege { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => {}
        }
    }

    /// DROP ... CASCADE takes with it what refers to it.
    fn enter_references(&mut self, expected: &'a Facts) {
        for reference in expected.references.iter().flatten() {
            let (Some(_), Some(&to)) = (self.missing.get(&reference.from), self.missing.get(&reference.to))
            else {
                continue;
            };
            if reference.confidence == Confidence::Catalog {
                self.refers.entry(&reference.from).or_default().push(to);
            }
        }
    }

    fn role(&self, judge: &Judge<'_>, name: &str) -> Option<usize> {
        let index = *self.roles.get(name)?;
        let Change::Role { delta, .. } = &judge.changes[index] else { return None };
        (delta.expected.is_none() || delta.got.is_none()).then_some(index)
    }

    fn who(&self, judge: &Judge<'_>, who: &Who) -> Option<usize> {
        match who {
            Who::Public => None,
            Who::Role(name) => self.role(judge, name),
        }
    }

    fn cause(&self, judge: &Judge<'_>, index: usize, change: &Change) -> Option<usize> {
        match change {
            Change::Object { key, delta } if delta.got.is_none() => self
                .of_object(key, judge.context.expected, &self.missing)
                .or_else(|| self.role(judge, &key.name).filter(|_| key.kind == Kind::UserMapping))
                .or_else(|| self.refers.get(key).and_then(|to| to.first().copied())),
            Change::Object { key, .. } => self
                .of_object(key, judge.context.actual, &self.extra)
                .or_else(|| self.role(judge, &key.name).filter(|_| key.kind == Kind::UserMapping)),
            Change::Owner { key, delta } => {
                let gone = delta.expected.as_ref().and_then(|name| self.role(judge, name));
                gone.or_else(|| self.with_its_table(judge, key, delta))
            }
            Change::Grant { key, to, delta } => self
                .who(judge, to)
                .or_else(|| delta.expected.as_ref().and_then(|granted| self.role(judge, &granted.by)))
                .or_else(|| Self::twin(judge, index))
                .or_else(|| self.of_grant(judge, index, key, to)),
            Change::Membership { role, member, delta } => {
                self.role(judge, role).or_else(|| self.role(judge, member)).or_else(|| {
                    // 15 and older: NOINHERIT of the member is on each of its memberships.
                    let (one, other) = (delta.expected.as_ref()?, delta.got.as_ref()?);
                    let index = *self.roles.get(member.as_str())?;
                    let Change::Role { delta: role, .. } = &judge.changes[index] else { return None };
                    let differs = role.expected.as_ref()?.inherit != role.got.as_ref()?.inherit;
                    let only = (one.admin, one.set, &one.by) == (other.admin, other.set, &other.by);
                    (differs && only).then_some(index)
                })
            }
            Change::Setting { role, .. } => role.as_ref().and_then(|name| self.role(judge, name)),
            Change::DefaultPrivilege { creator, to, schema, .. } => {
                self.role(judge, creator).or_else(|| self.who(judge, to)).or_else(|| {
                    let home = Key::plain(Kind::Schema, schema.as_deref()?);
                    self.missing.get(&home).or_else(|| self.extra.get(&home)).copied()
                })
            }
            Change::Fact { key, attribute, delta } => {
                self.of_fact(judge, key, *attribute, delta.expected.as_ref(), delta.got.as_ref())
            }
            Change::Role { .. }
            | Change::Effective { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => None,
        }
    }

    /// What an object cannot be without: its extension, schema, relation, table, server or function.
    fn of_object(&self, key: &Key, facts: &Facts, side: &HashMap<&'a Key, usize>) -> Option<usize> {
        let object = facts.objects.get(key);
        let text = |attribute| object.and_then(|object| object.text(attribute));
        if let Some(extension) = extension_of(facts, key) {
            let whole = side.get(&Key::plain(Kind::Extension, extension)).filter(|_| object.is_some());
            let moved = || self.moved.get(extension).filter(|_| object.is_some());
            if let Some(&index) = whole.or_else(moved).or_else(|| self.renewed.get(extension)) {
                return Some(index);
            }
        }
        if let Some(&schema) = key.home().and_then(|home| side.get(&home)) {
            return Some(schema);
        }
        if let (Some(schema), Some(of)) = (&key.schema, &key.of) {
            return relations(schema, of).find_map(|relation| side.get(&relation).copied());
        }
        let table = text(Attribute::OwnedBy).and_then(column).and_then(|column| {
            let relation = column.of.as_deref().zip(column.schema.as_deref());
            let whole = relation.and_then(|(of, schema)| {
                relations(schema, of).find_map(|relation| side.get(&relation).copied())
            });
            whole.or_else(|| side.get(&column).copied())
        });
        let server = if key.kind == Kind::UserMapping { key.of.as_deref() } else { text(Attribute::Server) };
        let plain = |kind, name: Option<&str>| side.get(&Key::plain(kind, name?)).copied();
        table
            .or_else(|| plain(Kind::ForeignServer, server))
            .or_else(|| plain(Kind::ForeignDataWrapper, text(Attribute::Wrapper)))
            .or_else(|| {
                let name = text(Attribute::Function)?;
                let name = name.strip_prefix("function:").unwrap_or(name);
                side.get(&format!("function:{name}").parse::<Key>().ok()?).copied()
            })
            .or_else(|| self.moved_argument(key))
    }

    /// A routine whose arguments are of a type that moved with its extension has another name.
    fn moved_argument(&self, key: &Key) -> Option<usize> {
        let args = key.args.as_deref().filter(|args| args.contains('.'))?;
        let sides = [&self.missing, &self.extra];
        self.moved.iter().find_map(|(_, &index)| {
            let other = sides.iter().any(|side| {
                side.keys().any(|other| {
                    let bare = |args: &str| -> Vec<String> {
                        let name = |arg: &str| arg.rsplit('.').next().unwrap_or(arg).to_owned();
                        args.split(", ").map(name).collect()
                    };
                    *other != key
                        && (other.kind, &other.schema, &other.name) == (key.kind, &key.schema, &key.name)
                        && other.args.as_deref().map(bare) == Some(bare(args))
                })
            });
            other.then_some(index)
        })
    }

    /// A serial's or identity's sequence has the owner of its table; an extension's object that of the extension.
    fn with_its_table(&self, judge: &Judge<'_>, key: &Key, delta: &Delta<String>) -> Option<usize> {
        let object = judge.context.expected.objects.get(key)?;
        let same = |index: &&usize| matches!(&judge.changes[**index], Change::Owner { delta: other, .. } if other == delta);
        let extension = object.text(Attribute::Extension);
        let extension = extension.and_then(|name| self.owners.get(&Key::plain(Kind::Extension, name)));
        extension.filter(same).copied().or_else(|| {
            let column = object.text(Attribute::OwnedBy).and_then(column)?;
            let (schema, of) = (column.schema.as_deref()?, column.of.as_deref()?);
            relations(schema, of).find_map(|relation| self.owners.get(&relation).filter(same).copied())
        })
    }

    /// The first difference of the same grantee on the same object: one finding tells of all grantors.
    fn twin(judge: &Judge<'_>, index: usize) -> Option<usize> {
        judge.nets[index].map(|net| net.first).filter(|&first| first != index)
    }

    fn of_grant(&self, judge: &Judge<'_>, index: usize, key: &Key, to: &Who) -> Option<usize> {
        let relation = match (key.kind, &key.schema, &key.of) {
            (Kind::Column, Some(schema), Some(of)) => relations(schema, of)
                .find(|key| self.owners.contains_key(key) || self.grants.contains_key(key)),
            _ => None,
        };
        // Who owns it now had grants of its own, which went into the owner's.
        for key in std::iter::once(key).chain(&relation) {
            let Some(&owner) = self.owners.get(key) else { continue };
            if let (Change::Owner { delta, .. }, Who::Role(name)) = (&judge.changes[owner], to)
                && [&delta.expected, &delta.got].into_iter().flatten().any(|owner| owner == name)
            {
                return Some(owner);
            }
        }
        let (lost, _) = judge.granted(index)?;
        // REVOKE on a table takes its columns' grants with it; REVOKE ... CASCADE those that were handed on.
        let Change::Grant { delta: own, .. } = &judge.changes[index] else { return None };
        let by = own.expected.as_ref().filter(|_| own.got.is_none()).map(|granted| granted.by.as_str());
        let takes = |other: usize| {
            let Change::Grant { key: other_key, to: other_to, delta } = &judge.changes[other] else {
                return false;
            };
            let whole = other_to == to
                && relation.as_ref() == Some(other_key)
                && judge.granted(other).is_some_and(|(gone, _)| gone.covers(lost));
            let handed_on = matches!(other_to, Who::Role(name) if Some(name.as_str()) == by)
                && delta.expected.as_ref().is_some_and(|granted| {
                    let left = delta.got.as_ref().map(|got| got.grantable).unwrap_or_default();
                    (granted.grantable - left).covers(lost)
                });
            other != index && !lost.is_empty() && (whole || handed_on)
        };
        let whole = relation.as_ref().and_then(|relation| self.grants.get(relation));
        self.grants.get(key).into_iter().chain(whole).flatten().copied().find(|&other| takes(other))
    }

    fn of_fact(
        &self,
        judge: &Judge<'_>,
        key: &Key,
        attribute: Attribute,
        expected: Option<&Told>,
        got: Option<&Told>,
    ) -> Option<usize> {
        if let Some(Told::Roles(roles)) = expected {
            let left = if let Some(Told::Roles(left)) = got { left.as_slice() } else { &[] };
            return roles.iter().filter(|role| !left.contains(role)).find_map(|role| self.who(judge, role));
        }
        if let (Some(Told::List(names)), Attribute::Tables | Attribute::Schemas) = (expected, attribute) {
            let left = if let Some(Told::List(left)) = got { left.as_slice() } else { &[] };
            let kind = if attribute == Attribute::Tables { Kind::Table } else { Kind::Schema };
            return names.iter().filter(|name| !left.contains(name)).find_map(|name| {
                // A table's columns and rows may follow its name.
                let is_it = |key: &Key| {
                    let rest = name.strip_prefix(&key.to_string());
                    key.kind == kind
                        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(']))
                };
                self.missing.iter().find(|(key, _)| is_it(key)).map(|(_, &index)| index)
            });
        }
        // What an extension's move or new version changes in its own objects.
        let name = judge.context.expected.objects.get(key)?.text(Attribute::Extension)?;
        let own = self.moved.get(name).or_else(|| self.renewed.get(name)).copied();
        own.filter(|_| attribute != Attribute::ExtensionSchema)
    }
}

/// The extension that an object belongs to, or a column's relation does.
pub(super) fn extension_of<'f>(facts: &'f Facts, key: &Key) -> Option<&'f str> {
    let object = match (key.kind, &key.schema, &key.of) {
        (Kind::Column, Some(schema), Some(of)) => {
            relations(schema, of).find_map(|relation| facts.objects.get(&relation))
        }
        _ => facts.objects.get(key),
    };
    object?.text(Attribute::Extension)
}

/// The keys that a relation of this name can have.
pub(super) fn relations<'k>(schema: &'k str, name: &'k str) -> impl Iterator<Item = Key> + 'k {
    [Kind::Table, Kind::View, Kind::MaterializedView, Kind::ForeignTable]
        .into_iter()
        .map(move |kind| Key::within(kind, schema, name))
}

/// The column a sequence belongs to.
fn column(text: &str) -> Option<Key> {
    let name = text.strip_prefix("column:").unwrap_or(text);
    format!("column:{name}").parse().ok()
}

/// The end of the chain of causes; where it goes round, the least is the cause of all.
fn root(direct: &[Option<usize>], index: usize) -> usize {
    let mut seen = vec![index];
    let mut at = index;
    while let Some(next) = direct[at] {
        if let Some(start) = seen.iter().position(|&before| before == next) {
            return seen[start..].iter().copied().min().unwrap_or(next);
        }
        seen.push(next);
        at = next;
    }
    at
}
