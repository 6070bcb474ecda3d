//! The night itself: a database is split, Application 2 moves, then Application 1, which calls it. What breaks is named when it
//! can first be seen, which is before Application 1 is up.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::Lab;
use super::faults::{app, database, dns, route, tcp};
use super::network::Host;
use crate::support::program::Program;

/// Five faults of five families, the stage that first meets each, and who has to repair it.
const FAULTS: [(&str, &str, &str); 5] = [
    ("db-28P01-wrong-password", "db-split", "web"),
    ("dns-nxdomain", "app2", "web"),
    ("fw-drop-port", "app2", "web"),
    ("tcp-loopback-only", "app2", "back"),
    ("app-old-version", "app2", "back"),
];
/// From the start of the stage to the named cause.
const LIMIT: Duration = Duration::from_secs(10);

fn plan(lab: &Lab) -> String {
    let prefix = |host| lab.prefix(host);
    format!(
        "gonogo: 1
people: {{ web: {{ name: Web team }}, back: {{ name: Back-end team }}, dba: {{ name: DBA team }} }}
vantages:
  app1: {{ exec: {{ prefix: {app1} }} }}
  app2: {{ exec: {{ prefix: {app2} }} }}
  db: {{ exec: {{ prefix: {db} }} }}
apps:
  app1: {{ runs_on: [app1], owner: web, up_from: app1 }}
  app2: {{ runs_on: [app2], owner: back, up_from: app2 }}
  orders: {{ runs_on: [db], owner: dba, up_from: db-split }}
links:
  - id: app1-to-orders
    from: app1
    to: orders
    {read}
  - id: app1-to-app2
    from: app1
    to: app2
    {version}
stages: [{{ id: db-split }}, {{ id: app2 }}, {{ id: app1 }}]
",
        app1 = prefix(Host::App1),
        app2 = prefix(Host::App2),
        db = prefix(Host::Db),
        read = database::READ,
        version = super::fault::VERSION,
    )
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().expect("a moment").parse().expect("a moment")
}

/// How long after the start of this stage the answers came that tell the cause.
fn took(program: &Program, stage: &str) -> Duration {
    let journal = program.journal();
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_stage = events.filter(|line| line["what"]["stage"] == stage);
    let at = |kind: &str, events: &[Value]| {
        let event = events.iter().find(|line| line["what"]["event"] == kind);
        moment(&event.unwrap_or_else(|| panic!("{kind} in {journal}"))["at"])
    };
    let events: Vec<Value> = of_stage.collect();
    at("examined", &events).duration_since(at("stage_started", &events)).unsigned_abs()
}

#[test]
fn each_of_five_faults_is_named_within_ten_seconds_of_its_stage() {
    let Some(lab) = Lab::start() else { return };
    database::prepare(&lab);
    let program = Program::empty();
    program.write("gonogo.yaml", &plan(&lab));
    lab.record_baseline(&program);
    lab.gonogo(&program, &["run", "--fresh"]).code(0);
    let tables = [app::FAULTS, database::FAULTS, dns::FAULTS, route::FAULTS, tcp::FAULTS];
    for (cause, stage, owner) in FAULTS {
        let fault = tables.iter().copied().flatten().find(|fault| fault.cause == cause).expect("a fault");
        (fault.inject)(&lab);
        lab.gonogo(&program, &["run", "--fresh"]).code(1);
        let (result, took) = (program.result(), took(&program, stage));
        lab.restore();
        // The run stops at the stage that meets it: Application 1 is never touched.
        assert_eq!(result["stage"], stage, "{cause}: {result:#}");
        let red = result["checks"].as_array().expect("checks").iter().find(|row| row["outcome"] == "fail");
        let told = &red.expect("a failure")["findings"][0];
        let or = told["or"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(told["id"] == cause || or.iter().any(|other| other == cause), "{cause}: {told:#}");
        assert_eq!(told["owner"], owner, "{cause}: {told:#}");
        assert!(took < LIMIT, "{cause} was named after {took:?}");
        println!("{cause:28} named at {stage:9} after {:4.1} s", took.as_secs_f64());
    }
}
