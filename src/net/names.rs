//! What this host knows of a name: the resolver's answer, and every source that it may have come from.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::nameserver::{self, Each};
use super::resolve;
use crate::clock::milliseconds;
use crate::environment::{Environment, PROXIES};
use crate::model::fact::Fact;
use crate::model::host::NameFacts;
use crate::model::trace::VantageError;

/// The longest the resolver is waited for here: the check itself has waited already.
const LIMIT: Duration = Duration::from_millis(3500);
/// Larger files are not read.
const LARGEST: u64 = 1024 * 1024;

/// Ask the resolver, and beside it every source it may use.
///
/// # Errors
/// `VantageError` when the host has no name server to ask.
pub async fn names(name: &str, environment: &Environment) -> Result<NameFacts, VantageError> {
    let began = Instant::now();
    let resolving = async {
        let found = tokio::time::timeout(LIMIT, resolve::resolve(name)).await;
        (found.ok().and_then(Result::ok).map_or_else(Vec::new, |(_, addresses)| addresses), began.elapsed())
    };
    let ((addresses, took), each) = tokio::join!(resolving, nameserver::each(name));
    let Each { search, servers, searched } = each?;
    Ok(NameFacts {
        name: name.to_owned(),
        addresses,
        took_ms: milliseconds(took),
        hosts: hosts(&read(Path::new("/etc/hosts")), name),
        switch: switch(&read(Path::new("/etc/nsswitch.conf"))),
        search,
        servers,
        searched,
        proxies: proxies(environment),
    })
}

/// The fact of it.
#[must_use]
pub fn fact(names: NameFacts) -> Fact {
    Fact::Names(Box::new(names))
}

fn read(path: &Path) -> String {
    let regular = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
    let bytes = if regular { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The addresses of a name in hosts(5).
fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let wanted = name.trim_end_matches('.');
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let found = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(wanted)).then_some(address)
    });
    found.collect()
}

/// The sources of `hosts:` in nsswitch.conf(5), without what is done after each.
fn switch(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let line = lines.find_map(|line| line.trim_start().strip_prefix("hosts:")).unwrap_or_default();
    let mut in_action = false;
    let words = line.split_whitespace().filter(|word| {
        let action = in_action || word.starts_with('[');
        in_action = action && !word.ends_with(']');
        !action
    });
    words.map(ToOwned::to_owned).collect()
}

/// The proxy variables of the environment, without user and password.
fn proxies(environment: &Environment) -> Vec<(String, String)> {
    let set = PROXIES.into_iter().filter_map(|name| Some((name, environment.get(name)?)));
    set.filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let bare = value.rsplit_once('@').map_or(value, |(_, rest)| rest);
            (name.to_owned(), bare.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_by_any_of_their_names() {
        let text =
            "# 10.0.0.1 app2\n127.0.0.1 localhost\n203.0.113.22\tapp2.corp.test App2 # old\n::1 app2\n";
        assert_eq!(hosts(text, "app2"), ["203.0.113.22".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
        assert_eq!(hosts(text, "app2.corp.test."), ["203.0.113.22".parse::<IpAddr>().unwrap()]);
        assert!(hosts(text, "app3").is_empty());
    }

    #[test]
    fn the_switch_is_read_without_its_actions() {
        assert_eq!(
            switch("passwd: files\nhosts: files mdns4 [NOTFOUND=return] dns # x\n"),
            ["files", "mdns4", "dns"]
        );
        assert_eq!(switch("hosts: files [ NOTFOUND = return ] dns\n"), ["files", "dns"]);
        assert!(switch("").is_empty());
    }
}
