//! A PostgreSQL server in a container, where the machine has no PostgreSQL but an engine that answers.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::DemoError;
use super::process::{Server, guarded};
use super::servers::Login;

/// What the servers are made from.
const IMAGE: &str = "docker.io/library/postgres:17-alpine";

/// A container engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Engine {
    program: &'static str,
}

impl Engine {
    /// The first engine that answers.
    pub(super) async fn find() -> Option<Self> {
        for program in ["podman", "docker"] {
            let mut info = tokio::process::Command::new(program);
            info.arg("info")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .stdin(Stdio::null())
                .kill_on_drop(true);
            let answer = tokio::time::timeout(Duration::from_secs(5), info.status()).await;
            if matches!(answer, Ok(Ok(status)) if status.success()) {
                return Some(Self { program });
            }
        }
        None
    }

    /// The name people know it by.
    pub(super) const fn program(self) -> &'static str {
        self.program
    }

    /// Fetch the image, when it is not there yet.
    pub(super) async fn fetch(self) -> Result<(), DemoError> {
        let failed =
            |reason| DemoError::Program { program: format!("{} pull {IMAGE}", self.program), reason };
        let present = tokio::process::Command::new(self.program)
            .args(["image", "inspect", IMAGE])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if present.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        let mut pull = tokio::process::Command::new(self.program);
        pull.args(["pull", "--quiet", IMAGE]).stdin(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(Duration::from_mins(5), pull.output()).await {
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("no end after 5 minutes".to_owned())),
        }
    }

    /// Start a server on `port` of the loopback address; the container goes when its client process is stopped.
    pub(super) fn start(
        self,
        name: &str,
        folder: &Path,
        port: u16,
        dba: &Login,
    ) -> Result<Container, DemoError> {
        std::fs::create_dir(folder).map_err(|source| DemoError::Write { path: folder.to_owned(), source })?;
        let container = format!("gonogo-demo-{name}-{}", std::process::id());
        let mut run = guarded(self.program, Signal::SIGTERM);
        run.args(["run", "--rm", "--name", &container]);
        run.args(["--publish", &format!("127.0.0.1:{port}:5432")]);
        // By name only: the value stays out of argv.
        run.args(["--env", "POSTGRES_PASSWORD"]).env("POSTGRES_PASSWORD", &dba.password);
        run.args(["--env", &format!("POSTGRES_USER={}", dba.role), IMAGE]);
        run.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        let client =
            Server::start(&format!("postgres ({name})"), run, Signal::SIGTERM, &folder.join("postgres.log"))?;
        Ok(Container { engine: self, name: container, client })
    }
}

/// A running container.
#[derive(Debug)]
pub(super) struct Container {
    engine: Engine,
    name: String,
    pub(super) client: Server,
}

impl Container {
    /// One of the programs that talk to a server, in the container.
    pub(super) fn client(&self, program: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(self.engine.program);
        command.args(["exec", "--interactive", "--env", "PGPASSWORD", &self.name, program]);
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let removed = Command::new(self.engine.program)
            .args(["rm", "--force", "--volumes", &self.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tracing::debug!(?removed, container = self.name, "demo container removed");
    }
}
