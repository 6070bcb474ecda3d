//! Differences that are wanted, and what they are about.

use crate::grants::map::Exception;
use crate::grants::privilege::{Privilege, Privileges};

impl Exception {
    /// Whether it is about this: a subject, with a grantee, and privileges, where `*` stands for any characters.
    /// All that is named here must be covered.
    #[must_use]
    pub fn covers(&self, subject: &str, grantee: Option<&str>, privilege: Option<&str>) -> bool {
        let grantee = grantee.unwrap_or_default();
        let whom = format!("{subject} {grantee}");
        if is_like(&self.ignore, subject) || (!grantee.is_empty() && is_like(&self.ignore, &whom)) {
            return true;
        }
        let Some(privilege) = privilege else { return false };
        if is_like(&self.ignore, &format!("{whom} {privilege}")) {
            return true;
        }
        let Some(needed) = privileges(privilege) else { return false };
        self.ignore.match_indices(' ').any(|(at, _)| {
            let named = privileges(&self.ignore[at + 1..]);
            named.is_some_and(|named| named.covers(needed)) && is_like(&self.ignore[..at], &whom)
        })
    }
}

/// `SELECT, INSERT` or `SELECT,INSERT` as a set.
fn privileges(text: &str) -> Option<Privileges> {
    let word =
        |word: &str| Privilege::ALL.iter().copied().find(|privilege| privilege.as_str() == word.trim());
    text.split(',').map(word).collect()
}

/// Whether a text is like a pattern in which `*` stands for any characters, none included.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in [("a*c", "abc"), ("*", ""), ("a*", "a"), ("*b*", "abc"), ("abc", "abc")] {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*c", "ab"), ("abc", "abcd"), ("", "a"), ("a*a", "a"), ("*b*", "ac")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }
}
