//! The password file: `hostname:port:database:username:password`, first match wins.
//!
//! PostgreSQL 17 documentation, section 34.16 "The Password File".

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Place, SOCKET_FOLDERS, Written, home, read_if_there};
use crate::environment::Environment;
use crate::model::trace::VantageError;
use crate::secret::Secret;

/// The lines of a password file.
pub(super) struct Passwords {
    lines: Vec<String>,
}

/// The file that is named, or `~/.pgpass`; none when it is not there.
///
/// # Errors
/// When it cannot be used: others may read it, say. libpq then goes on without it, and so should the caller.
pub(super) fn read(values: &Written, environment: &Environment) -> Result<Option<Passwords>, VantageError> {
    let named = values.get("passfile").map(PathBuf::from);
    let Some(path) = named.or_else(|| home(environment).map(|home| home.join(".pgpass"))) else {
        return Ok(None);
    };
    let Some(text) = read_if_there(&path)? else { return Ok(None) };
    let mode = std::fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        return Err(VantageError::Setting {
            setting: path.display().to_string(),
            reason: format!("others may read it (mode {mode:04o}; it has to be 0600)"),
        });
    }
    Ok(Some(Passwords { lines: text.lines().map(ToOwned::to_owned).collect() }))
}

impl Passwords {
    pub(super) fn find(&self, place: &Place, database: &str, user: &str) -> Option<Secret> {
        let (host, port) = searched(place);
        let wanted = [host.as_str(), port.as_str(), database, user];
        self.lines.iter().find_map(|line| entry(line, &wanted)).map(Secret::new)
    }
}

/// Host and port as they stand in the file; the default socket folder is `localhost`.
fn searched(place: &Place) -> (String, String) {
    match place {
        Place::Tcp { host, port, .. } => (host.clone(), port.to_string()),
        Place::Socket { path } => {
            let (folder, port) = path.rsplit_once("/.s.PGSQL.").unwrap_or((path, ""));
            let host = if SOCKET_FOLDERS.contains(&folder) { "localhost" } else { folder };
            (host.to_owned(), port.to_owned())
        }
    }
}

/// The password of a line whose first four fields match.
fn entry(line: &str, wanted: &[&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for value in wanted {
        let (field, raw, after) = field(rest)?;
        if raw != "*" && field != *value {
            return None;
        }
        rest = after;
    }
    let mut password = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => password.extend(characters.next()),
            character => password.push(character),
        }
    }
    (!password.is_empty()).then_some(password)
}

/// One field, unescaped and as written, and what follows its colon.
fn field(text: &str) -> Option<(String, &str, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            ':' => return Some((value, &text[..index], &text[index + 1..])),
            '\\' => value.extend(characters.next().map(|(_, character)| character)),
            character => value.push(character),
        }
    }
    None
}
