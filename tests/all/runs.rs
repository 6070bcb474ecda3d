//! `gonogo run` from the outside: exit codes, stages, records, interrupts, locks, what stays on disk.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::program::{Ended, Program};
use crate::support::skip;

fn command(id: &str, argv: &str, more: &str) -> String {
    format!("  - id: {id}\n    command: {{ argv: {argv} }}\n{more}")
}

fn plan(checks: &[String]) -> Program {
    Program::with_plan(&format!("gonogo: 1\nname: night\nchecks:\n{}", checks.concat()))
}

#[test]
fn go_is_zero_and_a_failed_blocker_is_one() {
    let program = plan(&[command("fine", "[\"true\"]", "")]);
    program.run(&["run"]).code(0);
    let result = program.result();
    assert_eq!(result["schema"], "gonogo.result/1");
    assert_eq!(result["verdict"], "go");
    assert_eq!(result["go"], true);
    assert_eq!(result["checks"][0]["outcome"], "pass");
    for name in ["summary.txt", "summary.md", "report.html", "junit.xml", "TEST-gonogo-night-all.xml"] {
        assert!(program.path("gonogo-out").join(name).is_file(), "{name}");
    }

    let program = plan(&[command("broken", "[\"false\"]", "")]);
    program.run(&["run"]).code(1);
    assert_eq!(program.result()["verdict"], "no_go");
    assert_eq!(program.result()["go"], false);
}

#[test]
fn our_own_trouble_is_a_no_go() {
    let program = plan(&[command("absent", "[no-such-program]", "")]);
    program.run(&["run"]).code(1);
    assert_eq!(program.result()["checks"][0]["outcome"], "error");
}

#[test]
fn minors_are_issues_until_there_are_too_many() {
    let minor = |id: &str| command(id, "[\"false\"]", "    severity: minor\n");
    let program = plan(&[command("fine", "[\"true\"]", ""), minor("m-1")]);
    program.run(&["run"]).code(0);
    assert_eq!(program.result()["verdict"], "go_with_issues");
    let minors: Vec<String> = (0..6).map(|index| minor(&format!("m-{index}"))).collect();
    let program = plan(&[vec![command("fine", "[\"true\"]", "")], minors].concat());
    program.run(&["run"]).code(1);
}

#[test]
fn what_is_left_out_by_hand_is_provisional_and_a_wrong_name_is_refused() {
    let program = plan(&[command("one", "[\"true\"]", ""), command("two", "[\"true\"]", "    tags: [x]\n")]);
    program.run(&["run", "--only", "one"]).code(3);
    program.run(&["run", "--skip", "t*"]).code(3);
    program.run(&["run", "--tag", "x"]).code(3);
    let ended = program.run(&["run", "--only", "on"]);
    assert!(ended.code(2).stderr.contains("did you mean `one`"), "{}", ended.stderr);
    assert_eq!(program.result()["go"], false, "a mistake on the command line leaves no old GO");
    program.run(&["run", "nowhere"]).code(2);
}

#[test]
fn a_manual_check_holds_until_it_is_recorded() {
    let manual = "  - id: order\n    manual: { steps: [place an order] }\n".to_owned();
    let program = plan(&[command("fine", "[\"true\"]", ""), manual]);
    program.run(&["run"]).code(4);
    assert_eq!(program.result()["verdict"], "hold");
    program.run(&["record", "fine", "pass", "--by", "ann"]).code(2);
    program.run(&["record", "ordr", "pass", "--by", "ann"]).code(2);
    program.run(&["record", "order", "pass", "--by", "ann", "--evidence", "order 4711"]).code(0);
    program.run(&["run"]).code(0);
    let result = program.result();
    assert_eq!(result["verdict"], "go");
    assert!(program.read("gonogo-out/result.json").contains("order 4711"));
    program.run(&["record", "order", "fail", "--by", "ann"]).code(0);
    program.run(&["run", "all"]).code(1);
}

