//! What is asked about TLS and proxies: other versions, names and suites, clear text, and the same without the proxy.
//!
//! Nothing of a check's headers or credentials is ever sent in clear text that the check itself does not send so.

use serde_json::json;

use super::{Asked, Question, Spec, connected};
use crate::model::examination::ways;
use crate::model::fact::{Certificate, Fact};
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Seen, Trace, VantageError};
use crate::net::resolve::literal;
use crate::net::tls::SYSTEM_STORE;
use crate::net::tls::hello::Offer;
use crate::probe::file_ref::FileRef;
use crate::probe::http::Http;
use crate::probe::tls::{CertificateFiles, Tls, Version};

/// What to ask about how a check broke.
pub(super) fn ask(asked: &mut Asked<'_>, trace: &Trace, broken: (Layer, &Fault), before: Option<&Trace>) {
    if trace.observations.iter().any(|seen| matches!(seen.seen, Seen::Worked(Fact::Proxied { .. }))) {
        return without_proxy(asked);
    }
    let Some(server) = Server::of(asked) else { return };
    match broken {
        (Layer::Tls, fault) if server.secured => {
            handshake(asked, &server, fault);
            if let Fault::Distrusted { reasons, chain, .. } = fault {
                names(asked, &server, reasons, chain, before);
            }
        }
        // Plain HTTP to a port that speaks TLS: some servers say so, most close.
        (Layer::Protocol, _) if !server.secured => hello(asked, &server, ways::HELLO, true, Offer::AllSuites),
        _ => {}
    }
}

/// Whether a certificate that is trusted ends soon.
pub(super) fn ends_soon(trace: &Trace, now: jiff::Timestamp) -> bool {
    let chains = trace.observations.iter().filter_map(|observation| match &observation.seen {
        Seen::Worked(Fact::Secured { chain, .. }) => Some(chain),
        Seen::Worked(_) | Seen::Broke(_) => None,
    });
    chains.flatten().any(|certificate| certificate.ends_soon(now).is_some())
}

/// Whether a certificate that requires a stapled OCSP answer came without.
pub(super) fn lacks_staple(trace: &Trace) -> bool {
    trace.observations.iter().any(|seen| {
        let Seen::Worked(Fact::Secured { chain, stapled: None, .. }) = &seen.seen else { return false };
        chain.first().is_some_and(|leaf| leaf.must_staple)
    })
}

/// The same without the file that could not be used: shows whether the server is there, and speaks TLS.
pub(super) fn ask_without_a_file(asked: &mut Asked<'_>, trace: &Trace) {
    let Some(server) = Server::of(asked).filter(|server| server.secured) else { return };
    let Ended::Blind(error) = &trace.ended else { return };
    let is = |file: Option<&FileRef>, path: &str| file.is_some_and(|file| file.path().as_os_str() == path);
    let mut ours = server.client_certificate.iter().flat_map(|files| [&files.cert, &files.key]);
    if let VantageError::Setting { setting, .. } = error {
        if setting == SYSTEM_STORE {
            asked.not_as_application();
        }
    } else if let VantageError::Unreadable { path, .. } = error {
        if is(server.ca.as_ref(), path) {
            asked.otherwise(ways::SYSTEM_TRUST, server.tls(|tls| tls.ca = None));
        } else if ours.any(|file| is(Some(file), path)) {
            asked.not_as_application();
            asked.otherwise(ways::NO_CLIENT_CERTIFICATE, server.tls(|tls| tls.client_certificate = None));
        }
    } else if matches!(error, VantageError::KeyMismatch { .. }) {
        asked.otherwise(ways::NO_CLIENT_CERTIFICATE, server.tls(|tls| tls.client_certificate = None));
    }
}

impl Asked<'_> {
    fn otherwise(&mut self, way: &str, probe: Option<Spec>) {
        self.push(Question::Otherwise { way: way.to_owned() }, self.vantage, probe);
    }
}

/// The server of a check, as far as TLS is concerned.
struct Server {
    address: String,
    /// The name of the URL, or the one the certificate has to be for.
    name: String,
    secured: bool,
    ca: Option<FileRef>,
    client_certificate: Option<CertificateFiles>,
    versions: Vec<Version>,
}

impl Server {
    fn of(asked: &Asked<'_>) -> Option<Self> {
        let host = &asked.target.host;
        let address = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let address = format!("{address}:{}", asked.target.port);
        if let Spec::Http(http) = asked.probe {
            let url = http.url.read().ok()?;
            let name = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
            let Http { ca, client_certificate, .. } = &**http;
            let (ca, client_certificate) = (ca.clone(), client_certificate.clone());
            let secured = url.scheme() == "https";
            return Some(Self { address, name, secured, ca, client_certificate, versions: Vec::new() });
        }
        let Spec::Tls(tls) = asked.probe else { return None };
        if tls.starttls.is_some() {
            return None;
        }
        Some(Self {
            address,
            name: tls.server_name.clone().unwrap_or_else(|| host.clone()),
            secured: true,
            ca: tls.ca.clone(),
            client_certificate: tls.client_certificate.clone(),
            versions: tls.versions.clone(),
        })
    }

