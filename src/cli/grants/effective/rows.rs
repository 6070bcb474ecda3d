//! What is shown: a row for each object, and for each column with grants of its own.

use crate::grants::acl::{Acl, Grantee, RoleId};
use crate::grants::map::Selection;
use crate::grants::paths::{Path, Paths, Reach};
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Attribute, Key, Kind, Object};

/// What was asked for; nothing of a kind means all of it.
pub(super) struct Asked {
    pub(super) roles: Vec<RoleId>,
    pub(super) objects: Vec<Selection>,
    /// The most roles times rows to show; roles that were asked for are shown whatever it says.
    pub(super) most: usize,
}

/// What is shown.
pub(super) struct Shown<'p, 'f> {
    pub(super) paths: &'p Paths<'f>,
    pub(super) rows: Vec<Row<'f>>,
    /// The roles that are shown: those asked for, or those that may do more than everybody, superusers aside.
    pub(super) roles: Vec<RoleId>,
    /// Whether roles were asked for by name.
    pub(super) roles_asked: bool,
    /// Roles that may do more than everybody too, and for which there was no room.
    pub(super) roles_left_out: usize,
    /// Objects of extensions and of the server that were left out.
    pub(super) left_out: usize,
    /// By role: its place among `roles`.
    places: Vec<Option<usize>>,
}

/// One object or column.
pub(super) struct Row<'f> {
    pub(super) key: &'f Key,
    pub(super) object: &'f Object,
    pub(super) column: Option<&'f str>,
    /// What everybody may do.
    pub(super) public: Privileges,
    /// By the place of the role among those that are shown.
    may: Vec<Privileges>,
}

/// An object or column that is asked for.
type Wanted<'f> = (&'f Key, &'f Object, Option<&'f str>);

impl<'p, 'f> Shown<'p, 'f> {
    pub(super) fn new(paths: &'p Paths<'f>, asked: &Asked) -> Self {
        let facts = paths.facts();
        let mut wanted: Vec<Wanted<'f>> = Vec::new();
        let mut left_out = 0;
        for (key, object) in facts.objects.iter().filter(|(key, _)| !key.kind.privileges().is_empty()) {
            let selected = asked.objects.iter().any(|selection| selection.matches(key));
            if !selected && !asked.objects.is_empty() {
                continue;
            }
            let of_the_server = |schema: &str| matches!(schema, "pg_catalog" | "information_schema");
            let not_ours =
                object.is(Attribute::Extension) || key.schema.as_deref().is_some_and(of_the_server);
            if not_ours && !selected {
                left_out += 1;
                continue;
            }
            wanted.push((key, object, None));
            let columns = object.columns.iter().filter(|(_, acl)| acl.is_some());
            wanted.extend(columns.map(|(column, _)| (key, object, Some(&**column))));
        }
        let roles_asked = !asked.roles.is_empty();
        let mut roles = if roles_asked { asked.roles.clone() } else { more_than_public(paths, &wanted) };
        let room = asked.most / wanted.len().max(1);
        let roles_left_out = if roles_asked { 0 } else { roles.len().saturating_sub(room) };
        if roles_left_out > 0 {
            let named = named(paths, &wanted);
            // Groups first: through them the others have theirs.
            roles.sort_by_key(|&role| (!named[role.index()], facts.roles.get(role).login, role.index()));
            roles.truncate(room);
            roles.sort_by_key(|role| role.index());
        }
        let mut places = vec![None; facts.roles.len()];
        for (place, role) in roles.iter().enumerate() {
            places[role.index()] = Some(place);
        }
        let row = |(key, object, column): Wanted<'f>| {
            let may = paths.on(key, object, column);
            let may = roles.iter().map(|role| may[role.index()]).collect();
            Row { key, object, column, public: paths.public(key, object, column), may }
        };
        let rows = wanted.into_iter().map(row).collect();
        Self { paths, rows, roles, roles_asked, roles_left_out, left_out, places }
    }

    /// What is said of roles for which there was no room.
    pub(super) fn no_room(&self) -> Option<String> {
        (self.roles_left_out > 0).then(|| {
            format!(
                "{} of {} roles are shown, groups and what is granted to first; for others give \
                 --role NAME or --object NAME",
                self.roles.len(),
                self.roles.len() + self.roles_left_out
            )
        })
    }

    /// What a role that is shown may do.
    pub(super) fn may(&self, row: &Row<'_>, role: RoleId) -> Privileges {
        self.places[role.index()].map_or(Privileges::NONE, |place| row.may[place])
    }

    pub(super) fn name(&self, role: RoleId) -> &'f str {
        self.paths.facts().roles.name(role)
    }

    /// Superusers, to whom nothing is refused.
    pub(super) fn superusers(&self) -> Vec<&'f str> {
        let roles = self.paths.facts().roles.iter();
        roles.filter(|(_, role)| role.superuser).map(|(_, role)| role.name.as_str()).collect()
    }

    /// What of a row is shown for a role: all of it for one that was asked for, else what is more than everybody's.
    pub(super) fn shown(&self, row: &Row<'_>, role: RoleId) -> Privileges {
        let may = self.may(row, role);
        if !self.roles_asked && (may - row.public).is_empty() { Privileges::NONE } else { may }
    }

    pub(super) fn paths(&self, row: &Row<'_>, role: RoleId) -> Vec<Path> {
        self.paths.of(role, self.may(row, role), row.key, row.object, row.column)
    }

    pub(super) fn reach(&self, row: &Row<'_>, role: RoleId) -> Reach {
        // Of the database itself, being refused is part of what is granted.
        if row.key.kind == Kind::Database {
            return Reach { usage: true, connect: true };
        }
        self.paths.reach(role, row.key)
    }

    /// A path in words: `readers -> base (grant)`.
    pub(super) fn words(&self, path: &Path) -> String {
        let chain: Vec<&str> = path.chain.iter().map(|&group| self.name(group)).collect();
        if chain.is_empty() {
            return path.means.words().to_owned();
        }
        format!("through {} ({})", chain.join(" -> "), path.means.words())
    }
}

