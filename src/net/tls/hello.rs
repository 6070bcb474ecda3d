//! A client hello of our own making, up to TLS 1.2 and with the old cipher suites too: it tells what a server chooses where
//! the TLS library, which knows only what is still safe, is refused. Nothing is agreed: the connection ends with the
//! server's answer.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CipherSuite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::alert;
use super::certificate::describe;
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::Fault;
use crate::net::os_error::broken;
use crate::net::stream::one_line;

/// Bytes read of a server's first messages.
const LARGEST: usize = 128 * 1024;
/// Bytes shown of an answer that is not TLS.
const SHOWN: usize = 120;
/// Certificates kept of a chain.
const MOST_CERTIFICATES: usize = 16;
const WAITING: &str = "server hello";

/// Record types (RFC 8446 section 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Handshake types (RFC 8446 section 4).
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// What a client hello offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// TLS 1.1 (RFC 4346) and TLS 1.0, with every suite.
    OldVersions,
    /// TLS 1.2 (RFC 5246) with every suite.
    AllSuites,
    /// TLS 1.2 with the suites of the TLS library only.
    SafeSuites,
}

impl Offer {
    const fn version(self) -> [u8; 2] {
        match self {
            Self::OldVersions => [3, 2],
            Self::AllSuites | Self::SafeSuites => [3, 3],
        }
    }

    fn suites(self) -> Vec<u16> {
        match self {
            Self::OldVersions | Self::AllSuites => [SAFE_SUITES, OLD_SUITES, &[RENEGOTIATION]].concat(),
            Self::SafeSuites => [SAFE_SUITES, &[RENEGOTIATION]].concat(),
        }
    }
}

/// Suites of TLS 1.2 that are still safe: ECDHE with AEAD, for EC and RSA keys.
const SAFE_SUITES: &[u16] = &[0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA9, 0xCCA8];
/// Those before them, best first: DHE with AEAD, ECDHE and DHE with CBC, RSA, 3DES and RC4.
const OLD_SUITES: &[u16] = &[
    0x009E, 0x009F, 0xCCAA, 0xC023, 0xC024, 0xC027, 0xC028, 0xC009, 0xC00A, 0xC013, 0xC014, 0x0067, 0x006B,
    0x0033, 0x0039, 0x009C, 0x009D, 0x003C, 0x003D, 0x002F, 0x0035, 0xC008, 0xC012, 0x0016, 0x000A, 0xC007,
    0xC011, 0x0005, 0x0004,
];
/// Not a suite but a mark (RFC 5746 section 3.3), without which some servers refuse.
const RENEGOTIATION: u16 = 0x00FF;

/// A client hello in its record; no name is sent when there is none (RFC 6066 section 3 has none for addresses).
///
/// # Errors
/// When the system gives no random bytes.
pub fn client_hello(offer: Offer, server_name: Option<&str>) -> Result<Vec<u8>, String> {
    let mut random = [0; 32];
    let secure = rustls::crypto::ring::default_provider().secure_random;
    secure.fill(&mut random).map_err(|_| "the system gives no random bytes".to_owned())?;
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let host = [&[0][..], &prefixed(name.as_bytes())].concat();
        extend(&mut extensions, 0, &prefixed(&host));
    }
    // Groups: X25519 and the three NIST curves; points: uncompressed; the signatures of TLS 1.2, SHA-1 last.
    extend(&mut extensions, 10, &prefixed(&[0, 29, 0, 23, 0, 24, 0, 25]));
    extend(&mut extensions, 11, &[1, 0]);
    let signatures = [4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 2, 3, 2, 1];
    extend(&mut extensions, 13, &prefixed(&signatures));
    extend(&mut extensions, 23, &[]);
    let suites: Vec<u8> = offer.suites().into_iter().flat_map(u16::to_be_bytes).collect();
    let body = [
        &offer.version()[..],
        &random,
        // No session, and no compression.
        &[0],
        &prefixed(&suites),
        &[1, 0],
        &prefixed(&extensions),
    ]
    .concat();
    let message = [&[1, 0][..], &prefixed(&body)].concat();
    Ok([&[HANDSHAKE, 3, 1][..], &prefixed(&message)].concat())
}

fn extend(extensions: &mut Vec<u8>, kind: u16, data: &[u8]) {
    extensions.extend(kind.to_be_bytes());
    extensions.extend(prefixed(data));
}

/// With its length before it, in two bytes; all that is written here is far shorter than they can say.
fn prefixed(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), data].concat()
}

