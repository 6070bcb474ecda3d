//! What is read so far, by the catalogs' oids: names come out of it at the end, oids never do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::row::{Row, Unread};
use crate::grants::acl::{self, Acl, AclItem, Grantee, RoleId};
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::snapshot::{AclDefault, Aspect, Attribute, Fact, Gap, Key, Kind, Object, Roles};

/// The oids below are of `initdb` (`FirstNormalObjectId` in `access/transam.h`).
pub(super) const FIRST_NORMAL: u32 = 16384;
/// The superuser of `initdb`: its oid is the same on every server (`BOOTSTRAP_SUPERUSERID`).
const BOOTSTRAP: u32 = 10;
/// ACLs told one by one as not readable; more are counted.
const TOLD: usize = 20;

/// The oids of the catalogs themselves, which `pg_depend` and its like name; the same in every version.
pub(super) mod class {
    pub(in super::super) const TYPE: u32 = 1247;
    pub(in super::super) const ROUTINE: u32 = 1255;
    pub(in super::super) const RELATION: u32 = 1259;
    pub(in super::super) const DATABASE: u32 = 1262;
    pub(in super::super) const TABLESPACE: u32 = 1213;
    pub(in super::super) const SERVER: u32 = 1417;
    pub(in super::super) const USER_MAPPING: u32 = 1418;
    pub(in super::super) const WRAPPER: u32 = 2328;
    pub(in super::super) const ATTRIBUTE_DEFAULT: u32 = 2604;
    pub(in super::super) const LANGUAGE: u32 = 2612;
    pub(in super::super) const LARGE_OBJECT: u32 = 2613;
    pub(in super::super) const SCHEMA: u32 = 2615;
    pub(in super::super) const RULE: u32 = 2618;
    pub(in super::super) const TRIGGER: u32 = 2620;
    pub(in super::super) const EXTENSION: u32 = 3079;
    pub(in super::super) const POLICY: u32 = 3256;
    pub(in super::super) const EVENT_TRIGGER: u32 = 3466;
    pub(in super::super) const PUBLICATION: u32 = 6104;
    pub(in super::super) const SUBSCRIPTION: u32 = 6100;
    pub(in super::super) const PARAMETER: u32 = 6243;
    /// Slots have no oid of their own.
    pub(in super::super) const SLOT: u32 = u32::MAX;
}

/// An object's catalog and its oid there.
pub(super) type Address = (u32, u32);

/// The facts in the making.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) roles: Roles,
    pub(super) role_ids: HashMap<u32, RoleId>,
    by_name: HashMap<String, RoleId>,
    pub(super) defaults: BTreeMap<Kind, AclDefault>,
    pub(super) schemas: HashMap<u32, Box<str>>,
    pub(super) extensions: HashMap<u32, Box<str>>,
    /// By member: its extension.
    pub(super) members: HashMap<Address, u32>,
    /// `pg_init_privs`, by object and column.
    pub(super) initial: HashMap<(Address, i32), Box<str>>,
    pub(super) objects: HashMap<Address, (Key, Object)>,
    /// Sequences of columns, and the tables of these.
    pub(super) owned_sequences: Vec<(u32, u32)>,
    pub(super) gaps: BTreeSet<Gap>,
    /// Most ACLs repeat.
    acls: HashMap<Box<str>, (Acl, Vec<String>)>,
    unread_items: usize,
}

/// An object as its catalog's row tells it.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) address: Address,
    pub(super) key: Key,
    pub(super) owner: Option<u32>,
    pub(super) acl: Option<&'a str>,
    pub(super) facts: BTreeMap<Attribute, Fact>,
}

impl Catalog {
    /// From now on roles are known.
    pub(super) fn know(&mut self, roles: Roles, oids: &[(u32, String)]) {
        self.by_name = roles.iter().map(|(id, role)| (role.name.clone(), id)).collect();
        self.role_ids =
            oids.iter().filter_map(|(oid, name)| Some((*oid, *self.by_name.get(name)?))).collect();
        self.roles = roles;
    }

    pub(super) fn gap(&mut self, aspect: Aspect, why: impl Into<String>) {
        self.gaps.insert(Gap { aspect, why: why.into() });
    }

    /// The role of `initdb`; every server has it.
    pub(super) fn bootstrap(&self) -> Option<RoleId> {
        self.role_ids.get(&BOOTSTRAP).copied()
    }

    /// A role by oid; 0 is PUBLIC, and none is a role that is gone.
    pub(super) fn grantee(&self, oid: u32) -> Option<Grantee> {
        if oid == 0 { Some(Grantee::Public) } else { self.role_ids.get(&oid).copied().map(Grantee::Role) }
    }

    /// The key of what is in a schema; none for what is in one that is left out.
    pub(super) fn within(&self, kind: Kind, schema: u32, name: &str) -> Option<Key> {
        self.schemas.get(&schema).map(|schema| Key::within(kind, schema, name))
    }

    /// Read an ACL of `of`; items that cannot be read are left out and told.
    pub(super) fn acl(&mut self, text: &str, of: impl Fn() -> String) -> Result<Acl, Unread> {
        if !self.acls.contains_key(text) {
            let by_name = &self.by_name;
            let parsed = Acl::parse_each(text, &mut |name| by_name.get(name).copied())
                .map_err(|error| Unread(error.to_string()))?;
            let mut items = Vec::with_capacity(parsed.len());
            let mut troubles = Vec::new();
            for item in parsed {
                match item {
                    Ok(item) => items.push(item),
                    Err(error) => troubles.push(error.to_string()),
                }
            }
            self.acls.insert(text.into(), (Acl::new(items), troubles));
        }
        let (acl, troubles) = self.acls.get(text).cloned().unwrap_or_default();
        for trouble in troubles {
            self.unread_items += 1;
            if self.unread_items <= TOLD {
                self.gap(Aspect::AclItems, format!("{}: {trouble}", of()));
            }
        }
        Ok(acl)
    }