/// Roles that may do more with something than everybody, superusers aside.
fn more_than_public(paths: &Paths<'_>, wanted: &[Wanted<'_>]) -> Vec<RoleId> {
    let facts = paths.facts();
    let mut more = vec![false; facts.roles.len()];
    for &(key, object, column) in wanted {
        let public = paths.public(key, object, column);
        for (more, may) in more.iter_mut().zip(paths.on(key, object, column)) {
            *more |= !(may - public).is_empty();
        }
    }
    let ordinary = facts.roles.iter().filter(|(id, role)| !role.superuser && more[id.index()]);
    ordinary.map(|(id, _)| id).collect()
}

/// By role: whether it owns something, or is itself granted something.
fn named(paths: &Paths<'_>, wanted: &[Wanted<'_>]) -> Vec<bool> {
    let mut named = vec![false; paths.facts().roles.len()];
    for (_, object, _) in wanted {
        let lists = object.acl.iter().chain(object.columns.values().flatten());
        let granted = lists.flat_map(Acl::items).filter_map(|item| match item.to {
            Grantee::Public => None,
            Grantee::Role(role) => Some(role),
        });
        for role in granted.chain(object.owner) {
            named[role.index()] = true;
        }
    }
    named
}

impl Row<'_> {
    /// `table:shop.orders`, or `table:shop.orders (email)` for a column.
    pub(super) fn label(&self) -> String {
        match self.column {
            None => self.key.to_string(),
            Some(column) => format!("{} ({})", self.key, crate::grants::quote::Name(column)),
        }
    }

    /// What can be granted on it at all.
    pub(super) fn possible(&self) -> Privileges {
        if self.column.is_some() { Kind::Column.privileges() } else { self.key.kind.privileges() }
    }

    /// A set in letters, as ACLs spell them; `all` for everything a server of this version knows.
    pub(super) fn letters(&self, set: Privileges, version: u32) -> String {
        use crate::grants::privilege::Privilege;
        let newer = if version < 17 { Privilege::Maintain.into() } else { Privileges::NONE };
        if set.is_empty() {
            return ".".to_owned();
        }
        if set.covers(self.possible() - newer) && set.iter().count() > 2 {
            return "all".to_owned();
        }
        set.iter().map(Privilege::letter).collect()
    }
}
