//! The plan in the making: checks with what they came from, and what could not be carried over, as text.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};

use super::{Format, ImportError, Imported, Note};
use crate::file::written::Id;
use crate::file::{url_password, url_secrets, visible};

/// Stands for the `${` of a variable in texts that importers make; all other `${` are letters of the file.
pub(super) const VARIABLE: char = '\u{e000}';
/// Characters of a title, a comment or a step.
const LONGEST: usize = 200;

/// One thing of a file: what becomes of it.
#[derive(Debug)]
pub(super) struct Item {
    id: String,
    title: Option<String>,
    /// Where it is written.
    place: String,
    /// What it is in the file, such as `http https://shop.example/`.
    origin: String,
    tags: Vec<String>,
    checks: Vec<Check>,
    notes: Vec<Note>,
    /// What a person has to do, for what asserts something and was lost.
    steps: Vec<String>,
    timeout: Option<String>,
}

#[derive(Debug)]
struct Check {
    suffix: &'static str,
    kind: &'static str,
    probe: Value,
    expect_break: Option<&'static str>,
}

impl Item {
    pub(super) fn new(place: String, origin: &str) -> Self {
        let origin = &without_password(origin);
        Self {
            id: Id::slug(origin),
            title: None,
            place,
            origin: origin.to_owned(),
            tags: Vec::new(),
            checks: Vec::new(),
            notes: Vec::new(),
            steps: Vec::new(),
            timeout: None,
        }
    }

    /// Name it otherwise than after what it is in the file.
    pub(super) fn named(mut self, name: &str) -> Self {
        let slug = Id::slug(name);
        if !slug.is_empty() {
            self.id = slug;
        }
        self
    }

    pub(super) fn title(&mut self, title: &str) {
        self.title = Some(title.to_owned());
    }

    pub(super) fn tag(&mut self, tag: &str) {
        let tag = Id::slug(tag);
        if !tag.is_empty() {
            self.tags.push(tag);
        }
    }

    /// The longest a try may take, such as `500ms`.
    pub(super) fn timeout(&mut self, timeout: String) {
        self.timeout = Some(timeout);
    }

    /// A check of its own; several of one item differ by their suffix.
    pub(super) fn check(&mut self, suffix: &'static str, kind: &'static str, probe: Value) {
        self.checks.push(Check { suffix, kind, probe, expect_break: None });
    }

    /// The name server that a `dns` probe asks; plans name it by its address.
    pub(super) fn ask_server(&mut self, probe: &mut Map<String, Value>, key: &str, server: &str) {
        if server.parse::<IpAddr>().is_ok() || server.parse::<SocketAddr>().is_ok() {
            probe.insert("server".to_owned(), server.into());
        } else {
            let why = "a name server is named by its address here, so that the system's is asked";
            self.lose_here(key, why, true);
        }
    }

    /// A check that has to be stopped at a layer.
    pub(super) fn broken_check(&mut self, kind: &'static str, probe: Value, layer: &'static str) {
        self.checks.push(Check { suffix: "", kind, probe, expect_break: Some(layer) });
    }

    /// A key that is not carried over. What asserts something is left to a person.
    pub(super) fn lose(&mut self, place: &str, key: &str, why: &str, asserts: bool) {
        if asserts {
            self.steps.push(format!("look at what {key} ({place}) asserts: {why}"));
        }
        self.notes.push(Note { place: tame(place), key: tame(key), why: tame(why), asserts });
    }

    /// The same, of a key of the item itself, where the item is written.
    pub(super) fn lose_here(&mut self, key: &str, why: &str, asserts: bool) {
        let (place, key) = (self.place.clone(), format!("{}: {key}", self.origin));
        self.lose(&place, &key, why, asserts);
    }
}

/// The plan so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    items: Vec<Item>,
    /// Keys of the whole file.
    notes: Vec<Note>,
    /// Why there can be no plan.
    failure: Option<ImportError>,
}

impl Draft {
    pub(super) fn is_empty(&self) -> bool {
        self.items.iter().all(|item| item.checks.is_empty() && item.steps.is_empty())
    }

    /// There can be no plan.
    pub(super) fn fail(&mut self, error: ImportError) {
        self.failure = Some(error);
    }

    pub(super) fn failure(&mut self) -> Option<ImportError> {
        self.failure.take()
    }

    pub(super) fn add(&mut self, item: Item) {
        self.items.push(item);
    }

    /// A key that belongs to nothing that is checked.
    pub(super) fn lose(&mut self, place: &str, key: &str, why: &str) {
        self.notes.push(Note { place: tame(place), key: tame(key), why: tame(why), asserts: false });
    }

    pub(super) fn finish(self, format: Format, files: &[String]) -> Imported {
        let mut ids = HashSet::new();
        let (mut checks, mut by_hand) = (0, 0);
        let mut body = String::new();
        let mut notes = Vec::new();
        for item in &self.items {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(body, "  # {}: {}", tame(&item.place), tame(&item.origin));
            for note in &item.notes {
                let _ = writeln!(body, "  # not carried over: {note}");
            }
            for check in &item.checks {
                checks += 1;
                write_check(&mut body, &mut ids, item, check);
            }
            if !item.steps.is_empty() {
                by_hand += 1;
                let steps: Vec<Value> = item.steps.iter().map(|step| tame(step).into()).collect();
                let check = Check {
                    suffix: "by-hand",
                    kind: "manual",
                    probe: json!({ "steps": steps }),
                    expect_break: None,
                };
                write_check(&mut body, &mut ids, item, &check);
            }
            body.push('\n');
            notes.extend(item.notes.iter().cloned());
        }
        for note in &self.notes {
            let _ = writeln!(body, "# not carried over: {note}");
        }
        notes.extend(self.notes);
        let shown = tame(&files.join(", "));
        let name = files.first().map_or("imported", |file| file.rsplit('/').next().unwrap_or(file));
        let head = format!(
            "# Made of {shown} ({format}) by `gonogo init --from`. What could not be carried over is told where it belongs\n\
             # ({}); what asserts something is asked of a person (`manual`) until it is replaced or removed.\n\
             gonogo: 1\nname: {}\n\nchecks:\n",
            notes.len(),
            written(&Value::from(tame(name))),
        );
        let plan = format!("{}{}", head, body.trim_end()) + "\n";
        Imported { format, plan, checks, by_hand, notes }
    }
}

