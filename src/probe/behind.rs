//! `behind`: what other ports of this host answer to a request that failed at one of them: an application behind its proxy.
//! Asked by diagnosis, never written in a plan.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONNECTION, HOST};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::respond;
use super::{Context, Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::clock;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::host::{Behind as Port, BehindSaid};
use crate::model::layer::Layer;
use crate::model::response::Body;
use crate::model::trace::VantageError;
use crate::net::http::{Head, Protocol, exchange};
use crate::net::stream::{Plain, Stream};
use crate::net::tls::{TlsSettings, Verify, secure};
use crate::net::{Net, listeners};

/// The longest a port is waited for; less than a question may take.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest a handshake is waited for, once a port has closed on plain words.
const HANDSHAKE: Duration = Duration::from_millis(700);
/// Ports that are asked at most.
const MOST: usize = 12;
/// Ports above are the kernel's to give out, and what listens there is seldom a web server.
const FIRST_EPHEMERAL: u16 = 32_768;
/// Ports below are the host's own, but for those of the web.
const FIRST_OF_APPLICATIONS: u16 = 1024;
/// Ports of servers that speak something else, and may take a request amiss.
const NOT_WEB: &[u16] = &[
    1099, 1433, 1521, 1883, 2049, 2181, 2379, 2380, 2888, 3260, 3306, 3389, 3888, 4369, 5005, 5432, 5433, 5671, 5672, 5900, 6000,
    6379, 6380, 6432, 7000, 7001, 7199, 9042, 9092, 9093, 9100, 9300, 11211, 25672, 26257, 26379, 27017, 27018, 28015,
];

/// A request, as far as it holds no secret.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behind {
    /// The port that failed, which is not asked.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// The `Host` header.
    pub host: String,
    /// Other headers.
    pub headers: IndexMap<String, String>,
}

impl Probe for Behind {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer::Protocol]
    }

    fn target(&self) -> String {
        format!("ports behind {}", self.port)
    }

    fn bind(&mut self, _: &Surroundings<'_>) -> Vec<Problem> {
        Vec::new()
    }

    fn commands(&self) -> Vec<String> {
        vec![format!("GET {} from other listening ports of the host", self.path)]
    }

    async fn run(&self, recorder: &mut Recorder) -> Result<(), Stop> {
        let context = recorder.context().clone();
        let port = self.port;
        let asking = async {
            let found = tokio::task::spawn_blocking(move || listeners::others(port)).await;
            let found = found.map_err(|error| VantageError::Internal { reason: error.to_string() }).flatten();
            let found = found.map_err(Trouble::Blind)?;
            let asked = found.into_iter().filter(|(address, _)| is_of_the_web(address.port())).take(MOST);
            let asked = asked.map(async |(address, program)| {
                let began = Instant::now();
                let (said, body) = self.ask(&context, reachable(address)).await;
                let took_ms = clock::milliseconds(began.elapsed());
                Port { port: address.port(), program, said, took_ms, body }
            });
            Ok((Fact::Behind { ports: join_all(asked).await }, ()))
        };
        recorder.layer(Layer::Protocol, recorder.remaining(), "answers of other ports", asking).await
    }
}

fn is_of_the_web(port: u16) -> bool {
    let of_applications = (FIRST_OF_APPLICATIONS..FIRST_EPHEMERAL).contains(&port);
    matches!(port, 80 | 443) || (of_applications && !NOT_WEB.contains(&port))
}

