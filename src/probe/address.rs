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
    if let Some(rest) = text.strip_prefix('[') {
        match rest.split_once(']') {
            None => return Err(format!("the bracket of `{text}` is not closed: `[ADDRESS]:PORT`")),
            Some((_, "")) => return Err(format!("`{text}` has no port: `{text}:443`")),
            Some(_) => {}
        }
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
    let is_address = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    if is_address(text) && !is_address(host) {
        return Err(format!("an IPv6 address needs brackets, and a port: `[{text}]:443`"));
    }
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
        None if is_address(host) => Err(format!("an IPv6 address needs brackets: `[{host}]:{port}`")),
        None if host.is_empty() || host.contains(['/', ' ', '@', ':', '[', ']']) => Err(wanted()),
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
        for (wrong, told) in [
            ("[::1", "the bracket of `[::1` is not closed: `[ADDRESS]:PORT`"),
            ("[::1]", "`[::1]` has no port: `[::1]:443`"),
            ("[::1]80", "`1]80` is not a port from 1 to 65535"),
            ("fe80::1:443", "an IPv6 address needs brackets: `[fe80::1]:443`"),
            ("2001:db8::", "an IPv6 address needs brackets, and a port: `[2001:db8::]:443`"),
            ("[db]:80", "`[db]` is not an IPv6 address in brackets"),
            ("a:b:1", "`a:b:1` is not `host:port`"),
        ] {
            assert_eq!(host_port(wrong).unwrap_err(), told, "{wrong}");
        }
    }
}
