//! A real sshd, with its own keys, configuration and port; inside a network namespace, when one is named.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::skip;

pub(crate) struct Sshd {
    server: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    address: &'static str,
}

/// Where it listens, and what its sessions see.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// The namespace, and an address of it; else the loopback address.
    pub(crate) inside: Option<(&'a str, &'static str)>,
    /// Its sessions do not see our program: it has to be brought.
    pub(crate) bare: bool,
}

pub(crate) fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
}

impl Sshd {
    /// Start one that takes the key in `config`; none, said aloud, where there is no sshd or we are not root.
    pub(crate) fn start(setup: &Setup<'_>) -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() || !nix::unistd::geteuid().is_root() {
            skip("OpenSSH's sshd, as root");
            return None;
        }
        // Where sshd of Debian confines itself; its service makes it, and no service runs here.
        std::fs::create_dir_all("/run/sshd").expect("a folder");
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        keygen(&at("host"));
        keygen(&at("key"));
        std::fs::create_dir(at("tmp")).expect("a folder");
        std::fs::copy(at("key.pub"), at("authorized")).expect("a copy");
        let address = setup.inside.map_or("127.0.0.1", |(_, address)| address);
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let here = folder.path().display();
        let settings = format!(
            "Port {port}\nListenAddress {address}\nHostKey {here}/host\nAuthorizedKeysFile {here}/authorized\nStrictModes no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM no\nSetEnv TMPDIR={here}/tmp\n"
        );
        std::fs::write(at("sshd_config"), settings).expect("a file");
        let known = std::fs::read_to_string(at("host.pub")).expect("a key");
        std::fs::write(at("known"), format!("[{address}]:{port} {known}")).expect("a file");
        let config = format!(
            "Host app1\n  HostName {address}\n  Port {port}\n  User root\n  IdentityFile {here}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile {here}/known\n"
        );
        std::fs::write(at("config"), config).expect("a file");
        let mut words: Vec<String> = Vec::new();
        if let Some((namespace, _)) = setup.inside {
            words.extend(["ip", "netns", "exec", namespace].map(str::to_owned));
        }
        if setup.bare {
            let hide = "mount -t tmpfs none \"$0\" && exec \"$@\"";
            let ours = Path::new(env!("CARGO_BIN_EXE_gonogo")).parent().expect("a folder").display();
            words.extend(["unshare", "--mount", "--", "sh", "-c", hide].map(str::to_owned));
            words.push(ours.to_string());
        }
        words.extend([program.display().to_string(), "-D".into(), "-e".into(), "-f".into()]);
        words.push(at("sshd_config").display().to_string());
        let (first, rest) = words.split_first().expect("a program");
        let log = std::fs::File::create(at("log")).expect("a log");
        let server = Command::new(first)
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd");
        let sshd = Self { server, folder, port, address };
        let began = Instant::now();
        while !sshd.log().contains("Server listening on") {
            assert!(began.elapsed() < Duration::from_secs(20), "sshd does not listen: {}", sshd.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The vantage, as in a plan.
    pub(crate) fn vantage(&self) -> String {
        format!("{{ ssh: {{ host: app1, config: '{}/config' }} }}", self.path().display())
    }

    /// A plan with checks, whose vantage is `app1`.
    pub(crate) fn plan(&self, checks: &str) -> String {
        format!("gonogo: 1\nvantages:\n  app1: {}\nchecks:\n{checks}", self.vantage())
    }

    /// Let another key be known for it than its own.
    pub(crate) fn forge(&self) {
        let other = self.path().join("other");
        keygen(&other);
        let key = std::fs::read_to_string(other.with_extension("pub")).expect("a key");
        let line = format!("[{}]:{} {key}", self.address, self.port);
        std::fs::write(self.path().join("known"), line).expect("a file");
    }

    /// Every process that its sessions started, themselves left out: what runs on the far side.
    pub(crate) fn far_side(&self) -> Vec<Process> {
        descendants(self.server.id()).into_iter().filter(|process| process.name != "sshd").collect()
    }

    /// Kill it and its sessions, and nothing else: what they started has to notice by itself.
    pub(crate) fn kill(&mut self) {
        // Its sessions outlive the listener, and are nobody's children then.
        let sessions: Vec<Process> =
            descendants(self.server.id()).into_iter().filter(|process| process.name == "sshd").collect();
        let _ = self.server.kill();
        for session in sessions {
            let _ = Command::new("kill").args(["-9", &session.id.to_string()]).status();
        }
        let _ = self.server.wait();
    }

    /// What was brought to the far side and is still there.
    pub(crate) fn brought(&self) -> usize {
        std::fs::read_dir(self.path().join("tmp")).expect("a folder").count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) id: u32,
    above: u32,
    pub(crate) name: String,
}

impl Process {
    /// Whether it still runs.
    pub(crate) fn runs(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/comm", self.id)).is_ok_and(|name| name.trim() == self.name)
    }
}

/// Every process below this one.
fn descendants(ancestor: u32) -> Vec<Process> {
    let all = Command::new("ps").args(["-eo", "pid=,ppid=,comm="]).output().expect("ps").stdout;
    let all = String::from_utf8_lossy(&all).into_owned();
    let all: Vec<Process> = all
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let mut number = || words.next()?.parse().ok();
            Some(Process { id: number()?, above: number()?, name: words.next()?.to_owned() })
        })
        .collect();
    let mut found: Vec<Process> = Vec::new();
    let mut above = vec![ancestor];
    while let Some(parent) = above.pop() {
        let below = all.iter().filter(|process| process.above == parent);
        above.extend(below.clone().map(|process| process.id));
        found.extend(below.cloned());
    }
    found
}
