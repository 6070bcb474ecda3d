//! Content codings: unpacks what a server packed, without trusting how much will come out.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::LARGEST_BODY;
use crate::model::fault::Fault;

/// Codings taken off one body: nobody packs a body more often, and each may cost a second of processor time.
const MOST_CODINGS: usize = 3;

/// The body without its content codings (RFC 9110 section 8.4). We ask for none, but some servers pack all the same.
///
/// # Errors
/// `BadCompression` for a broken or unknown coding, or too many; `TooLarge` when it unpacks to more than we read.
pub(super) async fn decode(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Fault> {
    let codings = codings(headers);
    if body.is_empty() || codings.is_empty() {
        return Ok(body);
    }
    let bad = |reason: String| Fault::BadCompression { encoding: codings.join(", "), reason };
    if codings.len() > MOST_CODINGS {
        return Err(bad(format!("{} codings, one over the other", codings.len())));
    }
    let packed = codings.clone();
    // They are listed in the order they were applied.
    let unpacked = tokio::task::spawn_blocking(move || {
        packed.iter().rev().try_fold(body, |body, coding| unpack(coding, &body))
    });
    unpacked.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(stopped) => Err(bad(stopped.to_string())),
    })
}

fn codings(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect()
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

    async fn packed(coding: &str, body: Vec<u8>) -> Result<Bytes, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
        decode(&headers, body.into()).await
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn codings_are_unpacked() {
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
            assert_eq!(packed(coding, body).await.unwrap(), "hello", "{coding}");
        }
    }

    #[tokio::test]
    async fn broken_and_unknown_codings_are_faults() {
        let many = "gzip, gzip, gzip, gzip";
        for (coding, body) in
            [("gzip", &b"hello"[..]), ("deflate", b"\xff\xff\xff"), ("br", b"hello"), (many, b"hello")]
        {
            assert_eq!(packed(coding, body.to_vec()).await.unwrap_err().id(), "bad_compression", "{coding}");
        }
    }

    #[tokio::test]
    async fn a_bomb_is_too_large() {
        let bomb = gzip(&vec![0; 20 * 1024 * 1024]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(packed("gzip", bomb).await.unwrap_err().id(), "too_large");
    }
}
