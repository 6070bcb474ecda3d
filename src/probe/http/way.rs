//! The way to an HTTP server: which host is really connected, through which proxy, under which TLS settings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::fields::HttpVersion;
use crate::model::fact::Fact;
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::connect::Connection;
use crate::net::http::{Conversation, Protocol};
use crate::net::proxy::{Proxy, connect_through};
use crate::net::stream::{Plain, Stream};
use crate::net::tls::{ClientCertificate, HANDSHAKE_LIMIT, TlsSettings, Trust, secure};
use crate::probe::address::{HostPort, host_port};
use crate::probe::reach::{reach, reach_all};
use crate::probe::{Recorder, Stop};

/// Whether a URL as it is written asks for TLS; schemes have no case (RFC 3986 section 3.1).
pub(in crate::probe) fn is_secured(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

/// How servers are reached.
#[derive(Debug, Default)]
pub(in crate::probe) struct Way {
    pub(in crate::probe) trust: Option<Trust>,
    pub(in crate::probe) client_certificate: Option<ClientCertificate>,
    pub(in crate::probe) version: Option<HttpVersion>,
    pub(in crate::probe) proxy: ProxyChoice,
    pub(in crate::probe) detour: Option<Detour>,
}

/// Another host to connect for one server; name checks, SNI and `Host` stay those of the URL, and a redirect to another
/// server does not take it.
#[derive(Debug)]
pub(in crate::probe) struct Detour {
    pub(in crate::probe) origin: url::Origin,
    pub(in crate::probe) to: HostPort,
}

/// Which proxy is used.
#[derive(Debug, Default)]
pub(in crate::probe) enum ProxyChoice {
    /// None, but for an application: it goes by its environment.
    #[default]
    Unsaid,
    None,
    Environment,
    Given(Proxy),
}

/// A connection on which HTTP can be spoken.
pub(in crate::probe) struct Ready {
    pub(in crate::probe) conversation: Conversation,
    /// The proxy that is asked in clear text for the whole URL.
    pub(in crate::probe) forwarder: Option<Proxy>,
}

/// Where a URL's server is found, and through which proxy.
pub(in crate::probe) struct Door {
    host: String,
    port: u16,
    proxy: Option<Proxy>,
}

impl Way {
    /// Which host is to be connected for a URL.
    pub(in crate::probe) fn door(&self, recorder: &Recorder, url: &Url) -> Result<Door, VantageError> {
        let detour = self.detour.as_ref().filter(|detour| detour.origin == url.origin());
        let (host, port) = match detour {
            Some(Detour { to: HostPort { host, port }, .. }) => (host.clone(), *port),
            None => (host_of(url).to_owned(), port_of(url)),
        };
        let context = recorder.context();
        let of_environment =
            || Proxy::of_environment(&context.environment, url.scheme(), host_of(url), port_of(url));
        let proxy = match &self.proxy {
            ProxyChoice::Unsaid if context.environment.is_of_application() => of_environment()?,
            ProxyChoice::Unsaid | ProxyChoice::None => None,
            ProxyChoice::Given(proxy) => Some(proxy.clone()),
            ProxyChoice::Environment => of_environment()?,
        };
        for secret in proxy.iter().flat_map(Proxy::secrets) {
            context.vault.scrubber().learn(&secret);
        }
        Ok(Door { host, port, proxy })
    }

    /// The dns, route and tcp layers, to the first address that answers.
    pub(in crate::probe) async fn reach(&self, recorder: &mut Recorder, door: &Door) -> Result<Connection, Stop> {
        let (host, port) = door.knock(recorder);
        reach(recorder, host, port).await
    }

    /// The dns, route and tcp layers, to every address.
    pub(in crate::probe) async fn reach_all(
        &self,
        recorder: &mut Recorder,
        door: &Door,
    ) -> Result<(Vec<Connection>, usize), Stop> {
        let (host, port) = door.knock(recorder);
        reach_all(recorder, host, port).await
    }

    /// From an open connection to one on which HTTP can be spoken: CONNECT and TLS, when they are needed.
    pub(in crate::probe) async fn prepare(
        &self,
        recorder: &mut Recorder,
        url: &Url,
        door: &Door,
        connection: Connection,
    ) -> Result<Ready, Stop> {
        let mut stream = Plain::Tcp(connection.stream);
        if url.scheme() != "https" {
            let protocol = self.version.map_or(Protocol::Http1, spoken);
            let conversation = Conversation::new(Stream::Plain(stream), protocol);
            return Ok(Ready { conversation, forwarder: door.proxy.clone() });
        }
        if let Some(proxy) = &door.proxy {
            let authority = format!("{}:{}", bracketed(&door.host), door.port);
            let began = Instant::now();
            let limit = recorder.remaining();
            let asked = connect_through(&mut stream, proxy, &authority);
            let answer = recorder.waiting(tokio::time::timeout(limit, asked)).await?;
            match answer {
                Ok(Ok(fact)) => recorder.worked(Layer::Tcp, began.elapsed(), fact),
                Ok(Err(fault)) => return Err(recorder.broke(Layer::Tcp, began.elapsed(), fault)),
                Err(_) => {
                    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                    let waiting_for = "answer of the proxy to CONNECT".to_owned();
                    let fault = crate::model::fault::Fault::TimedOut { waiting_for, limit_ms };
                    return Err(recorder.broke(Layer::Tcp, began.elapsed(), fault));
                }
            }
        }
        let net = Arc::clone(&recorder.context().net);
        let settings = self.settings(url);
        // Boxed: a handshake's state is large, and most calls have none.
        let step = Box::pin(secure(&net, stream, &settings));
        let stream = recorder.layer(Layer::Tls, HANDSHAKE_LIMIT, "TLS handshake", step).await?;
        let protocol = match self.version {
            Some(HttpVersion::Http2) => Protocol::Http2,
            None if stream.alpn() == Some(b"h2") => Protocol::Http2,
            Some(HttpVersion::Http1) | None => Protocol::Http1,
        };
        Ok(Ready { conversation: Conversation::new(stream, protocol), forwarder: None })
    }

    fn settings(&self, url: &Url) -> TlsSettings {
        let mut settings = TlsSettings::new(host_of(url));
        if let Some(trust) = &self.trust {
            settings.trust = trust.clone();
        }
        settings.client_certificate.clone_from(&self.client_certificate);
        let alpn: &[&str] = match self.version {
            None => &["h2", "http/1.1"],
            Some(HttpVersion::Http1) => &["http/1.1"],
            Some(HttpVersion::Http2) => &["h2"],
        };
        settings.alpn = alpn.iter().map(|&protocol| protocol.to_owned()).collect();
        settings
    }
}

impl Door {
    /// Who is connected; a proxy is told, as all that is seen up to the connection is about it.
    fn knock(&self, recorder: &mut Recorder) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => {
                let named_by = proxy.named_by.to_owned();
                recorder.worked(Layer::Dns, Duration::ZERO, Fact::Proxied { proxy: proxy.shown(), named_by });
                (&proxy.host, proxy.port)
            }
            None => (&self.host, self.port),
        }
    }
}

const fn spoken(version: HttpVersion) -> Protocol {
    match version {
        HttpVersion::Http1 => Protocol::Http1,
        HttpVersion::Http2 => Protocol::Http2,
    }
}

/// The host of an `http` or `https` URL, which always has one (RFC 9110 section 4.2.1); brackets stay on IPv6.
pub(in crate::probe) fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// The port, written or the scheme's.
pub(in crate::probe) fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(80)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// The time since a call began, for `max_ms`.
pub(in crate::probe) fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Read `connect_to`.
pub(in crate::probe) fn connect_to(text: Option<&String>) -> Result<Option<HostPort>, String> {
    text.map(|text| host_port(text)).transpose()
}
