//! A real container, made of this machine's own programs: no image has to be fetched.

use std::fmt::Write as _;
use std::process::Command;

use super::look;
use crate::support::program::Program;
use crate::support::skip;

/// What the container is made of.
pub(super) const PROGRAMS: &[&str] =
    &["sh", "cat", "chmod", "mktemp", "printf", "rm", "sha256sum", "sleep", "stat", "uname"];

/// A running container of its own, and the program that runs it; removed on drop.
pub(super) struct Container(pub(super) String, &'static str);

/// Copies a program and the libraries it needs into the current folder.
const COPY: &str = "libraries() { ldd \"$1\" 2>/dev/null | grep -o '/[^ ]*' | while read -r l; do mkdir -p \".$(dirname \"$l\")\"; cp -L \"$l\" \".$l\"; done; }\n";

impl Container {
    /// One whose only programs are these, with the libraries they and our own program need; none, said aloud, without a Docker
    /// engine.
    pub(super) fn start(name: &str, programs: &[&str], options: &[&str]) -> Option<Self> {
        Self::of("docker", name, programs, options)
    }

    /// The same of another engine, whose command takes docker's words.
    fn of(engine: &'static str, name: &str, programs: &[&str], options: &[&str]) -> Option<Self> {
        let mut script = format!("{COPY}mkdir -p bin tmp root etc proc\nchmod 1777 tmp\n");
        for program in programs {
            let _ = writeln!(
                script,
                "p=$(command -v {program} 2>/dev/null | grep ^/ || echo /bin/{program})\ncp -L \"$p\" bin/\nlibraries \"$p\""
            );
        }
        // Our own program's libraries are what a container with this machine's libc would have.
        script.push_str("libraries \"$2\"\n");
        Self::import(engine, name, &script, options, &["sleep", "600"])
    }

    /// One with a shell and no libc at all.
    fn without_libc(name: &str) -> Option<Self> {
        let links = "mkdir -p bin tmp\nchmod 1777 tmp\ncp -L \"$(command -v busybox)\" bin/busybox\nfor p in $(bin/busybox --list); do [ \"$p\" = busybox ] || ln -sf busybox \"bin/$p\"; done\nrm -f bin/bash\n";
        Self::import("docker", name, links, &[], &["sleep", "600"])
    }

    /// One made from a folder that this script fills, in which this runs.
    fn import(
        engine: &'static str,
        name: &str,
        script: &str,
        options: &[&str],
        command: &[&str],
    ) -> Option<Self> {
        if !Command::new(engine).arg("info").output().is_ok_and(|output| output.status.success()) {
            skip(engine);
            return None;
        }
        let name = format!("gonogo-test-{name}-{}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!("set -e\ncd \"$1\"\n{script}tar -c . | {engine} import - \"$3\" > /dev/null\n");
        let made = Command::new("bash")
            .args(["-c", &script, "bash"])
            .arg(folder.path())
            .args([env!("CARGO_BIN_EXE_gonogo"), &name])
            .status();
        assert!(made.expect("bash").success());
        // Podman would raise limits, which not every root may, and its other runtime wants a cgroup hierarchy of its own.
        let own: &[&str] = match engine {
            "podman" => {
                &["--runtime", "runc", "run", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
            }
            _ => &["run", "--init"],
        };
        let started = Command::new(engine)
            .args(own)
            .args(["-d", "-i", "--name", &name, "--network", "none"])
            .args(options)
            .arg(&name)
            .args(command)
            .output()
            .expect(engine);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(Self(name, engine))
    }
}

/// The statically linked program that `make test` builds beforehand; none, said aloud, without it.
fn static_build() -> Option<String> {
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder");
    let built = format!("{}-unknown-linux-gnu/debug/gonogo", std::env::consts::ARCH);
    let built = target.join(built);
    if !built.exists() {
        skip("a statically linked build, which `make test` makes");
        return None;
    }
    Some(built.display().to_string())
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new(self.1).args(["rm", "-f", &self.0]).output();
        let _ = Command::new(self.1).args(["rmi", "-f", &self.0]).output();
    }
}

#[test]
fn a_container_is_looked_from_and_left_as_it_was() {
    for engine in ["docker", "podman"] {
        let Some(container) = Container::of(engine, "plain", PROGRAMS, &[]) else { continue };
        let from = format!("{engine}:{}", container.0);
        let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
        assert_eq!(seen["outcome"], "fail", "{seen}");
        assert_eq!(seen["layers"][0]["worked"]["fact"], "looked_from", "{seen}");
        let left = Command::new(engine).args(["exec", &container.0, "sh", "-c", "echo /tmp/*"]).output();
        assert_eq!(String::from_utf8_lossy(&left.expect(engine).stdout).trim(), "/tmp/*");
    }
}

#[test]
fn a_container_that_cannot_be_written_to_says_so() {
    let Some(container) = Container::start("fixed", PROGRAMS, &["--read-only"]) else { return };
    let from = format!("docker:{}", container.0);
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    let message = seen["message"].as_str().expect("a message");
    assert!(message.contains("written to and run from") && message.contains("program:"), "{message}");
    assert!(message.contains("there is no bash"), "{message}");
}

#[test]
fn a_container_that_is_read_only_and_noexec_is_looked_from_by_its_shell() {
    let programs = [PROGRAMS, &["bash", "date", "id"]].concat();
    let options = ["--read-only", "--tmpfs", "/tmp:noexec"];
    let Some(container) = Container::start("noexec", &programs, &options) else { return };
    let from = format!("docker:{}", container.0);
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert!(seen["message"].as_str().expect("a message").contains("refused"), "{seen}");
    let reduced = seen["layers"][0]["worked"]["reduced"].as_str().expect("a reason");
    assert!(reduced.contains("(tried: /tmp"), "{reduced}");
}

#[test]
fn a_container_without_libc_needs_a_static_build() {
    let Some(container) = Container::without_libc("musl") else { return };
    let from = format!("docker:{}", container.0);
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &from, 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    let message = seen["message"].as_str().expect("a message");
    assert!(message.contains("it does not run there") && message.contains("make agents"), "{message}");
    let Some(built) = static_build() else { return };
    let ended = Program::empty().run(&[
        "probe",
        "tcp://127.0.0.1:1",
        "--from",
        &from,
        "--format",
        "json",
        "--agent",
        &built,
    ]);
    ended.code(1);
    let seen: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(seen["outcome"], "fail", "{seen}");
    assert!(seen["layers"][0]["worked"]["reduced"].is_null(), "{seen}");
}

#[test]
fn a_container_without_a_shell_has_the_program_in_it() {
    let Some(built) = static_build() else { return };
    let script = format!("cp '{built}' gonogo\n");
    let Some(container) = Container::import("docker", "scratch", &script, &[], &["/gonogo", "__agent"])
    else {
        return;
    };
    let seen = look(&Program::empty(), "tcp://127.0.0.1:1", &format!("docker:{}", container.0), 1);
    assert_eq!(seen["outcome"], "error", "{seen}");
    let program = Program::with_plan(&format!(
        "gonogo: 1\nvantages:\n  slim: {{ docker: {{ container: {}, program: /gonogo }} }}\nchecks:\n  - {{ id: port, from: slim, tcp: {{ address: '127.0.0.1:1' }} }}\n",
        container.0
    ));
    program.run(&["run"]).code(1);
    let row = &program.result()["checks"][0];
    assert_eq!(row["outcome"], "fail", "{row}");
}
