//! A path looked at as the application: a real process of another user, with a proxy and a group of its own.
//!
//! The user exists in a mount namespace only: nothing of the machine's own `/etc` is touched.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::certificates::{Authority, Files};
use crate::support::program::Program;
use crate::support::skip;

const USER: u32 = 4711;
const GROUP: u32 = 4712;

/// A process that ends with the test.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a plan; `app1` is a vantage whose users are those of the folder.
struct Site {
    program: Program,
    /// Seconds that the application sleeps: its command line is like no other.
    mark: String,
}

impl Site {
    /// None, said aloud, where we are not root or may not make a mount namespace.
    fn new() -> Option<Self> {
        let may = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
        if !nix::unistd::geteuid().is_root() || !may {
            skip("root, for another user in a mount namespace,");
            return None;
        }
        let program = Program::empty();
        let at = |name: &str| program.path(name).display().to_string();
        for folder in [program.path(""), program.path("tmp")] {
            std::fs::create_dir_all(&folder).expect("a folder");
            let mode = if folder.ends_with("tmp") { 0o1777 } else { 0o755 };
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
        program.write(
            "passwd",
            &format!("root:x:0:0:root:/root:/bin/sh\napp1:x:{USER}:{USER}::/nonexistent:/bin/sh\n"),
        );
        program.write("group", &format!("root:x:0:\napp1:x:{USER}:\nkeys:x:{GROUP}:app1\n"));
        // Our own program is not to be seen there: it has to be brought, and to be taken away.
        let ours = Path::new(env!("CARGO_BIN_EXE_gonogo")).parent().expect("a folder").display();
        let start = format!(
            "#!/bin/sh\nmount --bind {} /etc/passwd && mount --bind {} /etc/group && mount -t tmpfs none {ours} && TMPDIR={} exec \"$@\"\n",
            at("passwd"),
            at("group"),
            at("tmp")
        );
        program.write("start", &start);
        std::fs::set_permissions(program.path("start"), std::fs::Permissions::from_mode(0o755))
            .expect("a mode");
        let mark = format!(
            "7{}",
            program
                .path("")
                .display()
                .to_string()
                .bytes()
                .map(u64::from)
                .fold(u64::from(std::process::id()), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)
                    % 1_000_000_000)
        );
        Some(Self { program, mark })
    }

    /// The application, with these variables.
    fn application(&self, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new("/bin/sleep");
        command.arg(&self.mark).env_clear().envs(variables.iter().copied());
        command.uid(USER).gid(USER).stdin(Stdio::null());
        Process(command.spawn().expect("sleep"))
    }

    fn plan(&self, links: &str) {
        let text = format!(
            "gonogo: 1\nvantages:\n  app1-a: {{ exec: {{ prefix: [unshare, -m, '{}'] }} }}\napps: {{ app1: {{ runs_on: app1-a }} }}\nsystems: {{ app2: {{}} }}\nlinks:\n{links}",
            self.program.path("start").display()
        );
        self.program.write(
            "gonogo.yaml",
            &text.replace("PROCESS", &format!("process: '^/bin/sleep {}$'", self.mark)),
        );
    }

