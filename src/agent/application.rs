//! A far side in the place of an application: its user with all its groups, and the variables its process was started with.
//!
//! Both are settled before anything else runs: groups belong to the whole process, and the C library and the trust store
//! read the variables of the process itself.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nix::unistd::{Uid, User};

use crate::environment::{Environment, PROXIES, TRUST_AND_NAMES};
use crate::json;
use crate::model::application::AsApplication;
use crate::model::trace::VantageError;
use crate::probe::config::process;

/// Our own program, wherever it is: nobody needs a way to its folder for that.
const OURSELVES: &str = "/proc/self/exe";

/// How the far side is told as whom to look; a pattern in clear would match the far side's own command line.
#[must_use]
pub fn written(who: &AsApplication) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json::line(who).unwrap_or_default())
}

/// Read what [`written`] wrote.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<AsApplication, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// What came of [`enter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// This process is in the application's place.
    Here,
    /// Another one was, and has ended well or not.
    Ended(bool),
}

/// Put this process in the application's place, by becoming another one where need be. The folder it was brought in is
/// removed by who brought it: this process stays as it is until another user's has ended. Has to come before any thread is
/// started.
///
/// # Errors
/// Why that cannot be, and what to do. An application that cannot be found is none: each look tells it.
pub fn enter(
    who: &AsApplication,
    environment: &Environment,
    folder: Option<&Path>,
) -> Result<Entered, String> {
    let mut own = BTreeMap::new();
    if let Some(name) = &who.user {
        let user = found(name)?;
        if nix::unistd::geteuid() != user.uid {
            if folder.is_some() {
                let status = again(who).status().map_err(|error| not_again(&error))?;
                return Ok(Entered::Ended(status.success()));
            }
            return Err(become_user(who, &user));
        }
        own.insert("HOME", user.dir.display().to_string());
        own.insert("USER", user.name.clone());
        own.insert("LOGNAME", user.name);
    }
    let mut again = again(who);
    if let Some(folder) = folder {
        again.arg("--remove").arg(folder);
    }
    let mut differs = false;
    for (name, value) in own {
        differs |= environment.get(name) != Some(&value);
        again.env(name, value);
    }
    if let Ok(Some(values)) = once(variables(who)) {
        for name in names() {
            differs |= environment.get(name) != values.get(name).map(String::as_str);
            match values.get(name) {
                Some(value) => again.env(name, value),
                None => again.env_remove(name),
            };
        }
    }
    if !differs {
        return Ok(Entered::Here);
    }
    // Only what was missing has changed: it is not missing the next time.
    Err(not_again(&again.exec()))
}

/// Our own program, to look as this application.
fn again(who: &AsApplication) -> Command {
    let mut command = Command::new(OURSELVES);
    command.arg0("gonogo").args(["__agent", "--as", &written(who)]);
    command
}

fn not_again(error: &std::io::Error) -> String {
    format!("cannot start ourselves again: {error}")
}

/// Whether this process has the variables that the application has now: it may have been started anew with others.
///
/// # Errors
/// `Unreadable`, when they cannot be told.
pub async fn is_current(who: &AsApplication, environment: &Environment) -> Result<bool, VantageError> {
    let values = variables(who).await?;
    let same = |values: BTreeMap<&str, String>| {
        names().all(|name| environment.get(name) == values.get(name).map(String::as_str))
    };
    Ok(values.is_none_or(same))
}

/// Variables that are taken of an application; everything else in its environment may be a secret of its own.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    PROXIES.into_iter().chain(TRUST_AND_NAMES)
}

/// Those of the running application; none when the vantage's own are wanted.
async fn variables(who: &AsApplication) -> Result<Option<BTreeMap<&'static str, String>>, VantageError> {
    if !who.environment.are_of_process() {
        return Ok(None);
    }
    process::values(&who.environment, names()).await.map(Some)
}

/// Do this now, without any thread that stays.
fn once<T>(work: impl Future<Output = Result<T, VantageError>>) -> Result<T, VantageError> {
    let internal = |error: std::io::Error| VantageError::Internal { reason: error.to_string() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(internal)?;
    runtime.block_on(work)
}

fn found(name: &str) -> Result<User, String> {
    let by_number = || name.parse().ok().and_then(|id| User::from_uid(Uid::from_raw(id)).ok().flatten());
    let user =
        User::from_name(name).map_err(|error| format!("the user {name} cannot be looked up: {error}"))?;
    user.or_else(by_number)
        .ok_or_else(|| format!("there is no user {name} there: name the one the application runs as"))
}

/// Become this user; comes back only with why that cannot be.
fn become_user(who: &AsApplication, user: &User) -> String {
    let name = &user.name;
    if !nix::unistd::geteuid().is_root() {
        let program = std::env::current_exe().unwrap_or_else(|_| OURSELVES.into());
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "-u", name, "--"]).arg(&program).args(["__agent", "--as", &written(who)]);
        let error = sudo.exec();
        return format!(
            "not root there, and sudo cannot be started ({error}): let the vantage be root or {name}, or allow \
             `sudo -n -u {name} {}`",
            program.display()
        );
    }
    let settled = CString::new(name.as_str()).map_err(|error| error.to_string()).and_then(|name| {
        // Groups first: without root they can no longer be set.
        nix::unistd::initgroups(&name, user.gid)
            .and_then(|()| nix::unistd::setgid(user.gid))
            .and_then(|()| nix::unistd::setuid(user.uid))
            .map_err(|error| error.to_string())
    });
    if let Err(error) = settled {
        return format!("cannot become {name}: {error}");
    }
    let error = again(who).exec();
    format!(
        "{name} may not run our program there ({error}): bring gonogo where all may run it and name it with `program:`"
    )
}
