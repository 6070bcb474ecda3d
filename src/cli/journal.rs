//! Where a command finds the journal: `--journal` says it, else the plan; to a command that reads no plan, the latest run in
//! this folder, else the plan that lies there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::arguments::{JournalFolder, PlanFiles};
use super::{Shared, load};
use crate::clock;
use crate::journal::{Reading, Store, Team};
use crate::postgres::settings::Written;
use crate::probe::postgres::Postgres;
use crate::probe::{Probe as _, Surroundings};
use crate::secret::{Scrubber, SecretRef};
use crate::verdict::Exit;

/// Where runs are recorded unless something else is said; also what this machine keeps of a team's journal.
const FOLDER: &str = ".gonogo";
/// Which team's journal the latest run in a folder used, for commands that read no plan.
const NOTE: &str = "team.json";
/// Longer notes are none of ours.
const LARGEST: u64 = 64 * 1024;

/// What is kept of a plan's `journal`; never a password.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<SecretRef>,
}

/// The folder on this machine.
pub(super) fn folder(arguments: &JournalFolder) -> PathBuf {
    match &arguments.journal {
        Some(named) if !is_url(named) => named.into(),
        Some(_) | None => FOLDER.into(),
    }
}

/// The journal of a command that reads a plan.
pub(super) fn planned(
    arguments: &JournalFolder,
    journal: Option<&Postgres>,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
) -> Result<Store, Exit> {
    if arguments.journal.is_some() {
        return named(arguments, shared, scrubber);
    }
    keep(journal, shared);
    Ok(match journal {
        Some(login) => return team(login.clone(), shared, scrubber),
        None => Store::new(FOLDER),
    })
}

/// The journal of a command that reads none: that of the latest run in this folder, unless one is named.
pub(super) fn named(
    arguments: &JournalFolder,
    shared: &Shared,
    scrubber: &Arc<Scrubber>,
) -> Result<Store, Exit> {
    let note = match &arguments.journal {
        Some(url) if is_url(url) => {
            super::probe::learn_password(url, scrubber);
            Note { url: url.clone(), password: None }
        }
        Some(folder) => return Ok(Store::new(folder)),
        None => match kept() {
            Ok(Some(note)) => note,
            // A machine on which nothing was run yet: the plan in this folder says it, if it loads.
            Ok(None) => {
                let loaded = load::load(&["gonogo.yaml".into()], &PlanFiles::default(), shared, scrubber);
                let journal = loaded.plan.and_then(|plan| plan.journal);
                return match journal {
                    Some(login) => team(*login, shared, scrubber),
                    None => Ok(Store::new(FOLDER)),
                };
            }
            Err(reason) => {
                let message = format!("{}: {reason}", Path::new(FOLDER).join(NOTE).display());
                shared.terminal.error(&message, Some("say where the journal is: --journal postgres://..."));
                return Err(Exit::Usage);
            }
        },
    };
    let mut login = Postgres::to(Some(note.url), None, None);
    login.password = note.password;
    let databases = indexmap::IndexMap::new();
    match login.bind(&Surroundings { folder: Path::new("."), databases: &databases }).into_iter().next() {
        None => team(login, shared, scrubber),
        Some(problem) => {
            shared.terminal.error(&scrubber.text(&problem.message), problem.help.as_deref());
            Err(Exit::Usage)
        }
    }
}

/// Tell what is not there yet, to whoever reads.
pub(super) fn tell_behind(reading: &Reading, shared: &Shared) {
    if reading.torn > 0 {
        shared.terminal.tell("note: the last line of the journal was never completed; it is left out");
    }
    if let Some(behind) = &reading.behind {
        shared.terminal.tell(&format!("note: {behind}"));
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

fn team(login: Postgres, shared: &Shared, scrubber: &Arc<Scrubber>) -> Result<Store, Exit> {
    if clock::is_set() {
        let help = "rehearse in a folder of your own: --journal DIR";
        shared.terminal.error("a clock that was set by hand has no place in a team's journal", Some(help));
        return Err(Exit::Usage);
    }
    let terminal = shared.terminal;
    let tell = Arc::new(move |text: &str| {
        if terminal.notes {
            terminal.tell(&format!("note: {text}"));
        }
    });
    Ok(Store::of_team(FOLDER, Team::new(login, load::context(shared, scrubber), tell)))
}

/// Keep where the plan's journal is, or that it has none. What cannot be kept has to be named to other commands.
fn keep(journal: Option<&Postgres>, shared: &Shared) {
    let path = Path::new(FOLDER).join(NOTE);
    let Some(Postgres { url: Some(url), password, .. }) = journal else {
        let _ = std::fs::remove_file(path);
        return;
    };
    let in_url = Written::parse(url).is_ok_and(|written| written.password().is_some());
    let reason = if in_url || matches!(password, Some(SecretRef::Literal(_))) {
        "the plan holds its password".to_owned()
    } else {
        match write(&path, &Note { url: url.clone(), password: password.clone() }) {
            Ok(()) => return,
            Err(error) => format!("{} cannot be written: {error}", path.display()),
        }
    };
    shared.terminal.tell(&format!(
        "note: where the journal is could not be kept for other commands ({reason}): name it to them with --journal"
    ));
}

fn write(path: &Path, note: &Note) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
    let mut file = tempfile::NamedTempFile::new_in(FOLDER)?;
    serde_json::to_writer(&mut file, note)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn kept() -> Result<Option<Note>, String> {
    use std::io::Read as _;
    let file = match std::fs::File::open(Path::new(FOLDER).join(NOTE)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map(Some).map_err(|error| error.to_string())
}
