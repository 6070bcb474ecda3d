//! A PostgreSQL cluster from the programs on this machine, as an unprivileged user when started by root.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{User, getuid};

use super::DemoError;
use super::ground::{DATABASES, Ground, NETWORK};
use super::process::{Server, guarded};
use super::servers::Login;
use crate::environment::Environment;

/// Where PostgreSQL's programs are, and as whom they run.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    path: OsString,
    /// `initdb` and `postgres` refuse to run as root.
    account: Option<(u32, u32)>,
    records_statements: bool,
}

/// What the demo runs of it.
const NEEDED: [&str; 4] = ["initdb", "postgres", "pg_dump", "psql"];

impl Programs {
    /// The newest PostgreSQL of this machine: Debian's folders first, then `PATH`.
    pub(super) fn find(environment: &Environment) -> Option<Self> {
        let debian = glob::glob("/usr/lib/postgresql/*/bin/initdb").ok()?.filter_map(Result::ok);
        let versioned = debian.filter_map(|initdb| {
            let folder = initdb.parent()?.to_owned();
            let version = folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok()?;
            is_whole(&folder).then_some((version, folder))
        });
        let path = environment.get("PATH").unwrap_or("/usr/bin:/bin");
        let on_path = || std::env::split_paths(path).find(|folder| is_whole(folder));
        let folder = versioned.max().map(|(_, folder)| folder).or_else(on_path)?;
        let unprivileged = || {
            let named = ["postgres", "nobody"].into_iter();
            named.filter_map(|name| User::from_name(name).ok().flatten()).find(|user| !user.uid.is_root())
        };
        let account = if getuid().is_root() {
            let user = unprivileged()?;
            Some((user.uid.as_raw(), user.gid.as_raw()))
        } else {
            None
        };
        let records_statements =
            libraries(&folder).is_some_and(|libraries| libraries.join("pg_stat_statements.so").is_file());
        Some(Self { folder, path: path.into(), account, records_statements })
    }

    /// Whether `pg_stat_statements` is there.
    pub(super) const fn records_statements(&self) -> bool {
        self.records_statements
    }

    /// One of the programs that talk to a server.
    pub(super) fn client(&self, program: &str, port: u16) -> tokio::process::Command {
        let mut command = self.prepared(Command::new(self.folder.join(program)), Path::new("/"));
        command.args(["--port", &port.to_string()]);
        command.into()
    }

    /// A program of PostgreSQL's, without our environment: `PG*` variables are not for these servers.
    fn prepared(&self, mut command: Command, directory: &Path) -> Command {
        command.env_clear().env("PATH", &self.path).env("LC_ALL", "C").current_dir(directory);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    /// Make a cluster in `folder` and start it on `port` of the loopback address, and where the applications come from.
    pub(super) async fn start(
        &self,
        name: &str,
        folder: &Path,
        port: u16,
        dba: &Login,
        ground: &Ground,
    ) -> Result<Server, DemoError> {
        let write = |source| DemoError::Write { path: folder.to_owned(), source };
        std::fs::create_dir(folder).map_err(write)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(write)?;
        let password = folder.join("password");
        std::fs::write(&password, &dba.password).map_err(write)?;
        if let Some((user, group)) = self.account {
            chown(folder, Some(user), Some(group)).map_err(write)?;
            chown(&password, Some(user), Some(group)).map_err(write)?;
        }
        let data = folder.join("data");
        self.initdb(folder, &data, &password, dba.role).await?;
        let mut addresses = "listen_addresses=127.0.0.1".to_owned();
        if matches!(ground, Ground::Namespaces(_)) {
            let _ = write!(addresses, ",{DATABASES}");
            let hba = std::fs::OpenOptions::new().append(true).open(data.join("pg_hba.conf"));
            let entry = format!("host all all {NETWORK} scram-sha-256\n");
            hba.and_then(|mut file| file.write_all(entry.as_bytes())).map_err(write)?;
        }
        // SIGINT is a fast shutdown: it does not wait for clients.
        let stop = Signal::SIGINT;
        let mut postgres = self.prepared(guarded(self.folder.join("postgres"), stop), folder);
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        // A demo's data is worth no fsync; no socket file, so that no path is too long for one.
        for setting in [
            addresses.as_str(),
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=16MB",
            "max_connections=30",
        ] {
            postgres.args(["-c", setting]);
        }
        if self.records_statements {
            postgres.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        }
        Server::start(&format!("postgres ({name})"), postgres, stop, &folder.join("postgres.log"))
    }

    async fn initdb(
        &self,
        folder: &Path,
        data: &Path,
        password: &Path,
        superuser: &str,
    ) -> Result<(), DemoError> {
        let mut initdb = self.prepared(Command::new(self.folder.join("initdb")), folder);
        initdb.arg("--pgdata").arg(data).arg("--pwfile").arg(password);
        initdb.args(["--username", superuser]);
        initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        let mut initdb = tokio::process::Command::from(initdb);
        initdb.kill_on_drop(true);
        let failed = |reason| DemoError::Program { program: "initdb".to_owned(), reason };
        match tokio::time::timeout(Duration::from_mins(1), initdb.output()).await {
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("no end after 60 s".to_owned())),
        }
    }
}

/// Whether all that is needed is in this folder.
fn is_whole(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).is_file())
}

/// Where the libraries are that a server can load; none when these programs do not tell.
fn libraries(folder: &Path) -> Option<PathBuf> {
    let told = Command::new(folder.join("pg_config")).arg("--pkglibdir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(told.stdout).ok()?.trim()))
}
