//! Application 2, the back end: it says who it is, whether it can read its orders, and lets Application 1 read them.

use hyper::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use super::Answer;
use super::settings::Settings;

const ORDERS: &str = "select count(*) from orders";

pub(super) async fn answer(path: &str, headers: &HeaderMap, settings: &Settings) -> Answer {
    match path.strip_prefix(settings.back.context.as_str()) {
        Some("/version") => {
            Answer::json(StatusCode::OK, &json!({ "name": "app2", "version": settings.version }))
        }
        Some("/status") => match settings.number(ORDERS).await {
            Ok(orders) => Answer::json(StatusCode::OK, &json!({ "database": "ok", "orders": orders })),
            Err(words) => Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "database": words })),
        },
        Some("/orders") => orders(headers, settings).await,
        Some(_) | None => Answer::not_found(),
    }
}

/// What Application 1 comes for.
async fn orders(headers: &HeaderMap, settings: &Settings) -> Answer {
    let back = &settings.back;
    tokio::time::sleep(back.delay).await;
    if back.maintenance {
        return Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "down for maintenance" }));
    }
    if let Some(page) = &back.login_page {
        return Answer::json(StatusCode::FOUND, &json!({})).with(LOCATION, page);
    }
    let shown = headers.get(AUTHORIZATION).map(hyper::header::HeaderValue::as_bytes);
    if back.authorization.as_ref().is_some_and(|wanted| shown != Some(wanted.as_bytes())) {
        return Answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "who are you?" }))
            .with(WWW_AUTHENTICATE, "Basic realm=\"app2\"");
    }
    match settings.number(ORDERS).await {
        Ok(orders) => {
            let answer = json!({ "application": "app2", "environment": back.environment, "orders": orders });
            Answer::json(StatusCode::OK, &answer)
        }
        Err(words) => {
            let error = format!("cannot read from database orders: {words}");
            Answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error }))
        }
    }
}
