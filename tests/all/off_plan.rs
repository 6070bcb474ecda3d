//! A night that does not go as planned: stages out of order, a plan edited in its middle, clocks that run back.

use sha2::Digest as _;

use crate::support::program::Program;

const PLAN: &str = "
gonogo: 1
name: night
people:
  web: { name: Web team }
  relmgr: { name: Release manager, decides: true }
checks:
  - { id: tables, owner: web, command: { argv: [test, -e, tables] } }
  - { id: status, owner: web, command: { argv: ['true'] } }
  - { id: version, owner: web, severity: major, command: { argv: [test, -e, version] } }
  - { id: landing, owner: web, command: { argv: ['true'] } }
stages:
  - { id: db-split, owner: web, checks: [tables] }
  - { id: app2, owner: web, checks: [status, version] }
  - { id: app1, owner: web, checks: [landing] }
";

fn night() -> Program {
    let program = Program::with_plan(PLAN);
    program.write("tables", "");
    program.write("version", "");
    program
}

fn edit(program: &Program, from: &str, to: &str) {
    let plan = program.read("gonogo.yaml");
    assert!(plan.contains(from), "{plan}");
    program.write("gonogo.yaml", &plan.replace(from, to));
}

#[test]
fn a_stage_out_of_order_is_refused_unless_somebody_says_why() {
    let program = night();
    let refused = program.run(&["run", "app1"]);
    let told =
        "stage app1 is out of order: stage db-split was not run in this attempt; stage app2 was not run";
    assert!(refused.code(2).stderr.contains(told), "{}", refused.stderr);
    assert_eq!(program.result()["reasons"][0]["id"], "out_of_order");
    assert_eq!(program.result()["go"], false);
    assert!(!program.path(".gonogo/runs").exists(), "nothing was begun");

    program.run(&["run", "app1", "--out-of-order"]).code(2);
    let forced = program.run(&["run", "app1", "--out-of-order", "--because", "the database team is early"]);
    assert!(forced.code(3).stdout.contains("out of order: the database team is early"), "{}", forced.stdout);
    let log = program.run(&["log"]);
    assert!(log.code(0).stdout.contains("OUT OF ORDER (stage db-split was not run"), "{}", log.stdout);

    // In one go, they are in order.
    program.run(&["run", "app2", "db-split"]).code(0);
    program.run(&["run", "app1"]).code(0);
    assert_eq!(program.result()["verdict"], "go", "a round in order takes nothing along");
}

#[test]
fn a_stage_does_not_stand_on_one_that_is_no_go() {
    let program = night();
    std::fs::remove_file(program.path("version")).unwrap();
    program.run(&["run"]).code(1);
    let refused = program.run(&["run", "app1"]);
    assert!(refused.code(2).stderr.contains("stage app2 is NO-GO"), "{}", refused.stderr);
    // What a person says counts, though the stage was not run again.
    program.run(&["accept", "version", "--by", "relmgr", "--because", "the old version will do"]).code(0);
    program.run(&["run", "app1"]).code(0);
    assert_eq!(program.result()["verdict"], "go_with_issues");
}

