//! A night with a link: its path is proven before the calling app is up, the way through that app is owed until then.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::program::Program;

/// A web server that answers each path with the status it is told; 404 for any other.
struct Web {
    address: SocketAddr,
    statuses: Arc<Mutex<HashMap<String, u16>>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let statuses: Arc<Mutex<HashMap<String, u16>>> = Arc::default();
        let told = Arc::clone(&statuses);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.expect("a connection"), &told);
            }
        });
        Self { address, statuses }
    }

    fn says(&self, path: &str, status: u16) {
        self.statuses.lock().expect("nobody panics with it").insert(path.to_owned(), status);
    }
}

fn answer(mut stream: TcpStream, statuses: &Mutex<HashMap<String, u16>>) {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => head.extend_from_slice(&chunk[..read]),
            Ok(0) | Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let status = statuses.lock().expect("nobody panics with it").get(path).copied().unwrap_or(404);
    let text = format!(
        "HTTP/1.1 {status} Told\r\nServer: web/{status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    );
    stream.write_all(text.as_bytes()).unwrap_or_default();
}

/// The release: a database is split, app2 moves, then app1, which calls app2.
fn night(web: &Web, configured: &str) -> Program {
    let program = Program::with_plan(&format!(
        "gonogo: 1
name: night
people: {{ web: {{ name: Web team }}, back: {{ name: Back-end team }} }}
vantages:
  app1-a: {{ exec: {{ prefix: [env, NODE=a] }} }}
  app1-b: {{ exec: {{ prefix: [env, NODE=b] }} }}
  app2-a: {{ exec: {{ prefix: [env] }} }}
apps:
  app1: {{ runs_on: [app1-a, app1-b], owner: web, up_from: app1 }}
  app2: {{ runs_on: app2-a, owner: back, up_from: app2 }}
links:
  - id: app1-to-app2
    from: app1
    to: app2
    http: {{ url: 'http://{address}/version' }}
    through: {{ http: {{ url: 'http://{address}/diagnostics' }} }}
    configured: [{{ file: application.properties, key: app2.url }}]
    compare_from: [app2-a]
checks:
  - {{ id: split, owner: back, command: {{ argv: ['true'] }} }}
stages: [{{ id: db-split }}, {{ id: app2 }}, {{ id: app1 }}]
",
        address = web.address
    ));
    program.write("application.properties", &format!("app2.url = {configured}\n"));
    program
}

/// A night on which all is well.
fn healthy_night() -> (Web, Program) {
    let web = Web::start();
    web.says("/version", 200);
    web.says("/diagnostics", 200);
    let program = night(&web, &web.address.to_string());
    (web, program)
}

fn outcomes(result: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = result["checks"].as_array().expect("checks").iter();
    rows.map(|row| (text(row, "id"), text(row, "vantage"), text(row, "outcome"))).collect()
}

fn row<'r>(result: &'r Value, id: &str) -> &'r Value {
    let rows = result["checks"].as_array().expect("checks");
    rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no row {id}: {result}"))
}

#[test]
fn a_broken_path_is_a_no_go_before_the_calling_app_is_up() {
    let web = Web::start();
    web.says("/version", 503);
    let program = night(&web, &format!("http://{}/", web.address));
    program.run(&["run", "db-split"]).code(0);
    program.run(&["run", "app2"]).code(1);
    let result = program.result();
    assert_eq!(result["verdict"], "no_go");
    let rows = outcomes(&result);
    for vantage in ["app1-a", "app1-b"] {
        let is = |id: &str, outcome: &str| {
            rows.iter().any(|(row, from, was)| row == id && from == vantage && was == outcome)
        };
        assert!(is("app1-to-app2", "fail"), "{vantage}: {rows:?}");
        assert!(is("app1-to-app2/configured", "pass"), "{vantage}: {rows:?}");
        assert!(is("app1-to-app2/through", "not_run"), "{vantage}: {rows:?}");
    }
    assert!(!rows.iter().any(|(_, from, _)| from == "app2-a"), "it never decides: {rows:?}");
}

