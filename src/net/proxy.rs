//! HTTP proxies: which one is used for a target, and the CONNECT that opens a way through it.

use std::net::IpAddr;

use base64::Engine as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::os_error::broken;
use super::stream::one_line;
use crate::environment::Environment;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::trace::VantageError;
use crate::secret::Secret;

/// Bytes of an answer to CONNECT we read.
const LARGEST_ANSWER: usize = 16 * 1024;
const SHOWN: usize = 200;

/// A proxy, and our credentials there.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`, when its URL has a user.
    pub authorization: Option<Secret>,
    /// Who named it: the variable of the environment, or `the check`.
    pub named_by: &'static str,
}

impl Proxy {
    /// Read a proxy's URL; without a scheme it is `http`, without a port 1080 as in curl(1).
    ///
    /// # Errors
    /// When it is no URL, or of a scheme other than `http`; the URL itself is not in the text, as it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = url::Url::parse(&whole).map_err(|error| format!("it is not a URL: {error}"))?;
        if url.scheme() != "http" {
            return Err(format!("a `{}` proxy is not supported, only `http`", url.scheme()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it has no host")?.to_owned();
        // The URL type hides a port that is the scheme's default; a written `:80` has to stay 80.
        let port = url.port().unwrap_or(if whole.trim_end_matches('/').ends_with(":80") { 80 } else { 1080 });
        let authorization = (!url.username().is_empty()).then(|| {
            let decoded =
                |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
            let pair = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
            Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
        });
        Ok(Self { host, port, authorization, named_by: "the check" })
    }

    /// The proxy the environment names for a target, by the rules of curl(1): `http_proxy` only in lower case,
    /// `https_proxy` and `all_proxy` in both, none for hosts in `no_proxy`. Of an application's environment `HTTP_PROXY` is
    /// taken too, as Go, Python and Node take it: no request can have set it there.
    ///
    /// # Errors
    /// `VantageError::Setting` when the variable holds no usable proxy.
    pub fn of_environment(
        environment: &Environment,
        scheme: &str,
        host: &str,
        port: u16,
    ) -> Result<Option<Self>, VantageError> {
        let exempt = ["no_proxy", "NO_PROXY"].iter().find_map(|name| environment.filled(name));
        if exempt.is_some_and(|list| is_exempt(list, host, port)) {
            return Ok(None);
        }
        let names: &[&'static str] = match scheme {
            "https" => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            _ if environment.is_of_application() => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
            _ => &["http_proxy", "all_proxy", "ALL_PROXY"],
        };
        let found = names.iter().find_map(|name| environment.filled(name).map(|value| (*name, value)));
        let Some((name, value)) = found else { return Ok(None) };
        let setting = |reason| VantageError::Setting { setting: name.to_owned(), reason };
        Self::parse(value).map(|proxy| Some(Self { named_by: name, ..proxy })).map_err(setting)
    }

    /// What must not be shown of it: user and password as they are sent, and the password alone.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let Some(authorization) = &self.authorization else { return Vec::new() };
        let sent = authorization.expose().trim_start_matches("Basic ");
        let pair = base64::engine::general_purpose::STANDARD.decode(sent).unwrap_or_default();
        let pair = String::from_utf8_lossy(&pair);
        let password = pair.split_once(':').map_or("", |(_, password)| password);
        [sent, password].iter().filter(|secret| !secret.is_empty()).map(|&secret| secret.to_owned()).collect()
    }

    /// `host:port`, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// `no_proxy`: hosts and domains, with or without a leading dot, with or without a port; addresses; networks; `*`.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let entry = entry.to_ascii_lowercase();
        if let Some(address) = address {
            return is_in_network(&entry, address);
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if digits.parse::<u16>().is_ok() => (name, digits.parse::<u16>().ok()),
            _ => (entry.as_str(), None),
        };
        let domain = name.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
        let inside = host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        !domain.is_empty() && inside && wanted.is_none_or(|wanted| wanted == port)
    })
}

