//! Reading plain derive structs from nodes, telling all mistakes: an unknown key is told and passed over; a node that
//! cannot be read is told, and everything is read again without it.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::mistake::{Fault, Mistake, short};
use super::parse;
use super::scalar::{AS_WRITTEN, resolve};
use super::tree::{Kind, Node, NodeId, Span, Tree};

/// A newtype of this name is a secret when it is written as a scalar: the reader notes where, and gives the letters
/// as `visit_bytes`.
pub const SECRET: &str = "gonogo::Secret";
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
        match read(NodeReader { session: &session, node }) {
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
pub struct Wrong(Mistake);

struct Session<'t> {
    tree: &'t Tree,
    top: NodeId,
    beside: &'static [&'static str],
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
    fn is_left_out(&self, node: NodeId) -> bool {
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

    fn has_lost_a_part(&self, node: NodeId) -> bool {
        let left_out = &self.notes.borrow().left_out;
        self.tree.items(node).iter().any(|item| left_out.contains(item))
            || self.tree.entries(node).iter().any(|(_, value)| left_out.contains(value))
    }

    fn unknown(&self, map: NodeId, key: NodeId, fields: &'static [&'static str]) {
        if !self.notes.borrow_mut().unknown_keys.insert(key) {
            return;
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

/// "did you mean", or everything there is to choose from.
#[must_use]
pub fn suggestion<'a>(word: &str, allowed: impl Iterator<Item = &'a str> + Clone) -> String {
    /// More than this is not read by anybody.
    const LISTED: usize = 24;
    if let Some(near) = nearest(word, allowed.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut words: Vec<String> = allowed.clone().take(LISTED).map(|word| format!("`{word}`")).collect();
    match words.len() {
        0 => "there is nothing to choose from".to_owned(),
        1 => format!("only {} is possible here", words[0]),
        _ => {
            let more = allowed.count().saturating_sub(LISTED);
            if more > 0 {
                words.push(format!("{more} more"));
            }
            format!("one of {}", words.join(", "))
        }
    }
}

/// The word that is most like this one, when one is like it.
#[must_use]
pub fn nearest<'a>(word: &str, allowed: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this likeness a suggestion confuses more than it helps.
    const ALIKE: f64 = 0.75;
    // Comparing is quadratic in the length.
    let word: String = word.chars().take(100).collect::<String>().to_lowercase();
    allowed
        .filter(|known| known.len() <= 200)
        .map(|known| {
            (
                known,
                strsim::normalized_damerau_levenshtein(&word, &known.to_lowercase())
                    .max(prefix(&word, known)),
            )
        })
        .filter(|(_, likeness)| *likeness >= ALIKE || (*likeness >= 0.6 && word.len() <= 5))
        .max_by(|(_, left), (_, right)| left.total_cmp(right))
        .map(|(known, _)| known)
}

/// A word cut short, or with an ending too many, is alike however long the rest is.
fn prefix(word: &str, known: &str) -> f64 {
    let (shorter, longer) = if word.len() < known.len() { (word, known) } else { (known, word) };
    if shorter.len() >= 3 && longer.starts_with(shorter) { 0.8 } else { 0.0 }
}

/// Reads one node.
#[derive(Clone, Copy)]
pub struct NodeReader<'s> {
    session: &'s Session<'s>,
    node: NodeId,
}

impl std::fmt::Debug for NodeReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeReader({:?})", self.node)
    }
}

impl<'s> NodeReader<'s> {
    fn here(self) -> &'s Node {
        self.session.tree.node(self.node)
    }

    fn at(self, node: NodeId) -> Self {
        Self { node, ..self }
    }

    /// Nodes that are known to be wrong are not read again.
    fn check(self) -> Result<(), Wrong> {
        if self.session.is_left_out(self.node) {
            let told = Mistake { fault: Fault::Told, at: Some(self.node), culprit: None };
            return Err(Wrong(told));
        }
        Ok(())
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.check()?;
        let result = match &self.here().kind {
            Kind::Scalar { text, plain } => match plain.then(|| resolve(text)).flatten() {
                Some(serde_json::Value::Null) => visitor.visit_unit(),
                Some(serde_json::Value::Bool(value)) => visitor.visit_bool(value),
                Some(serde_json::Value::Number(number)) => {
                    if let Some(whole) = number.as_u64() {
                        visitor.visit_u64(whole)
                    } else if let Some(whole) = number.as_i64() {
                        visitor.visit_i64(whole)
                    } else {
                        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                    }
                }
                _ => visitor.visit_str(text),
            },
            Kind::List(items) => visitor.visit_seq(Items { reader: self, rest: items }),
            Kind::Map(entries) => {
                visitor.visit_map(Entries { reader: self, rest: entries, value: None, fields: None })
            }
        };
        self.located(result)
    }

    /// A type that complains after it was read complains about this node.
    fn seeded<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Wrong> {
        self.located(seed.deserialize(self))
    }

    fn located<T>(self, result: Result<T, Wrong>) -> Result<T, Wrong> {
        result.map_err(|Wrong(mistake)| Wrong(mistake.or_at(self.node)))
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.check()?;
        match &self.here().kind {
            // A text may be written like a number, but a text of no letters without quotes is a slip.
            Kind::Scalar { text, plain } if !*plain || resolve(text) != Some(serde_json::Value::Null) => {
                self.located(visitor.visit_str(text))
            }
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => self.any(visitor),
        }
    }

    /// A scalar that is not quoted and not a text, as it is written.
    fn as_written<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.check()?;
        let result = match &self.here().kind {
            Kind::Scalar { text, plain: true } if text.is_empty() => Err(Wrong(Mistake::new(Fault::Nothing))),
            Kind::Scalar { text, plain: true } if resolve(text).is_some() => {
                visitor.visit_bytes(text.as_bytes())
            }
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => visitor.visit_newtype_struct(self),
        };
        self.located(result)
    }

    fn secret<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.check()?;
        let result = match &self.here().kind {
            Kind::Scalar { text, plain: true } if resolve(text) == Some(serde_json::Value::Null) => {
                Err(Wrong(Mistake::new(Fault::Nothing)))
            }
            Kind::Scalar { text, .. } => {
                self.session.notes.borrow_mut().literals.insert(self.node);
                visitor.visit_bytes(text.as_bytes())
            }
            Kind::List(_) | Kind::Map(_) => visitor.visit_newtype_struct(self),
        };
        self.located(result)
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.check()?;
        let Kind::Map(entries) = &self.here().kind else {
            return self.any(visitor);
        };
        let result =
            visitor.visit_map(Entries { reader: self, rest: entries, value: None, fields: Some(fields) });
        self.located(result)
    }

    fn variant<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.check()?;
        let result = match &self.here().kind {
            Kind::Scalar { .. } => visitor.visit_enum(Variant { word: self, value: None }),
            Kind::Map(entries) => match entries.as_slice() {
                [(key, value)] => {
                    visitor.visit_enum(Variant { word: self.at(*key), value: Some(self.at(*value)) })
                }
                [] => Err(other("this is empty: it takes exactly one key")),
                several => {
                    let keys: Vec<_> = several
                        .iter()
                        .filter_map(|(key, _)| self.session.tree.text(*key))
                        .map(|key| format!("`{}`", short(key)))
                        .collect();
                    Err(other(format!("this takes exactly one key, and has {}", keys.join(", "))))
                }
            },
            Kind::List(_) => Err(other("a list cannot stand here")),
        };
        self.located(result)
    }
}

