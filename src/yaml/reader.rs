//! A serde deserializer over one node and what is below it.

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::mistake::{Fault, Mistake, short};
use super::read::{Sample, Session, Wrong};
use super::scalar::{AS_WRITTEN, resolve};
use super::tree::{Kind, Node, NodeId};
use crate::secret::{SECRET, TEXT};

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
    pub(super) const fn new(session: &'s Session<'s>, node: NodeId) -> Self {
        Self { session, node }
    }

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
            Kind::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
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
                self.session.literal(self.node);
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
        self.located(visitor.visit_map(Entries::new(self, entries, Some(fields))))
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
            AS_WRITTEN | TEXT => self.as_written(visitor),
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

/// Entries of a map, less those left out and, for a struct, those that are not its fields; then samples for those that
/// are missing.
struct Entries<'s> {
    reader: NodeReader<'s>,
    rest: &'s [(NodeId, NodeId)],
    value: Option<NodeId>,
    fields: Option<&'static [&'static str]>,
    samples: Vec<(&'static str, Sample)>,
}

impl<'s> Entries<'s> {
    fn new(
        reader: NodeReader<'s>,
        rest: &'s [(NodeId, NodeId)],
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        Self { reader, rest, value: None, fields, samples: reader.session.samples(reader.node) }
    }

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
        self.value = None;
        self.samples.last().map(|(field, _)| seed.deserialize(StrDeserializer::new(field))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        if let Some(value) = self.value {
            return self.reader.at(value).seeded(seed);
        }
        let Some((field, sample)) = self.samples.pop() else {
            return Err(other("a value was asked for before its key"));
        };
        let read = match sample {
            Sample::Text(text) => seed.deserialize(StrDeserializer::new(text)),
            Sample::List => seed.deserialize(SeqDeserializer::new(std::iter::empty::<()>())),
        };
        read.map_err(|_: Wrong| {
            self.reader.session.next_sample(self.reader.node, field);
            Wrong(Mistake::new(Fault::Again))
        })
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
