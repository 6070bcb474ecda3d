//! `gonogo log` of what people said and of the way back; `gonogo clean`.

use serde_json::Value;

use crate::support::program::Program;

const PLAN: &str = "
gonogo: 1
name: night
zone: UTC
window: { start: 2099-09-22 22:00, must_be_up_by: 2099-09-23 07:00 }
people: { ann: { name: Ann }, ben: { name: Ben, decides: true } }
checks:
  - { id: green, owner: ann, command: { argv: ['true'] } }
  - { id: red, owner: ann, severity: major, command: { argv: ['false'] } }
  - { id: by-hand, owner: ann, manual: { steps: [look] } }
stages:
  - { id: app, owner: ann, votes: [ann], undo: 10m, checks: [green, red, by-hand] }
";

#[test]
fn the_log_tells_what_people_said_and_the_way_back_in_order() {
    let program = Program::with_plan(PLAN);
    program.run(&["baseline"]);
    program.run(&["run"]).code(1);
    let said = [
        ("record by-hand pass --by ann --evidence order-12", "by-hand is pass, says ann: order-12"),
        ("vote app no-go --by ann --because slow", "ann votes NO-GO on app, says ann, because slow"),
        ("accept red --by ann --because known", "red is accepted as it is, says ann, because known"),
        (
            "waive red --until 2099-12-31 --by ben --because CHG-1",
            "red is waived until 2099-12-31, says ben, because CHG-1",
        ),
        (
            "extend 2099-09-23T08:00 --asked-by ann",
            "more time is asked for, not granted, until Wed 23 Sep 08:00:00, says ann",
        ),
        (
            "extend 2099-09-23T08:00 --granted-by ben --because agreed",
            "more time is granted, until Wed 23 Sep 08:00:00, says ben, because agreed",
        ),
        ("handover ann --by ben --because power", "ann is in charge from now on, says ben, because power"),
        ("note phoned --by ann", "note: phoned, says ann"),
        (
            "decide rollback --by ben --because late",
            "decided: ROLLBACK: it is taken back, says ben, because late",
        ),
        ("rollback start --by ann", "the way back begins, says ann"),
        ("rollback undone app --by ann", "stage app is undone, says ann"),
        ("rollback done --by ann", "the rollback is done, says ann"),
    ];
    for (line, _) in said {
        program.run(&line.split(' ').collect::<Vec<_>>()).code(0);
    }
    program.run(&["rollback", "verify", "--by", "ben"]).code(0);
    let text = program.run(&["log"]).code(0).stdout.clone();
    let json: Value =
        serde_json::from_str(&program.run(&["log", "--format", "json"]).code(0).stdout).unwrap();
    let entries = json["timeline"].as_array().unwrap();
    let (mut before, mut seq) = (0, 0);
    for told in said
        .iter()
        .map(|(_, told)| *told)
        .chain(["the rollback is verified: 1 checks are as they were, says ben"])
    {
        let at = text.find(told).unwrap_or_else(|| panic!("{told}: {text}"));
        assert!(at > before, "{told} comes later: {text}");
        before = at;
        let entry = entries.iter().find(|entry| entry["text"].as_str().unwrap().contains(told)).unwrap();
        assert!(entry["text"].as_str().unwrap().contains("(typed by "), "{entry}");
        assert!(entry["seq"].as_u64().unwrap() > seq, "{entry}");
        seq = entry["seq"].as_u64().unwrap();
        assert!(entry["at"].as_str().unwrap().ends_with('Z') && !entry["local"].as_str().unwrap().is_empty());
    }
    assert_eq!(json["chain"]["verified"], true);
    assert_eq!(json["chain"]["events"], program.journal().lines().count() - 1);
}

/// The ids of what is recorded.
fn runs(program: &Program) -> Vec<String> {
    let runs = std::fs::read_dir(program.path(".gonogo/runs")).unwrap();
    let mut ids: Vec<String> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    ids.sort();
    ids
}

/// A run as if it had begun then.
fn begun(program: &Program, id: &str) {
    program.run(&["run", "--fresh"]).code(0);
    let newest = runs(program).pop().unwrap();
    let folder = program.path(".gonogo/runs");
    std::fs::rename(folder.join(newest), folder.join(id)).unwrap();
}

#[test]
fn old_runs_are_removed_but_for_the_newest_and_for_what_waits() {
    let program = Program::with_plan("gonogo: 1\nchecks: [{ id: a, command: { argv: ['true'] } }]\n");
    let old = ["20200101-000000-aaaa", "20200102-000000-bbbb", "20200103-000000-cccc"];
    for id in old {
        begun(&program, id);
    }
    // All are old: the newest stays.
    let told = program.run(&["clean", "--keep", "30d", "--dry-run"]);
    assert_eq!(told.code(0).stdout, format!("{}\n{}\n2 runs would be removed\n", old[0], old[1]));
    assert_eq!(runs(&program), old);
    let spool = program.path(&format!(".gonogo/runs/{}/spool", old[1]));
    std::fs::create_dir(&spool).unwrap();
    std::fs::write(spool.join("two-1-00.jsonl"), "{}\n").unwrap();
    let told = program.run(&["clean", "--keep", "30d", "--dry-run"]);
    assert_eq!(told.code(0).stdout, format!("{}\n1 runs would be removed\n", old[0]));
    let told = program.run(&["clean", "--keep", "30d"]);
    assert_eq!(
        told.code(0).stdout,
        format!("{}\n1 runs removed\n", old[0]),
        "what stays is not told as removed"
    );
    assert_eq!(runs(&program), &old[1..]);
    std::fs::remove_dir_all(&spool).unwrap();
    program.run(&["run", "--fresh"]).code(0);
    let told = program.run(&["clean", "--keep", "30d"]);
    assert!(told.code(0).stdout.ends_with("2 runs removed\n"), "{}", told.stdout);
    assert_eq!(runs(&program).len(), 1);
    program.run(&["status"]).code(0);
}

#[test]
fn nothing_is_removed_while_a_run_goes_on() {
    let wait = "for i in $(seq 3000); do [ -e open ] && exit; sleep 0.02; done; exit 1";
    let plan =
        format!("gonogo: 1\nchecks: [{{ id: a, timeout: 1m, command: {{ argv: [sh, -c, '{wait}'] }} }}]\n");
    let program = Program::with_plan(&plan);
    program.write("open", "");
    begun(&program, "20200101-000000-aaaa");
    std::fs::remove_file(program.path("open")).unwrap();
    let run = program.start(&["run", "--fresh"]);
    crate::lab::namespace::wait_until("the run begins", || runs(&program).len() == 2);
    let refused = program.run(&["clean", "--keep", "30d"]);
    assert!(refused.code(5).stderr.contains("another run is going on"), "{}", refused.stderr);
    assert_eq!(runs(&program).len(), 2);
    // To see what would go is no harm.
    program.run(&["clean", "--keep", "30d", "--dry-run"]).code(0);
    program.write("open", "");
    assert!(run.wait_with_output().unwrap().status.success());
    program.run(&["clean", "--keep", "30d"]).code(0);
    assert_eq!(runs(&program).len(), 1);
}