fn other(message: impl Into<String>) -> Wrong {
    Wrong(Mistake::new(Fault::Other(message.into())))
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

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.text(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.text(visitor)
    }

    /// A key with nothing after it is a slip, so there is no "none": a key that is not wanted is left out.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match name {
            AS_WRITTEN => self.as_written(visitor),
            SECRET => self.secret(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.variant(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map ignored_any
    }
}

/// Items of a list, less those left out.
struct Items<'s> {
    reader: NodeReader<'s>,
    rest: &'s [NodeId],
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Wrong> {
        while let Some((&item, rest)) = self.rest.split_first() {
            self.rest = rest;
            if !self.reader.session.is_left_out(item) {
                return self.reader.at(item).seeded(seed).map(Some);
            }
        }
        Ok(None)
    }
}

/// Entries of a map, less those left out and, for a struct, those that are not its fields.
struct Entries<'s> {
    reader: NodeReader<'s>,
    rest: &'s [(NodeId, NodeId)],
    value: Option<NodeId>,
    fields: Option<&'static [&'static str]>,
}

impl Entries<'_> {
    fn is_field(&self, key: NodeId) -> bool {
        let Some(fields) = self.fields else { return true };
        let session = self.reader.session;
        let text = session.tree.text(key).unwrap_or_default();
        if fields.contains(&text) {
            return true;
        }
        if !(self.reader.node == session.top && session.beside.contains(&text)) {
            session.unknown(self.reader.node, key, fields);
        }
        false
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        while let Some((&(key, value), rest)) = self.rest.split_first() {
            self.rest = rest;
            if self.reader.session.is_left_out(value) || !self.is_field(key) {
                continue;
            }
            self.value = Some(value);
            return match self.reader.at(key).seeded(seed) {
                Ok(key) => Ok(Some(key)),
                // A wrong key goes with its value.
                Err(Wrong(Mistake { fault, at, .. })) => {
                    Err(Wrong(Mistake { fault, at, culprit: Some(value) }))
                }
            };
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        let Some(value) = self.value else {
            return Err(other("a value was asked for before its key"));
        };
        self.reader.at(value).seeded(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A word, or a key with what belongs to it.
struct Variant<'s> {
    word: NodeReader<'s>,
    value: Option<NodeReader<'s>>,
}

impl<'de, 's> EnumAccess<'de> for Variant<'s> {
    type Error = Wrong;
    type Variant = Payload<'s>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Payload<'s>), Wrong> {
        match seed.deserialize(self.word) {
            Ok(word) => Ok((word, Payload(self.value))),
            Err(Wrong(mut mistake)) => {
                // The whole node has to go, not only its key.
                if self.value.is_some() {
                    mistake.culprit = None;
                }
                Err(Wrong(mistake))
            }
        }
    }
}

struct Payload<'s>(Option<NodeReader<'s>>);

impl<'s> Payload<'s> {
    fn value(self) -> Result<NodeReader<'s>, Wrong> {
        self.0.ok_or_else(|| other("this word needs a value, written `word: value`"))
    }

    /// With its only content gone, the node around has to go too.
    fn whole<T>(value: NodeReader<'s>, result: Result<T, Wrong>) -> Result<T, Wrong> {
        result.map_err(|Wrong(mut mistake)| {
            if mistake.culprit == Some(value.node) || matches!(mistake.fault, Fault::Told) {
                mistake.culprit = None;
            }
            Wrong(mistake)
        })
    }
}

impl<'de> VariantAccess<'de> for Payload<'_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(other("this word takes no value")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Wrong> {
        let value = self.value()?;
        Self::whole(value, seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        let value = self.value()?;
        Self::whole(value, value.any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let value = self.value()?;
        Self::whole(value, value.fields(fields, visitor))
    }
}
