//! Two machines of a team and the database on a third, each with a network of its own: the server is stopped, and the wire is
//! cut.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{all_judged_once, lines, of, plan};
use crate::lab::is_there;
use crate::lab::namespace::{Namespace, remove_leftovers};
use crate::support::postgres::{Cluster, Setup};
use crate::support::program::{Ended, Program, count};
use crate::support::skip;

const URL: &str = "postgres://team@192.0.2.40:5432/journal";
const CHECKS: usize = 40;

/// The networks go after what runs in them.
struct Site {
    cluster: Cluster,
    one: Machine,
    two: Machine,
    server: Namespace,
}

struct Machine {
    program: Program,
    network: Namespace,
    name: &'static str,
}

impl Machine {
    fn new(site: usize, server: &Namespace, name: &'static str, address: &str, plan: &str) -> Self {
        let network = Namespace::new(site, name);
        server.ip(&format!("link add p-{name} type veth peer name eth0 netns {}", network.name));
        server.ip(&format!("link set p-{name} master team up"));
        network.ip(&format!("addr add {address}/24 dev eth0"));
        network.ip("link set eth0 up");
        Self { program: Program::with_plan(plan).env("JOURNAL_PASSWORD", "team-secret"), network, name }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let plain = self.program.command(arguments);
        let mut command = self.network.command("unshare");
        command.args(["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", self.name]);
        command.arg(plain.get_program()).args(arguments).current_dir(self.program.path(""));
        command.env("JOURNAL_PASSWORD", "team-secret").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.start(arguments).wait_with_output().unwrap())
    }

    /// Its copy, once it has read everything, is what the table holds.
    fn knows_everything(&self, cluster: &Cluster) {
        let told = self.run(&["log", "--format", "json"]);
        let told: Value = serde_json::from_str(&told.code(0).stdout).unwrap();
        assert_eq!(told["chain"]["verified"], true);
        let last = cluster.sql("journal", "select max(seq) from gonogo_journal");
        assert_eq!(told["chain"]["events"].to_string(), last, "{}", self.name);
    }
}

fn site() -> Option<Site> {
    static NUMBER: AtomicUsize = AtomicUsize::new(900);
    if !nix::unistd::geteuid().is_root() {
        skip("root, for the network namespaces of a team,");
        return None;
    }
    if let Some(missing) = ["ip", "nft", "unshare"].iter().find(|program| !is_there(program)) {
        skip(&format!("{missing}, for the network namespaces of a team,"));
        return None;
    }
    remove_leftovers();
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let server = Namespace::new(number, "server");
    server.ip("link add team type bridge");
    server.ip("addr add 192.0.2.40/24 dev team");
    server.ip("link set team up");
    let wait = "for i in $(seq 12000); do [ -e open ] && exit; sleep 0.02; done; exit 1";
    let plan = format!(
        "{}  - {{ id: gate, timeout: 5m, owner: ann, command: {{ argv: [sh, -c, '{wait}'] }} }}\n\
         journal: {{ url: \"{URL}\", password: {{ env: JOURNAL_PASSWORD }} }}\n",
        plan(CHECKS)
    );
    let one = Machine::new(number, &server, "one", "192.0.2.11", &plan);
    let two = Machine::new(number, &server, "two", "192.0.2.12", &plan);
    let cluster = Cluster::start(&Setup {
        namespace: Some(&server.name),
        hba: &["host all all 192.0.2.0/24 scram-sha-256"],
        sql: &["create role team login password 'team-secret'", "create database journal owner team"],
        ..Setup::default()
    })?;
    Some(Site { cluster, one, two, server })
}

impl Site {
    /// The run goes on from the first machine, and has begun.
    fn begin(&self) -> Child {
        let run = self.one.start(&["run", "--concurrency", "4"]);
        self.wait_for("judged", "it has begun", |found| found > 3);
        run
    }