#[test]
fn stages_go_in_order_and_stop_at_the_first_no_go() {
    let text = "gonogo: 1
name: night
stages:
  - { id: first, checks: [a] }
  - { id: second, checks: [b] }
  - { id: third, checks: [c] }
checks:
  - { id: a, command: { argv: [\"true\"] } }
  - { id: b, command: { argv: [test, -e, ready] } }
  - { id: c, command: { argv: [\"true\"] } }
";
    let program = Program::with_plan(text);
    program.run(&["run"]).code(1);
    let stages = program.result()["stages"].clone();
    assert_eq!(stages[0]["verdict"], "go");
    assert_eq!(stages[1]["verdict"], "no_go");
    assert!(stages[2]["verdict"].is_null());
    program.write("ready", "");
    program.run(&["retest"]).code(0);
    program.run(&["run", "third"]).code(0);
    assert_eq!(program.result()["stages"][2]["verdict"], "go");
    assert_eq!(program.result()["stages"][1]["verdict"], "go");

    let alone = Program::with_plan(text);
    alone.run(&["run", "third", "--out-of-order", "--because", "a rehearsal"]).code(3);
}

#[test]
fn a_plan_that_does_not_load_leaves_a_result_and_a_junit_file() {
    let program = Program::with_plan("gonogo: 1\nchecks:\n  - id: a\n    htp: { url: x }\n");
    program.run(&["run"]).code(2);
    assert_eq!(program.result()["verdict"], "no_go");
    assert!(program.read("gonogo-out/junit.xml").contains("<error"));
    std::fs::remove_file(program.path("gonogo.yaml")).unwrap();
    program.run(&["run"]).code(2);
    assert_eq!(program.result()["verdict"], "no_go");
}

#[test]
fn ctrl_c_and_sigterm_end_in_good_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let program = plan(&[
            command("slow", "[sleep, \"60\"]", "    timeout: 2m\n"),
            command("quick", "[\"true\"]", ""),
        ]);
        let mut child = program.start(&["run"]);
        wait_for_text(&program, "\"event\":\"judged\"");
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let began = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(began.elapsed() < Duration::from_secs(8));
        let result = program.result();
        assert_eq!(result["verdict"], "no_go");
        assert!(result["reasons"].to_string().contains("interrupted"));
        program.run(&["report", "--format", "json"]).code(0);
    }
}

#[test]
fn a_killed_run_leaves_no_old_go() {
    let program = plan(&[
        command("slow", "[test, -e, ready]", ""),
        command("wait", "[sh, -c, \"test -e ready && exit; sleep 30\"]", "    timeout: 1m\n"),
    ]);
    program.write("ready", "");
    program.run(&["run"]).code(0);
    assert_eq!(program.result()["go"], true);
    std::fs::remove_file(program.path("ready")).unwrap();
    let mut child = program.start(&["run"]);
    wait_for(|| program.result()["go"] == false);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(program.result()["go"], false);
    assert!(!program.path("gonogo-out/TEST-gonogo-night-all.xml").exists());
}

#[test]
fn a_second_run_is_refused_by_name_and_touches_nothing() {
    let program = plan(&[command("slow", "[sleep, \"20\"]", "    timeout: 1m\n")]);
    let mut child = program.start(&["run"]);
    wait_for(|| program.path("gonogo-out/result.json").exists());
    let before = program.read("gonogo-out/result.json");
    let ended = program.run(&["run"]);
    assert!(ended.code(5).stderr.contains("another run is going on"), "{}", ended.stderr);
    assert_eq!(program.read("gonogo-out/result.json"), before);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn a_record_is_taken_while_a_run_goes_on() {
    let manual = "  - id: order\n    manual: { steps: [place an order] }\n".to_owned();
    let program = plan(&[
        command("slow", "[sh, -c, \"until test -e ready; do sleep 0.05; done\"]", "    timeout: 1m\n"),
        manual,
    ]);
    let child = program.start(&["run"]);
    wait_for_text(&program, "stage_started");
    program.run(&["record", "order", "pass", "--by", "ann"]).code(0);
    program.write("ready", "");
    Ended::of(&child.wait_with_output().unwrap()).code(0);
}

#[test]
fn a_newer_torn_or_broken_journal_is_a_sentence_and_never_a_go() {
    let program = plan(&[command("fine", "[\"true\"]", "")]);
    program.run(&["run", "all"]).code(0);
    let text = program.journal();
    let file = || {
        let mut runs: Vec<_> = std::fs::read_dir(program.path(".gonogo/runs")).unwrap().flatten().collect();
        runs.sort_by_key(std::fs::DirEntry::file_name);
        runs.last().unwrap().path().join("journal.jsonl")
    };
    std::fs::write(file(), text.replacen("\"gonogo_journal\":1", "\"gonogo_journal\":9", 1)).unwrap();
    assert!(program.run(&["run", "all"]).code(5).stderr.contains("format 9"));
    assert_eq!(program.result()["go"], false);
    std::fs::write(file(), text.replacen("pass", "pasz", 1)).unwrap();
    assert!(program.run(&["run", "all"]).code(5).stderr.contains("journal.jsonl:"));
    program.run(&["report"]).code(5);
    std::fs::write(file(), format!("{text}{{\"seq\":99,\"pre")).unwrap();
    program.run(&["report"]).code(0);
    program.run(&["run", "all"]).code(0);
    assert!(!program.journal().contains("{\"seq\":99"));
}

#[test]
fn folders_that_cannot_be_written_are_said() {
    let program = plan(&[command("fine", "[\"true\"]", "")]);
    program.write("file", "");
    let ended = program.run(&["run", "--out", "file/out"]);
    assert!(ended.code(5).stderr.contains("file/out"), "{}", ended.stderr);
    let ended = program.run(&["run", "--journal", "file/journal"]);
    assert!(ended.code(5).stderr.contains("file/journal"), "{}", ended.stderr);
    assert_eq!(program.result()["go"], false);
}

#[test]
fn a_full_disk_is_said_and_what_was_recorded_stays() {
    let checks: Vec<String> = (0..400)
        .map(|index| {
            command(&format!("c-{index}"), "[sh, -c, \"head -c 3000 /dev/zero | tr '\\\\0' x\"]", "")
        })
        .collect();
    let program = plan(&checks);
    let disk = program.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
        .arg(&disk)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        skip("the right to mount a small tmpfs");
        return;
    }
    let ended = program.run(&["run", "--journal", "disk/journal"]);
    let report = program.run(&["report", "--journal", "disk/journal", "--format", "json"]);
    let _ = std::process::Command::new("umount").arg(&disk).status();
    assert!(matches!(ended.code, Some(1 | 5)), "{:?} {}", ended.code, ended.stderr);
    assert!(ended.stderr.contains("cannot write"), "{}", ended.stderr);
    assert_eq!(program.result()["go"], false);
    assert!(program.read("gonogo-out/result.json").contains("journal_error"));
    report.code(0);
}

/// A check that, once `fine` is judged in the journal (its own script is in there too), spoils the journal, so that nothing more can be appended.
fn spoiler(more: &str) -> String {
    let script = "until grep -q 'event[^.]:[^.]judged.*fine' .gonogo/runs/*/journal.jsonl; do sleep 0.02; done; \
                  for journal in .gonogo/runs/*/journal.jsonl; do echo spoilt >> $journal; done";
    format!("  - id: spoiler\n    command: {{ argv: [sh, -c, \"{script}\"] }}\n{more}")
}

/// A journal that breaks in the middle: 5 replaces 0, 3 and 4; a NO-GO stays 1. The reports are never a go.
#[test]
fn a_journal_that_breaks_changes_every_exit_but_a_no_go() {
    let fine = || command("fine", "[\"true\"]", "");
    let aside = || command("aside", "[\"true\"]", "");
    let manual = "  - id: order\n    manual: { steps: [place an order] }\n".to_owned();
    let decides_nothing = || spoiler("    severity: info\n");
    for (without, checks, arguments, code) in [
        ("go", vec![fine(), decides_nothing()], &["run"][..], 5),
        ("provisional_go", vec![fine(), aside(), decides_nothing()], &["run", "--skip", "aside"], 5),
        ("hold", vec![fine(), manual, decides_nothing()], &["run"], 5),
        ("no_go", vec![fine(), spoiler("")], &["run"], 1),
    ] {
        let program = plan(&checks);
        let ended = program.run(arguments);
        assert_eq!(ended.code, Some(code), "instead of {without}: {}", ended.stderr);
        assert!(ended.stderr.contains("journal.jsonl"), "{}", ended.stderr);
        let result = program.result();
        assert_eq!((&result["verdict"], &result["go"]), (&"no_go".into(), &false.into()));
        assert!(result["reasons"].to_string().contains("journal_error"), "{}", result["reasons"]);
    }
}

#[test]
fn an_interrupt_and_a_broken_journal_together_are_an_interrupt() {
    let program = plan(&[
        command("fine", "[\"true\"]", ""),
        command("slow", "[sleep, \"60\"]", "    timeout: 2m\n    severity: info\n"),
    ]);
    let mut child = program.start(&["run"]);
    wait_for_text(&program, "\"event\":\"judged\"");
    for run in std::fs::read_dir(program.path(".gonogo/runs")).unwrap().flatten() {
        let journal = std::fs::OpenOptions::new().append(true).open(run.path().join("journal.jsonl"));
        journal.unwrap().write_all(b"spoilt\n").unwrap();
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(program.result()["verdict"], "no_go");
}

#[test]
fn ctrl_c_after_the_verdict_changes_neither_it_nor_the_exit() {
    let program = plan(&[command("fine", "[\"true\"]", "")])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", "output");
    let output = program.path("output");
    nix::unistd::mkfifo(&output, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut child = program.start(&["run"]);
    // The reports are written, and the program waits for somebody to read its outputs.
    wait_for(|| program.result()["go"] == true);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let told = std::fs::read_to_string(output).unwrap();
    assert!(told.contains("verdict"), "{told}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(program.result()["go"], true);
}

fn wait_for_text(program: &Program, text: &str) {
    wait_for(|| program.path(".gonogo/runs").exists() && program.journal().contains(text));
}

#[track_caller]
fn wait_for(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut done)).unwrap_or(false) {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let program = plan(&[command("fine", "[\"true\"]", "")]);
    let mut child = program.start(&["schema"]);
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.wait().unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_cause_that_explains_many_is_listed_with_one_of_them() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).unwrap();
    let check = |n| format!("  - {{ id: c-{n}, tcp: {{ address: '{free}' }} }}\n");
    let checks: Vec<String> = (0..60).map(check).collect();
    let program = Program::with_plan(&format!("gonogo: 1\nchecks:\n{}", checks.concat()));
    program.run(&["run"]).code(1);
    let result = program.result();
    let explained = |row: &serde_json::Value| row["findings"][0]["explains"].as_array().unwrap().len();
    let mut lists: Vec<usize> = result["checks"].as_array().unwrap().iter().map(explained).collect();
    lists.sort_unstable();
    assert_eq!(lists.pop(), Some(59), "{lists:?}");
    assert_eq!(lists.iter().sum::<usize>(), 0, "a list with each of them would be the square of it");
}
