//! The process environment, read once in `main` and passed in.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which proxy an HTTP client goes through (curl(1)).
pub const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];
/// Which trust store a TLS client has (OpenSSL, `SSL_CTX_load_verify_locations(3)`), and how the C library asks for names
/// (resolver(3), gethostbyname(3)).
pub const TRUST_AND_NAMES: [&str; 5] =
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"];

/// Environment variables and the home folder.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    of_application: bool,
}

impl Environment {
    /// What this process was started with; values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os();
        let text =
            pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: text.collect(), of_application: false }
    }

    /// One made of the given pairs, for tests and the far side.
    #[must_use]
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, of_application: false }
    }

    /// The same as an application sees it: its proxies are used without being asked for.
    #[must_use]
    pub fn of_application(self) -> Self {
        Self { of_application: true, ..self }
    }

    /// Whether it is looked at as an application sees it.
    #[must_use]
    pub const fn is_of_application(&self) -> bool {
        self.of_application
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A variable's value, unless it is empty.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// `$HOME`.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.filled("HOME").map(PathBuf::from)
    }
}