#[test]
fn a_proven_path_is_provisional_until_the_way_through_the_app_is_proven_too() {
    let web = Web::start();
    web.says("/version", 200);
    let program = night(&web, &format!("http://{}/api", web.address));
    program.run(&["run", "db-split"]).code(0);
    program.run(&["run", "app2"]).code(3);
    let result = program.result();
    assert_eq!(result["verdict"], "provisional_go", "{result}");
    assert_eq!(row(&result, "app1-to-app2")["outcome"], "pass");
    let summary = program.read("gonogo-out/summary.txt");
    assert!(summary.contains("app1-to-app2/through"), "{summary}");
    assert!(summary.contains("app1 is not up yet"), "{summary}");
    web.says("/diagnostics", 200);
    program.run(&["run", "app1"]).code(0);
    let result = program.result();
    assert_eq!(result["verdict"], "go", "{result}");
    assert_eq!(row(&result, "app1-to-app2/through")["outcome"], "pass");
}

#[test]
fn a_way_through_that_fails_revokes_the_provisional_go() {
    let web = Web::start();
    web.says("/version", 200);
    let program = night(&web, &web.address.to_string());
    program.run(&["run", "db-split"]).code(0);
    program.run(&["run", "app2"]).code(3);
    web.says("/diagnostics", 502);
    program.run(&["run", "app1"]).code(1);
    let result = program.result();
    assert_eq!(row(&result, "app1-to-app2")["outcome"], "pass");
    assert_eq!(row(&result, "app1-to-app2/through")["outcome"], "fail");
    let summary = program.read("gonogo-out/summary.txt");
    assert!(summary.contains("REVOKED"), "{summary}");
    // The parts have names of their own on the command line.
    program.run(&["retest", "app1-to-app2/through"]).code(1);
    web.says("/diagnostics", 200);
    program.run(&["retest", "app1-to-app2/through"]).code(0);
}

#[test]
fn a_configured_target_that_is_another_one_fails_with_both_and_without_its_password() {
    let web = Web::start();
    web.says("/version", 200);
    let program = night(&web, "http://ann:planted@old-app2.example:8080/api");
    program.run(&["run", "db-split"]).code(0);
    program.run(&["run", "app2"]).code(1);
    let result = program.result();
    let row = row(&result, "app1-to-app2/configured");
    assert_eq!(row["outcome"], "fail", "{row}");
    let told = row.to_string();
    assert!(told.contains("http://old-app2.example:8080"), "{told}");
    assert!(told.contains(&format!("http://{}", web.address)), "{told}");
    for text in [result.to_string(), program.journal(), program.read("gonogo-out/summary.txt")] {
        assert!(!text.contains("planted"), "{text}");
    }
}

#[test]
fn an_app_that_cannot_be_reached_is_our_trouble_and_no_go() {
    let web = Web::start();
    web.says("/version", 200);
    let program = night(&web, &web.address.to_string());
    let plan = program.read("gonogo.yaml").replace("[env, NODE=b]", "[no-such-program]");
    program.write("gonogo.yaml", &plan);
    program.run(&["run", "db-split"]).code(0);
    program.run(&["run", "app2"]).code(1);
    let rows = outcomes(&program.result());
    let path: Vec<&str> =
        rows.iter().filter(|(id, ..)| id == "app1-to-app2").map(|(.., outcome)| outcome.as_str()).collect();
    assert_eq!(path, ["pass", "error"], "{rows:?}");
}

