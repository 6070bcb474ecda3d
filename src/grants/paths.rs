//! Through what a role may do something: told apart path by path, so that it is clear what a REVOKE would leave.

use std::collections::{HashMap, HashSet, VecDeque};

use super::acl::{Acl, Grantee, RoleId};
use super::effective::Effective;
use super::privilege::{Privilege, Privileges};
use super::snapshot::{Facts, Key, Kind, Object};

/// Paths over the facts of one database.
#[derive(Debug)]
pub struct Paths<'f> {
    facts: &'f Facts,
    effective: Effective<'f>,
    /// By member: its groups, those it inherits from.
    groups: HashMap<RoleId, Vec<RoleId>>,
    /// By role: whether it may connect.
    connect: Vec<bool>,
    /// By schema: whether each role may look into it.
    usage: HashMap<&'f str, Vec<bool>>,
}

/// One path to some privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// How the last role of the chain has them, or the role itself.
    pub means: Means,
    /// The groups in between, the nearest first; empty when there is none.
    pub chain: Vec<RoleId>,
    /// What it leads to.
    pub privileges: Privileges,
}

/// How a role has a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// SUPERUSER.
    Superuser,
    /// It owns the object.
    Owner,
    /// It was granted it.
    Grant,
    /// Everybody was granted it.
    Public,
    /// It is a role of the server that may do this with everything, such as `pg_read_all_data`.
    Predefined,
}

impl Means {
    /// How people say it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Superuser => "superuser",
            Self::Owner => "owner",
            Self::Grant => "granted",
            Self::Public => "PUBLIC",
            Self::Predefined => "predefined role",
        }
    }

    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superuser => "superuser",
            Self::Owner => "owner",
            Self::Grant => "grant",
            Self::Public => "public",
            Self::Predefined => "predefined",
        }
    }
}

/// What a privilege needs besides itself to be of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// USAGE on the object's schema; also where it is in none.
    pub usage: bool,
    /// CONNECT on the database.
    pub connect: bool,
}

impl Reach {
    /// Whether both are there.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.usage && self.connect
    }
}

impl<'f> Paths<'f> {
    /// Prepare them.
    #[must_use]
    pub fn new(facts: &'f Facts) -> Self {
        let effective = Effective::new(facts);
        let mut groups: HashMap<RoleId, Vec<RoleId>> = HashMap::new();
        for membership in facts.memberships.iter().filter(|membership| membership.inherit) {
            groups.entry(membership.member).or_default().push(membership.role);
        }
        if let Some((owner, group)) = facts.database_ownership() {
            groups.entry(owner).or_default().push(group);
        }
        let able = |key: &Key, object: &Object, privilege: Privilege| -> Vec<bool> {
            effective.on(key, object).into_iter().map(|may| may.has(privilege)).collect()
        };
        let connect = facts.objects.get(&Key::database()).map_or_else(
            || vec![false; facts.roles.len()],
            |database| able(&Key::database(), database, Privilege::Connect),
        );
        let schemas = facts.objects.iter().filter(|(key, _)| key.kind == Kind::Schema);
        let usage = schemas.map(|(key, object)| (&*key.name, able(key, object, Privilege::Usage))).collect();
        Self { facts, effective, groups, connect, usage }
    }

    /// The facts.
    #[must_use]
    pub const fn facts(&self) -> &'f Facts {
        self.facts
    }

    /// What each role may do with an object, or with one of its columns.
    #[must_use]
    pub fn on(&self, key: &Key, object: &Object, column: Option<&str>) -> Vec<Privileges> {
        let whole = self.effective.on(key, object);
        match column {
            None => whole,
            Some(column) => {
                self.effective.on_column(&whole, object.columns.get(column).and_then(Option::as_ref))
            }
        }
    }

    /// What everybody may do with an object, or with one of its columns.
    #[must_use]
    pub fn public(&self, key: &Key, object: &Object, column: Option<&str>) -> Privileges {
        let whole = self.facts.acl(key, object).map_or(Privileges::NONE, |acl| acl.granted(Grantee::Public));
        match column {
            None => whole,
            Some(column) => {
                (whole & Kind::Column.privileges())
                    | own(object, column).map_or(Privileges::NONE, |acl| acl.granted(Grantee::Public))
            }
        }
    }

    /// Whether what a role may do with an object is of use to it.
    #[must_use]
    pub fn reach(&self, role: RoleId, key: &Key) -> Reach {
        let everywhere = |schema: &str| schema == "pg_catalog" || schema == "information_schema";
        let usage = key.schema.as_deref().is_none_or(|schema| {
            self.usage.get(schema).map_or(everywhere(schema), |able| able[role.index()])
        });
        Reach { usage, connect: self.connect[role.index()] }
    }

    /// Every path on which a role comes to what it `may` do, by [`Self::on`], with an object or with one of its columns;
    /// the most telling first.
    #[must_use]
    pub fn of(
        &self,
        role: RoleId,
        may: Privileges,
        key: &Key,
        object: &Object,
        column: Option<&str>,
    ) -> Vec<Path> {
        let kind = if column.is_some() { Kind::Column } else { key.kind };
        let may = may & kind.privileges();
        let mut paths = Vec::new();
        let mut add = |means, chain, privileges: Privileges| {
            if !(privileges & may).is_empty() {
                paths.push(Path { means, chain, privileges: privileges & may });
            }
        };
        if self.facts.roles.get(role).superuser {
            add(Means::Superuser, Vec::new(), may);
        }
        let whole = self.facts.acl(key, object);
        let lists: Vec<&Acl> = whole.iter().chain(column.and_then(|column| own(object, column))).collect();
        let granted = |to: Grantee| lists.iter().fold(Privileges::NONE, |set, acl| set | acl.granted(to));
        for (group, chain) in self.above(role) {
            let means = if object.owner == Some(group) { Means::Owner } else { Means::Grant };
            add(means, chain.clone(), granted(Grantee::Role(group)));
            add(Means::Predefined, chain, self.effective.everywhere(group, key.kind));
        }
        add(Means::Public, Vec::new(), granted(Grantee::Public));
        paths.sort_by_key(|path| (path.means, path.chain.len()));
        paths
    }

    /// A role and its groups, each with the shortest chain that leads to it.
    fn above(&self, role: RoleId) -> Vec<(RoleId, Vec<RoleId>)> {
        let mut found = vec![(role, Vec::new())];
        let mut known = HashSet::from([role]);
        let mut open = VecDeque::from([0]);
        while let Some(at) = open.pop_front() {
            let (here, chain) = found[at].clone();
            for &group in self.groups.get(&here).into_iter().flatten() {
                if known.insert(group) {
                    open.push_back(found.len());
                    found.push((group, [chain.as_slice(), &[group]].concat()));
                }
            }
        }
        found
    }
}

