//! What a derived `Deserialize` complains of, in words for people who write YAML.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

use super::tree::NodeId;

/// Between what is wrong and what to do, in a complaint of a `Deserialize`: `D::Error::custom` takes one text.
pub const ADVICE: &str = "\nhelp: ";

/// One mistake, on its way from where it was noticed to the node it is about.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) fault: Fault,
    /// Where to point.
    pub(super) at: Option<NodeId>,
    /// The node to leave out of the next try.
    pub(super) culprit: Option<NodeId>,
}

#[derive(Debug)]
pub(super) enum Fault {
    /// Already told, or a consequence of one that is.
    Told,
    /// The sample given for a missing key does not fit: another one is tried.
    Again,
    Missing(&'static str),
    UnknownKey {
        key: String,
        allowed: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        allowed: &'static [&'static str],
    },
    Type {
        found: String,
        wanted: String,
    },
    /// A key or item without a value.
    Nothing,
    Other(String),
}

impl Mistake {
    pub(super) const fn new(fault: Fault) -> Self {
        Self { fault, at: None, culprit: None }
    }

    pub(super) fn or_at(mut self, node: NodeId) -> Self {
        self.at.get_or_insert(node);
        self.culprit.get_or_insert(node);
        self
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl std::error::Error for Mistake {}

impl serde::de::Error for Mistake {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Fault::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        if found == Unexpected::Unit {
            return Self::new(Fault::Nothing);
        }
        Self::new(Fault::Type { found: found_words(found), wanted: wanted_words(wanted) })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(Fault::Type { found: found_words(found), wanted: wanted_words(wanted) })
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownWord { word: variant.to_owned(), allowed })
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownKey { key: field.to_owned(), allowed })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Fault::Other(format!("`{field}` is there twice")))
    }
}

fn found_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("the text `{}`", short(text)),
        Unexpected::Bytes(bytes) => format!("`{}`", short(&String::from_utf8_lossy(bytes))),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::NewtypeStruct => "a map".to_owned(),
        Unexpected::Char(_)
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => found.to_string(),
    }
}

fn wanted_words(wanted: &dyn Expected) -> String {
    let told = wanted.to_string();
    match told.as_str() {
        "a string" | "str" | "string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a map, `key: value`".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ if told.starts_with("struct ") => "a map, `key: value`".to_owned(),
        _ if told.starts_with("enum ") => "one of its words".to_owned(),
        _ => told,
    }
}

/// Enough of a text to recognise it.
pub(super) fn short(text: &str) -> String {
    /// Characters shown.
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
