//! Which statements of the recorded workload name an object: by words, as the parser has not seen them.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::grants::finding::Used;
use crate::grants::snapshot::{Key, Kind, Workload};

/// The statements by role and by the words in them.
#[derive(Debug, Default)]
pub(super) struct Usage {
    recorded: bool,
    /// Executions of each statement.
    calls: Vec<i64>,
    words: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl Usage {
    /// `renamed` are roles that have other names now, by which they are asked for: old to new.
    pub(super) fn new(workload: Option<&Workload>, renamed: &BTreeMap<String, String>) -> Self {
        let Some(workload) = workload else { return Self::default() };
        let mut usage = Self { recorded: true, ..Self::default() };
        for (index, statement) in workload.statements.iter().enumerate() {
            usage.calls.push(statement.calls);
            let role = renamed.get(&statement.role).unwrap_or(&statement.role);
            let words = usage.words.entry(role.clone()).or_default();
            for word in words_of(&statement.query) {
                words.entry(word).or_default().push(index);
            }
        }
        usage
    }

    /// The statements by which these roles used this object; none when no workload was recorded.
    pub(super) fn statements<'r>(
        &self,
        roles: impl Iterator<Item = &'r str>,
        key: &Key,
    ) -> Option<HashSet<usize>> {
        if !self.recorded {
            return None;
        }
        let name = match (key.kind, &key.of) {
            (Kind::Column, Some(relation)) => relation,
            _ => &key.name,
        };
        let mut statements = HashSet::new();
        for role in roles {
            let Some(words) = self.words.get(role) else { continue };
            if key.kind == Kind::Database {
                // Every statement needs it.
                statements.extend(words.values().flatten().copied());
            } else {
                statements.extend(words.get(&**name).into_iter().flatten().copied());
            }
        }
        Some(statements)
    }

    /// How often these statements ran.
    pub(super) fn used(&self, statements: &HashSet<usize>) -> Used {
        let calls = statements.iter().map(|&index| self.calls[index]).sum();
        Used { calls, statements: statements.len() as u64 }
    }
}

/// The identifiers of a statement: plain ones in lower case, quoted ones as they are. Words inside constants are not
/// there, as constants are `$1`.
fn words_of(query: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    let mut characters = query.chars().peekable();
    while let Some(first) = characters.next() {
        let mut word = String::new();
        if first == '"' {
            while let Some(next) = characters.next() {
                if next != '"' {
                    word.push(next);
                } else if characters.next_if_eq(&'"').is_some() {
                    word.push('"');
                } else {
                    break;
                }
            }
        } else if first.is_alphabetic() || first == '_' {
            word.extend(first.to_lowercase());
            while let Some(next) =
                characters.next_if(|&next| next.is_alphanumeric() || matches!(next, '_' | '$'))
            {
                word.extend(next.to_lowercase());
            }
        }
        if !word.is_empty() {
            words.insert(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_the_server_reads_them() {
        let words = words_of("SELECT Total, \"We \"\"Ird\" FROM shop.Orders WHERE id = $1 -- x");
        for word in ["total", "We \"Ird", "shop", "orders", "id"] {
            assert!(words.contains(word), "{word}: {words:?}");
        }
        assert!(!words.contains("1"));
    }
}
