//! `pg_hba.conf` compared, for each role that can log in: the lines that decide whether it gets into this database.

use std::collections::HashMap;

use super::people::{People, Side};
use crate::grants::acl::RoleId;
use crate::grants::change::{Change, Delta, Way};
use crate::grants::snapshot::HbaRule;

/// Every role on both sides that gets in by other lines than before.
pub(super) fn compare(people: &People<'_>, changes: &mut Vec<Change>) {
    let (Some(expected), Some(actual)) = (&people.expected.facts.hba, &people.actual.facts.hba) else {
        return;
    };
    let before = Rules::new(&people.expected, expected);
    let after = Rules::new(&people.actual, actual);
    for (id, role) in people.expected.facts.roles.iter().filter(|(_, role)| role.login) {
        let person = people.expected.person(id);
        let Some(other) = people.actual.id(person).filter(|&id| people.actual.facts.roles.get(id).login)
        else {
            continue;
        };
        let (expected, got) = (before.ways(id), after.ways(other));
        if expected != got {
            let some = |ways: Vec<Way>| (!ways.is_empty()).then_some(ways);
            let delta = Delta { expected: some(expected), got: some(got) };
            changes.push(Change::Access { role: role.name.clone(), delta });
        }
    }
}

/// The lines of one side.
struct Rules<'s, 'f> {
    side: &'s Side<'f>,
    lines: &'f [HbaRule],
    /// By the groups that the lines name: who is a member, by any path, inherited or not, as
    /// `is_member_of_role_nosuper` has it.
    members: HashMap<&'f str, Vec<bool>>,
}

impl<'s, 'f> Rules<'s, 'f> {
    fn new(side: &'s Side<'f>, rules: &'f [HbaRule]) -> Self {
        let mut joined: HashMap<RoleId, Vec<RoleId>> = HashMap::new();
        for row in &side.facts.memberships {
            joined.entry(row.role).or_default().push(row.member);
        }
        let named = rules.iter().flat_map(|rule| &rule.roles).filter_map(|word| word.strip_prefix('+'));
        let named = named.chain(std::iter::once(side.facts.server.database.as_str()));
        let members =
            named.filter_map(|name| Some((name, closed(side, side.facts.roles.id(name)?, &joined))));
        Self { side, lines: rules, members: members.collect() }
    }

    fn is_member(&self, role: RoleId, group: &str) -> bool {
        self.members.get(group).is_some_and(|members| members[role.index()])
    }

    /// The ways in for a role, in the order of the lines. Of several lines for the same clients the first decides ("The
    /// `pg_hba.conf` File").
    fn ways(&self, role: RoleId) -> Vec<Way> {
        let database = self.side.facts.server.database.as_str();
        let name = self.side.name(role);
        let mut decided: Vec<(&str, Option<&str>)> = Vec::new();
        let mut ways = Vec::new();
        for rule in self.lines {
            let to_database = rule.databases.iter().any(|word| match word.as_str() {
                "all" => true,
                "sameuser" => name == database,
                "samerole" | "samegroup" => self.is_member(role, database),
                other => other == database,
            });
            let to_role = rule.roles.iter().any(|word| {
                word == "all"
                    || word == name
                    || word.strip_prefix('+').is_some_and(|group| self.is_member(role, group))
            });
            let (connection, address) = (rule.connection.as_str(), rule.address.as_deref());
            // `host` is for connections with TLS and without.
            let is_decided = decided.iter().any(|&(first, of)| {
                of == address && (first == connection || first == "host" && connection != "local")
            });
            if !to_database || !to_role || is_decided {
                continue;
            }
            decided.push((connection, address));
            if rule.method != "reject" {
                let clients =
                    address.map_or_else(|| connection.to_owned(), |of| format!("{connection} {of}"));
                ways.push(Way { clients, method: rule.method.clone() });
            }
        }
        ways
    }
}

/// Who is a member of a role, itself too.
fn closed(side: &Side<'_>, group: RoleId, joined: &HashMap<RoleId, Vec<RoleId>>) -> Vec<bool> {
    let mut members = vec![false; side.facts.roles.len()];
    let mut open = vec![group];
    while let Some(role) = open.pop() {
        if !std::mem::replace(&mut members[role.index()], true) {
            open.extend(joined.get(&role).into_iter().flatten());
        }
    }
    members
}
