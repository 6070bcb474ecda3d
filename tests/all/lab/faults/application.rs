//! What only the application meets: its process has other variables than a login on its host.

use super::super::Lab;
use super::super::daemon::Daemon;
use super::super::fault::Fault;
use super::super::fault::Shows::{Breaks, Errs};
use super::super::namespace::wait_until;
use super::super::network::Host;
use super::super::proxies::healthy_nginx;

const CALL: &str = "http: { url: 'http://app2.corp.test:8080/api/version' }\n    as_application: { environment: { process: '^/bin/sh .* LAB/app1$' } }";
const BY_SHORT_NAME: &str = "http: { url: 'http://app2:8080/api/version' }\n    as_application: { environment: { process: '^/bin/sh .* LAB/app1$' } }";
const SECURED: &str = "http: { url: 'https://app2.corp.test:8443/api/version' }\n    as_application: { environment: { process: '^/bin/sh .* LAB/app1$' } }";
/// What the application reads when it starts.
const CONFIGURED: &str = "app2.host=app2.corp.test:8080\n";
const LOADED: &str = "config: { file: LAB/app2.properties, key: app2.host, address: 'http://app2.corp.test:8080', loaded_by: '^/bin/sh .* LAB/app1$' }";
/// A proxy that is not there.
const DEAD: &str = "http://192.0.2.30:3128";

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::new("proxy-env-dead", CALL, Breaks("tcp"), |lab| {
        started_with(lab, &[&format!("http_proxy={DEAD}")]);
    }),
    Fault::new("proxy-uppercase-ignored", CALL, Breaks("tcp"), |lab| {
        started_with(lab, &[&format!("HTTP_PROXY={DEAD}")]);
    }),
    Fault::new("proxy-no-proxy-syntax", CALL, Breaks("tcp"), |lab| {
        started_with(lab, &[&format!("http_proxy={DEAD}"), "NO_PROXY=localhost;.corp.test"]);
    }),
    Fault::new("tls-unknown-issuer", SECURED, Breaks("tls"), |lab| {
        started_with(lab, &["SSL_CERT_FILE=LAB/other-ca.pem"]);
    }),
    Fault::new("tls-trust-store-file-missing", SECURED, Errs, |lab| {
        started_with(lab, &["SSL_CERT_FILE=LAB/moved.pem"]);
    }),
    // The file is changed, and the application goes on with what it read.
    Fault::new("app-config-not-reloaded", LOADED, Breaks("payload"), |lab| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        lab.file("app2.properties", CONFIGURED);
        lab.undo(|lab| start(lab, &[]));
    }),
    Fault::new("probe-other-user-env", BY_SHORT_NAME, Breaks("dns"), |lab| {
        started_with(lab, &["LOCALDOMAIN=test.invalid"]);
    }),
];

/// What the family needs beside the lab itself: the application, and a host whose own trust store has the lab's authority.
pub(in super::super) fn prepare(lab: &Lab) {
    healthy_nginx(lab);
    lab.start_on_app1(&format!("SSL_CERT_FILE={}/ca.pem", lab.folder.path().display()));
    lab.file("app2.properties", CONFIGURED);
    start(lab, &[]);
}

/// The application is started with these variables, until the fault is taken back.
fn started_with(lab: &Lab, variables: &[&str]) {
    start(lab, variables);
    lab.undo(|lab| start(lab, &[]));
}

fn start(lab: &Lab, variables: &[&str]) {
    lab.daemons.borrow_mut().remove("app1");
    let folder = lab.folder.path().display().to_string();
    let trust = format!("SSL_CERT_FILE={folder}/ca.pem");
    let variables: Vec<String> = variables.iter().map(|one| one.replace("LAB", &folder)).collect();
    let name = format!("{folder}/app1");
    let mut words = vec!["env", "-i", &trust];
    words.extend(variables.iter().map(String::as_str));
    words.extend(["/bin/sh", "-c", "while :; do sleep 1; done", &name]);
    let log = lab.folder.path().join("app1.log");
    let daemon = Daemon::start(lab.at(Host::App1), &log, &words);
    lab.daemons.borrow_mut().insert("app1", daemon);
    // Until then its command line is that of what starts it.
    let line = format!("/bin/sh\0-c\0while :; do sleep 1; done\0{name}\0");
    wait_until("application 1 runs", || {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        processes
            .map(|one| one.path().join("cmdline"))
            .any(|path| std::fs::read(path).is_ok_and(|found| found == line.as_bytes()))
    });
}
