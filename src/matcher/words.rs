//! Matchers and values in words, short and bounded.

use serde_json::Value;

use super::literal::{Literal, Scalar};
use super::{Condition, Kind, Matcher, Rule};
use crate::yaml::scalar::resolve;

/// Characters of a value that are shown.
const SHOWN: usize = 160;
/// Items of a list that are shown.
const ITEMS: usize = 8;

impl Matcher {
    /// In words; `got` decides what a list means.
    pub(super) fn words(&self, got: Option<&Value>) -> String {
        match &self.0 {
            Rule::Plain(scalar) => scalar.words(),
            Rule::List(list) if got.is_some_and(Value::is_array) => {
                format!("exactly {}, in any order", join(list, ", "))
            }
            Rule::List(list) => one_of(list),
            Rule::Map(conditions) => {
                conditions.iter().map(|condition| condition.words(got)).collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

impl Condition {
    pub(super) fn words(&self, got: Option<&Value>) -> String {
        match self {
            Self::Equals(literal) => cut(&literal.words()),
            Self::Contains(parts) => format!("contains {}", join(parts, " and ")),
            Self::Each(each) => format!("each item {}", each.words(None)),
            Self::Count(count) => format!("a count of {}", count.words(None)),
            Self::StartsWith(text) => format!("starts with {}", text_shown(text)),
            Self::EndsWith(text) => format!("ends with {}", text_shown(text)),
            Self::Matches(pattern) => format!("matches /{}/", cut(pattern.0.as_str())),
            Self::AtLeast(limit) => format!("at least {limit}"),
            Self::AtMost(limit) => format!("at most {limit}"),
            Self::OneOf(list) | Self::AnyOf(list) => one_of(list),
            Self::Not(one) => format!("not {}", one.words(got)),
            Self::AllOf(list) => join(list, " and "),
            Self::Exists(true) => "to be there".to_owned(),
            Self::Exists(false) => "not to be there".to_owned(),
            Self::Empty(true) => "empty".to_owned(),
            Self::Empty(false) => "not empty".to_owned(),
            Self::Is(kind) => kind.words().to_owned(),
        }
    }
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::String => "a string",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl Scalar {
    fn words(&self) -> String {
        match self {
            Self::Text(text) => text_shown(text),
            Self::Plain { text, value: Value::Null } if text.is_empty() => "null".to_owned(),
            Self::Plain { text, .. } => cut(text),
        }
    }
}

impl Literal {
    fn words(&self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.words(),
            Self::List(list) => {
                let items: Vec<_> = list.iter().take(ITEMS + 1).map(Self::words).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(map) => {
                let fields: Vec<_> = map
                    .iter()
                    .take(ITEMS + 1)
                    .map(|(key, value)| format!("{key}: {}", value.words()))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }
}

fn one_of(list: &[Matcher]) -> String {
    match list {
        [only] => only.words(None),
        several => format!("one of {}", join(several, ", ")),
    }
}

fn join(list: &[Matcher], between: &str) -> String {
    let mut words: Vec<_> = list.iter().take(ITEMS).map(|one| one.words(None)).collect();
    if list.len() > ITEMS {
        words.push(format!("{} more", list.len() - ITEMS));
    }
    words.join(between)
}

/// A count of items, in words.
pub(super) fn items(count: usize) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

/// A value that came, short; a text is quoted where it could be taken for something else.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text_shown(text),
        // Not written in full first: a body can hold megabytes.
        Value::Array(list) if list.len() > ITEMS => {
            let first: Vec<_> = list.iter().take(ITEMS).map(shown).collect();
            cut(&format!("[{}, ... {} in all]", first.join(", "), items(list.len())))
        }
        Value::Array(list) => cut(&format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))),
        Value::Object(fields) => {
            let mut first: Vec<_> =
                fields.iter().take(ITEMS).map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            if fields.len() > ITEMS {
                first.push("...".to_owned());
            }
            cut(&format!("{{{}}}", first.join(", ")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn text_shown(text: &str) -> String {
    let short = cut(text);
    let ambiguous = resolve(text).is_some() || text.trim() != text || text.chars().any(char::is_control);
    if ambiguous { Value::from(short).to_string() } else { short }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
