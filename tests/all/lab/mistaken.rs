//! What looks like a cause and is none: a move that was meant, a host that is not the one that is called, our own probes, a
//! trouble beside the one that broke the check.

use serde_json::Value;

use super::fault::{VERSION, write_plan};
use super::network::Host;
use super::server::{Server, answer, app2};
use super::{Lab, dns};
use crate::support::program::Program;

/// A link to application 2 as it is, and where the plan says that it runs.
fn plan(lab: &Lab, program: &Program, runs_on: Host) {
    let (app1, target) = (lab.prefix(Host::App1), lab.prefix(runs_on));
    program.write(
        "gonogo.yaml",
        &format!(
            "gonogo: 1\nvantages:\n  app1: {{ exec: {{ prefix: {app1} }} }}\n  host: {{ exec: {{ prefix: {target} }} }}\napps:\n  app1: {{ runs_on: app1 }}\n  app2: {{ runs_on: host }}\nlinks:\n  - id: app1-to-app2\n    from: app1\n    to: app2\n    timeout: 8s\n    {VERSION}\n"
        ),
    );
}

/// The findings of the only check, once it has failed.
fn findings(lab: &Lab, program: &Program) -> Vec<Value> {
    lab.gonogo(program, &["run", "--fresh"]).code(1);
    program.result()["checks"][0]["findings"].as_array().expect("findings").clone()
}

fn ids(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|one| one["id"].as_str().unwrap_or_default()).collect()
}

#[test]
fn a_move_that_was_meant_is_no_stale_record() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    plan(&lab, &program, Host::Old);
    lab.record_baseline(&program);
    let new = |version| {
        lab.servers.borrow_mut().remove("old");
        let serve = app2(version, "production", "new");
        lab.servers.borrow_mut().insert("old", Server::start(lab.at(Host::Old), "0.0.0.0:8080", serve));
    };
    new("4.2.0");
    dns::start(&lab, "host-record=app2.corp.test,203.0.113.22\n");
    lab.gonogo(&program, &["run", "--fresh"]).code(0);
    let row = &program.result()["checks"][0];
    assert_eq!(row["findings"], serde_json::json!([]), "{row:#}");
    assert_eq!(row["changed"][0]["what"], "addresses", "{row:#}");

    new("4.1.9");
    let told = findings(&lab, &program);
    assert!(ids(&told).iter().all(|id| !id.starts_with("dns-")), "{told:#?}");

    lab.servers.borrow_mut().remove("old");
    let told = findings(&lab, &program);
    assert_eq!(ids(&told).first(), Some(&"tcp-not-listening"), "{told:#?}");
}

/// The plan's host has the application; the address that is called is another one's, such as a load balancer's.
#[test]
fn a_host_without_the_address_that_is_called_proves_nothing_of_it() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    plan(&lab, &program, Host::Old);
    lab.record_baseline(&program);
    lab.stop_app2();
    let told = findings(&lab, &program);
    assert_eq!(ids(&told), ["tcp-not-listening"], "{told:#?}");
    assert_eq!(told[0]["confidence"], "medium", "{told:#?}");
    lab.restore();
    lab.nft(Host::Router, "forward", "ip daddr 203.0.113.20 tcp dport 8080 drop");
    let drops = "add table inet here\nadd chain inet here c { type filter hook input priority 0 ; }\nadd rule inet here c ip daddr 203.0.113.20 tcp dport 8080 drop\n";
    lab.at(Host::App2).nft(drops);
    let told = findings(&lab, &program);
    assert_eq!(ids(&told).first(), Some(&"fw-drop-all-sources"), "{told:#?}");
}

#[test]
fn our_own_probes_are_no_connections_of_an_application() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    lab.record_baseline(&program);
    lab.etc(Host::App1, "hosts", "127.0.0.1 localhost\n203.0.113.22 app2.corp.test\n");
    lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 8080 drop");
    for _ in 0..3 {
        let told = findings(&lab, &program);
        assert!(!ids(&told).contains(&"dns-app-cached-address"), "{told:#?}");
        assert_eq!(ids(&told).first(), Some(&"dns-hosts-override"), "{told:#?}");
    }
}

#[test]
fn a_trouble_beside_the_one_that_broke_it_does_not_lead() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    lab.record_baseline(&program);
    lab.nft(Host::Dns, "input", "ip daddr 192.0.2.54 drop");
    let resolv =
        "nameserver 192.0.2.54\nnameserver 192.0.2.53\nsearch corp.test\noptions timeout:1 attempts:2\n";
    lab.etc(Host::App1, "resolv.conf", resolv);
    super::faults::http::says(&lab, |_| {
        Some(answer("500 Internal Server Error", "", "could not connect to server: db1:5432"))
    });
    let told = findings(&lab, &program);
    assert_eq!(ids(&told).first(), Some(&"app-health-ok-dependency-down"), "{told:#?}");
    let beside = told.iter().find(|one| one["id"] == "dns-first-resolver-dead").expect("it is told too");
    assert!(beside["says"].as_str().is_some_and(|says| says.contains("beside it")), "{beside:#}");
}

/// What broke the check is gone when it is asked again.
#[test]
fn what_is_over_is_told_as_over() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    lab.record_baseline(&program);
    let first = std::sync::atomic::AtomicBool::new(true);
    super::faults::http::says(&lab, move |request| {
        let is_first =
            request.path == "/api/version" && first.swap(false, std::sync::atomic::Ordering::SeqCst);
        is_first.then(|| answer("500 Internal Server Error", "", "could not connect to server: db1:5432"))
    });
    let told = findings(&lab, &program);
    for one in &told {
        assert_ne!(one["confidence"], "high", "{told:#?}");
    }
    let contrast = told[0]["contrast"].as_str().expect("a contrast");
    assert!(contrast.contains("It works again"), "{told:#?}");
}
