//! A snapshot as a file: the same facts give the same bytes, one object a line.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};

use super::{FORMAT, Facts, Snapshot};

/// The file's text.
#[must_use]
pub fn write(snapshot: &Snapshot) -> Vec<u8> {
    let facts = lines(&snapshot.facts.to_wire());
    let parts = Parts {
        taken_at: lines(&snapshot.taken_at),
        facts: sum(&[&facts]),
        sequences: lines(&snapshot.values.sequences),
        populated: lines(&snapshot.values.populated),
        workload: lines(&snapshot.workload),
    };
    let seal = parts.seal();
    let mut text = Vec::with_capacity(facts.len() + parts.workload.len() + 1024);
    let mut line = |before: &str, name: &str, value: &[u8]| {
        text.extend_from_slice(format!("{before}\"{name}\":").as_bytes());
        text.extend_from_slice(value);
    };
    line("{", "format", &lines(&FORMAT));
    line(",\n", "taken_at", &parts.taken_at);
    line(",\n", "digest", &lines(&parts.facts));
    line(",\n", "seal", &lines(&seal));
    line(",\n", "facts", &facts);
    line(",\n", "sequences", &parts.sequences);
    line(",\n", "populated", &parts.populated);
    line(",\n", "workload", &parts.workload);
    text.extend_from_slice(b"}\n");
    text
}

/// What the file's digest would be: the same for two databases of the same facts.
#[must_use]
pub fn digest(facts: &Facts) -> String {
    sum(&[&lines(&facts.to_wire())])
}

/// What the seal of a file is made of: all that a hand could change.
pub(super) struct Parts {
    pub(super) taken_at: Vec<u8>,
    pub(super) facts: String,
    pub(super) sequences: Vec<u8>,
    pub(super) populated: Vec<u8>,
    pub(super) workload: Vec<u8>,
}

impl Parts {
    pub(super) fn seal(&self) -> String {
        let parts = [&self.taken_at, self.facts.as_bytes(), &self.sequences, &self.populated, &self.workload];
        sum(&parts.map(|part: &[u8]| part))
    }
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
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Lines::default());
    value.serialize(&mut serializer).expect("plain structs, written to memory");
    text
}

/// JSON with one line for each entry of the two outermost levels: small, and fit for `diff`.
#[derive(Default)]
struct Lines {
    depth: usize,
}

impl Lines {
    fn entry<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= 2 { writer.write_all(b"\n") } else { Ok(()) }
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.entry(writer, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.entry(writer, first)
    }
}
