//! The DNS layer: from a name to addresses as an application of this host sees it (getaddrinfo(3)).

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::nameserver;
use super::os_error::exhausted;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::trace::Trouble;

/// The longest a name is waited for.
pub const RESOLVE_LIMIT: Duration = Duration::from_secs(6);
/// The part of it that getaddrinfo(3) may take: the rest explains why it failed.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);
/// Addresses of one name that are kept: so many that two places which get the same do not seem to differ.
pub const MOST: usize = 512;

/// The addresses of a host name, in the order an application gets them, without duplicates; the fact has the first 512.
///
/// An address literal stands for itself. `getaddrinfo` decides; when it fails, the name servers of `/etc/resolv.conf`
/// are asked directly, only to say why.
///
/// # Errors
/// `NameNotFound`, `NoRecord`, `ServerFailure`, `QueryRefused`, `TimedOut`, else `ResolverFailed`;
/// `VantageError::Exhausted` when this host has no socket or file left.
pub async fn resolve(host: &str) -> Result<(Fact, Vec<IpAddr>), Trouble> {
    if let Some(literal) = literal(host) {
        let addresses = vec![literal];
        let fact =
            Fact::Resolved { name: host.to_owned(), addresses: addresses.clone(), by: "literal".to_owned() };
        return Ok((fact, addresses));
    }
    if !is_host_name(host) {
        return Err(Fault::ResolverFailed {
            name: host.to_owned(),
            code: "it is not a host name (RFC 1123 section 2.1)".to_owned(),
        }
        .into());
    }
    let found = match tokio::time::timeout(LOOKUP_LIMIT, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(match exhausted(&error) {
                Some(shortage) => shortage.into(),
                // Boxed: its state is large, and most names are found.
                None => Box::pin(nameserver::explain(host, &error.to_string())).await.into(),
            });
        }
        Err(_) => {
            return Err(Fault::TimedOut {
                waiting_for: format!("answer of the resolver for {host}"),
                limit_ms: u64::try_from(LOOKUP_LIMIT.as_millis()).unwrap_or(u64::MAX),
            }
            .into());
        }
    };
    let mut all: HashSet<IpAddr> = HashSet::new();
    let addresses: Vec<IpAddr> =
        found.map(|found: SocketAddr| found.ip()).filter(|address| all.insert(*address)).collect();
    if addresses.is_empty() {
        return Err(Fault::NoRecord {
            name: host.to_owned(),
            record_type: "A or AAAA".to_owned(),
            by: "getaddrinfo".to_owned(),
        }
        .into());
    }
    let more = all.len().saturating_sub(MOST);
    let by =
        if more == 0 { "getaddrinfo".to_owned() } else { format!("getaddrinfo, which gives {more} more") };
    let kept = addresses.iter().copied().take(MOST).collect();
    Ok((Fact::Resolved { name: host.to_owned(), addresses: kept, by }, addresses))
}

/// The address a host is written as, if it is one; brackets around IPv6 are taken off.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// A name getaddrinfo(3) can be given: 1 to 254 visible characters, labels of at most 63.
fn is_host_name(host: &str) -> bool {
    (1..=254).contains(&host.len())
        && host.trim_end_matches('.').split('.').all(|label| (1..=63).contains(&label.len()))
        && host.chars().all(|character| !character.is_control() && !character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_stand_for_themselves() {
        for host in ["127.0.0.1", "::1", "[::1]"] {
            let (fact, addresses) = resolve(host).await.unwrap();
            assert_eq!(addresses.len(), 1);
            assert!(matches!(fact, Fact::Resolved { by, .. } if by == "literal"));
        }
    }

    #[tokio::test]
    async fn localhost_is_found_once_per_address() {
        let (_, addresses) = resolve("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
        let mut unique = addresses.clone();
        unique.dedup();
        assert_eq!(unique, addresses);
    }

    #[tokio::test]
    async fn impossible_names_are_faults() {
        for host in ["", "a b", "nul\0here", &"x".repeat(300), "a..b"] {
            assert!(
                matches!(resolve(host).await, Err(Trouble::Fault(Fault::ResolverFailed { .. }))),
                "{host:?}"
            );
        }
    }
}
