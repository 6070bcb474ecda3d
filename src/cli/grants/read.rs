//! Snapshots and maps from their files, for every subcommand; what is wrong with one is told.

use std::path::Path;

use super::super::Shared;
use crate::grants::map::{self, Map, Resolved};
use crate::grants::snapshot::{self, Facts, Snapshot};
use crate::plan::{Diagnostic, render_all};
use crate::verdict::Exit;

/// Read a snapshot; what is wrong with it is told.
pub(super) fn snapshot(path: &Path, shared: &Shared) -> Result<Snapshot, Exit> {
    snapshot::load(path).map_err(|error| {
        shared.terminal.error(&error.to_string(), Some(error.help()));
        Exit::Usage
    })
}

/// Read a split map; its mistakes and warnings are told.
pub(super) fn map(path: &Path, shared: &Shared) -> Result<Map, Exit> {
    let loaded = map::load(path, crate::clock::today());
    tell(&loaded.diagnostics, shared);
    loaded.map.ok_or(Exit::Usage)
}

/// Hold a map against a snapshot; what does not fit is told.
pub(super) fn resolve<'m>(map: &'m Map, before: &'m Facts, shared: &Shared) -> Result<Resolved<'m>, Exit> {
    map.resolve(before).map_err(|diagnostics| {
        tell(&diagnostics, shared);
        Exit::Usage
    })
}

fn tell(diagnostics: &[Diagnostic], shared: &Shared) {
    if !diagnostics.is_empty() {
        shared.terminal.tell(&render_all(diagnostics, shared.terminal.color_err));
    }
}
