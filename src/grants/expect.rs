//! What a database has to be: the snapshot before, seen through the split map. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::acl::{Acl, AclItem, Grantee, RoleId};
use super::map::{Replaced, Resolved, TargetId};
use super::privilege::Privileges;
use super::snapshot::{
    Aspect, Attribute, DefaultPrivilege, Fact, Facts, Gap, HbaRule, Key, Kind, Membership, Object, Reference,
    Role, Roles, SchemaObjects, Setting,
};

/// What a database has to be.
#[derive(Debug)]
pub struct Expected<'f> {
    /// Its facts, with the names roles have there.
    pub facts: Cow<'f, Facts>,
    /// Objects of the source that go nowhere, whatever the target.
    pub unmapped: Vec<Key>,
    /// References that cross the cut.
    pub crossing: Vec<Reference>,
    /// References that cross it to what something else has to stand in for.
    pub replaced: Vec<Replaced>,
    /// Roles that have other names there: old to new.
    pub renamed: BTreeMap<String, String>,
}

impl Expected<'_> {
    /// The same, to be compared with once more.
    #[must_use]
    pub fn borrowed(&self) -> Expected<'_> {
        Expected {
            facts: Cow::Borrowed(&self.facts),
            unmapped: self.unmapped.clone(),
            crossing: self.crossing.clone(),
            replaced: self.replaced.clone(),
            renamed: self.renamed.clone(),
        }
    }
}

/// What a counterpart has to be, whatever the two databases are called.
#[must_use]
pub const fn counterpart(before: &Facts) -> Expected<'_> {
    Expected {
        facts: Cow::Borrowed(before),
        unmapped: Vec::new(),
        crossing: Vec::new(),
        replaced: Vec::new(),
        renamed: BTreeMap::new(),
    }
}

/// What a counterpart has to be whose roles have other names there: `old` to `new`.
#[must_use]
pub fn renamed<'f>(before: &'f Facts, names: &BTreeMap<String, String>) -> Expected<'f> {
    if names.is_empty() {
        return counterpart(before);
    }
    let every = vec![true; before.roles.len()];
    let name = |old: &'f str| Some(names.get(old).cloned().map_or(Cow::Borrowed(old), Cow::Owned));
    let rewriter = Rewriter::new(before, &every, name);
    let objects = before.objects.iter();
    let facts = rewriter.facts(&before.server.database, objects, |_| true, |_, _| true);
    Expected { facts: Cow::Owned(facts), renamed: names.clone(), ..counterpart(before) }
}

/// What a target of a split has to be.
///
/// A role is expected where it may do something (PUBLIC aside) with something that the map sends there, owns it, or is
/// named by its policies or by the default privileges of its schema; and so are that role's members, the owner of the
/// database, superusers, and members of predefined roles, who can do things in every database. What is set on the
/// database holds for every target, as far as it concerns such roles.
#[must_use]
pub fn transform<'f>(map: &Resolved<'f>, target: TargetId) -> Expected<'f> {
    let before = map.before();
    let to = map.target(target);
    let kept = expected_roles(map, target);
    let rewriter = Rewriter::new(before, &kept, |name| to.role(name).map(Cow::Borrowed));
    let objects = map.held(target).map(|(key, object, _)| (key, object));
    let is_here = |schema: &str| map.is_held(&Key::plain(Kind::Schema, schema), target) != Some(false);
    let joins = |from: &Key, to: &Key| [from, to].iter().all(|end| map.is_held(end, target) != Some(false));
    let mut facts = rewriter.facts(&to.database, objects, is_here, joins);
    narrow_publications(&mut facts, map, target);
    if facts.references.is_none() && !facts.lacks(Aspect::References) {
        let why = "the snapshot was taken without references: take it again without `--no-references`";
        facts.coverage.push(Gap { aspect: Aspect::References, why: why.to_owned() });
    }
    let (crossing, replaced) = map.crossing(target);
    let names = before.roles.iter().map(|(_, role)| role.name.as_str());
    let renamed = names.filter_map(|old| Some((old, to.role(old)?))).filter(|(old, new)| old != new);
    let renamed = renamed.map(|(old, new)| (old.to_owned(), new.to_owned())).collect();
    Expected { facts: Cow::Owned(facts), unmapped: map.unmapped(), crossing, replaced, renamed }
}

