//! Copies that are known to lose something, recognised by what they lose: one finding says which copy it looks like.

use super::item::{Folded, Item, Text};
use super::{Judge, Judgement, words};
use crate::grants::change::Change;
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::snapshot::{Attribute, Facts, Key, Kind, Object};

/// What one difference is the cause of.
pub(super) type Rooted = (usize, Vec<Folded>);

/// What a way of copying leaves behind.
struct Copy {
    id: FindingId,
    message: String,
    takes: fn(&Judge<'_>, &Change) -> bool,
}

/// Join what one way of copying explains; the rest stays as it is.
pub(super) fn fold(judge: &Judge<'_>, mut rooted: Vec<Rooted>) -> Vec<Folded> {
    let mut folded = Vec::new();
    let copies =
        [without_create(judge), without_owners(judge), without_privileges(judge), of_some_schemas(judge)];
    for Copy { id, message, takes } in copies.into_iter().flatten() {
        let (taken, left): (Vec<Rooted>, Vec<Rooted>) =
            rooted.into_iter().partition(|(root, _)| takes(judge, &judge.changes[*root]));
        rooted = left;
        let taken = taken.into_iter().flat_map(|(_, folded)| folded);
        let parts: Vec<Item> =
            taken.flat_map(|Folded { cause, parts }| std::iter::once(cause).chain(parts)).collect();
        if parts.is_empty() {
            continue;
        }
        // A subject of its own: an exception about the database is not one about all that a copy lost.
        let subject = format!("copy:{}", id.name().trim_start_matches("copy_"));
        let judgement = Judgement::new(id, Class::Changed, Severity::Info, message);
        folded.push(Folded { cause: Item::now(Text::new(judgement, subject)), parts });
    }
    folded.extend(rooted.into_iter().flat_map(|(_, folded)| folded));
    folded
}

fn is_of_the_database(change: &Change) -> bool {
    match change {
        Change::Owner { key, .. } | Change::Grant { key, .. } | Change::Fact { key, .. } => {
            key.kind == Kind::Database
        }
        Change::Setting { in_database, .. } => *in_database,
        Change::Role { .. }
        | Change::Membership { .. }
        | Change::Object { .. }
        | Change::Effective { .. }
        | Change::DefaultPrivilege { .. }
        | Change::Sequence { .. }
        | Change::Populated { .. }
        | Change::Access { .. }
        | Change::Unreadable { .. }
        | Change::Unmapped { .. }
        | Change::Crossing { .. } => false,
    }
}

/// A plain `pg_dump`, or CREATE DATABASE ... TEMPLATE: what is set on the database itself stays behind.
fn without_create(judge: &Judge<'_>) -> Option<Copy> {
    let (expected, actual) = (judge.context.expected, judge.context.actual);
    let database = Key::database();
    let (before, after) = (expected.objects.get(&database)?, actual.objects.get(&database)?);
    let set = |facts: &Facts| facts.settings.iter().any(|setting| setting.in_database);
    let owner = judge
        .changes
        .iter()
        .any(|change| matches!(change, Change::Owner { key, .. } if key.kind == Kind::Database));
    let limit = Attribute::ConnectionLimit;
    let lost = [
        (before.acl.is_some(), after.acl.is_some(), "grants"),
        (before.is(limit), after.is(limit), "connection limit"),
        (set(expected), set(actual), "settings"),
    ];
    // All that was there is gone: not one thing that somebody changed.
    if lost.iter().any(|&(before, after, _)| after && before) {
        return None;
    }
    let mut words: Vec<&str> = if owner { vec!["owner"] } else { vec![] };
    words.extend(lost.iter().filter(|(before, _, _)| *before).map(|(_, _, word)| *word));
    if words.len() < 2 {
        return None;
    }
    let message = format!(
        "looks like a copy without --create (plain pg_dump, or TEMPLATE): the database's own {} stayed behind",
        words.join(", ")
    );
    Some(Copy { id: FindingId::CopyWithoutCreate, message, takes: |_, change| is_of_the_database(change) })
}

/// What users made, in both: neither the server's nor an extension's.
fn users_objects<'a>(judge: &Judge<'a>) -> impl Iterator<Item = (&'a Object, &'a Object)> {
    let actual = judge.context.actual;
    let expected = judge.context.expected.objects.iter();
    expected.filter_map(move |(key, object)| {
        let ours = key.kind != Kind::Database
            && !crate::grants::diff::is_the_servers(key)
            && object.initial.is_none()
            && !object.is(Attribute::Extension)
            && !(key.kind == Kind::Schema && &*key.name == "public");
        Some((object, actual.objects.get(key).filter(|_| ours)?))
    })
}

