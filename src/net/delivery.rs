//! One message to one URL: at most three tries of five seconds, no redirect followed, and nothing of the URL but its host
//! in what is told.

use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use url::{Position, Url};

use super::Context;
use super::connect::{CONNECT_LIMIT, connect};
use super::http::{Head, Protocol, exchange};
use super::proxy::{Proxy, connect_through};
use super::resolve::resolve;
use super::stream::{Plain, Stream};
use super::tls::{TlsSettings, secure};
use crate::model::fault::Fault;
use crate::model::trace::Trouble;

const AGENT: &str = concat!("gonogo/", env!("CARGO_PKG_VERSION"));
/// The longest one try may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Between one try and the next; there is one try more.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// The longest that a `Retry-After` is waited for: people wait for the end of the command.
const MOST_PATIENCE: Duration = Duration::from_secs(5);
/// The longest that all of it takes.
pub(crate) const LONGEST: Duration = LIMIT.saturating_mul(3).saturating_add(MOST_PATIENCE.saturating_mul(2));

/// How far a delivery has come, for whoever gives it up.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<(u32, Option<String>)>);

impl Tries {
    /// Another one begins.
    pub(crate) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
    }

    fn failed(&self, reason: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(reason.to_owned());
    }

    /// How many have begun, and why the latest of them that ended did not work.
    pub(crate) fn so_far(&self) -> (u32, Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The headers of one try, made from the body.
pub(crate) type Headers<'a> = dyn Fn(&str) -> Result<Vec<(&'static str, String)>, String> + Send + Sync + 'a;

/// Why a try did not work.
struct Refused {
    reason: String,
    /// Whether another one may.
    again: bool,
    /// How long the server wants us to wait.
    after: Option<Duration>,
}

impl Refused {
    fn finally(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: false, after: None }
    }

    fn for_now(reason: impl Into<String>) -> Self {
        Self { again: true, ..Self::finally(reason) }
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            // A certificate does not mend within seconds.
            Trouble::Fault(fault @ Fault::Distrusted { .. }) => Self::finally(fault.to_string()),
            Trouble::Fault(fault) => Self::for_now(fault.to_string()),
            Trouble::Blind(error) => Self::finally(error.to_string()),
        }
    }
}

/// The tries it took to send JSON to a URL, and what was answered to the last; a reason holds nothing of the URL.
pub(crate) async fn deliver(
    context: &Context,
    url: &Url,
    body: &str,
    headers: &Headers<'_>,
) -> (u32, Result<Bytes, String>) {
    let tries = Tries::default();
    let answered = deliver_counted(context, url, body, headers, &tries).await;
    (tries.so_far().0, answered)
}

/// The same, with its tries counted where others see them.
pub(crate) async fn deliver_counted(
    context: &Context,
    url: &Url,
    body: &str,
    headers: &Headers<'_>,
    tries: &Tries,
) -> Result<Bytes, String> {
    let mut pauses = PAUSES.iter();
    loop {
        tries.begin();
        let refused = match attempt(context, url, body, headers).await {
            Ok(body) => return Ok(body),
            Err(refused) => refused,
        };
        tries.failed(&refused.reason);
        let Some(&pause) = pauses.next().filter(|_| refused.again) else { return Err(refused.reason) };
        tokio::time::sleep(refused.after.unwrap_or(pause)).await;
    }
}

async fn attempt(context: &Context, url: &Url, body: &str, headers: &Headers<'_>) -> Result<Bytes, Refused> {
    let request = request(url, body, headers(body).map_err(Refused::finally)?).map_err(Refused::finally)?;
    let begun = OnceLock::new();
    let answer = tokio::time::timeout(LIMIT, async {
        let stream = open(context, url).await?;
        let answer = exchange(stream, Protocol::Http1, request, context.vault.scrubber(), &begun).await;
        answer.map_err(|fault| Refused::from(Trouble::from(fault)))
    })
    .await;
    // What counts is the status: an answer too large to be read, or without an end, was an answer all the same.
    match (answer, begun.into_inner()) {
        (Ok(Ok(answer)), _) => judged(&answer.head(), &answer.body).map(|()| answer.body),
        (_, Some(head)) => judged(&head, b"").map(|()| Bytes::new()),
        (Ok(Err(refused)), None) => Err(refused),
        (Err(_), None) => Err(Refused::for_now(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

/// A connection to it: through the proxy of the environment, as every program here goes; to this machine, directly.
async fn open(context: &Context, url: &Url) -> Result<Stream, Refused> {
    let is_secured = url.scheme() == "https";
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    let proxy = if is_secured {
        let proxy = Proxy::of_environment(&context.environment, url.scheme(), host, port);
        proxy.map_err(|error| Refused::finally(error.to_string()))?
    } else {
        None
    };
    for secret in proxy.iter().flat_map(Proxy::secrets) {
        context.vault.scrubber().learn(&secret);
    }
    let (via, via_port) = proxy.as_ref().map_or((host, port), |proxy| (&proxy.host, proxy.port));
    let (_, addresses) = Box::pin(resolve(via)).await?;
    let addresses: Vec<SocketAddr> =
        addresses.into_iter().map(|address| SocketAddr::new(address, via_port)).collect();
    let (_, connection) = connect(&addresses, CONNECT_LIMIT).await?;
    let mut plain = Plain::Tcp(connection.stream);
    if !is_secured {
        return Ok(Stream::Plain(plain));
    }
    if let Some(proxy) = &proxy {
        connect_through(&mut plain, proxy, &format!("{host}:{port}")).await.map_err(Trouble::from)?;
    }
    let settings = TlsSettings { alpn: vec!["http/1.1".to_owned()], ..TlsSettings::new(host) };
    let (_, stream) = Box::pin(secure(&context.net, plain, &settings)).await?;
    Ok(stream)
}

/// No reason holds anything of the URL.
fn request(
    url: &Url,
    body: &str,
    headers: Vec<(&'static str, String)>,
) -> Result<Request<Full<Bytes>>, String> {
    let unusable = || "its URL cannot be sent in a request".to_owned();
    let path = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).map_err(|_| unusable())?;
    let host =
        HeaderValue::try_from(&url[Position::BeforeHost..Position::AfterPort]).map_err(|_| unusable())?;
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path;
    let sent = request.headers_mut();
    sent.insert(HOST, host);
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    sent.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    sent.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in headers {
        sent.insert(
            name,
            HeaderValue::try_from(value).map_err(|_| format!("{name} cannot be sent in a header"))?,
        );
    }
    Ok(request)
}

fn judged(head: &Head, body: &[u8]) -> Result<(), Refused> {
    let status = head.status;
    if status.is_success() {
        return Ok(());
    }
    let reason = match word(body) {
        Some(word) => format!("it answered {} ({word})", status.as_u16()),
        None if status.is_redirection() => {
            format!("it answered {}, a redirect, which is not followed", status.as_u16())
        }
        None => format!("it answered {}", status.as_u16()),
    };
    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = after.map(|seconds| Duration::from_secs(seconds).min(MOST_PATIENCE));
    Err(Refused { reason, again, after })
}

/// The name of an error, such as Slack's `invalid_blocks`: other words of a server may hold anything, our URL among it.
fn word(body: &[u8]) -> Option<&str> {
    let word = std::str::from_utf8(body).ok()?.trim();
    let is_name =
        (3..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some(word)
}
