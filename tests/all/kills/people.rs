//! A whole night, in which the runner and those who speak are killed again and again: it ends as one that nobody disturbed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use gonogo::journal::Store;
use gonogo::verdict::assess;
use serde_json::Value;

use crate::support::program::{Ended, Moments, Program, count};

const STAGES: usize = 5;
/// Of each stage, 200 in all: one that fails and is accepted, one that is waived, one that a person answers, one that waits
/// until everything is said about the stage.
const CHECKS: usize = 40;

fn plan() -> String {
    let now = jiff::Timestamp::now();
    let mut text = format!(
        "gonogo: 1\nname: kills\nzone: UTC\nmax_minor: 50\nwindow: {{ start: {}, must_be_up_by: {} }}\n\
         people: {{ ann: {{ name: Ann }}, ben: {{ name: Ben, decides: true }} }}\nchecks:\n",
        moment(now, -1),
        moment(now, 10)
    );
    let mut stages = "stages:\n".to_owned();
    for stage in 0..STAGES {
        let mut ids = Vec::new();
        let mut add = |id: String, rest: &str| {
            let _ = writeln!(text, "  - {{ id: {id}, owner: ann, {rest} }}");
            ids.push(id);
        };
        add(format!("major-{stage}"), "severity: major, command: { argv: ['false'] }");
        add(format!("minor-{stage}"), "severity: minor, command: { argv: ['false'] }");
        add(format!("hand-{stage}"), "manual: { steps: [look] }");
        let wait = format!("for i in $(seq 6000); do [ -e open-{stage} ] && exit; sleep 0.02; done; exit 1");
        add(format!("gate-{stage}"), &format!("timeout: 2m, command: {{ argv: [sh, -c, '{wait}'] }}"));
        for number in 4..CHECKS {
            add(format!("c-{stage}-{number}"), "command: { argv: [sleep, '0.005'] }");
        }
        let _ = writeln!(
            stages,
            "  - {{ id: s{stage}, owner: ann, votes: [ann, ben], checks: [{}] }}",
            ids.join(", ")
        );
    }
    text + &stages
}

