//! What a plan in JSON tells (`EXPLAIN (FORMAT JSON, VERBOSE)`): the relations it reads and writes, and its expressions.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::grants::privilege::{Privilege, Privileges};

/// What a plan does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// By schema and name: what is done with each relation.
    pub(super) relations: BTreeMap<(String, String), Privileges>,
    /// Every expression in it, as the server writes it.
    pub(super) expressions: Vec<String>,
}

impl Plan {
    /// Read one; none for what is no plan.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let mut plan = Self::default();
        for one in value.as_array()? {
            // A utility statement has no plan.
            if let Some(root) = one.get("Plan") {
                plan.node(root, None);
            }
        }
        Some(plan)
    }

    fn node(&mut self, node: &Value, target: Option<&(String, String)>) {
        let text = |field: &str| node.get(field).and_then(Value::as_str);
        let written = match text("Operation") {
            Some("Insert") if text("Conflict Resolution") == Some("UPDATE") => {
                Privileges::of(&[Privilege::Insert, Privilege::Update])
            }
            Some("Insert") => Privilege::Insert.into(),
            Some("Update") => Privilege::Update.into(),
            Some("Delete") => Privilege::Delete.into(),
            Some("Merge") => Privileges::of(&[Privilege::Insert, Privilege::Update, Privilege::Delete]),
            Some(_) | None => Privileges::NONE,
        };
        let relation = text("Schema").zip(text("Relation Name"));
        let relation = relation.map(|(schema, name)| (schema.to_owned(), name.to_owned()));
        if let Some(relation) = &relation {
            let needs = if written.is_empty() && target != Some(relation) {
                Privilege::Select.into()
            } else {
                written
            };
            *self.relations.entry(relation.clone()).or_default() |= needs;
        }
        let target = if written.is_empty() { target } else { relation.as_ref() };
        for (field, value) in node.as_object().into_iter().flatten() {
            match (field.as_str(), value) {
                ("Plans", Value::Array(plans)) => plans.iter().for_each(|plan| self.node(plan, target)),
                ("Target Tables", Value::Array(tables)) => {
                    for table in tables {
                        self.node(table, None);
                    }
                }
                ("Node Type" | "Operation" | "Relation Name" | "Schema" | "Alias", _) => {}
                (_, Value::String(text)) => self.expressions.push(text.clone()),
                (_, Value::Array(texts)) => {
                    self.expressions.extend(texts.iter().filter_map(Value::as_str).map(ToOwned::to_owned));
                }
                _ => {}
            }
        }
    }

    /// The sequences of `nextval('...'::regclass)` and its like: the function, and the name as the server writes it; none
    /// for a sequence that only a parameter names.
    pub(super) fn sequences(&self) -> Vec<(&'static str, Option<String>)> {
        let mut found = Vec::new();
        for function in ["nextval", "currval", "setval"] {
            let call = format!("{function}(");
            for expression in &self.expressions {
                let mut rest = expression.as_str();
                while let Some(at) = rest.find(&call) {
                    let standing_alone =
                        !rest[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
                    rest = &rest[at + call.len()..];
                    // Of an identity column it is written without a cast, and asks nobody for a right.
                    match constant(rest) {
                        Some((_, ")")) => {}
                        Some((name, "::regclass")) if standing_alone => found.push((function, Some(name))),
                        _ if standing_alone => found.push((function, None)),
                        _ => {}
                    }
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// The text in `'...'::regclass`, and what follows it: the cast, or the end of the call.
fn constant(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut constant = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        constant.push_str(before);
        let Some(more) = after.strip_prefix('\'') else {
            let end = if after.starts_with("::regclass") { "::regclass".len() } else { 1 };
            return Some((constant, after.get(..end)?));
        };
        constant.push('\'');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_tells_relations_and_sequences() {
        let plan = r#"[{"Plan": {"Node Type": "ModifyTable", "Operation": "Insert", "Schema": "shop",
            "Relation Name": "orders", "Conflict Resolution": "UPDATE", "Plans": [{"Node Type": "Hash Join",
            "Plans": [{"Node Type": "Seq Scan", "Schema": "shop", "Relation Name": "items", "Output":
            ["nextval('shop.\"it''s\"'::regclass)", "setval($1)", "my_nextval('x'::regclass)", "nextval('shop.identity')"]}]}]}}]"#;
        let plan = Plan::read(plan).expect("a plan");
        let needs = |name: &str| plan.relations.get(&("shop".to_owned(), name.to_owned())).copied();
        assert_eq!(needs("orders"), Some(Privileges::of(&[Privilege::Insert, Privilege::Update])));
        assert_eq!(needs("items"), Some(Privilege::Select.into()));
        assert_eq!(plan.sequences(), [("nextval", Some("shop.\"it's\"".to_owned())), ("setval", None)]);
        assert_eq!(Plan::read("nonsense"), None);
    }
}
