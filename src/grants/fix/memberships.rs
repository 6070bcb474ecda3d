//! Memberships. Until 15 a role is a member of a group once; from 16 on once by each grantor, with options of its own.

use std::collections::BTreeMap;

use super::privileges::Pair;
use super::{Phase, Sides, Step};
use crate::grants::acl::RoleId;
use crate::grants::change::{Delta, MembershipOptions};
use crate::grants::quote::Quoted;
use crate::grants::snapshot::{Facts, Kind, Membership};

/// After every grant, so that nobody is without in between.
const REVOKES: i32 = 1_000;

/// Who granted: none for the first superuser, whatever its name, who may grant without a membership of its own.
type Grantor<'f> = Option<&'f str>;

/// The options of one grantor's membership, and how many memberships lie between that grantor and the first superuser.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    depth: i32,
    options: (bool, bool, bool),
}

impl Row {
    const fn of(options: &MembershipOptions) -> Self {
        let MembershipOptions { admin, inherit, set, .. } = options;
        Self { depth: 0, options: (*admin, *inherit, *set) }
    }
}

impl Sides<'_> {
    pub(super) fn membership(
        &self,
        group: &str,
        member: &str,
        delta: &Delta<MembershipOptions>,
    ) -> Vec<Step> {
        if self.actual.server.major() < 16 {
            return self.plain(Phase::Membership, Kind::Database, once(group, member, delta));
        }
        // In the name of others only a superuser grants; anybody else changes what was granted by itself.
        let actual = match &delta.got {
            Some(_) if self.actual.reader.superuser => rows(self.actual, group, member),
            got => got.iter().map(|got| (None, Row::of(got))).collect(),
        };
        let expected = match &delta.expected {
            Some(_) if self.actual.reader.superuser && self.expected.server.major() >= 16 => {
                rows(self.expected, group, member)
            }
            // What 15 says holds for whoever granted it here.
            Some(wanted) if !actual.is_empty() => {
                actual.iter().map(|(&by, row)| (by, Row { depth: row.depth, ..Row::of(wanted) })).collect()
            }
            wanted => wanted.iter().map(|wanted| (None, Row::of(wanted))).collect(),
        };
        let (role, of) = (Quoted(group), Quoted(member));
        let granted_by =
            |by: Grantor<'_>| by.map_or_else(String::new, |by| format!(" GRANTED BY {}", Quoted(by)));
        let grant = |by, row: &Row| {
            let (admin, inherit, set) = row.options;
            let by = granted_by(by);
            format!("GRANT {role} TO {of} WITH ADMIN {admin}, INHERIT {inherit}, SET {set}{by}")
        };
        let revoke = |by| format!("REVOKE {role} FROM {of}{}", granted_by(by));
        let mut steps = Vec::new();
        let mut step = |turn, pair: Pair| {
            let reader = &self.actual.reader.role;
            steps.extend(self.as_role(Phase::Membership, (turn, Kind::Database), reader, vec![pair]));
        };
        for (&by, row) in &expected {
            match actual.get(&by) {
                None => step(row.depth, (grant(by, row), revoke(by))),
                Some(got) if got.options != row.options => step(row.depth, (grant(by, row), grant(by, got))),
                Some(_) => {}
            }
        }
        for (&by, row) in actual.iter().filter(|(by, _)| !expected.contains_key(*by)) {
            step(REVOKES - row.depth, (revoke(by), grant(by, row)));
        }
        steps
    }
}

/// GRANT group TO member on 15 and older, where INHERIT is the member's own.
fn once(group: &str, member: &str, delta: &Delta<MembershipOptions>) -> Vec<Pair> {
    let (group, of) = (Quoted(group), Quoted(member));
    let grant = |options: &MembershipOptions| {
        let admin = if options.admin { " WITH ADMIN OPTION" } else { "" };
        format!("GRANT {group} TO {of}{admin}")
    };
    let revoke = format!("REVOKE {group} FROM {of}");
    match (&delta.expected, &delta.got) {
        (Some(expected), None) => vec![(grant(expected), revoke)],
        (None, Some(got)) => vec![(revoke, grant(got))],
        (Some(expected), Some(got)) => match (expected.admin, got.admin) {
            (true, false) => vec![(grant(expected), format!("REVOKE ADMIN OPTION FOR {group} FROM {of}"))],
            (false, true) => vec![(format!("REVOKE ADMIN OPTION FOR {group} FROM {of}"), grant(got))],
            _ => Vec::new(),
        },
        (None, None) => Vec::new(),
    }
}

fn rows<'f>(facts: &'f Facts, group: &str, member: &str) -> BTreeMap<Grantor<'f>, Row> {
    let (Some(group), Some(member)) = (facts.roles.id(group), facts.roles.id(member)) else {
        return BTreeMap::new();
    };
    let rows = facts.memberships.iter().filter(|row| row.role == group && row.member == member);
    rows.map(|row: &Membership| {
        let depth = depth(facts, group, row.by);
        let by = (depth > 0).then(|| facts.roles.name(row.by));
        (by, Row { depth, options: (row.admin, row.inherit, row.set) })
    })
    .collect()
}

/// How many memberships with the ADMIN option lie between the first superuser and this grantor.
fn depth(facts: &Facts, group: RoleId, grantor: RoleId) -> i32 {
    let (mut depth, mut grantor) = (0, grantor);
    let gave = |to| facts.memberships.iter().find(|row| row.role == group && row.member == to && row.admin);
    while let Some(row) = gave(grantor).filter(|_| depth < REVOKES / 2) {
        depth += 1;
        grantor = row.by;
    }
    depth
}
