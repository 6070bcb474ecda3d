//! Every format, what is missing, what is broken, and what is never shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Config;
use crate::environment::Environment;
use crate::model::fault::Fault;
use crate::model::outcome::{Judgement, Outcome};
use crate::model::trace::Trace;
use crate::probe::{Context, Probe, Recorder, Surroundings};
use crate::secret::{Scrubber, Vault};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn bind(node: Value) -> (Config, Vec<String>) {
    let mut probe: Config = serde_json::from_value(node).unwrap();
    let databases = indexmap::IndexMap::new();
    let problems = probe.bind(&Surroundings { folder: Path::new("/plans"), databases: &databases });
    (probe, problems.into_iter().map(|problem| problem.path.join(".")).collect())
}

async fn look(node: Value) -> (Trace, Judgement) {
    let (probe, problems) = bind(node);
    assert_eq!(problems, Vec::<String>::new());
    let environment = Arc::new(Environment::default());
    let vault = Arc::new(Vault::new(Arc::clone(&environment), Arc::new(Scrubber::default())));
    let context = Context { vault, environment, net: Arc::default() };
    let mut recorder = Recorder::new(context, Duration::from_secs(10), CancellationToken::new());
    let result = probe.run(&mut recorder).await;
    let trace = recorder.finish(result);
    let judgement = Judgement::of(&trace, &probe.layers(), None);
    (trace, judgement)
}

/// The value at a key is exactly this.
async fn says(file: &Path, key: &str, value: Value) {
    let (trace, judgement) = look(json!({ "file": file, "key": key, "expect": value })).await;
    assert_eq!(judgement.outcome, Outcome::Pass, "{key}: {trace:?}");
    let (_, judgement) = look(json!({ "file": file, "key": key, "expect": "something else" })).await;
    assert_eq!(judgement.outcome, Outcome::Fail, "{key} is anything");
}

async fn lacks(file: &Path, key: &str) {
    let (trace, judgement) = look(json!({ "file": file, "key": key })).await;
    assert_eq!(judgement.outcome, Outcome::Fail, "{key}");
    assert!(matches!(trace.broken(), Some((_, Fault::KeyMissing { .. }))), "{trace:?}");
    let (_, judgement) = look(json!({ "file": file, "key": key, "expect": { "exists": false } })).await;
    assert_eq!(judgement.outcome, Outcome::Pass, "{key}");
}

#[tokio::test]
async fn properties() {
    let folder = Folder::new();
    let text = "# comment\napp2.url = https://app2:8443/\napp2.port: 8443\nlong = one \\\n  two\ntwice=1\ntwice=2\n";
    let file = folder.write("application.properties", text);
    says(&file, "app2.url", json!("https://app2:8443/")).await;
    says(&file, "app2.port", json!(8443)).await;
    says(&file, "long", json!("one two")).await;
    says(&file, "twice", json!(2)).await;
    lacks(&file, "app2").await;
}

#[tokio::test]
async fn environment_files() {
    let folder = Folder::new();
    let text = "# comment\nexport A=one\nB=\"two \\\"quoted\\\" $HOME\"\nC='$literal'\nD=\nE=x=y\nA=last\n";
    let file = folder.write(".env", text);
    says(&file, "A", json!("last")).await;
    says(&file, "B", json!("two \"quoted\" $HOME")).await;
    says(&file, "C", json!("$literal")).await;
    says(&file, "D", json!("")).await;
    says(&file, "E", json!("x=y")).await;
    lacks(&file, "HOME").await;
}

#[tokio::test]
async fn json_and_toml() {
    let folder = Folder::new();
    let tree = r#"{ "app2": { "url": "https://app2/", "ports": [80, 443] }, "spring.profile": { "name": "prod" }, "off": null }"#;
    let file = folder.write("settings.json", tree);
    says(&file, "app2.url", json!("https://app2/")).await;
    says(&file, "app2.ports.1", json!(443)).await;
    says(&file, "spring.profile.name", json!("prod")).await;
    says(&file, "off", Value::Null).await;
    lacks(&file, "app2.ports.2").await;
    let tree = "when = 2007-09-22\n[app2]\nurl = 'https://app2/'\non = true\nports = [80, 443]\n";
    let file = folder.write("settings.toml", tree);
    says(&file, "app2.url", json!("https://app2/")).await;
    says(&file, "app2.on", json!(true)).await;
    says(&file, "app2.ports", json!([443, 80])).await;
    says(&file, "when", json!("2007-09-22")).await;
    lacks(&file, "app3.url").await;
}

