//! The properties file of an application, as such files are: listen, version, database, the other application.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::NoTls;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use url::Url;

use super::AppError;
use crate::demo::servers::chain;
use crate::net::tls::acceptor;

/// How long an application waits for its database.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who calls Application 2.
const CALLER: &str = "app1";

/// What an application is configured with.
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    pub(super) version: String,
    /// Whether connections are taken from the queue at all; a release that hangs does not.
    pub(super) accepts: bool,
    /// How its port is secured; clear text without.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) back: Back,
    /// The back end; only the web front has one.
    pub(super) back_end: Option<BackEnd>,
    database: tokio_postgres::Config,
}

/// What Application 2 alone is configured with.
pub(super) struct Back {
    /// Such as `production`.
    pub(super) environment: String,
    /// Before every path.
    pub(super) context: String,
    /// The whole `Authorization` header of a caller that is let in (RFC 7617).
    pub(super) authorization: Option<String>,
    pub(super) maintenance: bool,
    /// Where callers have to log in, in the place of `Authorization`.
    pub(super) login_page: Option<String>,
    /// How long it thinks before it answers.
    pub(super) delay: Duration,
}

/// Where Application 1 calls Application 2.
pub(super) struct BackEnd {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authorization: String,
    pub(super) tls: TlsConnector,
}

/// A properties file, with its name for errors.
struct Properties {
    file: String,
    values: HashMap<String, String>,
}

impl Properties {
    fn read(path: &Path) -> Result<Self, AppError> {
        let mut properties = Self { file: path.display().to_string(), values: HashMap::new() };
        let bytes = std::fs::read(path).map_err(|error| properties.wrong(error))?;
        properties.values =
            java_properties::read(bytes.as_slice()).map_err(|error| properties.wrong(error))?;
        Ok(properties)
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> AppError {
        AppError::Settings { file: self.file.clone(), reason: reason.to_string() }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn value(&self, key: &str) -> Result<&str, AppError> {
        self.get(key).ok_or_else(|| self.wrong(format!("`{key}` is missing")))
    }

    fn is_set(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    /// The certificate and key of the port.
    fn acceptor(&self) -> Result<Option<TlsAcceptor>, AppError> {
        let Some(certificate) = self.get("tls.certificate") else { return Ok(None) };
        let key = self.value("tls.key")?;
        acceptor(Path::new(certificate), Path::new(key)).map(Some).map_err(|error| self.wrong(error))
    }

    /// Trusts what `app2.ca` signed.
    fn connector(&self) -> Result<TlsConnector, AppError> {
        let ca = self.value("app2.ca")?;
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(ca).map_err(|error| self.wrong(format!("{ca}: {error}")))?;
        roots.add(root).map_err(|error| self.wrong(format!("{ca}: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.wrong(error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn back_end(&self) -> Result<Option<BackEnd>, AppError> {
        let Some(url) = self.get("app2.url") else { return Ok(None) };
        let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "https");
        let place = parsed.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
        let (host, port) = place.ok_or_else(|| self.wrong("app2.url has to be https://HOST:PORT"))?;
        let authorization = basic(self.value("app2.password")?);
        Ok(Some(BackEnd { host, port, authorization, tls: self.connector()? }))
    }
}

/// The header of a caller that knows this password.
fn basic(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{CALLER}:{password}")))
}

impl Settings {
    pub(super) fn read(file: &Path) -> Result<Self, AppError> {
        let properties = Properties::read(file)?;
        let text = |key: &str| properties.get(key).unwrap_or_default().to_owned();
        let delay = match properties.get("delay.ms") {
            Some(text) => text.parse().map_err(|error| properties.wrong(format!("delay.ms: {error}")))?,
            None => 0,
        };
        let mut database: tokio_postgres::Config = properties
            .value("database.url")?
            .parse()
            .map_err(|error| properties.wrong(format!("database.url: {error}")))?;
        database.password(properties.value("database.password")?).connect_timeout(PATIENCE);
        Ok(Self {
            listen: properties
                .value("listen")?
                .parse()
                .map_err(|error| properties.wrong(format!("listen: {error}")))?,
            version: properties.value("version")?.to_owned(),
            accepts: !properties.is_set("hang"),
            tls: properties.acceptor()?,
            back: Back {
                environment: text("environment"),
                context: text("context"),
                authorization: properties.get("caller.password").map(basic),
                maintenance: properties.is_set("maintenance"),
                login_page: properties.get("login.page").map(str::to_owned),
                delay: Duration::from_millis(delay),
            },
            back_end: properties.back_end()?,
            database,
        })
    }

    /// The number a query gives, on a connection of its own; the server's words when it does not.
    pub(super) async fn number(&self, query: &str) -> Result<i64, String> {
        let asked = async {
            let (client, connection) = self.database.connect(NoTls).await?;
            let background = tokio::spawn(connection);
            let row = client.query_one(query, &[]).await;
            drop(client);
            let _ = background.await;
            row?.try_get::<_, i64>(0)
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(number)) => Ok(number),
            Ok(Err(error)) => Err(error.as_db_error().map_or_else(|| chain(&error), ToString::to_string)),
            Err(_) => Err("the database does not answer".to_owned()),
        }
    }
}
