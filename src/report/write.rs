//! Puts rendered reports into a folder: each is replaced as a whole or not at all, and one that fails stops no other.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Rendered;

/// Permission bits of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Default for Mode {
    /// Only the owner: reports name hosts and accounts.
    fn default() -> Self {
        Self(0o600)
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Self(mode)),
            Ok(_) | Err(_) => Err(format!("`{text}` is not a file mode, such as `644`")),
        }
    }
}

/// Files written at once: a plan may have a thousand stages.
const AT_ONCE: usize = 4;

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct WriteFailure {
    /// What we were doing.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's words.
    pub source: io::Error,
}

/// Write every report into `folder`, which is made when it is not there.
///
/// Each text goes to a new file beside its place, is synced, and takes the place in one step: a reader sees the old
/// file or the new one, and a link that somebody put there is replaced, never followed. JUnit files of stages that
/// this run has not begun are taken away: a reader of `TEST-*.xml` would count an old GO.
#[must_use]
pub fn write(folder: &Path, mode: Mode, reports: &[Rendered]) -> Vec<WriteFailure> {
    if let Err(source) = DirBuilder::new().recursive(true).mode(0o755).create(folder) {
        return vec![WriteFailure { action: "create", path: folder.to_owned(), source }];
    }
    let mut failures = remove_old_stages(folder, reports);
    // Each waits for the disk on its own.
    failures.extend(std::thread::scope(|scope| {
        let shares = reports.chunks(reports.len().div_ceil(AT_ONCE).max(1));
        let write_all = |share: &[Rendered]| -> Vec<WriteFailure> {
            share.iter().filter_map(|report| write_one(folder, mode, report).err()).collect()
        };
        let threads: Vec<_> = shares.map(|share| scope.spawn(move || write_all(share))).collect();
        let ended = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.collect::<Vec<_>>()
    }));
    if let Err(source) = File::open(folder).and_then(|folder| folder.sync_all()) {
        failures.push(WriteFailure { action: "sync", path: folder.to_owned(), source });
    }
    failures
}

/// Remove the JUnit files of stages that are not among the reports.
fn remove_old_stages(folder: &Path, reports: &[Rendered]) -> Vec<WriteFailure> {
    let failure = |action, path: PathBuf, source| WriteFailure { action, path, source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) => return vec![failure("read", folder.to_owned(), source)],
    };
    let old = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        super::junit::is_stage_file(&name) && !reports.iter().any(|report| report.name == name)
    });
    let removed = old.filter_map(|entry| {
        let source = std::fs::remove_file(entry.path()).err()?;
        Some(failure("remove", entry.path(), source))
    });
    removed.collect()
}

fn write_one(folder: &Path, mode: Mode, report: &Rendered) -> Result<(), WriteFailure> {
    replace(&folder.join(&report.name), mode, report.text.as_bytes())
}

/// Write one file: a new one beside its place, synced, takes the place in one step.
///
/// # Errors
/// When the system says no; the old file is then as it was.
pub fn replace(place: &Path, mode: Mode, text: &[u8]) -> Result<(), WriteFailure> {
    let failure = |action, path: &Path, source| WriteFailure { action, path: path.to_owned(), source };
    let Some(name) = place.file_name() else {
        return Err(failure("write", place, io::Error::from(io::ErrorKind::IsADirectory)));
    };
    // The process id and a random part: two runs into one folder do not meet.
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random)
        .map_err(|error| failure("name a file beside", place, io::Error::other(error)))?;
    let unique = u32::from_ne_bytes(random);
    let beside =
        place.with_file_name(format!(".{}.{}-{unique:08x}", name.to_string_lossy(), std::process::id()));
    let filled = fill(&beside, mode, text);
    let done = filled
        .map_err(|source| failure("write", place, source))
        .and_then(|()| std::fs::rename(&beside, place).map_err(|source| failure("replace", place, source)));
    if done.is_err() {
        // It may not be there; the first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    done
}

fn fill(path: &Path, mode: Mode, text: &[u8]) -> io::Result<()> {
    // `create_new` is O_EXCL: it fails on a link that is already there (open(2)).
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.set_permissions(Permissions::from_mode(mode.0))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, text: &str) -> Rendered {
        Rendered { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_report_replaces_the_old_one_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "mine").unwrap();
        std::fs::create_dir_all(&out).unwrap();
        std::os::unix::fs::symlink(&outside, out.join("result.json")).unwrap();

        assert!(write(&out, Mode::default(), &[report("result.json", "one")]).is_empty());
        assert!(write(&out, Mode(0o640), &[report("result.json", "two")]).is_empty());

        let written = out.join("result.json");
        assert_eq!(std::fs::read_to_string(&outside).unwrap(), "mine");
        assert_eq!(std::fs::read_to_string(&written).unwrap(), "two");
        let about = std::fs::symlink_metadata(&written).unwrap();
        assert!(about.is_file());
        assert_eq!(about.permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn one_report_that_fails_stops_no_other() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("summary.txt/in-the-way")).unwrap();
        let reports = [report("summary.txt", "one"), report("result.json", "two")];
        let failures = write(folder.path(), Mode::default(), &reports);
        assert_eq!(failures.len(), 1);
        assert!(failures[0].to_string().contains("summary.txt"), "{}", failures[0]);
        assert_eq!(std::fs::read_to_string(folder.path().join("result.json")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn files_of_stages_not_begun_are_taken_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["TEST-gonogo-night-app1.xml", "TEST-gonogo-night-app2.xml", "TEST-other.xml", "notes.txt"]
        {
            std::fs::write(folder.path().join(name), "old").unwrap();
        }
        assert!(
            write(folder.path(), Mode::default(), &[report("TEST-gonogo-night-app2.xml", "new")]).is_empty()
        );
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        assert_eq!(left, ["TEST-gonogo-night-app2.xml", "TEST-other.xml", "notes.txt"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_one_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let failures = write(&file.join("out"), Mode::default(), &[report("a", ""), report("b", "")]);
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].action, "create");
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!("644".parse(), Ok(Mode(0o644)));
        assert!("888".parse::<Mode>().is_err() && "7777".parse::<Mode>().is_err());
    }
}
