//! Who is let in: the `Host` header first, which a page of somebody else cannot choose (DNS rebinding), then the token, when
//! there is one, as `Authorization: Bearer` (RFC 6750) for programs or as the cookie that the login form gives to browsers.

use std::net::IpAddr;

use base64::Engine as _;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// The cookie's name.
const COOKIE_NAME: &str = "gonogo";

/// Who may come in.
pub struct Door {
    /// What the cookie holds, and the digest of the token; none when everybody may read.
    token: Option<Known>,
    /// Names this server answers to; empty when it answers to any.
    hosts: Vec<String>,
    /// Cookies go over TLS only.
    secured: bool,
}

struct Known {
    token: [u8; 32],
    cookie: String,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("has_token", &self.token.is_some())
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// No token, or not this one.
    Unknown,
    /// Another server was meant.
    Misdirected,
}

impl Door {
    /// A door that lets in whoever shows this token; everybody, without one. The server answers to names of this machine and to
    /// `names`; one that other machines reach to any, until one is named.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(
        token: Option<&Secret>,
        address: IpAddr,
        names: Vec<String>,
        secured: bool,
    ) -> Result<Self, getrandom::Error> {
        let token = match token {
            None => None,
            Some(token) => {
                // A cookie is worth nothing to another server, nor to this one once it has ended.
                let mut salt = [0_u8; 32];
                getrandom::fill(&mut salt)?;
                let digest = Sha256::new().chain_update(salt).chain_update(token.expose()).finalize();
                let cookie = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
                Some(Known { token: Sha256::digest(token.expose()).into(), cookie })
            }
        };
        let mut hosts = names;
        if token.is_none() || address.is_loopback() || !hosts.is_empty() {
            let own = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            hosts.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), own]);
        }
        Ok(Self { token, hosts, secured })
    }

    /// Whether this request may be answered.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Stranger> {
        if !self.is_meant(headers) {
            return Err(Stranger::Misdirected);
        }
        let Some(known) = &self.token else { return Ok(()) };
        let bearer = text(headers, &AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let shown = bearer.is_some_and(|token| known.is(token));
        if shown || cookies(headers).any(|cookie| known.is_cookie(cookie)) {
            Ok(())
        } else {
            Err(Stranger::Unknown)
        }
    }

    /// Whether we are the server that is asked; a request without a host is of no browser.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST) else { return true };
        let name = host.to_str().map_or("", without_port);
        self.hosts.is_empty() || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The cookie for whoever shows the token; a form of another page is refused.
    pub(super) fn log_in(&self, headers: &HeaderMap, token: &str) -> Result<String, Stranger> {
        let origin = text(headers, &ORIGIN).and_then(|origin| origin.split_once("://"));
        let host = text(headers, &HOST).unwrap_or_default();
        if origin.is_some_and(|(_, authority)| authority != host) {
            return Err(Stranger::Misdirected);
        }
        match &self.token {
            Some(known) if known.is(token) => {
                let secure = if self.secured { "; Secure" } else { "" };
                Ok(format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict{secure}", known.cookie))
            }
            Some(_) | None => Err(Stranger::Unknown),
        }
    }
}

impl Known {
    /// Digests are compared, so that the time it takes says nothing about the token.
    fn is(&self, token: &str) -> bool {
        <[u8; 32]>::from(Sha256::digest(token)) == self.token
    }

    fn is_cookie(&self, cookie: &str) -> bool {
        Sha256::digest(cookie) == Sha256::digest(&self.cookie)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The values of our cookie (RFC 6265 section 5.4).
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value)
}

/// The host of a `Host` header (RFC 9110 section 7.2).
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn door(token: Option<&str>, address: &str) -> Door {
        let token = token.map(|token| Secret::new(token.to_owned()));
        Door::new(token.as_ref(), address.parse().unwrap(), vec!["wall.example".to_owned()], false).unwrap()
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        let door = door(None, "127.0.0.1");
        for (host, admitted) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:8080", true),
            ("wall.example:8080", true),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(door.admit(&headers(&[(HOST, host)])).is_ok(), admitted, "{host}");
        }
    }

    #[test]
    fn a_token_is_wanted_whole_and_in_either_form() {
        let door = door(Some("s3cret"), "10.0.0.1");
        let cookie = door.log_in(&headers(&[(HOST, "a")]), "s3cret").unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("s3cret"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        for (headers, admitted) in [
            (headers(&[(HOST, "any")]), false),
            (headers(&[(AUTHORIZATION, "Bearer s3cret")]), true),
            (headers(&[(AUTHORIZATION, "bearer s3cret")]), true),
            (headers(&[(AUTHORIZATION, "Bearer s3cre")]), false),
            (headers(&[(AUTHORIZATION, "Bearer s3cret2")]), false),
            (headers(&[(AUTHORIZATION, "Basic s3cret")]), false),
            (headers(&[(COOKIE, &format!("a=b; {cookie}"))]), true),
            (headers(&[(COOKIE, "gonogo=s3cret")]), false),
            (headers(&[(COOKIE, &format!("{cookie}0"))]), false),
        ] {
            assert_eq!(door.admit(&headers).is_ok(), admitted, "{headers:?}");
        }
    }

    #[test]
    fn a_form_of_another_page_logs_nobody_in() {
        let door = door(Some("s3cret"), "10.0.0.1");
        let from = |origin| headers(&[(HOST, "gonogo.example:1"), (ORIGIN, origin)]);
        assert!(door.log_in(&from("http://gonogo.example:1"), "s3cret").is_ok());
        assert_eq!(door.log_in(&from("http://evil.example"), "s3cret"), Err(Stranger::Misdirected));
        assert_eq!(door.log_in(&from("null"), "wrong"), Err(Stranger::Unknown));
    }
}
