//! Facts in words, for people.

use std::fmt;

use super::{DatabaseIdentity, Fact};
use crate::model::host::OfSet;
use crate::model::response::Response;

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved { name, addresses, by } => {
                /// Addresses that are shown, as many as are tried.
                const SHOWN: usize = 16;
                write!(f, "{name} is ")?;
                list(f, addresses.iter().take(SHOWN))?;
                if let Some(more @ 1..) = addresses.len().checked_sub(SHOWN) {
                    write!(f, " and {more} more")?;
                }
                write!(f, " (by {by})")
            }
            Self::Answered { name, record_type, server, answers } => {
                write!(f, "{name} {record_type}: ")?;
                list(f, answers.iter().map(|record| &record.data))?;
                write!(f, " (from {server})")
            }
            Self::Proxied { proxy, named_by } => write!(f, "through the proxy {proxy} ({named_by})"),
            Self::Chosen { version, cipher, .. } => write!(f, "the server chose {version} {cipher}"),
            Self::Sent { bytes, unacknowledged } => {
                write!(f, "{bytes} bytes sent, {unacknowledged} of them not acknowledged")
            }
            Self::Routed { address, source } => write!(f, "{address} from {source}"),
            Self::Connected { address, source, attempts } => {
                write!(f, "connected to {address}")?;
                // A shell does not tell our end.
                if !source.ip().is_unspecified() {
                    write!(f, " from {source}")?;
                }
                let broken = attempts.iter().filter(|attempt| attempt.error.is_some()).count();
                if broken > 0 {
                    write!(f, "; {broken} of {} addresses failed", attempts.len())?;
                }
                Ok(())
            }
            Self::ConnectedLocally { path } => write!(f, "connected to {path}"),
            Self::Secured { version, cipher, chain, .. } => {
                write!(f, "{version} {cipher}")?;
                match chain.first() {
                    Some(leaf) => write!(f, ", {} until {}", leaf.subject, leaf.not_after),
                    None => Ok(()),
                }
            }
            Self::Clear { why } => write!(f, "clear text ({why})"),
            Self::Responded(response) => {
                let Response { status, version, redirects, .. } = &**response;
                write!(f, "{version} {status}")?;
                if !redirects.is_empty() {
                    write!(f, " after {} redirects", redirects.len())?;
                }
                Ok(())
            }
            Self::Idled { idle_ms } => write!(f, "the connection was idle for {} s", idle_ms / 1000.0),
            Self::Greeted { protocol, said } => write!(f, "{protocol}: {said}"),
            Self::Admitted { scheme, user } => match user {
                Some(user) => write!(f, "{user} admitted ({scheme})"),
                None => write!(f, "admitted ({scheme})"),
            },
            Self::Identified(identity) => write!(f, "{identity}"),
            Self::Matched { values, .. } => {
                if values.is_empty() {
                    return f.write_str("as expected");
                }
                for (index, looked) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{} {}", looked.what, looked.got)?;
                }
                Ok(())
            }
            Self::Started { program } => write!(f, "started {program}"),
            Self::Exited { code: Some(code), stdout, .. } => {
                write!(f, "exit {code}")?;
                match stdout.lines().next().filter(|line| !line.trim().is_empty()) {
                    Some(line) => write!(f, ": {line}"),
                    None => Ok(()),
                }
            }
            Self::Exited { signal: Some(signal), .. } => write!(f, "ended by signal {signal}"),
            Self::Exited { .. } => f.write_str("ended"),
            Self::LookedFrom { host, user, clock_offset_ms, of_set, reduced, .. } => {
                write!(f, "on {host} as {user}")?;
                looked_from(f, *clock_offset_ms, of_set.as_ref(), reduced.as_deref())
            }
            Self::Names(names) => write!(f, "{names}"),
            Self::Listening(listening) => write!(f, "{listening}"),
            Self::Sockets(sockets) => write!(f, "{sockets}"),
            Self::Behind { ports } if ports.is_empty() => f.write_str("no other port to ask"),
            Self::Behind { ports } => list(f, ports),
            Self::Catalog(catalog) => write!(f, "{catalog}"),
            Self::Read { source, bytes } => write!(f, "read {bytes} bytes of {source}"),
            Self::Stepped { step, request, status } => write!(f, "step {step} {request}: {status}"),
            Self::Recorded { by, .. } => write!(f, "recorded by {by}"),
            Self::Permitted { objects, roles, findings, left_out } => {
                write!(f, "permissions of {roles} roles on {objects} objects are as they should be")?;
                match findings.len() as u64 + left_out.total() {
                    0 => Ok(()),
                    count => write!(f, "; {count} differences that do not matter"),
                }
            }
            Self::Unknown => f.write_str("a fact this version does not know"),
        }
    }
}

impl fmt::Display for DatabaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}, PostgreSQL {}", self.database, self.user, self.version)?;
        if let Some(address) = &self.server_address {
            write!(f, " at {address}")?;
        }
        if self.in_recovery {
            f.write_str(", in recovery")?;
        }
        if self.read_only {
            f.write_str(", read only")?;
        }
        Ok(())
    }
}

/// What is out of the ordinary of a place.
fn looked_from(
    f: &mut fmt::Formatter<'_>,
    clock_offset_ms: i64,
    of_set: Option<&OfSet>,
    reduced: Option<&str>,
) -> fmt::Result {
    if let Some(OfSet { name, places, passed }) = of_set {
        write!(f, " ({name}; {passed} of {places} pass)")?;
    }
    match clock_offset_ms {
        -2000..=2000 => {}
        offset => write!(f, ", whose clock is {:+} s off", offset / 1000)?,
    }
    match reduced {
        Some(reason) => write!(f, "; reduced, by shell commands only: {reason}"),
        None => Ok(()),
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_addresses_the_first_are_shown_and_the_others_counted() {
        let resolved = |count: u8| {
            let addresses = (0..count).map(|last| [192, 0, 2, last].into()).collect();
            Fact::Resolved { name: "app2".to_owned(), addresses, by: "getaddrinfo".to_owned() }.to_string()
        };
        assert!(resolved(16).ends_with("192.0.2.15 (by getaddrinfo)"), "{}", resolved(16));
        assert!(resolved(30).ends_with("192.0.2.15 and 14 more (by getaddrinfo)"), "{}", resolved(30));
    }
}
