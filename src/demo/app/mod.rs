//! The demo's two applications, as the hidden command `gonogo __app app1|app2 FILE`: small, but they really work.
//! They end when standard input does, so that none outlives the demo.

mod back;
mod settings;
mod web;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use settings::Settings;

/// Which application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum App {
    /// The web front, which calls the back end and uses the customers database.
    App1,
    /// The back end, which uses the orders database.
    App2,
}

/// Why an application does not come up.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Its properties cannot be read, or lack something.
    #[error("{file}: {reason}")]
    Settings {
        /// The properties file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The port is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The longest a handshake of TLS may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What an application answers: a status and a body that is JSON or HTML.
struct Answer {
    status: StatusCode,
    content_type: &'static str,
    /// One more header, when it is valid.
    header: Option<(HeaderName, HeaderValue)>,
    body: String,
}

impl Answer {
    fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self { status, content_type: "application/json", header: None, body: value.to_string() }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.header = HeaderValue::from_str(value).ok().map(|value| (name, value));
        self
    }

    fn not_found() -> Self {
        Self::json(StatusCode::NOT_FOUND, &serde_json::json!({ "error": "no such page" }))
    }
}

/// Serve until standard input ends.
///
/// # Errors
/// When the properties or the port are not to be had.
pub async fn serve(app: App, properties: &Path) -> Result<(), AppError> {
    let settings = Arc::new(Settings::read(properties)?);
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })?;
    let orphaned = async {
        let mut stdin = tokio::io::stdin();
        let mut ignored = [0; 64];
        while stdin.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        () = orphaned => Ok(()),
        () = accept(app, listener, settings) => Ok(()),
    }
}

async fn accept(app: App, listener: TcpListener, settings: Arc<Settings>) {
    if !settings.accepts {
        return std::future::pending().await;
    }
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: let some connections end first.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let settings = Arc::clone(&settings);
        tokio::spawn(async move { connection(app, stream, &settings).await });
    }
}

async fn connection(app: App, stream: TcpStream, settings: &Settings) {
    let Some(acceptor) = &settings.tls else { return converse(app, stream, settings).await };
    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(app, stream, settings).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

async fn converse(app: App, stream: impl AsyncRead + AsyncWrite + Unpin, settings: &Settings) {
    let service = service_fn(|request| answer(app, request, settings));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    app: App,
    request: Request<Incoming>,
    settings: &Settings,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = if request.method() == Method::GET {
        match app {
            App::App1 => web::answer(request.uri().path(), settings).await,
            App::App2 => back::answer(request.uri().path(), request.headers(), settings).await,
        }
    } else {
        let error = serde_json::json!({ "error": "only GET is served" });
        Answer::json(StatusCode::METHOD_NOT_ALLOWED, &error)
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response.headers_mut().extend(answer.header);
    Ok(response)
}
