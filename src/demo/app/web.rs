//! Application 1, the web front: a page, and pages that say what it sees of the systems it depends on.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::Answer;
use super::settings::Settings;

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
            body: format!(
                "<!doctype html><title>Shop</title><h1>Shop front</h1><p>{customers} customers</p>"
            ),
        },
        Err(words) => Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "database": words })),
    }
}

/// Really call the back end.
async fn back_end(settings: &Settings) -> Result<(), String> {
    let address = settings.back_end.as_deref().ok_or("app2.url is not configured")?;
    let asked = tokio::time::timeout(PATIENCE, ask(address)).await;
    asked
        .unwrap_or_else(|_| Err("it does not answer".to_owned()))
        .map_err(|words| format!("{address}: {words}"))
}

async fn ask(address: &str) -> Result<(), String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let background = tokio::spawn(connection);
    let request = Request::get("/status")
        .header(HOST, address)
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
