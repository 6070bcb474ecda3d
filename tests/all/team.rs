//! A journal for a team, in a real database: two programs on one journal, the server stopped and started, and kills.

mod hosts;
mod pooler;
mod spool;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program, count};

/// A plan of checks that take a moment each, and of two that people answer.
fn plan(checks: usize) -> String {
    let mut text = "gonogo: 1\nname: team night\nzone: America/Montreal\npeople: { ann: { name: Ann }, ben: { name: Ben } }\n\
                    checks:\n  - { id: by-hand, manual: { steps: [look] }, owner: ann }\n"
        .to_owned();
    for index in 0..checks {
        let _ = writeln!(text, "  - {{ id: c-{index}, command: {{ argv: [sleep, \"0.05\"] }}, owner: ann }}");
    }
    text
}

fn cluster() -> Option<Cluster> {
    Cluster::start(&Setup {
        sql: &["create role team login password 'team-secret'", "create database journal owner team"],
        settings: &["log_statement = 'none'"],
        ..Setup::default()
    })
}

fn url(cluster: &Cluster) -> String {
    format!("postgres://team@127.0.0.1:{}/journal", cluster.port)
}

/// A machine of the team: its own folder, the shared journal named in the plan.
fn machine(cluster: &Cluster, plan: &str) -> Program {
    let journal =
        format!("journal: {{ url: \"{}\", password: {{ env: JOURNAL_PASSWORD }} }}\n", url(cluster));
    Program::with_plan(&format!("{plan}{journal}")).env("JOURNAL_PASSWORD", "team-secret")
}

/// Every line of every run, as the table holds them; the chain of each run is followed here, independently of the
/// program.
fn lines(cluster: &Cluster) -> Vec<Value> {
    let rows = cluster.sql(
        "journal",
        "select run || chr(9) || seq || chr(9) || line from gonogo_journal order by run, seq",
    );
    let (mut known, mut before, mut lines) = (String::new(), String::new(), Vec::new());
    for (index, row) in rows.lines().enumerate() {
        let mut parts = row.splitn(3, '\t');
        let (run, seq, line) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let value: Value = serde_json::from_str(line).unwrap();
        if run == known {
            assert_eq!(value["prev"], before, "row {index}: the chain is broken");
            assert_eq!(value["seq"].to_string(), seq);
            lines.push(value);
        } else {
            assert_eq!(seq, "0", "a run begins with its first line");
            assert_eq!(value["run"], run);
        }
        known = run.to_owned();
        before.clear();
        for byte in Sha256::digest(line.as_bytes()) {
            let _ = write!(before, "{byte:02x}");
        }
    }
    lines
}

fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().map(|line| &line["what"]).filter(|what| what["event"] == event).collect()
}

/// Each check is judged, and no more than once.
fn all_judged_once(lines: &[Value], checks: usize) {
    let judged: Vec<String> = of(lines, "judged").iter().map(|what| what["check"].to_string()).collect();
    let distinct: HashSet<&String> = judged.iter().collect();
    assert_eq!((judged.len(), distinct.len()), (checks, checks), "nothing is lost and nothing doubled");
}

#[test]
fn a_run_and_a_person_on_another_machine_share_one_journal() {
    let Some(cluster) = cluster() else { return };
    let one = machine(&cluster, &plan(3));
    one.run(&["run"]).code(4);
    // The other machine has no plan, and names the journal.
    let other = Program::empty().env("PGPASSWORD", "team-secret");
    let url = url(&cluster);
    other
        .run(&["record", "by-hand", "pass", "--by", "ann", "--evidence", "order 12", "--journal", &url])
        .code(0);
    let seen = other.run(&["report", "--journal", &url]);
    assert!(seen.stdout.contains("team night") || seen.stdout.contains("GO"), "{}", seen.stdout);
    // The first carries on; it knows the journal from its plan, and then without one.
    one.run(&["run"]).code(0);
    let shown = one.run(&["report", "--format", "json"]);
    assert!(shown.code(0).stdout.contains("order 12"), "{}", shown.stdout);
    let lines = lines(&cluster);
    assert_eq!(of(&lines, "recorded").len(), 1);
    assert_eq!(of(&lines, "run_started").len(), 2);
    assert!(!lines.iter().any(|line| line.to_string().contains("team-secret")));
    let note = one.read(".gonogo/team.json");
    assert!(!note.contains("team-secret") && note.contains("JOURNAL_PASSWORD"), "{note}");
    let told = one.run(&["log"]);
    assert!(told.code(0).stdout.contains("by-hand is pass, says ann: order 12"), "{}", told.stdout);
    assert!(told.stdout.contains("each follows the one before"), "{}", told.stdout);
}

