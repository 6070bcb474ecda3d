//! HTTP by `curl`. What is sent, secrets among it, goes into its configuration on stdin: no argument list and no environment
//! over there holds any of it. The answer is judged like any other.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{StatusCode, Version};

use super::steps::Handshake;
use super::{Looking, limit_ms};
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::net::connect::CONNECT_LIMIT;
use crate::net::http::Answer;
use crate::net::resolve::literal;
use crate::probe::file_ref::FileRef;
use crate::probe::http::Http;
use crate::probe::reach::Addresses;
use crate::probe::{Recorder, Stop};

/// `-q` first: the user's own configuration stays out of it.
const CALL: &str = "command -v curl > /dev/null 2>&1 || exit 127\nLC_ALL=C curl -q -K -";

impl Looking<'_> {
    pub(super) async fn http(&mut self, http: &Http) -> Result<(), Stop> {
        let local = http.clone().ca.as_mut().is_some_and(|ca| ca.local().is_some());
        self.refuse(&[
            ("ca: here", local),
            ("client_certificate", http.client_certificate.is_some()),
            ("http_version", http.http_version.is_some()),
            ("proxy", http.proxy.as_deref().is_some_and(|proxy| proxy != "none")),
            ("connect_to", http.connect_to.is_some()),
            ("redirects", http.redirects > 0),
            ("addresses: all", http.addresses == Addresses::All),
            ("repeat", http.repeat > 1),
            ("reuse_after", http.reuse_after.is_some()),
        ])?;
        let message = http.message(self.recorder).await?;
        let (host, port, secured) = (message.host(), message.port(), message.url.scheme() == "https");
        let address = self.reach(&host, port).await?;
        let ca = http.ca.as_ref().map(|ca| ca.path().display().to_string());
        if secured {
            let ca = http.ca.as_ref().map(FileRef::path);
            let handshake = Handshake { name: &host, ca, alpn: &[], starttls: None };
            // Without openssl, curl still judges the certificate, and says so when it does not trust it.
            if let Some(secured) = self.handshake((&host, port), address, &handshake).await? {
                self.recorder.worked(Layer::Tls, secured.took, secured.fact);
            }
        }
        let limit = self.recorder.remaining();
        let mut settings = Settings::default();
        settings.set("url", message.url.as_str());
        settings.set("request", message.method.as_str());
        if message.method == hyper::Method::HEAD {
            settings.flag("head");
        }
        for (name, value) in &message.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            // curl(1): a header without a value is written with a semicolon.
            let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            settings.set("header", &header);
        }
        if !message.body.is_empty() {
            settings.set("data-raw", &String::from_utf8_lossy(&message.body));
        }
        if let Some(ca) = &ca {
            settings.set("cacert", ca);
        }
        if let Some(address) = address.filter(|_| literal(&host).is_none()) {
            // The same address as the layers below.
            settings.set("resolve", &format!("{}:{port}:{}", message.bracketed(), address.ip()));
        }
        for flag in ["silent", "show-error", "include", "globoff", "http1.1", "path-as-is"] {
            settings.flag(flag);
        }
        settings.set("noproxy", "*");
        settings.set("proto", "http,https");
        settings.set("connect-timeout", &CONNECT_LIMIT.as_secs().to_string());
        settings.set("max-time", &limit.as_secs().max(1).to_string());
        let began = Instant::now();
        let said =
            self.script(CALL, &[], Some(settings.0.into_bytes()), limit.max(Duration::from_secs(1))).await?;
        let took = began.elapsed();
        if said.absent() {
            return Err(self.shell.cannot("there is no curl"));
        }
        if said.code == 0 {
            return match answer(&said.bytes, took) {
                Some(answer) => http.judge_fetched(self.recorder, &message, &answer, took),
                None => Err(bad(self.recorder, took, &said.bytes)),
            };
        }
        let text = said.text();
        let words =
            text.lines().rev().find_map(|line| line.split_once("curl: ")).map_or("", |(_, words)| words);
        let words = self.recorder.excerpt(words.as_bytes());
        let waiting_for = "complete HTTP response".to_owned();
        // curl(1), EXIT CODES.
        let (layer, fault) = match said.code {
            6 => (Layer::Dns, Fault::ResolverFailed { name: host, code: words }),
            7 => (Layer::Tcp, Fault::ConnectionLost { during: "connecting".to_owned(), reason: words }),
            28 => (Layer::Protocol, Fault::TimedOut { waiting_for, limit_ms: limit_ms(limit) }),
            35 => (Layer::Tls, Fault::HandshakeFailed { reason: words, chain: Vec::new() }),
            51 | 60 => {
                let reasons = vec![Distrust::Other { said: words }];
                let verifier = "curl of the vantage".to_owned();
                (Layer::Tls, Fault::Distrusted { reasons, chain: Vec::new(), verifier })
            }
            52 => (Layer::Protocol, Fault::ClosedEarly { waiting_for, received: 0 }),
            18 => (Layer::Protocol, Fault::ClosedEarly { waiting_for, received: said.bytes.len() as u64 }),
            1 | 8 => return Err(bad(self.recorder, took, &said.bytes)),
            55 | 56 => (Layer::Protocol, Fault::ConnectionLost { during: waiting_for, reason: words }),
            code => return Err(self.shell.cannot(&format!("curl there ended with {code}: {words}"))),
        };
        Err(self.recorder.broke(layer, took, fault))
    }
}

