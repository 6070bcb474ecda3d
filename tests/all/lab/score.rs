//! How well the cause of each injected fault is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::fault::Fault;

/// A cause that was told, as in `result.json`.
pub(super) struct Finding {
    pub(super) id: String,
    family: String,
    or: Vec<String>,
}

impl Finding {
    pub(super) fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let or = value["or"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self { id: text(&value["id"]), family: text(&value["family"]), or: or.iter().map(text).collect() }
    }
}

/// What the first finding says of what was injected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// Its name.
    Named,
    /// Another name, with its own among those that cannot be excluded.
    Among,
    /// Another name that the table says is the same from outside.
    Alike,
    /// Something else.
    Otherwise,
    /// Nothing.
    Nothing,
}

/// Each fault's cause with what was told of it.
#[derive(Default)]
pub(super) struct Score {
    rows: Vec<(&'static str, Told, String)>,
    wrong_family: Vec<String>,
}

impl Score {
    pub(super) fn add(&mut self, fault: &Fault, findings: &[Finding]) {
        let Some(first) = findings.first() else {
            self.rows.push((fault.cause, Told::Nothing, String::new()));
            return;
        };
        let told = if first.id == fault.cause {
            Told::Named
        } else if first.or.iter().any(|other| other == fault.cause) {
            Told::Among
        } else if fault.or.contains(&first.id.as_str()) {
            Told::Alike
        } else {
            Told::Otherwise
        };
        let is_elsewhere = told == Told::Otherwise && first.family != family(fault.cause);
        if first.family != family(&first.id) || is_elsewhere {
            self.wrong_family.push(format!("{}: told as {} ({})", fault.cause, first.id, first.family));
        }
        self.rows.push((fault.cause, told, first.id.clone()));
    }

    pub(super) fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.wrong_family.extend(other.wrong_family);
    }

    /// Whether what was told of a cause is right.
    pub(super) fn is_told(&self, cause: &str) -> bool {
        self.rows.iter().any(|(known, told, _)| *known == cause && *told <= Told::Alike)
    }

    /// The table by family, and what was taken for something else; none when nothing was looked for.
    pub(super) fn table(&self) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        let mut families: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        for (cause, told, _) in &self.rows {
            let counts = families.entry(family(cause)).or_default();
            let column = match told {
                Told::Named => 0,
                Told::Among => 1,
                Told::Alike => 2,
                Told::Otherwise => 3,
                Told::Nothing => 4,
            };
            counts[column] += 1;
        }
        let mut text = String::from("family    faults  named  among  alike  otherwise  nothing\n");
        for (family, counts) in &families {
            let [named, among, alike, otherwise, nothing] = counts;
            let all: usize = counts.iter().sum();
            let _ =
                writeln!(text, "{family:8} {all:7} {named:6} {among:6} {alike:6} {otherwise:10} {nothing:8}");
        }
        for (cause, _, told) in self.rows.iter().filter(|(_, told, _)| *told == Told::Otherwise) {
            let _ = writeln!(text, "taken for something else: {cause} for {told}");
        }
        let nothing =
            self.rows.iter().filter(|(_, told, _)| *told == Told::Nothing).map(|(cause, ..)| *cause);
        let _ = writeln!(text, "nothing told of: {}", nothing.collect::<Vec<_>>().join(", "));
        Some(text)
    }

    /// What should have been told and was not.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes =
            self.wrong_family.iter().map(|wrong| format!("wrong family: {wrong}")).collect::<Vec<_>>();
        for (cause, told, id) in &self.rows {
            match told {
                Told::Named | Told::Among | Told::Alike => {}
                Told::Otherwise => mistakes.push(format!("{cause}: taken for {id}")),
                Told::Nothing => mistakes.push(format!("{cause}: nothing is told")),
            }
        }
        mistakes
    }
}

/// The family of a cause.
fn family(cause: &str) -> &'static str {
    match cause {
        "tcp-proxy-protocol-unexpected" => return "http",
        "http-redirect-login"
        | "http-403-scope"
        | "http-403-ip"
        | "http-401"
        | "grpc-unauthenticated-permission" => return "auth",
        "http-proxy-stale-upstream-ip" => return "lb",
        "http-500" => return "app",
        "fw-idle-drop" => return "tcp",
        "dns-app-cached-address" | "app-config-not-reloaded" => return "config",
        _ => {}
    }
    let prefix = cause.split('-').next().unwrap_or_default();
    FAMILIES.iter().find(|(_, prefixes)| prefixes.contains(&prefix)).map_or("", |(family, _)| family)
}

/// Families, with how the names of their causes begin.
const FAMILIES: [(&str, &[&str]); 12] = [
    ("dns", &["dns"]),
    ("route", &["route", "fw", "host", "mtu", "net", "conn", "ephemeral", "nat"]),
    ("tcp", &["tcp", "keepalive"]),
    ("tls", &["tls"]),
    ("proxy", &["proxy"]),
    ("http", &["http", "ws"]),
    ("lb", &["lb", "envoy"]),
    ("auth", &["auth", "ldap", "kerberos"]),
    ("app", &["app", "grpc", "smtp", "sftp"]),
    ("mq", &["mq", "kafka", "jms"]),
    ("config", &["cfg", "probe"]),
    ("db", &["db", "pgb"]),
];