#[test]
fn a_server_that_is_away_for_a_while_costs_nothing() {
    let Some(mut cluster) = cluster() else { return };
    let away = Duration::from_secs(count(3, 60) as u64);
    // Enough that the run still goes on when the server is back, however fast the machine is.
    let checks = count(600, 3000);
    let one = machine(&cluster, &plan(checks));
    let other = machine(&cluster, &plan(checks));
    let run = one.start(&["run", "--concurrency", "2"]);
    std::thread::sleep(Duration::from_secs(2));
    other.run(&["record", "by-hand", "fail", "--by", "ann"]).code(0);
    cluster.restart(|_| {
        std::thread::sleep(away / 2);
        // What a person says while the server is away waits on their machine.
        let said = other.run(&["record", "by-hand", "pass", "--by", "ben"]);
        said.code(0);
        assert!(said.stderr.contains("wait on this machine"), "{}", said.stderr);
        let read = other.run(&["report"]);
        assert!(
            read.stderr.contains("cannot be reached") && read.stderr.contains("1 events"),
            "{}",
            read.stderr
        );
        std::thread::sleep(away / 2);
    });
    let ended = Ended::of(&run.wait_with_output().unwrap());
    assert!(ended.stderr.contains("events wait on this machine"), "it says so: {}", ended.stderr);
    assert!(ended.stderr.contains("is back: "), "it catches up: {}", ended.stderr);
    let sent = other.run(&["report"]);
    assert!(sent.stderr.contains("1 events that waited"), "{}", sent.stderr);
    let lines = lines(&cluster);
    all_judged_once(&lines, checks + 1);
    let said: Vec<String> = of(&lines, "recorded").iter().map(|what| what["by"].to_string()).collect();
    assert_eq!(said, ["\"ann\"", "\"ben\""]);
    assert!(lines.iter().any(|line| line["late"]["number"].is_number()), "some came late");
    assert_eq!(of(&lines, "lease")[0]["change"], "regained");
    assert_eq!(of(&lines, "run_finished").len(), 1);
}

#[test]
fn what_a_killed_program_left_in_its_spool_arrives_once() {
    let Some(mut cluster) = cluster() else { return };
    // Enough that no run ends before it is killed, however fast the machine is.
    let checks = count(400, 4000);
    let one = machine(&cluster, &plan(checks));
    let mut state = 0x9e37_79b9_u64;
    for _ in 0..count(3, 30) {
        let mut run = one.start(&["run", "--concurrency", "1"]);
        std::thread::sleep(Duration::from_millis(700));
        cluster.restart(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            std::thread::sleep(Duration::from_millis(300 + state % 900));
            if state.is_multiple_of(2) {
                run.kill().unwrap();
            }
        });
        // Else it is killed around the moment when its spool arrives.
        std::thread::sleep(Duration::from_millis(state % 2500));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    one.run(&["run"]).code(4);
    let lines = lines(&cluster);
    all_judged_once(&lines, checks + 1);
    let keys: Vec<String> =
        lines.iter().map(|line| line["late"].to_string()).filter(|late| late != "null").collect();
    let arrived =
        cluster.sql("journal", "select count(*) - count(distinct (run, sender, number)) from gonogo_journal");
    assert_eq!(arrived, "0");
    eprintln!("{} events came late", keys.len());
}

