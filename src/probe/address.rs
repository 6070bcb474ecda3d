//! `host:port` as plans write it.

use crate::net::resolve::literal;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The host, without the brackets of IPv6.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Read `host:port` or `[v6]:port`.
///
/// # Errors
/// What is wrong with it, for the plan's author.
pub fn host_port(text: &str) -> Result<HostPort, String> {
    let wanted = || format!("`{text}` is not `host:port`");
    let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is not a port from 1 to 65535"))?;
    if port == 0 {
        return Err("0 is not a port from 1 to 65535".to_owned());
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(address) if literal(address).is_some_and(|address| address.is_ipv6()) => {
            Ok(HostPort { host: address.to_owned(), port })
        }
        Some(_) => Err(format!("`{host}` is not an IPv6 address in brackets")),
        None if host.contains(':') => Err(format!("an IPv6 address needs brackets: `[{host}]:{port}`")),
        None if host.is_empty() || host.contains(['/', ' ', '@']) => Err(wanted()),
        None => Ok(HostPort { host: host.to_owned(), port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(host_port("db:5432").unwrap(), HostPort { host: "db".to_owned(), port: 5432 });
        assert_eq!(host_port("[::1]:80").unwrap(), HostPort { host: "::1".to_owned(), port: 80 });
        for wrong in ["db", "db:", "db:0", "db:70000", ":80", "::1:80", "[db]:80", "tcp://db:80", "a b:1"] {
            assert!(host_port(wrong).is_err(), "{wrong}");
        }
    }
}
