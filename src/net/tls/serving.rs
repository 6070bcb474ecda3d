//! The other end of TLS: for what this program itself serves.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate or key that cannot be served with.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct Unservable {
    /// The file.
    file: String,
    /// What is wrong with it.
    reason: String,
}

/// Accept TLS with this certificate chain and key, both PEM files, the server's own certificate first (RFC 8446 section 4.4.2).
///
/// # Errors
/// `Unservable` when one of them cannot be read, or they do not belong together.
pub fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, Unservable> {
    fn wrong(file: &Path, reason: impl Display) -> Unservable {
        Unservable { file: file.display().to_string(), reason: reason.to_string() }
    }
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(chain, error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(chain, error))?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(chain, error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