/// Send a client hello and read what the server chooses; the caller limits the time.
///
/// # Errors
/// `AlertReceived`, `NotTls`, `ClosedEarly`, `Reset`, `ConnectionLost`, `BadProtocol`.
pub async fn choice<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: &mut S,
    hello: &[u8],
) -> Result<Fact, Fault> {
    let mut answer = Answer::default();
    stream.write_all(hello).await.map_err(|error| broken(&error, WAITING, 0))?;
    let mut chunk = [0; 4096];
    while answer.bytes.len() < LARGEST {
        let received = answer.bytes.len() as u64;
        let read = stream.read(&mut chunk).await.map_err(|error| broken(&error, WAITING, received))?;
        answer.bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        match answer.read()? {
            Some(fact) => return Ok(fact),
            None if read == 0 => return answer.ended(),
            None => {}
        }
    }
    Err(answer.bad("its first messages do not end"))
}

/// What came so far.
#[derive(Debug, Default)]
struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    /// What the server chose; none while more has to come.
    fn read(&self) -> Result<Option<Fact>, Fault> {
        if !matches!(self.bytes.as_slice(), [] | [20..=23] | [20..=23, 3, ..]) {
            return Err(Fault::NotTls { head: one_line(&self.bytes, SHOWN) });
        }
        let mut messages = Vec::new();
        let mut rest = self.bytes.as_slice();
        while let Some(([kind, _, _], after)) = rest.split_first_chunk::<3>() {
            let Some((body, after)) = short(after) else { break };
            match (*kind, body) {
                // A warning goes on, such as that of a name that is not known (RFC 6066 section 3).
                (ALERT, [1, number, ..]) if *number != 0 => {}
                (ALERT, [_, number, ..]) => {
                    return Err(Fault::AlertReceived { alert: alert::name(AlertDescription::from(*number)) });
                }
                (HANDSHAKE, _) => messages.extend_from_slice(body),
                (..) => return Err(self.bad("a record that does not belong here")),
            }
            rest = after;
        }
        self.chosen(&messages)
    }

    /// The server hello and the certificates after it; none while more has to come.
    fn chosen(&self, messages: &[u8]) -> Result<Option<Fact>, Fault> {
        let Some((SERVER_HELLO, hello, rest)) = message(messages) else {
            return match messages.first() {
                None | Some(&SERVER_HELLO) => Ok(None),
                Some(_) => Err(self.bad("it does not begin with a server hello")),
            };
        };
        let Some((version, cipher)) = version_and_cipher(hello) else {
            return Err(self.bad("its server hello is cut"));
        };
        let chain = match message(rest) {
            Some((CERTIFICATE, certificates, _)) => chain(certificates),
            Some(_) => Vec::new(),
            None => return Ok(None),
        };
        Ok(Some(Fact::Chosen { version, cipher, chain }))
    }

    /// The other side closed.
    fn ended(&self) -> Result<Fact, Fault> {
        Err(Fault::ClosedEarly { waiting_for: WAITING.to_owned(), received: self.bytes.len() as u64 })
    }

    fn bad(&self, reason: &str) -> Fault {
        let head: String = self.bytes.iter().take(16).fold(String::new(), |mut hex, byte| {
            let written = write!(hex, "{byte:02x}");
            debug_assert!(written.is_ok(), "writing to a string cannot fail");
            hex
        });
        Fault::BadProtocol { expected: "a server hello".to_owned(), reason: reason.to_owned(), head }
    }
}

/// Two bytes of length and what they speak of, and the rest.
fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Three bytes of length and what they speak of, and the rest.
fn long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([first, second, third], rest) = bytes.split_first_chunk::<3>()?;
    let length = u32::from_be_bytes([0, *first, *second, *third]);
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A handshake message: its type, its body and what follows it.
fn message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (body, rest) = long(rest)?;
    Some((*kind, body, rest))
}

fn version_and_cipher(hello: &[u8]) -> Option<(String, String)> {
    let ([3, minor], rest) = hello.split_first_chunk::<2>()? else { return None };
    let (_, rest) = rest.split_at_checked(32)?;
    let (session, rest) = rest.split_first()?;
    let (_, rest) = rest.split_at_checked(usize::from(*session))?;
    let (cipher, _) = rest.split_first_chunk::<2>()?;
    let version = match minor {
        0 => "SSLv3".to_owned(),
        minor => format!("TLSv1.{}", minor - 1),
    };
    let suite = CipherSuite::from(u16::from_be_bytes(*cipher));
    Some((version, suite.as_str().map_or_else(|| format!("{suite:?}"), ToOwned::to_owned)))
}

