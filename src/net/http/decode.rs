//! Content codings: unpacks what a server packed, without trusting how much will come out.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::LARGEST_BODY;
use crate::model::fault::Fault;

/// The body without its content codings (RFC 9110 section 8.4). We ask for none, but some servers pack all the same.
///
/// # Errors
/// `BadCompression` for a broken or unknown coding, `TooLarge` when it unpacks to more than we read.
pub(super) fn decode(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Fault> {
    if body.is_empty() {
        return Ok(body);
    }
    let codings: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    // They are listed in the order they were applied.
    codings.iter().rev().try_fold(body, |body, coding| unpack(coding, &body))
}

fn unpack(coding: &str, body: &Bytes) -> Result<Bytes, Fault> {
    match coding {
        "gzip" | "x-gzip" => read(coding, MultiGzDecoder::new(body.as_ref())),
        // RFC 9110 section 8.4.1.2 means zlib by "deflate"; some servers send it bare.
        "deflate" => match read(coding, ZlibDecoder::new(body.as_ref())) {
            Err(Fault::BadCompression { .. }) => read(coding, DeflateDecoder::new(body.as_ref())),
            unpacked => unpacked,
        },
        _ => Err(Fault::BadCompression {
            encoding: coding.to_owned(),
            reason: "we did not ask for it and cannot unpack it".to_owned(),
        }),
    }
}

fn read(coding: &str, decoder: impl Read) -> Result<Bytes, Fault> {
    let mut unpacked = Vec::new();
    decoder
        .take(LARGEST_BODY + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| Fault::BadCompression { encoding: coding.to_owned(), reason: error.to_string() })?;
    if unpacked.len() as u64 > LARGEST_BODY {
        return Err(Fault::TooLarge { what: format!("the unpacked {coding} body"), limit: LARGEST_BODY });
    }
    Ok(unpacked.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(coding: &str, body: Vec<u8>) -> Result<Bytes, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
        decode(&headers, body.into())
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_are_unpacked() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        bare.write_all(b"hello").unwrap();
        for (coding, body) in [
            ("gzip", gzip(b"hello")),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("identity", b"hello".to_vec()),
            ("gzip, gzip", gzip(&gzip(b"hello"))),
        ] {
            assert_eq!(packed(coding, body).unwrap(), "hello", "{coding}");
        }
    }

    #[test]
    fn broken_and_unknown_codings_are_faults() {
        for (coding, body) in [("gzip", &b"hello"[..]), ("deflate", b"\xff\xff\xff"), ("br", b"hello")] {
            assert_eq!(packed(coding, body.to_vec()).unwrap_err().id(), "bad_compression", "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_too_large() {
        let bomb = gzip(&vec![0; 20 * 1024 * 1024]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(packed("gzip", bomb).unwrap_err().id(), "too_large");
    }
}