/// A publication publishes in a target what of its tables and schemas the target holds.
fn narrow_publications(facts: &mut Facts, map: &Resolved<'_>, target: TargetId) {
    let stays = |entry: &String| {
        // `table:a.b`, `table:a.b (columns)`, `table:a.b WHERE (condition)`; a name may hold blanks.
        let ends = entry.match_indices(' ').map(|(at, _)| at).chain([entry.len()]);
        let mut keys = ends.filter_map(|end| entry.get(..end)?.parse::<Key>().ok());
        keys.find_map(|key| map.is_held(&key, target)) != Some(false)
    };
    for (_, publication) in facts.objects.iter_mut().filter(|(key, _)| key.kind == Kind::Publication) {
        for attribute in [Attribute::Tables, Attribute::Schemas] {
            if let Some(Fact::List(entries)) = publication.facts.get_mut(&attribute) {
                entries.retain(stays);
                if entries.is_empty() {
                    publication.facts.remove(&attribute);
                }
            }
        }
    }
}

/// The roles that matter in a target, by their ids.
fn expected_roles(map: &Resolved<'_>, target: TargetId) -> Vec<bool> {
    let before = map.before();
    let mut wanted = vec![false; before.roles.len()];
    for (id, role) in before.roles.iter() {
        wanted[id.index()] = role.superuser || role.is_predefined();
    }
    let want_all = |wanted: &mut Vec<bool>, acl: &Acl| {
        for item in acl.items().iter().filter(|item| !item.privileges.is_empty()) {
            wanted[item.by.index()] = true;
            if let Grantee::Role(role) = item.to {
                wanted[role.index()] = true;
            }
        }
    };
    if let Some(owner) = before.database_owner() {
        wanted[owner.index()] = true;
    }
    for (key, object, meant) in map.held(target) {
        if let Some(owner) = object.owner {
            wanted[owner.index()] = true;
        }
        if !meant {
            continue;
        }
        object.acl.iter().chain(object.columns.values().flatten()).for_each(|acl| want_all(&mut wanted, acl));
        for fact in object.facts.values() {
            if let Fact::Roles(roles) = fact {
                for grantee in roles {
                    if let Grantee::Role(role) = grantee {
                        wanted[role.index()] = true;
                    }
                }
            }
        }
        if let (Kind::UserMapping, Some(role)) = (key.kind, before.roles.id(&key.name)) {
            wanted[role.index()] = true;
        }
        if key.kind == Kind::Schema {
            for default in
                before.default_privileges.iter().filter(|one| one.schema.as_deref() == Some(&*key.name))
            {
                wanted[default.creator.index()] = true;
                want_all(&mut wanted, &default.acl);
            }
        }
    }
    spread(&mut wanted, before, |membership| (membership.role, membership.member));
    keep_attributes(&mut wanted, before);
    wanted
}

/// Everything a step leads to from what is wanted is wanted too.
fn spread(wanted: &mut [bool], before: &Facts, step: impl Fn(&Membership) -> (RoleId, RoleId)) {
    let mut next: HashMap<RoleId, Vec<RoleId>> = HashMap::new();
    for membership in &before.memberships {
        let (from, to) = step(membership);
        next.entry(from).or_default().push(to);
    }
    let mut open: Vec<RoleId> =
        before.roles.iter().map(|(id, _)| id).filter(|id| wanted[id.index()]).collect();
    while let Some(role) = open.pop() {
        for &to in next.get(&role).into_iter().flatten() {
            if !std::mem::replace(&mut wanted[to.index()], true) {
                open.push(to);
            }
        }
    }
}

/// A group that gives its members an attribute, such as CREATEROLE after SET ROLE, is wanted with what leads to it.
fn keep_attributes(wanted: &mut [bool], before: &Facts) {
    let up = |membership: &Membership| (membership.member, membership.role);
    let down = |membership: &Membership| (membership.role, membership.member);
    let mut above = wanted.to_vec();
    spread(&mut above, before, up);
    let gives = |role: &Role| role.create_role || role.create_db || role.replication || role.bypass_rls;
    let mut giving: Vec<bool> =
        before.roles.iter().map(|(id, role)| above[id.index()] && gives(role)).collect();
    spread(&mut giving, before, down);
    for ((wanted, above), giving) in wanted.iter_mut().zip(above).zip(giving) {
        *wanted |= above && giving;
    }
}

