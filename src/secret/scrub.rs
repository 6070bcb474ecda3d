//! The scrubber: keeps the values of secrets out of everything that is written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{OnceLock, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{STARS, forms};
use crate::json;

/// A shorter secret cannot be searched for: it would star half of every report.
const SHORTEST_SCRUBBED: usize = 4;
/// What stands at the end of a text that was cut.
const CUT: &str = "...";

/// Replaces every known secret in anything that is written down.
#[derive(Debug, Default)]
pub struct Scrubber {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    values: HashSet<String>,
    /// Built when it is first needed: a plan can have thousands of secrets, and each building looks at all of them.
    search: OnceLock<Option<AhoCorasick>>,
}

impl Known {
    fn search(&self) -> Option<&AhoCorasick> {
        if self.values.is_empty() {
            return None;
        }
        // Longest first, so that a secret inside another one does not leave the rest behind.
        let build = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.values).ok();
        self.search.get_or_init(build).as_ref()
    }

    /// What stands before the beginning of a secret at the end of a text that was cut.
    fn before_half<'a>(&self, text: &'a str) -> Option<&'a str> {
        let kept = text.strip_suffix(CUT)?;
        let before = |value: &String| {
            let ends = value.char_indices().map(|(end, _)| end).rev();
            ends.take_while(|&end| end >= SHORTEST_SCRUBBED).find_map(|end| kept.strip_suffix(&value[..end]))
        };
        self.values.iter().filter_map(before).min_by_key(|before| before.len())
    }
}

impl Scrubber {
    /// Remember a value, with the forms it takes in JSON, in URLs, in HTML, in Base64 and in hexadecimal.
    pub fn learn(&self, value: &str) {
        if value.len() < SHORTEST_SCRUBBED {
            return;
        }
        // The same secret is learnt again by every probe that uses it; building the search anew is dear.
        if self.known.read().unwrap_or_else(PoisonError::into_inner).values.contains(value) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.values.extend(forms::of(value));
        known.search = OnceLock::new();
    }

    /// The text with every known secret starred, and what is left of one at the end of a text that was cut.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let starred = match known.search() {
            Some(search) if search.is_match(text) => {
                Cow::Owned(search.replace_all(text, &vec![STARS; known.values.len()]))
            }
            _ => Cow::Borrowed(text),
        };
        match known.before_half(&starred) {
            Some(before) => Cow::Owned(format!("{before}{STARS}{CUT}")),
            None => starred,
        }
    }

    /// The value with every known secret starred in every text it holds.
    ///
    /// # Errors
    /// When the value does not survive being written and read again.
    pub fn value<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<T, serde_json::Error> {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).values.is_empty() {
            return Ok(value);
        }
        let written = json::line(&value)?;
        let may_be_cut = written.contains(&format!("{CUT}\""));
        if !may_be_cut && matches!(self.text(&written), Cow::Borrowed(_)) {
            return Ok(value);
        }
        let mut tree: serde_json::Value = serde_json::from_str(&written)?;
        self.star(&mut tree);
        serde_json::from_value(tree)
    }

    /// Only texts are starred: a number that happens to contain a secret's digits must stay a number.
    fn star(&self, tree: &mut serde_json::Value) {
        match tree {
            serde_json::Value::String(text) => {
                if let Cow::Owned(starred) = self.text(text) {
                    *text = starred;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.star(item)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| self.star(field)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    /// The first `most` bytes of what a peer sent, as text: scrubbed before it is cut, so that no half secret remains.
    #[must_use]
    pub fn excerpt(&self, bytes: &[u8], most: usize) -> String {
        let text = String::from_utf8_lossy(bytes);
        let mut text = self.text(&text).into_owned();
        if text.len() > most {
            let end = (0..=most).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0);
            text.truncate(end);
            text.push_str(CUT);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber() -> Scrubber {
        let scrubber = Scrubber::default();
        scrubber.learn("correct horse battery");
        scrubber
    }

    #[test]
    fn half_a_secret_is_none_the_less_one() {
        for (text, starred) in [
            ("a correct horse battery staple", "a *** staple"),
            ("got correct horse batter...", "got ***..."),
            ("got corr...", "got ***..."),
            ("got cor...", "got cor..."),
            ("got correct horse", "got correct horse"),
            ("nothing of it...", "nothing of it..."),
        ] {
            assert_eq!(scrubber().text(text), starred);
        }
        let value = vec!["nothing".to_owned(), "got correct horse b...".to_owned()];
        assert_eq!(scrubber().value(value).unwrap(), ["nothing", "got ***..."]);
    }

    #[test]
    fn a_short_secret_stars_nothing() {
        let scrubber = Scrubber::default();
        scrubber.learn("a/b");
        for text in ["a/b", "a%2Fb", "a%2fb", "612f62", "YS9i"] {
            assert_eq!(scrubber.text(text), text);
        }
    }

    #[test]
    fn what_is_escaped_for_html_is_starred_in_values_too() {
        let scrubber = Scrubber::default();
        scrubber.learn("a<\"b\\c");
        let value = vec!["<p>a&lt;\"b\\c</p>".to_owned()];
        assert_eq!(scrubber.value(value).unwrap(), ["<p>***</p>"]);
    }

    #[test]
    fn an_excerpt_is_cut_after_it_is_scrubbed() {
        let scrubber = scrubber();
        let long: String = ('\u{4e00}'..'\u{5e00}').collect();
        scrubber.learn(&long);
        let body = format!("<{long}>{}", "x".repeat(100));
        assert_eq!(scrubber.excerpt(body.as_bytes(), 8), "<***>xxx...");
    }
}
