//! One way to one server, up to a connection that is secured as asked: dns, route, tcp, tls.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::model::fact::{Attempt, Fact};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::net::connect::{CONNECT_LIMIT, Connection, connect, connect_unix};
use crate::net::starttls::{self, STARTTLS_LIMIT};
use crate::net::stream::{Plain, Stream};
use crate::net::tls::{self, HANDSHAKE_LIMIT, TlsSettings, Verify};
use crate::postgres::session::{CancelKey, cancel, end_point};
use crate::postgres::settings::{Place, Roots, Settings, SslMode, Tls, Trust};
use crate::probe::reach::locate;
use crate::probe::{Recorder, Stop, Trouble};

/// The longest a request to stop a statement may take; nobody waits for it.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// How a connection is secured on one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Secured {
    /// Over TLS or not at all.
    Tls,
    /// Over TLS, or in clear text when the server says that it has none.
    TlsIfOffered,
    /// In clear text; why that is told, or nothing where TLS is not even thought of.
    Clear(Option<&'static str>),
}

/// A connection on which nobody has logged in yet.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
}

/// Where a connection went, to go there once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// Over TCP.
    Address(SocketAddr),
    /// Through a Unix socket; Linux's abstract namespace begins with a NUL byte.
    Socket(String),
}

/// Connect to one server; `earlier` are attempts at servers before it in the list.
pub(super) async fn reach(
    settings: &Settings,
    place: &Place,
    secured: &Secured,
    earlier: &[Attempt],
    recorder: &mut Recorder,
) -> Result<Reached, Stop> {
    let limit = settings.connect_timeout.map_or(CONNECT_LIMIT, |limit| limit.min(CONNECT_LIMIT));
    let (host, port, address) = match place {
        Place::Socket { path } => return local(path, limit, recorder).await,
        Place::Tcp { host, address, port } => (host, *port, *address),
    };
    let name = address.map_or_else(|| host.clone(), |address| address.to_string());
    let addresses = locate(recorder, &name, port).await?;
    let Connection { address, stream } = recorder
        .layer(Layer::Tcp, limit + Duration::from_secs(2), "connection", async {
            let (mut fact, connection) = connect(&addresses, limit).await?;
            if let Fact::Connected { attempts, .. } = &mut fact {
                attempts.splice(0..0, earlier.iter().cloned());
            }
            Ok((fact, connection))
        })
        .await?;
    let stream = secure(&settings.tls, host, Plain::Tcp(stream), secured, recorder).await?;
    Ok(Reached { stream, peer: Peer::Address(address) })
}

async fn local(path: &str, limit: Duration, recorder: &mut Recorder) -> Result<Reached, Stop> {
    let peer = match path.strip_prefix('@') {
        Some(name) => format!("\0{name}"),
        None => path.to_owned(),
    };
    let stream = recorder
        .layer(Layer::Tcp, limit, "connection", async {
            // Told as written: a NUL byte says nothing to people.
            match connect_unix(Path::new(&peer)).await {
                Ok((_, stream)) => Ok((Fact::ConnectedLocally { path: path.to_owned() }, stream)),
                Err(Trouble::Fault(Fault::SocketFailed { reason, .. })) => {
                    Err(Fault::SocketFailed { path: path.to_owned(), reason }.into())
                }
                Err(trouble) => Err(trouble),
            }
        })
        .await?;
    Ok(Reached { stream: Stream::Plain(stream), peer: Peer::Socket(peer) })
}

