//! A minor failure that shares its endpoint or its system with what is not known, or with a failing blocker, is suspect: the
//! night went wrong by "minor issues, or so we thought".

use std::borrow::Cow;
use std::collections::HashMap;

use super::rows::{Row, Standing};
use crate::model::outline::{Check, Severity};

/// Why a minor failure is suspect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Suspicion<'a> {
    /// The open debt, or the failing blocker.
    pub other: &'a str,
    /// What both say something about: an endpoint, such as `app2:8443`, or a system of the plan.
    pub shared: Cow<'a, str>,
}

/// What minor failures share with open debts and failing blockers, by what is shared.
pub(super) struct Concerns<'a> {
    by_what: HashMap<Cow<'a, str>, &'a str>,
}

impl<'a> Concerns<'a> {
    /// What the latest rows leave to be concerned about.
    pub(super) fn of(latest: &[Row<'a>]) -> Self {
        let mut by_what = HashMap::new();
        for row in latest.iter().filter(|row| is_concern(row)) {
            for what in about(row.check) {
                by_what.entry(what).or_insert(&*row.check.id);
            }
        }
        Self { by_what }
    }

    /// Why a row is suspect, if it is: a minor failure that nobody accepted.
    pub(super) fn suspicion(&self, row: &Row<'a>) -> Option<Suspicion<'a>> {
        if row.standing != Standing::Counts(Severity::Minor) || row.accepted.is_some() {
            return None;
        }
        let found = about(row.check).find_map(|what| Some((*self.by_what.get(&what)?, what)));
        found.map(|(other, shared)| Suspicion { other, shared })
    }
}

fn is_concern(row: &Row<'_>) -> bool {
    match row.standing {
        Standing::Owed => row.check.severity != Severity::Info,
        Standing::Counts(severity) => severity == Severity::Blocker,
        Standing::Passed | Standing::Waived | Standing::Accepted | Standing::Awaiting => false,
    }
}

/// What a check says something about: where it goes, what its link leads to, and what it says it touches.
fn about(check: &Check) -> impl Iterator<Item = Cow<'_, str>> {
    let named = check.touches.iter().map(String::as_str).chain(check.link.as_deref().map(|link| &*link.to));
    endpoint(&check.target).map(Cow::Owned).into_iter().chain(named.map(Cow::Borrowed))
}

/// Host and port of a target: a URL's, with the port its scheme stands for, or as it is written.
fn endpoint(target: &str) -> Option<String> {
    if let Ok(url) = url::Url::parse(target)
        && let Some(host) = url.host_str()
    {
        let port = url.port_or_known_default().or((url.scheme() == "postgres").then_some(5432))?;
        return Some(format!("{}:{port}", host.to_ascii_lowercase()));
    }
    let (host, port) = target.rsplit_once(':')?;
    let is_one = !host.is_empty() && !host.contains([' ', '/']) && port.parse::<u16>().is_ok();
    is_one.then(|| format!("{}:{port}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn an_endpoint_is_host_and_port() {
        for (target, wanted) in [
            ("https://App2.int:8443/status", Some("app2.int:8443")),
            ("https://app2.int/status", Some("app2.int:443")),
            ("http://app2.int/status", Some("app2.int:80")),
            ("postgres://db.int/orders", Some("db.int:5432")),
            ("app2.int:8443", Some("app2.int:8443")),
            ("[2001:db8::1]:443", Some("[2001:db8::1]:443")),
            ("test -w /srv/export", None),
            ("app2.int", None),
        ] {
            assert_eq!(endpoint(target).as_deref(), wanted, "{target}");
        }
    }
}