/// Where a listening socket is reached on its own host.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Behind {
    /// The request; none when its parts make none.
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::get(&self.path).header(HOST, &self.host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.header(CONNECTION, "close").body(Full::default()).ok()
    }

    async fn ask(&self, context: &Context, address: SocketAddr) -> (BehindSaid, Option<Body>) {
        match timeout(LIMIT, self.speak(context, address)).await {
            Err(_) => (BehindSaid::Silent, None),
            Ok(said @ (BehindSaid::Reset | BehindSaid::Closed | BehindSaid::Other, _)) => {
                let secured = timeout(HANDSHAKE, speaks_tls(&context.net, address)).await == Ok(true);
                if secured { (BehindSaid::Secured, None) } else { said }
            }
            Ok(said) => said,
        }
    }

    async fn speak(&self, context: &Context, address: SocketAddr) -> (BehindSaid, Option<Body>) {
        let Some(request) = self.request() else { return (BehindSaid::Other, None) };
        let Ok(stream) = TcpStream::connect(address).await else { return (BehindSaid::Other, None) };
        let stream = Stream::Plain(Plain::Tcp(stream));
        let (scrubber, begun) = (context.vault.scrubber(), OnceLock::new());
        let answer = Box::pin(exchange(stream, Protocol::Http1, request, scrubber, &begun)).await;
        match (answer, begun.into_inner()) {
            (Ok(answer), _) if wants_tls(&answer.body) => (BehindSaid::Secured, None),
            (Ok(answer), _) => {
                let body = respond::body(&answer, |_| String::new());
                (answered(&answer.head()), Some(Body { begins: None, ..body }))
            }
            (Err(_), Some(head)) => (answered(&head), None),
            (Err(fault), None) => (unanswered(&fault), None),
        }
    }
}

fn answered(head: &Head) -> BehindSaid {
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    BehindSaid::Answered { status: head.status.as_u16(), head_bytes: headers.sum::<usize>() as u64 }
}

fn unanswered(fault: &Fault) -> BehindSaid {
    if let Fault::Reset { .. } = fault {
        BehindSaid::Reset
    } else if let Fault::ClosedEarly { received: 0, .. } = fault {
        BehindSaid::Closed
    } else {
        BehindSaid::Other
    }
}

/// nginx, Go and Tomcat say in plain words that they expect TLS.
fn wants_tls(body: &[u8]) -> bool {
    const WORDS: [&str; 3] =
        ["plain http request was sent to https port", "http request to an https server", "requires tls"];
    let text = String::from_utf8_lossy(body).to_lowercase();
    WORDS.iter().any(|words| text.contains(words))
}

/// Whether a port answers a TLS handshake; nobody's certificate is judged, and nothing is sent.
async fn speaks_tls(net: &Net, address: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect(address).await else { return false };
    let mut settings = TlsSettings::new("localhost");
    settings.verify = Verify::None;
    match Box::pin(secure(net, Plain::Tcp(stream), &settings)).await {
        Ok(_) => true,
        Err(Trouble::Fault(fault)) => matches!(fault, Fault::AlertReceived { .. } | Fault::ClientCertificateRefused { .. }),
        Err(Trouble::Blind(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_of_the_web_are_asked() {
        for (port, asked) in [(80, true), (22, false), (5432, false), (8080, true), (9443, true), (40_000, false)] {
            assert_eq!(is_of_the_web(port), asked, "{port}");
        }
    }

    #[test]
    fn a_request_is_one_request_whatever_its_parts_hold() {
        let asked = |path: &str, value: &str| {
            let headers = IndexMap::from([("x_tenant".to_owned(), value.to_owned())]);
            Behind { port: 1, path: path.to_owned(), host: "app2:80".to_owned(), headers }.request()
        };
        let request = asked("/a?b=c", "acme").unwrap();
        assert_eq!((request.uri().to_string(), request.headers()["x_tenant"].to_str().unwrap()), ("/a?b=c".to_owned(), "acme"));
        assert!(asked("/a b\r\n", "acme").is_none());
        assert!(asked("/a", "acme\r\n\r\nGET /other HTTP/1.1").is_none());
    }

    #[test]
    fn a_port_that_wants_tls_says_so() {
        assert!(wants_tls(b"<center>The plain HTTP request was sent to HTTPS port</center>"));
        assert!(wants_tls(b"Client sent an HTTP request to an HTTPS server."));
        assert!(!wants_tls(b"Bad Request"));
    }
}
