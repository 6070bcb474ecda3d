//! Real PostgreSQL clusters in temporary folders: started on a free port, stopped on drop.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::certificates::Files;
use super::skip;

/// Longer than any start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running cluster. Its superuser is `admin` with password `admin-secret`.
pub(crate) struct Cluster {
    server: Child,
    folder: tempfile::TempDir,
    programs: PathBuf,
    namespace: Option<String>,
    /// The port on 127.0.0.1, and of the Unix socket in [`Self::socket_folder`].
    pub(crate) port: u16,
    /// The major version, such as 15.
    pub(crate) version: u32,
}

/// How a cluster is set up.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// The major version; the newest of this machine's packages without.
    pub(crate) version: Option<u32>,
    /// Lines of `pg_hba.conf` before the admin's own; scram for everybody over TCP when empty.
    pub(crate) hba: &'a [&'a str],
    /// Lines of `postgresql.conf`.
    pub(crate) settings: &'a [&'a str],
    /// The server's certificate; TLS is off without.
    pub(crate) tls: Option<&'a Files>,
    /// The authority that client certificates are checked against.
    pub(crate) client_ca: Option<&'a Path>,
    /// It stays in recovery for ever, as a standby whose primary is away does; only roles of `initdb` are there.
    pub(crate) standby: bool,
    /// The network namespace it runs in, there at port 5432 of every address; this machine's own loopback without.
    pub(crate) namespace: Option<&'a str>,
    /// Statements run by the admin once it is up, each on its own.
    pub(crate) sql: &'a [&'a str],
}

impl Cluster {
    /// Start one; none, said aloud, where PostgreSQL's programs are missing.
    pub(crate) fn start(setup: &Setup<'_>) -> Option<Self> {
        let Some(programs) = programs(setup.version) else {
            let version = setup.version.map_or_else(String::new, |version| format!(" {version}"));
            skip(&format!("PostgreSQL{version} (initdb and postgres)"));
            return None;
        };
        let folder = tempfile::Builder::new().prefix("gonogo-pg-").tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let programs = within_reach(programs, folder.path());
        let data = folder.path().join("data");
        initdb(&programs, folder.path());
        let port = if setup.namespace.is_some() { 5432 } else { free_port() };
        let listen = if setup.namespace.is_some() { "*" } else { "127.0.0.1" };
        let mut settings = vec![
            format!("listen_addresses = '{listen}'"),
            format!("port = {port}"),
            format!("unix_socket_directories = '{}'", folder.path().display()),
            "fsync = off".to_owned(),
            "shared_buffers = 16MB".to_owned(),
            // A standby may not have fewer than its primary, here what initdb writes.
            format!("max_connections = {}", if setup.standby { 100 } else { 20 }),
        ];
        if let Some(files) = setup.tls {
            let (certificate, key) = (data.join("server.crt"), data.join("server.key"));
            fs::copy(&files.certificate, &certificate).expect("server.crt");
            fs::copy(&files.key, &key).expect("server.key");
            super::certificates::only_ours(&key);
            settings.push("ssl = on".to_owned());
        }
        if let Some(ca) = setup.client_ca {
            fs::copy(ca, data.join("client-ca.crt")).expect("client-ca.crt");
            settings.push("ssl_ca_file = 'client-ca.crt'".to_owned());
        }
        settings.extend(setup.settings.iter().map(ToString::to_string));
        let mut configuration = fs::read_to_string(data.join("postgresql.conf")).expect("postgresql.conf");
        configuration.push_str(&settings.join("\n"));
        configuration.push('\n');
        fs::write(data.join("postgresql.conf"), configuration).expect("postgresql.conf");
        let mut hba = vec!["local all admin trust"];
        if setup.hba.is_empty() {
            hba.push("host all all 127.0.0.1/32 scram-sha-256");
            hba.push("local all all scram-sha-256");
        }
        hba.extend(setup.hba);
        fs::write(data.join("pg_hba.conf"), hba.join("\n") + "\n").expect("pg_hba.conf");
        if setup.standby {
            fs::write(data.join("standby.signal"), "").expect("standby.signal");
        }
        own(folder.path());
        let namespace = setup.namespace.map(str::to_owned);
        let server = spawn(namespace.as_deref(), &programs, folder.path());
        let mut cluster = Self { server, folder, programs, namespace, port, version: 0 };
        cluster.wait(&[0]);
        let version: u32 = cluster.sql("postgres", "show server_version_num").parse().expect("a number");
        cluster.version = version / 10_000;
        for statement in setup.sql {
            cluster.sql("postgres", statement);
        }
        Some(cluster)
    }

    /// The folder of its data and configuration.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stop it in order, do this to its files, and start it again.
    pub(crate) fn restart(&mut self, between: impl FnOnce(&Path)) {
        self.restart_until(&[0], between);
    }

    /// The same, until `pg_isready` exits with one of these: 1 is a server that is up and lets nobody in.
    pub(crate) fn restart_until(&mut self, codes: &[i32], between: impl FnOnce(&Path)) {
        self.stop(nix::sys::signal::Signal::SIGINT);
        between(&self.data());
        own(self.folder.path());
        self.server = spawn(self.namespace.as_deref(), &self.programs, self.folder.path());
        self.wait(codes);
    }

