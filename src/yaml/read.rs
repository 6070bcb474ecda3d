//! Reading plain derive structs from nodes, telling all mistakes: an unknown key is told and passed over; a node that
//! cannot be read is told, and everything is read again without it.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::Deserialize;

use super::mistake::{Fault, Mistake, short};
use super::parse;
use super::reader::NodeReader;
use super::tree::{NodeId, Span, Tree};
use crate::suggest::suggestion;

/// Tries at one unit: more mistakes than this in one check are told the next time.
const TRIES: usize = 100;

/// What was found while reading one unit, such as a check.
#[derive(Debug)]
pub struct Reading<T> {
    /// The value, when nothing was wrong.
    pub value: Option<T>,
    /// Everything that was wrong.
    pub mistakes: Vec<parse::Mistake>,
    /// Secrets written out.
    pub literals: Vec<NodeId>,
    /// Keys nobody knows.
    pub unknown_keys: usize,
}

/// Read a unit.
#[must_use]
pub fn read<'de, T: Deserialize<'de>>(tree: &Tree, node: NodeId) -> Reading<T> {
    read_with(tree, node, &[], |deserializer| T::deserialize(deserializer))
}

/// Read a unit whose top map has keys that something else reads.
#[must_use]
pub fn read_beside<'de, T: Deserialize<'de>>(
    tree: &Tree,
    node: NodeId,
    beside: &'static [&'static str],
) -> Reading<T> {
    read_with(tree, node, beside, |deserializer| T::deserialize(deserializer))
}

/// Read a unit through a function, such as one that chooses the type.
#[must_use]
pub fn read_with<T>(
    tree: &Tree,
    node: NodeId,
    beside: &'static [&'static str],
    read: impl Fn(NodeReader<'_>) -> Result<T, Wrong>,
) -> Reading<T> {
    let session = Session { tree, top: node, beside, notes: RefCell::default() };
    let mut value = None;
    for _ in 0..TRIES {
        match read(NodeReader::new(&session, node)) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(Wrong(mistake)) => {
                let culprit = mistake.culprit.unwrap_or(node);
                session.tell(mistake);
                let is_new = session.notes.borrow_mut().left_out.insert(culprit);
                if culprit == node || !is_new {
                    break;
                }
            }
        }
    }
    let notes = session.notes.into_inner();
    let value = value.filter(|_| notes.mistakes.is_empty());
    let literals = notes.literals.into_iter().collect();
    Reading { value, mistakes: notes.mistakes, literals, unknown_keys: notes.unknown_keys.len() }
}

/// The error of this deserializer; what it tells is in [`Reading::mistakes`].
#[derive(Debug)]
pub struct Wrong(pub(super) Mistake);

pub(super) struct Session<'t> {
    pub(super) tree: &'t Tree,
    pub(super) top: NodeId,
    pub(super) beside: &'static [&'static str],
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    mistakes: Vec<parse::Mistake>,
    /// Nodes that cannot be read.
    left_out: HashSet<NodeId>,
    unknown_keys: HashSet<NodeId>,
    literals: HashSet<NodeId>,
}

impl Session<'_> {
    pub(super) fn is_left_out(&self, node: NodeId) -> bool {
        self.notes.borrow().left_out.contains(&node)
    }

    fn tell(&self, mistake: Mistake) {
        let Some(at) = mistake.at else { return };
        let tree = self.tree;
        // What is said of a map or list that has lost a part says nothing new.
        let is_consequence =
            matches!(mistake.fault, Fault::Other(_) | Fault::Told) && self.has_lost_a_part(at);
        if is_consequence {
            return;
        }
        let name = tree.key_text(at).map(|key| format!("`{}`", short(key)));
        let named = name.clone().unwrap_or_else(|| "this".to_owned());
        let (span, message, label, help) = match mistake.fault {
            Fault::Told => return,
            Fault::Missing(field) => {
                let removed = tree.get(at, field).is_some_and(|value| self.is_left_out(value));
                if removed {
                    return;
                }
                let owner = name.unwrap_or_else(|| "this item".to_owned());
                (
                    tree.key_place(at),
                    format!("`{field}` is missing"),
                    format!("{owner} needs `{field}`"),
                    None,
                )
            }
            Fault::UnknownKey { key, allowed } => {
                let (span, place) = match tree.entry(at, &key) {
                    Some((key_node, _)) => (tree.node(key_node).span, name),
                    None => (tree.place(at), name),
                };
                unknown_key(span, &key, allowed, place.as_deref())
            }
            Fault::UnknownWord { word, allowed } => (
                tree.place(at),
                format!("{named} cannot be `{}`", short(&word)),
                "not one of its words".to_owned(),
                Some(suggestion(&word, allowed.iter().copied())),
            ),
            Fault::Type { found, wanted } => {
                (tree.place(at), format!("{named} has to be {wanted}"), format!("this is {found}"), None)
            }
            Fault::Nothing => (
                tree.place(at),
                format!("{named} has no value"),
                "nothing follows".to_owned(),
                Some("write its value, or remove the key".to_owned()),
            ),
            Fault::Other(message) => (tree.place(at), message, String::new(), None),
        };
        let label = Some(label).filter(|label| !label.is_empty());
        self.notes.borrow_mut().mistakes.push(parse::Mistake { span, message, label, help });
    }

    /// Note a secret that is written out.
    pub(super) fn literal(&self, node: NodeId) {
        self.notes.borrow_mut().literals.insert(node);
    }

    fn has_lost_a_part(&self, node: NodeId) -> bool {
        let left_out = &self.notes.borrow().left_out;
        self.tree.items(node).iter().any(|item| left_out.contains(item))
            || self.tree.entries(node).iter().any(|(_, value)| left_out.contains(value))
    }

    pub(super) fn unknown(&self, map: NodeId, key: NodeId, fields: &'static [&'static str]) {
        {
            let mut notes = self.notes.borrow_mut();
            if !notes.unknown_keys.insert(key) || notes.unknown_keys.len() > TRIES {
                return;
            }
        }
        let mut allowed: Vec<&'static str> = fields.to_vec();
        if map == self.top {
            allowed.extend(self.beside);
        }
        let text = self.tree.text(key).unwrap_or_default();
        let place = self.tree.key_text(map).map(|key| format!("`{key}`"));
        let (span, message, label, help) =
            unknown_key(self.tree.node(key).span, text, &allowed, place.as_deref());
        let mistake = parse::Mistake { span, message, label: Some(label), help };
        self.notes.borrow_mut().mistakes.push(mistake);
    }
}

type Told = (Span, String, String, Option<String>);

fn unknown_key(span: Span, key: &str, allowed: &[&str], place: Option<&str>) -> Told {
    let label = match place {
        Some(place) => format!("{place} has no such key"),
        None => "no such key here".to_owned(),
    };
    (span, format!("unknown key `{}`", short(key)), label, Some(suggestion(key, allowed.iter().copied())))
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(Mistake::custom(message))
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, wanted: &dyn serde::de::Expected) -> Self {
        Self(Mistake::invalid_type(found, wanted))
    }

    fn invalid_value(found: serde::de::Unexpected<'_>, wanted: &dyn serde::de::Expected) -> Self {
        Self(Mistake::invalid_value(found, wanted))
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        Self(Mistake::unknown_variant(variant, allowed))
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self(Mistake::unknown_field(field, allowed))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Mistake::missing_field(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Mistake::duplicate_field(field))
    }
}
