//! kill -9 at random moments: nothing acknowledged is lost, nothing settled is repeated, the end is the same.

mod people;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::program::{Moments, Program, count};

const CHECKS: usize = 500;

#[test]
fn a_run_killed_at_random_moments_is_resumed_to_the_same_end() {
    let mut text = "gonogo: 1\nname: kills\nchecks:\n".to_owned();
    for index in 0..CHECKS {
        let _ = writeln!(text, "  - {{ id: c-{index}, command: {{ argv: [sleep, \"0.002\"] }} }}");
    }
    let program = Program::with_plan(&text);
    let kills = count(20, 300);
    let mut moments = Moments::up_to(Duration::from_millis(120));
    let mut killed = 0;
    let mut finished = 0;
    while killed < kills {
        let mut child = program.start(&["run"]);
        std::thread::sleep(moments.next().unwrap());
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        match ended {
            None => killed += 1,
            Some(status) => {
                assert!(status.success(), "a run that ended by itself is a go: {status}");
                finished += 1;
            }
        }
        if program.path("gonogo-out/result.json").exists() && ended.is_none() {
            let result: Result<Value, _> = serde_json::from_str(&program.read("gonogo-out/result.json"));
            // Killed after its reports were written, or before: never half a file.
            result.expect("result.json is whole");
        }
    }
    program.run(&["run"]).code(0);
    let result = program.result();
    assert_eq!(result["counts"]["pass"], CHECKS);
    assert_eq!(result["checks"].as_array().unwrap().len(), CHECKS);
    let mut judged: HashMap<String, usize> = HashMap::new();
    for line in program.journal().lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["what"]["event"] == "judged" {
            *judged.entry(line["what"]["check"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(judged.len(), CHECKS, "every check was judged");
    assert!(judged.values().all(|&times| times == 1), "what was settled is not probed again");
    eprintln!("{killed} kills, {finished} runs that ended first");
}
