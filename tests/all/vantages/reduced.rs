//! Where our program cannot be placed: the look is reduced to what a shell can do, says so, and is an error where that is
//! not enough. The place is this machine, with every folder that could be written to mounted read-only.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::program::Program;
use crate::support::skip;

/// A plan's folder whose vantage `fixed` has no place for our program, and writes down what is run there.
struct Fixed {
    program: Program,
    /// Where it does, outside of what is hidden.
    log: tempfile::TempDir,
}

impl Fixed {
    fn new() -> Option<Self> {
        let allowed = Command::new("unshare").args(["-m", "true"]).output();
        if !allowed.is_ok_and(|output| output.status.success()) {
            skip("a mount namespace, as root");
            return None;
        }
        let log = tempfile::tempdir_in("/var/lib").expect("a folder");
        let own = std::path::Path::new(env!("CARGO_BIN_EXE_gonogo")).parent().expect("a folder").display();
        let script = format!(
            "#!/bin/sh\n{{ printf '%s\\n' \"$@\"; env; }} >> {}/ran\nexec unshare -m --propagation private sh -c 'for folder in /tmp /var/tmp /root /dev/shm {own}; do mount -t tmpfs -o ro tmpfs \"$folder\"; done; exec \"$@\"' sh \"$@\"\n",
            log.path().display()
        );
        let path = log.path().join("fixed");
        std::fs::write(&path, script).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        Some(Self { program: Program::empty(), log })
    }

    /// The only check's row, and the journal, after a run of a plan with this check.
    fn row(&self, check: &str) -> (Value, String) {
        self.program.write(
            "gonogo.yaml",
            &format!(
                "gonogo: 1\nvantages:\n  fixed: {{ exec: {{ prefix: ['{}/fixed'] }} }}\nchecks:\n  - {{ id: look, from: fixed, {check} }}\n",
                self.log.path().display()
            ),
        );
        let ended = self.program.run(&["run", "--fresh"]);
        let row = self.program.result()["checks"][0].clone();
        ended.code(i32::from(row["outcome"] != "pass"));
        (row, self.program.journal())
    }

    /// The outcome, the layer that decided, and the message.
    fn outcome(&self, check: &str) -> (String, String, String) {
        let (row, _) = self.row(check);
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("decided_by"), text("message"))
    }
}

/// What a server was asked, request by request.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that answers every request with this status; connections that ask nothing are left alone.
fn server(status: &'static str) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
            while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(read @ 1..) => request.extend_from_slice(&chunk[..read]),
                    Ok(_) | Err(_) => break,
                }
            }
            if !request.is_empty() {
                let body = "{\"version\": \"4.2.0\"}";
                let answer = format!(
                    "HTTP/1.1 {status}\r\nServer: shop\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
                kept.lock().expect("a lock").push(String::from_utf8_lossy(&request).into_owned());
            }
        }
    });
    (address, heard)
}

#[test]
fn the_layers_that_a_shell_sees_are_told_as_reduced() {
    let Some(fixed) = Fixed::new() else { return };
    let (address, _) = server("200 OK");
    let (row, journal) = fixed.row(&format!("tcp: {{ address: 'localhost:{}' }}", address.port()));
    assert_eq!(row["outcome"], "pass", "{row}");
    let reduced = row["layers"][0]["worked"]["reduced"].as_str().expect("a reason");
    assert!(reduced.contains("written to and run from") && reduced.contains("program:"), "{reduced}");
    assert!(journal.contains(r#""by":"getent""#), "{journal}");
    assert!(row["message"].as_str().expect("a message").contains("(reduced)"), "{row}");
    let (outcome, layer, message) = fixed.outcome("tcp: { address: '127.0.0.1:1' }");
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "tcp"), "{message}");
    assert!(message.contains("refused"), "{message}");
    let (outcome, _, message) = fixed.outcome("dns: { name: localhost, expect: { count: { at_least: 1 } } }");
    assert_eq!(outcome, "pass", "{message}");
    let (outcome, layer, message) = fixed.outcome("dns: { name: nowhere.invalid }");
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "dns"), "{message}");
    let doctor = fixed.program.run(&["doctor"]);
    doctor.code(0);
    assert!(doctor.stdout.contains("CAUTION  vantage   fixed"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("by shell commands only"), "{}", doctor.stdout);
}

