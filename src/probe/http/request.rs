//! Builds the request that is sent: headers, credentials and body, with secrets found at the last moment.

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, Uri};
use indexmap::IndexMap;
use url::Url;

use super::fields::{Auth, Text};
use super::respond;
use super::way::{Ready, host_of, port_of};
use crate::model::response::Sent;
use crate::model::trace::VantageError;
use crate::net::http::Protocol;
use crate::probe::{Recorder, Stop};
use crate::secret::{Secret, is_credential};

const AGENT: &str = concat!("gonogo/", env!("CARGO_PKG_VERSION"));

/// A request, ready but for the connection it goes over.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Message {
    /// A request with what every request has.
    pub(in crate::probe) fn new(method: Method, url: Url) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        Self { method, url, headers, body: Bytes::new() }
    }

    /// The host, without the brackets of IPv6.
    pub(crate) fn host(&self) -> String {
        host_of(&self.url).trim_matches(['[', ']']).to_owned()
    }

    /// The host as the URL has it.
    pub(crate) fn bracketed(&self) -> &str {
        host_of(&self.url)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        port_of(&self.url)
    }

    /// What it is like, without its values.
    pub(super) fn outline(&self) -> Sent {
        respond::outline(&self.method, &self.headers, self.body.len() as u64)
    }

    /// Add headers, finding those that are secret. Written ones win over ours.
    pub(in crate::probe) async fn add_headers(
        &mut self,
        recorder: &Recorder,
        headers: &IndexMap<String, Text>,
    ) -> Result<(), Stop> {
        for (name, text) in headers {
            let unusable = |reason: &str| VantageError::Setting {
                setting: format!("header {name}"),
                reason: reason.to_owned(),
            };
            let header =
                HeaderName::try_from(name.as_str()).map_err(|_| unusable("it is not a header name"))?;
            let value = match text {
                Text::Plain(text) => HeaderValue::try_from(text.as_str()).map(|mut value| {
                    value.set_sensitive(is_credential(name));
                    value
                }),
                Text::Secret(reference) => {
                    let value = HeaderValue::try_from(recorder.secret(reference).await?.expose());
                    value.map(|mut value| {
                        value.set_sensitive(true);
                        value
                    })
                }
            };
            let value = value.map_err(|_| unusable("its value holds a line break or control character"))?;
            self.headers.insert(header, value);
        }
        Ok(())
    }

    /// Say who we are.
    pub(in crate::probe) async fn add_auth(&mut self, recorder: &Recorder, auth: &Auth) -> Result<(), Stop> {
        let credentials = match auth {
            Auth::Basic(basic) => {
                let password = recorder.secret(&basic.password).await?;
                let pair = format!("{}:{}", basic.user, password.expose());
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                recorder.context().vault.scrubber().learn(&encoded);
                Secret::new(format!("Basic {encoded}"))
            }
            Auth::Bearer(token) => Secret::new(format!("Bearer {}", recorder.secret(token).await?.expose())),
        };
        let mut value = HeaderValue::try_from(credentials.expose()).map_err(|_| VantageError::Setting {
            setting: "auth".to_owned(),
            reason: "the secret holds a line break or control character".to_owned(),
        })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// Send this body; a content type that was written stays.
    pub(in crate::probe) fn set_body(&mut self, body: Bytes, content_type: &'static str) {
        self.body = body;
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }

    /// The same request after a redirect (RFC 9110 section 15.4): credentials go to no other origin.
    pub(in crate::probe) fn redirected(mut self, status: hyper::StatusCode, url: Url) -> Self {
        if url.origin() != self.url.origin() {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                self.headers.remove(name);
            }
            let secret: Vec<HeaderName> = self
                .headers
                .iter()
                .filter(|(_, value)| value.is_sensitive())
                .map(|(name, _)| name.clone())
                .collect();
            for name in secret {
                self.headers.remove(name);
            }
            self.headers.remove(HOST);
        }
        let becomes_get = matches!(status.as_u16(), 301..=303) && self.method != Method::HEAD;
        if becomes_get && (status.as_u16() == 303 || self.method == Method::POST) {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
        }
        self.url = url;
        self
    }

    /// The connection is to be used again.
    pub(in crate::probe) fn keep_alive(&mut self) {
        self.headers.entry(CONNECTION).or_insert(HeaderValue::from_static("keep-alive"));
    }

    /// The form it takes on this connection: origin form, absolute form for a proxy, or the pseudo-headers of HTTP/2.
    pub(in crate::probe) fn for_connection(&self, ready: &Ready) -> Result<Request<Full<Bytes>>, VantageError> {
        let unusable = |reason: String| VantageError::Setting { setting: "url".to_owned(), reason };
        let protocol = ready.conversation.protocol();
        let absolute = protocol == Protocol::Http2 || ready.forwarder.is_some();
        let uri = if absolute { &self.url[..url::Position::AfterQuery] } else { &self.url[url::Position::BeforePath..url::Position::AfterQuery] };
        let uri = Uri::try_from(uri).map_err(|error| unusable(error.to_string()))?;
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        let mut headers = self.headers.clone();
        match protocol {
            Protocol::Http1 => {
                if !headers.contains_key(HOST) {
                    let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
                    let host = HeaderValue::try_from(host).map_err(|error| unusable(error.to_string()))?;
                    headers.insert(HOST, host);
                }
                // Most calls have their own connection: the server need not wait for another request on it.
                headers.entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
            }
            Protocol::Http2 => {
                headers.remove(HOST);
                headers.remove(CONNECTION);
                *request.version_mut() = hyper::Version::HTTP_2;
            }
        }
        if let Some(authorization) = ready.forwarder.as_ref().and_then(|proxy| proxy.authorization.as_ref())
            && let Ok(mut value) = HeaderValue::try_from(authorization.expose())
        {
            value.set_sensitive(true);
            headers.insert(PROXY_AUTHORIZATION, value);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}
