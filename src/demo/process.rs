//! Servers as child processes in a group of their own, ended with it whatever happens.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt as _;

use super::DemoError;

/// How long a server may take to stop when asked kindly.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the program `$1...`, and stops it with the signal `$0` when standard input ends: nobody but us holds the other
/// end, so that no server outlives a demo that was killed.
const GUARD: &str = r#"exec 3<&0; { cat <&3 >/dev/null; kill -s "$0" $$; } & exec "$@" 3<&-"#;

/// A command for a program that ends when we do; to be stopped with `stop`.
pub(super) fn guarded(program: impl AsRef<OsStr>, stop: Signal) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", GUARD, stop.as_str().trim_start_matches("SIG")]).arg(program);
    command
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    name: String,
    child: Child,
    /// How it is asked to stop.
    stop: Signal,
    log: PathBuf,
}

impl Server {
    /// Start `command`, its output going to `log`.
    pub(super) fn start(
        name: &str,
        mut command: Command,
        stop: Signal,
        log: &Path,
    ) -> Result<Self, DemoError> {
        let write = |source| DemoError::Write { path: log.to_owned(), source };
        let output = File::create(log).map_err(write)?;
        let errors = output.try_clone().map_err(write)?;
        // A group of its own: Ctrl-C reaches us alone, and we stop it in order.
        command.process_group(0).stdin(Stdio::piped()).stdout(output).stderr(errors);
        let child = command
            .spawn()
            .map_err(|error| DemoError::Program { program: name.to_owned(), reason: error.to_string() })?;
        Ok(Self { name: name.to_owned(), child, stop, log: log.to_owned() })
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error when it has ended by itself.
    pub(super) fn still_runs(&mut self) -> Result<(), DemoError> {
        let reason = match self.child.try_wait() {
            Ok(None) => return Ok(()),
            Ok(Some(status)) => format!("it ended with {status}: {}", self.last_words()),
            Err(error) => error.to_string(),
        };
        Err(DemoError::Program { program: self.name.clone(), reason })
    }

    /// Wait until `probe` works, at most `seconds`.
    pub(super) async fn up<E: std::fmt::Display>(
        &mut self,
        seconds: u64,
        probe: impl AsyncFn() -> Result<(), E>,
    ) -> Result<(), DemoError> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            self.still_runs()?;
            let reason = match tokio::time::timeout(Duration::from_secs(2), probe()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() > deadline {
                return Err(DemoError::NotUp { what: self.name.clone(), seconds, reason });
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The end of its log, on one line.
    fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let end = &text[text.len().saturating_sub(1000)..];
        let text = String::from_utf8_lossy(end);
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(id) = i32::try_from(self.child.id()) else { return };
        let id = Pid::from_raw(id);
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(id, self.stop);
            let asked = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // Also what it started; PostgreSQL's own processes leave when their postmaster is gone.
        let _ = killpg(id, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