#[tokio::test]
async fn yaml() {
    let folder = Folder::new();
    let text = "app2:\n  url: https://app2/\n  version: 4.20\n  on: true\n  off:\n  ports: [80, 443]\nspring.profile: {name: prod}\n";
    let file = folder.write("application.yml", text);
    says(&file, "app2.url", json!("https://app2/")).await;
    says(&file, "app2.version", json!("4.20")).await;
    says(&file, "app2.on", json!(true)).await;
    says(&file, "app2.off", Value::Null).await;
    says(&file, "app2.ports.1", json!(443)).await;
    says(&file, "app2.ports", json!([80, 443])).await;
    says(&file, "spring.profile.name", json!("prod")).await;
    lacks(&file, "app3").await;
}

#[tokio::test]
async fn ini_files() {
    let folder = Folder::new();
    let text = "; comment\ntop=1\n[app2]\nurl = https://app2/\npath=C:\\new\n[a.b]\nc=2\n";
    let file = folder.write("app.ini", text);
    says(&file, "top", json!(1)).await;
    says(&file, "app2.url", json!("https://app2/")).await;
    says(&file, "app2.path", json!("C:\\new")).await;
    says(&file, "a.b.c", json!(2)).await;
    lacks(&file, "app2.top").await;
}

#[tokio::test]
async fn xml() {
    let folder = Folder::new();
    let text = r#"<?xml version="1.0"?>
        <server xmlns="urn:x">
          <connector name="main" port="8443"><host>app2</host></connector>
          <connector name="admin" port="9443"/>
          <path value="a/b"/>
        </server>"#;
    let file = folder.write("server.xml", text);
    says(&file, "server/connector[@name='main']/host", json!("app2")).await;
    says(&file, "/server/connector[@name='admin']/@port", json!(9443)).await;
    says(&file, "server/connector/@port", json!(["8443", "9443"])).await;
    lacks(&file, "server/connector[@name='a/b']/@port").await;
    lacks(&file, "connector").await;
}

#[tokio::test]
async fn patterns() {
    let folder = Folder::new();
    let file = folder.write("nginx.conf", "http {\n  upstream app2 { server app2.int:8443; }\n}\n");
    let pattern = r"^\s*upstream app2 \{ server ([^;]+);";
    let (_, judgement) = look(json!({ "file": file, "pattern": pattern, "expect": "app2.int:8443" })).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    let (trace, judgement) = look(json!({ "file": file, "pattern": "upstream app3" })).await;
    assert_eq!(judgement.outcome, Outcome::Fail);
    assert!(matches!(trace.broken(), Some((_, Fault::KeyMissing { .. }))));
}

#[tokio::test]
async fn what_cannot_be_read_is_our_trouble() {
    let folder = Folder::new();
    let fifo = folder.0.path().join("fifo.env");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let large = folder.write("large.env", vec![b'x'; 16 * 1024 * 1024 + 1]);
    for file in [Path::new("/no/such/file.env"), folder.0.path(), &fifo, &large] {
        let node = json!({ "file": file, "key": "A", "format": "env", "expect": { "exists": false } });
        let (trace, judgement) = look(node).await;
        assert_eq!(judgement.outcome, Outcome::Error, "{trace:?}");
    }
}

#[tokio::test]
async fn a_broken_file_is_a_fault_that_shows_nothing_of_it() {
    let folder = Folder::new();
    for (name, text) in [
        ("a.json", "{ \"password\": \"hunter22\" \"x\": 1 }"),
        ("a.json", ""),
        ("a.toml", "password = \"hunter22\nx = 1"),
        ("a.toml", "x = 1\npassword = hunter22"),
        ("a.ini", "[section\npassword=hunter22\n"),
        ("a.yaml", "password: [hunter22\nx: 1"),
        ("a.yaml", "x: 1\nhunter22: 1\nhunter22: 2\n"),
        ("a.xml", "<a><password>hunter22</a>"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY x \"hunter22\">]><a>&x;</a>"),
        ("a.env", "password hunter22"),
        ("a.properties", "a=\\u12 hunter22"),
    ] {
        let file = folder.write(name, text);
        let key = if name.ends_with("xml") { "a/password" } else { "x" };
        let (trace, judgement) = look(json!({ "file": file, "key": key, "expect": { "exists": false } })).await;
        assert_eq!(judgement.outcome, Outcome::Fail, "{name} {text}");
        assert!(matches!(trace.broken(), Some((_, Fault::BadProtocol { .. }))), "{name} {text}: {trace:?}");
        assert!(!serde_json::to_string(&trace).unwrap().contains("hunter22"), "{trace:?}");
    }
}

