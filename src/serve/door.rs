//! Who is let in: the `Host` header first, which a page of somebody else cannot choose (DNS rebinding), then the token, when
//! there is one, as `Authorization: Bearer` (RFC 6750) for programs or as the cookie that the login form gives to browsers.
//! Whoever writes shows the operator's token, on this machine too, and writes from a page of ours: the `Origin` header (RFC
//! 6454 section 7) says so, beside a cookie that other sites' pages never send.

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
    /// Who reads; none when everybody may.
    reader: Option<Known>,
    /// Who writes as well; none when nobody may.
    operator: Option<Known>,
    /// Names this server answers to; empty when it answers to any.
    hosts: Vec<String>,
    /// Cookies go over TLS only.
    secured: bool,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Read.
    Reader,
    /// Read, and say something.
    Operator,
}

/// The digest of a token, and what the cookie holds.
struct Known {
    token: [u8; 32],
    cookie: String,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("has_token", &self.reader.is_some())
            .field("may_write", &self.operator.is_some())
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
    /// A door that lets in whoever shows the reader's token, everybody without one, and lets write whoever shows the
    /// operator's. The server answers to names of this machine and to `names`; one that other machines reach to any, until
    /// one is named.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(
        reader: Option<&Secret>,
        operator: Option<&Secret>,
        address: IpAddr,
        names: Vec<String>,
        secured: bool,
    ) -> Result<Self, getrandom::Error> {
        let mut hosts = names;
        if reader.is_none() || address.is_loopback() || !hosts.is_empty() {
            let own = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            hosts.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), own]);
        }
        let (reader, operator) = (reader.map(Known::new).transpose()?, operator.map(Known::new).transpose()?);
        Ok(Self { reader, operator, hosts, secured })
    }

    /// Whether anybody may write.
    pub(super) const fn lets_write(&self) -> bool {
        self.operator.is_some()
    }

    /// Whether this request may be answered, and as whose.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Role, Stranger> {
        if !self.is_meant(headers) {
            return Err(Stranger::Misdirected);
        }
        let bearer = text(headers, &AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let shown = |known: &&Known| {
            bearer.is_some_and(|token| known.is(token))
                || cookies(headers).any(|cookie| known.is_cookie(cookie))
        };
        if self.operator.as_ref().is_some_and(|known| shown(&known)) {
            return Ok(Role::Operator);
        }
        match &self.reader {
            None => Ok(Role::Reader),
            Some(known) if shown(&known) => Ok(Role::Reader),
            Some(_) => Err(Stranger::Unknown),
        }
    }

    /// Whether we are the server that is asked; a request without a host is of no browser.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST) else { return true };
        let name = host.to_str().map_or("", without_port);
        self.hosts.is_empty() || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The cookie for whoever shows a token; a form of another page is refused.
    pub(super) fn log_in(&self, headers: &HeaderMap, token: &str) -> Result<(Role, String), Stranger> {
        if !is_of_ours(headers).unwrap_or(true) {
            return Err(Stranger::Misdirected);
        }
        let known = [(Role::Operator, &self.operator), (Role::Reader, &self.reader)];
        let mut known = known.into_iter().filter_map(|(role, known)| Some((role, known.as_ref()?)));
        let (role, known) = known.find(|(_, known)| known.is(token)).ok_or(Stranger::Unknown)?;
        let secure = if self.secured { "; Secure" } else { "" };
        let cookie = format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict{secure}", known.cookie);
        Ok((role, cookie))
    }
}

/// Whether an operator's request was made by a page of ours, or by a program: those send no cookie.
pub(super) fn may_write(headers: &HeaderMap) -> bool {
    is_of_ours(headers).unwrap_or_else(|| headers.contains_key(AUTHORIZATION))
}

/// Whether the page that sends this is ours; none when it is no page of a browser. `null` is nobody's.
fn is_of_ours(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(ORIGIN)?.to_str().unwrap_or_default();
    let host = text(headers, &HOST).unwrap_or_default();
    Some(origin.split_once("://").is_some_and(|(_, authority)| authority == host))
}

impl Known {
    fn new(token: &Secret) -> Result<Self, getrandom::Error> {
        // A cookie is worth nothing to another server, nor to this one once it has ended.
        let mut salt = [0_u8; 32];
        getrandom::fill(&mut salt)?;
        let digest = Sha256::new().chain_update(salt).chain_update(token.expose()).finalize();
        let cookie = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
        Ok(Self { token: Sha256::digest(token.expose()).into(), cookie })
    }

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

    fn door(reader: Option<&str>, operator: Option<&str>, address: &str) -> Door {
        let secret = |token: &str| Secret::new(token.to_owned());
        let (reader, operator) = (reader.map(secret), operator.map(secret));
        let (address, names) = (address.parse().unwrap(), vec!["wall.example".to_owned()]);
        Door::new(reader.as_ref(), operator.as_ref(), address, names, false).unwrap()
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        let door = door(None, None, "127.0.0.1");
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
        let door = door(Some("s3cret"), None, "10.0.0.1");
        let (role, cookie) = door.log_in(&headers(&[(HOST, "a")]), "s3cret").unwrap();
        assert_eq!(role, Role::Reader);
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
        let door = door(Some("s3cret"), None, "10.0.0.1");
        let from = |origin| headers(&[(HOST, "gonogo.example:1"), (ORIGIN, origin)]);
        assert!(door.log_in(&from("http://gonogo.example:1"), "s3cret").is_ok());
        assert_eq!(door.log_in(&from("http://evil.example"), "s3cret"), Err(Stranger::Misdirected));
        assert_eq!(door.log_in(&from("null"), "s3cret"), Err(Stranger::Misdirected));
        assert_eq!(door.log_in(&headers(&[(HOST, "a")]), "wrong"), Err(Stranger::Unknown));
    }

    #[test]
    fn only_the_token_of_an_operator_makes_one_on_this_machine_too() {
        let door = door(None, Some("0perator"), "127.0.0.1");
        let host = (HOST, "localhost:1");
        assert_eq!(door.admit(&headers(std::slice::from_ref(&host))), Ok(Role::Reader));
        let (role, cookie) = door.log_in(&headers(std::slice::from_ref(&host)), "0perator").unwrap();
        assert_eq!(role, Role::Operator);
        let cookie = cookie.split(';').next().unwrap();
        let with = |header| headers(&[host.clone(), header]);
        assert_eq!(door.admit(&with((COOKIE, cookie))), Ok(Role::Operator));
        assert_eq!(door.admit(&with((AUTHORIZATION, "Bearer 0perator"))), Ok(Role::Operator));
        assert_eq!(door.admit(&with((AUTHORIZATION, "Bearer other"))), Ok(Role::Reader));
        assert!(may_write(&with((ORIGIN, "https://localhost:1"))));
        assert!(may_write(&with((AUTHORIZATION, "Bearer 0perator"))));
        for nobody in ["null", "http://localhost:2", "http://evil.example", ""] {
            assert!(!may_write(&with((ORIGIN, nobody))), "{nobody}");
        }
        assert!(!may_write(&with((COOKIE, cookie))), "every browser says where a form comes from");
    }
}
