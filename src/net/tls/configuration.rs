//! rustls configurations, built once for each distinct offer, with the ring provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::certificate::describe;
use super::staple;
use super::trust::{certificates, private_key, unreadable};
use super::{ClientCertificate, TlsSettings, Versions};
use crate::model::fact::{Certificate, Stapled};
use crate::model::trace::VantageError;

/// The configurations of a run, by what they offer; trust is no part of them, because it is judged after the handshake.
#[derive(Debug, Default)]
pub(crate) struct Configurations {
    built: Mutex<HashMap<Offer, Arc<ClientConfig>>>,
}

/// What a client hello offers: protocols by ALPN, and versions.
type Offer = (Vec<String>, Versions);

impl Configurations {
    /// A configuration for one handshake, and what will be known of the server's wish for a client certificate.
    ///
    /// # Errors
    /// `VantageError` when the client certificate or its key cannot be used.
    pub(super) async fn get(
        &self,
        settings: &TlsSettings,
    ) -> Result<(Arc<ClientConfig>, Arc<Wish>), VantageError> {
        let base = self.base(settings)?;
        let given = match &settings.client_certificate {
            Some(files) => Some(certified_key(&base, files).await?),
            None => None,
        };
        let chain = OnceLock::new();
        let wish = Arc::new(Wish { given, asked: OnceLock::new(), chain, stapled: OnceLock::new() });
        let mut config = ClientConfig::clone(&base);
        let verifier = Later { provider: Arc::clone(base.crypto_provider()), wish: Some(Arc::clone(&wish)) };
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        config.client_auth_cert_resolver = Arc::clone(&wish) as Arc<dyn ResolvesClientCert>;
        Ok((Arc::new(config), wish))
    }

    fn base(&self, settings: &TlsSettings) -> Result<Arc<ClientConfig>, VantageError> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (settings.alpn.clone(), settings.versions);
        if let Some(config) = built.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(build(settings)?);
        built.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

fn build(settings: &TlsSettings) -> Result<ClientConfig, VantageError> {
    let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::with_capacity(2);
    if settings.versions.tls13 {
        versions.push(&rustls::version::TLS13);
    }
    if settings.versions.tls12 {
        versions.push(&rustls::version::TLS12);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Later { provider: Arc::clone(&provider), wish: None });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| VantageError::Setting { setting: "versions".to_owned(), reason: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = settings.alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    // Every probe has to see a whole handshake, with the certificates of now.
    config.resumption = Resumption::disabled();
    Ok(config)
}

async fn certified_key(
    config: &ClientConfig,
    files: &ClientCertificate,
) -> Result<Arc<CertifiedKey>, VantageError> {
    let chain = certificates(&files.certificate).await?;
    let key = private_key(&files.key).await?;
    CertifiedKey::from_der(chain, key, config.crypto_provider()).map(Arc::new).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            let shown = |path: &std::path::Path| path.display().to_string();
            return VantageError::KeyMismatch {
                certificate: shown(&files.certificate),
                key: shown(&files.key),
            };
        }
        unreadable(&files.key, format!("it cannot be used: {error}"))
    })
}

/// Lets every chain through the handshake: `judge` looks at it before anything is sent. Signatures made with the
/// certificate's key are checked here all the same.
#[derive(Debug)]
struct Later {
    provider: Arc<CryptoProvider>,
    wish: Option<Arc<Wish>>,
}

impl ServerCertVerifier for Later {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        stapled: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Kept for the case that the handshake goes no further.
        if let Some(wish) = &self.wish {
            wish.chain.get_or_init(|| {
                std::iter::once(leaf).chain(others).take(MOST_CERTIFICATES).map(describe).collect()
            });
            if !stapled.is_empty() {
                wish.stapled.get_or_init(|| staple::read(stapled));
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates of a chain that are kept.
const MOST_CERTIFICATES: usize = 16;

/// Our client certificate, what the server said when it asked for one, and its own chain.
#[derive(Debug)]
pub(super) struct Wish {
    given: Option<Arc<CertifiedKey>>,
    asked: OnceLock<Vec<String>>,
    chain: OnceLock<Vec<Certificate>>,
    stapled: OnceLock<Stapled>,
}

impl Wish {
    /// The server asked for a client certificate.
    pub(super) fn asked(&self) -> bool {
        self.asked.get().is_some()
    }

    /// We have one to send.
    pub(super) fn given(&self) -> bool {
        self.given.is_some()
    }

    /// The leaf of the one we have to send.
    pub(super) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.given.as_ref()?.cert.first()
    }

    /// The server's chain, once it came.
    pub(super) fn chain(&self) -> Vec<Certificate> {
        self.chain.get().cloned().unwrap_or_default()
    }

    /// The OCSP answer that the server stapled, once it did.
    pub(super) fn stapled(&self) -> Option<Stapled> {
        self.stapled.get().copied()
    }

    /// The issuers the server accepts (RFC 8446 section 4.2.4), as distinguished names.
    pub(super) fn acceptable_issuers(&self) -> Vec<String> {
        self.asked.get().cloned().unwrap_or_default()
    }
}

impl ResolvesClientCert for Wish {
    fn resolve(&self, issuers: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        /// More than this many are not kept: some servers name every public authority.
        const MOST_ISSUERS: usize = 32;
        let names = issuers.iter().take(MOST_ISSUERS).map(|der| {
            X509Name::from_der(der).map_or_else(|_| "(unreadable)".to_owned(), |(_, name)| name.to_string())
        });
        self.asked.get_or_init(|| names.collect());
        self.given.clone()
    }

    fn has_certs(&self) -> bool {
        self.given.is_some()
    }
}
