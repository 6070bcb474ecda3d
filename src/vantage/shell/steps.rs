//! The layers below HTTP, each by one command: `getent ahosts`, `ip route get`, bash's `/dev/tcp`, `openssl s_client`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Looking, limit_ms};
use crate::clock::milliseconds;
use crate::model::fact::{Attempt, ConnectError, ConnectErrorKind, Fact};
use crate::model::fault::{Distrust, Fault};
use crate::model::layer::Layer;
use crate::net::connect::{self, CONNECT_LIMIT, MOST_ADDRESSES};
use crate::net::resolve::{RESOLVE_LIMIT, literal};
use crate::net::tls::{HANDSHAKE_LIMIT, certificate};
use crate::probe::Stop;
use crate::probe::address::{HostPort, host_port};
use crate::probe::dns::Dns;
use crate::probe::file_ref::FileRef;
use crate::probe::reach::Addresses;
use crate::probe::tcp::Tcp;
use crate::probe::tls::{StartTls, Tls};

/// Who judged a chain of certificates.
const VERIFIER: &str = "openssl s_client of the vantage";

/// What a TLS handshake is to be like.
pub(super) struct Handshake<'a> {
    /// The name asked for, and held against the certificate.
    pub(super) name: &'a str,
    /// Trusted authorities, a file of the vantage's.
    pub(super) ca: Option<&'a Path>,
    /// Application protocols.
    pub(super) alpn: &'a [String],
    pub(super) starttls: Option<StartTls>,
}

/// What a handshake came to.
pub(super) struct Secured {
    pub(super) fact: Fact,
    pub(super) took: Duration,
}

