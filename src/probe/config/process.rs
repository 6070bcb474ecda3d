//! The environment a running process was started with, found by its command line, its pid file or its unit (proc(5)).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::source::{Source, read};
use crate::model::application::Variables;
use crate::model::trace::VantageError;

/// A process: its number, and its folder in `/proc`.
type Process = (u32, PathBuf);

/// The variables of the processes whose command line matches. Several are fine, workers of one application, say, as long
/// as they were all started with the same variables: otherwise nobody could say whose was read.
pub(super) async fn environment(pattern: Regex) -> Result<Source, VantageError> {
    let trouble = |reason: String| VantageError::Unreadable {
        path: format!("the environment of process /{pattern}/"),
        reason,
    };
    let processes = matching(&pattern).await.map_err(|error| trouble(error.to_string()))?;
    let mut found: Option<Source> = None;
    let mut ids = Vec::new();
    for (id, content) in environments(processes).await? {
        ids.push(id.to_string());
        match &found {
            None => found = Some(Source { name: format!("process {id}"), content, changed: None }),
            Some(first) if sorted(&first.content) == sorted(&content) => {}
            Some(_) => {
                return Err(trouble(format!("processes {} match and differ", ids.join(", "))));
            }
        }
    }
    found.ok_or_else(|| trouble("no process of this host has such a command line".to_owned()))
}

/// The values of these variables in the environment of a running application; all its processes have to agree on them.
/// Nothing else is kept of what was read.
///
/// # Errors
/// `Unreadable`, with what to do, when no process is found, when it may not be read, or when processes differ.
pub(crate) async fn values(
    of: &Variables,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Result<BTreeMap<&'static str, String>, VantageError> {
    let trouble = |reason: String| VantageError::Unreadable { path: of.to_string(), reason };
    let (processes, none) = match of {
        Variables::Vantage => (Ok(Vec::new()), String::new()),
        Variables::Process(pattern) => {
            (matching(&super::compiled(pattern)?).await, "no process of this host has such a command line".to_owned())
        }
        Variables::PidFile(file) => {
            let id = read(file).await.map_err(|reason| unreadable(file, reason))?;
            let id = std::str::from_utf8(&id).ok().and_then(|id| id.trim().parse::<u32>().ok());
            let id = id.ok_or_else(|| unreadable(file, "it holds no process number".to_owned()))?;
            let folder = PathBuf::from(format!("/proc/{id}"));
            let processes = if folder.exists() { vec![(id, folder)] } else { Vec::new() };
            (Ok(processes), format!("process {id} does not run"))
        }
        Variables::Unit(unit) => (of_unit(unit).await, "no process of this host belongs to it".to_owned()),
    };
    let processes = processes.map_err(|error| trouble(error.to_string()))?;
    let mut found: Option<(u32, BTreeMap<&'static str, String>)> = None;
    for (id, content) in environments(processes).await? {
        let source = Source { name: String::new(), content, changed: None };
        let values: BTreeMap<_, _> =
            names.clone().filter_map(|name| Some((name, source.variable(name)?))).collect();
        match &found {
            None => found = Some((id, values)),
            Some((_, first)) if *first == values => {}
            Some((first_id, first)) => {
                let name = names.clone().find(|name| first.get(name) != values.get(name)).unwrap_or_default();
                return Err(trouble(format!(
                    "processes {first_id} and {id} differ in {name}: name the application by a narrower pattern or by its pid file"
                )));
            }
        }
    }
    found.map(|(_, values)| values).ok_or_else(|| trouble(format!("{none}: is the application running?")))
}

/// When each process was started whose command line matches; there is one at least.
pub(super) async fn started(pattern: Regex) -> Result<Vec<(u32, Timestamp)>, VantageError> {
    let trouble =
        |reason: String| VantageError::Unreadable { path: format!("the start of process /{pattern}/"), reason };
    let uptime = read(Path::new("/proc/uptime")).await.map_err(trouble)?;
    let uptime: Option<f64> = std::str::from_utf8(&uptime).ok().and_then(|text| text.split(' ').next()?.parse().ok());
    let uptime = uptime.ok_or_else(|| trouble("/proc/uptime holds no number".to_owned()))?;
    let booted = Timestamp::now() - seconds(uptime);
    let mut found = Vec::new();
    for (id, folder) in matching(&pattern).await.map_err(|error| trouble(error.to_string()))? {
        // It ended between the two looks.
        let Ok(stat) = read(&folder.join("stat")).await else { continue };
        found.extend(since_boot(&String::from_utf8_lossy(&stat)).map(|since| (id, booted + seconds(since))));
    }
    if found.is_empty() {
        return Err(trouble("no process of this host has such a command line: is the application running?".to_owned()));
    }
    Ok(found)
}

/// `starttime` of `proc_pid_stat(5)`, in seconds since the kernel started: the twentieth field after the name, which may hold
/// anything and stands in brackets.
fn since_boot(stat: &str) -> Option<f64> {
    /// `USER_HZ` of every Linux but that of Alpha.
    const TICKS: f64 = 100.0;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(ticks / TICKS)
}

fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The environment of each process that still runs.
async fn environments(processes: Vec<Process>) -> Result<Vec<(u32, Vec<u8>)>, VantageError> {
    let mut found = Vec::new();
    for (id, folder) in processes {
        let path = folder.join("environ");
        match read(&path).await {
            // Of a process that has ended and is not yet waited for, nothing is left.
            Ok(content) if content.is_empty() && command_line(&folder).await.is_none() => {}
            Ok(content) => found.push((id, content)),
            // It ended between the two looks.
            Err(_) if !folder.exists() => {}
            Err(reason) => {
                let reason = format!("{reason}: look as its user, or as root");
                return Err(unreadable(&path, reason));
            }
        }
    }
    Ok(found)
}

fn unreadable(path: &Path, reason: String) -> VantageError {
    VantageError::Unreadable { path: path.display().to_string(), reason }
}

fn sorted(environment: &[u8]) -> Vec<&[u8]> {
    let mut variables: Vec<&[u8]> = environment.split(|&byte| byte == 0).collect();
    variables.sort_unstable();
    variables
}

/// Every other process whose command line, words joined by spaces, matches.
async fn matching(pattern: &Regex) -> std::io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for (id, folder) in others().await? {
        let line = command_line(&folder).await;
        if line.is_some_and(|line| pattern.is_match(&line)) {
            found.push((id, folder));
        }
    }
    Ok(found)
}

