//! Faults injected for real: hosts, a router and servers in network namespaces of this machine.
//!
//! `make lab` keeps one up for a person.

mod daemon;
mod database;
mod dns;
mod far;
mod fault;
mod faults;
pub(crate) mod fixture;
mod mistaken;
pub(crate) mod namespace;
mod network;
mod night;
mod pki;
mod proxies;
mod score;
mod server;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use fault::Proof;
use namespace::Namespace;
use network::Host;
use serde_json::Value;
use server::Server;

use crate::support::postgres::Cluster;
use crate::support::program::{Ended, Program, count};
use crate::support::skip;

/// Programs that a lab is made of.
const PROGRAMS: [&str; 10] =
    ["ip", "nft", "sysctl", "dnsmasq", "unbound", "nginx", "haproxy", "pgbouncer", "openssl", "cc"];

/// How a fault is taken back.
type Undo = Box<dyn FnOnce(&Lab)>;

/// A running lab: what is injected into it is taken back by [`Lab::restore`], and all of it goes away on drop.
struct Lab {
    daemons: RefCell<BTreeMap<&'static str, daemon::Daemon>>,
    servers: RefCell<BTreeMap<&'static str, Server>>,
    cluster: RefCell<Option<Cluster>>,
    undo: RefCell<Vec<Undo>>,
    tables: Cell<usize>,
    /// The hosts go after what runs in them.
    hosts: Vec<Namespace>,
    pki: pki::Pki,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Build it, healthy; none, said aloud, where we are not root or a program is missing.
    fn start() -> Option<Self> {
        static SWEEP: Once = Once::new();
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        if !nix::unistd::geteuid().is_root() {
            skip("root, for the network namespaces of the lab,");
            return None;
        }
        if let Some(missing) = PROGRAMS.iter().find(|program| !is_there(program)) {
            skip(&format!("{missing}, for the lab,"));
            return None;
        }
        SWEEP.call_once(namespace::remove_leftovers);
        let folder = tempfile::Builder::new().prefix("gonogo-lab-").tempdir().expect("a folder");
        let lab = Self {
            daemons: RefCell::default(),
            servers: RefCell::default(),
            cluster: RefCell::default(),
            undo: RefCell::default(),
            tables: Cell::new(0),
            hosts: network::build(NUMBER.fetch_add(1, Ordering::SeqCst)),
            pki: pki::Pki::new(folder.path()),
            folder,
        };
        for host in Host::ALL {
            lab.healthy_etc(host);
        }
        dns::start(&lab, dns::HEALTHY);
        lab.healthy_app2();
        let old =
            Server::start(lab.at(Host::Old), "0.0.0.0:8080", server::app2("4.1.9", "production", "old"));
        lab.servers.borrow_mut().insert("old", old);
        Some(lab)
    }

    /// A host.
    fn at(&self, host: Host) -> &Namespace {
        let index = Host::ALL.iter().position(|one| *one == host).expect("a host of the table");
        self.hosts.get(index).expect("each is built")
    }

    /// A file of the lab's own folder.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    /// The words that run a program on a host.
    fn prefix(&self, host: Host) -> String {
        if host == Host::App1 {
            return format!(
                "[ip, netns, exec, {}, {}]",
                self.at(host).name,
                self.start_on_app1("").display()
            );
        }
        format!("[ip, netns, exec, {}]", self.at(host).name)
    }

    /// The program that starts others on the host of application 1, with these variables.
    fn start_on_app1(&self, variables: &str) -> PathBuf {
        let path = self.folder.path().join("start");
        let text = format!("#!/bin/sh\n{variables} exec \"$@\"\n");
        if variables.is_empty() && path.exists() {
            return path;
        }
        // In its place at once: the one before may be running.
        let new = self.folder.path().join("start.new");
        std::fs::write(&new, text).expect("a file");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        std::fs::rename(&new, &path).expect("a file in its place");
        path
    }

