//! Matchers of goss as matchers of plans; what has no like comes back as none.

use regex::Regex;
use serde_json::{Value, json};

use crate::import::document::Document;
use crate::import::draft::Item;
use crate::yaml::scalar;
use crate::yaml::tree::{Kind, NodeId};

/// A text as goss takes it for equality: numbers stay numbers.
fn scalar_of(document: &Document, node: NodeId) -> Option<Value> {
    match &document.tree.node(node).kind {
        Kind::Scalar { text, plain: true } => Some(scalar::resolve(text).unwrap_or_else(|| (&**text).into())),
        Kind::Scalar { text, plain: false } => Some((&**text).into()),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

/// What a number has to be: equality, or a matcher for numbers.
pub(super) fn number(document: &Document, node: NodeId) -> Option<Value> {
    if let Some(value) = scalar_of(document, node) {
        return value.as_i64().map(Value::from);
    }
    let tree = &document.tree;
    let mut all = Vec::new();
    for (key, value) in tree.entries(node) {
        let limit = || tree.text(*value)?.parse::<i64>().ok();
        all.push(match tree.text(*key)? {
            "gt" => json!({ "at_least": limit()?.checked_add(1)? }),
            "ge" => json!({ "at_least": limit()? }),
            "lt" => json!({ "at_most": limit()?.checked_sub(1)? }),
            "le" => json!({ "at_most": limit()? }),
            "equal" => number(document, *value)?,
            "not" => json!({ "not": number(document, *value)? }),
            "and" => json!({ "all_of": each(document, *value, number)? }),
            "or" => json!({ "any_of": each(document, *value, number)? }),
            _ => return None,
        });
    }
    one_or_all(all)
}

/// What a text has to be: equality, or a matcher for texts.
pub(super) fn text(document: &Document, node: NodeId) -> Option<Value> {
    let tree = &document.tree;
    if let Some(text) = tree.text(node) {
        // As written: `4.20` is no number here.
        return Some(json!({ "equals": text }));
    }
    let mut all = Vec::new();
    for (key, value) in tree.entries(node) {
        let word = || tree.text(*value);
        all.push(match tree.text(*key)? {
            "have-prefix" => json!({ "starts_with": word()? }),
            "have-suffix" => json!({ "ends_with": word()? }),
            "contain-substring" => json!({ "contains": word()? }),
            "match-regexp" => json!({ "matches": valid(word()?)? }),
            "equal" => text(document, *value)?,
            "not" => json!({ "not": text(document, *value)? }),
            "and" => json!({ "all_of": each(document, *value, text)? }),
            "or" => json!({ "any_of": each(document, *value, text)? }),
            _ => return None,
        });
    }
    one_or_all(all)
}

/// What a list has to be: some of it, or all of it in any order.
pub(super) fn list(document: &Document, node: NodeId) -> Option<Value> {
    let tree = &document.tree;
    match &tree.node(node).kind {
        Kind::Scalar { text, .. } => Some(json!({ "contains": [&**text] })),
        Kind::List(_) => Some(json!({ "contains": crate::import::fields::texts(document, node)? })),
        Kind::Map(entries) => {
            let [(key, value)] = entries.as_slice() else { return None };
            match tree.text(*key)? {
                "contain-element" => Some(json!({ "contains": [tree.text(*value)?] })),
                "contain-elements" => {
                    Some(json!({ "contains": crate::import::fields::texts(document, *value)? }))
                }
                "consist-of" => crate::import::fields::texts(document, *value).map(|texts| json!(texts)),
                _ => None,
            }
        }
    }
}

/// A stream that goss reads line by line: patterns, of which each has to be met, or a matcher for the whole text.
pub(super) fn stream(document: &Document, node: NodeId, name: &str, item: &mut Item) -> Option<Value> {
    let tree = &document.tree;
    let patterns: Vec<&str> = match &tree.node(node).kind {
        // One text alone is compared as a whole from goss 0.4 on.
        Kind::Scalar { text, .. } => return Some(json!({ "equals": text.trim_end_matches('\n') })),
        Kind::List(_) => {
            let Some(patterns) = crate::import::fields::texts(document, node) else {
                item.lose_here(name, "this matcher has no like here", true);
                return None;
            };
            patterns
        }
        Kind::Map(_) => {
            let matcher = text(document, node);
            if matcher.is_none() {
                item.lose_here(name, "this matcher has no like here", true);
            }
            return matcher;
        }
    };
    let mut all = Vec::new();
    for pattern in patterns {
        match line_pattern(pattern) {
            Some((condition, same)) => {
                if !same {
                    item.lose_here(
                        name,
                        "an expression that can run over a line's end is held against the whole text here",
                        false,
                    );
                }
                all.push(condition);
            }
            None => item.lose_here(name, "this expression means nothing here", true),
        }
    }
    one_or_all(all)
}

/// `foo`, `!foo`, `\!foo`, `/regex/` and `!/regex/`, each about some line or none; and whether it means quite the same.
fn line_pattern(pattern: &str) -> Option<(Value, bool)> {
    let (wanted, rest) = match pattern.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, pattern),
    };
    let expression = rest.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let (condition, same) = if let Some(expression) = expression {
        let over_lines = ["\\s", "\\S", "\\W", "\\D", "[^", "(?", "\\n", "\\A", "\\z"];
        (
            json!({ "matches": valid(&format!("(?m){expression}"))? }),
            !over_lines.iter().any(|one| expression.contains(one)),
        )
    } else {
        let word = rest.strip_prefix("\\!").map_or_else(|| rest.to_owned(), |rest| format!("!{rest}"));
        if word.is_empty() {
            return None;
        }
        (json!({ "contains": word }), true)
    };
    Some((if wanted { condition } else { json!({ "not": condition }) }, same))
}

/// An expression that is one here too: both are of RE2's kind, and not quite the same.
pub(super) fn valid(expression: &str) -> Option<&str> {
    (!expression.is_empty() && Regex::new(expression).is_ok()).then_some(expression)
}

fn each(
    document: &Document,
    node: NodeId,
    one: fn(&Document, NodeId) -> Option<Value>,
) -> Option<Vec<Value>> {
    let all: Option<Vec<Value>> = document.tree.items(node).iter().map(|item| one(document, *item)).collect();
    all.filter(|all| !all.is_empty())
}

fn one_or_all(mut all: Vec<Value>) -> Option<Value> {
    if all.len() > 1 { Some(json!({ "all_of": all })) } else { all.pop() }
}
