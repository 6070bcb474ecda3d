//! A first map, from the schemas of a database and what refers to what: something to begin with, not a decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use super::MOST_TARGETS;
use super::places::{is_everywhere, owners};
use crate::grants::snapshot::{Confidence, Facts, Key, Kind, Means, Reference};

/// References listed as comments.
const LISTED: usize = 100;

/// The text of a first map: schemas that are tied by foreign keys and the like stay together, other references between
/// the targets are listed as comments, and what is in no schema goes with the largest part.
#[must_use]
pub fn propose(before: &Facts) -> String {
    let sizes = sizes(before);
    let parts = parts(before, &sizes);
    let weight = |part: &BTreeSet<&str>| part.iter().map(|schema| sizes[schema]).sum::<usize>();
    let largest =
        parts.iter().enumerate().max_by_key(|(at, part)| (weight(part), usize::MAX - at)).map(|(at, _)| at);
    let names: Vec<&str> = parts.iter().map(|part| name(part, &sizes)).collect();
    let mut out = String::from(
        "# A first map, from schemas and what refers to what. Edit it, and see what is open with\n",
    );
    out.push_str("# gonogo grants map MAP SNAPSHOT\nsplit:\n  format: gonogo.splitmap/1\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  source: {}\n  targets:", scalar(&before.server.database));
    let extensions = before.objects.keys().filter(|key| key.kind == Kind::Extension && !is_everywhere(key));
    let extensions: Vec<String> = extensions.map(entry).collect();
    for (at, (part, name)) in parts.iter().zip(&names).enumerate() {
        let _ = writeln!(out, "    {}:\n      database: {}\n      objects:", scalar(name), scalar(name));
        for schema in part {
            let _ = writeln!(out, "        - {}", entry(&Key::plain(Kind::Schema, schema)));
        }
        if largest == Some(at) {
            out.push_str(
                "        # What nothing else names: things in no schema, among others.\n        - rest\n",
            );
        }
        if !extensions.is_empty() && parts.len() > 1 {
            out.push_str("      copy:\n");
            for extension in &extensions {
                let _ = writeln!(out, "        - {extension}");
            }
        }
    }
    if parts.is_empty() {
        let name = scalar(&before.server.database);
        let _ = writeln!(out, "    {name}:\n      database: {name}\n      objects: [rest]");
    }
    out.push_str("  sequences: { at_least: source }\n");
    tell_crossing(&mut out, before, &parts, &names);
    out
}

/// Schemas with what is of their own in them.
fn sizes(before: &Facts) -> BTreeMap<&str, usize> {
    let objects: Vec<_> = before.objects.iter().collect();
    let index: HashMap<&Key, usize> = objects.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    let owners = owners(&objects, &index);
    let mut sizes = BTreeMap::new();
    for ((key, _), _) in
        objects.iter().zip(owners).filter(|((key, _), owner)| owner.is_none() && !is_everywhere(key))
    {
        if let Some(schema) = key.schema.as_deref() {
            *sizes.entry(schema).or_default() += 1;
        }
    }
    sizes
}

/// Whether splitting what is tied like this takes more than another way of asking.
fn ties(reference: &Reference) -> bool {
    let data = match reference.by {
        Means::ForeignKey | Means::Inheritance | Means::Sequence | Means::Default => true,
        Means::Query
        | Means::Trigger
        | Means::Policy
        | Means::Constraint
        | Means::Body
        | Means::Type
        | Means::Publication => false,
    };
    data && reference.confidence == Confidence::Catalog
}

/// Schemas that stay together, those with the least name first. When that is all of them, each is a part.
fn parts<'f>(before: &'f Facts, sizes: &BTreeMap<&'f str, usize>) -> Vec<BTreeSet<&'f str>> {
    let mut parts: Vec<BTreeSet<&str>> = sizes.keys().map(|schema| BTreeSet::from([*schema])).collect();
    let apart = parts.clone();
    for reference in before.references.iter().flatten().filter(|reference| ties(reference)) {
        let find = |key: &Key| {
            parts.iter().position(|part| key.schema.as_deref().is_some_and(|schema| part.contains(schema)))
        };
        if let (Some(one), Some(other)) = (find(&reference.from), find(&reference.to))
            && one != other
        {
            let moved = parts.remove(one.max(other));
            parts[one.min(other)].extend(moved);
        }
    }
    if parts.len() == 1 {
        parts = apart;
    }
    // What is too many is left to `rest`.
    if parts.len() > MOST_TARGETS {
        parts.sort_by_key(|part| std::cmp::Reverse(part.iter().map(|schema| sizes[schema]).sum::<usize>()));
        parts.truncate(MOST_TARGETS);
        parts.sort();
    }
    parts
}

/// A part is called like its largest schema.
fn name<'f>(part: &BTreeSet<&'f str>, sizes: &BTreeMap<&str, usize>) -> &'f str {
    part.iter().rev().max_by_key(|schema| sizes[**schema]).copied().unwrap_or_default()
}

fn tell_crossing(out: &mut String, before: &Facts, parts: &[BTreeSet<&str>], names: &[&str]) {
    let Some(references) = &before.references else {
        out.push_str("  # The snapshot was taken without references: what crosses the cut is not known.\n");
        return;
    };
    let part = |key: &Key| {
        let schema = key.schema.as_deref()?;
        parts.iter().position(|part| part.contains(schema))
    };
    let crossing: Vec<(&Reference, usize, usize)> = references
        .iter()
        .filter_map(|reference| Some((reference, part(&reference.from)?, part(&reference.to)?)))
        .filter(|(_, from, to)| from != to)
        .collect();
    if crossing.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "  # {} cross the cut. Move one end of each, copy what it needs, or say what replaces it:",
        crossing.len()
    );
    out.push_str("  # crossing:\n");
    for (reference, from, to) in crossing.iter().take(LISTED) {
        let text = |key: &Key| quoted(&key.to_string());
        let sure = match reference.confidence {
            Confidence::Catalog => "",
            Confidence::Text => ", by its text",
        };
        let _ = writeln!(
            out,
            "  #   - {{ from: {}, to: {}, replaced_by: \"\" }} # {} to {}{sure}",
            text(&reference.from),
            text(&reference.to),
            scalar(names[*from]),
            scalar(names[*to])
        );
    }
    if crossing.len() > LISTED {
        let _ = writeln!(out, "  #   and {} more: gonogo grants map MAP SNAPSHOT", crossing.len() - LISTED);
    }
}

/// How a map names one object.
fn entry(key: &Key) -> String {
    format!("{{ {}: {} }}", key.kind, scalar(&key.qualified()))
}

/// A text as YAML: plain where it can be nothing else.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let means_more = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if is_word && !means_more { text.to_owned() } else { quoted(text) }
}

/// A double-quoted scalar on one line (YAML 1.2, section 7.3.1).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' ' | '!'..='~' => quoted.push(letter),
            letter if letter.is_alphanumeric() => quoted.push(letter),
            letter => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}
