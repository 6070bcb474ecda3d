//! The connection service file: named sets of connection parameters.
//!
//! PostgreSQL 17 documentation, section 34.17 "The Connection Service File".

use std::path::{Path, PathBuf};

use super::{SettingsError, Written, home, read_if_there};
use crate::environment::Environment;
use crate::model::trace::VantageError;

/// Where the system's file is when `PGSYSCONFDIR` does not say: Debian's place, then PostgreSQL's own default.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/usr/local/pgsql/etc"];

/// Complete the values with those of their service, when one is named.
pub(super) fn complete(values: &mut Written, environment: &Environment) -> Result<(), SettingsError> {
    let Some(name) = values.get("service").or_else(|| environment.filled("PGSERVICE")).map(ToOwned::to_owned)
    else {
        return Ok(());
    };
    for (path, needed) in files(values, environment) {
        let text = match read_if_there(&path)? {
            Some(text) => text,
            None if needed => {
                return Err(unusable(&path, "it is named as the service file and is not there").into());
            }
            None => continue,
        };
        if let Some(section) = section(&path, &text, &name)? {
            for (keyword, value) in section {
                values.complete(&keyword, value)?;
            }
            return Ok(());
        }
    }
    Err(SettingsError::BadValue {
        keyword: "service",
        value: name,
        reason: "no service file defines it".to_owned(),
    })
}

/// The user's file, then the system's; whether it has to be there.
fn files(values: &Written, environment: &Environment) -> Vec<(PathBuf, bool)> {
    let named = values.get("servicefile").or_else(|| environment.filled("PGSERVICEFILE"));
    let own = match named {
        Some(path) => Some((PathBuf::from(path), true)),
        None => home(environment).map(|home| (home.join(".pg_service.conf"), false)),
    };
    let folders = match environment.filled("PGSYSCONFDIR") {
        Some(folder) => vec![folder],
        None => SYSTEM_FOLDERS.to_vec(),
    };
    let system = folders.into_iter().map(|folder| (Path::new(folder).join("pg_service.conf"), false));
    own.into_iter().chain(system).collect()
}

/// The pairs of one section; none when the file does not have it.
fn section(path: &Path, text: &str, name: &str) -> Result<Option<Vec<(String, String)>>, VantageError> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if title.strip_suffix(']') == Some(name) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let wrong = |reason: &str| unusable(path, &format!("line {}: {reason}", index + 1));
        if line.starts_with("ldap") {
            return Err(wrong("looking a service up by LDAP is not supported"));
        }
        let (keyword, value) = line.split_once('=').ok_or_else(|| wrong("it is not keyword=value"))?;
        if keyword == "service" {
            return Err(wrong("a service cannot name a service"));
        }
        if super::keyword::find(keyword).is_none() {
            return Err(wrong(&format!("unknown connection parameter `{keyword}`")));
        }
        // The first one wins, as in libpq, which sets only what is not set yet.
        if !pairs.iter().any(|(known, _)| known == keyword) {
            pairs.push((keyword.to_owned(), value.to_owned()));
        }
    }
    Ok(found)
}

fn unusable(path: &Path, reason: &str) -> VantageError {
    VantageError::Setting { setting: path.display().to_string(), reason: reason.to_owned() }
}
