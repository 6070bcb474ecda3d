//! The SQL that makes a database what it should be: ordered, each statement with its undo, names only in quotes.
//!
//! What is missing itself (a table, a function) is not made here: no snapshot holds its definition.

mod apply;
mod facts;
mod memberships;
mod owners;
mod privileges;
mod roles;
mod script;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use super::acl::{AclItem, Grantee, RoleId};
use super::change::{Change, Delta, Granted, Told, Who};
use super::finding::Repair;
use super::quote::Text;
use super::snapshot::{Attribute, Fact, Facts, Key, Kind};
pub use apply::{ApplyError, apply};
use privileges::{Object, Pair};
pub use script::{script, undo_script};

/// A value that snapshots do not hold, as a text constant.
const HIDDEN: &str = "'***'";

/// When a statement has its turn: each phase needs what those before it have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Roles and their attributes.
    Role,
    /// Who is a member of whom.
    Membership,
    /// Owners; they rewrite grantors.
    Owner,
    /// What is too much is taken away, grants by others before those they came from.
    Revoke,
    /// What new objects will be granted.
    DefaultPrivilege,
    /// What is missing is given, grant options before the grants that need them.
    Grant,
    /// Row security and policies.
    RowSecurity,
    /// Rights that routines and views run with, options, moving parts.
    Attribute,
    /// Settings of databases and roles.
    Setting,
    /// What roles log in with at foreign servers.
    UserMapping,
    /// Positions of sequences.
    Sequence,
    /// Materialized views that held rows.
    Refresh,
}

/// One statement and its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its phase.
    pub phase: Phase,
    /// Its turn within the phase: the length of the chain of grant or admin options, schemas before what is in them.
    turn: (i32, Kind),
    /// The statement.
    pub repair: Repair,
}

/// The two sides of a repair.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// What the database should be.
    pub expected: &'a Facts,
    /// What it is.
    pub actual: &'a Facts,
}

impl Sides<'_> {
    /// The statements that undo one difference; nothing for what only people can.
    #[must_use]
    pub fn repairs(&self, change: &Change) -> Vec<Repair> {
        self.steps(change).into_iter().map(|step| step.repair).collect()
    }

    fn steps(&self, change: &Change) -> Vec<Step> {
        let database = self.actual.server.database.as_str();
        match change {
            Change::Role { name, delta } => self.plain(Phase::Role, Kind::Database, roles::role(name, delta)),
            Change::Membership { role, member, delta } => self.membership(role, member, delta),
            Change::Owner { key, delta: Delta { expected: Some(expected), got: Some(got) } } => {
                if self.follows_its_table(key) {
                    return Vec::new();
                }
                self.plain(Phase::Owner, key.kind, vec![privileges::owner(key, database, expected, got)])
            }
            Change::Grant { key, to, delta } => self.grant(key, to, delta),
            Change::DefaultPrivilege { creator, schema, objects, to, delta } => {
                let object = Object::New(creator, schema.as_deref(), *objects);
                let (expected, got) = (delta.expected.as_ref(), delta.got.as_ref());
                let mut pairs = object.revokes(to, expected, got);
                pairs.extend(object.grants(to, expected, got));
                self.plain(Phase::DefaultPrivilege, Kind::Database, pairs)
            }
            Change::Object { key, .. } | Change::Fact { key, .. } if key.kind == Kind::Policy => {
                self.policy(key)
            }
            Change::Object { key, .. } if key.kind == Kind::UserMapping => {
                let pairs = facts::user_mapping(
                    key,
                    told(self.expected, key).as_ref(),
                    told(self.actual, key).as_ref(),
                );
                self.plain(Phase::UserMapping, key.kind, pairs)
            }
            Change::Fact { key, attribute, delta } => {
                let (expected, got) = (delta.expected.as_ref(), delta.got.as_ref());
                let rows = matches!(attribute, Attribute::RowSecurity | Attribute::ForceRowSecurity);
                let phase = if rows { Phase::RowSecurity } else { Phase::Attribute };
                self.plain(phase, key.kind, facts::attribute(key, database, *attribute, expected, got))
            }
            Change::Setting { in_database, role, name, delta } => {
                let pairs = roles::setting(in_database.then_some(database), role.as_deref(), name, delta);
                self.plain(Phase::Setting, Kind::Database, pairs)
            }
            Change::Sequence { key, delta: Delta { expected: Some(expected), got: Some(got) } } => {
                let name = Text(&target::name(key, database)).to_string();
                let set = |value| format!("SELECT pg_catalog.setval({name}, {value}, true)");
                self.plain(Phase::Sequence, key.kind, vec![(set(expected), set(got))])
            }
            Change::Populated { key, delta: Delta { expected: Some(true), .. } } => {
                let name = target::name(key, database);
                let pair = (
                    format!("REFRESH MATERIALIZED VIEW {name}"),
                    format!("REFRESH MATERIALIZED VIEW {name} WITH NO DATA"),
                );
                self.plain(Phase::Refresh, key.kind, vec![pair])
            }
            Change::Owner { .. }
            | Change::Object { .. }
            | Change::Effective { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => Vec::new(),
        }
    }

    /// Statements of whoever repairs.
    fn plain(&self, phase: Phase, kind: Kind, pairs: Vec<Pair>) -> Vec<Step> {
        self.as_role(phase, (0, kind), &self.actual.reader.role, pairs)
    }

    fn as_role(&self, phase: Phase, turn: (i32, Kind), role: &str, pairs: Vec<Pair>) -> Vec<Step> {
        // A value that was hidden when the snapshot was taken is not known and not written.
        let known = |sql: &String| !sql.contains(HIDDEN);
        let step = |(sql, undo): Pair| Step {
            phase,
            turn,
            repair: Repair {
                run_as: role.to_owned(),
                database: self.actual.server.database.clone(),
                sql,
                undo: Some(undo).filter(known),
            },
        };
        pairs.into_iter().filter(|(sql, _)| known(sql)).map(step).collect()
    }

    fn policy(&self, key: &Key) -> Vec<Step> {
        let pairs = facts::policy(key, told(self.expected, key).as_ref(), told(self.actual, key).as_ref());
        self.plain(Phase::RowSecurity, key.kind, pairs)
    }

    /// A grant is made by its grantor, because nobody else can (`GRANTED BY` another role is refused on 15); those of the
    /// owner are made in the owner's name whenever a superuser makes them.
    fn grant(&self, key: &Key, to: &Who, delta: &Delta<Granted>) -> Vec<Step> {
        let (expected, got) = (delta.expected.as_ref(), delta.got.as_ref());
        let object = Object::Existing(key, &self.actual.server.database);
        let grantor = expected.or(got).map_or("", |granted| &granted.by);
        let mut steps = Vec::new();
        for (phase, facts, pairs) in [
            (Phase::Revoke, self.actual, object.revokes(to, expected, got)),
            (Phase::Grant, self.expected, object.grants(to, expected, got)),
        ] {
            let depth = depth(facts, key, grantor);
            let turn = if phase == Phase::Revoke { -depth } else { depth };
            let role = if depth == 0 { &self.actual.reader.role } else { grantor };
            steps.extend(self.as_role(phase, (turn, key.kind), role, pairs));
        }
        steps
    }

    /// The sequence of a serial or identity column has its table's owner, and no other can be set.
    fn follows_its_table(&self, key: &Key) -> bool {
        key.kind == Kind::Sequence
            && self.actual.objects.get(key).is_some_and(|object| object.is(Attribute::OwnedBy))
    }
}

