//! The same over real ways: ssh, a container, pods, here, and a process that is found by its unit.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::application::Process;
use super::container::{Container, PROGRAMS};
use crate::support::program::Program;
use crate::support::skip;
use crate::support::sshd::{Setup, Sshd};

/// `nobody` of Debian.
const NOBODY: u32 = 65534;
/// The proxy of the application, where nothing listens.
const PROXY: &str = "http://127.0.0.1:1";

/// A command line like no other of this machine.
fn mark(test: u32) -> String {
    format!("8{}{test}", std::process::id())
}

/// The application: a process of another user with a proxy.
fn application(mark: &str) -> Process {
    let mut command = Command::new("/bin/sleep");
    command.arg(mark).env_clear().env("http_proxy", PROXY).uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
    Process(command.spawn().expect("sleep"))
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip("root, for an application of another user,");
    }
    is_root
}

/// A web server on the loopback address.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    address
}

/// One look without, and one as the application; nobody else has its proxy, so the first passes where the server can be reached
/// and the second is told as what it is.
fn plan(vantages: &str, runs_on: &str, url: &str, environment: &str) -> String {
    let call = format!("from: app1, to: app2, http: {{ url: 'http://{url}/' }}");
    format!(
        "gonogo: 1\n{vantages}apps: {{ app1: {{ runs_on: {runs_on} }} }}\nsystems: {{ app2: {{}} }}\nlinks:\n  \
         - {{ id: clean, {call} }}\n  \
         - {{ id: whole, {call}, as_application: {{ user: nobody, environment: {{ {environment} }} }} }}\n"
    )
}

fn rows(program: &Program) -> (Value, Value) {
    program.run(&["run", "--fresh"]).code(1);
    let result = program.result();
    let row = |id: &str| {
        let rows = result["checks"].as_array().expect("checks");
        rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {result:#}")).clone()
    };
    (row("clean"), row("whole"))
}

/// What is found as the application, from wherever it is looked.
fn is_told(program: &Program) {
    let (clean, whole) = rows(program);
    assert_eq!(clean["outcome"], "pass", "{clean:#}");
    assert_eq!(whole["outcome"], "fail", "{whole:#}");
    assert_eq!(whole["findings"][0]["id"], "proxy-env-dead", "{whole:#}");
    let journal = program.journal();
    assert!(journal.contains(r#""user":"nobody""#), "{journal}");
}

#[test]
fn as_the_application_over_a_real_ssh() {
    let Some(sshd) = Sshd::start(&Setup { bare: true, ..Setup::default() }) else { return };
    let mark = mark(1);
    let _application = application(&mark);
    let vantages = format!("vantages:\n  app1-a: {}\n", sshd.vantage());
    let process = format!("process: '^/bin/sleep {mark}$'");
    is_told(&Program::with_plan(&plan(&vantages, "app1-a", &server(), &process)));
    assert_eq!(sshd.brought(), 0, "nothing of ours is left there");
}

#[test]
fn as_the_application_from_here_and_by_its_unit() {
    if !is_root() {
        return;
    }
    let mark = mark(2);
    let application = application(&mark);
    let process = format!("process: '^/bin/sleep {mark}$'");
    is_told(&Program::with_plan(&plan("", "here", &server(), &process)));

    // A service's control group bears its unit's name, whoever made it.
    let unit = format!("gonogo-test-{mark}.service");
    let roots = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let group = roots.iter().map(|root| root.join(&unit)).find(|group| std::fs::create_dir(group).is_ok());
    let Some(group) = group else {
        skip("a control group of our own");
        return;
    };
    let id = application.0.id().to_string();
    std::fs::write(group.join("cgroup.procs"), id).expect("a member");
    let by_unit = format!("unit: gonogo-test-{mark}");
    is_told(&Program::with_plan(&plan("", "here", &server(), &by_unit)));
    drop(application);
    let _ = std::fs::remove_dir(&group);
}

#[test]
fn as_the_application_of_every_pod() {
    if !is_root() {
        return;
    }
    let mark = mark(3);
    let _application = application(&mark);
    let pod = || json!({ "labels": { "app": "checkout" }, "phase": "Running", "containers": ["app"] });
    let pods = json!({ "checkout-1": pod(), "checkout-2": pod() });
    let program = super::kubectl::program(&json!({ "namespace": "shop", "pods": pods }));
    let vantages =
        "vantages:\n  pods: { kubectl: { namespace: shop, selector: app=checkout, pods: each } }\n";
    let process = format!("process: '^/bin/sleep {mark}$'");
    program.write("gonogo.yaml", &plan(vantages, "pods", &server(), &process));
    is_told(&program);
}

#[test]
fn as_the_application_inside_a_container() {
    let Some(container) = Container::start("application", PROGRAMS, &[]) else { return };
    let inside = |words: &[&str]| {
        let done = Command::new("docker").arg("exec").args(words).output().expect("docker");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let name = container.0.as_str();
    inside(&[name, "sh", "-c", "echo nobody:x:65534:65534::/:/bin/sh > /etc/passwd"]);
    inside(&["-d", "-u", "65534", "-e", &format!("http_proxy={PROXY}"), name, "sleep", "7700"]);
    let vantages = format!("vantages:\n  app1-a: {{ docker: {{ container: {name} }} }}\n");
    // It has no network but its own loopback address, where nothing listens: with the proxy, another thing is refused.
    let program = Program::with_plan(&plan(&vantages, "app1-a", "127.0.0.1:2", "process: '^sleep 7700$'"));
    let (clean, whole) = rows(&program);
    assert_eq!((&clean["outcome"], &whole["outcome"]), (&"fail".into(), &"fail".into()), "{whole:#}");
    assert!(clean["message"].as_str().expect("a message").contains("127.0.0.1:2"), "{clean:#}");
    assert!(whole["message"].as_str().expect("a message").contains("127.0.0.1:1 "), "{whole:#}");
    assert!(whole["layers"].to_string().contains(r#""named_by":"http_proxy""#), "{whole:#}");
    let left = Command::new("docker").args(["exec", name, "sh", "-c", "echo /tmp/*"]).output();
    assert_eq!(String::from_utf8_lossy(&left.expect("docker").stdout).trim(), "/tmp/*");
}
