//! What a configuration is read from: the bytes of a file, or the variables of a process.

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use tokio::io::AsyncReadExt;

use crate::model::trace::VantageError;

/// Files larger than this are no configuration.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What was read.
#[derive(Debug)]
pub(super) struct Source {
    /// The file or process, for people.
    pub(super) name: String,
    /// The bytes of the file, or the variables, each ended by a NUL byte.
    pub(super) content: Vec<u8>,
    /// When a file was last written to (`st_mtime`, stat(2)).
    pub(super) changed: Option<Timestamp>,
}

impl Source {
    pub(super) async fn of_file(path: &Path) -> Result<Self, VantageError> {
        let name = path.display().to_string();
        match read(path).await {
            Ok(content) => {
                let changed = tokio::fs::metadata(path).await.and_then(|about| about.modified());
                Ok(Self { name, content, changed: changed.ok().and_then(|at| Timestamp::try_from(at).ok()) })
            }
            Err(reason) => Err(VantageError::Unreadable { path: name, reason }),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.content.len() as u64
    }

    /// The text a pattern is looked for in.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }

    /// A variable of a process, as in `/proc/PID/environ` (proc(5)).
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.content.split(|&byte| byte == 0).find_map(|pair| {
            let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
    }
}

/// The bytes of a file, or why there are none.
pub(super) async fn read(path: &Path) -> Result<Vec<u8>, String> {
    // Asked before opening: opening a FIFO that nobody writes to would never return.
    let metadata = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut content).await.map_err(|error| error.to_string())?;
    if content.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    Ok(content)
}