    /// The clock of what is started on the host of application 1 is so many seconds off: a namespace has none of its own.
    fn clock(&self, seconds: i64) {
        let source = self.file(
            "clock.c",
            &format!(
                "#define _GNU_SOURCE\n#include <time.h>\n#include <sys/syscall.h>\n#include <unistd.h>\nint clock_gettime(clockid_t id, struct timespec *t) {{ long r = syscall(SYS_clock_gettime, id, t); if (!r && id == CLOCK_REALTIME) t->tv_sec += {seconds}L; return (int)r; }}\n"
            ),
        );
        let library = self.folder.path().join("clock.so");
        namespace::run(
            std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source),
        );
        self.start_on_app1(&format!("LD_PRELOAD={}", library.display()));
        self.undo(|lab| {
            lab.start_on_app1(" ");
        });
    }

    /// Run gonogo as the release team does, on the runner's host.
    fn gonogo(&self, program: &Program, arguments: &[&str]) -> Ended {
        let mut command = self.at(Host::Runner).command(env!("CARGO_BIN_EXE_gonogo"));
        command.args(arguments).current_dir(program.path("")).stdin(std::process::Stdio::null());
        Ended::of(&command.output().expect("it starts"))
    }

    /// Record what every check shows, to compare with.
    fn record_baseline(&self, program: &Program) {
        self.gonogo(program, &["baseline"]).code(0);
    }

    /// Servers that ended by themselves: what is seen then is not the fault that was meant.
    fn ended(&self) -> Vec<String> {
        let mut daemons = self.daemons.borrow_mut();
        let ended = daemons.iter_mut().filter_map(|(name, daemon)| {
            (!daemon.is_running()).then(|| format!("{name} ended by itself: {}", daemon.words()))
        });
        ended.collect()
    }

    // ---- faults, each with its way back ----

    /// Take back, last first, all that was injected.
    fn restore(&self) {
        loop {
            let Some(undo) = self.undo.borrow_mut().pop() else { break };
            undo(self);
        }
    }

    /// Say how what was just done is taken back.
    fn undo(&self, back: impl FnOnce(&Self) + 'static) {
        self.undo.borrow_mut().push(Box::new(back));
    }

    /// Hold this until the fault is taken back.
    fn keep(&self, what: impl Any) {
        self.undo(move |_| drop(what));
    }

    /// An `ip` command, and the one that takes it back.
    fn ip(&self, host: Host, forth: &str, back: &'static str) {
        self.at(host).ip(forth);
        self.undo(move |lab| lab.at(host).ip(back));
    }

    /// A kernel variable.
    fn sysctl(&self, host: Host, name: &'static str, value: &str) {
        let before = self.at(host).sysctl(name, value);
        self.undo(move |lab| {
            lab.at(host).sysctl(name, &before);
        });
    }

    /// A rule of nftables in a chain at this hook: `forward`, `input`, `output`; or `nat prerouting`, `nat postrouting`.
    fn nft(&self, host: Host, hook: &str, rule: &str) {
        let table = format!("fault{}", self.tables.replace(self.tables.get() + 1));
        let chain = match hook.split_once(' ') {
            Some((kind, hook)) => format!("type {kind} hook {hook} priority -100"),
            None => format!("type filter hook {hook} priority 0"),
        };
        self.at(host).nft(&format!(
            "add table inet {table}\nadd chain inet {table} c {{ {chain} ; policy accept ; }}\nadd rule inet {table} c {rule}\n"
        ));
        self.undo(move |lab| lab.at(host).nft(&format!("delete table inet {table}\n")));
    }

    /// What a host sees in `/etc`.
    fn etc(&self, host: Host, file: &str, text: &str) {
        self.at(host).etc(file, text);
        self.undo(move |lab| lab.healthy_etc(host));
    }

    /// Other records in the zone.
    fn dns(&self, records: &str) {
        dns::start(self, records);
        self.undo(|lab| dns::start(lab, dns::HEALTHY));
    }

    /// Another server in the place of application 2.
    fn app2(&self, address: &str, serve: impl Fn(TcpStream) + Send + Sync + 'static) {
        self.stop_app2();
        let server = Server::start(self.at(Host::App2), address, serve);
        self.servers.borrow_mut().insert("app2", server);
    }

    /// Application 2 is not running.
    fn stop_app2(&self) {
        self.servers.borrow_mut().remove("app2");
        self.undo(Self::healthy_app2);
    }

    fn healthy_app2(&self) {
        self.servers.borrow_mut().remove("app2");
        let serve = server::app2("4.2.0", "production", "a");
        let server = Server::start(self.at(Host::App2), "0.0.0.0:8080", serve);
        self.servers.borrow_mut().insert("app2", server);
    }

    fn healthy_etc(&self, host: Host) {
        let namespace = self.at(host);
        namespace.etc("resolv.conf", dns::RESOLV);
        namespace.etc("hosts", "127.0.0.1 localhost\n");
        namespace.etc("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
    }
}