/// Rewrites facts for other roles: some are gone, some have new names.
struct Rewriter<'f> {
    before: &'f Facts,
    roles: Roles,
    /// By old id.
    ids: Vec<Option<RoleId>>,
    /// Whether two roles have become one.
    merged: bool,
}

impl<'f> Rewriter<'f> {
    fn new(before: &'f Facts, kept: &[bool], name: impl Fn(&'f str) -> Option<Cow<'f, str>>) -> Self {
        let new_name = |role: &'f Role| name(&role.name);
        let mut named: BTreeMap<Cow<'f, str>, &'f Role> = BTreeMap::new();
        let all = || before.roles.iter().filter(|(id, _)| kept[id.index()]);
        for (_, role) in all() {
            let Some(name) = new_name(role) else { continue };
            // Where one is renamed to another that is there, the other's attributes hold.
            let keeps_its_name = name == role.name;
            if keeps_its_name || !named.contains_key(&name) {
                named.insert(name, role);
            }
        }
        let roles =
            named.iter().map(|(name, role)| Role { name: name.clone().into_owned(), ..(*role).clone() });
        let roles = Roles::new(roles.collect());
        let mut ids = vec![None; before.roles.len()];
        let mut mapped = 0;
        for (id, role) in all() {
            ids[id.index()] = new_name(role).and_then(|name| roles.id(&name));
            mapped += usize::from(ids[id.index()].is_some());
        }
        let merged = mapped > roles.len();
        Self { before, roles, ids, merged }
    }

    fn id(&self, old: RoleId) -> Option<RoleId> {
        self.ids[old.index()]
    }

    fn grantee(&self, to: Grantee) -> Option<Grantee> {
        match to {
            Grantee::Public => Some(Grantee::Public),
            Grantee::Role(role) => self.id(role).map(Grantee::Role),
        }
    }

    /// The list without grants to roles that are gone; of a grantor that is gone the owner takes the place, as after
    /// REASSIGN OWNED.
    fn acl(&self, acl: &Acl, owner: Option<RoleId>) -> Acl {
        let item = |item: &AclItem| {
            let by = self.id(item.by).or_else(|| owner.and_then(|owner| self.id(owner)))?;
            Some(AclItem { to: self.grantee(item.to)?, by, ..*item })
        };
        let items: Vec<AclItem> = acl.items().iter().filter_map(item).collect();
        if self.merged { joined(items) } else { Acl::new(items) }
    }

    fn object(&self, object: &Object) -> Object {
        let acl = |acl: &Option<Acl>| acl.as_ref().map(|acl| self.acl(acl, object.owner));
        let fact = |fact: &Fact| match fact {
            Fact::Roles(roles) => Fact::Roles(roles.iter().filter_map(|&to| self.grantee(to)).collect()),
            Fact::Text(_) | Fact::List(_) => fact.clone(),
        };
        Object {
            owner: object.owner.and_then(|owner| self.id(owner)),
            acl: acl(&object.acl),
            initial: acl(&object.initial),
            columns: object.columns.iter().map(|(name, list)| (name.clone(), acl(list))).collect(),
            facts: object.facts.iter().map(|(attribute, told)| (*attribute, fact(told))).collect(),
        }
    }

    /// The key, which for a user mapping tells a role; none when that role is gone.
    fn key(&self, key: &Key) -> Option<Key> {
        match (key.kind, self.before.roles.id(&key.name)) {
            (Kind::UserMapping, Some(role)) => {
                let name = self.roles.name(self.id(role)?).into();
                Some(Key { name, ..key.clone() })
            }
            _ => Some(key.clone()),
        }
    }

    fn facts<'o>(
        &self,
        database: &str,
        objects: impl Iterator<Item = (&'o Key, &'o Object)>,
        is_here: impl Fn(&str) -> bool,
        joins: impl Fn(&Key, &Key) -> bool,
    ) -> Facts {
        let before = self.before;
        let membership = |row: &Membership| {
            let (role, member) = (self.id(row.role)?, self.id(row.member)?);
            (role != member).then_some(())?;
            Some(Membership { role, member, by: self.id(row.by).unwrap_or(role), ..*row })
        };
        let setting = |setting: &Setting| {
            let role = setting.role.map(|role| self.id(role).ok_or(())).transpose().ok()?;
            Some(Setting { role, ..setting.clone() })
        };
        let mut memberships: Vec<Membership> = before.memberships.iter().filter_map(membership).collect();
        memberships.sort_unstable();
        memberships.dedup();
        let mut settings: Vec<Setting> = before.settings.iter().filter_map(setting).collect();
        settings.sort_unstable();
        settings.dedup_by(|later, one| {
            (later.in_database, later.role, &later.name) == (one.in_database, one.role, &one.name)
        });
        let references = before.references.as_ref().map(|known| {
            known.iter().filter(|reference| joins(&reference.from, &reference.to)).cloned().collect()
        });
        let mut server = before.server.clone();
        database.clone_into(&mut server.database);
        Facts {
            reader: before.reader.clone(),
            coverage: before.coverage.clone(),
            acl_defaults: before.acl_defaults.clone(),
            memberships,
            objects: objects
                .filter_map(|(key, object)| Some((self.key(key)?, self.object(object))))
                .collect(),
            settings,
            default_privileges: self.default_privileges(is_here),
            references,
            hba: before
                .hba
                .as_ref()
                .map(|rules| rules.iter().filter_map(|rule| self.rule(rule, database)).collect()),
            roles: self.roles.clone(),
            server,
        }
    }

    fn default_privileges(&self, is_here: impl Fn(&str) -> bool) -> Vec<DefaultPrivilege> {
        let mut lists: BTreeMap<(RoleId, Option<&String>, SchemaObjects), Vec<AclItem>> = BTreeMap::new();
        let here = |default: &&DefaultPrivilege| default.schema.as_deref().is_none_or(&is_here);
        for default in self.before.default_privileges.iter().filter(here) {
            let acl = self.acl(&default.acl, Some(default.creator));
            // What said something, and only to roles that are not here, says nothing here.
            let is_silent = acl.items().is_empty() && !default.acl.items().is_empty();
            if let (Some(creator), false) = (self.id(default.creator), is_silent) {
                let list = lists.entry((creator, default.schema.as_ref(), default.objects)).or_default();
                list.extend(acl.items());
            }
        }
        let default = |((creator, schema, objects), items): ((_, Option<&String>, _), _)| DefaultPrivilege {
            creator,
            schema: schema.cloned(),
            objects,
            acl: joined(items),
        };
        lists.into_iter().map(default).collect()
    }

    /// A line of `pg_hba.conf` for the other database and its roles; none when it concerns no role there.
    fn rule(&self, rule: &HbaRule, database: &str) -> Option<HbaRule> {
        let old = &self.before.server.database;
        let databases =
            rule.databases.iter().map(|name| if name == old { database.to_owned() } else { name.clone() });
        let known = |name: &String| {
            let (mark, plain) = name.strip_prefix('+').map_or(("", name.as_str()), |group| ("+", group));
            match self.before.roles.id(plain) {
                Some(id) => Some(format!("{mark}{}", self.roles.name(self.id(id)?))),
                // A word such as `all`.
                None => Some(name.clone()),
            }
        };
        let roles: Vec<String> = rule.roles.iter().filter_map(known).collect();
        (!roles.is_empty()).then(|| HbaRule { databases: databases.collect(), roles, ..rule.clone() })
    }
}

/// The list of these, one item for what one grantor grants to one grantee.
fn joined(items: Vec<AclItem>) -> Acl {
    let mut one: BTreeMap<(Grantee, RoleId), (Privileges, Privileges)> = BTreeMap::new();
    for item in items {
        let (privileges, grantable) = one.entry((item.to, item.by)).or_default();
        *privileges |= item.privileges;
        *grantable |= item.grantable;
    }
    let item = |((to, by), (privileges, grantable))| AclItem { to, by, privileges, grantable };
    Acl::new(one.into_iter().map(item).collect())
}

#[cfg(test)]
mod tests;