#[test]
fn a_second_run_is_told_who_holds_the_lease_and_can_take_it_over() {
    let Some(cluster) = cluster() else { return };
    let one = machine(&cluster, &plan(100));
    let other = machine(&cluster, &plan(100));
    let holder = one.start(&["run", "--concurrency", "1"]);
    std::thread::sleep(Duration::from_secs(2));
    let refused = other.run(&["run"]);
    assert_eq!(refused.code, Some(5));
    let process = format!("(process {})", holder.id());
    assert!(
        refused.stderr.contains("another run is going on") && refused.stderr.contains(&process),
        "{}",
        refused.stderr
    );
    other.run(&["record", "by-hand", "pass", "--by", "ann"]).code(0);
    let taken = other.run(&["run", "--take-over", "ben", "--concurrency", "16"]);
    taken.code(0);
    let ended = Ended::of(&holder.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "what lost the lease is no go: {}", ended.stderr);
    assert!(ended.stderr.contains("the run lease was taken by"), "{}", ended.stderr);
    let lines = lines(&cluster);
    let changes: Vec<String> = of(&lines, "lease").iter().map(|what| what["change"].to_string()).collect();
    assert!(
        changes.contains(&"\"taken_over\"".to_owned()) && changes.contains(&"\"lost\"".to_owned()),
        "{changes:?}"
    );
    assert_eq!(of(&lines, "lease").iter().find(|what| what["change"] == "taken_over").unwrap()["by"], "ben");
}

#[test]
fn a_database_that_cannot_be_used_says_what_to_do() {
    let Some(cluster) = cluster() else { return };
    cluster.sql("postgres", "create role guest login password 'guest-secret'");
    cluster.sql("journal", "revoke create on schema public from public");
    let guest = |environment: &str| {
        let url = format!("postgres://guest@127.0.0.1:{}/journal", cluster.port);
        let program = Program::with_plan(&plan(1)).env("PGPASSWORD", environment);
        program.run(&["run", "--journal", &url])
    };
    let wrong = guest("wrong-secret");
    assert_eq!(wrong.code, Some(5));
    assert!(
        wrong.stderr.contains("cannot be used") && !wrong.stderr.contains("wrong-secret"),
        "{}",
        wrong.stderr
    );
    let without = guest("guest-secret");
    assert_eq!(without.code, Some(5));
    assert!(
        without.stderr.contains("has no table") && without.stderr.contains("CREATE TABLE"),
        "{}",
        without.stderr
    );
    machine(&cluster, &plan(1)).run(&["run"]).code(4);
    let barred = guest("guest-secret");
    assert_eq!(barred.code, Some(5));
    assert!(
        barred.stderr.contains("GRANT SELECT, INSERT, DELETE ON gonogo_journal TO \"guest\""),
        "{}",
        barred.stderr
    );
    cluster.sql("journal", "grant select, insert on gonogo_journal to guest");
    cluster.sql("postgres", "alter role guest set default_transaction_read_only = on");
    let read_only = guest("guest-secret");
    assert_eq!(read_only.code, Some(5));
    assert!(read_only.stderr.contains("read only"), "{}", read_only.stderr);
    cluster.sql("postgres", "alter role guest reset default_transaction_read_only");
    cluster.sql("journal", "comment on table gonogo_journal is 'gonogo journal, version 9'");
    let newer = guest("guest-secret");
    assert_eq!(newer.code, Some(5));
    assert!(newer.stderr.contains("format 9"), "{}", newer.stderr);
    cluster.sql("journal", "comment on table gonogo_journal is 'gonogo journal, version 1'");
    // An edited line is found by whoever reads.
    cluster.sql("journal", "update gonogo_journal set line = replace(line, 'not_run', 'pass') where seq = 3");
    let reader = Program::empty().env("PGPASSWORD", "team-secret");
    let edited = reader.run(&["report", "--journal", &url(&cluster)]);
    assert_eq!(edited.code, Some(5));
    assert!(edited.stderr.contains("hash does not match"), "{}", edited.stderr);
}

