//! Reading plain derive structs from nodes, telling all mistakes: an unknown key is told and passed over; a node that
//! cannot be read is told, and everything is read again without it; a missing key is told, and everything is read again
//! with a sample in its place, so that what else is wrong is found. What is read with a mistake is never used.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::mistake::{ADVICE, Fault, Mistake, short};
use super::parse;
use super::reader::NodeReader;
use super::tree::{NodeId, Span, Tree};
use crate::suggest::{closest, suggestion};

/// Tries at one unit: more mistakes than this in one check are told the next time.
const TRIES: usize = 100;

/// What is tried in the place of a missing value, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// An id, a name or a duration.
    Text(&'static str),
    /// A list of nothing.
    List,
}

const SAMPLES: [Sample; 4] =
    [Sample::Text("1s"), Sample::Text("2000-01-01"), Sample::Text("2000-01-01 00:00Z"), Sample::List];

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
                if session.goes_on_with_a_sample(&mistake) {
                    continue;
                }
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
    /// Keys of maps that a misspelt one most likely stands for.
    meant: HashSet<(NodeId, &'static str)>,
    /// Missing keys of maps, each with the position of the sample it is given.
    missing: HashMap<NodeId, Vec<(&'static str, usize)>>,
    literals: HashSet<NodeId>,
}

impl Session<'_> {
    pub(super) fn is_left_out(&self, node: NodeId) -> bool {
        self.notes.borrow().left_out.contains(&node)
    }

    /// Whether everything can be read again with a sample for a missing key, or with another one.
    fn goes_on_with_a_sample(&self, mistake: &Mistake) -> bool {
        if matches!(mistake.fault, Fault::Again) {
            return true;
        }
        let (Fault::Missing(field), Some(at)) = (&mistake.fault, mistake.at) else { return false };
        let mut notes = self.notes.borrow_mut();
        let missing = notes.missing.entry(at).or_default();
        if missing.iter().any(|(known, _)| known == field) {
            return false;
        }
        missing.push((field, 0));
        drop(notes);
        self.tell_missing(at, field);
        true
    }

    fn tell_missing(&self, at: NodeId, field: &'static str) {
        let removed = self.tree.get(at, field).is_some_and(|value| self.is_left_out(value));
        let mut notes = self.notes.borrow_mut();
        if removed || notes.meant.contains(&(at, field)) {
            return;
        }
        let name = self.tree.key_text(at).map(|key| format!("`{}`", short(key)));
        let owner = name.as_deref().unwrap_or("this item");
        notes.mistakes.push(parse::Mistake {
            span: self.tree.key_place(at),
            message: format!("`{field}` is missing"),
            label: Some(format!("{owner} needs `{field}`")),
            help: None,
        });
    }

    /// Missing keys of a map, each with its sample.
    pub(super) fn samples(&self, map: NodeId) -> Vec<(&'static str, Sample)> {
        let notes = self.notes.borrow();
        let missing = notes.missing.get(&map).into_iter().flatten();
        missing.filter_map(|&(field, position)| Some((field, *SAMPLES.get(position)?))).collect()
    }

    /// Try the next sample for a missing key.
    pub(super) fn next_sample(&self, map: NodeId, field: &'static str) {
        let mut notes = self.notes.borrow_mut();
        let missing = notes.missing.get_mut(&map).into_iter().flatten();
        missing.filter(|(known, _)| *known == field).for_each(|(_, position)| *position += 1);
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
            // A missing key is told when it is first met.
            Fault::Told | Fault::Again | Fault::Missing(_) => return,
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
            Fault::Other(message) => {
                let (message, help) = match message.split_once(ADVICE) {
                    Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                    None => (message, None),
                };
                (tree.place(at), message, String::new(), help)
            }
        };
        let label = Some(label).filter(|label| !label.is_empty());
        self.notes.borrow_mut().mistakes.push(parse::Mistake { span, message, label, help });
    }

    /// Note a secret that is written out.
    pub(super) fn literal(&self, node: NodeId) {
        self.notes.borrow_mut().literals.insert(node);
    }

    fn has_lost_a_part(&self, node: NodeId) -> bool {
        let Notes { left_out, missing, .. } = &*self.notes.borrow();
        self.tree.items(node).iter().any(|item| left_out.contains(item))
            || self.tree.entries(node).iter().any(|(_, value)| left_out.contains(value))
            || (!missing.is_empty() && self.holds(node, missing))
    }

    /// Whether one of these maps is here or below.
    fn holds(&self, node: NodeId, maps: &HashMap<NodeId, Vec<(&'static str, usize)>>) -> bool {
        maps.contains_key(&node)
            || self.tree.items(node).iter().any(|&item| self.holds(item, maps))
            || self.tree.entries(node).iter().any(|&(_, value)| self.holds(value, maps))
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
        if let Some(meant) = closest(text, allowed.iter().copied()) {
            self.notes.borrow_mut().meant.insert((map, meant));
        }
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