impl Looking<'_> {
    pub(super) async fn dns(&mut self, dns: &Dns) -> Result<(), Stop> {
        let ttl = dns.expect.as_ref().is_some_and(|expect| expect.ttl.is_some());
        self.refuse(&[("type", dns.record_type.is_some()), ("server", dns.server.is_some()), ("ttl", ttl)])?;
        let began = Instant::now();
        let (fact, addresses) = self.addresses(&dns.name).await?;
        let answers: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let mismatches =
            dns.expect.as_ref().map(|expect| expect.mismatches(&answers, None)).unwrap_or_default();
        if mismatches.is_empty() {
            self.recorder.worked(Layer::Dns, began.elapsed(), fact);
            return Ok(());
        }
        Err(self.broke(Layer::Dns, began, Fault::Mismatch { mismatches, excerpt: None }))
    }

    pub(super) async fn tcp(&mut self, tcp: &Tcp) -> Result<(), Stop> {
        let all = tcp.addresses == Addresses::All;
        self.refuse(&[
            ("send", tcp.send.is_some()),
            ("expect", tcp.expect.is_some()),
            ("addresses: all", all),
        ])?;
        let HostPort { host, port } = self.host_port(&tcp.address)?;
        let connected = self.reach(&host, port).await?;
        if connected.is_none() {
            return Err(self.shell.cannot("there is no bash, and nothing else connects"));
        }
        let fact = Fact::Matched { values: Vec::new(), excerpt: None };
        self.recorder.worked(Layer::Payload, Duration::ZERO, fact);
        Ok(())
    }

    pub(super) async fn tls(&mut self, tls: &Tls) -> Result<(), Stop> {
        let local = tls.clone().ca.as_mut().is_some_and(|ca| ca.local().is_some());
        self.refuse(&[
            ("ca: here", local),
            ("client_certificate", tls.client_certificate.is_some()),
            ("versions", !tls.versions.is_empty()),
        ])?;
        let HostPort { host, port } = self.host_port(&tls.address)?;
        let address = self.reach(&host, port).await?;
        let (name, ca) = (tls.server_name.as_deref().unwrap_or(&host), tls.ca.as_ref().map(FileRef::path));
        let handshake = Handshake { name, ca, alpn: &tls.alpn, starttls: tls.starttls };
        let Some(secured) = self.handshake((&host, port), address, &handshake).await? else {
            return Err(self.shell.cannot("there is no openssl"));
        };
        let mismatches = match (&tls.expect, &secured.fact) {
            (Some(expect), Fact::Secured { version, chain, .. }) => expect.mismatches(version, chain),
            _ => Vec::new(),
        };
        if mismatches.is_empty() {
            self.recorder.worked(Layer::Tls, secured.took, secured.fact);
            return Ok(());
        }
        let fault = Fault::Mismatch { mismatches, excerpt: None };
        Err(self.recorder.broke(Layer::Tls, secured.took, fault))
    }

    fn host_port(&self, address: &str) -> Result<HostPort, Stop> {
        host_port(address).map_err(|reason| self.shell.cannot(&reason))
    }

    /// What the name stands for; what breaks is recorded, what works is not yet.
    async fn addresses(&mut self, name: &str) -> Result<(Fact, Vec<IpAddr>), Stop> {
        let resolved = |addresses: Vec<IpAddr>, by: &str| {
            let (name, by) = (name.to_owned(), by.to_owned());
            (Fact::Resolved { name, addresses: addresses.clone(), by }, addresses)
        };
        if let Some(address) = literal(name) {
            return Ok(resolved(vec![address], "literal"));
        }
        if name.starts_with('-') {
            return Err(self.shell.cannot("this name begins with `-`: it would be taken for an option"));
        }
        let began = Instant::now();
        let said = self.limited("getent ahosts \"$1\"", &[name], RESOLVE_LIMIT).await?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for line in said.text().lines() {
            let address = line.split_whitespace().next().and_then(|word| word.parse().ok());
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        if said.absent() {
            return Err(self.shell.cannot("there is no getent, and nothing else finds addresses"));
        }
        if said.late() {
            let (waiting_for, limit_ms) = ("address of the name".to_owned(), limit_ms(RESOLVE_LIMIT));
            return Err(self.broke(Layer::Dns, began, Fault::TimedOut { waiting_for, limit_ms }));
        }
        if addresses.is_empty() {
            // getent(1): 2 is for a name that is not there, and for a server that does not answer.
            let code = format!("getent ahosts found nothing (exit {})", said.code);
            return Err(self.broke(Layer::Dns, began, Fault::ResolverFailed { name: name.to_owned(), code }));
        }
        Ok(resolved(addresses, "getent"))
    }

    /// The dns, route and tcp layers, as far as they can be seen: the address that answered, none without bash.
    pub(super) async fn reach(&mut self, host: &str, port: u16) -> Result<Option<SocketAddr>, Stop> {
        let began = Instant::now();
        let (fact, addresses) = self.addresses(host).await?;
        self.recorder.worked(Layer::Dns, began.elapsed(), fact);
        let source = match addresses.first() {
            Some(address) => self.route(*address).await?,
            None => None,
        };
        let mut attempts: Vec<Attempt> = Vec::new();
        let first = Instant::now();
        for address in addresses.iter().take(MOST_ADDRESSES) {
            let (began, text) = (Instant::now(), address.to_string());
            let connect = "LC_ALL=C bash -c 'exec 3<> \"/dev/tcp/$1/$2\"' bash \"$1\" \"$2\"";
            let said = self.limited(connect, &[&text, &port.to_string()], CONNECT_LIMIT).await?;
            if said.absent() {
                return Ok(None);
            }
            let words = said.text();
            if words.contains("No such file") {
                return Err(self.shell.cannot("the bash there was built without /dev/tcp"));
            }
            let address = SocketAddr::new(*address, port);
            let error = match said.code {
                0 => None,
                _ if said.late() => Some(ConnectErrorKind::TimedOut),
                _ => Some(kind(&words)),
            };
            let error = error.map(|kind| ConnectError { kind, errno: None, offender: None, icmp: None });
            let worked = error.is_none();
            attempts.push(Attempt { address, took_ms: milliseconds(began.elapsed()), error });
            if worked {
                // Bash does not tell our end's port.
                let source = SocketAddr::new(source.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), 0);
                let fact = Fact::Connected { address, source, attempts };
                self.recorder.worked(Layer::Tcp, first.elapsed(), fact);
                return Ok(Some(address));
            }
        }
        Err(self.broke(Layer::Tcp, first, connect::fault(attempts)))
    }

    /// The route layer, where there is `ip`; what it does not tell is left to the connection.
    async fn route(&mut self, address: IpAddr) -> Result<Option<IpAddr>, Stop> {
        let began = Instant::now();
        let said = self.limited("ip -o route get \"$1\"", &[&address.to_string()], CONNECT_LIMIT).await?;
        let text = said.text();
        let mut words = text.split_whitespace().skip_while(|word| *word != "src");
        let source: Option<IpAddr> = words.nth(1).and_then(|word| word.parse().ok());
        if let Some(source) = source.filter(|_| said.code == 0) {
            self.recorder.worked(Layer::Route, began.elapsed(), Fact::Routed { address, source });
        }
        Ok(source)
    }

    /// One handshake, recorded when it breaks; none without openssl.
    pub(super) async fn handshake(
        &mut self,
        (host, port): (&str, u16),
        address: Option<SocketAddr>,
        wanted: &Handshake<'_>,
    ) -> Result<Option<Secured>, Stop> {
        let connect = address.map_or_else(|| format!("{host}:{port}"), |address| address.to_string());
        let name = wanted.name;
        let is_address = literal(name).is_some();
        let mut words: Vec<&str> = vec!["-showcerts", "-connect", &connect];
        // A name of a certificate, or an address in it; a name is sent (RFC 6066), an address is not.
        words.extend(if is_address { ["-noservername", "-verify_ip"] } else { ["-servername", name] });
        words.extend(if is_address { vec![name] } else { vec!["-verify_hostname", name] });
        let ca = wanted.ca.map(|ca| ca.display().to_string());
        if let Some(ca) = &ca {
            words.extend(["-no-CApath", "-no-CAfile", "-CAfile", ca]);
        }
        let alpn = wanted.alpn.join(",");
        if !alpn.is_empty() {
            words.extend(["-alpn", &alpn]);
        }
        match wanted.starttls {
            Some(StartTls::Postgres) => words.extend(["-starttls", "postgres"]),
            Some(StartTls::Smtp) => words.extend(["-starttls", "smtp"]),
            None => {}
        }
        let began = Instant::now();
        let said = self.limited("LC_ALL=C openssl s_client \"$@\"", &words, HANDSHAKE_LIMIT).await?;
        let took = began.elapsed();
        if said.absent() {
            return Ok(None);
        }
        let text = said.text();
        let after = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
        let chain = certificate::from_pem(&said.bytes);
        // `New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384`; `(NONE)` where there was no handshake.
        let agreed = text.lines().find_map(|line| {
            let (version, cipher) = line.split_once(", ")?.1.split_once(", Cipher is ")?;
            (version != "(NONE)").then(|| (version.to_owned(), cipher.trim().to_owned()))
        });
        let code = after("Verify return code:").and_then(|told| told.split_once(' '));
        let (Some((version, cipher)), Some((code, told))) = (agreed, code) else {
            let fault = if said.late() {
                let (waiting_for, limit_ms) = ("TLS handshake".to_owned(), limit_ms(HANDSHAKE_LIMIT));
                Fault::TimedOut { waiting_for, limit_ms }
            } else {
                let reason =
                    text.lines().filter(|line| line.contains("error")).collect::<Vec<_>>().join("; ");
                let reason = if reason.is_empty() { "openssl agreed on nothing".to_owned() } else { reason };
                Fault::HandshakeFailed { reason: self.recorder.excerpt(reason.as_bytes()), chain }
            };
            return Err(self.recorder.broke(Layer::Tls, took, fault));
        };
        let verifier = VERIFIER.to_owned();
        if code != "0" {
            let leaf = chain.first();
            let reason = match code {
                // openssl-verification-options(1), X509_V_ERR_*.
                "9" => Distrust::NotYetValid {
                    not_before: leaf.map_or_else(String::new, |leaf| leaf.not_before.clone()),
                },
                "10" => Distrust::Expired {
                    not_after: leaf.map_or_else(String::new, |leaf| leaf.not_after.clone()),
                },
                "18" => Distrust::SelfSigned,
                "19" | "20" | "21" => Distrust::UnknownIssuer {
                    issuer: chain.last().map_or_else(String::new, |last| last.issuer.clone()),
                },
                "62" | "64" => Distrust::NameMismatch {
                    wanted: name.to_owned(),
                    names: leaf.map_or_else(Vec::new, |leaf| leaf.names.clone()),
                },
                _ => {
                    Distrust::Other { said: self.recorder.excerpt(told.trim_matches(['(', ')']).as_bytes()) }
                }
            };
            let fault = Fault::Distrusted { reasons: vec![reason], chain, verifier };
            return Err(self.recorder.broke(Layer::Tls, took, fault));
        }
        if chain.is_empty() {
            return Err(self.shell.cannot("openssl there shows no certificate"));
        }
        let fact = Fact::Secured {
            version,
            cipher,
            alpn: after("ALPN protocol:").map(ToOwned::to_owned),
            chain,
            verifier,
            client_certificate_asked: text.contains("Acceptable client certificate CA names"),
            stapled: None,
        };
        Ok(Some(Secured { fact, took }))
    }
}

/// The kind of a failed connection, by the words of strerror(3) in the C locale, glibc's and musl's: bash tells nothing else.
fn kind(said: &str) -> ConnectErrorKind {
    let words = [
        (ConnectErrorKind::Refused, &["Connection refused"][..]),
        (ConnectErrorKind::TimedOut, &["Connection timed out", "Operation timed out"]),
        (ConnectErrorKind::HostUnreachable, &["No route to host", "Host is unreachable"]),
        (ConnectErrorKind::NetworkUnreachable, &["Network is unreachable", "Network unreachable"]),
        (ConnectErrorKind::Prohibited, &["Permission denied", "Operation not permitted"]),
        (ConnectErrorKind::Reset, &["Connection reset by peer"]),
        (ConnectErrorKind::AddressUnavailable, &["Cannot assign requested address", "Address not available"]),
    ];
    let found = words.into_iter().find(|(_, words)| words.iter().any(|word| said.contains(word)));
    found.map_or(ConnectErrorKind::Other, |(kind, _)| kind)
}