#[test]
fn a_plan_shows_its_links_with_what_is_owed_and_draws_them() {
    let web = Web::start();
    let program = night(&web, "x");
    let shown = program.run(&["plan"]);
    shown.code(0);
    for told in [
        "app1-to-app2  http",
        "link app1 to app2, from app1-a, app1-b",
        "when it fails, also asked from app2-a",
        "owed until app1  app1-to-app2/through: app1 is not up yet",
        "through app1",
        "owed since app2",
    ] {
        assert!(shown.stdout.contains(told), "{told}\n{}", shown.stdout);
    }
    let json = program.run(&["plan", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["pieces"][0]["id"], "app1");
    let through = row(&json, "app1-to-app2/through");
    assert_eq!((through["stage"].as_str(), through["due"].as_str()), (Some("app2"), Some("app1")));
    assert_eq!(
        (&through["link"]["part"], &through["link"]["compare_from"][0]),
        (&"through".into(), &"app2-a".into())
    );

    let dot = program.run(&["plan", "--graph", "dot"]);
    dot.code(0);
    assert!(dot.stdout.contains("\"app app1\" -> \"app app2\""), "{}", dot.stdout);
    let page = program.run(&["plan", "--graph", "html"]);
    page.code(0);
    assert!(page.stdout.contains("<svg") && page.stdout.contains("app1-to-app2"), "{}", page.stdout);
    assert!(!page.stdout.contains("<script") && !page.stdout.contains("src="), "{}", page.stdout);
    program.run(&["plan", "--graph", "html", "--format", "json"]).code(2);
}

#[test]
fn nothing_is_found_where_all_is_as_in_the_baseline_and_one_that_cannot_be_read_is_no_go() {
    let (_web, program) = healthy_night();
    let kept = program.run(&["baseline"]);
    kept.code(0);
    assert!(kept.stdout.contains("baseline: 7 of 7 passed"), "{}", kept.stdout);
    program.run(&["run"]).code(0);
    assert!(
        program.result()["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .all(|row| row["findings"] == serde_json::json!([]))
    );
    program.write(".gonogo/baseline.json", "{\"gonogo_baseline\": 1, \"rows\": [{");
    let refused = program.run(&["run"]);
    refused.code(5);
    assert!(refused.stderr.contains("gonogo baseline"), "{}", refused.stderr);
    assert_eq!(program.result()["verdict"], "no_go");
}

#[test]
fn what_is_not_as_it_was_is_told_though_all_is_green() {
    let (web, program) = healthy_night();
    let kept = program.run(&["baseline"]);
    kept.code(0);
    assert!(kept.stdout.contains("to compare with: 4 of 4 work"), "{}", kept.stdout);
    web.says("/version", 203);

    program.run(&["run"]).code(0);
    let result = program.result();
    let changed = serde_json::json!([
        { "what": "status", "before": "200", "now": "203" },
        { "what": "server header", "before": "web/200", "now": "web/203" },
    ]);
    assert_eq!(row(&result, "app1-to-app2")["changed"], changed);
    assert_eq!(row(&result, "app1-to-app2/through").get("changed"), None);
    let summary = program.read("gonogo-out/summary.txt");
    assert!(summary.contains("CHANGED SINCE THE BASELINE, AND PASSES (2)"), "{summary}");
    assert!(
        summary.contains("app1-to-app2 from app1-a, app1-to-app2 from app1-b: status: was 200, is 203"),
        "{summary}"
    );
    let markdown = program.read("gonogo-out/summary.md");
    assert!(markdown.contains("| status | `200` | `203` |"), "{markdown}");
}

#[test]
fn a_failing_link_is_shown_from_everywhere_and_from_before() {
    let (web, program) = healthy_night();
    program.run(&["baseline"]).code(0);
    web.says("/version", 503);

    program.run(&["run"]).code(1);
    let summary = program.read("gonogo-out/summary.txt");
    let seen = |from: &str| {
        let line = summary.lines().find(|line| line.trim_start().starts_with(from));
        line.unwrap_or_else(|| panic!("{from} in {summary}")).to_owned()
    };
    assert!(seen("app1-a  ").ends_with("<- decides"), "{summary}");
    assert!(seen("app2-a (itself)").contains("503"), "{summary}");
    assert!(seen("here").contains("503"), "{summary}");
    assert!(seen("app1-a at ").ends_with("<- baseline"), "{summary}");
}
