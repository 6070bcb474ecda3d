//! Lines of a peer that may send anything: each has a limit, and what is too long is not kept.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Bytes kept of a line that is noise.
const NOISE: usize = 4096;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// A line that begins with the mark; the buffer holds what follows it.
    Marked,
    /// Another line; the buffer holds its first 4 KiB.
    Noise,
    /// A marked line of more than the limit.
    TooLong,
    /// A marked line that was cut: the stream ended in its middle.
    Cut,
    /// The end.
    End,
}

/// Read the next line into the buffer, without its line break.
///
/// # Errors
/// Those of the reader.
pub async fn next<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    mark: &str,
    limit: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<Came> {
    buffer.clear();
    let mut length = 0_usize;
    let ended = loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            break false;
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        length += part.len();
        let known = buffer.len().min(mark.len());
        let may_be_marked = buffer.get(..known) == mark.as_bytes().get(..known);
        let room = if may_be_marked { limit + mark.len() } else { NOISE }.saturating_sub(buffer.len());
        buffer.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            break true;
        }
    };
    if !ended && length == 0 {
        return Ok(Came::End);
    }
    if !buffer.starts_with(mark.as_bytes()) {
        buffer.truncate(NOISE);
        return Ok(Came::Noise);
    }
    buffer.drain(..mark.len());
    Ok(if length > buffer.len() + mark.len() {
        Came::TooLong
    } else if ended {
        Came::Marked
    } else {
        Came::Cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], limit: usize) -> Vec<(Came, String)> {
        let mut seen = Vec::new();
        // Small reads, so that marks and line breaks fall between them.
        let mut reader = tokio::io::BufReader::with_capacity(3, bytes);
        let mut buffer = Vec::new();
        loop {
            let came = next(&mut reader, "go ", limit, &mut buffer).await.unwrap();
            if came == Came::End {
                return seen;
            }
            seen.push((came, String::from_utf8_lossy(&buffer).into_owned()));
        }
    }

    #[tokio::test]
    async fn marked_lines_are_told_from_noise() {
        let seen = read(b"Welcome!\n\ngo {1}\r\ngo \ngoat\ngo {2}", 10).await;
        let wanted = [
            (Came::Noise, "Welcome!"),
            (Came::Noise, ""),
            (Came::Marked, "{1}\r"),
            (Came::Marked, ""),
            (Came::Noise, "goat"),
            (Came::Cut, "{2}"),
        ];
        assert_eq!(seen, wanted.map(|(came, text)| (came, text.to_owned())));
    }

    #[tokio::test]
    async fn long_lines_are_not_kept() {
        let mut bytes = vec![b'x'; 1_000_000];
        bytes.extend_from_slice(b"\ngo 0123456789\ngo 01234567890\ngo ok\n");
        let seen = read(&bytes, 10).await;
        assert_eq!(seen[0].1.len(), NOISE);
        assert_eq!(seen[1], (Came::Marked, "0123456789".to_owned()));
        assert_eq!(seen[2], (Came::TooLong, "0123456789".to_owned()));
        assert_eq!(seen[3], (Came::Marked, "ok".to_owned()));
    }
}