/// A column's own list.
fn own<'o>(object: &'o Object, column: &str) -> Option<&'o Acl> {
    object.columns.get(column).and_then(Option::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::acl::AclItem;
    use crate::grants::snapshot::Membership;
    use crate::grants::snapshot::tests::facts;

    #[test]
    fn every_path_is_told_and_the_reach_apart() {
        let mut facts =
            facts(&["boss", "base", "readers", "app", "dba", "pg_read_all_data", "watcher", "stranger"]);
        let id = |name: &str| facts.roles.id(name).expect("a role");
        let [boss, base, readers, app, dba, all_data, watcher, stranger] =
            ["boss", "base", "readers", "app", "dba", "pg_read_all_data", "watcher", "stranger"].map(id);
        let member =
            |role, member, inherit| Membership { role, member, by: boss, admin: false, inherit, set: true };
        facts.memberships = vec![
            member(base, readers, true),
            member(readers, app, true),
            member(all_data, watcher, true),
            member(base, stranger, false),
        ];
        let mut roles: Vec<_> = facts.roles.iter().map(|(_, role)| role.clone()).collect();
        roles[dba.index()].superuser = true;
        facts.roles = crate::grants::snapshot::Roles::new(roles);
        let item = |to, privileges| AclItem { to, by: boss, privileges, grantable: Privileges::NONE };
        let select: Privileges = Privilege::Select.into();
        let (usage, connect) = (Privilege::Usage.into(), Privilege::Connect.into());
        let table = Key::within(Kind::Table, "shop", "orders");
        let acl = Acl::new(vec![
            item(Grantee::Role(boss), Kind::Table.privileges()),
            item(Grantee::Role(base), select),
            item(Grantee::Role(app), Privileges::of(&[Privilege::Select, Privilege::Insert])),
            item(Grantee::Public, Privilege::Trigger.into()),
        ]);
        let email = Acl::new(vec![item(Grantee::Role(readers), Privilege::Update.into())]);
        let columns = std::collections::BTreeMap::from([("email".into(), Some(email))]);
        let orders = Object { owner: Some(boss), acl: Some(acl), columns, ..Object::default() };
        facts.objects.insert(table.clone(), orders.clone());
        let within = |grants: Vec<AclItem>| Object {
            owner: Some(boss),
            acl: Some(Acl::new(grants)),
            ..Object::default()
        };
        facts.objects.insert(Key::plain(Kind::Schema, "shop"), within(vec![item(Grantee::Role(app), usage)]));
        facts.objects.insert(Key::database(), within(vec![item(Grantee::Public, connect)]));
        let paths = Paths::new(&facts);
        let told = |role, column| -> Vec<(Means, Vec<&str>, String)> {
            let told = |path: Path| {
                let chain = path.chain.iter().map(|&group| facts.roles.name(group)).collect();
                (path.means, chain, path.privileges.to_string())
            };
            paths
                .of(role, paths.on(&table, &orders, column)[role.index()], &table, &orders, column)
                .into_iter()
                .map(told)
                .collect()
        };
        let public = || (Means::Public, vec![], "TRIGGER".to_owned());
        assert_eq!(
            told(app, None),
            [
                (Means::Grant, vec![], "SELECT, INSERT".to_owned()),
                (Means::Grant, vec!["readers", "base"], "SELECT".to_owned()),
                public(),
            ]
        );
        assert_eq!(
            told(app, Some("email")),
            [
                (Means::Grant, vec![], "SELECT, INSERT".to_owned()),
                (Means::Grant, vec!["readers"], "UPDATE".to_owned()),
                (Means::Grant, vec!["readers", "base"], "SELECT".to_owned()),
            ]
        );
        assert_eq!(
            told(watcher, None),
            [public(), (Means::Predefined, vec!["pg_read_all_data"], "SELECT".to_owned())]
        );
        assert_eq!(told(stranger, None), [public()], "what takes SET ROLE is not what it may do");
        assert_eq!(told(boss, None)[0].0, Means::Owner);
        assert_eq!(told(dba, None)[0].0, Means::Superuser);
        assert_eq!(paths.reach(app, &table), Reach { usage: true, connect: true });
        assert_eq!(paths.reach(readers, &table), Reach { usage: false, connect: true });
        for (role, _) in facts.roles.iter() {
            let may = paths.on(&table, &orders, None)[role.index()];
            let sum = paths
                .of(role, may, &table, &orders, None)
                .iter()
                .fold(Privileges::NONE, |set, path| set | path.privileges);
            assert_eq!(
                sum,
                may,
                "the paths of {} lead to all it may do and to nothing else",
                facts.roles.name(role)
            );
        }
    }
}
