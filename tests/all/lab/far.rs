//! The host of application 1 by a real ssh; and what a name or a target can do to those who look.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Lab;
use super::fault::{VERSION, write_plan};
use super::faults::{app, dns, route, tcp};
use super::network::Host;
use super::server::{answer, http};
use crate::support::program::{Ended, Moments, Program, count};
use crate::support::sshd::{Process, Setup, Sshd};

/// One of each family; what is the same from outside is told in the same way, too.
const FAULTS: [&str; 4] = ["dns-nxdomain", "fw-drop-port", "tcp-loopback-only", "app-old-version"];

/// An sshd on the host of application 1; none, said aloud, where there is none.
fn sshd(lab: &Lab) -> Option<Sshd> {
    let inside = (lab.at(Host::App1).name.as_str(), "198.51.100.10");
    Sshd::start(&Setup { inside: Some(inside), ..Setup::default() })
}

/// The plan of one check, looked at by ssh.
fn by_ssh(lab: &Lab, program: &Program, sshd: &Sshd) {
    write_plan(lab, program, &[VERSION]);
    let prefix = format!("{{ exec: {{ prefix: {} }} }}", lab.prefix(Host::App1));
    let plan = program.read("gonogo.yaml");
    assert!(plan.contains(&prefix), "{plan}");
    program.write("gonogo.yaml", &plan.replace(&prefix, &sshd.vantage()));
}

/// What is told of the only check.
fn told(program: &Program) -> Value {
    let findings = program.result()["checks"][0]["findings"].clone();
    let findings = findings.as_array().expect("findings").iter();
    let fields = ["id", "family", "layer", "or", "confidence", "owner", "do", "changed"];
    let rows = findings.map(|finding| fields.map(|field| finding[field].clone()));
    json!(rows.collect::<Vec<_>>())
}

#[test]
fn by_ssh_the_same_is_told_as_in_the_namespace_itself() {
    let Some(lab) = Lab::start() else { return };
    let Some(sshd) = sshd(&lab) else { return };
    let (direct, remote) = (Program::empty(), Program::empty());
    write_plan(&lab, &direct, &[VERSION]);
    by_ssh(&lab, &remote, &sshd);
    for program in [&direct, &remote] {
        lab.record_baseline(program);
        lab.gonogo(program, &["run", "--fresh"]).code(0);
    }
    let tables = [app::FAULTS, dns::FAULTS, route::FAULTS, tcp::FAULTS];
    for cause in FAULTS {
        let fault = tables.iter().copied().flatten().find(|fault| fault.cause == cause).expect("a fault");
        (fault.inject)(&lab);
        let logins = sshd.log().matches("Accepted publickey").count();
        for program in [&direct, &remote] {
            lab.gonogo(program, &["run", "--fresh"]).code(1);
        }
        let logins = sshd.log().matches("Accepted publickey").count() - logins;
        lab.restore();
        assert_eq!(told(&remote)[0][0], cause, "{:#}", remote.result()["checks"][0]);
        assert_eq!(told(&remote), told(&direct), "{cause}");
        // The check and all that is asked after it go over one connection.
        assert_eq!(logins, 1, "{cause}: {}", sshd.log());
    }
}

#[test]
fn a_network_that_is_cut_between_leaves_errors_and_nothing_else() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    let waits = (0..8).map(|number| {
        format!(
            "  - {{ id: wait-{number}, from: app1, timeout: 4s, command: {{ argv: [sleep, '{}.5'] }} }}\n",
            number / 2
        )
    });
    let checks = waits.collect::<String>()
        + "  - { id: app2, from: app1, timeout: 4s, tcp: { address: '203.0.113.20:8080' } }\n";
    let mut lost = 0;
    for moment in Moments::up_to(Duration::from_millis(2500)).take(count(2, 20)) {
        let Some(sshd) = sshd(&lab) else { return };
        program.write("gonogo.yaml", &sshd.plan(&checks));
        let mut running = lab.at(Host::Runner).command(env!("CARGO_BIN_EXE_gonogo"));
        running.args(["run", "--fresh"]).current_dir(program.path(""));
        running.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        let running = running.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
        super::namespace::wait_until("a far side", || {
            sshd.far_side().iter().any(|process| process.name == "gonogo")
        });
        std::thread::sleep(moment);
        let far = sshd.far_side();
        // Between the runner and the host of application 1, and nowhere else.
        lab.nft(
            Host::Router,
            "forward",
            "ip saddr { 192.0.2.30, 198.51.100.10 } ip daddr { 192.0.2.30, 198.51.100.10 } drop",
        );
        let cut = Instant::now();
        let ended = Ended::of(&running.wait_with_output().expect("it ends"));
        assert!(cut.elapsed() < Duration::from_secs(40), "it hung for {:?}", cut.elapsed());
        for row in program.result()["checks"].as_array().expect("checks") {
            let outcome = row["outcome"].as_str().expect("an outcome");
            assert!(matches!(outcome, "pass" | "error" | "no_answer"), "{row:#}");
            assert_eq!(row["findings"], json!([]), "{row:#}");
            lost += usize::from(outcome != "pass");
        }
        assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.stderr);
        // No packet tells the far side: it is alone after a silence that it bounds itself.
        let began = Instant::now();
        while far.iter().any(Process::runs) {
            assert!(began.elapsed() < Duration::from_secs(45), "still there: {far:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        lab.restore();
    }
    assert!(lost > 0, "nothing was lost");
}

