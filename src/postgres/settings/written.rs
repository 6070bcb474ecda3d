//! A connection string as written: a `postgres://` URL or `keyword=value` pairs, taken apart and not yet completed.
//!
//! PostgreSQL 17 documentation, sections 34.1.1.1 "Keyword/Value Connection Strings" and 34.1.1.2 "Connection URIs".

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::SettingsError;
use super::keyword::{self, Use};
use crate::secret::Secret;

/// A connection string, taken apart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written {
    values: BTreeMap<&'static str, String>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({self})")
    }
}

impl Written {
    /// Take a `postgres://` or `postgresql://` URL, or `keyword=value` pairs, apart.
    ///
    /// # Errors
    /// What libpq would refuse, and what gonogo cannot honour. No error shows a part that may be a password.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        if text.contains('\0') {
            return Err(SettingsError::Malformed("a connection string cannot hold a NUL byte"));
        }
        let mut written = Self::default();
        if let Some(rest) = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
            written.url(rest)?;
        } else if text.split('=').next().is_some_and(|begin| begin.contains("://")) {
            return Err(SettingsError::Malformed(
                "a connection URL begins with postgres:// or postgresql://",
            ));
        } else {
            written.pairs(text)?;
        }
        Ok(written)
    }

    /// The value of a keyword, unless it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The password that is written in the string itself.
    #[must_use]
    pub fn password(&self) -> Option<Secret> {
        self.get("password").map(Secret::new)
    }

    /// Set a keyword, by its name in libpq's list.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), SettingsError> {
        let keyword = keyword::find(name).ok_or_else(|| SettingsError::Unknown {
            keyword: name.to_owned(),
            nearest: keyword::nearest(name),
        })?;
        let value = value.into();
        match keyword.becomes {
            Use::Unsupported if !value.is_empty() => {
                Err(SettingsError::Unsupported { keyword: keyword.name })
            }
            Use::Honoured | Use::Harmless | Use::Unsupported => {
                self.values.insert(keyword.name, value);
                Ok(())
            }
        }
    }

    /// Set a keyword that nothing has set before.
    pub(super) fn complete(&mut self, name: &str, value: impl Into<String>) -> Result<(), SettingsError> {
        if self.get(name).is_some() { Ok(()) } else { self.set(name, value) }
    }

    /// libpq's `conninfo_uri_parse`: `[user[:password]@][host[:port],...][/dbname][?keyword=value&...]`.
    fn url(&mut self, rest: &str) -> Result<(), SettingsError> {
        let mut rest = rest;
        if let Some(at) = rest.find(['@', '/'])
            && rest[at..].starts_with('@')
        {
            let (credentials, after) = (&rest[..at], &rest[at + 1..]);
            let (user, password) =
                credentials.split_once(':').map_or((credentials, None), |(user, word)| (user, Some(word)));
            self.set("user", decoded(user)?)?;
            if let Some(password) = password {
                self.set("password", decoded(password)?)?;
            }
            rest = after;
        }
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        loop {
            let (host, after) = host(rest)?;
            let end = after.find(['/', '?', ',']).unwrap_or(after.len());
            let port = after[..end].strip_prefix(':').unwrap_or_default();
            hosts.push(decoded(host)?);
            ports.push(decoded(port)?);
            rest = &after[end..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        if hosts.iter().any(|host| !host.is_empty()) {
            self.set("host", hosts.join(","))?;
        }
        if ports.iter().any(|port| !port.is_empty()) {
            self.set("port", ports.join(","))?;
        }
        let (path, parameters) = rest.split_once('?').map_or((rest, None), |(path, rest)| (path, Some(rest)));
        let database = path.strip_prefix('/').unwrap_or(path);
        // libpq accepts it, and it is nearly always the end of a password with a raw `/` in it.
        if database.contains('@') {
            return Err(SettingsError::Malformed(
                "`@` in the database's name is written %40, and `/` in a password %2F",
            ));
        }
        if !database.is_empty() {
            self.set("dbname", decoded(database)?)?;
        }
        for parameter in parameters.into_iter().flat_map(|text| text.split('&')) {
            if parameter.is_empty() && parameters == Some("") {
                break;
            }
            let (name, value) = parameter
                .split_once('=')
                .filter(|(_, value)| !value.contains('='))
                .ok_or(SettingsError::Malformed("after `?` a URL has keyword=value pairs, joined by `&`"))?;
            let (name, value) = (decoded(name)?, decoded(value)?);
            // JDBC's way to say it, which libpq accepts too.
            if name == "ssl" && value == "true" {
                self.set("sslmode", "require")?;
            } else {
                self.set(&name, value)?;
            }
        }
        Ok(())
    }

    /// libpq's `conninfo_parse`: values may be quoted with `'`, and `\` takes the meaning off the next character.
    fn pairs(&mut self, text: &str) -> Result<(), SettingsError> {
        let mut characters = text.chars().peekable();
        loop {
            while characters.next_if(|character| character.is_whitespace()).is_some() {}
            if characters.peek().is_none() {
                return Ok(());
            }
            let mut name = String::new();
            while let Some(character) =
                characters.next_if(|&character| character != '=' && !character.is_whitespace())
            {
                name.push(character);
            }
            while characters.next_if(|character| character.is_whitespace()).is_some() {}
            if characters.next() != Some('=') {
                return Err(SettingsError::Malformed(
                    "it is neither a postgres:// URL nor keyword=value pairs",
                ));
            }
            while characters.next_if(|character| character.is_whitespace()).is_some() {}
            let value = if characters.next_if_eq(&'\'').is_some() {
                quoted(&mut characters)?
            } else {
                bare(&mut characters)
            };
            self.set(&name, value)?;
        }
    }
}

/// The host at the start of a URL's host list, and what follows it.
fn host(text: &str) -> Result<(&str, &str), SettingsError> {
    if let Some(inside) = text.strip_prefix('[') {
        let end = inside.find(']').ok_or(SettingsError::Malformed("an IPv6 address lacks its `]`"))?;
        let after = &inside[end + 1..];
        if end == 0 || !(after.is_empty() || after.starts_with([':', '/', '?', ','])) {
            return Err(SettingsError::Malformed("an IPv6 address is written [address]:port"));
        }
        return Ok((&inside[..end], after));
    }
    Ok(text.split_at(text.find([':', '/', '?', ',']).unwrap_or(text.len())))
}

fn decoded(text: &str) -> Result<String, SettingsError> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(index, &byte)| {
        byte == b'%'
            && !bytes.get(index + 1..index + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(SettingsError::Malformed(
            "`%` in a URL is followed by two hexadecimal digits (%25 is `%`)",
        ));
    }
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| SettingsError::Malformed("a percent-encoded part is not UTF-8 text"))?;
    if text.contains('\0') {
        return Err(SettingsError::Malformed("a connection string cannot hold a NUL byte"));
    }
    Ok(text.into_owned())
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(characters: &mut Characters<'_>) -> Result<String, SettingsError> {
    const OPEN: SettingsError = SettingsError::Malformed("a quoted value lacks its closing `'`");
    let mut value = String::new();
    loop {
        match characters.next().ok_or(OPEN)? {
            '\'' => return Ok(value),
            '\\' => value.push(characters.next().ok_or(OPEN)?),
            character => value.push(character),
        }
    }
}

fn bare(characters: &mut Characters<'_>) -> String {
    let mut value = String::new();
    while let Some(character) = characters.next_if(|character| !character.is_whitespace()) {
        match character {
            '\\' => value.extend(characters.next()),
            character => value.push(character),
        }
    }
    value
}

/// `postgres://hosts/database`, with what else says which server is meant; never a password.
impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("postgres://")?;
        let hosts = self.get("host").or_else(|| self.get("hostaddr")).unwrap_or_default();
        let ports: Vec<&str> = self.get("port").map_or_else(Vec::new, |ports| ports.split(',').collect());
        let hosts: Vec<&str> = hosts.split(',').collect();
        let local = hosts.iter().any(|host| host.starts_with(['/', '@']));
        if !local {
            for (index, host) in hosts.iter().enumerate() {
                let port = ports.get(index).or_else(|| ports.first()).filter(|port| !port.is_empty());
                let comma = if index == 0 { "" } else { "," };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{comma}{open}{host}{close}")?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
            }
        }
        write!(f, "/{}", self.get("dbname").unwrap_or_default())?;
        let mut mark = '?';
        let mut parameter = |f: &mut std::fmt::Formatter<'_>, name: &str, value: Option<&str>| {
            let Some(value) = value else { return Ok(()) };
            write!(f, "{mark}{name}={value}")?;
            mark = '&';
            Ok(())
        };
        if local {
            parameter(f, "host", self.get("host"))?;
            parameter(f, "port", self.get("port"))?;
        }
        for name in ["service", "target_session_attrs"] {
            parameter(f, name, self.get(name))?;
        }
        Ok(())
    }
}
