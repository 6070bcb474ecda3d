//! For tests: authorities, certificates and TLS servers made on the spot.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ClientCertificate;
use crate::net::scripted::serve;

pub(crate) type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn params(name: &str, dns_names: &[&str]) -> CertificateParams {
    let names: Vec<String> = dns_names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2090, 1, 1);
    params
}

pub(crate) fn authority(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A root, an intermediate below it, and a folder for PEM files.
pub(crate) struct Pki {
    pub(crate) root: Issuer,
    pub(crate) intermediate: Issuer,
    pub(crate) folder: tempfile::TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::named("Test")
    }

    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(authority(&format!("{name} Root")), key).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = authority(&format!("{name} Intermediate"));
        let intermediate = CertifiedIssuer::signed_by(params, key, &root).unwrap();
        Self { root, intermediate, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn leaf(&self, params: &CertificateParams) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.intermediate).unwrap().der().clone(), key)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn root_file(&self) -> PathBuf {
        self.file("root.pem", &self.root.pem())
    }

    /// A client's certificate, issued by the intermediate, with its key, as files.
    pub(crate) fn client(&self) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = params("client", &["client"]).signed_by(&key, &self.intermediate).unwrap();
        let chain = format!("{}{}", certificate.pem(), self.intermediate.pem());
        ClientCertificate {
            certificate: self.file("client.pem", &chain),
            key: self.file("client.key", &key.serialize_pem()),
        }
    }
}

pub(crate) fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    clients: Option<&Pki>,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(pki) => {
            let mut roots = RootCertStore::empty();
            roots.add(pki.root.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Serve a handshake, then send back what comes.
pub(crate) async fn tls_server(config: Arc<ServerConfig>) -> SocketAddr {
    tls_serve(config, |mut stream| async move {
        let mut chunk = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            let _ = stream.write_all(&chunk[..read]).await;
        }
    })
    .await
}

/// Serve a handshake, then the script.
pub(crate) async fn tls_serve<F, R>(config: Arc<ServerConfig>, script: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> R + Send + Sync + Clone + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    serve(move |stream| {
        let (config, script) = (Arc::clone(&config), script.clone());
        async move {
            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                script(stream).await;
            }
        }
    })
    .await
}

impl Pki {
    /// A server's configuration for `name`, with a whole chain.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        let (leaf, key) = self.leaf(&params("server", &[name]));
        let chain = vec![leaf, self.intermediate.der().clone()];
        server_config(chain, &key, None, &rustls::version::TLS13)
    }
}
