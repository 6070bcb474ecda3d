//! Secrets: addresses that may be printed, values that may not, and the scrubber that keeps values out of everything written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aho_corasick::{AhoCorasick, MatchKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use crate::environment::Environment;
use crate::model::trace::VantageError;

/// The name of the newtype a secret is read as: a reader of plans notes where one is written out, and gives a scalar
/// as the bytes it is written with.
pub const SECRET: &str = "gonogo::Secret";
/// The name of the newtype a [`Text`] is read as: a reader of plans gives a number or a word like `on` as the bytes it
/// is written with.
pub const TEXT: &str = "gonogo::Text";
/// What stands in the place of a secret.
pub const STARS: &str = "***";
/// A shorter secret cannot be searched for: it would star half of every report.
const SHORTEST_SCRUBBED: usize = 4;
/// Secrets larger than this are refused.
const LARGEST: u64 = 64 * 1024;
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A secret's value. It has no `Display` and no `Serialize`; `Debug` prints stars.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wrap a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

/// Where a secret is found: free to print, but for a literal, which prints as stars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// `{ env: NAME }`
    Env(String),
    /// `{ file: /path }`; one trailing line break is not part of the secret.
    File(PathBuf),
    /// `{ command: [program, argument...] }`; its standard output, less one trailing line break.
    Command(Vec<String>),
    /// Written in the plan itself: accepted with a warning.
    Literal(Secret),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(argv) => write!(f, "command {}", argv.first().map_or("", String::as_str)),
            Self::Literal(_) => f.write_str(STARS),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Env(name) => map.serialize_entry("env", name)?,
            Self::File(path) => map.serialize_entry("file", path)?,
            Self::Command(argv) => map.serialize_entry("command", argv)?,
            Self::Literal(_) => map.serialize_entry("literal", STARS)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        impl<'de> Visitor<'de> for SecretVisitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret: `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ...] }`")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<SecretRef, E> {
                Ok(SecretRef::Literal(Secret::new(value)))
            }

            /// A scalar of a plan, as written: `0123` keeps its zero.
            fn visit_bytes<E: serde::de::Error>(self, value: &[u8]) -> Result<SecretRef, E> {
                self.visit_str(std::str::from_utf8(value).map_err(E::custom)?)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<SecretRef, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<SecretRef, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<SecretRef, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("a secret needs one of `env`, `file`, `command`"));
                };
                let found = match key.as_str() {
                    "env" => SecretRef::Env(map.next_value()?),
                    "file" => SecretRef::File(map.next_value()?),
                    "command" => {
                        let argv: Vec<String> = map.next_value()?;
                        if argv.is_empty() {
                            return Err(A::Error::custom("`command` needs at least a program"));
                        }
                        SecretRef::Command(argv)
                    }
                    other => return Err(A::Error::unknown_field(other, &["env", "file", "command"])),
                };
                match map.next_key::<String>()? {
                    None => Ok(found),
                    Some(_) => Err(A::Error::custom("a secret has exactly one of `env`, `file`, `command`")),
                }
            }
        }
        deserializer.deserialize_newtype_struct(SECRET, SecretVisitor)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a secret is found; a literal is accepted with a warning.",
            "oneOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "object", "properties": { "env": { "type": "string" } }, "required": ["env"], "additionalProperties": false },
                { "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"], "additionalProperties": false },
                { "type": "object", "properties": { "command": { "type": "array", "items": { "type": "string" }, "minItems": 1 } }, "required": ["command"], "additionalProperties": false },
            ]
        })
    }
}

impl SecretRef {
    /// Make a relative `file` relative to the plan's folder.
    pub fn anchor(&mut self, base: &Path) {
        if let Self::File(path) = self
            && path.is_relative()
        {
            *path = base.join(&path);
        }
    }
}

/// A text of the plan that may hold a secret: written out, or found where a [`SecretRef`] says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Text {
    /// Written in the plan; free to print.
    Plain(String),
    /// Found at the last moment.
    Secret(SecretRef),
}

impl Text {
    /// Make a relative `file` relative to the plan's folder.
    pub fn anchor(&mut self, base: &Path) {
        match self {
            Self::Plain(_) => {}
            Self::Secret(reference) => reference.anchor(base),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => serializer.serialize_str(text),
            Self::Secret(reference) => reference.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a secret, such as `{ env: NAME }`")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text::Plain(value.to_owned()))
            }

            /// A scalar of a plan, as written: `4.20` keeps its zero.
            fn visit_bytes<E: serde::de::Error>(self, value: &[u8]) -> Result<Text, E> {
                self.visit_str(std::str::from_utf8(value).map_err(E::custom)?)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text::Plain(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                SecretRef::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Text::Secret)
            }
        }
        deserializer.deserialize_newtype_struct(TEXT, TextVisitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretRef>();
        json_schema!({
            "description": "A text, or where a secret text is found.",
            "anyOf": [{ "type": ["string", "integer", "boolean"] }, secret]
        })
    }
}

/// Replaces every known secret in anything that is written down.
#[derive(Debug, Default)]
pub struct Scrubber {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    values: Vec<String>,
    search: Option<AhoCorasick>,
}

