//! `behind`: what other ports of this host answer to a request that failed at one of them: an application behind its proxy.
//! Asked by diagnosis, never written in a plan.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Probe, Problem, Recorder, Stop, Surroundings, Trouble};
use crate::clock;
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::host::{Behind as Port, BehindSaid};
use crate::model::layer::Layer;
use crate::model::trace::VantageError;
use crate::net::stream::Plain;
use crate::net::tls::{TlsSettings, Verify, secure};
use crate::net::{Net, listeners};

/// The longest a port is waited for; less than a question may take.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest a handshake is waited for, once a port has closed on plain words.
const HANDSHAKE: Duration = Duration::from_millis(700);
/// Ports that are asked at most.
const MOST: usize = 12;
/// Bytes of a head that are read.
const LARGEST_HEAD: usize = 64 * 1024;
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
        let net = Arc::clone(&recorder.context().net);
        let port = self.port;
        let asking = async {
            let found = tokio::task::spawn_blocking(move || listeners::others(port)).await;
            let found = found.map_err(|error| VantageError::Internal { reason: error.to_string() }).flatten();
            let found = found.map_err(Trouble::Blind)?;
            let asked = found.into_iter().filter(|(address, _)| is_of_the_web(address.port())).take(MOST);
            let asked = asked.map(async |(address, program)| {
                let began = Instant::now();
                let said = self.ask(&net, reachable(address)).await;
                Port { port: address.port(), program, said, took_ms: clock::milliseconds(began.elapsed()) }
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
    /// Words of a request; what cannot stand in one is left out.
    fn request(&self) -> String {
        let clean = |text: &str| text.chars().filter(|character| !character.is_control()).collect::<String>();
        let mut request = format!("GET {} HTTP/1.1\r\nHost: {}\r\n", clean(&self.path).replace(' ', "%20"), clean(&self.host));
        for (name, value) in &self.headers {
            request = request + &clean(name) + ": " + &clean(value) + "\r\n";
        }
        request + "Connection: close\r\n\r\n"
    }

    async fn ask(&self, net: &Net, address: SocketAddr) -> BehindSaid {
        match timeout(LIMIT, self.speak(address)).await {
            Err(_) => BehindSaid::Silent,
            Ok(said @ (BehindSaid::Reset | BehindSaid::Closed | BehindSaid::Other)) => {
                if timeout(HANDSHAKE, speaks_tls(net, address)).await == Ok(true) { BehindSaid::Secured } else { said }
            }
            Ok(said) => said,
        }
    }

    async fn speak(&self, address: SocketAddr) -> BehindSaid {
        let Ok(mut stream) = TcpStream::connect(address).await else { return BehindSaid::Other };
        if let Err(error) = stream.write_all(self.request().as_bytes()).await {
            return broken(&error);
        }
        let mut head: Vec<u8> = Vec::new();
        loop {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(0) if head.is_empty() => return BehindSaid::Closed,
                Ok(0) => return answered(&head),
                Ok(count) => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if head.is_empty() => return broken(&error),
                Err(_) => return answered(&head),
            }
            if head.len() >= LARGEST_HEAD || end_of_head(&head).is_some() {
                return answered(&head);
            }
        }
    }
}

fn broken(error: &std::io::Error) -> BehindSaid {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    if matches!(error.kind(), ConnectionReset | BrokenPipe) { BehindSaid::Reset } else { BehindSaid::Other }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|position| position + 4)
}

/// What came, understood.
fn answered(bytes: &[u8]) -> BehindSaid {
    let text = String::from_utf8_lossy(bytes);
    // nginx, Go and Tomcat say in plain words that they expect TLS.
    let lower = text.to_lowercase();
    let wants_tls = ["plain http request was sent to https port", "http request to an https server", "requires tls"];
    if wants_tls.iter().any(|words| lower.contains(words)) {
        return BehindSaid::Secured;
    }
    let mut words = text.split_whitespace();
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    match words.next().and_then(|word| word.parse().ok()).filter(|_| is_http) {
        Some(status) => {
            BehindSaid::Answered { status, head_bytes: end_of_head(bytes).unwrap_or(bytes.len()) as u64 }
        }
        None => BehindSaid::Other,
    }
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
    fn what_came_is_understood() {
        for (bytes, said) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"[..], BehindSaid::Answered { status: 200, head_bytes: 25 }),
            (b"HTTP/1.1 503 x\r\n", BehindSaid::Answered { status: 503, head_bytes: 16 }),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>", BehindSaid::Secured),
            (b"\x15\x03\x01\x00\x02\x02\x46", BehindSaid::Other),
            (b"SSH-2.0-OpenSSH", BehindSaid::Other),
            (b"HTTP/1.1 yes", BehindSaid::Other),
            (b"", BehindSaid::Other),
        ] {
            assert_eq!(answered(bytes), said, "{bytes:?}");
        }
    }

    #[test]
    fn only_ports_of_the_web_are_asked() {
        for (port, asked) in [(80, true), (22, false), (5432, false), (8080, true), (9443, true), (40_000, false)] {
            assert_eq!(is_of_the_web(port), asked, "{port}");
        }
    }

    #[test]
    fn a_request_is_one_request_whatever_its_parts_hold() {
        let headers = IndexMap::from([("x_tenant".to_owned(), "acme\r\n\r\nGET /other HTTP/1.1".to_owned())]);
        let asked = Behind { port: 1, path: "/a b\r\n".to_owned(), host: "app2:80\n".to_owned(), headers };
        assert_eq!(
            asked.request(),
            "GET /a%20b HTTP/1.1\r\nHost: app2:80\r\nx_tenant: acmeGET /other HTTP/1.1\r\nConnection: close\r\n\r\n"
        );
    }
}
