//! What is shown: a row for each object, and for each column with grants of its own.

use crate::grants::acl::RoleId;
use crate::grants::map::Selection;
use crate::grants::paths::{Path, Paths, Reach};
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Attribute, Key, Kind, Object};

/// What was asked for; nothing of a kind means all of it.
pub(super) struct Asked {
    pub(super) roles: Vec<RoleId>,
    pub(super) objects: Vec<Selection>,
}

/// What is shown.
pub(super) struct Shown<'p, 'f> {
    pub(super) paths: &'p Paths<'f>,
    pub(super) rows: Vec<Row<'f>>,
    /// The roles that are shown: those asked for, or those that may do more than everybody, superusers aside.
    pub(super) roles: Vec<RoleId>,
    /// Whether roles were asked for by name.
    pub(super) roles_asked: bool,
    /// Objects of extensions and of the server that were left out.
    pub(super) left_out: usize,
}

/// One object or column.
pub(super) struct Row<'f> {
    pub(super) key: &'f Key,
    pub(super) object: &'f Object,
    pub(super) column: Option<&'f str>,
    /// What everybody may do.
    pub(super) public: Privileges,
    /// By role.
    pub(super) may: Vec<Privileges>,
}

impl<'p, 'f> Shown<'p, 'f> {
    pub(super) fn new(paths: &'p Paths<'f>, asked: &Asked) -> Self {
        let facts = paths.facts();
        let mut rows = Vec::new();
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
            let mut add = |column: Option<&'f str>| {
                let public = paths.public(key, object, column);
                rows.push(Row { key, object, column, public, may: paths.on(key, object, column) });
            };
            add(None);
            object.columns.iter().filter(|(_, acl)| acl.is_some()).for_each(|(column, _)| add(Some(column)));
        }
        let says_more =
            |id: &RoleId| rows.iter().any(|row: &Row<'_>| !(row.may[id.index()] - row.public).is_empty());
        let ordinary = facts.roles.iter().filter(|(_, role)| !role.superuser).map(|(id, _)| id);
        let roles_asked = !asked.roles.is_empty();
        let roles = if roles_asked { asked.roles.clone() } else { ordinary.filter(says_more).collect() };
        Self { paths, rows, roles, roles_asked, left_out }
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
        let may = row.may[role.index()];
        if !self.roles_asked && (may - row.public).is_empty() { Privileges::NONE } else { may }
    }

    pub(super) fn paths(&self, row: &Row<'_>, role: RoleId) -> Vec<Path> {
        self.paths.of(role, row.key, row.object, row.column)
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
