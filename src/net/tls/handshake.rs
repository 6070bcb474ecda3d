//! The handshake itself, and what it means when it does not end well.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{InvalidMessage, ProtocolVersion};
use tokio::io::AsyncBufRead;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::TlsSettings;
use super::alert;
use super::certificate::describe;
use super::configuration::Wish;
use super::judge::{Standard, Verify, dates_of, reasons};
use crate::model::fact::{Fact, Stapled};
use crate::model::fault::{Distrust, Fault};
use crate::model::trace::{Trouble, VantageError};
use crate::net::Net;
use crate::net::os_error::is_reset;
use crate::net::stream::{Heard, Plain, Stream, Tap, one_line};

/// The longest a handshake is waited for.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// In TLS 1.3 a server refuses a client certificate, or the lack of one, only after the handshake: wait this long for it.
const REFUSAL_LIMIT: Duration = Duration::from_millis(200);
/// Bytes shown of an answer that is not TLS.
const SHOWN: usize = 120;

/// Do the handshake, then judge the certificates; a connection that is not trusted is closed with nothing sent on it.
///
/// # Errors
/// `Distrusted` with every reason, `AlertReceived`, `ClientCertificateRefused`, `NotTls`, `HandshakeFailed`,
/// `ClosedEarly`, `Reset`; `VantageError` when trust store, client certificate or server name cannot be used.
pub async fn secure(net: &Net, stream: Plain, settings: &TlsSettings) -> Result<(Fact, Stream), Trouble> {
    let name = server_name(&settings.server_name)?;
    let roots = match settings.verify {
        Verify::None => None,
        Verify::Chain | Verify::Full => Some(net.trust.get(&settings.trust).await?),
    };
    let (config, wish) = net.configurations.get(settings).await?;
    let tap = Tap::new(stream);
    let heard = tap.heard();
    let connecting = TlsConnector::from(config).connect(name.clone(), tap);
    let mut stream = connecting.await.map_err(|error| Trouble::from(failed(&error, &wish, &heard)))?;

    let session = stream.get_ref().1;
    let chain = session.peer_certificates().unwrap_or_default();
    let described = || chain.iter().map(describe).collect::<Vec<_>>();
    let verifier = match &roots {
        None => "not verified".to_owned(),
        Some(roots) => format!("rustls against {} ({} roots)", roots.source, roots.store.len()),
    };
    if let Some(roots) = &roots {
        let standard = Standard {
            roots,
            verify: settings.verify,
            name: &name,
            accept_common_name: settings.accept_common_name,
        };
        let mut reasons = reasons(chain, &standard, UnixTime::now());
        // Of itself a server says nothing worse than is so: that needs no signature.
        if wish.stapled() == Some(Stapled::Revoked) {
            reasons.push(Distrust::Revoked);
        }
        if !reasons.is_empty() {
            return Err(Fault::Distrusted { reasons, chain: described(), verifier }.into());
        }
    }
    let version = session.protocol_version();
    let fact = Fact::Secured {
        version: version.map_or_else(String::new, version_name),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| cipher_name(suite.suite())),
        alpn: session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        chain: described(),
        verifier,
        client_certificate_asked: wish.asked(),
        stapled: wish.stapled(),
    };
    if wish.asked() && version == Some(ProtocolVersion::TLSv1_3) {
        await_refusal(&mut stream, &heard, &wish).await?;
    }
    Ok((fact, Stream::Tls(Box::new(stream))))
}

/// What an error on a secured stream means, when TLS has a word for it; an alert for instance.
#[must_use]
pub fn broken_stream(error: &io::Error) -> Option<Fault> {
    let cause = rustls_error(error)?;
    if let rustls::Error::AlertReceived(received) = cause {
        return Some(Fault::AlertReceived { alert: alert::name(*received) });
    }
    Some(Fault::HandshakeFailed { reason: cause.to_string(), chain: Vec::new() })
}

fn server_name(host: &str) -> Result<ServerName<'static>, VantageError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| VantageError::Setting {
        setting: "server_name".to_owned(),
        reason: format!("`{host}` is neither a host name nor an address"),
    })
}

/// Look for what the server sends right after the handshake, without taking application data away.
async fn await_refusal(
    stream: &mut TlsStream<Tap<Plain>>,
    heard: &Mutex<Heard>,
    wish: &Wish,
) -> Result<(), Fault> {
    let received = || heard.lock().unwrap_or_else(PoisonError::into_inner).received();
    let before = received();
    let first = std::future::poll_fn(|cx| match Pin::new(&mut *stream).poll_fill_buf(cx) {
        std::task::Poll::Ready(Ok(data)) => std::task::Poll::Ready(Ok(data.is_empty())),
        std::task::Poll::Ready(Err(error)) => std::task::Poll::Ready(Err(error)),
        // Session tickets came: a server sends them once it is content with the client.
        std::task::Poll::Pending if received() > before => std::task::Poll::Ready(Ok(false)),
        std::task::Poll::Pending => std::task::Poll::Pending,
    });
    match tokio::time::timeout(REFUSAL_LIMIT, first).await {
        Err(_) | Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(refused(wish, "connection closed".to_owned())),
        Ok(Err(error)) => Err(failed(&error, wish, heard)),
    }
}

fn refused(wish: &Wish, alert: String) -> Fault {
    Fault::ClientCertificateRefused {
        alert,
        sent: wish.given(),
        acceptable_issuers: wish.acceptable_issuers(),
        ours: wish.leaf().map(|der| Box::new(describe(der))),
        dates: wish.leaf().map(|der| dates_of(der, UnixTime::now())).unwrap_or_default(),
    }
}

fn failed(error: &io::Error, wish: &Wish, heard: &Mutex<Heard>) -> Fault {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cause) = rustls_error(error) else {
        let closed = error.kind() == io::ErrorKind::UnexpectedEof;
        return if wish.asked() {
            refused(wish, format!("connection ended: {error}"))
        } else if closed && !heard.head().is_empty() && !looks_like_tls(heard.head()) {
            Fault::NotTls { head: one_line(heard.head(), SHOWN) }
        } else if closed {
            Fault::ClosedEarly { waiting_for: "TLS handshake".to_owned(), received: heard.received() }
        } else if is_reset(error) {
            Fault::Reset { during: "TLS handshake".to_owned() }
        } else {
            Fault::HandshakeFailed { reason: error.to_string(), chain: wish.chain() }
        };
    };
    if let rustls::Error::AlertReceived(received) = cause {
        let name = alert::name(*received);
        if wish.asked() && alert::concerns_certificate(*received) {
            return refused(wish, name);
        }
        return Fault::AlertReceived { alert: name };
    }
    let garbled = matches!(
        cause,
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload
        )
    );
    if garbled && !looks_like_tls(heard.head()) {
        return Fault::NotTls { head: one_line(heard.head(), SHOWN) };
    }
    Fault::HandshakeFailed { reason: cause.to_string(), chain: wish.chain() }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A TLS record begins with its content type, 20 to 23, and version 3.x (RFC 8446 section 5.1).
fn looks_like_tls(head: &[u8]) -> bool {
    matches!(head, [20..=23] | [20..=23, 3, ..])
}

fn version_name(version: ProtocolVersion) -> String {
    version.as_str().map_or_else(|| format!("{version:?}"), |name| name.replace("v1_", "v1."))
}

/// The registered name (IANA "TLS Cipher Suites"): rustls marks those of TLS 1.3 with `TLS13_`.
fn cipher_name(suite: rustls::CipherSuite) -> String {
    suite.as_str().map_or_else(|| format!("{suite:?}"), |name| name.replacen("TLS13_", "TLS_", 1))
}
