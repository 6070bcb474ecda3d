//! `gonogo serve`: the newest run live over HTTP, for the conference bridge and for gates. Whoever watches can change nothing;
//! operators, with a token of their own, say what the command line lets people say. `feed` follows the journal, `routes` says
//! who gets which answer, `answers` makes them, `events` is the stream of what happens, `desk` is where operators `say`
//! something, `github` tells GitHub of deployments that wait, `door` lets nobody else in. `watch` tells people that the time runs out, when it is asked to.

mod answers;
mod desk;
mod door;
mod events;
mod feed;
mod github;
mod routes;
mod say;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::journal::Store;
use crate::journal::event::Actor;
use crate::model::notification::Target;
use crate::net::Context;
use crate::net::tls::{Unservable, acceptor};

pub use door::Door;
use events::Place;
use feed::Feed;
pub use github::App as GithubApp;
use watch::Watch;

/// Connections at once; others wait in the listener's queue.
const MOST_CONNECTIONS: usize = 1024;
/// The longest a request's head, or a handshake of TLS, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request's head: more is refused (431).
const LARGEST_HEAD: usize = 16 * 1024;
/// The longest that nothing of an answer is taken: whoever does not read is not waited for.
const STALLED: Duration = Duration::from_secs(30);
/// How often readers of events are looked after: one that does not read is dropped, not waited for.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What is served, and to whom.
pub struct Server {
    feed: Arc<Feed>,
    door: Door,
    /// Who serves, in what operators say.
    actor: Actor,
    /// An answer to a gate is no go when nothing was looked at for longer than this.
    max_age: Duration,
    /// Gates are answered without a token, by the verdict alone.
    open_gate: bool,
    github: Option<Arc<GithubApp>>,
    tls: Option<TlsAcceptor>,
    body: Mutex<Option<answers::Rendered>>,
    watch: Option<Watch>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("door", &self.door)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Serve what is recorded in `store`.
    #[must_use]
    pub fn new(store: Store, door: Door, actor: Actor, max_age: Duration) -> Self {
        let (feed, body) = (Arc::new(Feed::new(store)), Mutex::default());
        Self { feed, door, actor, max_age, open_gate: false, github: None, tls: None, body, watch: None }
    }

    /// Answer `/gate` without a token, by the verdict alone.
    #[must_use]
    pub fn with_open_gate(self) -> Self {
        Self { open_gate: true, ..self }
    }

    /// Answer GitHub's deployment protection rules as this App.
    #[must_use]
    pub fn answering_github(self, app: GithubApp) -> Self {
        Self { github: Some(Arc::new(app)), ..self }
    }

    /// Tell these people when the time runs out.
    ///
    /// # Errors
    /// A sentence, when there are no random numbers.
    pub fn telling(self, targets: Arc<[Target]>, context: Context) -> Result<Self, String> {
        let watch = Watch::new(targets, context, self.actor.clone())?;
        Ok(Self { watch: Some(watch), ..self })
    }

    /// Speak TLS with this certificate chain and key, PEM files.
    ///
    /// # Errors
    /// `Unservable` when they cannot be read, or do not belong together.
    pub fn secured(self, chain: &Path, key: &Path) -> Result<Self, Unservable> {
        Ok(Self { tls: Some(acceptor(chain, key)?), ..self })
    }

    /// Answer until told to stop.
    pub async fn run(mut self, listener: TcpListener, stop: CancellationToken) {
        let watch = self.watch.take();
        let server = Arc::new(self);
        let follower = tokio::spawn(feed::follow(Arc::clone(&server.feed), watch, stop.clone()));
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&listener, &room) => accepted,
            };
            let Some((stream, peer, room)) = accepted else { continue };
            let (server, stop) = (Arc::clone(&server), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = connection(&server, stream, peer) => {}
                }
                drop(room);
            });
        }
        // It ends with the same token.
        let _ = follower.await;
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            // Out of file descriptors, most likely: let some connections end first.
            tracing::debug!(%error, "no connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(server: &Arc<Server>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let stream: Pin<Box<TimeoutStream<TcpStream>>> = Box::pin(stream);
    let Some(acceptor) = &server.tls else { return converse(server, stream, peer).await };
    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(server, stream, peer).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
        Err(_) => tracing::debug!(%peer, "a handshake took too long"),
    }
}

async fn converse(server: &Arc<Server>, stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr) {
    let place = Place::default();
    let service = service_fn(|request| routes::answer(server, request, place.clone(), peer.ip()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let left_behind = async {
        loop {
            tokio::time::sleep(LOOK_AFTER).await;
            if server.feed.has_left_behind(&place) {
                break;
            }
        }
    };
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        }
        () = left_behind => tracing::debug!(%peer, "a reader was too slow, and is dropped"),
    }
}
