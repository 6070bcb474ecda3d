//! Who is told of a run when something goes wrong on the way: receivers that are away, slow or never done, a program that is
//! killed or stopped, several that would tell the same.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::notify::{MARK, WEBHOOK, closed, program, window};
use crate::support::program::Program;
use crate::support::receiver::Receiver;

fn hook(on: &str) -> String {
    format!("{WEBHOOK}    on: [{on}]\n")
}

fn until(what: &str, limit: u64, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(limit), "{what} did not come within {limit} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// `serve --notify` of the plan `told.yaml`.
fn watcher(program: &Program) -> Child {
    program
        .command(&["serve", "--listen", "127.0.0.1:0", "--notify", "-f", "told.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn headlines(receiver: &Receiver) -> Vec<String> {
    let got = receiver.got("/hook");
    got.iter().map(|request| request.json()["headline"].as_str().unwrap().to_owned()).collect()
}

/// What came of messages, as each journal says, the oldest run first: to the key, whether it was sent.
fn came(program: &Program) -> Vec<Vec<(String, bool)>> {
    let mut runs: Vec<_> =
        std::fs::read_dir(program.path(".gonogo/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    let came = |line: Value| {
        let what = line.get("what").filter(|what| what["event"] == "notified")?;
        let outcome = &what["outcome"];
        let is_over = *outcome == "sent" || outcome.get("failed").is_some();
        is_over.then(|| (what["key"].as_str().unwrap().to_owned(), *outcome == "sent"))
    };
    let of = |run: &std::path::PathBuf| {
        let text = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
        text.lines().filter_map(|line| came(serde_json::from_str(line).unwrap())).collect()
    };
    runs.iter().map(of).collect()
}

/// A run that is overdue, of which nobody was told; `told.yaml` tells.
fn overdue(receiver: &Receiver) -> Program {
    let program = program(&hook("overdue"), &format!("{MARK}{}", window(20)), receiver);
    program.write("told.yaml", &program.read("gonogo.yaml"));
    program.write("gonogo.yaml", &format!("gonogo: 1\nname: night\n{MARK}{}", window(20)));
    program.run(&["run", "all"]).code(1);
    program
}

#[test]
fn who_could_not_be_told_is_told_at_the_next_occasion() {
    let nobody = Receiver { port: closed(), ..Receiver::fine() };
    let program = program(&hook("stage"), MARK, &nobody);
    program.run(&["run", "all"]).code(1);
    assert_eq!(program.result()["notifications"][0]["tries"], 3);
    let back = Receiver::at(nobody.port, |_, _| "200 OK");
    program.run(&["run", "all"]).code(1);
    assert_eq!(headlines(&back), ["NO-GO: stage 1 of 1: all"]);
    assert!(!program.read("gonogo-out/summary.txt").contains("NOT TOLD"), "they were told since");
    program.run(&["run", "all"]).code(1);
    assert_eq!(headlines(&back).len(), 1);
    assert_eq!(came(&program)[0].iter().map(|(_, sent)| *sent).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn whoever_watches_tries_again_after_a_pause() {
    let nobody = Receiver { port: closed(), ..Receiver::fine() };
    let program = overdue(&nobody);
    let watcher = watcher(&program);
    until("a failure", 30, || !came(&program)[0].is_empty());
    let back = Receiver::at(nobody.port, |_, _| "200 OK");
    until("the message", 60, || came(&program)[0].iter().any(|(_, sent)| *sent));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(headlines(&back), ["OVERDUE: stage 1 of 2: all"]);
    assert_eq!(came(&program)[0].len(), 2);
    kill(watcher);
}

#[test]
fn of_several_who_would_tell_the_same_one_does() {
    let receiver = Receiver::slow(Duration::from_secs(3));
    let program = overdue(&receiver);
    let watchers = [watcher(&program), watcher(&program)];
    program.run(&["run", "all", "-f", "told.yaml"]);
    until("the outcome", 20, || came(&program).iter().flatten().any(|(_, sent)| *sent));
    std::thread::sleep(Duration::from_millis(2500));
    watchers.into_iter().for_each(kill);
    let told = receiver.got("/hook");
    let ids: Vec<&str> = told.iter().map(|request| request.header("webhook-id")).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "somebody was told twice: {ids:?}");
    assert!(!ids.is_empty());
    let log = program.run(&["log"]).stdout.clone();
    assert!(!log.contains("is being told"), "what is only begun is nobody's concern: {log}");
}

#[test]
fn a_message_that_was_under_way_when_the_run_was_killed_is_sent_by_whoever_goes_on() {
    let receiver = Receiver::slow(Duration::from_secs(3));
    let checks = "checks:\n  - { id: quick, command: { argv: ['true'] } }\n  - { id: slow, command: { argv: [sh, -c, 'test -e mark || sleep 60'] }, timeout: 90s }\nstages:\n  - { id: first, checks: [quick] }\n  - { id: second, checks: [slow] }\n";
    let program = program(&hook("stage"), checks, &receiver);
    let child = program.start(&["run"]);
    until("the message", 30, || !receiver.got("/hook").is_empty());
    kill(child);
    program.write("mark", "");
    program.run(&["run"]).code(0);
    let first = "GO: stage 1 of 2: first";
    let (told, got) = (headlines(&receiver), receiver.got("/hook"));
    let of_first = got.iter().zip(&told).filter(|(_, told)| *told == first);
    let ids: Vec<&str> = of_first.map(|(request, _)| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), 2, "{told:?}");
    assert_eq!(ids[0], ids[1], "whoever took it before knows it");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn an_answer_whose_body_never_ends_is_an_answer() {
    let receiver = Receiver::start(|_, _| "200 OK\r\nContent-Length: 100\n\nok");
    let program = program(&hook("stage"), MARK, &receiver);
    program.run(&["run"]).code(1);
    let came = &program.result()["notifications"][0];
    assert_eq!((&came["sent"], &came["tries"]), (&true.into(), &1.into()), "{came}");
    assert_eq!(receiver.got("/hook").len(), 1);
}

#[test]
fn a_new_blocker_is_told_though_the_run_was_killed_before_it_was() {
    let receiver = Receiver::fine();
    let checks = "checks:\n  - { id: one, command: { argv: ['false'] } }\n  - { id: slow, command: { argv: [sh, -c, 'test -e mark || sleep 60'] }, timeout: 90s }\n";
    let program = program(&hook("blocker"), checks, &receiver);
    let child = program.start(&["run"]);
    until("the failure", 30, || {
        program.path(".gonogo/runs").exists() && program.journal().contains("\"judged\"")
    });
    kill(child);
    assert!(receiver.got("/hook").is_empty(), "it was killed too late for this test");
    program.write("mark", "");
    program.run(&["run"]).code(1);
    let told = receiver.got("/hook");
    assert_eq!(headlines(&receiver), ["1 new blocker in stage 1 of 1: all: one"]);
    // It had ended before anybody was told.
    let said = told[0].json()["say"].as_str().unwrap().to_owned();
    assert_eq!(said, "1 blocker failed in stage all, which has ended: one.");
    program.run(&["run", "all"]).code(1);
    assert_eq!(receiver.got("/hook").len(), 1, "it is known by now");
}

#[test]
fn who_was_told_is_written_into_the_run_they_were_told_of() {
    let receiver = Receiver::slow(Duration::from_secs(3));
    let program = overdue(&receiver);
    let watcher = watcher(&program);
    until("the message", 30, || !receiver.got("/hook").is_empty());
    program.run(&["run", "all", "--fresh"]).code(1);
    until("both outcomes", 30, || came(&program).iter().flatten().count() >= 2);
    kill(watcher);
    let came = came(&program);
    assert_eq!(came.len(), 2);
    assert!(came.iter().all(|run| run.len() == 1 && run[0].1), "{came:?}");
    let ids: Vec<_> =
        receiver.got("/hook").iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn a_run_that_waits_for_receivers_can_be_stopped() {
    let receiver = Receiver::start(|_, _| "429 Too Many Requests\r\nRetry-After: 1000");
    let program = program(&hook("stage"), MARK, &receiver);
    program.write("mark", "");
    let mut child = program.start(&["run"]);
    until("the message", 30, || !receiver.got("/hook").is_empty());
    std::thread::sleep(Duration::from_millis(500));
    let stopped = Instant::now();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let ended = child.wait().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    assert_eq!(ended.code(), Some(0), "the verdict had been said");
    let came = &program.result()["notifications"][0];
    assert_eq!(
        (&came["tries"], &came["reason"]),
        (&1.into(), &"no answer came before gonogo ended; the last try: it answered 429".into())
    );
}

#[test]
fn who_is_busy_is_asked_three_times_before_the_end() {
    let receiver = Receiver::start(|_, _| "429 Too Many Requests\r\nRetry-After: 1000");
    let program = program(&hook("stage"), MARK, &receiver);
    program.run(&["run"]).code(1);
    let came = &program.result()["notifications"][0];
    assert_eq!((&came["tries"], &came["reason"]), (&3.into(), &"it answered 429".into()));
}

#[test]
fn who_could_not_be_told_is_shown_while_the_next_stage_runs() {
    let receiver = Receiver::start(|_, _| "404 Not Found");
    let checks = "checks:\n  - { id: quick, command: { argv: ['true'] } }\n  - { id: slow, command: { argv: [sleep, '6'] } }\nstages:\n  - { id: first, checks: [quick] }\n  - { id: second, checks: [slow] }\n";
    let program = program(&hook("stage"), checks, &receiver);
    let mut child = program.start(&["run"]);
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find(|line| line.contains("webhook could not be told"));
    let shown = Instant::now();
    assert_eq!(
        told.as_deref(),
        Some("note: webhook could not be told: GO: stage 1 of 2: first: it answered 404")
    );
    child.wait().unwrap();
    assert!(shown.elapsed() > Duration::from_secs(2), "it was shown only at the end of the next stage");
}
