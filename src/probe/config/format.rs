//! How a configuration file is written, and how a key is found in it.
//! A new format is a variant of `Format`, its name and extension, and an arm of `find`.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::xml;
use crate::yaml::parse::parse;
use crate::yaml::scalar::resolve;
use crate::yaml::tree::{FileId, Kind, NodeId, Tree};

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Java properties (`java.util.Properties.load`).
    Properties,
    /// `NAME=value` lines, as in systemd's `EnvironmentFile=` and Docker's `--env-file`.
    Env,
    /// YAML, one document.
    Yaml,
    /// JSON (RFC 8259).
    Json,
    /// TOML 1.0.
    Toml,
    /// INI with sections.
    Ini,
    /// XML 1.0, without a document type.
    Xml,
}

impl Format {
    /// Every format's name.
    pub(super) const NAMES: [&str; 7] = ["properties", "env", "yaml", "json", "toml", "ini", "xml"];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Env => "env",
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Ini => "ini",
            Self::Xml => "xml",
        }
    }

    /// The format that a file's name tells, if it does.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Some(match extension {
            "properties" => Self::Properties,
            "env" => Self::Env,
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "toml" => Self::Toml,
            "ini" | "cfg" => Self::Ini,
            "xml" => Self::Xml,
            _ => return None,
        })
    }

    /// The value of a key, if it is there; or what is wrong with the file. No reason repeats what the file says.
    pub(super) fn find(self, content: &[u8], key: &str) -> Result<Option<Value>, String> {
        if self == Self::Properties {
            return properties(content, key);
        }
        let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Properties => properties(content, key),
            Self::Env => env(text, key),
            Self::Json => {
                let tree: Value = serde_json::from_str(text).map_err(|error| {
                    format!("mistake at line {}, column {}", error.line(), error.column())
                })?;
                Ok(descend(&tree, key).cloned())
            }
            Self::Toml => {
                let table: toml::Table = toml::from_str(text).map_err(|error| {
                    let before = error.span().and_then(|span| text.get(..span.start));
                    let line = before.map_or(1, |before| before.lines().count().max(1));
                    format!("mistake near line {line}")
                })?;
                Ok(descend(&json(toml::Value::Table(table)), key).cloned())
            }
            Self::Yaml => yaml(text, key),
            Self::Ini => ini(text, key),
            Self::Xml => xml::find(text, key),
        }
    }
}

/// A dotted path through maps and lists. A key may hold dots itself, as Spring's do: at each step the shortest key that
/// leads anywhere wins.
fn descend<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    let step = |key: &str| match tree {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    path.match_indices('.')
        .find_map(|(dot, _)| descend(step(&path[..dot])?, &path[dot + 1..]))
        .or_else(|| step(path))
}

fn properties(content: &[u8], key: &str) -> Result<Option<Value>, String> {
    let found = java_properties::read(content).map_err(|error| match error.line_number() {
        Some(line) => format!("mistake in line {line}"),
        None => "it cannot be read".to_owned(),
    })?;
    Ok(found.get(key).map(|value| Value::from(value.as_str())))
}

/// The last line that sets the name wins. Quotes as a shell reads them, nothing is expanded.
fn env(text: &str, key: &str) -> Result<Option<Value>, String> {
    let mut found = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) =
            line.split_once('=').ok_or_else(|| format!("line {} is not NAME=value", index + 1))?;
        if name.trim_end() == key {
            found = Some(Value::from(unquoted(value.trim())));
        }
    }
    Ok(found)
}

fn unquoted(value: &str) -> String {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(literal) = inside('\'') {
        return literal.to_owned();
    }
    let Some(escaped) = inside('"') else { return value.to_owned() };
    let mut text = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
    }
    text
}

/// `section.key`, or `key` before any section; section and key may hold dots themselves.
fn ini(text: &str, key: &str) -> Result<Option<Value>, String> {
    let options = ini::ParseOption { enabled_escape: false, ..ini::ParseOption::default() };
    let file = ini::Ini::load_from_str_opt(text, options)
        .map_err(|error| format!("mistake at line {}, column {}", error.line + 1, error.col + 1))?;
    let value = |section: Option<&str>, name: &str| {
        file.section(section).and_then(|section| section.get(name)).map(Value::from)
    };
    let found = key.match_indices('.').find_map(|(dot, _)| value(Some(&key[..dot]), &key[dot + 1..]));
    Ok(found.or_else(|| value(None::<&str>, key)))
}

/// Dates and times become text, as they are written.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(fields) => {
            fields.into_iter().map(|(name, value)| (name, json(value))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

/// Scalars that are not quoted stay the text they are written as (`4.20` is not `4.2`), but for null: matchers know a
/// number or a truth value in a text.
fn yaml(text: &str, key: &str) -> Result<Option<Value>, String> {
    let mut tree = Tree::default();
    let (root, mistakes) = parse(&mut tree, FileId(0), text);
    if let Some(mistake) = mistakes.first() {
        let before = text.get(..mistake.span.start as usize).unwrap_or(text);
        return Err(format!("mistake near line {}", before.matches('\n').count() + 1));
    }
    Ok(root.and_then(|root| descend(&plain(&tree, root), key).cloned()))
}

fn plain(tree: &Tree, node: NodeId) -> Value {
    match &tree.node(node).kind {
        Kind::Scalar { text, plain: true } if resolve(text) == Some(Value::Null) => Value::Null,
        Kind::Scalar { text, .. } => Value::from(&**text),
        Kind::List(items) => items.iter().map(|&item| plain(tree, item)).collect(),
        Kind::Map(entries) => entries
            .iter()
            .filter_map(|&(name, value)| Some((tree.text(name)?.to_owned(), plain(tree, value))))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