    /// The folder of the Unix socket.
    pub(crate) fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Run SQL as the admin; the output of its last statement, without decoration.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .env_clear()
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "admin", "-d", database])
            .arg("-h")
            .arg(self.folder.path())
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-c", sql])
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// `pg_dump` of a database.
    pub(crate) fn dump(&self, database: &str, options: &[&str]) -> String {
        self.dump_with(self, "pg_dump", &[options, &[database]].concat())
    }

    /// What another server's `pg_dump` or `pg_dumpall` writes of this one.
    pub(crate) fn dump_with(&self, other: &Self, program: &str, arguments: &[&str]) -> String {
        let mut command = self.client(&other.programs.join(program));
        let output = command.args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a dump")
    }

    /// Run a script as `psql` does without being told to stop; what went wrong.
    pub(crate) fn restore(&self, database: &str, script: &str) -> String {
        let file = self.folder.path().join("script.sql");
        fs::write(&file, script).expect("a script");
        let psql = self.programs.join("psql");
        let output = self.client(&psql).args(["-X", "-q", "-d", database, "-f"]).arg(&file).output();
        String::from_utf8_lossy(&output.expect("psql runs").stderr).into_owned()
    }

    fn client(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().args(["-U", "admin", "-h"]).arg(self.folder.path());
        command.arg("-p").arg(self.port.to_string());
        command
    }

    /// What the server has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the server's log")
    }

    fn stop(&mut self, signal: nix::sys::signal::Signal) {
        if let Ok(id) = i32::try_from(self.server.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal);
        }
        let began = Instant::now();
        while matches!(self.server.try_wait(), Ok(None)) {
            if began.elapsed() > Duration::from_secs(10) {
                let _ = self.server.kill();
                let _ = self.server.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait(&mut self, codes: &[i32]) {
        let began = Instant::now();
        loop {
            let ready = Command::new(self.programs.join("pg_isready"))
                .arg("-q")
                .arg("-h")
                .arg(self.folder.path())
                .arg("-p")
                .arg(self.port.to_string())
                .status()
                .expect("pg_isready runs");
            if ready.code().is_some_and(|code| codes.contains(&code)) {
                return;
            }
            let ended = self.server.try_wait().expect("the server's state");
            assert!(ended.is_none(), "postgres ended: {}", self.log());
            assert!(began.elapsed() < START_LIMIT, "postgres is not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGQUIT is PostgreSQL's immediate shutdown: its children end with it, which SIGKILL would not see to.
        self.stop(nix::sys::signal::Signal::SIGQUIT);
    }
}

/// The server's process.
fn spawn(namespace: Option<&str>, programs: &Path, folder: &Path) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log");
    as_owner_in(namespace, &programs.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("postgres starts")
}

/// The programs of one version, or of the newest that the machine's packages have: Debian keeps them off the `PATH`.
/// Versions that no package has are in `target/servers`, where `tests/setup/servers` puts them.
fn programs(version: Option<u32>) -> Option<PathBuf> {
    let is_there = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let packages = Path::new("/usr/lib/postgresql");
    if let Some(version) = version {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
        let folders = [packages, &ours].map(|folder| folder.join(version.to_string()).join("bin"));
        return folders.into_iter().find(is_there);
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(packages)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| is_there(folder))
        .collect();
    versions.sort();
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    versions.pop().map(|(_, folder)| folder).or_else(|| on_path.into_iter().find(is_there))
}

/// Where the user that runs the server gets at the programs: a project in somebody's home is often closed to it.
fn within_reach(programs: PathBuf, folder: &Path) -> PathBuf {
    let open = |folder: &Path| fs::metadata(folder).is_ok_and(|of| of.permissions().mode() & 0o005 == 0o005);
    if owner().is_none() || programs.ancestors().all(open) {
        return programs;
    }
    let version = programs.parent().expect("programs are in bin");
    let copied = Command::new("cp").arg("-a").arg(version).arg(folder.join("server")).status();
    assert!(copied.expect("cp runs").success(), "{} is not copied", version.display());
    folder.join("server/bin")
}

/// Make a data folder whose superuser is `admin`.
fn initdb(programs: &Path, folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, "admin-secret\n").expect("a password file");
    own(folder);
    let output = as_owner(&programs.join("initdb"))
        .args(["-U", "admin", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(folder.join("data"))
        .output()
        .expect("initdb runs");
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

/// PostgreSQL refuses to run as root; the user of Debian's package, or nobody, runs it then.
fn owner() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| nix::unistd::User::from_name(name).ok().flatten())
        .expect("an unprivileged user");
    Some((user.uid.as_raw(), user.gid.as_raw()))
}

fn as_owner(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").current_dir("/");
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

/// The same inside a network namespace, which only root may enter.
fn as_owner_in(namespace: Option<&str>, program: &Path) -> Command {
    let Some(namespace) = namespace else { return as_owner(program) };
    let mut command = Command::new("ip");
    command.env("LC_ALL", "C").current_dir("/").args(["netns", "exec", namespace]);
    if let Some((user, group)) = owner() {
        command.args([
            "setpriv",
            "--clear-groups",
            &format!("--reuid={user}"),
            &format!("--regid={group}"),
            "--",
        ]);
    }
    command.arg(program);
    command
}

/// Give a folder and all in it to the user that runs the server.
fn own(path: &Path) {
    let Some((user, group)) = owner() else { return };
    chown(path, Some(user), Some(group)).expect("chown");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            own(&entry.expect("an entry").path());
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