#[test]
fn what_a_shell_cannot_answer_is_an_error() {
    let Some(fixed) = Fixed::new() else { return };
    for (check, told) in [
        ("command: { argv: ['true'] }", "cannot answer a `command` check"),
        ("postgres: { url: 'postgres://127.0.0.1:1/x' }", "cannot answer a `postgres` check"),
        ("tcp: { address: '127.0.0.1:1', expect: { banner: x } }", "cannot do what `expect` asks"),
        ("dns: { name: localhost, type: MX }", "cannot do what `type` asks"),
        ("http: { url: 'http://127.0.0.1:1/', redirects: 2 }", "cannot do what `redirects` asks"),
        (
            "http: { url: 'http://127.0.0.1:1/', auth: { bearer: { env: TOKEN, on: vantage } } }",
            "keep a secret",
        ),
    ] {
        let (outcome, _, message) = fixed.outcome(check);
        assert_eq!(outcome, "error", "{check}: {message}");
        assert!(message.contains(told) && message.contains("program:"), "{check}: {message}");
    }
}

#[test]
fn curl_calls_and_no_secret_is_in_its_arguments() {
    let Some(fixed) = Fixed::new() else { return };
    fixed.program.write("token", "canary-4711\n");
    let (address, heard) = server("200 OK");
    let call = |more: &str| {
        format!("http: {{ url: 'http://{address}/status', auth: {{ bearer: {{ file: token }} }}, {more} }}")
    };
    let (row, journal) =
        fixed.row(&call("expect: { json: { '$.version': 4.2.0 }, headers: { server: shop } }"));
    assert_eq!(row["outcome"], "pass", "{row}");
    let asked = heard.lock().expect("a lock").concat();
    assert!(asked.contains("GET /status HTTP/1.1\r\n") && asked.contains("Bearer canary-4711"), "{asked}");
    let (outcome, layer, message) = fixed.outcome(&call("expect: { json: { '$.version': 4.3.0 } }"));
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "payload"), "{message}");
    let (down, _) = server("503 Service Unavailable");
    let (outcome, layer, message) = fixed.outcome(&format!("http: {{ url: 'http://{down}/' }}"));
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "protocol"), "{message}");
    let ran = std::fs::read_to_string(fixed.log.path().join("ran")).expect("what was run");
    assert!(ran.contains("curl"), "{ran}");
    for text in [&ran, &journal, &fixed.program.read("gonogo-out/result.json")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

/// `openssl s_server` with this certificate, ended on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn openssl_judges_the_certificate() {
    let Some(fixed) = Fixed::new() else { return };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let at = |name: &str| fixed.log.path().join(name).display().to_string();
    std::fs::write(at("cert"), made.cert.pem()).expect("a file");
    std::fs::write(at("key"), made.signing_key.serialize_pem()).expect("a file");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")])
        .args(["-cert", &at("cert"), "-key", &at("key")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let _server = Server(server);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let tls = |more: &str| format!("tls: {{ address: 'localhost:{port}', ca: '{}'{more} }}", at("cert"));
    let (row, _) = fixed.row(&tls(", expect: { names: { contains: localhost } }"));
    assert_eq!(row["outcome"], "pass", "{row}");
    let (outcome, layer, message) = fixed.outcome(&tls(", server_name: other.example"));
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "tls"), "{message}");
    assert!(message.contains("other.example"), "{message}");
    let (outcome, layer, message) = fixed.outcome(&format!("tls: {{ address: 'localhost:{port}' }}"));
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "tls"), "{message}");
    assert!(message.contains("self-signed"), "{message}");
    let call = |ca: &str| format!("http: {{ url: 'https://localhost:{port}/'{ca} }}");
    let (outcome, _, message) = fixed.outcome(&call(&format!(", ca: '{}'", at("cert"))));
    assert_eq!(outcome, "pass", "{message}");
    let (outcome, layer, message) = fixed.outcome(&call(""));
    assert_eq!((outcome.as_str(), layer.as_str()), ("fail", "tls"), "{message}");
}
