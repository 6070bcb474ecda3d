//! One child process in a process group of its own: started, fed, read within bounds, ended with its whole group.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

use crate::environment::Environment;
use crate::model::fact::Fact;
use crate::model::trace::{Trouble, VantageError};
use crate::secret::Scrubber;

/// Variables of our environment that a program gets; everything else may hold secrets that are none of its business.
const INHERITED: [&str; 9] =
    ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME"];

/// What a program gets of our environment.
pub(crate) fn inherited(environment: &Environment) -> Vec<(String, String)> {
    let ours =
        INHERITED.iter().filter_map(|&name| Some((name.to_owned(), environment.get(name)?.to_owned())));
    ours.collect()
}

/// Bytes kept of each output; the rest is read and dropped, so that the program is never stopped by a full pipe.
pub(crate) const KEPT: usize = 64 * 1024;
/// Bytes of each output that go into the trace.
const EXCERPT: usize = 2048;
/// How long to read on after the end, when something it left behind still holds its output open.
const GRACE: Duration = Duration::from_millis(300);

/// What to start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) argv: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) stdin: Option<String>,
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Group,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// The first bytes of an output.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    /// More came than is kept.
    pub(crate) cut: bool,
}

/// The process group whose leader is a child of ours: killed as a whole when dropped, unless it was released.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group of a child that was started as the leader of its own.
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// Its leader has ended by itself: what it left running on purpose, such as a service, is not ours to kill.
    pub(crate) const fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // ESRCH says that nothing is left to kill, which is what we want.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Process {
    /// Start it. Whatever goes wrong here is ours: nothing was learnt about the target.
    pub(crate) fn start(start: &Start) -> Result<Self, VantageError> {
        let Some((program, arguments)) = start.argv.split_first() else {
            return Err(VantageError::Start {
                program: String::new(),
                reason: "no program is named".to_owned(),
            });
        };
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if start.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &start.directory {
            // Asked first, because a missing folder and a missing program are the same ENOENT.
            let known = std::fs::metadata(directory).map_err(|error| error.to_string());
            let known = known.and_then(|found| found.is_dir().then_some(()).ok_or("not a folder".to_owned()));
            known.map_err(|reason| VantageError::Unreadable {
                path: directory.display().to_string(),
                reason,
            })?;
            command.current_dir(directory);
        }
        let child = command
            .spawn()
            .map_err(|error| VantageError::Start { program: program.clone(), reason: error.to_string() })?;
        let group = Group::of(&child);
        Ok(Self { child, group })
    }

    /// Feed it, read it, wait for its end. Dropping the future ends the program and all it started.
    pub(crate) async fn finish(mut self, stdin: Option<&String>) -> Result<Finished, Trouble> {
        let mut stdout = Output::default();
        let mut stderr = Output::default();
        let feeding = feed(self.child.stdin.take(), stdin.map_or(&[][..], |text| text.as_bytes()));
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let status = {
            let streams = async { tokio::join!(feeding, stdout.fill(out), stderr.fill(err)) };
            tokio::pin!(streams);
            let mut at_end = false;
            let status = loop {
                tokio::select! {
                    _ = &mut streams, if !at_end => at_end = true,
                    status = self.child.wait() => break status,
                }
            };
            if !at_end {
                let _ = tokio::time::timeout(GRACE, &mut streams).await;
            }
            status
        };
        self.group.release();
        let status = status.map_err(|error| {
            Trouble::Blind(VantageError::Internal { reason: format!("waiting for the program: {error}") })
        })?;
        Ok(Finished { status, stdout, stderr })
    }
}

/// A program that does not read its input is not at fault: EPIPE is left to its exit code.
async fn feed(pipe: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut pipe) = pipe
        && pipe.write_all(bytes).await.is_ok()
    {
        let _ = pipe.shutdown().await;
    }
}

impl Output {
    async fn fill(&mut self, source: Option<impl AsyncRead + Unpin>) {
        let Some(mut source) = source else { return };
        let mut chunk = vec![0; 8192];
        loop {
            match source.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    let room = KEPT - self.bytes.len();
                    self.bytes.extend_from_slice(&chunk[..read.min(room)]);
                    self.cut |= read > room;
                }
            }
        }
    }

    /// The output as text, less one trailing line break.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    }
}

impl Finished {
    /// The exit code; none when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// How it ended, and nothing of what it printed.
    pub(crate) fn without_outputs(self) -> Self {
        Self { stdout: Output::default(), stderr: Output::default(), ..self }
    }

    pub(crate) fn fact(&self, scrubber: &Scrubber) -> Fact {
        Fact::Exited {
            code: self.code(),
            signal: self.signal(),
            stdout: scrubber.excerpt(&self.stdout.bytes, EXCERPT),
            stderr: scrubber.excerpt(&self.stderr.bytes, EXCERPT),
        }
    }
}