    fn row(&self, id: &str) -> Value {
        let result = self.program.result();
        let rows = result["checks"].as_array().expect("checks");
        rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {result:#}")).clone()
    }

    /// What was brought is gone.
    fn is_clean(&self) {
        let left: Vec<_> = std::fs::read_dir(self.program.path("tmp")).expect("a folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// `openssl s_server`, which wants a certificate of its callers.
fn server(authority: &Authority, own: &Files) -> (Process, u16) {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
    let mut command = Command::new("openssl");
    command.args([
        "s_server",
        "-quiet",
        "-www",
        "-Verify",
        "1",
        "-verify_return_error",
        "-accept",
        &format!("127.0.0.1:{port}"),
    ]);
    command.arg("-CAfile").arg(authority.ca()).arg("-cert").arg(&own.certificate).arg("-key").arg(&own.key);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Process(command.spawn().expect("openssl"));
    let began = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "openssl does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    (server, port)
}

#[test]
fn what_only_the_application_meets_is_found_and_named() {
    let Some(site) = Site::new() else { return };
    let authority = Authority::new("application");
    let (own, client) =
        (authority.issue(&["localhost"], "localhost", 50), authority.issue(&["app1"], "app1", 50));
    let (_server, port) = server(&authority, &own);
    // As a site keeps it: root's, readable by one group.
    for (from, name) in
        [(authority.ca(), "ca.pem"), (client.certificate, "app1.crt"), (client.key, "app1.key")]
    {
        std::fs::copy(from, site.program.path(name)).expect("a copy");
        std::fs::set_permissions(site.program.path(name), std::fs::Permissions::from_mode(0o640))
            .expect("a mode");
        chown(site.program.path(name), Some(0), Some(GROUP)).expect("an owner");
    }
    let at = |name: &str| site.program.path(name).display().to_string();
    let call = format!(
        "from: app1, to: app2, http: {{ url: 'https://localhost:{port}/', ca: '{}', client_certificate: {{ cert: '{}', key: '{}' }} }}",
        at("ca.pem"),
        at("app1.crt"),
        at("app1.key")
    );
    site.plan(&format!(
        "  - {{ id: clean, {call} }}\n  - {{ id: user, {call}, as_application: {{ user: app1 }} }}\n  - {{ id: whole, {call}, as_application: {{ user: app1, environment: {{ PROCESS }} }} }}\n"
    ));
    let proxy = "http://ann:canary-proxy@127.0.0.1:1";
    let application = site.application(&[("HTTPS_PROXY", proxy), ("DATABASE_PASSWORD", "canary-4711")]);
    let ended = site.program.run(&["run"]);
    ended.code(1);
    assert_eq!(site.row("clean")["outcome"], "pass");
    let user = site.row("user");
    assert_eq!(user["outcome"], "pass", "{user:#}");
    let whole = site.row("whole");
    assert_eq!(whole["outcome"], "fail", "{whole:#}");
    assert_eq!(whole["findings"][0]["id"], "proxy-env-dead", "{whole:#}");
    assert_eq!(whole["findings"][0]["confidence"], "high", "{whole:#}");
    let journal = site.program.journal();
    assert!(journal.contains(r#""user":"app1""#), "{journal}");
    let written = [&journal, &ended.stdout, &ended.stderr, &site.program.result().to_string()]
        .map(String::as_str)
        .concat();
    for canary in ["canary-4711", "canary-proxy", "YW5uOmNhbmFyeS1wcm94eQ"] {
        assert!(!written.contains(canary), "{canary}");
    }
    site.is_clean();
    let doctor = site.program.run(&["doctor"]);
    doctor.code(0);
    assert!(doctor.stdout.contains("HTTPS_PROXY=127.0.0.1:1"), "{}", doctor.stdout);
    drop(application);
    let _clean = site.application(&[("DATABASE_PASSWORD", "canary-4711")]);
    site.program.run(&["run", "--fresh"]).code(0);
}

#[test]
fn an_application_started_anew_is_looked_as_with_its_new_variables() {
    let Some(site) = Site::new() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let through = format!("http://{}", proxy.local_addr().expect("an address"));
    site.plan(&format!(
        "  - {{ id: path, from: app1, to: app2, retry: {{ for: 120s, every: 1s }}, http: {{ url: 'http://{address}/' }}, as_application: {{ user: app1, environment: {{ PROCESS }} }} }}\n"
    ));
    let before = site.application(&[("HTTP_PROXY", &through)]);
    let running = site.program.start(&["run"]);
    // Its first variables are used: the call comes to its proxy, which is then no more.
    drop(proxy.accept().expect("a call"));
    drop(proxy);
    drop(before);
    let _after = site.application(&[("NO_PROXY", "*")]);
    let ended = running.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(site.row("path")["outcome"], "pass");
    site.is_clean();
}

#[test]
fn an_application_that_cannot_be_told_is_an_error_and_never_a_pass() {
    let Some(site) = Site::new() else { return };
    let link = |id: &str, who: &str| {
        format!(
            "  - {{ id: {id}, from: app1, to: app2, command: {{ argv: ['true'] }}, as_application: {{ {who} }} }}\n"
        )
    };
    let links = [
        link("nobody", "user: app9"),
        link("process", "environment: { PROCESS }"),
        link("pid-file", "environment: { pid_file: /nonexistent/app1.pid }"),
        link("unit", "environment: { unit: gonogo-no-such-unit }"),
        // A user that may not read another's environment.
        link("rights", "user: app1, environment: { pid_file: /proc/self/root/proc/1/comm }"),
    ];
    site.plan(&links.concat());
    site.program.run(&["run"]).code(1);
    for (id, says) in [
        ("nobody", "no user app9"),
        ("process", "is the application running?"),
        ("pid-file", "/nonexistent/app1.pid"),
        ("unit", "is the application running?"),
        ("rights", "process number"),
    ] {
        let row = site.row(id);
        assert_eq!(row["outcome"], "error", "{row:#}");
        assert!(row["message"].as_str().expect("a message").contains(says), "{row:#}");
    }
    // Two that disagree on what is used; on what is not used they may.
    site.plan(&link("process", "environment: { PROCESS }"));
    let _one = site.application(&[("HTTP_PROXY", "http://127.0.0.1:1"), ("WORKER", "1")]);
    {
        let _other = site.application(&[("HTTP_PROXY", "http://127.0.0.1:2")]);
        site.program.run(&["run", "--fresh"]).code(1);
        let row = site.row("process");
        assert_eq!(row["outcome"], "error", "{row:#}");
        assert!(row["message"].as_str().expect("a message").contains("differ in HTTP_PROXY"), "{row:#}");
    }
    let _same = site.application(&[("HTTP_PROXY", "http://127.0.0.1:1"), ("WORKER", "2")]);
    site.program.run(&["run", "--fresh"]).code(0);
    // Root's process, and a user that may not look into it.
    site.program.write("root.pid", &std::process::id().to_string());
    let pid = site.program.path("root.pid").display().to_string();
    site.plan(&link("rights", &format!("user: app1, environment: {{ pid_file: '{pid}' }}")));
    site.program.run(&["run", "--fresh"]).code(1);
    let row = site.row("rights");
    assert_eq!(row["outcome"], "error", "{row:#}");
    assert!(row["message"].as_str().expect("a message").contains("look as its user, or as root"), "{row:#}");
}
