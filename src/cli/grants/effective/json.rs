//! Who can do what, for programs.

use serde_json::{Value, json};

use super::rows::Shown;
use crate::grants::acl::RoleId;

pub(super) fn json(rows: &Shown<'_, '_>) -> Value {
    let objects: Vec<Value> = rows
        .rows
        .iter()
        .map(|row| {
            let able = rows.roles.iter().filter(|&&role| !rows.shown(row, role).is_empty());
            let roles: Vec<Value> = able
                .map(|&role| {
                    let paths: Vec<Value> = rows
                        .paths(row, role)
                        .iter()
                        .map(|path| {
                            let through: Vec<&str> = path.chain.iter().map(|&group: &RoleId| rows.name(group)).collect();
                            json!({ "means": path.means.as_str(), "through": through, "privileges": path.privileges })
                        })
                        .collect();
                    let reach = rows.reach(row, role);
                    json!({
                        "role": rows.name(role), "privileges": rows.shown(row, role), "usage": reach.usage,
                        "connect": reach.connect, "paths": paths,
                    })
                })
                .collect();
            json!({
                "object": row.key, "column": row.column, "owner": row.object.owner.map(|owner| rows.name(owner)),
                "public": row.public, "roles": roles,
            })
        })
        .collect();
    json!({
        "schema": "gonogo.grants-effective/1", "database": rows.paths.facts().server.database,
        "superusers": rows.superusers(), "left_out": rows.left_out, "objects": objects,
    })
}
