//! Application 1, the web front: a page, and pages that say what it sees of the systems it depends on.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;

use super::Answer;
use super::settings::{BackEnd, Settings};

/// How long it waits for the back end.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the back end's answer it reads at most.
const LIMIT: usize = 64 * 1024;

pub(super) async fn answer(path: &str, settings: &Settings) -> Answer {
    match path {
        "/" => front(settings).await,
        "/version" => Answer::json(StatusCode::OK, &json!({ "name": "app1", "version": settings.version })),
        "/diagnostics/app2" => {
            // Diagnostics answer 200 and tell in the body, as many do: only a look into it shows the truth.
            let seen = back_end(settings).await;
            let word = seen.err().unwrap_or_else(|| "ok".to_owned());
            Answer::json(StatusCode::OK, &json!({ "app2": word }))
        }
        _ => Answer::not_found(),
    }
}

async fn front(settings: &Settings) -> Answer {
    match settings.number("select count(*) from customers").await {
        Ok(customers) => Answer {
            status: StatusCode::OK,
            content_type: "text/html; charset=utf-8",
            header: None,
            body: format!(
                "<!doctype html><title>Shop</title><h1>Shop front</h1><p>{customers} customers</p>"
            ),
        },
        Err(words) => Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "database": words })),
    }
}

/// Really call the back end.
async fn back_end(settings: &Settings) -> Result<(), String> {
    let place = settings.back_end.as_ref().ok_or("app2.url is not configured")?;
    let asked = tokio::time::timeout(PATIENCE, ask(place)).await;
    asked
        .unwrap_or_else(|_| Err("it does not answer".to_owned()))
        .map_err(|words| format!("{}:{}: {words}", place.host, place.port))
}

async fn ask(place: &BackEnd) -> Result<(), String> {
    let BackEnd { host, port, authorization, tls } = place;
    let refused = |error: std::io::Error| format!("cannot connect: {error}");
    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let stream = tls.connect(name, stream).await.map_err(refused)?;
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let background = tokio::spawn(connection);
    let request = Request::get("/orders")
        .header(HOST, format!("{host}:{port}"))
        .header(AUTHORIZATION, authorization)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(words)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LIMIT).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    background.abort();
    if status.is_success() {
        return Ok(());
    }
    Err(format!("it answers {status}: {}", String::from_utf8_lossy(&body)))
}
