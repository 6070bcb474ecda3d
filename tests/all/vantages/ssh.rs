//! A real sshd, with its own keys, configuration and port.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::program::Program;
use crate::support::skip;

struct Sshd {
    server: Child,
    folder: tempfile::TempDir,
    port: u16,
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
}

impl Sshd {
    /// Start one that takes the key in `config`; none, said aloud, where there is no sshd or we are not root.
    fn start() -> Option<Self> {
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
        std::fs::copy(at("key.pub"), at("authorized")).expect("a copy");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let here = folder.path().display();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {here}/host\nAuthorizedKeysFile {here}/authorized\nStrictModes no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        );
        std::fs::write(at("sshd_config"), settings).expect("a file");
        let known = std::fs::read_to_string(at("host.pub")).expect("a key");
        std::fs::write(at("known"), format!("[127.0.0.1]:{port} {known}")).expect("a file");
        let config = format!(
            "Host app1\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {here}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile {here}/known\n"
        );
        std::fs::write(at("config"), config).expect("a file");
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd");
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "sshd does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { server, folder, port })
    }

    fn plan(&self, more: &str) -> String {
        format!(
            "gonogo: 1\nvantages:\n  app1: {{ ssh: {{ host: app1, config: '{}/config' }} }}\nchecks:\n{more}",
            self.folder.path().display()
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Every process below this one.
fn descendants(ancestor: u32) -> Vec<u32> {
    let processes = Command::new("ps").args(["-eo", "pid=,ppid="]).output().expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let pairs: Vec<(u32, u32)> = processes
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| number.parse().expect("a number"));
            Some((numbers.next()?, numbers.next()?))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        next += 1;
        found.extend(pairs.iter().filter(|(_, above)| *above == parent).map(|(process, _)| *process));
    }
    found.remove(0);
    found
}

fn outcomes(program: &Program) -> Vec<(String, String)> {
    let result = program.result();
    let rows = result["checks"].as_array().expect("checks").iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.map(|row| (text(&row["outcome"]), text(&row["message"]))).collect()
}

#[test]
fn many_looks_over_one_real_ssh() {
    let Some(sshd) = Sshd::start() else { return };
    let check =
        |n| format!("  - {{ id: port-{n}, from: app1, tcp: {{ address: '127.0.0.1:{}' }} }}\n", sshd.port);
    let checks = (0..40).map(check).collect::<Vec<_>>().concat();
    let program = Program::with_plan(&sshd.plan(&checks));
    program.run(&["run"]).code(0);
    assert_eq!(outcomes(&program).len(), 40);
    // The master connection ended with the run: its sockets were in a folder of ours.
    let processes = Command::new("ps").args(["-eo", "args"]).output().expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let ours = format!("{}/config", sshd.folder.path().display());
    assert!(!processes.contains(&ours), "{processes}");
}

#[test]
fn a_host_whose_key_changed_is_not_looked_from() {
    let Some(sshd) = Sshd::start() else { return };
    let other = sshd.folder.path().join("other");
    keygen(&other);
    let key = std::fs::read_to_string(other.with_extension("pub")).expect("a key");
    std::fs::write(sshd.folder.path().join("known"), format!("[127.0.0.1]:{} {key}", sshd.port))
        .expect("a file");
    let program =
        Program::with_plan(&sshd.plan("  - { id: port, from: app1, tcp: { address: '127.0.0.1:1' } }\n"));
    program.run(&["run"]).code(1);
    let (outcome, message) = outcomes(&program).remove(0);
    assert_eq!(outcome, "error", "{message}");
    assert!(message.contains("key"), "{message}");
}

#[test]
fn an_sshd_that_is_killed_is_an_error_and_not_a_fault() {
    let Some(mut sshd) = Sshd::start() else { return };
    let program = Program::with_plan(
        &sshd.plan("  - { id: slow, from: app1, timeout: 20s, command: { argv: [sleep, '15'] } }\n"),
    );
    let running = program.start(&["run"]);
    std::thread::sleep(Duration::from_secs(3));
    // The sessions first: they are children of the listener, and outlive it.
    for session in descendants(sshd.server.id()) {
        let _ = Command::new("kill").args(["-9", &session.to_string()]).status();
    }
    let _ = sshd.server.kill();
    let ended = running.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stdout));
    let (outcome, message) = outcomes(&program).remove(0);
    assert_eq!(outcome, "error", "{message}");
}