#[tokio::test]
async fn a_value_nobody_compares_is_not_shown() {
    let folder = Folder::new();
    let file = folder.write("a.env", "PASSWORD=hunter22\n");
    let (trace, judgement) = look(json!({ "file": file, "key": "PASSWORD" })).await;
    assert_eq!(judgement.message, "PASSWORD there");
    assert!(!serde_json::to_string(&trace).unwrap().contains("hunter22"));
}

#[tokio::test]
async fn the_environment_of_a_process() {
    let mark = format!("3{:07}", std::process::id());
    let mut child = std::process::Command::new("sleep").arg(&mark).env("APP2_URL", "https://app2/").spawn().unwrap();
    let pattern = format!("^sleep {mark}$");
    let ask = |key: &str, expect: &str| json!({ "process": pattern, "key": key, "expect": expect });
    // Between fork and exec the command line is still ours.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let found = look(ask("APP2_URL", "https://app2/")).await;
    let differs = look(ask("APP2_URL", "https://app3/")).await;
    let missing = look(ask("APP3_URL", "https://app3/")).await;
    let mut second = std::process::Command::new("sleep").arg(&mark).env("APP2_URL", "other").spawn().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ambiguous = look(ask("APP2_URL", "https://app2/")).await;
    for process in [&mut child, &mut second] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let gone = look(ask("APP2_URL", "https://app2/")).await;
    assert_eq!(found.1.outcome, Outcome::Pass, "{found:?}");
    assert_eq!(differs.1.outcome, Outcome::Fail);
    assert!(matches!(missing.0.broken(), Some((_, Fault::KeyMissing { .. }))));
    assert_eq!(ambiguous.1.outcome, Outcome::Error);
    assert_eq!(gone.1.outcome, Outcome::Error);
}

#[test]
fn mistakes_are_told_when_the_plan_is_loaded() {
    for (node, path) in [
        (json!({ "key": "a" }), ""),
        (json!({ "file": "a.env" }), ""),
        (json!({ "file": "a.env", "key": "a", "pattern": "b" }), "pattern"),
        (json!({ "file": "a.env", "process": "b", "key": "a" }), "process"),
        (json!({ "process": "b", "key": "a", "format": "env" }), "format"),
        (json!({ "file": "a.env", "pattern": "(" }), "pattern"),
        (json!({ "file": "nginx.conf", "key": "a" }), "file"),
        (json!({ "file": "a.env", "key": "" }), "key"),
        (json!({ "file": "a.xml", "key": "a//b" }), "key"),
        (json!({ "file": "a.xml", "key": "a[b]/c" }), "key"),
    ] {
        assert_eq!(bind(node.clone()).1, [path], "{node}");
    }
    assert_eq!(bind(json!({ "file": "a.env", "key": "A" })).0.target(), "/plans/a.env: A");
}

#[tokio::test]
async fn a_configured_address_is_compared_and_nothing_beside_it_is_shown() {
    let folder = Folder::new();
    let file = folder.write(
        "application.properties",
        "app2.url = https://ann:planted@app2-old.example:8443/api\nport=8443\nbroken=${APP2}-planted\n",
    );
    let address = |key: &str, address: &str| json!({ "file": file, "key": key, "address": address });
    let (trace, judgement) = look(address("app2.url", "https://app2-old.example:8443")).await;
    assert_eq!(judgement.outcome, Outcome::Pass, "{trace:?}");
    let (_, judgement) = look(address("port", "https://app2.example:8443")).await;
    assert_eq!(judgement.outcome, Outcome::Pass);
    for (key, told) in [("app2.url", "https://app2-old.example:8443"), ("broken", "no address")] {
        let (trace, judgement) = look(address(key, "https://app2.example:8443")).await;
        let shown = serde_json::to_string(&trace).unwrap();
        assert_eq!(judgement.outcome, Outcome::Fail, "{shown}");
        assert!(shown.contains(told) && shown.contains("https://app2.example:8443"), "{shown}");
        assert!(!shown.contains("planted"), "{shown}");
    }
    let (_, judgement) = look(address("absent", "app2.example:8443")).await;
    assert_eq!(judgement.outcome, Outcome::Fail);
    let (_, problems) = bind(json!({ "file": "a.env", "key": "A", "expect": "x", "address": "no address!" }));
    assert_eq!(problems, ["address", "address"]);
}