fn write_check(body: &mut String, ids: &mut HashSet<String>, item: &Item, check: &Check) {
    let id = unique(ids, &item.id, check.suffix);
    let _ = writeln!(body, "  - id: {id}");
    if let Some(title) = &item.title {
        let _ = writeln!(body, "    title: {}", written(&Value::from(tame(title))));
    }
    if !item.tags.is_empty() {
        let _ = writeln!(body, "    tags: [{}]", item.tags.join(", "));
    }
    if let Some(timeout) = item.timeout.as_ref().filter(|_| check.kind != "manual") {
        let _ = writeln!(body, "    timeout: {timeout}");
    }
    if let Some(layer) = check.expect_break {
        let _ = writeln!(body, "    expect_break: {layer}");
    }
    let _ = writeln!(body, "    {}: {}", check.kind, written(&check.probe));
}

/// An id that no other check has.
fn unique(ids: &mut HashSet<String>, base: &str, suffix: &str) -> String {
    /// Characters of an id less those of a suffix and a number.
    const ROOM: usize = 70;
    let base: String = base.chars().take(ROOM).collect();
    let base = base.trim_end_matches('-');
    let base = if base.is_empty() { "check" } else { base };
    let wanted = if suffix.is_empty() { base.to_owned() } else { format!("{base}-{suffix}") };
    let mut id = wanted.clone();
    let mut number = 2;
    while !ids.insert(id.clone()) {
        id = format!("{wanted}-{number}");
        number += 1;
    }
    id
}

/// The same, with the password and the secrets of a URL starred.
fn without_password(text: &str) -> String {
    let mut text = text.to_owned();
    for range in url_secrets(&text).into_iter().rev() {
        text.replace_range(range, "***");
    }
    text
}

/// One line that fits into a comment.
fn tame(text: &str) -> String {
    let text = visible(&without_password(text));
    if text.chars().count() <= LONGEST {
        return text;
    }
    format!("{} ...", text.chars().take(LONGEST).collect::<String>())
}

/// A value as JSON, which is YAML; a `${` of the file stays what it is.
fn written(value: &Value) -> String {
    let json = serde_json::to_string(&literal(value)).unwrap_or_else(|_| "null".to_owned());
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            VARIABLE => safe.push_str("${"),
            ' '..='~' => safe.push(letter),
            letter if letter.is_alphanumeric() => safe.push(letter),
            letter => {
                let _ = write!(safe, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    safe
}

fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), literal(value))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The beginning of an `http` probe. A password in the URL is not copied: it becomes a variable of the environment.
pub(super) fn http(url: &str, item: &mut Item) -> Map<String, Value> {
    let mut probe = Map::new();
    let mut clean = url.to_owned();
    if let Some(scheme) = url.find("://") {
        let rest = &url[scheme + 3..];
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            let user = rest[..at].split(':').next().unwrap_or_default();
            clean = format!("{}{}", &url[..scheme + 3], &rest[at + 1..]);
            let auth = basic(user, item);
            probe.insert("auth".to_owned(), auth);
        }
    }
    probe.insert("url".to_owned(), clean.into());
    probe
}

/// By which proxy; a password in its URL is not copied.
pub(super) fn proxy(probe: &mut Map<String, Value>, url: &str, item: &mut Item) {
    if url_password(url).is_some() || url.split_once("://").is_some_and(|(_, rest)| rest.contains('@')) {
        let why = "its URL holds who we are, which is not copied: `proxy: environment` takes it from there";
        item.lose_here("proxy", why, true);
    } else {
        probe.insert("proxy".to_owned(), url.into());
    }
}

/// A user, with the password in a variable of the environment.
pub(super) fn basic(user: &str, item: &mut Item) -> Value {
    let name = item.secret("PASSWORD");
    json!({ "basic": { "user": user, "password": { "env": name } } })
}

/// A header; what may be a secret becomes a variable of the environment.
pub(super) fn header(headers: &mut Map<String, Value>, name: &str, value: &str, item: &mut Item) {
    let lower = name.to_ascii_lowercase();
    let secret = ["auth", "cookie", "token", "key", "secret", "password", "credential", "session"];
    let value = if secret.iter().any(|word| lower.contains(word)) {
        json!({ "env": item.secret(&name.to_ascii_uppercase()) })
    } else {
        value.into()
    };
    headers.insert(name.to_owned(), value);
}

impl Item {
    /// The variable of the environment that a secret is to be put into; said to whoever reads.
    pub(super) fn secret(&mut self, what: &str) -> String {
        let name: String = format!("{}_{what}", self.id)
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
            .collect();
        let name = if name.starts_with(|letter: char| letter.is_ascii_digit()) {
            format!("GONOGO_{name}")
        } else {
            name
        };
        let why =
            format!("a secret is not copied: put it into the environment as {name}, or name another place");
        self.lose_here(&what.to_lowercase(), &why, false);
        name
    }
}