#[test]
fn the_log_tells_the_night_in_the_plans_zone_and_a_broken_chain() {
    let program = Program::with_plan(
        "gonogo: 1\nzone: America/Montreal\nchecks:\n  - { id: shop, tcp: { address: \"127.0.0.1:1\" } }\n  - { id: fine, command: { argv: [\"true\"] } }\n",
    );
    program.run(&["run"]).code(1);
    let told = program.run(&["log"]);
    let text = &told.code(0).stdout;
    for part in [
        "a round began: round 1 of attempt 1",
        "stage all began: 2 to be answered",
        "blocker shop from here: fail",
        "cause: ",
        "stage all is NO-GO",
        "the round ended: NO-GO",
        "each follows the one before",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("fine"), "what passed is no news: {text}");
    assert!(program.run(&["log", "--all"]).stdout.contains("fine from here is pass"));
    let json: Value = serde_json::from_str(&program.run(&["log", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["chain"]["verified"], true);
    assert!(program.run(&["clean", "--keep", "30d"]).code(0).stdout.contains("0 runs removed"));
    let id = std::fs::read_dir(program.path(".gonogo/runs")).unwrap().next().unwrap().unwrap().file_name();
    let path = format!(".gonogo/runs/{}/journal.jsonl", id.to_str().unwrap());
    program.write(&path, &program.read(&path).replacen("127.0.0.1:1", "127.0.0.1:2", 1));
    let broken = program.run(&["log"]);
    assert_eq!(broken.code, Some(5));
    assert!(broken.stdout.contains("chain: BROKEN"), "{}", broken.stdout);
}

/// A command as on another host: a host name of its own, and the folder of this one.
fn on_host(name: &str, program: &Program, arguments: &[&str]) -> std::process::Command {
    let plain = program.command(arguments);
    let mut command = std::process::Command::new("unshare");
    command.args(["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", name]).arg(plain.get_program());
    command.args(arguments).current_dir(plain.get_current_dir().unwrap()).stdin(std::process::Stdio::null());
    command
}

#[test]
fn two_hosts_share_a_folder() {
    if !nix::unistd::geteuid().is_root() {
        crate::support::skip("the right to make namespaces (root)");
        return;
    }
    let program = Program::with_plan(&plan(40));
    let mut first = on_host("app1", &program, &["run", "--concurrency", "1"]);
    let first =
        first.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let second = Ended::of(&on_host("app2", &program, &["run"]).output().unwrap());
    assert_eq!(second.code, Some(5), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("on app1 (process {})", first.id())), "{}", second.stderr);
    let records = (0..8).map(|index| {
        let answer = if index == 7 { "pass" } else { "fail" };
        let mut command = on_host("app2", &program, &["record", "by-hand", answer, "--by", "ann"]);
        assert_eq!(Ended::of(&command.output().unwrap()).code, Some(0));
    });
    assert_eq!(records.count(), 8);
    assert!(first.wait_with_output().unwrap().status.code().is_some());
    let told = program.run(&["log", "--all"]);
    let text = &told.code(0).stdout;
    assert_eq!(text.matches("says ann").count(), 8, "{text}");
    assert_eq!(text.matches(" is pass: ").count(), 40, "{text}");
    // The lease of a program that is killed is free at once, and that is recorded.
    let mut killed = on_host("app1", &program, &["run", "--fresh", "--concurrency", "1"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    killed.kill().unwrap();
    killed.wait().unwrap();
    on_host("app2", &program, &["run"]).output().unwrap();
    let told = program.run(&["log"]);
    assert!(told.stdout.contains("the run lease had expired"), "{}", told.stdout);
}
