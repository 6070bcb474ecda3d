//! Who can do what, for programs. They rely on the fields: one may be added, none taken away or renamed.

use schemars::JsonSchema;
use serde::Serialize;

use super::rows::{Row, Shown};
use crate::grants::acl::RoleId;
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::Key;

/// The name of the format.
const FORMAT: &str = "gonogo.grants-effective/1";

/// What `gonogo grants effective --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
struct File<'a> {
    /// Always `gonogo.grants-effective/1`.
    schema: &'static str,
    /// The database's name.
    database: &'a str,
    /// Roles to which nothing is refused.
    superusers: Vec<&'a str>,
    /// Objects of extensions and of the server that were not asked for.
    left_out: usize,
    /// Roles that may do more than everybody too, and for which there was no room: ask for them by name.
    roles_left_out: usize,
    /// An object or column each.
    objects: Vec<Entry<'a>>,
}

/// An object, or a column with grants of its own.
#[derive(Debug, Serialize, JsonSchema)]
struct Entry<'a> {
    /// The object.
    object: &'a Key,
    /// The column; null for the whole object.
    column: Option<&'a str>,
    /// Its owner; null when it has none.
    owner: Option<&'a str>,
    /// What everybody may do.
    public: Privileges,
    /// What roles may do: those asked for, or those that may do more than everybody.
    roles: Vec<Able<'a>>,
}

/// What a role may do.
#[derive(Debug, Serialize, JsonSchema)]
struct Able<'a> {
    /// Its name.
    role: &'a str,
    /// What it may do.
    privileges: Privileges,
    /// Whether it may look into the schema.
    usage: bool,
    /// Whether it may connect to the database.
    connect: bool,
    /// How it comes to that.
    paths: Vec<Way<'a>>,
}

/// One way to privileges.
#[derive(Debug, Serialize, JsonSchema)]
struct Way<'a> {
    /// `superuser`, `owner`, `grant`, `public` or `predefined`.
    means: &'static str,
    /// The groups on the way, the nearest first.
    through: Vec<&'a str>,
    /// What it gives.
    privileges: Privileges,
}

pub(super) fn json(rows: &Shown<'_, '_>) -> String {
    let file = File {
        schema: FORMAT,
        database: &rows.paths.facts().server.database,
        superusers: rows.superusers(),
        left_out: rows.left_out,
        roles_left_out: rows.roles_left_out,
        objects: rows.rows.iter().map(|row| entry(rows, row)).collect(),
    };
    crate::report::json::written(&file)
}

fn entry<'a>(rows: &'a Shown<'_, '_>, row: &'a Row<'_>) -> Entry<'a> {
    let able = |role: RoleId| {
        let through = rows.paths(row, role).into_iter().map(|path| Way {
            means: path.means.as_str(),
            through: path.chain.iter().map(|&group| rows.name(group)).collect(),
            privileges: path.privileges,
        });
        let reach = rows.reach(row, role);
        Able {
            role: rows.name(role),
            privileges: rows.shown(row, role),
            usage: reach.usage,
            connect: reach.connect,
            paths: through.collect(),
        }
    };
    Entry {
        object: row.key,
        column: row.column,
        owner: row.object.owner.map(|owner| rows.name(owner)),
        public: row.public,
        roles: rows
            .roles
            .iter()
            .filter(|&&role| !rows.shown(row, role).is_empty())
            .map(|&role| able(role))
            .collect(),
    }
}

/// JSON Schema (draft 2020-12) of it.
#[cfg(test)]
pub(super) fn schema() -> serde_json::Value {
    crate::model::printed::schema::<File<'static>>(FORMAT)
}
