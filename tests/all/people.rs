//! What people say, through the whole program: votes, acceptances, waivers, decisions, the way back.

use crate::support::program::Program;

/// Two stages: the second asks for votes. `mark` is there when the major check is to pass.
const PLAN: &str = "
gonogo: 1
name: night
zone: UTC
window: { start: START, must_be_up_by: END }
people:
  web: { name: Web team }
  back: { name: Back-end team, deputy: web }
  relmgr: { name: Release manager, decides: true, deputy: back }
checks:
  - { id: beside, owner: web, command: { argv: ['true'] } }
  - { id: tried, owner: back, severity: major, command: { argv: [test, -e, mark] } }
  - { id: landing, owner: web, command: { argv: ['true'] } }
stages:
  - { id: app, owner: web, undo: 10m, checks: [beside, tried] }
  - { id: landing, owner: web, votes: [web, back], checks: [landing] }
";

fn night() -> Program {
    let now = jiff::Timestamp::now();
    let plan = PLAN.replace("START", &moment(now, -1)).replace("END", &moment(now, 10));
    let program = Program::with_plan(&plan);
    program.write("mark", "");
    program
}

/// So many hours from now, as a plan writes it.
fn moment(now: jiff::Timestamp, hours: i64) -> String {
    (now + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%d %H:%M").to_string()
}

fn ids(program: &Program) -> Vec<String> {
    let result: serde_json::Value =
        serde_json::from_str(&program.run(&["status", "--format", "json"]).stdout).unwrap();
    let reasons = result["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_stage_is_on_hold_until_every_voter_says_go() {
    let program = night();
    program.run(&["vote", "landing", "go", "--by", "web"]).code(2);
    let run = program.run(&["run"]);
    run.code(4);
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Web team, Back-end team have not voted on stage landing"), "{words}");
    assert!(run.stdout.contains("gonogo vote landing go|no-go --by web"), "{}", run.stdout);
    let nobody = program.run(&["vote", "landing", "go", "--by", "relmgr"]);
    assert!(nobody.code(2).stderr.contains("its voters are web, back"), "{}", nobody.stderr);
    assert!(
        program.run(&["vote", "landing", "go", "--by", "wob"]).code(2).stderr.contains("did you mean `web`")
    );
    program.run(&["vote", "app", "go", "--by", "web"]).code(2);

    program.run(&["vote", "landing", "no-go", "--by", "Back-end team", "--because", "no orders"]).code(0);
    assert_eq!(ids(&program), ["voted_no_go", "awaiting_vote"]);
    program.run(&["status"]).code(1);
    // The Web team speaks for itself, and as the deputy of the back end.
    program.run(&["vote", "landing", "go", "--by", "web"]).code(0);
    program.run(&["vote", "landing", "go", "--by", "web", "--for", "back"]).code(0);
    assert_eq!(ids(&program), Vec::<String>::new());
    let status = program.run(&["status"]);
    assert!(status.code(0).stdout.contains("GO"), "{}", status.stdout);
    assert!(program.run(&["status", "--say"]).stdout.starts_with("Stage landing is go."));
    assert_eq!(program.journal().matches("\"event\":\"voted\"").count(), 3, "nothing is overwritten");
}

#[test]
fn a_major_is_accepted_by_name_as_it_failed_and_not_otherwise() {
    let program = night();
    std::fs::remove_file(program.path("mark")).unwrap();
    let run = program.run(&["run", "app"]);
    assert!(run.code(1).stdout.contains("gonogo accept tried --by NAME --because TEXT"), "{}", run.stdout);
    let refused = |arguments: &[&str], words: &str| {
        let ended = program.run(arguments);
        assert!(ended.code(2).stderr.contains(words), "{}", ended.stderr);
    };
    refused(&["accept", "beside", "--by", "web", "--because", "x"], "is a blocker");
    refused(&["accept", "nothing", "--by", "web", "--because", "x"], "this plan has no check `nothing`");
    refused(&["accept", "tried", "--by", "mallory", "--because", "x"], "is not one of the plan's people");
    program.run(&["accept", "tried", "--by", "back", "--because", "known, CHG-1240"]).code(0);
    let status = program.run(&["status"]);
    assert!(status.code(0).stdout.contains("ACCEPTED BY NAME (1)"), "{}", status.stdout);
    assert!(status.stdout.contains("known, CHG-1240"), "{}", status.stdout);
    let markdown = program.run(&["report", "--format", "markdown"]).stdout;
    assert!(markdown.contains("accepted by Back-end team: known, CHG-1240"), "{markdown}");
    let junit = program.run(&["report", "--format", "junit"]).stdout;
    assert!(junit.contains("ACCEPTED by Back-end team: known, CHG-1240"), "{junit}");
    program.write("mark", "");
    program.run(&["retest", "tried"]).code(0);
    refused(&["accept", "tried", "--by", "back", "--because", "again"], "`tried` has not failed");
}

#[test]
fn waivers_and_extensions_are_granted_by_those_who_decide() {
    let program = night();
    std::fs::remove_file(program.path("mark")).unwrap();
    program.run(&["run", "app"]).code(1);
    let refused = |arguments: &[&str], words: &str| {
        let ended = program.run(arguments);
        assert!(ended.code(2).stderr.contains(words), "{}", ended.stderr);
    };
    let waive = ["waive", "tried", "--because", "CHG-1240", "--until"];
    refused(&[&waive[..], &["2099-01-31", "--by", "web"]].concat(), "the plan leaves it to relmgr, back");
    refused(&[&waive[..], &["2007-09-01", "--by", "relmgr"]].concat(), "covers nothing");
    let green = ["waive", "beside", "--because", "x", "--until", "2099-01-31", "--by", "relmgr"];
    refused(&green, "`beside` has not failed");
    program.run(&[&waive[..], &["2099-01-31", "--by", "relmgr"]].concat()).code(0);
    assert_eq!(ids(&program), ["waived"]);

    let now = jiff::Timestamp::now();
    let (sooner, later, latest) = (moment(now, 9), moment(now, 11), moment(now, 12));
    refused(&["extend", &later], "--granted-by");
    refused(&["extend", &later, "--granted-by", "web"], "does not decide");
    refused(&["extend", &sooner, "--granted-by", "relmgr"], "no extension");
    refused(&["extend", "soon", "--granted-by", "relmgr"], "is not a moment");
    program.run(&["extend", &latest, "--asked-by", "web"]).code(0);
    program.run(&["extend", &later, "--granted-by", "back", "--because", "client agrees"]).code(0);
    let result: serde_json::Value =
        serde_json::from_str(&program.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!(result["extensions"][0]["granted"], false);
    assert_eq!(result["extensions"][1]["until"], result["clock"]["deadline"]);
    assert_eq!(result["extensions"][1]["said"]["by"], "back");
}

#[test]
fn nobody_decides_over_what_is_red_and_the_way_back_is_verified_against_the_baseline() {
    let program = night();
    program.run(&["baseline"]).code(0);
    std::fs::remove_file(program.path("mark")).unwrap();
    program.run(&["run", "app"]).code(1);
    program.run(&["decide", "go", "--by", "web"]).code(2);
    let go = program.run(&["decide", "go", "--by", "relmgr"]);
    assert!(go.code(1).stderr.contains("the run stands at NO-GO"), "{}", go.stderr);
    program.run(&["rollback", "done", "--by", "relmgr"]).code(2);
    program.run(&["rollback", "start", "--by", "web"]).code(2);
    program.run(&["decide", "rollback", "--by", "relmgr", "--because", "client says so"]).code(0);
    assert_eq!(ids(&program)[0], "decided_rollback");
    program.run(&["handover", "web", "--by", "relmgr", "--because", "power cut"]).code(0);
    program.run(&["note", "on the phone from the car", "--by", "relmgr"]).code(0);
    program.run(&["rollback", "start", "--by", "web"]).code(0);
    program.run(&["rollback", "undone", "landing", "--by", "web"]).code(2);
    let status = program.run(&["status"]);
    assert!(status.code(1).stdout.contains("gonogo rollback done --by NAME"), "{}", status.stdout);
    let done = program.run(&["rollback", "done", "--by", "web"]);
    assert!(done.code(0).stdout.contains("were not measured: app"), "{}", done.stdout);
    let verify = program.run(&["rollback", "verify"]);
    assert!(
        verify.code(1).stdout.contains("NOT AS BEFORE: 1 of 3\n  tried from here was green"),
        "{}",
        verify.stdout
    );
    program.write("mark", "");
    let verify = program.run(&["rollback", "verify", "--by", "back"]);
    assert!(verify.code(0).stdout.contains("ROLLED BACK AND VERIFIED: all 3"), "{}", verify.stdout);
    let status = program.run(&["status"]);
    assert!(status.code(1).stdout.contains("gonogo run --new-attempt"), "{}", status.stdout);
    let result: serde_json::Value =
        serde_json::from_str(&program.run(&["status", "--format", "json"]).stdout).unwrap();
    assert_eq!(result["in_charge"], "web");
    assert_eq!(result["rollback"]["verified"]["same"], 3);
}

#[test]
fn what_was_red_before_verifies_nothing() {
    let plan = "gonogo: 1\nchecks: [{ id: red, command: { argv: ['false'] } }]\n";
    let program = Program::with_plan(plan);
    program.run(&["baseline"]).code(0);
    program.run(&["run"]).code(1);
    program.run(&["rollback", "start", "--by", "ann"]).code(0);
    program.run(&["rollback", "done", "--by", "ann"]).code(0);
    let verify = program.run(&["rollback", "verify"]);
    assert!(verify.code(1).stdout.contains("NOT VERIFIED: nothing was green"), "{}", verify.stdout);
    let status = program.run(&["status", "--say"]);
    assert!(status.code(1).stdout.contains("nothing is verified"), "{}", status.stdout);
}

#[test]
fn without_a_baseline_nothing_is_verified() {
    let program = night();
    program.run(&["run", "app"]).code(0);
    let verify = program.run(&["rollback", "verify"]);
    assert!(
        verify.code(1).stderr.contains("the baseline has none of this plan's checks"),
        "{}",
        verify.stderr
    );
}
