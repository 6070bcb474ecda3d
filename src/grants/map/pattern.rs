//! Names of objects with `*` in them.

use crate::grants::snapshot::{Key, Kind};

/// Objects of one kind whose names match. `*` stands for any letters of one part, unless it is quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    kind: Kind,
    /// Schema, owner and name, as far as the kind has them.
    parts: Vec<Part>,
    /// A routine's input types, when they are given.
    args: Option<Part>,
    /// As it was written.
    text: String,
}

/// Objects that somebody asks for: `kind:name`, or a name of any kind, with `*`.
#[derive(Debug, Clone)]
pub struct Selection(Vec<Pattern>);

impl Selection {
    /// Read one.
    ///
    /// # Errors
    /// When it is the name of nothing that could be there.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "database:" || text == "database" {
            let pattern = Pattern {
                kind: Kind::Database,
                parts: vec![Part(vec![String::new()])],
                args: None,
                text: text.to_owned(),
            };
            return Ok(Self(vec![pattern]));
        }
        let named = text
            .split_once(':')
            .and_then(|(word, name)| Some((Kind::ALL.iter().find(|kind| kind.as_str() == word)?, name)));
        if let Some((&kind, name)) = named {
            return Pattern::parse(kind, name).map(|pattern| Self(vec![pattern]));
        }
        let any: Vec<Pattern> =
            Kind::ALL.iter().filter_map(|&kind| Pattern::parse(kind, text).ok()).collect();
        if any.is_empty() { Err(format!("`{text}` is the name of nothing")) } else { Ok(Self(any)) }
    }

    /// Whether an object is asked for.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        self.0.iter().any(|pattern| pattern.kind == key.kind && pattern.matches_name(key))
    }
}

/// Texts between stars: one of them when there is no star.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part(Vec<String>);

impl Pattern {
    /// Why a map cannot say where things of this kind go, when it cannot.
    pub(super) fn refusal(kind: Kind) -> Option<&'static str> {
        if kind == Kind::Column {
            return Some("a column goes with its table");
        }
        let is_database = kind == Kind::Database;
        is_database.then_some("the database itself is in no list: what is set on it holds for every target")
    }

    /// Read one.
    ///
    /// # Errors
    /// What is wrong with the text, in words.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        if let Some(refusal) = Self::refusal(kind) {
            return Err(refusal.to_owned());
        }
        let wanted = shape(kind);
        let wrong = || format!("`{text}` is not the name of a {}: write `{wanted}`", words(kind));
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = Part::read(rest).ok_or_else(wrong)?;
            parts.push(part);
            let Some(more) = after.strip_prefix('.') else {
                rest = after;
                break;
            };
            rest = more;
        }
        let args = match rest.strip_prefix('(') {
            Some(args) if kind.is_routine() => {
                let args = squeezed(args.strip_suffix(')').ok_or_else(wrong)?);
                Some(Part(args.split('*').map(ToOwned::to_owned).collect()))
            }
            None if rest.is_empty() => None,
            _ => return Err(wrong()),
        };
        if parts.len() != wanted.split('.').count() {
            return Err(wrong());
        }
        if kind == Kind::UserMapping && text.ends_with(".PUBLIC") {
            // Everybody, as in `Key`; a role of this name is written in quotes.
            parts.pop();
            parts.push(Part(vec![String::new()]));
        }
        Ok(Self { kind, parts, args, text: text.to_owned() })
    }

    /// The kind of the objects.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is a star in the name.
    pub(super) fn has_star(&self) -> bool {
        self.parts.iter().any(|part| part.0.len() > 1)
    }

    /// Whether it tells a routine's arguments.
    pub(super) const fn has_args(&self) -> bool {
        self.args.is_some()
    }

    /// The parts of the name, when there is no star in them.
    pub(super) fn exact(&self) -> Option<Vec<&str>> {
        self.parts
            .iter()
            .map(|part| if let [only] = part.0.as_slice() { Some(only.as_str()) } else { None })
            .collect()
    }

    /// Whether an object is meant, its kind aside.
    #[must_use]
    pub fn matches_name(&self, key: &Key) -> bool {
        let args = |part: &Part| key.args.as_deref().is_some_and(|args| part.matches(&squeezed(args)));
        self.parts.len() == parts(key).count()
            && self.parts.iter().zip(parts(key)).all(|(part, name)| part.matches(name))
            && self.args.as_ref().is_none_or(args)
    }

    /// Whether it matches this text alone, as a pattern of one part does.
    pub(super) fn matches_text(&self, text: &str) -> bool {
        matches!(self.parts.as_slice(), [part] if part.matches(text))
    }
}

/// The parts of an object's name.
pub(super) fn parts(key: &Key) -> impl Iterator<Item = &str> {
    [key.schema.as_deref(), key.of.as_deref(), Some(&*key.name)].into_iter().flatten()
}

/// Types without the spaces after commas.
fn squeezed(args: &str) -> String {
    args.split(',').map(str::trim).collect::<Vec<_>>().join(",")
}

impl Part {
    /// One part, quoted or not, and what follows it.
    fn read(text: &str) -> Option<(Self, &str)> {
        let Some(mut rest) = text.strip_prefix('"') else {
            let end = text.find(['.', '(']).unwrap_or(text.len());
            let part = text[..end].split('*').map(ToOwned::to_owned).collect();
            return (end > 0 && !text[..end].contains('"')).then_some((Self(part), &text[end..]));
        };
        let mut name = String::new();
        loop {
            let (before, after) = rest.split_once('"')?;
            name.push_str(before);
            match after.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => return Some((Self(vec![name]), after)),
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        let (Some((first, others)), Some(last)) = (self.0.split_first(), self.0.last()) else { return false };
        let [middle @ .., _] = others else { return text == first };
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        middle.iter().all(|piece| match rest.find(piece.as_str()) {
            Some(at) => {
                rest = &rest[at + piece.len()..];
                true
            }
            None => false,
        })
    }
}

/// How a name of this kind is written.
pub(super) fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Policy | Kind::Trigger | Kind::Column => "schema.table.name",
        Kind::UserMapping => "server.role",
        Kind::Table
        | Kind::View
        | Kind::MaterializedView
        | Kind::ForeignTable
        | Kind::Sequence
        | Kind::Function
        | Kind::Procedure
        | Kind::Aggregate
        | Kind::Type
        | Kind::Domain => "schema.name",
        Kind::Database
        | Kind::Schema
        | Kind::Extension
        | Kind::Language
        | Kind::LargeObject
        | Kind::ForeignDataWrapper
        | Kind::ForeignServer
        | Kind::Tablespace
        | Kind::Parameter
        | Kind::EventTrigger
        | Kind::Publication
        | Kind::Subscription
        | Kind::ReplicationSlot => "name",
    }
}

/// A kind in words.
pub(super) fn words(kind: Kind) -> String {
    kind.as_str().replace('_', " ")
}
