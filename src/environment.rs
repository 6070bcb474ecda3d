//! The process environment, read once in `main` and passed in.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables and the home folder.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// What this process was started with; values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os();
        let text =
            pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: text.collect() }
    }

    /// One made of the given pairs, for tests and the far side.
    #[must_use]
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { variables: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
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