fn moment(now: jiff::Timestamp, hours: i64) -> String {
    (now + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What a person says: a command, and what has to be in the journal before it makes sense.
struct Word {
    arguments: Vec<String>,
    after: Value,
}

/// Of a stage, each with a mark of its own.
fn words(stage: usize) -> Vec<Word> {
    let begun = serde_json::json!({ "event": "stage_started", "stage": format!("s{stage}") });
    let failed = |check: &str| serde_json::json!({ "event": "judged", "check": format!("{check}-{stage}") });
    let later = format!("2099-01-{:02}T06:00", stage + 1);
    let said = [
        (format!("record hand-{stage} fail --by ann --evidence"), &begun),
        (format!("record hand-{stage} pass --by ben --evidence"), &begun),
        (format!("vote s{stage} no-go --by ann --because"), &begun),
        (format!("vote s{stage} go --by ann --because"), &begun),
        (format!("vote s{stage} go --by ben --because"), &begun),
        (format!("accept major-{stage} --by ann --because"), &failed("major")),
        (format!("waive minor-{stage} --until 2099-01-31 --by ben --because"), &failed("minor")),
        match stage {
            0 => (format!("extend {later} --asked-by ann --because"), &begun),
            1 => (format!("extend {later} --granted-by ben --because"), &begun),
            2 => ("handover ben --by ann --because".to_owned(), &begun),
            3 => ("handover ann --by ben --because".to_owned(), &begun),
            _ => ("note --by ann".to_owned(), &begun),
        },
    ];
    let words = said.into_iter().enumerate().map(|(number, (line, after))| Word {
        arguments: line.split(' ').map(ToOwned::to_owned).chain([mark(stage, number)]).collect(),
        after: after.clone(),
    });
    words.collect()
}

fn mark(stage: usize, number: usize) -> String {
    format!("mark {stage}.{number}.")
}

/// The events of whole lines, of every run.
fn events(program: &Program) -> Vec<Value> {
    let runs = std::fs::read_dir(program.path(".gonogo/runs")).into_iter().flatten().flatten();
    let texts = runs.filter_map(|run| std::fs::read_to_string(run.path().join("journal.jsonl")).ok());
    let lines = |text: String| {
        let whole: Vec<String> = text
            .split_inclusive('\n')
            .skip(1)
            .filter(|line| line.ends_with('\n'))
            .map(ToOwned::to_owned)
            .collect();
        whole.into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap()["what"].clone())
    };
    texts.flat_map(lines).collect()
}

fn marked(program: &Program, mark: &str) -> usize {
    // A verdict cites what was said.
    let said = events(program).into_iter().filter(|event| event["event"] != "verdict");
    said.filter(|event| event.to_string().contains(mark)).count()
}

fn wait_for(program: &Program, wanted: &Value) {
    let began = Instant::now();
    let is_it = |event: &Value| wanted.as_object().unwrap().iter().all(|(key, value)| event[key] == *value);
    while !events(program).iter().any(is_it) {
        assert!(began.elapsed() < Duration::from_mins(1), "{wanted}: waited for in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kill it at that moment; none when it had ended before, which has to be well.
fn kill_at(mut child: Child, moment: Duration) -> bool {
    std::thread::sleep(moment);
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(ended.is_none_or(|status| status.success()), "{}", Ended::of(&output).stderr);
    ended.is_none()
}

/// Say everything, stage by stage; how many commands were killed on the way.
fn speak(program: &Program, kills: usize) -> usize {
    let mut moments = Moments::up_to(Duration::from_millis(25));
    let (mut killed, mut said) = (0, 0);
    for stage in 0..STAGES {
        for (number, word) in words(stage).into_iter().enumerate() {
            wait_for(program, &word.after);
            let arguments: Vec<&str> = word.arguments.iter().map(String::as_str).collect();
            let mark = mark(stage, number);
            said += 1;
            // What was killed is there whole, or not at all: then it is said again.
            while marked(program, &mark) == 0 {
                if killed * STAGES * 8 < kills * said {
                    killed += usize::from(kill_at(program.start(&arguments), moments.next().unwrap()));
                } else {
                    program.run(&arguments).code(0);
                }
            }
            assert_eq!(marked(program, &mark), 1, "{arguments:?}");
        }
        if stage + 1 < STAGES {
            program.write(&format!("open-{stage}"), "");
        }
    }
    killed
}

/// Half a line at the end of the newest journal, as somebody leaves it who loses power while they hold the lock.
fn tear(program: &Program) {
    let runs = std::fs::read_dir(program.path(".gonogo/runs")).into_iter().flatten().flatten();
    let Some(path) = runs.map(|run| run.path().join("journal.jsonl")).max() else { return };
    let Ok(mut file) = std::fs::File::options().append(true).open(path) else { return };
    file.lock().unwrap();
    file.write_all(b"{\"seq\":1,\"prev\":\"half a li").unwrap();
}

/// The whole night, with so many kills.
fn night(plan: &str, kills: usize) -> Program {
    let program = Program::with_plan(plan);
    let run = ["run", "--concurrency", "4", "--per-target", "4"];
    let mut moments = Moments::up_to(Duration::from_millis(200));
    let mut killed = 0;
    let spoken = std::thread::scope(|scope| {
        let speaking = scope.spawn(|| speak(&program, kills / 2));
        while killed < kills / 2 && !speaking.is_finished() {
            assert!(kill_at(program.start(&run), moments.next().unwrap()), "it waits for what is said");
            killed += 1;
            if killed.is_multiple_of(3) {
                tear(&program);
            }
        }
        let mut child = program.start(&run);
        while !speaking.is_finished() {
            assert!(child.try_wait().unwrap().is_none(), "it waits for what is said");
            std::thread::sleep(Duration::from_millis(5));
        }
        let spoken = speaking.join().unwrap();
        if kills == 0 {
            program.write(&format!("open-{}", STAGES - 1), "");
            Ended::of(&child.wait_with_output().unwrap()).code(0);
        } else {
            assert!(kill_at(child, Duration::ZERO), "its last stage is not over");
            killed += 1;
        }
        spoken
    });
    while killed + spoken < kills {
        assert!(kill_at(program.start(&run), moments.next().unwrap()), "its last stage is not over");
        killed += 1;
    }
    if kills > 0 {
        tear(&program);
        assert!(program.run(&["status"]).stderr.contains("was never completed"));
        program.write(&format!("open-{}", STAGES - 1), "");
        let ended = program.run(&run);
        assert!(ended.code(0).stderr.contains("never completed and is dropped"), "{}", ended.stderr);
    }
    program.run(&["decide", "go", "--by", "ben", "--because", "all is said"]).code(0);
    eprintln!("{killed} kills of the runner, {spoken} of those who spoke");
    program
}

/// What the night came to: everything but times, ids and processes.
fn told(program: &Program) -> String {
    let store = Store::new(program.path(".gonogo"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (run, _) = runtime.block_on(store.newest()).unwrap().unwrap();
    let assessment = assess(&run, run.latest_at);
    let mut told = format!("{} {:?} {}\n", assessment.verdict, run.verdict, run.finished);
    for (stage, known) in assessment.stages.iter().zip(&run.stages) {
        let _ =
            writeln!(told, "{} {:?} {:?} {}", stage.stage.id, stage.verdict, known.said, known.rows.len());
        for voter in ["ann", "ben"] {
            let vote = run.people.vote(&stage.stage.id, voter).map(|vote| &vote.said);
            let vote = vote.map(|vote| (&vote.vote, &vote.because, &vote.speaker.by));
            let _ = writeln!(told, "  {voter}: {vote:?}");
        }
    }
    for row in &assessment.rows {
        let accepted = row.accepted.map(|accepted| (&accepted.said.because, &accepted.said.speaker.by));
        let _ = writeln!(
            told,
            "{} {} {:?} {:?} {accepted:?} {:?}",
            row.check.id, row.vantage, row.judgement, row.standing, row.waiver
        );
    }
    let records: BTreeMap<_, _> = run.records.iter().collect();
    for (check, (_, record)) in records {
        let _ = writeln!(told, "{check} {:?} {} {:?}", record.outcome, record.by, record.evidence);
    }
    for extended in run.people.extensions() {
        let said = &extended.said;
        let _ = writeln!(told, "{:?} {:?} {}", said.extension, said.because, said.speaker.by);
    }
    let decision = run.people.decision().map(|decided| (&decided.said.decision, &decided.said.because));
    let in_charge = run.people.in_charge().map(|handed| (&handed.said.to, &handed.said.because));
    let _ = writeln!(told, "{decision:?} {in_charge:?} {:?}", run.people.waivers().collect::<Vec<_>>());
    told
}

#[test]
fn a_night_of_kills_ends_as_one_that_nobody_disturbed() {
    let plan = plan();
    let disturbed = night(&plan, count(20, 300));
    let told_of_it = told(&disturbed);
    assert!(told_of_it.starts_with("GO WITH ISSUES"), "{told_of_it}");
    assert_eq!(told_of_it, told(&night(&plan, 0)));
    let events = events(&disturbed);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for event in &events {
        if ["judged", "stage_started", "verdict", "run_finished"].contains(&event["event"].as_str().unwrap())
        {
            *times.entry(format!("{} {} {}", event["event"], event["stage"], event["check"])).or_default() +=
                1;
        }
    }
    // Blockers are looked at again in every later stage.
    let again = (CHECKS - 3) * STAGES * (STAGES - 1) / 2;
    assert_eq!(times.len(), STAGES * (CHECKS + 2) + 1 + again);
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "what was settled is not repeated: {repeated:?}");
    for stage in 0..STAGES {
        for number in 0..8 {
            assert_eq!(marked(&disturbed, &mark(stage, number)), 1, "word {number} of stage {stage}");
        }
    }
    assert!(disturbed.run(&["log"]).code(0).stdout.contains("each follows the one before"));
}