#[test]
fn an_edited_plan_is_told_and_needs_a_name() {
    let program = night();
    program.run(&["run", "db-split", "app2"]).code(0);
    let run = program.result()["run"].clone();
    edit(&program, "argv: ['true'] } }\n  - { id: version", "argv: [test, -e, up] } }\n  - { id: version");
    let refused = program.run(&["run", "app1"]);
    let words = &refused.code(2).stderr;
    assert!(words.contains("1 check changed: status"), "{words}");
    assert!(words.contains("gonogo.yaml:9\n-   - { id: status,"), "{words}");
    assert!(
        words.contains("\n+   - { id: status, owner: web, command: { argv: [test, -e, up] } }"),
        "{words}"
    );
    assert!(words.contains("gonogo run app1 --accept-plan NAME"), "{words}");
    assert_eq!(program.result()["reasons"][0]["id"], "plan_edited");

    let web = program.run(&["run", "app1", "--accept-plan", "web"]);
    assert!(web.code(2).stderr.contains("does not decide for this release"), "{}", web.stderr);
    // What was seen of `status` belongs to another check: the stage that looked at it is not a go any more.
    let refused = program.run(&["run", "app1", "--accept-plan", "relmgr"]);
    assert!(refused.code(2).stderr.contains("stage app2 is NO-GO"), "{}", refused.stderr);
    program.run(&["run", "app2", "app1", "--accept-plan", "relmgr"]).code(1);
    assert_eq!(program.result()["run"], run, "the night goes on");
    program.write("up", "");
    program.run(&["run", "app2", "app1"]).code(0);
    let result = program.result();
    // What was changed may ask for less: it is on the record, and no plain GO.
    assert_eq!((&result["run"], &result["verdict"]), (&run, &"go_with_issues".into()));
    assert_eq!(result["reasons"][0]["id"], "plan_edited");
    assert_eq!(result["stages"][0]["verdict"], "go", "what has not changed still counts");
    let log = program.run(&["log"]);
    let told = "the plan was edited: 1 check changed: status, says relmgr";
    assert!(log.code(0).stdout.contains(told), "{}", log.stdout);
}

#[test]
fn what_an_edit_adds_removes_or_decides_is_not_taken_for_seen() {
    let program = night();
    std::fs::remove_file(program.path("version")).unwrap();
    program.run(&["run", "db-split", "app2"]).code(1);
    program.run(&["accept", "version", "--by", "relmgr", "--because", "the old version will do"]).code(0);
    program.run(&["status"]).code(0);
    edit(
        &program,
        "  - { id: landing,",
        "  - { id: added, owner: web, command: { argv: ['true'] } }\n  - { id: landing,",
    );
    edit(&program, "checks: [tables]", "checks: [tables, added]");
    edit(
        &program,
        "severity: major, command: { argv: [test, -e, version] }",
        "severity: major, command: { argv: [test, -e, versions] }",
    );
    let taken = program.run(&["run", "app2", "--accept-plan", "relmgr"]);
    let words = taken.code(2).stderr.clone();
    assert!(words.contains("stage db-split is NO-GO"), "{words}");
    // The acceptance was of another check.
    program.run(&["run", "db-split", "app2", "--accept-plan", "relmgr"]).code(1);
    let result = program.result();
    assert_eq!(result["reasons"][0]["id"], "major_not_passed", "{}", result["reasons"]);
    assert_eq!(result["stages"][0]["verdict"], "go");
    program.write("versions", "");
    program.run(&["retest"]).code(0);

    // Words that decide nothing are told too, and undo nothing.
    edit(&program, "name: night", "name: night\n# Tonight");
    let refused = program.run(&["run", "app1"]);
    assert!(refused.code(2).stderr.contains("only words that decide nothing"), "{}", refused.stderr);
    program.run(&["run", "app1", "--accept-plan", "Release manager"]).code(0);
    let result = program.result();
    assert_eq!(result["verdict"], "go_with_issues");
    assert_eq!(
        result["reasons"].as_array().unwrap().len(),
        1,
        "words alone are no issue: {}",
        result["reasons"]
    );
}

#[test]
fn a_changed_variable_is_an_edit_and_a_plain_run_begins_anew() {
    let program = Program::with_plan(
        "gonogo: 1\nvars: { file: here }\nchecks:\n  - { id: a, command: { argv: [test, -e, '${file}'] } }\n  \
         - { id: b, command: { argv: ['true'] } }\nstages:\n  - { id: one, checks: [a] }\n  - { id: two, checks: [b] }\n",
    );
    program.write("here", "");
    program.run(&["run", "one"]).code(0);
    let refused = program.run(&["run", "two", "--set", "file=there"]);
    assert!(refused.code(2).stderr.contains("1 check changed: a"), "{}", refused.stderr);
    let anew = program.run(&["run", "--set", "file=there"]);
    assert!(anew.code(1).stderr.contains("the plan has changed (1 check changed: a)"), "{}", anew.stderr);
}