/// Every process of a systemd unit: its control group bears the unit's name (systemd.unit(5), cgroups(7)).
async fn of_unit(unit: &str) -> std::io::Result<Vec<Process>> {
    let unit = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    let mut found = Vec::new();
    for (id, folder) in others().await? {
        let groups = read(&folder.join("cgroup")).await.unwrap_or_default();
        let groups = String::from_utf8_lossy(&groups);
        let belongs = groups.lines().any(|line| {
            let path = line.splitn(3, ':').nth(2).unwrap_or_default();
            path.split('/').any(|part| part == unit)
        });
        if belongs {
            found.push((id, folder));
        }
    }
    Ok(found)
}

/// Every process but our own: its command line may well hold the pattern.
async fn others() -> std::io::Result<Vec<Process>> {
    let mut found = Vec::new();
    let mut entries = tokio::fs::read_dir("/proc").await?;
    while let Some(entry) = entries.next_entry().await? {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        found.extend(id.filter(|&id| id != std::process::id()).map(|id| (id, entry.path())));
    }
    Ok(found)
}

/// None for kernel threads, which have no command line, and for processes that have ended.
async fn command_line(folder: &Path) -> Option<String> {
    let bytes = read(&folder.join("cmdline")).await.ok()?;
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let line = String::from_utf8_lossy(words).replace('\0', " ");
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_has_a_start() {
        assert_eq!(since_boot("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 250 9"), Some(2.5));
        assert_eq!(since_boot("7 (a) S 1"), None);
        let began = Timestamp::now();
        let mut child = std::process::Command::new("sleep").arg("30.25").spawn().unwrap();
        let found = started(Regex::new("^sleep 30.25$").unwrap()).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let [(id, at)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(*id, child.id());
        assert!((*at - began).total(jiff::Unit::Second).unwrap().abs() < 2.0, "{at} {began}");
        assert!(started(Regex::new("^no such process$").unwrap()).await.is_err());
    }
}
