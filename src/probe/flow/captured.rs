//! Values taken from answers, and their place in later requests.

use std::collections::HashMap;

use serde_json::Value;

/// Captured values by name.
#[derive(Debug, Default)]
pub(super) struct Captured {
    values: HashMap<String, String>,
}

impl Captured {
    /// Remember a value; a later one of the same name replaces it.
    pub(super) fn keep(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// The text with every captured `${name}` replaced; `$${` is a literal `${`, and any other `${...}` stays.
    pub(super) fn fill(&self, text: &str) -> String {
        fill_with(text, |name| self.values.get(name).map(String::as_str))
    }

    /// The text with every captured name replaced by a placeholder: what the plan itself says, without what a server said.
    pub(super) fn blank(&self, text: &str) -> String {
        fill_with(text, |name| self.values.contains_key(name).then_some("x"))
    }

    /// The same for every text inside a JSON value.
    pub(super) fn fill_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill_json(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, item)| (key.clone(), self.fill_json(item))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

fn fill_with<'a>(text: &str, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        rest = from;
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            continue;
        }
        filled.push_str(before);
        let named = from.split_once('}').and_then(|(name, after)| Some((value_of(name)?, after)));
        if let Some((value, after)) = named {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push_str("${");
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_names_are_filled_in_once() {
        let mut captured = Captured::default();
        captured.keep("id", "7".to_owned());
        captured.keep("evil", "${id}".to_owned());
        for (text, filled) in [
            ("/orders/${id}", "/orders/7"),
            ("${id}${id}", "77"),
            ("$${id}", "${id}"),
            ("${other} ${id", "${other} ${id"),
            ("${evil}", "${id}"),
            ("cost $5 ${id}", "cost $5 7"),
            ("", ""),
        ] {
            assert_eq!(captured.fill(text), filled, "{text}");
        }
        assert_eq!(captured.blank("/orders/${id}/${other}"), "/orders/x/${other}");
        let json = serde_json::json!({ "a": ["${id}", 1], "b": null });
        assert_eq!(captured.fill_json(&json), serde_json::json!({ "a": ["7", 1], "b": null }));
    }
}