/// The TLS layer: what the server offers, the handshake, the certificates.
async fn secure(
    tls: &Tls,
    host: &str,
    mut stream: Plain,
    secured: &Secured,
    recorder: &mut Recorder,
) -> Result<Stream, Stop> {
    if let Secured::Clear(why) = secured {
        if let Some(why) = why {
            recorder.worked(Layer::Tls, Duration::ZERO, Fact::Clear { why: (*why).to_owned() });
        }
        return Ok(Stream::Plain(stream));
    }
    let began = Instant::now();
    let net = std::sync::Arc::clone(&recorder.context().net);
    let settings = tls_settings(tls, host);
    recorder
        .layer(Layer::Tls, STARTTLS_LIMIT + HANDSHAKE_LIMIT, "end of the TLS handshake", async {
            if !tls.direct {
                let asked = tokio::time::timeout(STARTTLS_LIMIT, starttls::postgres(&mut stream)).await;
                match asked.unwrap_or_else(|_| Err(silent(began))) {
                    Ok(()) => {}
                    Err(Fault::TlsNotOffered { .. }) if *secured == Secured::TlsIfOffered => {
                        let why = format!("the server has no TLS, and sslmode={} allows that", tls.mode.name());
                        return Ok((Fact::Clear { why }, Stream::Plain(stream)));
                    }
                    Err(fault) => return Err(fault.into()),
                }
            }
            tls::secure(&net, stream, &settings).await
        })
        .await
}

fn silent(since: Instant) -> Fault {
    Fault::TimedOut {
        waiting_for: "answer to SSLRequest".to_owned(),
        limit_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

fn tls_settings(tls: &Tls, host: &str) -> TlsSettings {
    let mut settings = TlsSettings::new(host);
    let (verify, roots) = match &tls.trust {
        Trust::Nothing => (Verify::None, None),
        Trust::Chain(roots) => (Verify::Chain, Some(roots)),
        Trust::ChainAndName(roots) => (Verify::Full, Some(roots)),
    };
    settings.verify = verify;
    settings.trust = match roots {
        Some(Roots::File(path)) => tls::Trust::File(path.clone()),
        Some(Roots::System) | None => tls::Trust::System,
    };
    settings.accept_common_name = true;
    settings.client_certificate = tls.certificate.as_ref().map(|files| tls::ClientCertificate {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
    });
    if tls.direct {
        // Registered by IANA for `sslnegotiation=direct` (protocol section 53.2.12).
        settings.alpn = vec!["postgresql".to_owned()];
    }
    settings
}

impl Reached {
    /// `tls-server-end-point` of the connection, when it is over TLS.
    pub(super) fn end_point(&self) -> Option<Vec<u8>> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => {
                let certificates = stream.get_ref().1.peer_certificates()?;
                end_point(certificates.first()?)
            }
        }
    }
}

impl Peer {
    /// Ask the server to stop a statement, over a connection of its own in clear text, as libpq's `PQcancel` does; the
    /// key in it is good for that statement's session only. Best effort: nobody waits for it.
    pub(super) async fn cancel(self, key: CancelKey) {
        let sending = async {
            match self {
                Self::Address(address) => {
                    let mut stream = tokio::net::TcpStream::connect(address).await?;
                    cancel(&mut stream, key).await
                }
                Self::Socket(path) => {
                    let mut stream = tokio::net::UnixStream::connect(path).await?;
                    cancel(&mut stream, key).await
                }
            }
        };
        if let Ok(Err(error)) = tokio::time::timeout(CANCEL_LIMIT, sending).await {
            tracing::debug!(%error, "the statement could not be cancelled");
        }
    }
}

/// How each server is tried, in order, for an `sslmode` (documentation table 34.1).
pub(super) fn securities(mode: SslMode, place: &Place) -> Vec<Secured> {
    if matches!(place, Place::Socket { .. }) {
        return vec![Secured::Clear(None)];
    }
    match mode {
        SslMode::Disable => vec![Secured::Clear(None)],
        SslMode::Allow => {
            vec![Secured::Clear(Some("sslmode=allow, and the server lets us in without TLS")), Secured::Tls]
        }
        SslMode::Prefer => vec![
            Secured::TlsIfOffered,
            Secured::Clear(Some("the server refuses the login over TLS, and sslmode=prefer allows that")),
        ],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => vec![Secured::Tls],
    }
}
