//! Keys, out of the bytes a terminal sends for them (ECMA-48, section 8; the names are those of terminfo(5)).

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// An end.
    Quit,
    /// A line towards the beginning.
    Up,
    /// A line towards the end.
    Down,
    /// A page towards the beginning.
    PageUp,
    /// A page towards the end.
    PageDown,
    /// The beginning.
    Home,
    /// The end.
    End,
    /// A screen that something else has written on, painted anew.
    Redraw,
    /// Nothing.
    Other,
}

/// What follows ESC, of each key that has more than one byte.
const SEQUENCES: [(&[u8], Key); 13] = [
    (b"[A", Key::Up),
    (b"OA", Key::Up),
    (b"[B", Key::Down),
    (b"OB", Key::Down),
    (b"[5~", Key::PageUp),
    (b"[6~", Key::PageDown),
    (b"[H", Key::Home),
    (b"OH", Key::Home),
    (b"[1~", Key::Home),
    (b"[F", Key::End),
    (b"OF", Key::End),
    (b"[4~", Key::End),
    (b"[8~", Key::End),
];

/// Take the first key out of `bytes`; none when what is there may be the beginning of one.
pub(super) fn take(bytes: &mut Vec<u8>) -> Option<Key> {
    let first = *bytes.first()?;
    let (length, key) = if first == 0x1b { sequence(bytes)? } else { (1, single(first)) };
    bytes.drain(..length);
    Some(key)
}

fn single(byte: u8) -> Key {
    match byte {
        b'q' | b'Q' | 0x03 => Key::Quit,
        b'k' => Key::Up,
        b'j' => Key::Down,
        b'b' => Key::PageUp,
        b' ' | b'f' => Key::PageDown,
        b'g' => Key::Home,
        b'G' => Key::End,
        // Ctrl-L
        0x0c => Key::Redraw,
        _ => Key::Other,
    }
}

/// What begins with ESC, and how long it is. A sequence ends with its final byte (ECMA-48, section 5.4).
fn sequence(bytes: &[u8]) -> Option<(usize, Key)> {
    let length = match bytes.get(1)? {
        b'[' => bytes.iter().skip(2).position(|byte| (0x40..0x7f).contains(byte))? + 3,
        b'O' => bytes.get(2).map(|_| 3)?,
        _ => 2,
    };
    let known = SEQUENCES.iter().find(|(known, _)| bytes.get(1..length) == Some(known));
    Some((length, known.map_or(Key::Other, |(_, key)| *key)))
}

#[cfg(test)]
mod tests {
    use super::{Key, take};

    fn all(bytes: &[u8]) -> (Vec<Key>, Vec<u8>) {
        let mut bytes = bytes.to_vec();
        let keys = std::iter::from_fn(|| take(&mut bytes)).collect();
        (keys, bytes)
    }

    #[test]
    fn keys_are_told_apart_and_halves_wait_for_the_rest() {
        assert_eq!(all(b"jkq"), (vec![Key::Down, Key::Up, Key::Quit], Vec::new()));
        assert_eq!(all(b"\x1b[A\x1bOB\x1b[6~"), (vec![Key::Up, Key::Down, Key::PageDown], Vec::new()));
        assert_eq!(all(b"\x1b[1;5Cq"), (vec![Key::Other, Key::Quit], Vec::new()));
        assert_eq!(all(b"\x1b"), (Vec::new(), b"\x1b".to_vec()));
        assert_eq!(all(b"G\x1b[5"), (vec![Key::End], b"\x1b[5".to_vec()));
        assert_eq!(all("\u{e9}".as_bytes()), (vec![Key::Other, Key::Other], Vec::new()));
    }
}
