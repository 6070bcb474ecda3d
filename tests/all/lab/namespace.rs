//! A network namespace of its own, with files of its own for the name service, removed on drop.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What every namespace of a lab is called, before the process id.
const PREFIX: &str = "gonogo-lab-";

/// A network namespace; `/etc/netns/NAME` holds what its programs see in `/etc`.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    /// A new one, with its loopback up.
    pub(crate) fn new(lab: usize, host: &str) -> Self {
        let name = format!("{PREFIX}{}-{lab}-{host}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let namespace = Self { name };
        namespace.ip("link set lo up");
        namespace
    }

    /// A program inside it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// One `ip` command inside it, such as `route add default via 198.51.100.1`.
    pub(crate) fn ip(&self, words: &str) {
        run(Command::new("ip").args(["-n", &self.name]).args(words.split_whitespace()));
    }

    /// Set a kernel variable of this namespace; what it was before.
    pub(crate) fn sysctl(&self, name: &str, value: &str) -> String {
        let before = text(&run(self.command("sysctl").args(["-n", name])));
        run(self.command("sysctl").args(["-q", "-w", &format!("{name}={value}")]));
        before
    }

    /// Load nftables commands, one a line.
    pub(crate) fn nft(&self, commands: &str) {
        let mut child = self
            .command("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nft starts");
        child.stdin.take().expect("a pipe").write_all(commands.as_bytes()).expect("nft reads");
        let output = child.wait_with_output().expect("nft ends");
        assert!(output.status.success(), "{commands}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A file that its programs see in `/etc` instead of the machine's own.
    pub(crate) fn etc(&self, file: &str, text: &str) {
        let folder = self.folder();
        fs::create_dir_all(&folder).expect("a folder in /etc/netns");
        fs::write(folder.join(file), text).expect("a file in /etc/netns");
    }

    /// Run this in a thread that lives in the namespace: its sockets are made there.
    pub(crate) fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let name = self.name.clone();
        let inside = std::thread::spawn(move || {
            enter(&name);
            work()
        });
        inside.join().expect("it does not panic")
    }

    fn folder(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Move this thread into a namespace.
pub(crate) fn enter(name: &str) {
    let handle = fs::File::open(Path::new("/run/netns").join(name)).expect("the namespace");
    nix::sched::setns(handle, nix::sched::CloneFlags::CLONE_NEWNET).expect("root may enter it");
}

/// End what runs in a namespace and take it away; no word about what is gone already.
fn remove(name: &str) {
    let pids = Command::new("ip").args(["netns", "pids", name]).output();
    for pid in pids.iter().flat_map(|output| text(output).lines().map(str::to_owned).collect::<Vec<_>>()) {
        if let Ok(pid) = pid.parse() {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
    let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
    let _ = fs::remove_dir_all(Path::new("/etc/netns").join(name));
    let _ = fs::remove_dir("/etc/netns");
}

/// Take away what labs of processes that are gone have left, as after SIGKILL.
pub(crate) fn remove_leftovers() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(&name);
        }
    }
}

/// Run a command that has to succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What a command printed.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Wait until this is so; a panic that says what was waited for when it never is.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}: waited for in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}
