//! `tls`: a handshake, and the certificates behind it.

use std::path::PathBuf;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::HostPort;
use super::file_ref::FileRef;
use super::reach::reach;
use super::tcp::address;
use super::{Probe, Problem, Recorder, Stop, Surroundings};
use crate::matcher::Matcher;
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::{Fault, Mismatch};
use crate::model::layer::Layer;
use crate::net::starttls::{self, STARTTLS_LIMIT};
use crate::net::stream::Plain;
use crate::net::tls::{ClientCertificate, HANDSHAKE_LIMIT, TlsSettings, Trust, Versions, secure};

/// A TLS server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// The name the certificate has to be for; the host when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Trusted authorities in a PEM file, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<FileRef>,
    /// Our own certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateFiles>,
    /// Application protocols offered, best first, such as `h2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<String>,
    /// Begin in clear text and ask for TLS, as this protocol does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<StartTls>,
    /// Protocol versions offered: `1.2`, `1.3`; both when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    /// What has to be so, beyond a trusted chain and a matching name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// Our own certificate, as PEM files.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate chain, leaf first.
    pub cert: FileRef,
    /// The private key, not encrypted.
    pub key: FileRef,
}

impl CertificateFiles {
    /// Make relative paths relative to the plan's folder.
    pub fn anchor(&mut self, folder: &std::path::Path) {
        self.cert.anchor(folder);
        self.key.anchor(folder);
    }

    /// The files, for a handshake.
    #[must_use]
    pub fn files(&self) -> ClientCertificate {
        ClientCertificate { certificate: self.cert.path().to_owned(), key: self.key.path().to_owned() }
    }
}

/// Protocols that begin in clear text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    /// `SSLRequest`.
    Postgres,
    /// EHLO and STARTTLS (RFC 3207).
    Smtp,
}

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Version {
    /// TLS 1.2
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    Tls13,
}

/// What a certificate or a handshake has to be like.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Whole days until the first certificate of the chain ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<Matcher>,
    /// The names in the certificate, as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Matcher>,
    /// The issuer's distinguished name, such as `C=US, O=Let's Encrypt, CN=R10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Matcher>,
    /// The version agreed, such as `1.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Matcher>,
}

impl Expect {
    fn parts(&self) -> [(&'static str, Option<&Matcher>); 4] {
        [
            ("days_left", self.days_left.as_ref()),
            ("names", self.names.as_ref()),
            ("issuer", self.issuer.as_ref()),
            ("version", self.version.as_ref()),
        ]
    }

    /// What differs, of a version such as `TLSv1.3` and a chain, leaf first.
    pub(crate) fn mismatches(&self, version: &str, chain: &[Certificate]) -> Vec<Mismatch> {
        let leaf = chain.first();
        let got = [
            days_left(chain).map(Value::from),
            leaf.map(|leaf| Value::from(leaf.names.as_slice())),
            leaf.map(|leaf| Value::from(leaf.issuer.as_str())),
            Some(Value::from(version.trim_start_matches("TLSv"))),
        ];
        self.parts()
            .into_iter()
            .zip(got)
            .filter_map(|((what, matcher), got)| matcher?.mismatch(what, got.as_ref()))
            .collect()
    }
}

/// Whole days until the first certificate of the chain ends; less than 0 once it has.
fn days_left(chain: &[Certificate]) -> Option<i64> {
    let ends = chain.iter().filter_map(|certificate| certificate.not_after.parse::<jiff::Timestamp>().ok());
    let seconds = ends.min()?.as_second() - jiff::Timestamp::now().as_second();
    Some(seconds.div_euclid(24 * 60 * 60))
}

impl Tls {
    fn settings(&self, host: &str) -> TlsSettings {
        let mut settings = TlsSettings::new(self.server_name.as_deref().unwrap_or(host));
        if let Some(ca) = &self.ca {
            settings.trust = Trust::File(ca.path().to_owned());
        }
        settings.client_certificate = self.client_certificate.as_ref().map(CertificateFiles::files);
        settings.alpn.clone_from(&self.alpn);
        if !self.versions.is_empty() {
            settings.versions = Versions {
                tls12: self.versions.contains(&Version::Tls12),
                tls13: self.versions.contains(&Version::Tls13),
            };
        }
        settings
    }
}

impl Probe for Tls {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Dns, Layer::Route, Layer::Tcp, Layer::Tls]
    }

    fn target(&self) -> String {
        self.address.clone()
    }

    fn bind(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(wrong) = super::address::host_port(&self.address) {
            problems.push(Problem::at("address", wrong).help("write it as `host:port` or `[v6]:port`"));
        }
        if let Some(ca) = &mut self.ca {
            ca.anchor(surroundings.folder);
        }
        if let Some(files) = &mut self.client_certificate {
            files.anchor(surroundings.folder);
        }
        // RFC 7301 section 3.1: a name has 1 to 255 bytes.
        if self.alpn.iter().any(|name| name.is_empty() || name.len() > 255) {
            problems.push(Problem::at("alpn", "an application protocol's name has 1 to 255 bytes"));
        }
        if let Some(expect) = &self.expect {
            if expect.parts().iter().all(|(_, matcher)| matcher.is_none()) {
                problems.push(Problem::at("expect", "this expectation asserts nothing"));
            }
            for (key, matcher) in expect.parts() {
                if matcher.is_some_and(Matcher::asserts_nothing) {
                    problems.push(Problem::at(&format!("expect.{key}"), "this expectation asserts nothing"));
                }
            }
        }
        problems
    }

    fn local_files(&mut self) -> Vec<&mut PathBuf> {
        let certificate = self.client_certificate.iter_mut().flat_map(|files| [&mut files.cert, &mut files.key]);
        self.ca.iter_mut().chain(certificate).filter_map(FileRef::local).collect()
    }

    fn harmless(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("TLS handshake with {}", self.address)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let HostPort { host, port } = address(&self.address)?;
        let connection = reach(recorder, &host, port).await?;
        let mut stream = Plain::Tcp(connection.stream);
        let began = Instant::now();
        if let Some(protocol) = self.starttls {
            let limit = STARTTLS_LIMIT.min(recorder.remaining());
            let asked = async {
                match protocol {
                    StartTls::Postgres => starttls::postgres(&mut stream).await,
                    StartTls::Smtp => starttls::smtp(&mut stream).await.map(drop),
                }
            };
            let fault = match recorder.waiting(tokio::time::timeout(limit, asked)).await? {
                Ok(Ok(())) => None,
                Ok(Err(fault)) => Some(fault),
                Err(_) => Some(Fault::TimedOut {
                    waiting_for: "answer to the request for TLS".to_owned(),
                    limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                }),
            };
            if let Some(fault) = fault {
                return Err(recorder.broke(Layer::Tls, began.elapsed(), fault));
            }
        }
        let net = std::sync::Arc::clone(&recorder.context().net);
        let settings = self.settings(&host);
        let judged = async {
            let (fact, stream) = secure(&net, stream, &settings).await?;
            drop(stream);
            let (Some(expect), Fact::Secured { version, chain, .. }) = (&self.expect, &fact) else {
                return Ok((fact, ()));
            };
            let mismatches = expect.mismatches(version, chain);
            if mismatches.is_empty() {
                return Ok((fact, ()));
            }
            Err(Fault::Mismatch { mismatches, excerpt: None }.into())
        };
        recorder.layer(Layer::Tls, HANDSHAKE_LIMIT, "TLS handshake", judged).await
    }
}

#[cfg(test)]
mod tests;
