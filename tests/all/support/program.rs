//! The program itself, in a folder of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a plan, and the program run in it.
pub(crate) struct Program {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Program {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// A folder whose `gonogo.yaml` is this plan.
    pub(crate) fn with_plan(plan: &str) -> Self {
        let program = Self::empty();
        program.write("gonogo.yaml", plan);
        program
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gonogo"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear();
        for name in ["PATH", "HOME", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Run it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().unwrap())
    }

    /// Start it, and go on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// `gonogo-out/result.json`.
    pub(crate) fn result(&self) -> Value {
        serde_json::from_str(&self.read("gonogo-out/result.json")).unwrap()
    }

    /// The newest journal's text.
    pub(crate) fn journal(&self) -> String {
        let runs = self.path(".gonogo/runs");
        let folders =
            std::fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path().join("journal.jsonl"));
        // A run that was killed as it began may have left its folder alone.
        let newest = folders.filter(|journal| journal.is_file()).max();
        std::fs::read_to_string(newest.unwrap()).unwrap()
    }
}

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit code, which has to be this one.
    #[track_caller]
    pub(crate) fn code(&self, wanted: i32) -> &Self {
        assert_eq!(self.code, Some(wanted), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// The small count, or the full one in `make soak`.
pub(crate) fn count(small: usize, full: usize) -> usize {
    if std::env::var("GONOGO_SOAK").as_deref() == Ok("1") { full } else { small }
}

/// Moments at random up to this one: any spread of them does, and a failure can be repeated.
pub(crate) struct Moments {
    state: u64,
    last: std::time::Duration,
}

impl Moments {
    pub(crate) fn up_to(last: std::time::Duration) -> Self {
        Self { state: 0x9e37_79b9, last }
    }
}

impl Iterator for Moments {
    type Item = std::time::Duration;

    fn next(&mut self) -> Option<Self::Item> {
        // xorshift
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let last = u64::try_from(self.last.as_micros()).expect("short");
        Some(std::time::Duration::from_micros(self.state % last))
    }
}
