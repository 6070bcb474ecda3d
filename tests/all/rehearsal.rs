//! The night of September 2007 through the program itself, its clock set from command to command: the same clock, line by line,
//! as in the golden summaries that are made without it.

use crate::support::program::{Ended, Program};

const PLAN: &str = "
gonogo: 1
name: September 2007 release
zone: America/Montreal
window: { start: 2007-09-22 22:00, must_be_up_by: 2007-09-23 07:00, margin: { percent: 25, at_least: 10m } }
people:
  web: { name: Web team }
  back: { name: Back-end team }
  client: { name: Client team }
  relmgr: { name: Release manager, decides: true }
checks:
  - { id: orders-grants, command: { argv: [test, -e, orders] } }
  - { id: app2-status, command: { argv: [test, -e, app2] } }
  - { id: app1-to-app2, command: { argv: [test, -e, link] } }
  - { id: order, manual: { steps: [place an order] }, owner: client }
stages:
  - { id: db-split, duration: 90m, sanity: 10m, undo: 20m, checks: [orders-grants] }
  - { id: app2, duration: 60m, sanity: 15m, undo: 20m, checks: [app2-status] }
  - { id: app1, duration: 45m, sanity: 15m, undo: 20m, checks: [app1-to-app2] }
  - { id: landing, duration: 20m, checks: [order], votes: [client, web] }
";

/// Do this when it is that time, on the Sunday or the Saturday before, in Montreal's summer.
fn at(program: &Program, time: &str, words: &[&str]) -> Ended {
    let day = if time.starts_with('2') { 22 } else { 23 };
    let now = format!("2007-09-{day}T{time}:00-04:00");
    let ended = program.run(&[words, &["--now", now.as_str()]].concat());
    assert!(words[0] != "run" || ended.code != Some(0), "a rehearsal is no go");
    ended
}

/// The lines of the clock.
fn clock(summary: &str) -> Vec<&str> {
    let lines = summary.lines().skip_while(|line| !line.starts_with("CLOCK"));
    lines.take_while(|line| !line.is_empty()).collect()
}

/// As the summary of that time has it, which is made of the plan in `checks/`.
fn golden(time: &str) -> Vec<String> {
    let file = format!("fixtures/september-2007/{time}.txt");
    let text = std::fs::read_to_string(&file).expect("a golden summary");
    clock(&text).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_night_keeps_its_clock_through_the_program() {
    let program = Program::with_plan(PLAN);
    for file in ["orders", "app2", "link"] {
        program.write(file, "");
    }
    at(&program, "22:10", &["baseline"]).code(0);
    let split = at(&program, "00:35", &["run", "db-split"]);
    assert!(split.code(3).stdout.contains("The clock was set by hand"), "{}", split.stdout);
    assert_eq!(
        program.result()["stages"][0]["verdict"],
        "provisional_go",
        "who reads only the stage reads no go"
    );
    assert_eq!(clock(&split.stdout), golden("00-35"));
    let app2 = at(&program, "02:00", &["run", "app2"]);
    assert_eq!(clock(&app2.code(3).stdout), golden("02-00"));
    std::fs::remove_file(program.path("link")).expect("a file");
    let app1 = at(&program, "03:00", &["run", "app1"]);
    assert_eq!(clock(&app1.code(1).stdout), golden("03-00"));

    // Only asked for, it moves nothing.
    at(&program, "05:00", &["extend", "2007-09-23 09:00", "--asked-by", "web"]).code(0);
    let asked = at(&program, "05:01", &["clock"]);
    assert!(asked.code(0).stdout.contains("decide by 05:45"), "{}", asked.stdout);
    let granted = ["extend", "2007-09-23 08:00", "--granted-by", "relmgr", "--because", "the client agrees"];
    at(&program, "05:40", &granted).code(0);
    let extended = at(&program, "05:45", &["status"]);
    let words = extended.code(1).stdout.clone();
    assert!(words.contains("decide by 06:45 (in 1h00)"), "{words}");

    at(&program, "06:50", &["decide", "rollback", "--by", "relmgr"]).code(0);
    at(&program, "06:50", &["rollback", "start", "--by", "relmgr"]).code(0);
    assert_eq!(clock(&at(&program, "06:50", &["status"]).code(1).stdout), golden("06-50"));
    for (time, stage) in [("07:20", "app1"), ("07:45", "app2"), ("08:05", "db-split")] {
        at(&program, time, &["rollback", "undone", stage, "--by", "relmgr"]).code(0);
    }
    at(&program, "08:05", &["rollback", "done", "--by", "relmgr"]).code(0);
    program.write("link", "");
    at(&program, "08:15", &["rollback", "verify", "--by", "relmgr"]).code(0);
    let back = at(&program, "08:15", &["status"]);
    assert_eq!(clock(&back.code(1).stdout), golden("08-15"));
    assert!(back.stdout.contains("Everything was rolled back and verified."), "{}", back.stdout);
    let journal = program.journal();
    assert!(journal.lines().skip(1).all(|line| line.contains("\"clock_set\":true")), "{journal}");

    // Two weeks later, with what the way back really took.
    at(&program, "22:30", &["run", "--new-attempt", "db-split"]).code(3);
    let compared = program.run(&["compare", "1", "2"]);
    assert!(compared.stdout.contains("db-split undo                20m      20m"), "{}", compared.stdout);
}

#[test]
fn a_real_clock_is_not_said_to_be_set() {
    let program = Program::with_plan("gonogo: 1\nchecks: [{ id: a, command: { argv: ['true'] } }]\n");
    program.run(&["run"]).code(0);
    assert!(!program.journal().contains("clock_set"));
    // One word of a rehearsal, and it is one.
    program.run(&["note", "hello", "--by", "ann", "--now", "2040-01-01T00:00:00Z"]).code(0);
    program.run(&["status"]).code(3);
    // A team's record is no place for it.
    let url = "postgres://nobody@127.0.0.1:1/journal";
    let refused = program.run(&["run", "--journal", url, "--now", "2040-01-01T00:00:00Z"]);
    assert!(refused.code(2).stderr.contains("no place in a team's journal"), "{}", refused.stderr);
}
