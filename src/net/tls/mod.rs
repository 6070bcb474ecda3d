//! The TLS layer: the handshake is finished first and the certificates are judged after, so that every reason is known.
//! On a connection that is not trusted nothing is sent.

mod alert;
pub(crate) mod certificate;
pub(crate) mod configuration;
mod handshake;
pub mod hello;
mod judge;
#[cfg(test)]
pub(crate) mod pki;
mod serving;
mod staple;
pub(crate) mod trust;

use std::path::PathBuf;

pub use handshake::{HANDSHAKE_LIMIT, broken_stream, secure};
pub use judge::Verify;
pub use serving::{Unservable, acceptor};
pub use trust::SYSTEM_STORE;

/// How a connection is to be secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The name the certificate has to be for: a host name (also sent as SNI, RFC 6066) or an address.
    pub server_name: String,
    /// What the chain is judged against.
    pub trust: Trust,
    /// How much of it is judged.
    pub verify: Verify,
    /// A certificate without subject alternative names may match by its common name, as in libpq and OpenSSL.
    pub accept_common_name: bool,
    /// Our own certificate, when the server asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// Protocols offered by ALPN (RFC 7301), best first; none offered when empty.
    pub alpn: Vec<String>,
    /// Protocol versions offered.
    pub versions: Versions,
}

impl TlsSettings {
    /// Full verification of `server_name` against the system's trust store, nothing else asked for.
    #[must_use]
    pub fn new(server_name: impl Into<String>) -> Self {
        Self {
            server_name: server_name.into(),
            trust: Trust::System,
            verify: Verify::Full,
            accept_common_name: false,
            client_certificate: None,
            alpn: Vec::new(),
            versions: Versions::default(),
        }
    }
}

/// Where the roots come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The trust store of this host (`SSL_CERT_FILE`, `SSL_CERT_DIR`, else the distribution's).
    System,
    /// A PEM file, in place of the system's.
    File(PathBuf),
}

/// A certificate chain and its private key, both PEM; may be the same file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key, not encrypted.
    pub key: PathBuf,
}

/// Which protocol versions are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    /// Offer TLS 1.2 (RFC 5246).
    pub tls12: bool,
    /// Offer TLS 1.3 (RFC 8446).
    pub tls13: bool,
}

impl Default for Versions {
    fn default() -> Self {
        Self { tls12: true, tls13: true }
    }
}

#[cfg(test)]
mod tests;
