//! A map of a file, read key by key: what nobody has taken is told at the end.

use std::collections::HashSet;

use super::document::Document;
use super::draft::Item;
use crate::yaml::scalar;
use crate::yaml::tree::{Kind, NodeId};

/// A map, and what was taken of it.
pub(super) struct Fields<'d> {
    pub(super) document: &'d Document,
    pub(super) node: NodeId,
    /// The keys that lead to it, such as `http.https://shop.example/`.
    pub(super) path: String,
    taken: HashSet<NodeId>,
}

impl<'d> Fields<'d> {
    /// A map; of anything else, a map without keys.
    pub(super) fn of(document: &'d Document, node: NodeId, path: impl Into<String>) -> Self {
        Self { document, node, path: path.into(), taken: HashSet::new() }
    }

    /// Take whatever stands under a key.
    pub(super) fn node(&mut self, key: &str) -> Option<NodeId> {
        let (key, value) = self.document.tree.entry(self.node, key)?;
        // The key, for an alias may stand under several.
        self.taken.insert(key);
        Some(value)
    }

    /// What stands under a key, left where it is.
    pub(super) fn peek(&self, key: &str) -> Option<NodeId> {
        self.document.tree.get(self.node, key)
    }

    /// Take a single value, as it is written; a list or a map is left.
    pub(super) fn text(&mut self, key: &str) -> Option<&'d str> {
        let value = self.peek(key)?;
        let text = self.document.tree.text(value)?;
        self.node(key);
        Some(text)
    }

    /// The same, none when it says nothing.
    pub(super) fn filled(&mut self, key: &str) -> Option<&'d str> {
        self.text(key).filter(|text| !text.is_empty() && *text != "~" && *text != "null")
    }

    /// Take a truth; anything else is left.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.peek(key)?;
        let Some(serde_json::Value::Bool(truth)) = scalar::resolve(self.document.tree.text(value)?) else {
            return None;
        };
        self.node(key);
        Some(truth)
    }

    /// Take a whole number; anything else is left.
    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        let value = self.peek(key)?;
        let number = self.document.tree.text(value)?.parse().ok()?;
        self.node(key);
        Some(number)
    }

    /// Take a list of single values, or one alone; a list that holds more is left.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<&'d str>> {
        let value = self.peek(key)?;
        let texts = texts(self.document, value)?;
        self.node(key);
        Some(texts)
    }

    /// Take a map, which has to be read to its end by itself.
    pub(super) fn map(&mut self, key: &str) -> Option<Fields<'d>> {
        let value = self.peek(key)?;
        match self.document.tree.node(value).kind {
            Kind::Map(_) => {}
            Kind::Scalar { .. } | Kind::List(_) => return None,
        }
        self.node(key);
        Some(Self::of(self.document, value, format!("{}.{key}", self.path)))
    }

    /// Keys and single values of a map; none when a value is more than that.
    pub(super) fn pairs(&mut self, key: &str) -> Option<Vec<(&'d str, &'d str)>> {
        let value = self.peek(key)?;
        let tree = &self.document.tree;
        if !matches!(tree.node(value).kind, Kind::Map(_)) {
            return None;
        }
        let entries = tree.entries(value).iter();
        let pairs: Option<Vec<_>> =
            entries.map(|(key, value)| Some((tree.text(*key)?, tree.text(*value)?))).collect();
        let pairs = pairs?;
        self.node(key);
        Some(pairs)
    }

    /// Tell a key that cannot be carried over, when it is there.
    pub(super) fn lose(&mut self, key: &str, why: &str, asserts: bool, item: &mut Item) {
        if let Some(value) = self.node(key) {
            item.lose(&self.document.place(value), &format!("{}.{key}", self.path), why, asserts);
        }
    }

    /// Tell everything that nobody has taken: what is among `settings` asserts nothing, all else may.
    pub(super) fn finish(self, settings: &[&str], item: &mut Item) {
        for (key, value) in self.document.tree.entries(self.node) {
            if self.taken.contains(key) {
                continue;
            }
            let key = self.document.tree.text(*key).unwrap_or("?");
            let path = format!("{}.{key}", self.path);
            let asserts = !settings.contains(&key);
            let why = if asserts {
                "it could not be read, or nothing here means the same"
            } else {
                "it has no meaning here"
            };
            item.lose(&self.document.place(*value), &path, why, asserts);
        }
    }
}

/// The single values of a list, or one alone.
pub(super) fn texts(document: &Document, node: NodeId) -> Option<Vec<&str>> {
    match &document.tree.node(node).kind {
        Kind::Scalar { text, .. } => Some(vec![text]),
        Kind::List(items) => items.iter().map(|item| document.tree.text(*item)).collect(),
        Kind::Map(_) => None,
    }
}