    /// A handshake as the check does it, but for this.
    fn tls(&self, change: impl FnOnce(&mut Tls)) -> Option<Spec> {
        let read = Spec::read("tls", json!({ "address": self.address, "server_name": self.name }))?.ok()?;
        let Spec::Tls(mut tls) = read else { return None };
        tls.ca.clone_from(&self.ca);
        tls.client_certificate.clone_from(&self.client_certificate);
        tls.versions.clone_from(&self.versions);
        change(&mut tls);
        Some(Spec::Tls(tls))
    }
}

/// The same without the proxy, when it changes nothing at the target.
fn without_proxy(asked: &mut Asked<'_>) {
    if let Some(Spec::Http(mut http)) = asked.harmless() {
        http.proxy = Some("none".to_owned());
        asked.otherwise(ways::NO_PROXY, Some(Spec::Http(http)));
    }
}

/// The questions that a handshake's end leaves open.
fn handshake(asked: &mut Asked<'_>, server: &Server, fault: &Fault) {
    let refused = matches!(fault, Fault::AlertReceived { .. } | Fault::HandshakeFailed { .. });
    let silent = matches!(fault, Fault::TimedOut { .. } | Fault::Reset { .. } | Fault::ClosedEarly { .. });
    if refused || silent {
        hello(asked, server, ways::HELLO, true, Offer::AllSuites);
        hello(asked, server, ways::SAFE_SUITES, true, Offer::SafeSuites);
        hello(asked, server, ways::NO_NAME, false, Offer::AllSuites);
        hello(asked, server, ways::OLD_VERSIONS, true, Offer::OldVersions);
        for (way, version) in [(ways::TLS_1_2, Version::Tls12), (ways::TLS_1_3, Version::Tls13)] {
            // What the check offers anyway, it was refused.
            if !server.versions.is_empty() && !server.versions.contains(&version) {
                asked.otherwise(way, server.tls(|tls| tls.versions = vec![version]));
            }
        }
    }
    if let Fault::AlertReceived { alert } = fault
        && alert == "no_application_protocol"
    {
        asked.otherwise(ways::H2, server.tls(|tls| tls.alpn = vec!["h2".to_owned()]));
    }
    if silent || matches!(fault, Fault::NotTls { .. }) {
        let url = format!("http://{}/", server.address);
        asked.otherwise(ways::PLAIN, Spec::read("http", json!({ "url": url })).and_then(Result::ok));
    }
    if let Fault::ClientCertificateRefused { sent: true, .. } = fault {
        asked.otherwise(ways::NO_CLIENT_CERTIFICATE, server.tls(|tls| tls.client_certificate = None));
    }
}

/// A certificate for other names: whether the server chooses it by name, and whether it has another one for its own name.
fn names(
    asked: &mut Asked<'_>,
    server: &Server,
    reasons: &[Distrust],
    chain: &[Certificate],
    before: Option<&Trace>,
) {
    if !reasons.iter().any(|reason| matches!(reason, Distrust::NameMismatch { .. })) {
        return;
    }
    if literal(&server.name).is_none() {
        return hello(asked, server, ways::NO_NAME, false, Offer::AllSuites);
    }
    let was = before.filter(|before| connected(before).next().is_some()).and_then(|before| {
        before.observations.iter().find_map(|observation| match &observation.seen {
            Seen::Worked(Fact::Resolved { name, by, .. }) if by != "literal" => Some(name.clone()),
            Seen::Worked(_) | Seen::Broke(_) => None,
        })
    });
    let presented = chain.first().into_iter().flat_map(|leaf| &leaf.names);
    let presented = presented.filter(|name| literal(name).is_none() && !name.starts_with('*')).cloned();
    if let Some(name) = was.into_iter().chain(presented).next() {
        asked.otherwise(ways::BY_NAME, server.tls(|tls| tls.server_name = Some(name)));
    }
}

fn hello(asked: &mut Asked<'_>, server: &Server, way: &str, named: bool, offer: Offer) {
    let server_name = Some(&server.name).filter(|name| named && literal(name).is_none()).cloned();
    let hello = crate::probe::Hello { address: server.address.clone(), server_name, offer };
    asked.otherwise(way, Some(Spec::Hello(hello)));
}