    /// How many ACL items could not be read and are not told one by one.
    pub(super) const fn untold_items(&self) -> usize {
        self.unread_items.saturating_sub(TOLD)
    }

    /// An ACL as `initdb` or CREATE EXTENSION left it; roles that are gone since then are no matter.
    pub(super) fn initial(&self, address: Address, column: i32) -> Option<Acl> {
        let text = self.initial.get(&(address, column))?;
        let items = Acl::parse_each(text, &mut |name| self.by_name.get(name).copied()).ok()?;
        Some(Acl::new(items.into_iter().flatten().collect()))
    }

    /// Take an object over, unless it is one of `initdb` and as `initdb` made it.
    pub(super) fn add(&mut self, found: Found<'_>) -> Result<(), Unread> {
        let address = found.address;
        let made_by_initdb = address.1 < FIRST_NORMAL && found.owner.is_none_or(|oid| oid == BOOTSTRAP);
        self.add_anyway(found)?;
        let left_alone = made_by_initdb
            && self
                .objects
                .get(&address)
                .is_some_and(|(key, object)| !matters_always(key) && self.as_made(key, object));
        if left_alone {
            self.objects.remove(&address);
        }
        Ok(())
    }

    /// Take an object over.
    pub(super) fn add_anyway(&mut self, found: Found<'_>) -> Result<(), Unread> {
        let Found { address, key, owner, acl, mut facts } = found;
        let acl = acl.map(|acl| self.acl(acl, || key.to_string())).transpose()?;
        let initial = self.initial(address, 0);
        if let Some(extension) = self.members.get(&address).and_then(|oid| self.extensions.get(oid)) {
            facts.insert(Attribute::Extension, Fact::Text(extension.to_string()));
        }
        let owner_id = owner.and_then(|oid| self.role_ids.get(&oid).copied());
        if owner_id.is_none() && owner.is_some() {
            self.gap(Aspect::AclItems, format!("{key}: its owner is gone"));
        }
        let object = Object { owner: owner_id, acl, initial, columns: BTreeMap::new(), facts };
        self.objects.insert(address, (key, object));
        Ok(())
    }

    /// Whether an object of `initdb`'s is granted as `initdb` granted it.
    fn as_made(&self, key: &Key, object: &Object) -> bool {
        let acl = self.in_force(key.kind, object.acl.as_ref());
        let made = self.in_force(key.kind, object.initial.as_ref());
        if acl == made {
            return true;
        }
        // Made after `initdb` noted the initial privileges: everybody may look.
        let information = "information_schema";
        let to_public = match key.schema.as_deref() {
            Some(schema) if schema == information && key.kind.is_relation() => Privilege::Select,
            None if key.kind == Kind::Schema && &*key.name == information => Privilege::Usage,
            Some(_) | None => return false,
        };
        let Some(by) = self.bootstrap() else { return false };
        let look =
            AclItem { to: Grantee::Public, by, privileges: to_public.into(), grantable: Privileges::NONE };
        acl == Acl::new(made.items().iter().copied().chain([look]).collect())
    }

    /// What an ACL of `initdb`'s superuser's object says, NULL being the built-in default.
    fn in_force(&self, kind: Kind, acl: Option<&Acl>) -> Acl {
        let default = || {
            let by = self.bootstrap()?;
            let privileges = self.defaults.get(&kind).copied().unwrap_or_default();
            let item = |to, privileges| AclItem { to, by, privileges, grantable: Privileges::NONE };
            let items = [item(Grantee::Role(by), privileges.owner), item(Grantee::Public, privileges.public)];
            Some(Acl::new(items.into_iter().filter(|item| !item.privileges.is_empty()).collect()))
        };
        acl.cloned().or_else(default).unwrap_or_default()
    }

    /// Set a fact on an object that is there.
    pub(super) fn tell(&mut self, address: Address, attribute: Attribute, fact: Fact) {
        if let Some((_, object)) = self.objects.get_mut(&address) {
            object.facts.insert(attribute, fact);
        }
    }

    /// The key of an object that is there, as text.
    pub(super) fn named(&self, address: Address) -> Option<String> {
        self.objects.get(&address).map(|(key, _)| key.to_string())
    }
}

/// What `initdb` makes and a database may do without, and what has a number that its users choose: `initdb` makes no large
/// object.
fn matters_always(key: &Key) -> bool {
    let name = &*key.name;
    key.kind == Kind::Database
        || key.kind == Kind::Extension
        || key.kind == Kind::LargeObject
        || (key.kind == Kind::Schema && name == "public")
        || (key.kind == Kind::Language && name == "plpgsql")
}

/// The texts of a `text[]`.
pub(super) fn array(text: Option<&str>) -> Result<Vec<String>, Unread> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let elements = acl::elements(text).ok_or_else(|| Unread(format!("{text:?} where an array should be")))?;
    Ok(elements.into_iter().map(std::borrow::Cow::into_owned).collect())
}

/// A switch that is on.
pub(super) fn yes() -> Fact {
    Fact::Text("yes".to_owned())
}

/// The facts that are there.
pub(super) fn facts<const N: usize>(facts: [Option<(Attribute, Fact)>; N]) -> BTreeMap<Attribute, Fact> {
    facts.into_iter().flatten().collect()
}

/// A switch, when it is on.
pub(super) fn switch<const N: usize>(
    row: &Row<'_, N>,
    column: usize,
    attribute: Attribute,
) -> Option<(Attribute, Fact)> {
    row.truth(column).then(|| (attribute, yes()))
}