/// `pg_dump --no-owner`: everything is owned by who restored it.
fn without_owners(judge: &Judge<'_>) -> Option<Copy> {
    let names = judge.context.actual;
    let mut owners =
        users_objects(judge).filter(|(before, _)| before.owner.is_some()).map(|(_, after)| after.owner);
    let restorer = owners.next()??;
    if !owners.all(|owner| owner == Some(restorer)) {
        return None;
    }
    let changed = judge
        .changes
        .iter()
        .filter(|change| matches!(change, Change::Owner { key, .. } if key.kind != Kind::Database));
    if changed.count() < 3 {
        return None;
    }
    let restorer = words::role(names.roles.name(restorer));
    let message =
        format!("looks like a copy with --no-owner: everything is owned by {restorer}, and runs as it");
    Some(Copy {
        id: FindingId::CopyWithoutOwners,
        message,
        takes: |_, change| matches!(change, Change::Owner { .. }),
    })
}

/// `pg_dump --no-privileges`: no object has grants of its own.
fn without_privileges(judge: &Judge<'_>) -> Option<Copy> {
    let granted = |object: &Object| object.acl.is_some() || object.columns.values().any(Option::is_some);
    let mut before = 0;
    for (object, after) in users_objects(judge) {
        before += usize::from(granted(object));
        if granted(after) {
            return None;
        }
    }
    if before < 3 || !judge.context.actual.default_privileges.is_empty() {
        return None;
    }
    let message = format!(
        "looks like a copy with --no-privileges: the grants on {before} objects, and all default privileges, \
         stayed behind"
    );
    Some(Copy {
        id: FindingId::CopyWithoutPrivileges,
        message,
        takes: |_, change| matches!(change, Change::Grant { .. } | Change::DefaultPrivilege { .. }),
    })
}

/// What `pg_dump -n` leaves behind, whatever the schema.
const OUTSIDE: &[Kind] = &[
    Kind::Extension,
    Kind::EventTrigger,
    Kind::Publication,
    Kind::ForeignDataWrapper,
    Kind::ForeignServer,
    Kind::UserMapping,
    Kind::LargeObject,
];

/// `pg_dump -n SCHEMA`: whole schemas, and all that is in no schema, are missing.
fn of_some_schemas(judge: &Judge<'_>) -> Option<Copy> {
    let (expected, actual) = (judge.context.expected, judge.context.actual);
    let there = |key: &Key| actual.objects.contains_key(key);
    // initdb gives every database plpgsql and `public`.
    let given =
        |key: &Key| matches!((key.kind, &*key.name), (Kind::Extension, "plpgsql") | (Kind::Schema, "public"));
    let schemas = expected
        .objects
        .keys()
        .filter(|key| key.kind == Kind::Schema && !crate::grants::diff::is_the_servers(key) && !given(key));
    let (kept, lost): (Vec<&Key>, Vec<&Key>) = schemas.partition(|key| there(key));
    let outside = || expected.objects.keys().filter(|key| OUTSIDE.contains(&key.kind) && !given(key));
    let all_outside_is_lost = outside().next().is_some() && !outside().any(there);
    if lost.is_empty() || kept.is_empty() || !all_outside_is_lost {
        return None;
    }
    let kept: Vec<String> = kept.iter().map(|key| words::role(&key.name)).collect();
    let message = format!(
        "looks like a copy of only the schema {} (pg_dump -n): {} other schemas, and what is in no schema, stayed \
         behind",
        kept.join(", "),
        lost.len()
    );
    Some(Copy {
        id: FindingId::CopyOfSomeSchemas,
        message,
        takes: |_, change| match change {
            Change::Object { delta, .. } => delta.got.is_none(),
            Change::Grant { key, .. } => crate::grants::diff::is_the_servers(key),
            Change::DefaultPrivilege { schema, .. } => schema.is_none(),
            Change::Fact { attribute, .. } => *attribute == Attribute::OwnedBy,
            Change::Role { .. }
            | Change::Membership { .. }
            | Change::Owner { .. }
            | Change::Effective { .. }
            | Change::Setting { .. }
            | Change::Sequence { .. }
            | Change::Populated { .. }
            | Change::Access { .. }
            | Change::Unreadable { .. }
            | Change::Unmapped { .. }
            | Change::Crossing { .. } => false,
        },
    })
}
