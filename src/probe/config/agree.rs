//! Whether the address an application is configured with is the one that was meant: host, port, and scheme when given.

use std::fmt;
use std::net::Ipv6Addr;

use url::Host;

/// Schemes and the port they stand for when none is written (IANA's registry of services).
const PORTS: [(&str, u16); 13] = [
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("postgres", 5432),
    ("mysql", 3306),
    ("sqlserver", 1433),
    ("redis", 6379),
    ("amqp", 5672),
    ("amqps", 5671),
    ("ldap", 389),
    ("ldaps", 636),
    ("ftp", 21),
];

/// Why there is no address in an empty text.
pub const EMPTY: &str = "it is empty";
/// What is told of a text with characters that nobody sees.
pub const UNSEEN: &str = "with a character that is not seen";

/// A character in a text that nobody sees and that an application may well send: a space or a tab around it, a carriage
/// return, a byte order mark, a space that does not break.
#[must_use]
pub fn unseen(text: &str) -> Option<char> {
    let hidden = |letter: char| {
        letter.is_control() || matches!(letter, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let around = [text.chars().next_back(), text.chars().next()];
    let inside = text.chars().find(|&letter| hidden(letter));
    inside.or_else(|| around.into_iter().flatten().find(|letter| letter.is_whitespace()))
}

/// Where something is, as far as a text says it. Never a user, a password or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    scheme: Option<String>,
    ends: Vec<End>,
}

/// One server of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// Lower-case, without brackets and final dot; none when the text is a port alone.
    host: Option<String>,
    /// As written, or what the scheme stands for.
    port: Option<u16>,
}

impl Address {
    /// Read a URL, a JDBC URL, libpq keywords, `host:port`, a host, a port, or a list of hosts with commas.
    ///
    /// # Errors
    /// Why there is no address in it; the text itself is never in the reason, for it may be a secret.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim().trim_matches(['"', '\'']);
        let text = without_prefix(text, "jdbc:");
        if text.is_empty() {
            return Err(EMPTY);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let scheme = family(scheme).ok_or("what stands before `://` is no scheme")?;
            let default = PORTS.iter().find(|(known, _)| *known == scheme).map(|&(_, port)| port);
            let ends = ends(authority(rest), default)?;
            return Ok(Self { scheme: Some(scheme), ends });
        }
        if let Some((_, rest)) = text.split_once("@//") {
            return Ok(Self { scheme: None, ends: ends(authority(rest), None)? });
        }
        if let Some(ends) = keywords(text) {
            return Ok(Self { scheme: None, ends: ends? });
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self { scheme: None, ends: vec![End { host: None, port: Some(port(text)?) }] });
        }
        Ok(Self { scheme: None, ends: ends(authority(text), None)? })
    }

    /// Whether what this says is nothing else than what `meant` says. A port or a scheme that only one of them tells is
    /// not compared.
    #[must_use]
    pub fn agrees(&self, meant: &Self) -> bool {
        if let (Some(own), Some(meant)) = (&self.scheme, &meant.scheme)
            && own != meant
        {
            return false;
        }
        let within = |these: &[End], those: &[End]| these.iter().all(|one| those.iter().any(|other| one.is(other)));
        within(&self.ends, &meant.ends) && within(&meant.ends, &self.ends)
    }

    /// Whether it names a host, not a port alone.
    #[must_use]
    pub fn has_host(&self) -> bool {
        self.ends.iter().all(|end| end.host.is_some())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        for (index, end) in self.ends.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match &end.host {
                Some(host) if host.contains(':') => write!(f, "[{host}]")?,
                Some(host) => f.write_str(host)?,
                None => f.write_str("port ")?,
            }
            match end.port {
                Some(port) if end.host.is_some() => write!(f, ":{port}")?,
                Some(port) => write!(f, "{port}")?,
                None => {}
            }
        }
        Ok(())
    }
}

impl End {
    fn is(&self, other: &Self) -> bool {
        let same = |one: bool, other: bool, equal: bool| equal || !(one && other);
        same(self.host.is_some(), other.host.is_some(), self.host == other.host)
            && same(self.port.is_some(), other.port.is_some(), self.port == other.port)
    }
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> &'t str {
    match text.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => &text[prefix.len()..],
        Some(_) | None => text,
    }
}

/// The scheme by its first name: `postgresql` is `postgres`, and PostgreSQL's own word for TLS is not part of it.
fn family(scheme: &str) -> Option<String> {
    let scheme = scheme.to_ascii_lowercase();
    let begins = scheme.starts_with(|letter: char| letter.is_ascii_lowercase());
    let is_one = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-:".contains(&byte));
    let scheme = if scheme == "postgresql" { "postgres".to_owned() } else { scheme };
    (begins && is_one).then_some(scheme)
}

/// Hosts and ports, without what stands before and after them (RFC 3986 section 3.2).
fn authority(text: &str) -> &str {
    let end = text.find(['/', '?', '#', ';']).unwrap_or(text.len());
    let authority = &text[..end];
    authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts)
}