#[test]
fn a_name_with_five_hundred_addresses_is_tried_at_sixteen_of_them() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    let mut hosts = String::from("127.0.0.1 localhost\n");
    for number in 0..500 {
        let _ = writeln!(hosts, "203.0.113.{} app2.corp.test\n", 30 + number % 200);
        let _ = writeln!(hosts, "192.0.2.{} app2.corp.test\n", 100 + number % 150);
        let _ = writeln!(hosts, "198.51.100.{} app2.corp.test\n", 100 + number % 150);
    }
    lab.etc(Host::App1, "hosts", &hosts);
    let began = Instant::now();
    lab.gonogo(&program, &["run"]).code(1);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let row = &program.result()["checks"][0];
    lab.restore();
    let layer = |name: &str| {
        let layers = row["layers"].as_array().expect("layers").iter();
        layers
            .clone()
            .find(|layer| layer["layer"] == name)
            .unwrap_or_else(|| panic!("{name}: {row:#}"))
            .clone()
    };
    assert_eq!(row["outcome"], "fail", "{row:#}");
    let resolved = &layer("dns")["worked"];
    assert_eq!(resolved["addresses"].as_array().expect("addresses").len(), 500, "{resolved}");
    assert_eq!(layer("tcp")["broke"]["attempts"].as_array().expect("attempts").len(), 16, "{row:#}");
}

#[test]
fn a_full_accept_queue_is_told_with_its_numbers() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    lab.record_baseline(&program);
    let fault = tcp::FAULTS.iter().find(|fault| fault.cause == "tcp-backlog-full").expect("a fault");
    (fault.inject)(&lab);
    lab.gonogo(&program, &["run", "--fresh"]).code(1);
    lab.restore();
    let finding = &program.result()["checks"][0]["findings"][0];
    assert_eq!(finding["id"], fault.cause, "{finding:#}");
    let contrast = finding["contrast"].as_str().expect("a contrast");
    // The queue's limit is 1, and Linux takes one more.
    assert!(contrast.contains("2 connections wait there to be accepted"), "{contrast}");
    let (_, turned) = contrast.split_once("Full queues have turned ").expect(contrast);
    assert!(turned.split(' ').next().is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 0)));
}

#[test]
fn a_target_cannot_write_into_what_is_told_of_it() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n::error::owned\n##vso[task.complete result=Succeeded;]\n| owned | `x` <script>\u{202e}\0";
    let Some(lab) = Lab::start() else { return };
    let program = Program::empty();
    write_plan(&lab, &program, &[VERSION]);
    lab.record_baseline(&program);
    let mut told = 0;
    for status in ["500 Internal Server Error", "503 Service Unavailable", "401 Unauthorized", "302 Found"] {
        lab.app2(
            "0.0.0.0:8080",
            http(move |_| {
                // What else it holds is no header, and refused before any rule reads it.
                let header = EVIL.replace(|c: char| c.is_control() || !c.is_ascii(), " ");
                let headers = format!(
                    "Content-Type: text/html\nLocation: /{header}\nWWW-Authenticate: Bearer error=\"{header}\"\nX-Powered-By: {header}\n"
                );
                let title = format!("<html><head><title>maintenance {EVIL}</title></head>{EVIL}</html>");
                answer(status, &headers, &title)
            }),
        );
        let ended = lab.gonogo(&program, &["run", "--fresh"]);
        ended.code(1);
        let row = &program.result()["checks"][0];
        told += row["findings"].as_array().expect("findings").len();
        let reports = ["summary.txt", "summary.md", "junit.xml"]
            .map(|name| program.read(&format!("gonogo-out/{name}")));
        for text in [&ended.stdout, &ended.stderr].into_iter().chain(&reports) {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\0', '\u{202e}']), "{status}: {text}");
            for line in text.lines().map(str::trim_start) {
                assert!(!line.starts_with("::error") && !line.starts_with("##vso["), "{status}: {line}");
            }
        }
        // Inside a code span, between double backquotes, Markdown takes nothing for HTML.
        let markdown = &reports[1];
        assert!(!markdown.split("``").step_by(2).any(|text| text.contains("<script>")), "{markdown}");
        lab.restore();
    }
    assert!(told >= 3, "only {told} findings had anything to quote");
}