impl Scrubber {
    /// Remember a value, with the forms it takes in JSON, in URLs and in Base64.
    pub fn learn(&self, value: &str) {
        use base64::Engine as _;
        if value.len() < SHORTEST_SCRUBBED {
            return;
        }
        // The same secret is learnt again by every probe that uses it; building the search anew is dear.
        if self.known.read().unwrap_or_else(PoisonError::into_inner).values.iter().any(|known| known == value)
        {
            return;
        }
        let json = serde_json::Value::from(value).to_string();
        let percent = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        let forms = [
            value.to_owned(),
            json.trim_matches('"').to_owned(),
            percent.to_string(),
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            base64::engine::general_purpose::STANDARD.encode(value),
        ];
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            if !known.values.contains(&form) {
                known.values.push(form);
            }
        }
        // Longest first, so that a secret inside another one does not leave the rest behind.
        known.search =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&known.values).ok();
    }

    /// The text with every known secret starred.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match &known.search {
            Some(search) if search.is_match(text) => {
                Cow::Owned(search.replace_all(text, &vec![STARS; known.values.len()]))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The value with every known secret starred in every text it holds.
    ///
    /// # Errors
    /// When the value does not survive being written and read again.
    pub fn value<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<T, serde_json::Error> {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).search.is_none() {
            return Ok(value);
        }
        let written = serde_json::to_string(&value)?;
        if matches!(self.text(&written), Cow::Borrowed(_)) {
            return Ok(value);
        }
        let mut tree: serde_json::Value = serde_json::from_str(&written)?;
        self.star(&mut tree);
        serde_json::from_value(tree)
    }

    /// Only texts are starred: a number that happens to contain a secret's digits must stay a number.
    fn star(&self, tree: &mut serde_json::Value) {
        match tree {
            serde_json::Value::String(text) => {
                if let Cow::Owned(starred) = self.text(text) {
                    *text = starred;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.star(item)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| self.star(field)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    /// The first `most` bytes of what a peer sent, as text: scrubbed before it is cut, so that no half secret remains.
    #[must_use]
    pub fn excerpt(&self, bytes: &[u8], most: usize) -> String {
        let window = bytes.get(..most.saturating_mul(2).saturating_add(4096)).unwrap_or(bytes);
        let text = String::from_utf8_lossy(window);
        let mut text = self.text(&text).into_owned();
        if text.len() > most {
            let end = (0..=most).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0);
            text.truncate(end);
            text.push_str("...");
        } else if window.len() < bytes.len() {
            text.push_str("...");
        }
        text
    }
}

type Cell = Arc<OnceCell<Result<Secret, VantageError>>>;

/// Finds secrets at the last moment, each one once, and teaches the scrubber what they are.
#[derive(Debug)]
pub struct Vault {
    environment: Arc<Environment>,
    scrubber: Arc<Scrubber>,
    found: Mutex<HashMap<SecretRef, Cell>>,
}

impl Vault {
    /// A vault that looks in this environment.
    #[must_use]
    pub fn new(environment: Arc<Environment>, scrubber: Arc<Scrubber>) -> Self {
        Self { environment, scrubber, found: Mutex::default() }
    }

    /// The scrubber that knows every secret found here.
    #[must_use]
    pub fn scrubber(&self) -> &Arc<Scrubber> {
        &self.scrubber
    }

    /// The secret's value.
    ///
    /// # Errors
    /// `VantageError::Secret`, with the address and never the value.
    pub async fn get(&self, reference: &SecretRef) -> Result<Secret, VantageError> {
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(found.entry(reference.clone()).or_default())
        };
        cell.get_or_init(|| self.find(reference)).await.clone()
    }

    async fn find(&self, reference: &SecretRef) -> Result<Secret, VantageError> {
        let missing = |reason: String| VantageError::Secret { secret: reference.to_string(), reason };
        let value = match reference {
            SecretRef::Literal(secret) => secret.expose().to_owned(),
            SecretRef::Env(name) => self
                .environment
                .get(name)
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing("the variable is not set".to_owned()))?,
            SecretRef::File(path) => read_file(path).await.map_err(missing)?,
            SecretRef::Command(argv) => run_command(argv).await.map_err(missing)?,
        };
        if value.is_empty() {
            return Err(missing("it is empty".to_owned()));
        }
        self.scrubber.learn(&value);
        Ok(Secret::new(value))
    }
}

async fn read_file(path: &Path) -> Result<String, String> {
    // Asked before opening: opening a FIFO that nobody writes to would never return.
    let metadata = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    line(bytes)
}

async fn run_command(argv: &[String]) -> Result<String, String> {
    let (program, arguments) = argv.split_first().ok_or("no program is named")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let stdout = child.stdout.take().ok_or("its output cannot be read")?;
    let finish = async {
        let mut bytes = Vec::new();
        stdout.take(LARGEST + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() { line(bytes) } else { Err(format!("it ended with {status}")) }
    };
    tokio::time::timeout(COMMAND_LIMIT, finish)
        .await
        .unwrap_or_else(|_| Err(format!("it did not end within {} s", COMMAND_LIMIT.as_secs())))
}

fn line(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
