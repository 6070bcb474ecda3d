//! A snapshot as a file: the same facts give the same bytes, one object a line.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Snapshot;
use super::wire::{Str, WireFile};
use crate::json;

/// The file's text.
#[must_use]
pub fn write(snapshot: &Snapshot) -> Vec<u8> {
    let mut file = snapshot.to_wire();
    file.volatile.seal = Str(seal(&file).into());
    let unsigned = lines(&file);
    let digest = facts(&unsigned).map(|facts| sum(&[facts])).unwrap_or_default();
    // The digest stands before what it is the sum of.
    let place = br#""digest":""#;
    let at =
        unsigned.windows(place.len()).position(|window| window == place).map_or(0, |at| at + place.len());
    [&unsigned[..at], digest.as_bytes(), &unsigned[at..], b"\n"].concat()
}

/// The digest its file has: the same for two databases of the same facts.
#[must_use]
pub fn digest(snapshot: &Snapshot) -> String {
    facts(&lines(&snapshot.to_wire())).map(|facts| sum(&[facts])).unwrap_or_default()
}

/// The ends of the facts in a file's text.
#[derive(Deserialize)]
pub(super) struct Ends<'a> {
    #[serde(borrow)]
    pub(super) format: Option<Str<'a>>,
    pub(super) digest: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    server: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    hba: Option<&'a RawValue>,
}

/// `null` is a value like any other.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Ends<'a> {
    /// The text from the first fact to the last one.
    pub(super) fn facts(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let place = |part: &RawValue| (part.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize);
        let (first, last) = (self.server?, self.hba?);
        text.get(place(first)?..place(last)? + last.get().len())
    }
}

fn facts(text: &[u8]) -> Option<&[u8]> {
    serde_json::from_slice::<Ends<'_>>(text).ok()?.facts(text)
}

/// The sum of all that a hand could change and the digest does not hold.
pub(super) fn seal(file: &WireFile<'_>) -> String {
    let volatile = &file.volatile;
    let parts = [
        lines(&file.taken_at),
        lines(&volatile.sequences),
        lines(&volatile.populated),
        lines(&file.workload),
    ];
    sum(&parts.each_ref().map(Vec::as_slice))
}

/// `sha256:` and hexadecimal digits, of each part and its length.
pub(super) fn sum(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[expect(clippy::expect_used, reason = "plain structs whose maps have texts for keys, written to memory")]
fn lines(value: &impl Serialize) -> Vec<u8> {
    json::lines(value).expect("plain structs, written to memory").into_bytes()
}