fn ends(authority: &str, default: Option<u16>) -> Result<Vec<End>, &'static str> {
    authority.split(',').map(|one| end(one.trim(), default)).collect()
}

fn end(text: &str, default: Option<u16>) -> Result<End, &'static str> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok(End { host: Some(host(text)?), port: default });
    }
    let (name, written) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, rest)) => (address, Some(rest.strip_prefix(':').ok_or("its host and port are not to be told apart")?)),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    Ok(End { host: Some(host(name)?), port: written.map(port).transpose()?.or(default) })
}

/// A host by one name: lower-case, no final dot, an address in its shortest form.
fn host(text: &str) -> Result<String, &'static str> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(address.to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || !byte.is_ascii();
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err("no host can be read in it");
    }
    // The international form of a name is the one that goes over the wire.
    let host = Host::parse(text).map_or_else(|_| text.to_ascii_lowercase(), |host| host.to_string());
    Ok(host.trim_end_matches('.').to_owned())
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|&port| port != 0).ok_or("its port is no number from 1 to 65535")
}

/// `host=db port=5432 ...` as libpq reads it; none when the text is nothing of the kind.
fn keywords(text: &str) -> Option<Result<Vec<End>, &'static str>> {
    let value = |name: &str| {
        let mut words = text.split_whitespace();
        words.find_map(|word| Some(word.strip_prefix(name)?.strip_prefix('=')?.trim_matches('\'')))
    };
    let hosts = value("host").or_else(|| value("hostaddr"))?;
    let ports: Vec<&str> = value("port").unwrap_or("5432").split(',').collect();
    let one = |(index, name): (usize, &str)| {
        let written = ports.get(index).or_else(|| ports.first()).copied().unwrap_or("5432");
        Ok(End { host: Some(host(name)?), port: Some(port(written)?) })
    };
    Some(hosts.split(',').enumerate().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Address::read(text).unwrap_or_else(|why| panic!("{text}: {why}")).to_string()
    }

    #[test]
    fn an_address_is_read_in_every_form_configurations_have() {
        for (text, wanted) in [
            ("https://app2.example:8443/api?x=1", "https://app2.example:8443"),
            (" \"HTTPS://App2.Example./\" ", "https://app2.example:443"),
            ("jdbc:postgresql://ann:secret@db1,db2:5433/orders", "postgres://db1:5432,db2:5433"),
            ("jdbc:sqlserver://db.example;databaseName=orders", "sqlserver://db.example:1433"),
            ("jdbc:oracle:thin:@//db.example:1521/orders", "db.example:1521"),
            ("host=db.example port=5433 user=app1 password=secret", "db.example:5433"),
            ("app2.example:8443", "app2.example:8443"),
            ("app2.example:8443/path", "app2.example:8443"),
            ("app2", "app2"),
            ("8443", "port 8443"),
            ("[2001:db8:0::1]:80", "[2001:db8::1]:80"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("kafka1:9092, kafka2:9092", "kafka1:9092,kafka2:9092"),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        for text in ["", "''", "https://", "${APP2_HOST}", "a b", "app2:0", "app2:99999", "99999", "pass$word!", "://x"] {
            assert!(Address::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reason_never_shows_the_text() {
        let why = Address::read("https://ann:s3cr3t@ho st/").unwrap_err();
        assert!(!why.contains("s3cr3t"), "{why}");
        assert!(!read("https://ann:s3cr3t@app2/").contains("s3cr3t"));
    }

    #[test]
    fn addresses_agree_when_neither_says_what_the_other_denies() {
        let agree = |one: &str, other: &str| Address::read(one).unwrap().agrees(&Address::read(other).unwrap());
        for (configured, meant) in [
            ("https://app2.example:8443/other/path", "https://app2.example:8443/api/version"),
            ("APP2.example.:8443", "https://app2.example:8443"),
            ("app2.example", "https://app2.example:8443"),
            ("8443", "https://app2.example:8443"),
            ("https://app2.example", "https://app2.example:443"),
            ("jdbc:postgresql://db/orders", "postgres://db:5432/orders"),
            ("k2:9092,k1:9092", "k1:9092,k2:9092"),
        ] {
            assert!(agree(configured, meant), "{configured} / {meant}");
        }
        for (configured, meant) in [
            ("https://app2-old.example:8443", "https://app2.example:8443"),
            ("https://app2.example", "https://app2.example:8443"),
            ("http://app2.example:8443", "https://app2.example:8443"),
            ("8080", "https://app2.example:8443"),
            ("k1:9092", "k1:9092,k2:9092"),
            ("k1:9092,old:9092", "k1:9092"),
            ("192.0.2.7:80", "app2.example:80"),
        ] {
            assert!(!agree(configured, meant), "{configured} / {meant}");
        }
    }
}