fn bad(recorder: &mut Recorder, took: Duration, bytes: &[u8]) -> Stop {
    let head = recorder.excerpt(bytes.get(..200).unwrap_or(bytes));
    let (expected, reason) = ("HTTP/1.1".to_owned(), "curl does not take it for HTTP".to_owned());
    recorder.broke(Layer::Protocol, took, Fault::BadProtocol { expected, reason, head })
}

/// A configuration file of curl's (curl(1), `--config`).
#[derive(Default)]
struct Settings(String);

impl Settings {
    fn flag(&mut self, name: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{name}");
    }

    fn set(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "{name} = \"");
        for character in value.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                '\t' => self.0.push_str("\\t"),
                other => self.0.push(other),
            }
        }
        self.0.push_str("\"\n");
    }
}

/// An answer as `include` shows it: heads, of which the last counts, and the body as it was sent but for its framing.
fn answer(mut bytes: &[u8], first_byte: Duration) -> Option<Answer> {
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = (bytes.get(..end)?, bytes.get(end + 4..)?);
        let head = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split_whitespace();
        let version = match first.next()? {
            "HTTP/1.0" => Version::HTTP_10,
            "HTTP/1.1" => Version::HTTP_11,
            _ => return None,
        };
        let status = StatusCode::from_bytes(first.next()?.as_bytes()).ok()?;
        if status.is_informational() {
            bytes = body;
            continue;
        }
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.trim()).ok()?);
        }
        let body = Bytes::copy_from_slice(body);
        return Some(Answer { status, version, headers, body, first_byte });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_quotes() {
        let mut settings = Settings::default();
        settings.set("header", "X: a\"\noutput = \"/etc/passwd\\");
        assert_eq!(settings.0, "header = \"X: a\\\"\\noutput = \\\"/etc/passwd\\\\\"\n");
    }

    #[test]
    fn the_last_head_counts() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nServer: x\r\n\r\n{}\r\n\r\n";
        let answer = answer(bytes, Duration::ZERO).expect("an answer");
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (503, &b"{}\r\n\r\n"[..]));
        assert_eq!(answer.headers["server"], "x");
        for none in ["", "HTTP/1.1 200", "SSH-2.0 x\r\n\r\n", "HTTP/1.1 200 OK\r\nno header\r\n\r\n"] {
            assert!(super::answer(none.as_bytes(), Duration::ZERO).is_none(), "{none}");
        }
    }
}
