//! What a stapled OCSP answer says (RFC 6960 section 4.2.1): the status of its first certificate, and no more.

use crate::model::fact::Stapled;

/// Read an answer as it came.
#[must_use]
pub(super) fn read(answer: &[u8]) -> Stapled {
    status(answer).unwrap_or(Stapled::Unreadable)
}

/// `OCSPResponse`, `ResponseBytes`, `BasicOCSPResponse`, `ResponseData`, `SingleResponse`: down to `CertStatus`.
fn status(answer: &[u8]) -> Option<Stapled> {
    const SEQUENCE: u8 = 0x30;
    const OCTETS: u8 = 0x04;
    const EXPLICIT_0: u8 = 0xa0;
    let response = Element::of(answer, SEQUENCE)?;
    let bytes = response.children().find(|one| one.tag == EXPLICIT_0)?;
    let bytes = Element::of(bytes.content, SEQUENCE)?.children().find(|one| one.tag == OCTETS)?;
    let data = Element::of(bytes.content, SEQUENCE)?.children().next()?;
    // The version, the responder and the time have other tags.
    let responses = data.children().find(|one| one.tag == SEQUENCE)?;
    let first = responses.children().next()?;
    match first.children().nth(1)?.tag {
        0x80 => Some(Stapled::Good),
        0xa1 => Some(Stapled::Revoked),
        0x82 => Some(Stapled::Unknown),
        _ => None,
    }
}

/// An element of DER (X.690 section 8.1): tag, content, and what follows it.
#[derive(Debug, Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        /// A length in this many bytes at most: 16 MiB, more than a handshake has room for.
        const LONGEST: usize = 3;
        let (&[tag, first], mut after) = bytes.split_first_chunk::<2>()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            let digits = after.get(..count).filter(|_| (1..=LONGEST).contains(&count))?;
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            after = after.get(count..)?;
        }
        let (content, rest) = after.split_at_checked(length)?;
        Some(Self { tag, content, rest })
    }

    fn of(bytes: &'a [u8], tag: u8) -> Option<Self> {
        Self::read(bytes).filter(|one| one.tag == tag)
    }

    fn children(self) -> impl Iterator<Item = Element<'a>> {
        let mut rest = self.content;
        std::iter::from_fn(move || {
            let one = Element::read(rest)?;
            rest = one.rest;
            Some(one)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element of these, one after the other.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        [&[tag, 0x81, length][..], &content].concat()
    }

    fn answer(status: &[u8]) -> Vec<u8> {
        let single = der(0x30, &[&der(0x30, &[]), status, &der(0x18, &[b"20260101000000Z"])]);
        let data = der(0x30, &[&der(0xa2, &[]), &der(0x18, &[b"20260101000000Z"]), &der(0x30, &[&single])]);
        let basic = der(0x30, &[&data, &der(0x30, &[]), &der(0x03, &[&[0]])]);
        let bytes = der(0x30, &[&[0x06, 1, 0], &der(0x04, &[&basic])]);
        der(0x30, &[&[0x0a, 1, 0], &der(0xa0, &[&bytes])])
    }

    #[test]
    fn the_status_of_the_first_certificate_is_read() {
        assert_eq!(read(&answer(&[0x80, 0])), Stapled::Good);
        assert_eq!(read(&answer(&der(0xa1, &[&der(0x18, &[b"20260101000000Z"])]))), Stapled::Revoked);
        assert_eq!(read(&answer(&[0x82, 0])), Stapled::Unknown);
        // tryLater: an answer without bytes.
        assert_eq!(read(&[0x30, 3, 0x0a, 1, 3]), Stapled::Unreadable);
    }

    #[test]
    fn whatever_is_cut_off_is_no_answer() {
        let whole = answer(&[0x80, 0]);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Stapled::Unreadable, "{end}");
        }
        assert_eq!(read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Stapled::Unreadable);
    }
}
