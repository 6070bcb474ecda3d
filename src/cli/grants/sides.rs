//! BEFORE, AFTER and what became of one to be the other: what `diff` and `fix` are given.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Shared;
use super::read;
use crate::grants::comparison::Comparison;
use crate::grants::expect::{Expected, counterpart, renamed, transform};
use crate::grants::map::{Map, Resolved, TargetId};
use crate::grants::snapshot::{Facts, LoadError, Snapshot, load};
use crate::verdict::Exit;

/// Two snapshots, and how the roles and objects of one became those of the other.
#[derive(Debug, Args)]
pub(super) struct Sides {
    /// The snapshot of the database as it was
    #[arg(value_name = "BEFORE")]
    pub(super) before: PathBuf,
    /// The snapshot of the database as it is
    #[arg(value_name = "AFTER")]
    pub(super) after: PathBuf,
    /// What became of BEFORE: the split map
    #[arg(long, value_name = "MAP")]
    map: Option<PathBuf>,
    /// The target of the map that AFTER is; needed when the map has several
    #[arg(long, value_name = "NAME", requires = "map")]
    target: Option<String>,
    /// A role of BEFORE that has another name in AFTER
    #[arg(long, value_name = "OLD=NEW", value_parser = rename, conflicts_with = "map")]
    rename: Vec<(String, String)>,
}

/// What the arguments name, read.
pub(super) struct Read {
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
    map: Option<Map>,
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write it as OLD=NEW".to_owned()),
    }
}

impl Sides {
    /// Read the files; what is wrong with them is told.
    pub(super) fn read(&self, shared: &Shared) -> Result<Read, Exit> {
        let (before, after) = pair(&self.before, &self.after).map_err(|error| {
            shared.terminal.error(&error.to_string(), Some(error.help()));
            Exit::Usage
        })?;
        let map = match &self.map {
            Some(path) => Some(read::map(path, shared)?),
            None => None,
        };
        Ok(Read { before, after, map })
    }

    /// The comparison of these sides; `resolved` is the map's resolution of BEFORE.
    pub(super) fn comparison<'a>(
        &self,
        read: &'a Read,
        resolved: Option<&'a Resolved<'a>>,
        shared: &Shared,
    ) -> Result<Comparison<'a>, Exit> {
        let expected = match (&read.map, resolved) {
            (Some(map), Some(resolved)) => transform(resolved, choose(map, self.target.as_deref(), shared)?),
            _ => under_other_names(&read.before.facts, &self.rename)
                .map_err(|error| usage(&format!("--rename: {error}"), None, shared))?,
        };
        let exceptions = read.map.as_ref().map_or(&[][..], |map| &map.exceptions);
        Ok(Comparison {
            before: &read.before,
            expected,
            after: &read.after,
            exceptions,
            today: crate::clock::today(),
        })
    }
}

/// The target of this name, or the only one.
pub(super) fn choose(map: &Map, target: Option<&str>, shared: &Shared) -> Result<TargetId, Exit> {
    let name = match (target, map.targets()) {
        (Some(name), _) => name,
        (None, [only]) => &only.name,
        (None, targets) => {
            let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            let message = format!("the map has {} targets, and --target says none", targets.len());
            return Err(usage(&message, Some(&format!("choose one: {}", names.join(", "))), shared));
        }
    };
    map.target(name).map_err(|error| usage(&error.to_string(), None, shared))
}

impl Read {
    /// Where the map sends what BEFORE holds; none without a map.
    pub(super) fn resolved(&self, shared: &Shared) -> Result<Option<Resolved<'_>>, Exit> {
        self.map.as_ref().map(|map| read::resolve(map, &self.before.facts, shared)).transpose()
    }
}

pub(super) fn usage(message: &str, help: Option<&str>, shared: &Shared) -> Exit {
    shared.terminal.error(message, help);
    Exit::Usage
}

/// BEFORE with other names for some roles, each of which there must be, and none of which may be taken.
fn under_other_names<'f>(before: &'f Facts, names: &[(String, String)]) -> Result<Expected<'f>, String> {
    if names.is_empty() {
        return Ok(counterpart(before));
    }
    let mut taken: BTreeSet<&str> = before.roles.iter().map(|(_, role)| role.name.as_str()).collect();
    if let Some((old, _)) = names.iter().find(|(old, _)| !taken.remove(old.as_str())) {
        return Err(format!("BEFORE has no role {old:?}, or it is named twice"));
    }
    if let Some((_, new)) = names.iter().find(|(_, new)| !taken.insert(new)) {
        return Err(format!("two roles would be named {new:?}"));
    }
    Ok(renamed(before, &names.iter().cloned().collect()))
}

/// Read two, side by side.
fn pair(before: &Path, after: &Path) -> Result<(Snapshot, Snapshot), LoadError> {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| load(after));
        let before = load(before);
        let after = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((before?, after?))
    })
}