/// A chain as TLS 1.2 sends it (RFC 5246 section 7.4.2).
fn chain(body: &[u8]) -> Vec<Certificate> {
    let Some((mut list, _)) = long(body) else { return Vec::new() };
    let mut found = Vec::new();
    while let Some((der, rest)) = long(list).filter(|_| found.len() < MOST_CERTIFICATES) {
        found.push(describe(&CertificateDer::from(der)));
        list = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::scripted::serve;
    use crate::net::tls::pki::{Pki, server_config, tls_server};

    async fn asked(server: std::net::SocketAddr, offer: Offer, name: Option<&str>) -> Result<Fact, Fault> {
        let mut stream = tokio::net::TcpStream::connect(server).await.unwrap();
        let hello = client_hello(offer, name).unwrap();
        let limited = tokio::time::timeout(Duration::from_secs(5), choice(&mut stream, &hello));
        limited.await.expect("an answer ends within its limit")
    }

    fn server(
        pki: &Pki,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> impl Future<Output = std::net::SocketAddr> {
        let (leaf, key) = pki.leaf(&crate::net::tls::pki::params("app", &["app.example"]));
        tls_server(server_config(vec![leaf, pki.intermediate.der().clone()], &key, None, version))
    }

    #[tokio::test]
    async fn a_server_says_what_it_chooses_and_who_it_is() {
        let pki = Pki::new();
        let address = server(&pki, &rustls::version::TLS12).await;
        for name in [Some("app.example"), None] {
            let Ok(Fact::Chosen { version, cipher, chain }) = asked(address, Offer::AllSuites, name).await
            else {
                panic!("{name:?}")
            };
            assert_eq!(version, "TLSv1.2");
            assert!(cipher.starts_with("TLS_ECDHE_ECDSA_"), "{cipher}");
            assert_eq!(chain.len(), 2);
            assert_eq!(chain[0].names, ["app.example"]);
            assert_eq!(chain[0].key.as_deref(), Some("EC 256"));
        }
    }

    #[tokio::test]
    async fn a_server_without_these_versions_sends_its_alert() {
        let pki = Pki::new();
        for (version, offer) in
            [(&rustls::version::TLS13, Offer::AllSuites), (&rustls::version::TLS12, Offer::OldVersions)]
        {
            let refused = asked(server(&pki, version).await, offer, None).await;
            assert_eq!(refused, Err(Fault::AlertReceived { alert: "protocol_version".to_owned() }));
        }
    }

    #[tokio::test]
    async fn other_answers_are_told_apart() {
        for (said, wanted) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not_tls"),
            (b"", "closed_early"),
            (b"\x16\x03\x03\x00", "closed_early"),
            (b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00", "bad_protocol"),
            (b"\x17\x03\x03\x00\x01\x00", "bad_protocol"),
            // A warning, and then what the server means.
            (b"\x15\x03\x03\x00\x02\x01\x70\x15\x03\x03\x00\x02\x02\x28", "alert_received"),
        ] {
            let address = serve(move |mut stream| async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(said).await;
                let _ = stream.shutdown().await;
            })
            .await;
            let fault = asked(address, Offer::AllSuites, Some("app.example")).await.unwrap_err();
            assert_eq!(fault.id(), wanted, "{said:?}: {fault}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_or_bent_is_no_panic() {
        let hello = [&[3, 3][..], &[7; 32], &[0], &[0xC0, 0x2F], &[0]].concat();
        let certificates = [&[0, 0, 8, 0, 0, 5][..], b"hello"].concat();
        let messages =
            [&[SERVER_HELLO, 0][..], &prefixed(&hello), &[CERTIFICATE, 0], &prefixed(&certificates)].concat();
        let whole = [&[HANDSHAKE, 3, 3][..], &prefixed(&messages)].concat();
        let read = |bytes: &[u8]| Answer { bytes: bytes.to_vec() }.read();
        let Ok(Some(Fact::Chosen { chain, .. })) = read(&whole) else { panic!("{:?}", read(&whole)) };
        assert_eq!(chain.len(), 1);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Ok(None), "{end}");
            for value in [0, 1, 2, 20, 21, 127, 255] {
                let mut bent = whole.clone();
                bent[end] = value;
                let _ = read(&bent);
            }
        }
    }
}