#[test]
fn a_secret_that_is_written_out_is_taken_for_changed_with_any_edit() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).unwrap();
    let program = Program::with_plan(&format!(
        "gonogo: 1\nchecks:\n  - {{ id: a, command: {{ argv: ['true'] }} }}\n  \
         - {{ id: b, severity: minor, http: {{ url: 'http://{free}/', auth: {{ bearer: planted-one }} }} }}\n\
         stages:\n  - {{ id: one, checks: [a, b] }}\n"
    ));
    program.run(&["run", "one"]).code(0);
    edit(&program, "bearer: planted-one", "bearer: planted-two");
    edit(&program, "argv: ['true']", "argv: [test, 'x']");
    let refused = program.run(&["run", "one"]);
    assert!(refused.code(2).stderr.contains("2 checks changed: a, b"), "{}", refused.stderr);
    let written =
        [&program.journal(), &refused.stderr, &program.result().to_string()].map(String::as_str).concat();
    assert!(!written.contains("planted"), "{written}");
}

/// Make the journal's lines from `seq` on say that it was so much later, with the chain put right.
fn written_later(program: &Program, seq: u64, by: jiff::SignedDuration) {
    let runs = std::fs::read_dir(program.path(".gonogo/runs")).unwrap();
    let path = runs.map(|run| run.unwrap().path().join("journal.jsonl")).max().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(before) = lines.last() {
            let digest = sha2::Sha256::digest(before.as_bytes());
            value["prev"] =
                digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat().into();
            if value["seq"].as_u64().unwrap() >= seq {
                let at: jiff::Timestamp = value["at"].as_str().unwrap().parse().unwrap();
                value["at"] = (at + by).to_string().into();
            }
        }
        lines.push(value.to_string());
    }
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_clock_that_was_set_back_is_told_and_never_gives_time() {
    let now = jiff::Timestamp::now();
    let moment =
        |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%d %H:%M").to_string();
    let window =
        format!("zone: UTC\nwindow: {{ start: {}, must_be_up_by: {} }}\npeople:", moment(-1), moment(2));
    let program = Program::with_plan(&PLAN.replace("people:", &window));
    program.write("tables", "");
    std::fs::remove_file(program.path("version")).unwrap_or_default();
    program.run(&["run"]).code(1);
    program.run(&["accept", "version", "--by", "relmgr", "--because", "it will do"]).code(0);
    program.run(&["status"]).code(0);
    // All of that is from a clock three hours ahead, or ours was set back since.
    written_later(&program, 1, jiff::SignedDuration::from_secs(3 * 3600 + 50));
    let status = program.run(&["status"]);
    assert!(status.code(1).stdout.contains("the deadline"), "{}", status.stdout);
    let words = status.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("A clock was set back by 3h00"), "{words}");

    // The order of the journal decides which word was the last one, not the clocks.
    let program =
        Program::with_plan(&PLAN.replace("id: app1, owner: web", "id: app1, owner: web, votes: [web]"));
    program.write("tables", "");
    program.write("version", "");
    program.run(&["run"]).code(4);
    program.run(&["vote", "app1", "go", "--by", "web"]).code(0);
    let lines = program.journal().lines().count() as u64;
    written_later(&program, lines - 1, jiff::SignedDuration::from_mins(50));
    program.run(&["vote", "app1", "no-go", "--by", "web", "--because", "orders fail"]).code(0);
    program.run(&["status"]).code(1);
    let log = program.run(&["log"]);
    assert!(log.code(0).stdout.contains("behind what was written before"), "{}", log.stdout);
}