/// All statements in their order. Owners come first and rewrite grantors, so what they leave is compared once more:
/// `changes` compares two sides.
#[must_use]
pub fn plan(
    sides: Sides<'_>,
    first: &[Change],
    changes: impl Fn(&Facts, &Facts) -> Vec<Change>,
) -> Vec<Step> {
    let early = first.iter().flat_map(|change| sides.steps(change)).filter(|step| step.phase <= Phase::Owner);
    let mut steps: Vec<Step> = early.collect();
    let moved = owners::moved(sides.actual, first);
    let then = Sides { actual: &moved, ..sides };
    let second = changes(sides.expected, &moved);
    let values =
        first.iter().filter(|change| matches!(change, Change::Sequence { .. } | Change::Populated { .. }));
    let late = second.iter().chain(values).flat_map(|change| then.steps(change));
    steps.extend(late.filter(|step| step.phase > Phase::Owner));
    steps.sort_by_key(|step| (step.phase, step.turn));
    let mut seen = BTreeSet::new();
    steps.retain(|step| seen.insert((step.repair.sql.clone(), step.repair.run_as.clone())));
    steps
}

/// How many grants lie between the owner and this grantor's right to grant.
fn depth(facts: &Facts, key: &Key, grantor: &str) -> i32 {
    let Some(grantor) = facts.roles.id(grantor) else { return 0 };
    let (object, column) = if key.kind == Kind::Column {
        let kinds = [Kind::Table, Kind::View, Kind::MaterializedView, Kind::ForeignTable].into_iter();
        let named = |kind| {
            let name = key.of.clone().unwrap_or_default();
            Key { kind, of: None, name, ..key.clone() }
        };
        let relation = kinds.map(named).find_map(|relation| facts.objects.get_key_value(&relation));
        (relation, Some(&key.name))
    } else {
        (facts.objects.get_key_value(key), None)
    };
    let Some((own, object)) = object else { return 0 };
    if object.owner == Some(grantor) {
        return 0;
    }
    let mut items: Vec<AclItem> = facts.acl(own, object).map_or_else(Vec::new, |acl| acl.items().to_vec());
    if let Some(Some(acl)) = column.and_then(|column| object.columns.get(column)) {
        items.extend(acl.items());
    }
    let mut reached: BTreeMap<RoleId, i32> = object.owner.into_iter().map(|owner| (owner, 0)).collect();
    let mut grew = true;
    while grew && !reached.contains_key(&grantor) {
        grew = false;
        for item in items.iter().filter(|item| !item.grantable.is_empty()) {
            if let (Grantee::Role(to), Some(&depth)) = (item.to, reached.get(&item.by)) {
                grew |= !reached.contains_key(&to);
                reached.entry(to).or_insert(depth + 1);
            }
        }
    }
    // Who grants without having the right is found out when the statement is run: it warns, and that is a failure.
    reached.get(&grantor).copied().unwrap_or(1)
}

/// The facts of an object, roles by name; none when there is no such object.
fn told(facts: &Facts, key: &Key) -> Option<facts::Facts> {
    let who = |to: &Grantee| match to {
        Grantee::Public => Who::Public,
        Grantee::Role(role) => Who::Role(facts.roles.name(*role).to_owned()),
    };
    let told = |fact: &Fact| match fact {
        Fact::Text(text) => Told::Text(text.clone()),
        Fact::List(list) => Told::List(list.clone()),
        Fact::Roles(roles) => Told::Roles(roles.iter().map(who).collect()),
    };
    let object = facts.objects.get(key)?;
    Some(object.facts.iter().map(|(&attribute, fact)| (attribute, told(fact))).collect())
}
