//! Canaries in every place a secret can be, and a search of everything that is written.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::support::program::Program;

const CANARIES: [&str; 18] = [
    "canary-env-7f3a91",
    "canary-file-7f3a92",
    "canary-command-7f3a93",
    "canary-literal-7f3a94",
    "canary-var-7f3a95",
    "canary-url-7f3a96",
    "canary \"quoted\" 7f3a97",
    "canary-flow-7f3a98",
    "canary-slack-7f3a99",
    "canary-teams-7f3a9a",
    "canary-signing-7f3a9b",
    "canary-told-7f3a9c",
    "canary-scheme-7f3a9d",
    "canary-written-7f3a9e",
    "canary-cookie-7f3a9f",
    "canary-key-7f3aa0",
    "canary-query-7f3aa1",
    "canary-path-7f3aa2",
];

/// A server that says everything it hears, in its headers and in its body.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut heard = vec![0; 65_536];
                let length = stream.read(&mut heard).unwrap_or(0);
                let heard = String::from_utf8_lossy(&heard[..length]).into_owned();
                let one_line = heard.replace(['\r', '\n'], " ");
                let quoted = one_line.replace('"', "'");
                let (status, body) = match heard.split_whitespace().nth(1) {
                    Some("/b") => ("401 No", format!("<html><head><title>{one_line}</title></head></html>")),
                    Some("/d") => ("404 No", format!(r#"{{"{quoted}":["{quoted}"],"error":"{quoted}"}}"#)),
                    _ => ("401 No", format!("you said {heard}")),
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nServer: {one_line}\r\nWWW-Authenticate: Basic realm=\"{quoted}\"\r\nRetry-After: {one_line}\r\nAllow: {one_line}\r\nLink: {one_line}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    port
}

fn plan(port: u16) -> String {
    format!(
        r#"gonogo: 1
name: canaries
vars: {{ door: "${{env:CANARY_VAR}}" }}
notify:
  # One that echoes what it is sent, one at which nobody listens, one that is no URL, one whose host cannot be found.
  - slack: {{ url: {{ env: CANARY_SLACK }} }}
  - teams: {{ url: {{ env: CANARY_TEAMS }} }}
  - teams: {{ url: {{ env: CANARY_SCHEME }} }}
  - webhook: {{ url: {{ env: CANARY_HOOK }}, secret: {{ env: CANARY_SIGNING }} }}
  - command: {{ argv: [sh, -c, "echo no: $TOLD >&2; exit 1"], environment: {{ TOLD: {{ env: CANARY_TOLD }} }} }}
checks:
  - id: bearer
    http: {{ url: "http://127.0.0.1:{port}/a", auth: {{ bearer: {{ env: CANARY_ENV }} }}, record_body: true }}
  - id: basic
    http: {{ url: "http://127.0.0.1:{port}/b", auth: {{ basic: {{ user: ann, password: {{ file: secret.txt }} }} }}, record_body: true }}
  - id: header
    http: {{ url: "http://127.0.0.1:{port}/c", headers: {{ X-Key: {{ command: [cat, command.txt] }} }}, expect: {{ status: 401, body: nothing }} }}
  - id: literal
    http: {{ url: "http://127.0.0.1:{port}/d", auth: {{ bearer: canary-literal-7f3a94 }}, expect: {{ status: 401, body: {{ contains: nothing }} }} }}
  - id: variable
    http: {{ url: "http://127.0.0.1:{port}/e?door=${{door}}", expect: {{ status: 401, headers: {{ server: nothing }} }} }}
  - id: database
    postgres: {{ url: "postgres://ann:canary-url-7f3a96@127.0.0.1:{port}/x?sslmode=disable" }}
  - id: program
    command: {{ argv: [sh, -c, "echo $CANARY >&2; echo $CANARY; exit 3"], environment: {{ CANARY: {{ env: CANARY_QUOTED }} }} }}
  - id: steps
    flow:
      base_url: "http://127.0.0.1:{port}"
      steps:
        - {{ post: /login, form: {{ user: ann, password: {{ env: CANARY_FLOW }} }} }}
  - id: written
    http: {{ url: "http://127.0.0.1:{port}/g?x=1&token=canary-query-7f3aa1", headers: {{ Authorization: Bearer canary-written-7f3a9e, Cookie: "lang=en; session=canary-cookie-7f3a9f", X-Api-Key: canary-key-7f3aa0 }}, record_body: true }}
  - id: written-steps
    flow: {{ base_url: "http://127.0.0.1:{port}", steps: [{{ get: "/h?api_key=canary-path-7f3aa2" }}] }}
  - id: absent
    http: {{ url: "http://127.0.0.1:{port}/f", auth: {{ bearer: {{ command: [sh, -c, "cat command.txt; exit 1"] }} }} }}
"#
    )
}

#[test]
fn no_secret_is_in_anything_that_is_written() {
    let port = echo();
    let program = Program::with_plan(&plan(port))
        .env("CANARY_SLACK", &format!("http://127.0.0.1:{port}/services/{}", CANARIES[8]))
        .env("CANARY_TEAMS", &format!("http://127.0.0.1:1/{}?sig={}", CANARIES[9], CANARIES[9]))
        .env("CANARY_HOOK", &format!("https://nowhere.invalid/{}", CANARIES[9]))
        .env("CANARY_SCHEME", &format!("{}:foo", CANARIES[12]))
        .env("CANARY_SIGNING", CANARIES[10])
        .env("CANARY_TOLD", CANARIES[11])
        .env("CANARY_ENV", CANARIES[0])
        .env("CANARY_VAR", CANARIES[4])
        .env("CANARY_QUOTED", CANARIES[6])
        .env("CANARY_FLOW", CANARIES[7])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", "step.md")
        .env("GITHUB_OUTPUT", "output.txt");
    program.write("secret.txt", &format!("{}\n", CANARIES[1]));
    program.write("command.txt", &format!("{}\n", CANARIES[2]));

    let mut said = Vec::new();
    for arguments in [
        &["validate"][..],
        &["validate", "--format", "json"],
        &["plan"],
        &["plan", "--commands"],
        &["plan", "--format", "json"],
        &["doctor"],
        &["run", "--log", "trace"],
        &["retest", "--failed"],
        &["report"],
        &["report", "--format", "json"],
        &["report", "--format", "junit"],
        &["report", "--format", "markdown"],
        &["report", "--format", "github"],
    ] {
        let ended = program.run(arguments);
        said.push((arguments.join(" "), ended.stdout));
        said.push((arguments.join(" "), ended.stderr));
    }
    let url = format!("postgres://ann:{}@127.0.0.1:1/x", CANARIES[5]);
    for format in ["text", "json"] {
        let ended = program.run(&["probe", &url, "--format", format]);
        said.push((format!("probe {format}"), ended.stdout + &ended.stderr));
    }
    // A mistake on the line of a secret shows that line.
    let broken = program.read("gonogo.yaml").replace("auth: { bearer: canary", "atuh: { bearer: canary");
    let broken = broken.replace("postgres: { url", "postgres: { ulr");
    program.write("broken.yaml", &broken);
    for format in ["text", "json"] {
        let ended = program.run(&["validate", "broken.yaml", "--format", format]);
        ended.code(2);
        said.push((format!("validate broken {format}"), ended.stdout + &ended.stderr));
    }

    assert_eq!(program.result()["counts"]["total"], 11);
    assert!(program.read("gonogo-out/result.json").contains("***"), "something was starred");
    for (what, text) in &said {
        search(what, text);
    }
    let mut files = 0;
    search_folder(&program.path("gonogo-out"), &mut files);
    search_folder(&program.path(".gonogo"), &mut files);
    for name in ["step.md", "output.txt"] {
        search(name, &program.read(name));
    }
    assert!(files > 6, "{files} files were searched");
}

fn search_folder(folder: &Path, files: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            search_folder(&entry.path(), files);
        } else {
            *files += 1;
            search(
                &entry.path().display().to_string(),
                &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()),
            );
        }
    }
}

fn search(what: &str, text: &str) {
    use base64::Engine as _;
    for canary in CANARIES {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("ann:{canary}"));
        for form in [canary, &canary.replace('"', "\\\""), &canary.replace(' ', "+"), &encoded] {
            assert!(!text.contains(form), "{what} holds {form}: {}", around(text, form));
        }
    }
    // Half of a canary is a leak as well.
    assert!(!text.contains("7f3a9"), "{what} holds a piece of a secret: {}", around(text, "7f3a9"));
}

fn around(text: &str, found: &str) -> String {
    let line = text.lines().find(|line| line.contains(found)).unwrap_or_default();
    line.chars().take(2000).collect()
}
