//! JSON as we write it. Everything goes through one serializer: it is compiled once, and a journal is mostly made of the
//! single bytes between its texts, which are pushed here and not copied one by one.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::Error as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Error, Result};

/// Levels, from the outermost, of which each entry has a line of its own.
const BROKEN: usize = 2;

/// Bytes of a usual line: growing to them takes longer than writing them.
const USUAL: usize = 1024;

/// In one line.
///
/// # Errors
/// When the value cannot be told as JSON: a key that is no text, or a serializer of its own that fails.
pub fn line(value: &impl Serialize) -> Result<String> {
    text(value, BROKEN)
}

/// In one line, behind what is there.
///
/// # Errors
/// Like [`line()`]; half of it may have been appended then.
pub fn append_line(text: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    append(text, value, BROKEN)
}

/// With one line for each entry of the two outermost levels: small, and fit for `diff` and `grep`.
///
/// # Errors
/// Like [`line()`].
pub fn lines(value: &impl Serialize) -> Result<String> {
    text(value, 0)
}

fn text(value: &impl Serialize, depth: usize) -> Result<String> {
    let mut text = Vec::with_capacity(USUAL);
    append(&mut text, value, depth)?;
    String::from_utf8(text).map_err(Error::custom)
}

fn append(text: &mut Vec<u8>, value: &impl Serialize, depth: usize) -> Result<()> {
    value.serialize(&mut Serializer::with_formatter(Text(text), Lines { depth }))
}

struct Text<'t>(&'t mut Vec<u8>);

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Lines {
    depth: usize,
}

impl Lines {
    fn entry<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= BROKEN { writer.write_all(b"\n") } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{line, lines};

    #[test]
    fn the_two_outermost_levels_are_broken_into_lines() {
        let value =
            json!({ "go": true, "checks": [{ "id": "a\n", "layers": [1, 2] }, { "id": "b" }], "none": [] });
        let broken = lines(&value).unwrap();
        let wanted = "{\n\"go\":true,\n\"checks\":[\n{\"id\":\"a\\n\",\"layers\":[1,2]},\n{\"id\":\"b\"}],\n\"none\":[]}";
        assert_eq!(broken, wanted);
        assert_eq!(serde_json::from_str::<Value>(&broken).unwrap(), value);
    }

    #[test]
    fn a_line_is_what_serde_json_writes() {
        let value = json!([{ "a": 1.5, "b": null, "c": "\u{1}é\"", "d": { "e": [[], {}] } }, -7]);
        assert_eq!(line(&value).unwrap(), serde_json::to_string(&value).unwrap());
    }
}
