//! Folders that are there after a crash.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::JournalError;

/// Make it, for nobody else to read, and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| JournalError::io("create", path, &error))
}

/// What was created or renamed in it is on the disk when this returns.
pub(super) fn sync_folder(path: &Path) -> Result<(), JournalError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| JournalError::io("sync", path, &error))
}
