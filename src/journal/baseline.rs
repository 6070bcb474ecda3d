//! The baseline: what every check showed from every place when all was well. Later runs are compared with it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::JournalError;
use super::event::Expected;
use super::folder::{make_folder, sync_folder};
use crate::json;
use crate::model::examination::Before;
use crate::model::outline::{CheckId, VantageId};
use crate::model::trace::Trace;

/// The version of the file's format.
const VERSION: u32 = 1;
/// Larger files are not read.
const LARGEST: u64 = 256 * 1024 * 1024;
/// The file's name, in the journal's folder.
const NAME: &str = "baseline.json";

/// What was recorded, by check and vantage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    rows: HashMap<Expected, Before>,
}

/// One check from one place, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The check.
    pub check: CheckId,
    /// Where it was looked from.
    pub vantage: VantageId,
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub trace: Trace,
}

#[derive(Serialize, Deserialize)]
struct Written {
    gonogo_baseline: u32,
    rows: Vec<Recorded>,
}

/// Read first, so that a newer file is told from a broken one.
#[derive(Deserialize)]
struct Version {
    gonogo_baseline: u32,
}

impl Baseline {
    /// What was recorded in a journal's folder; nothing when nothing was.
    ///
    /// # Errors
    /// `Io`, `Newer`, `Corrupt`: a baseline that cannot be read is never taken for none.
    pub(super) fn read(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(JournalError::io("read", &path, &error)),
        };
        let corrupt = |reason: String| JournalError::Corrupt { path: path.clone(), line: 1, reason };
        let mut text = String::new();
        let read = file.take(LARGEST).read_to_string(&mut text);
        read.map_err(|error| JournalError::io("read", &path, &error))?;
        let version: Version =
            serde_json::from_str(&text).map_err(|error| corrupt(format!("this is no baseline: {error}")))?;
        if version.gonogo_baseline > VERSION {
            return Err(JournalError::Newer { path, found: version.gonogo_baseline, known: VERSION });
        }
        let written: Written = serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
        Ok(written.rows.into_iter().collect())
    }

    /// What was recorded, as it is kept.
    ///
    /// # Errors
    /// `Io`, when it cannot be written down.
    pub(super) fn written(folder: &Path, rows: Vec<Recorded>) -> Result<String, JournalError> {
        let written = Written { gonogo_baseline: VERSION, rows };
        json::line(&written).map_err(|error| JournalError::io("write", &folder.join(NAME), &error.into()))
    }

    /// Keep this text, in place of what was kept before.
    ///
    /// # Errors
    /// `Io`; what was kept before is then still there.
    pub(super) fn keep(folder: &Path, text: &str) -> Result<(), JournalError> {
        let path = folder.join(NAME);
        let io = |error: &std::io::Error| JournalError::io("write", &path, error);
        make_folder(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| io(&error))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| io(&error))?;
        file.persist(&path).map_err(|error| io(&error.error))?;
        sync_folder(folder)
    }

    /// When it was recorded; nothing when it was not.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.rows.values().map(|before| before.at).max()
    }

    /// What one check showed from one place.
    #[must_use]
    pub fn of(&self, expected: &Expected) -> Option<&Before> {
        self.rows.get(expected)
    }
}

impl FromIterator<Recorded> for Baseline {
    fn from_iter<I: IntoIterator<Item = Recorded>>(rows: I) -> Self {
        let row =
            |Recorded { check, vantage, at, trace }| (Expected { check, vantage }, Before { at, trace });
        Self { rows: rows.into_iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::trace::Ended;

    fn recorded() -> Recorded {
        let trace = Trace { observations: Vec::new(), ended: Ended::Complete };
        Recorded { check: "shop".into(), vantage: "here".into(), at: Timestamp::UNIX_EPOCH, trace }
    }

    #[test]
    fn what_is_kept_is_read_again_and_nothing_is_an_empty_baseline() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Baseline::read(folder.path()).unwrap(), Baseline::default());
        let text = Baseline::written(folder.path(), vec![recorded()]).unwrap();
        Baseline::keep(folder.path(), &text).unwrap();
        let read = Baseline::read(folder.path()).unwrap();
        let key = Expected { check: "shop".into(), vantage: "here".into() };
        assert_eq!(read.of(&key).unwrap().at, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn a_newer_one_and_a_broken_one_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "{\"gonogo_baseline\": 2, \"lines\": []}").unwrap();
        assert!(matches!(Baseline::read(folder.path()), Err(JournalError::Newer { found: 2, .. })));
        fs::write(&path, "{\"gonogo_baseline\": 1, \"rows\": [{]").unwrap();
        assert!(matches!(Baseline::read(folder.path()), Err(JournalError::Corrupt { .. })));
    }
}
