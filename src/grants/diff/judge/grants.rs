//! Grants judged: all that one grantee gains and loses on one object, by whomever it was granted.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Judge, Judgement, words};
use crate::grants::change::{Change, Granted, Who};
use crate::grants::diff::acls;
use crate::grants::diff::people::{People, Person, Side, To};
use crate::grants::finding::{Class, FindingId, Severity};
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::snapshot::{Key, Kind};

/// What a grantee lost and gained on an object, directly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Net {
    /// The first difference of this grantee on this object: the one that tells.
    pub(super) first: usize,
    pub(super) to_public: bool,
    /// The role it is granted to.
    pub(super) to: Option<Person>,
    pub(super) lost: Privileges,
    pub(super) gained: Privileges,
    options_lost: Privileges,
    options_gained: Privileges,
}

/// By difference; none for what is no grant.
pub(super) fn nets(people: &People<'_>, changes: &[Change]) -> Vec<Option<Net>> {
    type Sum = (Privileges, Privileges);
    let mut sums: HashMap<(&Key, &Who), (usize, Sum, Sum)> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        let Change::Grant { key, to, delta } = change else { continue };
        let (_, before, after) = sums.entry((key, to)).or_insert((index, Sum::default(), Sum::default()));
        for (granted, sum) in [(&delta.expected, before), (&delta.got, after)] {
            if let Some(Granted { privileges, grantable, .. }) = granted {
                *sum = (sum.0 | *privileges, sum.1 | *grantable);
            }
        }
    }
    let net = |(name, (first, before, after)): (_, (usize, Sum, Sum))| {
        let (key, to): (&Key, &Who) = name;
        // What other grantors grant is in both, and no difference.
        let person = match to {
            Who::Public => None,
            Who::Role(name) => people.find(name),
        };
        let to_public = *to == Who::Public;
        let held = |side| {
            if to_public || person.is_some() { held(people, side, key, person) } else { Sum::default() }
        };
        let (held_before, held_after) = (held(&people.expected), held(&people.actual));
        let net = Net {
            first,
            to_public,
            to: person,
            lost: before.0 - after.0 - held_after.0,
            gained: after.0 - before.0 - held_before.0,
            options_lost: (before.1 - after.1 - held_after.1) & (after.0 | held_after.0),
            options_gained: (after.1 - before.1 - held_before.1) & (before.0 | held_before.0),
        };
        (name, net)
    };
    let nets: HashMap<(&Key, &Who), Net> = sums.into_iter().map(net).collect();
    let of = |change: &Change| {
        let Change::Grant { key, to, .. } = change else { return None };
        nets.get(&(key, to)).copied()
    };
    changes.iter().map(of).collect()
}

/// What is granted to this grantee itself, and with which grant options.
fn held(people: &People<'_>, side: &Side<'_>, key: &Key, to: To) -> (Privileges, Privileges) {
    let known = acls::comparable(people, key.kind);
    let acl = if let (Kind::Column, Some(schema), Some(of)) = (key.kind, &key.schema, &key.of) {
        super::causes::relations(schema, of)
            .find_map(|relation| side.facts.objects.get(&relation)?.columns.get(&key.name))
            .and_then(Option::as_ref)
            .map(Cow::Borrowed)
    } else {
        side.facts.objects.get(key).map(|object| acls::in_force(side, key, object))
    };
    let items = acl.iter().flat_map(|acl| acl.items()).filter(|item| side.to(item.to) == to);
    items.fold(Default::default(), |(privileges, options), item| {
        (privileges | (item.privileges & known), options | (item.grantable & known))
    })
}

impl Judge<'_> {
    pub(super) fn of_grant(&self, index: usize, key: &Key, to: &Who) -> Vec<Judgement> {
        let Some(net) = self.nets[index].filter(|net| net.first == index) else { return Vec::new() };
        let noun = words::noun(key);
        let mut judgements = Vec::new();
        let mut tell = |id, class, severity, privileges: String, message| {
            judgements.push(Judgement::new(id, class, severity, message).of(to).privilege(&privileges));
        };
        if !net.lost.is_empty() {
            let message = format!("{to} is no longer granted {} on {noun}", net.lost);
            tell(FindingId::GrantMissing, Class::Missing, Severity::Info, net.lost.to_string(), message);
        }
        if !net.gained.is_empty() {
            let message = format!("{to} is now granted {} on {noun}", net.gained);
            let (id, severity) = match to {
                Who::Public => (FindingId::OpenedToPublic, Severity::Blocker),
                Who::Role(_) => (FindingId::GrantExtra, Severity::Info),
            };
            tell(id, Class::Extra, severity, net.gained.to_string(), message);
        }
        if !net.options_lost.is_empty() {
            let message = format!("{to} can no longer grant {} on {noun} to others", net.options_lost);
            let privileges = format!("{} WITH GRANT OPTION", net.options_lost);
            tell(FindingId::GrantOptionMissing, Class::Missing, Severity::Minor, privileges, message);
        }
        if !net.options_gained.is_empty() {
            let message = format!("{to} can now grant {} on {noun} to others", net.options_gained);
            let privileges = format!("{} WITH GRANT OPTION", net.options_gained);
            tell(FindingId::GrantOptionExtra, Class::Extra, Severity::Info, privileges, message);
        }
        if judgements.is_empty() {
            let message = format!("what {to} is granted on {noun} was granted by somebody else");
            let judgement =
                Judgement::new(FindingId::GrantorChanged, Class::Changed, Severity::Info, message);
            judgements.push(judgement.of(to));
        }
        judgements
    }

    pub(super) fn of_default_privilege(
        (creator, schema, objects): (&str, Option<&str>, crate::grants::snapshot::SchemaObjects),
        to: &Who,
        (expected, got): (Option<&Granted>, Option<&Granted>),
    ) -> Vec<Judgement> {
        let of = |granted: Option<&Granted>| granted.map(|granted| granted.privileges).unwrap_or_default();
        let (lost, gained) = (of(expected) - of(got), of(got) - of(expected));
        let creator = words::role(creator);
        let new = format!("new {} of {creator}", words::schema_objects(objects));
        let place = schema.map(|schema| format!(" in schema {}", words::role(schema))).unwrap_or_default();
        let mut judgements = Vec::new();
        if !lost.is_empty() {
            let message = format!("{to} will no longer be granted {lost} on {new}{place}");
            let judgement =
                Judgement::new(FindingId::DefaultPrivilegeMissing, Class::Latent, Severity::Major, message);
            let kind = crate::grants::diff::rest_kind(objects);
            let error = words::denied_some(kind);
            judgements.push(judgement.of(to).privilege(&lost).told(error));
        }
        if !gained.is_empty() {
            let message = format!("{to} will be granted {gained} on {new}{place}");
            let severity = if *to == Who::Public { Severity::Major } else { Severity::Info };
            let judgement =
                Judgement::new(FindingId::DefaultPrivilegeExtra, Class::Latent, severity, message);
            judgements.push(judgement.of(to).privilege(&gained));
        }
        if judgements.is_empty() {
            let message = format!("{to} will have other grant options on {new}{place}");
            let judgement =
                Judgement::new(FindingId::DefaultPrivilegeOption, Class::Latent, Severity::Info, message);
            judgements.push(judgement.of(to));
        }
        judgements
    }

    /// Whether losing this closes the way to other objects.
    pub(super) fn is_a_door(key: &Key, lost: Privileges) -> bool {
        (key.kind == Kind::Schema && lost.has(Privilege::Usage))
            || (key.kind == Kind::Database && lost.has(Privilege::Connect))
    }
}