    fn wait_for(&self, event: &str, why: &str, is_enough: impl Fn(usize) -> bool) {
        let asked = "select to_regclass('gonogo_journal') is not null";
        let began = Instant::now();
        loop {
            let found = match self.cluster.sql("journal", asked).as_str() {
                "t" => of(&lines(&self.cluster), event).len(),
                _ => 0,
            };
            if is_enough(found) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "{event}: {found} ({why})");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn cut(&self, address: &str) {
        self.server.nft(&format!(
            "add table inet cut\nadd chain inet cut i {{ type filter hook input priority 0 ; }}\n\
             add chain inet cut o {{ type filter hook output priority 0 ; }}\n\
             add rule inet cut i ip saddr {address} drop\nadd rule inet cut o ip daddr {address} drop\n"
        ));
    }

    fn heal(&self) {
        self.server.nft("delete table inet cut\n");
    }

    /// Each is there once, and the rest of the night too.
    fn everything_is_there_once(&self, marks: &[&str]) -> Vec<Value> {
        for machine in [&self.two, &self.one, &self.two] {
            machine.knows_everything(&self.cluster);
        }
        let lines = lines(&self.cluster);
        for mark in marks {
            let said = lines.iter().filter(|line| line["what"]["text"] == **mark).count();
            assert_eq!(said, 1, "{mark}");
        }
        let doubled = "select count(*) - count(distinct (run, sender, number)) from gonogo_journal";
        assert_eq!(self.cluster.sql("journal", doubled), "0");
        lines
    }
}

/// What is said there is taken down within seconds.
fn note(machine: &Machine, text: &str, waits: bool) {
    let began = Instant::now();
    let said = machine.run(&["note", text, "--by", "ann"]);
    assert!(said.code(0).stdout.contains("noted"), "{}", said.stdout);
    assert_eq!(said.stderr.contains("wait on this machine"), waits, "{text}: {}", said.stderr);
    assert!(began.elapsed() < Duration::from_secs(20), "{text}: {:?}", began.elapsed());
}

fn away() -> Duration {
    Duration::from_secs(count(6, 60) as u64)
}

#[test]
fn a_server_that_is_stopped_costs_neither_machine_anything() {
    let Some(mut site) = site() else { return };
    let run = site.begin();
    note(&site.two, "before", false);
    // All but the gate: even a run that has nothing to write notices that its lease is gone.
    site.wait_for("judged", "all but the gate", |found| found == CHECKS + 1);
    let (one, two) = (&site.one, &site.two);
    site.cluster.restart(|_| {
        let began = Instant::now();
        note(one, "one, away", true);
        note(two, "two, away", true);
        assert!(began.elapsed() < Duration::from_secs(9), "nobody waits for what says no at once");
        let refused = two.run(&["run"]);
        assert!(refused.code(5).stderr.contains("cannot be reached"), "{}", refused.stderr);
        std::thread::sleep(away().saturating_sub(began.elapsed()));
        note(two, "two, later", true);
    });
    site.wait_for("lease", "it is regained", |found| found == 1);
    let refused = site.two.run(&["run"]);
    assert!(refused.code(5).stderr.contains("another run is going on"), "{}", refused.stderr);
    assert!(refused.stderr.contains("on one (process"), "{}", refused.stderr);
    site.one.program.write("open", "");
    assert_eq!(Ended::of(&run.wait_with_output().unwrap()).code, Some(4), "a person is awaited");
    let lines = site.everything_is_there_once(&["before", "one, away", "two, away", "two, later"]);
    all_judged_once(&lines, CHECKS + 2);
    assert_eq!(of(&lines, "lease")[0]["change"], "regained");
    assert_eq!(of(&lines, "run_finished").len(), 1);
}

#[test]
fn a_wire_that_is_cut_costs_nothing_as_long_as_nobody_takes_over() {
    let Some(site) = site() else { return };
    let run = site.begin();
    // All but the gate: nothing is on its way when the wire is cut.
    site.wait_for("judged", "all but the gate", |found| found == CHECKS + 1);
    site.cut("192.0.2.11");
    let began = Instant::now();
    note(&site.two, "two, not cut off", false);
    // The server does not know yet that nobody is there any more: that takes it 25 s.
    let refused = site.two.run(&["run"]);
    assert!(refused.code(5).stderr.contains("on one (process"), "{}", refused.stderr);
    note(&site.one, "one, cut off", true);
    site.one.program.write("open", "");
    std::thread::sleep(away().saturating_sub(began.elapsed()));
    site.heal();
    assert_eq!(Ended::of(&run.wait_with_output().unwrap()).code, Some(4));
    let lines = site.everything_is_there_once(&["one, cut off", "two, not cut off"]);
    all_judged_once(&lines, CHECKS + 2);
    assert!(of(&lines, "lease").iter().all(|change| change["change"] == "regained"));
    assert_eq!(of(&lines, "run_finished").len(), 1);
}

#[test]
fn a_run_that_is_cut_off_and_taken_over_no_longer_counts_and_its_people_do() {
    let Some(site) = site() else { return };
    let run = site.begin();
    site.cut("192.0.2.11");
    // In the middle of an append, as may be: others get their turn all the same.
    note(&site.two, "two, not cut off", false);
    let is_cut_off_in_the_middle = of(&lines(&site.cluster), "judged").len() < CHECKS + 1;
    note(&site.one, "one, cut off", true);
    site.two.program.write("open", "");
    site.two.run(&["run", "--take-over", "ben"]).code(4);
    site.heal();
    if is_cut_off_in_the_middle {
        // It hears of it before its last check has answered; else with that.
        site.wait_for("lease", "taken over, and lost", |found| found == 2);
    }
    site.one.program.write("open", "");
    let ended = Ended::of(&run.wait_with_output().unwrap());
    assert!(ended.stderr.contains("the run lease was taken by"), "{}", ended.stderr);
    assert!(ended.code.is_some_and(|code| code != 0), "what lost the lease is no go");
    let result = site.one.program.result();
    assert_eq!(result["go"], false, "{}", result["reasons"]);
    assert_eq!(result["reasons"][0]["id"], "journal_error");
    let lines = site.everything_is_there_once(&["one, cut off", "two, not cut off"]);
    let counting: Vec<Value> = lines.into_iter().filter(|line| line["late"]["superseded"] != true).collect();
    all_judged_once(&counting, CHECKS + 2);
    let changes: Vec<&Value> = of(&counting, "lease").iter().map(|what| &what["change"]).collect();
    // The server has noticed by then, or has not: cut off in the middle of an append, it does within 5 s.
    assert!(
        changes.iter().any(|change| ["taken_over", "expired"].contains(&change.as_str().unwrap())),
        "{changes:?}"
    );
    assert_eq!(of(&counting, "run_finished").len(), 1);
}
