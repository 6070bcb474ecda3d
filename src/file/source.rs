//! One plan file: opened with care, read within limits, its lines found again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of one file.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the user named it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its text, without a byte order mark.
    pub text: String,
    /// Byte at which each line begins.
    lines: Vec<usize>,
}

/// Why a file could not be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Source {
    /// A text as if it were a file.
    #[must_use]
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>, text: String) -> Self {
        // A carriage return alone is a line break to YAML, and has the width of one.
        let mut text = text;
        if has_lone_return(&text) {
            text = text.replace("\r\n", "\u{0}\n").replace('\r', "\n").replace("\u{0}\n", "\r\n");
        }
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Self { name: name.into(), path: path.into(), text, lines }
    }

    /// Read a file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let name = path.display().to_string();
        let wrong = |message: String, help: &str| Unreadable { message, help: Some(help.to_owned()) };
        // Asked before opening: opening a FIFO that nobody writes to would never return.
        let metadata = std::fs::metadata(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let help = "name the plan with `-f FILE`, or write a starter plan with `gonogo init`";
                return wrong(format!("there is no file `{name}`"), help);
            }
            wrong(
                format!("cannot read `{name}`: {error}"),
                "make the file readable for the user running this",
            )
        })?;
        if metadata.is_dir() {
            return Err(wrong(format!("`{name}` is a folder"), "name a plan file inside it"));
        }
        if !metadata.is_file() {
            return Err(wrong(
                format!("`{name}` is not a regular file"),
                "plans are read from regular files only",
            ));
        }
        let too_large = |size: u64| {
            let megabytes = size.div_ceil(1024 * 1024);
            wrong(
                format!("`{name}` has {megabytes} MB; a plan file may have {} MB", LARGEST / 1024 / 1024),
                "is this a plan? a large one can be split with `include`",
            )
        };
        if metadata.len() > LARGEST {
            return Err(too_large(metadata.len()));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(
            |error| {
                wrong(
                    format!("cannot read `{name}`: {error}"),
                    "make the file readable for the user running this",
                )
            },
        )?;
        if bytes.len() as u64 > LARGEST {
            return Err(too_large(bytes.len() as u64));
        }
        let text =
            decode(bytes).map_err(|reason| wrong(format!("`{name}` {reason}"), "save it as UTF-8 text"))?;
        if text.trim().is_empty() {
            return Err(wrong(format!("`{name}` is empty"), "write a starter plan with `gonogo init`"));
        }
        Ok(Self::new(name, path, text))
    }

    /// The line a byte is in: its number from 1, where it begins, its text without the line break.
    #[must_use]
    pub fn line_of(&self, byte: usize) -> (usize, usize, &str) {
        let index = self.lines.partition_point(|&start| start <= byte).saturating_sub(1);
        let start = self.lines.get(index).copied().unwrap_or(0);
        let end = self.lines.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(start..end).unwrap_or_default();
        (index + 1, start, text.strip_suffix('\r').unwrap_or(text))
    }

    /// The folder relative paths in it are relative to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

fn has_lone_return(text: &str) -> bool {
    text.match_indices('\r').any(|(index, _)| text.as_bytes().get(index + 1) != Some(&b'\n'))
}

fn decode(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16 text".to_owned());
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    if bytes.iter().take(8192).any(|&byte| byte == 0) {
        return Err("is not a text file: it holds NUL bytes".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = 1 + before.split(|&byte| byte == b'\n').count().saturating_sub(1);
        format!("is not UTF-8 text: line {line} holds the byte 0x{:02x}", error.as_bytes()[at])
    })
}