fn is_in_network(entry: &str, address: IpAddr) -> bool {
    let (network, bits) =
        entry.split_once('/').map_or((entry, None), |(network, bits)| (network, Some(bits)));
    let Ok(network) = network.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else {
        return false;
    };
    let Some(bits) = bits else { return network == address };
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(network) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(network) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

/// Ask a proxy for a way to `authority` (`host:port`; RFC 9110 section 9.3.6).
///
/// # Errors
/// `ProxyRefused` for any status but 2xx, `BadProtocol`, `ClosedEarly`, `Reset`,
/// `ConnectionLost`.
pub async fn connect_through<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: &mut S,
    proxy: &Proxy,
    authority: &str,
) -> Result<Fact, Fault> {
    const WAITING: &str = "answer to CONNECT";
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization.expose());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| broken(&error, WAITING, 0))?;
    let mut answer = Vec::with_capacity(256);
    let mut chunk = [0; 512];
    let end = loop {
        let read =
            stream.read(&mut chunk).await.map_err(|error| broken(&error, WAITING, answer.len() as u64))?;
        if read == 0 {
            let received = answer.len() as u64;
            return Err(Fault::ClosedEarly { waiting_for: WAITING.to_owned(), received });
        }
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > LARGEST_ANSWER {
            return Err(bad("the head does not end", &answer));
        }
    };
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Some(status) = status_of(line) else { return Err(bad("it has no status line", &answer)) };
    if !(200..300).contains(&status) {
        return Err(Fault::ProxyRefused { status });
    }
    if answer.len() > end {
        return Err(bad("bytes follow the answer to CONNECT before we sent any", &answer));
    }
    Ok(Fact::Greeted { protocol: format!("proxy {}", proxy.shown()), said: one_line(line, SHOWN) })
}

fn status_of(line: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(line).ok()?;
    let rest = text.strip_prefix("HTTP/1.")?;
    let (_, rest) = rest.split_once(' ')?;
    rest.get(..3)?.parse().ok().filter(|status| (100..600).contains(status))
}

fn bad(reason: &str, answer: &[u8]) -> Fault {
    let expected = "an answer to CONNECT".to_owned();
    Fault::BadProtocol { expected, reason: reason.to_owned(), head: one_line(answer, SHOWN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_honoured_as_in_curl() {
        for (list, host, exempt) in [
            ("example.com", "example.com", true),
            ("example.com", "www.example.com", true),
            (".example.com", "www.example.com", true),
            ("example.com", "notexample.com", false),
            ("example.com:8080", "example.com", false),
            ("example.com:443", "example.com", true),
            ("*", "anything", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("fd00::/8", "[fd00::1]", true),
            ("a, b", "b", true),
            ("", "b", false),
        ] {
            assert_eq!(is_exempt(list, host, 443), exempt, "{list} {host}");
        }
    }

    #[test]
    fn upper_case_http_proxy_is_not_taken() {
        // A CGI program gets it from a request's header (CVE-2016-5385).
        let environment = Environment::from_pairs([("HTTP_PROXY", "evil:1"), ("HTTPS_PROXY", "good:3128")]);
        assert!(Proxy::of_environment(&environment, "http", "x", 80).unwrap().is_none());
        let proxy = Proxy::of_environment(&environment, "https", "x", 443).unwrap().unwrap();
        assert_eq!((proxy.shown().as_str(), proxy.named_by), ("good:3128", "HTTPS_PROXY"));
        // The variables of a running application were set by who started it.
        let proxy = Proxy::of_environment(&environment.of_application(), "http", "x", 80).unwrap().unwrap();
        assert_eq!((proxy.shown().as_str(), proxy.named_by), ("evil:1", "HTTP_PROXY"));
    }

    #[test]
    fn proxies_are_read() {
        let proxy = Proxy::parse("http://user:p%40ss@proxy:80/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy", 80));
        assert_eq!(proxy.secrets(), ["dXNlcjpwQHNz", "p@ss"]);
        assert_eq!(proxy.authorization.unwrap().expose(), "Basic dXNlcjpwQHNz");
        assert_eq!(Proxy::parse("proxy").unwrap().port, 1080);
        assert!(Proxy::parse("socks5://proxy:1080").is_err());
        assert!(Proxy::parse("https://proxy").is_err());
    }
}
