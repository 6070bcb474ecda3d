//! Trust stores, read once: the system's, and PEM files in its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use super::Trust;
use crate::model::trace::VantageError;

/// Certificate and key files larger than this are refused.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The store of those who name none, for people; `SSL_CERT_FILE` and `SSL_CERT_DIR` put others in its place.
pub const SYSTEM_STORE: &str = "the system's trust store";

/// Roots, with their certificates kept to recognise a leaf that is itself one of them.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) store: RootCertStore,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// Where they come from, for people.
    pub(crate) source: String,
}

/// What is known of a file, to notice that it was replaced.
type Version = (Option<SystemTime>, u64);

/// The trust stores of a run.
#[derive(Debug, Default)]
pub(crate) struct TrustStores {
    system: OnceCell<Result<Arc<Roots>, VantageError>>,
    files: Mutex<HashMap<PathBuf, (Version, Arc<Roots>)>>,
}

impl TrustStores {
    /// The roots to judge against.
    ///
    /// # Errors
    /// `VantageError` when the store cannot be read or holds no certificate.
    pub(crate) async fn get(&self, trust: &Trust) -> Result<Arc<Roots>, VantageError> {
        match trust {
            Trust::System => self.system.get_or_init(system).await.clone(),
            Trust::File(path) => self.file(path).await,
        }
    }

    async fn file(&self, path: &Path) -> Result<Arc<Roots>, VantageError> {
        let version = version(path).await?;
        {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, roots)) = files.get(path)
                && *known == version
            {
                return Ok(Arc::clone(roots));
            }
        }
        let certificates = certificates(path).await?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|error| unreadable(path, error.to_string()))?;
        }
        let roots = Arc::new(Roots { store, certificates, source: path.display().to_string() });
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), (version, Arc::clone(&roots)));
        Ok(roots)
    }
}

async fn system() -> Result<Arc<Roots>, VantageError> {
    let broken = |reason: String| VantageError::Setting { setting: SYSTEM_STORE.to_owned(), reason };
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(|error| broken(error.to_string()))?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(loaded.certs.iter().cloned());
    if added == 0 {
        let reasons: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        return Err(broken(format!("it holds no certificate{why}")));
    }
    let source = SYSTEM_STORE.to_owned();
    Ok(Arc::new(Roots { store, certificates: loaded.certs, source }))
}

/// The certificates of a PEM file, in its order.
pub(super) async fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, VantageError> {
    let pem = read(path).await?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| unreadable(path, error.to_string()))?;
    if found.is_empty() {
        return Err(unreadable(path, "it holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

/// The private key of a PEM file.
pub(super) async fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, VantageError> {
    let pem = read(path).await?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unreadable(path, "it holds no private key in PEM form, or an encrypted one".to_owned()))
}

pub(super) async fn version(path: &Path) -> Result<Version, VantageError> {
    let metadata = tokio::fs::metadata(path).await.map_err(|error| unreadable(path, error.to_string()))?;
    // Asked before opening: opening a FIFO that nobody writes to would never return.
    if !metadata.is_file() {
        return Err(unreadable(path, "it is not a regular file".to_owned()));
    }
    Ok((metadata.modified().ok(), metadata.len()))
}

async fn read(path: &Path) -> Result<Vec<u8>, VantageError> {
    version(path).await?;
    let file = tokio::fs::File::open(path).await.map_err(|error| unreadable(path, error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .await
        .map_err(|error| unreadable(path, error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(path, format!("it is larger than {LARGEST} bytes")));
    }
    Ok(bytes)
}

pub(super) fn unreadable(path: &Path, reason: String) -> VantageError {
    VantageError::Unreadable { path: path.display().to_string(), reason }
}
