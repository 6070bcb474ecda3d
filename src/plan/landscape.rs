//! What the release is made of: applications, databases and the systems they need, and from when each is up.

use super::draft::Draft;
use super::due::Stages;
use super::load::Loading;
use crate::file::written::Names;
use crate::model::outline::{Piece, PieceKind, VantageId};

/// Everything of the plan, in the order of the file: apps, databases, systems.
pub(super) fn pieces(loading: &Loading<'_>, draft: &Draft, stages: &Stages) -> Vec<Piece> {
    let up_from = |node| loading.tree.get_text(node, "up_from").and_then(|id| stages.index(id)).unwrap_or(0);
    let vantages = |names: &Names| names.0.iter().map(|name| VantageId::from(name.as_str())).collect();
    let apps = draft.apps.iter().map(|(id, item)| {
        let app = item.value.as_ref();
        Piece {
            kind: PieceKind::App,
            id: id.clone(),
            up_from: up_from(item.node),
            owner: app.and_then(|app| app.owner.clone()),
            runs_on: app.and_then(|app| app.runs_on.as_ref()).map_or_else(Vec::new, vantages),
        }
    });
    let databases = draft.databases.iter().map(|(id, item)| Piece {
        kind: PieceKind::Database,
        id: id.clone(),
        up_from: up_from(item.node),
        owner: item.value.as_ref().and_then(|database| database.owner.clone()),
        runs_on: item
            .value
            .as_ref()
            .and_then(|database| database.runs_on.as_ref())
            .map_or_else(Vec::new, vantages),
    });
    let systems = draft.systems.iter().map(|(id, item)| Piece {
        kind: PieceKind::System,
        id: id.clone(),
        up_from: up_from(item.node),
        owner: item.value.as_ref().and_then(|system| system.owner.clone()),
        runs_on: item
            .value
            .as_ref()
            .and_then(|system| system.runs_on.as_ref())
            .map_or_else(Vec::new, vantages),
    });
    apps.chain(databases).chain(systems).collect()
}
