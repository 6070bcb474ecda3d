//! Keywords whose values are words: `target_session_attrs`, `channel_binding`, `require_auth`, and `connect_timeout`.

use std::time::Duration;

use super::{SettingsError, Written};

/// `target_session_attrs`: which kind of server will do (documentation section 34.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttributes {
    /// Any.
    Any,
    /// One whose sessions may write.
    ReadWrite,
    /// One whose sessions may not write.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// One that is in recovery, or else any.
    PreferStandby,
}

impl SessionAttributes {
    /// The value of `target_session_attrs`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }

    /// Whether a server in this state will do.
    #[must_use]
    pub const fn accepts(self, in_recovery: bool, read_only: bool) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite => !read_only,
            Self::ReadOnly => read_only,
            Self::Primary => !in_recovery,
            Self::Standby | Self::PreferStandby => in_recovery,
        }
    }
}

/// `channel_binding`: whether the login is tied to the TLS connection (RFC 5929 `tls-server-end-point`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// When the server offers it.
    Prefer,
    /// Or else no login.
    Require,
}

/// `require_auth`: the ways to log in that are acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredAuth {
    methods: Vec<String>,
    /// The methods are those that are not acceptable.
    negated: bool,
}

impl RequiredAuth {
    /// SCRAM, which shows the password to nobody.
    #[must_use]
    pub fn scram() -> Self {
        Self { methods: vec!["scram-sha-256".to_owned()], negated: false }
    }

    /// Whether a way to log in is acceptable: `none`, `password`, `md5` or `scram-sha-256`.
    #[must_use]
    pub fn accepts(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method) != self.negated
    }
}

impl std::fmt::Display for RequiredAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let not = if self.negated { "!" } else { "" };
        for (index, method) in self.methods.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{not}{method}")?;
        }
        Ok(())
    }
}

pub(super) fn attributes(values: &Written) -> Result<SessionAttributes, SettingsError> {
    use SessionAttributes::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    one_of(
        values,
        "target_session_attrs",
        Any,
        &[Any, ReadWrite, ReadOnly, Primary, Standby, PreferStandby].map(|known| (known.name(), known)),
    )
}

pub(super) fn channel_binding(values: &Written) -> Result<ChannelBinding, SettingsError> {
    use ChannelBinding::{Disable, Prefer, Require};
    let words = [("disable", Disable), ("prefer", Prefer), ("require", Require)];
    one_of(values, "channel_binding", Prefer, &words)
}

/// Seconds; zero or less is no limit.
pub(super) fn connect_timeout(values: &Written) -> Result<Option<Duration>, SettingsError> {
    let Some(text) = values.get("connect_timeout") else { return Ok(None) };
    let seconds: i64 = text.trim().parse().map_err(|_| SettingsError::BadValue {
        keyword: "connect_timeout",
        value: text.to_owned(),
        reason: "it is a whole number of seconds".to_owned(),
    })?;
    Ok(u64::try_from(seconds).ok().filter(|&seconds| seconds > 0).map(Duration::from_secs))
}

pub(super) fn required_auth(values: &Written) -> Result<Option<RequiredAuth>, SettingsError> {
    const METHODS: [&str; 7] = ["none", "password", "md5", "scram-sha-256", "gss", "sspi", "oauth"];
    let Some(text) = values.get("require_auth") else { return Ok(None) };
    let wrong =
        |reason: String| SettingsError::BadValue { keyword: "require_auth", value: text.to_owned(), reason };
    let negated = text.trim_start().starts_with('!');
    let methods = text
        .split(',')
        .map(|word| {
            let word = word.trim();
            let method = word.strip_prefix('!').unwrap_or(word);
            if word.starts_with('!') != negated {
                return Err(wrong("either all methods have a `!` or none has".to_owned()));
            }
            if !METHODS.contains(&method) {
                return Err(wrong(format!("methods are {}", METHODS.join(", "))));
            }
            Ok(method.to_owned())
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(RequiredAuth { methods, negated }))
}

pub(super) fn one_of<T: Copy>(
    values: &Written,
    keyword: &'static str,
    default: T,
    words: &[(&'static str, T)],
) -> Result<T, SettingsError> {
    let Some(text) = values.get(keyword) else { return Ok(default) };
    words.iter().find(|(word, _)| *word == text).map(|&(_, meaning)| meaning).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
        SettingsError::BadValue {
            keyword,
            value: text.to_owned(),
            reason: format!("it is one of {}", known.join(", ")),
        }
    })
}