/// Whether a program is on the path, or where Debian keeps those of root.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push(Path::new("/usr/sbin").to_owned());
    folders.iter().any(|folder| folder.join(program).is_file())
}

/// Inject a family's faults, in several labs at once: most of the time is spent waiting for what does not answer.
fn prove(family: &str, prepare: fn(&Lab), faults: &'static [fault::Fault]) {
    let labs = faults.len().div_ceil(AT_A_TIME);
    let work = move |number: usize| {
        let Some(lab) = Lab::start() else { return Proof::default() };
        prepare(&lab);
        fault::prove(&lab, faults.iter().skip(number).step_by(labs))
    };
    let working: Vec<_> = (0..labs).map(|number| std::thread::spawn(move || work(number))).collect();
    let mut all = Proof::default();
    for one in working {
        let proof = one.join().expect("a lab that works");
        all.mistakes.extend(proof.mistakes);
        all.score.join(proof.score);
        all.recorded.extend(proof.recorded);
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let told = |(cause, _): &(&'static str, Value)| all.score.is_told(cause);
        fixture::keep(family, &all.recorded.into_iter().filter(told).collect::<Vec<_>>());
    }
    if let Some(table) = all.score.table() {
        println!("{table}");
    }
    all.mistakes.extend(all.score.mistakes());
    let (count, mistakes) = (all.mistakes.len(), all.mistakes.join("\n"));
    assert!(all.mistakes.is_empty(), "{family}: {count} mistakes of {} faults:\n{mistakes}", faults.len());
}

/// Faults of one lab.
const AT_A_TIME: usize = 14;

#[test]
fn faults_of_names_break_where_they_are_injected() {
    prove("dns", |_| (), faults::dns::FAULTS);
}

#[test]
fn faults_of_the_network_break_where_they_are_injected() {
    prove("route", |_| (), faults::route::FAULTS);
}

#[test]
fn faults_that_the_hosts_at_both_ends_tell_break_where_they_are_injected() {
    prove("host", faults::host::prepare, faults::host::FAULTS);
}

#[test]
fn faults_of_listeners_break_where_they_are_injected() {
    prove("tcp", |_| (), faults::tcp::FAULTS);
}

#[test]
fn faults_of_the_caller_s_configuration_break_where_they_are_injected() {
    prove("config", faults::config::prepare, faults::config::FAULTS);
}

#[test]
fn faults_of_tls_break_where_they_are_injected() {
    prove("tls", faults::tls::prepare, faults::tls::FAULTS);
}

#[test]
fn faults_of_http_break_where_they_are_injected() {
    prove("http", faults::http::prepare, faults::http::FAULTS);
}

#[test]
fn faults_of_upgrades_grpc_and_wsdl_break_where_they_are_injected() {
    prove("web", faults::web::prepare, faults::web::FAULTS);
}

#[test]
fn what_the_application_quotes_of_others_is_told() {
    prove("quoted", |_| (), faults::quoted::FAULTS);
}

#[test]
fn faults_of_the_application_break_where_they_are_injected() {
    prove("app", |_| (), faults::app::FAULTS);
}

#[test]
fn faults_of_the_application_s_own_environment_break_where_they_are_injected() {
    prove("application", faults::application::prepare, faults::application::FAULTS);
}

#[test]
fn faults_of_the_load_balancer_break_where_they_are_injected() {
    prove("lb", faults::balancer::prepare, faults::balancer::FAULTS);
}

#[test]
fn faults_of_the_database_break_where_they_are_injected() {
    prove("db", faults::database::prepare, faults::database::FAULTS);
}

#[test]
fn faults_of_the_database_server_s_host_break_where_they_are_injected() {
    prove("cluster", faults::database::prepare, faults::cluster::FAULTS);
}

#[test]
fn faults_of_rights_in_the_database_break_where_they_are_injected() {
    prove("rights", faults::database::prepare, faults::rights::FAULTS);
}

#[test]
fn nothing_is_told_of_a_healthy_lab() {
    let Some(lab) = Lab::start() else { return };
    for prepare in [faults::tls::prepare, faults::balancer::prepare, faults::database::prepare] {
        prepare(&lab);
    }
    let tables = [
        faults::dns::FAULTS,
        faults::tls::FAULTS,
        faults::http::FAULTS,
        faults::web::FAULTS,
        faults::balancer::FAULTS,
    ];
    let tables = tables.into_iter().chain([
        faults::database::FAULTS,
        faults::cluster::FAULTS,
        faults::rights::FAULTS,
        faults::app::FAULTS,
    ]);
    let checks: BTreeSet<&str> = tables.flatten().map(|fault| fault.check).collect();
    assert!(checks.len() > 20, "only {} checks", checks.len());
    let program = Program::empty();
    fault::write_plan(&lab, &program, &checks.into_iter().collect::<Vec<_>>());
    lab.record_baseline(&program);
    for run in 0..count(3, 20) {
        lab.gonogo(&program, &["run", "--fresh"]).code(0);
        let result = program.result();
        for row in result["checks"].as_array().expect("checks") {
            assert_eq!(row["outcome"], "pass", "run {run}: {row}");
            assert_eq!(row["findings"], serde_json::json!([]), "run {run}: {row}");
        }
    }
}

/// Without a plan: a target and places in words.
#[test]
fn a_probe_names_the_cause_and_only_its_first_place_decides() {
    let Some(lab) = Lab::start() else { return };
    lab.nft(Host::Router, "forward", "ip saddr 198.51.100.10 tcp dport 8080 drop");
    let program = Program::empty();
    let words = |host: Host| format!("exec:ip netns exec {}", lab.at(host).name);
    let (app1, app2) = (words(Host::App1), words(Host::App2));
    let target = "http://app2.corp.test:8080/api/version";
    let look = |places: &[&str], code: i32| {
        let asked = [&["probe", target, "--format", "json", "--timeout", "5s"], places].concat();
        let ended = lab.gonogo(&program, &asked);
        ended.code(code);
        serde_json::from_str::<serde_json::Value>(&ended.stdout).expect("JSON")
    };

    let compared = look(&["--from", &app1, "--from", "here", "--compare", "--target-host", &app2], 1);
    assert_eq!(compared[0]["findings"][0]["id"], "fw-drop-port", "{compared:#}");
    assert_eq!(compared[0]["findings"][0]["confidence"], "high");
    assert_eq!(compared[1]["outcome"], "pass");
    // The other way round the place that fails decides nothing.
    let compared = look(&["--from", "here", "--from", &app1, "--compare"], 0);
    assert_eq!(compared[1]["outcome"], "fail");
    assert_eq!(compared[1]["findings"], serde_json::json!([]));
    // Without a comparison each place decides.
    look(&["--from", "here", "--from", &app1], 1);
    let alone = look(&["--from", &app1], 1);
    assert_eq!(alone["findings"][0]["family"], "route", "{alone:#}");
}

/// What somebody at a terminal is told.
fn introduction(lab: &Lab) -> String {
    let mut text = String::from("The lab is up. Its hosts are network namespaces:\n");
    for host in Host::ALL {
        let _ = writeln!(text, "  {:28} {}", lab.at(host).name, host.addresses().join(", "));
    }
    let (app1, ca) = (&lab.at(Host::App1).name, lab.folder.path().join("ca.pem"));
    let _ = write!(
        text,
        "\nLook from application 1:
  gonogo probe http://app2.corp.test:8080/api/version --from 'exec:ip netns exec {app1}'
  gonogo probe 'postgres://app1:app1-secret@db.corp.test/orders?sslmode=disable' --from 'exec:ip netns exec {app1}'
Behind the same name: https at 8443 (trust {}), nginx at 8081, HAProxy at 8082; PgBouncer at db.corp.test:6432.
Break something, such as:
  ip netns exec {} nft 'add table inet f; add chain inet f c {{ type filter hook forward priority 0; }}; add rule inet f c tcp dport 8080 drop'
Ctrl-C ends it.\n",
        ca.display(),
        lab.at(Host::Router).name
    );
    text
}

/// `make lab`: everything at once, until Ctrl-C; without `GONOGO_LAB=1` only that it comes up.
#[test]
#[ignore = "for a person: make lab"]
fn a_lab_with_everything_stays_up_until_it_is_interrupted() {
    let Some(lab) = Lab::start() else { return };
    for prepare in [faults::tls::prepare, faults::balancer::prepare, faults::database::prepare] {
        prepare(&lab);
    }
    println!("{}", introduction(&lab));
    assert_eq!(lab.ended(), Vec::<String>::new());
    if std::env::var("GONOGO_LAB").as_deref() == Ok("1") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(tokio::signal::ctrl_c()).expect("a signal");
    }
}
