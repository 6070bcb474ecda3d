//! A real container, made of this machine's own programs: no image has to be fetched.

use std::fmt::Write as _;
use std::process::Command;

use super::look;
use crate::support::program::Program;
use crate::support::skip;

/// What the container is made of.
pub(super) const PROGRAMS: &[&str] =
    &["sh", "cat", "chmod", "mktemp", "printf", "rm", "sha256sum", "sleep", "stat", "uname"];

/// A running container of its own, removed on drop.
pub(super) struct Container(pub(super) String);

impl Container {
    /// One whose only programs are these, with the libraries they need; none, said aloud, without a Docker engine.
    pub(super) fn start(name: &str, programs: &[&str], options: &[&str]) -> Option<Self> {
        if !Command::new("docker").arg("info").output().is_ok_and(|output| output.status.success()) {
            skip("a Docker engine");
            return None;
        }
        let name = format!("gonogo-test-{name}-{}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        let mut script = String::from("set -e\ncd \"$1\"\nmkdir -p bin tmp root etc proc\nchmod 1777 tmp\n");
        for program in programs {
            let _ = writeln!(
                script,
                "p=$(command -v {program} 2>/dev/null | grep ^/ || echo /bin/{program})\ncp -L \"$p\" bin/\nldd \"$p\" 2>/dev/null | grep -o '/[^ ]*' | while read -r l; do mkdir -p \".$(dirname \"$l\")\"; cp -L \"$l\" \".$l\"; done"
            );
        }
        // Our own program's libraries are what a container with this machine's libc would have.
        let _ = writeln!(
            script,
            "ldd \"$2\" | grep -o '/[^ ]*' | while read -r l; do mkdir -p \".$(dirname \"$l\")\"; cp -L \"$l\" \".$l\"; done"
        );
        script.push_str("tar -c . | docker import - \"$3\" > /dev/null\n");
        let made = Command::new("bash")
            .args(["-c", &script, "bash"])
            .arg(folder.path())
            .args([env!("CARGO_BIN_EXE_gonogo"), &name])
            .status();
        assert!(made.expect("bash").success());
        let started = Command::new("docker")
            .args(["run", "-d", "--init", "--name", &name, "--network", "none"])
            .args(options)
            .args([&name, "sleep", "600"])
            .output()
            .expect("docker");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(Self(name))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", &self.0]).output();
        let _ = Command::new("docker").args(["rmi", "-f", &self.0]).output();
    }
}

#[test]
fn a_container_is_looked_from_and_left_as_it_was() {
    let Some(container) = Container::start("plain", PROGRAMS, &[]) else { return };
    let from = format!("docker:{}", container.0);
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert_eq!(seen["layers"][0]["worked"]["fact"], "looked_from", "{seen}");
    let left = Command::new("docker").args(["exec", &container.0, "sh", "-c", "echo /tmp/*"]).output();
    assert_eq!(String::from_utf8_lossy(&left.expect("docker").stdout).trim(), "/tmp/*");
}

#[test]
fn a_container_that_cannot_be_written_to_says_so() {
    let Some(container) = Container::start("fixed", PROGRAMS, &["--read-only"]) else { return };
    let from = format!("docker:{}", container.0);
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    let message = seen["message"].as_str().expect("a message");
    assert!(message.contains("written to and run from") && message.contains("program:"), "{message}");
}
